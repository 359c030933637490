#!/usr/bin/env bash
# What the system refuses in the middle of a run: each a clear message and its exit status, and nothing that was
# finished is lost; --retries.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

cat > "$scratch/small.yaml" <<YAML
ssmq: 1
name: small
model: {path: $PWD/models/tiny-mamba}
calibration: {data: {file: $PWD/configs/data/pile-sample.jsonl.zst}, select: first, count: 4, length: 64, batch: 2}
mode: [float, fake]
recipe: $PWD/configs/recipes/naive.yaml
compare: {against: float}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 1024, limit: 6}
YAML
small=("$scratch/small.yaml")
run 0 run "${small[@]}" --out "$scratch/whole"
float=$(basename "$(dirname "$(grep -l '"name": "float"' "$scratch"/whole/small/*/status.json)")")
fake=$(basename "$(dirname "$(grep -l '"name": "fake' "$scratch"/whole/small/*/status.json)")")

# same DIR: it has the results of the run that nothing came in the way of
same() {
    local file
    for file in "$scratch"/whole/small/{sweep.h5,sweep.csv,*/run.h5,*/summary.json}; do
        cmp "$file" "$1/${file#"$scratch/whole/"}" || fail "$1: $file differs"
    done
}

# ---- no room, at every size that a file may come to ---------------------------------------

# A file may have so many blocks of 1 KiB: what is larger fails as on a full disk.
room="$scratch/room"
failed_in_journal=0 failed_in_results=0
for blocks in 8 16 24 40 64 128 1024 8192; do
    status=0
    (
        trap '' XFSZ
        ulimit -f "$blocks"
        exec "$SSMQ" run "${small[@]}" --out "$room"
    ) > "$scratch/out" 2> "$scratch/err" || status=$?
    err=$(cat "$scratch/err")
    command_line="with files of at most $blocks KiB"
    [ "$status" -eq 0 ] && break
    [[ $status -eq 5 || $status -eq 1 ]] || fail "$command_line: status $status: $err"
    expect_in_err "File too large"
    grep -q "journal.bin: File too large" <<< "$err" && failed_in_journal=$((failed_in_journal + 1))
    grep -q "run.h5" <<< "$err" && failed_in_results=$((failed_in_results + 1))
    [ -z "$(find "$room" -name lease)" ] || fail "$command_line: a lease is left"
done
[ "$status" -eq 0 ] || fail "no room was enough: $err"
[ "$failed_in_journal" -gt 0 ] || fail "the journal never failed"
[ "$failed_in_results" -gt 0 ] || echo "run.h5 never failed"
run 0 run "${small[@]}" --out "$room"
same "$room"
# What was computed while there was room was computed once.
for journal in "$room"/small/*/journal.jsonl; do
    twice=$(grep -o '"stage": "[^"]*", "piece": [0-9-]*, "tag": "[^"]*"' "$journal" | sort | uniq -d)
    [ -z "$twice" ] || fail "computed twice, $journal: $twice"
done

# ---- a directory that cannot be made; tried again ------------------------------------------

mkdir -p "$scratch/file/small"
: > "$scratch/file/small/$fake"
run 1 run "${small[@]}" --out "$scratch/file"
expect_in_err "$scratch/file/small/$fake"
expect_in_err "exists and is not a directory"
[[ $err != *"trying again"* ]] || fail "tried again without being asked: $err"
run 1 run "${small[@]}" --out "$scratch/file" --retries 2
expect_in_err "[1/2] float: finished before, not run again"
expect_in_err "trying again, 1 of 2"
expect_in_err "trying again, 2 of 2"
rm "$scratch/file/small/$fake"
run 0 run "${small[@]}" --out "$scratch/file"
same "$scratch/file"

# A configuration is wrong every time.
run 3 run "${small[@]}" --out "$scratch/config" --retries 2 --set recipe.bits=8
[[ $err != *"trying again"* ]] || fail "a wrong configuration was tried again: $err"

# ---- a directory that may only be read ------------------------------------------------------

# Root may write everywhere, so that it needs to be somebody else.
other=()
[ "$(id -u)" -eq 0 ] && other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
chmod -R a+rX "$scratch"
if "${other[@]}" "$SSMQ" check "${small[@]}" > /dev/null 2>&1; then
    cp -r "$scratch/whole" "$scratch/readonly"
    rm -r "$scratch/readonly/small/$fake"
    chmod -R a-w "$scratch/readonly"
    status=0
    "${other[@]}" "$SSMQ" run "${small[@]}" --out "$scratch/readonly" > "$scratch/out" 2> "$scratch/err" || status=$?
    err=$(cat "$scratch/err") command_line="in a directory that may only be read"
    [ "$status" -eq 5 ] || fail "$command_line: status $status: $err"
    expect_in_err "$scratch/readonly/small: cannot be written into: Permission denied"
    chmod -R u+w "$scratch/readonly"
    run 0 run "${small[@]}" --out "$scratch/readonly"
    same "$scratch/readonly"
else
    echo "skipped: directories that may only be read: no other user may run $SSMQ"
fi

# ---- another process on the same sweep ------------------------------------------------------

# The first one is held in the middle of the float run; others do what is left, and say who is at that one: it has
# not failed.
held="process [0-9]+ on host [^ ]+ is writing here, heard [0-9]+ s ago"
"$SSMQ" run "${small[@]}" --out "$scratch/two" > "$scratch/out1" 2>&1 &
first=$!
until [ -e "$scratch/two/small/$float/lease" ] || ! kill -0 "$first" 2> /dev/null; do sleep 0.01; done
kill -STOP "$first"
run 75 run "${small[@]}" --out "$scratch/two" --max-failures 1
expect_in_err "[1/2] float: held by another process: $scratch/two/small/$float/lease: process $first on host $(hostname) is writing here, heard "
expect_in_err "ssmq: error: 1 of 2 runs is held by another process, 1 is finished; float: $scratch/two/small/$float/lease: process $first on"
grep -Eq "^float +$float +running " <<< "$out" || fail "the table: $out"
grep -Eq "^float: .*lease: $held\$" <<< "$out" || fail "the table's reasons: $out"
[ -e "$scratch/two/small/$fake/run.h5" ] || fail "the second process left the other run alone"
run 75 run "${small[@]}" --out "$scratch/two" --format json
[ "$(python3 -c 'import json, sys; print([(r["status"], "process" in r.get("reason", "")) for r in json.load(sys.stdin)["runs"]])' <<< "$out")" = \
    "[('running', True), ('done', False)]" ] || fail "$command_line: $out"
run 75 run "${small[@]}" --out "$scratch/two" --only "$float" --retries 3
[[ $err =~ "ssmq: error: float: "[^:]*"/lease: "$held ]] || fail "$command_line: $err"
[[ $err != *"trying again"* ]] || fail "$command_line: $err"
rm -r "$scratch/two/small/$fake"
run 75 run "${small[@]}" --out "$scratch/two" --workers 2
expect_in_err "float: held by another process: $scratch/two/small/$float/lease: process $first on host"
expect_in_err "1 of 2 runs is held by another process, 1 is finished; float: "
# A run that failed is more than one that is held.
rm -r "$scratch/two/small/$fake" && : > "$scratch/two/small/$fake"
run 1 run "${small[@]}" --out "$scratch/two"
expect_in_err "ssmq: error: 1 of 2 runs failed; fake"
rm "$scratch/two/small/$fake"
kill -CONT "$first"
wait "$first" || fail "the first process: $(cat "$scratch/out1")"
same "$scratch/two"

# Who is at it when the second one comes there, and through by the time that the others are: taken from there.
# comes_to ID PROCESS: it is at that run, and is stopped there
comes_to() {
    until [ -e "$scratch/both/small/$1/lease" ] || ! kill -0 "$2" 2> /dev/null; do sleep 0.01; done
    kill -STOP "$2"
}
"$SSMQ" run "${small[@]}" --out "$scratch/both" --only "$float" > "$scratch/out1" 2>&1 &
first=$!
comes_to "$float" "$first"
"$SSMQ" run "${small[@]}" --out "$scratch/both" > "$scratch/out2" 2> "$scratch/err" &
second=$!
comes_to "$fake" "$second"
kill -CONT "$first"
wait "$first" || fail "the first process: $(cat "$scratch/out1")"
kill -CONT "$second"
wait "$second" || fail "the second process: $(cat "$scratch/err")"
grep -qF "[1/2] float: finished before, not run again" "$scratch/err" || fail "the second process: $(cat "$scratch/err")"
same "$scratch/both"

# ---- damaged on the way ----------------------------------------------------------------------

# interrupted DIR: a copy of a run that was killed after some windows
"$SSMQ" run "${small[@]}" --out "$scratch/killed" > "$scratch/out" 2>&1 &
victim=$!
for _ in $(seq 600); do
    grep -qs '"piece": 2, ' "$scratch/killed/small/$fake/journal.jsonl" && break
    sleep 0.02
done
kill -KILL "$victim"
wait "$victim" 2> /dev/null
# A killed process has no say in when: in the rare case that it was through, there is nothing to damage.
if ! grep -q '"event": "done"' "$scratch/killed/small/$fake/journal.jsonl"; then
    cp -r "$scratch/killed" "$scratch/torn"
    truncate -s -5 "$scratch/torn/small/$fake/journal.jsonl"
    run 0 run "${small[@]}" --out "$scratch/torn"
    [[ $err != *damaged* ]] || fail "a torn line was taken for damage: $err"
    same "$scratch/torn"

    cp -r "$scratch/killed" "$scratch/line"
    sed -i '/"piece": 1, /s/"piece": 1, /"piece": 4, /' "$scratch/line/small/$fake/journal.jsonl"
    run 0 run "${small[@]}" --out "$scratch/line"
    expect_in_err "a damaged journal; what it tells from there on is computed again"
    same "$scratch/line"

    cp -r "$scratch/killed" "$scratch/bytes"
    printf '\xa5\xa5\xa5' | dd of="$scratch/bytes/small/$fake/journal.bin" bs=1 seek=1000 conv=notrunc status=none
    run 0 run "${small[@]}" --out "$scratch/bytes"
    expect_in_err "a damaged journal; what it tells from there on is computed again"
    same "$scratch/bytes"

    # Another build: of a commit that was changed, or of no commit, the program's own sum tells.
    if "$SSMQ" --version | grep 'commit .*\(local changes\|unknown\)' > /dev/null; then
        cp -r "$scratch/killed" "$scratch/build"
        cp "$SSMQ" "$scratch/other-build"
        printf x >> "$scratch/other-build" # behind what is loaded
        "$scratch/other-build" run "${small[@]}" --out "$scratch/build" > "$scratch/out" 2> "$scratch/err" || fail "another build"
        grep -q "a journal of another run, code or processor; computing anew" "$scratch/err" ||
            fail "another build takes the journal: $(cat "$scratch/err")"
        same "$scratch/build"
    else
        echo "skipped: journals of two changed builds: this one is of a commit as it is"
    fi

    cp -r "$scratch/killed" "$scratch/older"
    sed -i '1s/numerics [0-9]*/numerics 0/' "$scratch/older/small/$fake/journal.jsonl"
    run 0 run "${small[@]}" --out "$scratch/older"
    expect_in_err "a journal of another run, code or processor; computing anew"
    same "$scratch/older"
fi

# Results of a finished run that are no HDF5 file any more are made again, and the others are not touched.
cp -r "$scratch/whole" "$scratch/damaged"
truncate -s 1000 "$scratch/damaged/small/$fake/run.h5"
run 0 run "${small[@]}" --out "$scratch/damaged"
expect_in_err "stored results are damaged; running again"
expect_in_err "[1/2] float: finished before, not run again"
same "$scratch/damaged"

finish
