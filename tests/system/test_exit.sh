#!/usr/bin/env bash
# Every exit status of the manual page, caused one by one; results on standard output and nothing else there.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

root=$PWD
runs="$scratch/runs"
cat > "$scratch/e.yaml" <<YAML
ssmq: 1
name: exits
model: {path: $root/models/tiny-mamba}
mode: [float, fake]
recipe: [{id: w, method: weights}]
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 64, limit: 2}
YAML
all=""

# status N ARG...: ends so, and is one of those that were caused
status() {
    all="$all $1"
    run "$@"
}

# What the program says of itself is what is tested below.
listed=$("$SSMQ" --help | sed -n '/^exit status:/,$s/^  \([0-9][0-9+n]*\) .*/\1/p' | tr '\n' ' ')
[ "$listed" = "0 1 2 3 4 5 6 7 75 128+n " ] || fail "--help lists the statuses $listed"

# 0: all good, in any order of the command line; -- ends the options.
status 0 run "$scratch/e.yaml" --out "$runs" --format json
python3 -c 'import json, sys; json.load(sys.stdin)' < "$scratch/out" || fail "$command_line: stdout is no JSON"
cp "$scratch/out" "$scratch/first"
run 0 run --format json --out "$runs" "$scratch/e.yaml"
cmp -s "$scratch/out" "$scratch/first" || fail "another order of arguments gives another result"
run 0 run --format=json "--out=$runs" -- "$scratch/e.yaml"
cmp -s "$scratch/out" "$scratch/first" || fail "-- gives another result"
cp "$scratch/e.yaml" "$scratch/--format"
(cd "$scratch" && "$SSMQ" check -- --format > /dev/null) || fail "-- does not end the options"

# 1: one of several runs failed.  Where a run's folder should be there is a file.
id=$("$SSMQ" check "$scratch/e.yaml" | sed -n 's/^#   \([0-9a-f]*\)  fake$/\1/p')
mkdir -p "$scratch/blocked/exits"
echo > "$scratch/blocked/exits/$id"
status 1 run "$scratch/e.yaml" --out "$scratch/blocked"
expect_in_err "1 of 2 runs failed"

# 2: usage.  A flag stands once, and is written out.
status 2 run
expect_out ""
refuse 2 "option '--format' stands more than once" run "$scratch/e.yaml" --format json --format text
refuse 2 "option '--out' stands more than once" run --out a "$scratch/e.yaml" --out=b
run 2 run "$scratch/e.yaml" --forma json
expect_out ""
expect_in_err "unknown option '--forma'"

# 3: configuration; also what is valid and not offered.
status 3 run "$scratch/e.yaml" --set run.sede=1 --format json
expect_out ""
expect_in_err "[E203]"
run 3 run "$scratch/e.yaml" --set mode=real --set recipe.w.bits=12
expect_in_err "[E530]"

# 4: an input is missing or malformed.
status 4 run "$scratch/nowhere.yaml"
expect_out ""
run 4 run "$scratch/e.yaml" --set model.path="$scratch/nowhere"
head -c 1000 models/tiny-mamba/tokenizer.json > "$scratch/half.json"
run 4 run "$scratch/e.yaml" --set model.tokenizer="$scratch/half.json"
expect_in_err "[E504]"

# 5: the environment.  A file stands where the folder of results should be; standard output is full.
echo > "$scratch/file"
status 5 run "$scratch/e.yaml" --out "$scratch/file"
expect_out ""
"$SSMQ" list methods > /dev/full 2> "$scratch/err"
[ $? -eq 5 ] || fail "a full standard output is no 5"

# 6: a gate.
status 6 compare "$runs/exits" --gate "ppl<=-50%"
expect_in_out "fake"

# 7: stored results are damaged.
cp -r "$runs/exits/$id" "$scratch/damaged"
printf 'x' | dd of="$scratch/damaged/run.h5" bs=1 seek=2000 conv=notrunc 2> /dev/null
status 7 verify "$scratch/damaged"

# 75: stopped early; the same command goes on.  128 + n: ended by signal n, as by one that cannot be caught.
begin() {
    env --default-signal=INT "$SSMQ" run "$scratch/e.yaml" --out "$scratch/$1" --set evaluate.wt2.limit=2000 --set mode=float \
        > "$scratch/out" 2> "$scratch/err" < /dev/null &
    victim=$!
    for _ in $(seq 600); do
        grep -qs '"stage": "wt2"' "$scratch/$1"/exits/*/status.json && return
        sleep 0.05
    done
    fail "no run came to its evaluation"
}
begin stopped
kill -TERM "$victim"
wait "$victim"
[ $? -eq 75 ] || fail "TERM gives another status than 75: $(cat "$scratch/err")"
begin killed
kill -KILL "$victim"
wait "$victim" 2> /dev/null
[ $? -eq 137 ] || fail "KILL gives another status than 137"
all="$all 75 128+n"
[ "$all " = " $listed" ] || fail "tested were$all, listed are $listed"

# ---- the environment --------------------------------------------------------------------------------

# environment FOLDER: what the manifest of the float run there says took effect
environment() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["moment"]["environment"])' "$1"/exits/*/manifest.json
}
export SSMQ_RUNS="$scratch/by-variable" SSMQ_CACHE="$scratch/shared" SSMQ_LOG=error
run 0 run "$scratch/e.yaml" --set mode=float
[ -d "$SSMQ_CACHE" ] || fail "SSMQ_CACHE had no effect"
[ "$(environment "$SSMQ_RUNS")" = "{'SSMQ_RUNS': '$SSMQ_RUNS', 'SSMQ_LOG': 'error', 'SSMQ_CACHE': '$SSMQ_CACHE'}" ] ||
    fail "the manifest names $(environment "$SSMQ_RUNS")"
# A flag counts for more than a variable, which then had no effect.
run 0 run "$scratch/e.yaml" --set mode=float --out "$scratch/by-flag" --no-cache
[ "$(environment "$scratch/by-flag")" = "{'SSMQ_LOG': 'error'}" ] ||
    fail "the manifest names $(environment "$scratch/by-flag")"
unset SSMQ_RUNS SSMQ_CACHE SSMQ_LOG
finish
