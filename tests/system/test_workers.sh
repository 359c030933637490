#!/usr/bin/env bash
# A sweep in several processes: the bytes of one process, whatever their number; a crash ends one run only; a
# snapshot is what was asked for, whatever is edited meanwhile.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

root=$PWD
cat > "$scratch/sweep.yaml" << YAML
ssmq: 1
name: swept
model: {path: $root/models/tiny-mamba}
calibration: {data: {file: $root/configs/data/pile-sample.jsonl.zst}, select: first, count: 2, length: 64}
mode: [float, fake]
recipe:
  - {id: w, method: weights}
  - {id: a, method: activations}
  - {id: u, method: activations, sites: "layers.*.scan.x", observer: {statistic: quantile, p: 99, across: ema}}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 64, limit: 4}
sweep:
  axes:
    bits: {recipe.w.bits: [8, 4]}
    p: {recipe.u.observer.p: [99, 99.9]}
YAML

# same A B: what runs and sweeps left in two folders has equal bytes
same() {
    local file n=0
    for file in "$1"/swept/*/{run.h5,summary.json} "$1"/swept/sweep.*; do
        cmp -s "$file" "$2/${file#"$1/"}" || fail "$command_line: $file differs in $2"
        n=$((n + 1))
    done
    [ "$n" -eq 13 ] || fail "$n files in $1, not 13"
}

# ---- any number of processes --------------------------------------------------------------

run 0 run "$scratch/sweep.yaml" --out "$scratch/one"
table=$out
for n in 1 2 7; do
    run 0 run "$scratch/sweep.yaml" --out "$scratch/workers$n" --workers "$n"
    expect_out "$table"
    same "$scratch/one" "$scratch/workers$n"
done
first=$(grep -m2 "^\[" <<< "$err")
[ "$first" = $'[1/5] float: started\n'"$(grep -m1 '^\[1/5\] float: done, wt2 ppl' <<< "$err")" ] ||
    fail "a quantised run did not wait for float: $err"
[ "$(grep -c ': done, wt2 ppl [0-9.]*$' <<< "$err")" -eq 5 ] || fail "results did not arrive one by one: $err"
run 0 run "$scratch/sweep.yaml" --out "$scratch/one" --workers 2
[ "$(grep -c 'finished before, not run again' <<< "$err")" -eq 5 ] || fail "a second run ran something: $err"
run 0 run "$scratch/sweep.yaml" --out "$scratch/anew" --workers 2 --no-cache
same "$scratch/one" "$scratch/anew"
[ -e "$scratch/anew/.ssmq-cache" ] && fail "--no-cache left a cache"

# No two of them run the same calibration pass: the one is told that it waits, or finds it filed.
run 0 run "$scratch/sweep.yaml" --out "$scratch/passes" --workers 2 --set calibration.count=16
passes=$(find "$scratch/passes/.ssmq-cache/calibration" -name '*.h5' | wc -l)
ran=$(cat "$scratch"/passes/swept/*/log.txt | grep -c 'samples run')
[ "$ran" -eq "$passes" ] || fail "$ran passes were run for $passes that there are"
[ -z "$(find "$scratch/passes/.ssmq-cache" -name '*.lease')" ] || fail "a lease of the cache was left"

# A process has its part of the processors for its threads, unless the experiment says how many.
cores=$(nproc)
run 0 run "$scratch/sweep.yaml" --out "$scratch/all" --workers "$cores" --set 'sweep={}'
grep -q '"threads": 1,' "$scratch"/all/swept/*/manifest.json || fail "a worker of $cores has other than 1 thread"
run 0 run "$scratch/sweep.yaml" --out "$scratch/threads" --workers "$cores" --set run.threads=2 --set 'sweep={}'
grep -q '"threads": 2,' "$scratch"/threads/swept/*/manifest.json || fail "run.threads was not heeded"
status=0
taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')" "$SSMQ" run "$scratch/sweep.yaml" --out "$scratch/narrow" --workers 3 \
    > "$scratch/out" 2>&1 || status=$?
[ "$status" -eq 0 ] || fail "fewer processors than workers: $(cat "$scratch/out")"
grep -q 'fewer workers than asked for.* workers=1 asked=3' "$scratch/out" || fail "not told of fewer workers: $(cat "$scratch/out")"
same "$scratch/one" "$scratch/narrow"

# With the float model beside each of them, quantised runs need not wait; nor does a result depend on it.
compare='compare={against: float, metrics: [kl]}'
run 0 run "$scratch/sweep.yaml" --out "$scratch/one-compared" --set "$compare"
run 0 run "$scratch/sweep.yaml" --out "$scratch/compared" --set "$compare" --workers 2
same "$scratch/one-compared" "$scratch/compared"

# ---- what goes wrong ----------------------------------------------------------------------

# A long sweep, and the process of one of its runs.
longer=(--set evaluate.wt2.window=1024 --set evaluate.wt2.limit=12)
run 0 check "$scratch/sweep.yaml" "${longer[@]}"
victim=$(sed -n 's/^#   \([0-9a-f]*\)  fake bits=8 p=99.9$/\1/p' <<< "$out")

# crash SIGNAL STATUS: in the process of that run, once it is under way; with that status of the whole
crash() {
    local pid="" status=0 ours
    "$SSMQ" run "$scratch/sweep.yaml" "${longer[@]}" --out "$scratch/crashed" --workers 2 > "$scratch/out" 2> "$scratch/err" &
    ours=$!
    until [ -n "$pid" ] && [ -e "$scratch/crashed/swept/$victim/lease" ] || ! kill -0 "$ours" 2> /dev/null; do
        pid=$(pgrep -P "$ours" -f -- "--only $victim") || sleep 0.02
    done
    kill "-$1" "$pid"
    wait "$ours" || status=$?
    out=$(cat "$scratch/out") err=$(cat "$scratch/err") command_line="a worker ended by $1"
    [ "$status" -eq "$2" ] || fail "$command_line: status $status, not $2: $err"
}
for signal in SEGV KILL; do
    crash "$signal" 1
    expect_in_err "fake bits=8 p=99.9: failed: its process was ended by SIG$signal"
    expect_in_err "ssmq: error: 1 of 5 runs failed; fake bits=8 p=99.9: its process was ended by SIG$signal"
    [ "$(grep -c ' done ' <<< "$out")" -eq 4 ] || fail "$command_line: others did not end: $out"
    grep -q '"status": "failed"' "$scratch/crashed/swept/$victim/status.json" || fail "$command_line: not recorded as failed"
done
expect_in_err "as the system does where memory runs out"
run 0 run "$scratch/sweep.yaml" "${longer[@]}" --out "$scratch/crashed" --workers 2
[ "$(grep -c 'finished before' <<< "$err")" -eq 4 ] || fail "after a crash other than one run was run again: $err"
run 0 run "$scratch/sweep.yaml" "${longer[@]}" --out "$scratch/whole"
same "$scratch/whole" "$scratch/crashed"

# With --retries a crash is only a pause.
rm -rf "$scratch/crashed"
longer+=(--retries 1)
crash SEGV 0
unset 'longer[-1]' 'longer[-1]'
expect_in_err "failed: its process was ended by SIGSEGV (Segmentation fault); trying again, 1 of 1"
same "$scratch/whole" "$scratch/crashed"

# A signal goes to all of them; the same command goes on from there.  None outlives the one that started it.
# begin DIR: the long sweep in the background, until two of its runs are under way
begin() {
    env --default-signal=INT "$SSMQ" run "$scratch/sweep.yaml" "${longer[@]}" --out "$1" --workers 2 \
        > "$scratch/out" 2> "$scratch/err" &
    ours=$!
    until [ "$(grep -l '"stage": "wt2"' "$1"/swept/*/status.json 2> /dev/null | wc -l)" -eq 2 ] ||
        ! kill -0 "$ours" 2> /dev/null; do sleep 0.02; done
}
for signal in INT TERM USR1; do
    begin "$scratch/stopped"
    kill "-$signal" "$ours"
    status=0
    wait "$ours" || status=$?
    out=$(cat "$scratch/out") err=$(cat "$scratch/err") command_line="workers at $signal"
    [ "$status" -eq 75 ] || fail "$command_line: status $status, not 75: $err"
    expect_in_err "stopped by SIG$signal: wt2, after "
    expect_in_err 'the same command goes on from here'
    pgrep -f -- "--out $scratch/stopped" && fail "$command_line: a worker is left"
done
run 0 run "$scratch/sweep.yaml" "${longer[@]}" --out "$scratch/stopped" --workers 2
same "$scratch/whole" "$scratch/stopped"
begin "$scratch/orphans"
kill -KILL "$ours"
wait "$ours" 2> /dev/null
for _ in $(seq 200); do
    pgrep -f -- "--out $scratch/orphans" > /dev/null || break
    sleep 0.05
done
pgrep -f -- "--out $scratch/orphans" && fail "workers outlive the one that started them"

# A run that fails has its own reason; no further ones are started after so many.
overflowing_model "$scratch/broken"
run 1 run "$scratch/sweep.yaml" --out "$scratch/failing" --set "model.path=$scratch/broken"
reasons=$(grep ': failed: ' <<< "$err" | sort)
run 1 run "$scratch/sweep.yaml" --out "$scratch/failing2" --set "model.path=$scratch/broken" --workers 2
[ "$(grep ': failed: ' <<< "$err" | sort)" = "$reasons" ] || fail "other reasons in workers: $err, not $reasons"
run 1 run "$scratch/sweep.yaml" --out "$scratch/failing3" --set "model.path=$scratch/broken" --workers 2 --fail-fast
expect_in_err "4 runs were not started: enough have failed"

# ---- a snapshot ---------------------------------------------------------------------------

cp "$scratch/sweep.yaml" "$scratch/edited.yaml"
run 0 run "$scratch/edited.yaml" --out "$scratch/edited" --workers 1 --set evaluate.wt2.limit=2
snapshot=$(echo "$scratch"/edited/swept/snapshot/*.json)
echo 'nonsense' >> "$scratch/edited.yaml"
run 0 run "$snapshot" --out "$scratch/again" --workers 2
for file in "$scratch"/edited/swept/*/run.h5; do
    cmp -s "$file" "$scratch/again/${file#"$scratch/edited/"}" || fail "$file differs where a snapshot is run"
done
grep -q nonsense "$scratch"/again/swept/*/source/edited.yaml && fail "a file was read that the snapshot holds"
refuse 2 "$snapshot: nothing of a snapshot can be set" run "$snapshot" --set name=x
cp -r models/tiny-mamba "$scratch/model"
run 0 run "$scratch/sweep.yaml" --out "$scratch/inputs" --workers 1 --set "model.path=$scratch/model" --set 'sweep={}'
snapshot=$(echo "$scratch"/inputs/swept/snapshot/*.json)
# A file that is still the one that was summed is not read for its sum again; one that was only touched is.
sed '/"path": ".*config.json"/,/"mark"/ s/"digest": "sha256:..../"digest": "sha256:0000/' "$snapshot" > "$scratch/known.json"
refuse 4 "$scratch/known.json: this program gives the runs other ids than the one that took this snapshot; take it anew" \
    run "$scratch/known.json" --out "$scratch/inputs"
touch "$scratch/model/config.json"
refuse 4 "$scratch/model/config.json has changed since $scratch/known.json was taken" \
    run "$scratch/known.json" --out "$scratch/inputs"
run 0 run "$snapshot" --out "$scratch/inputs"
cp "$scratch/broken/model.safetensors" "$scratch/model/"
refuse 4 "$scratch/model/model.safetensors has changed since $snapshot was taken" run "$snapshot" --out "$scratch/inputs"
printf '{\n  "kind": "ssmq-snapshot-1"' > "$scratch/cut.json"
run 4 run "$scratch/cut.json"
printf '{\n  "kind": "ssmq-snapshot-1"}' > "$scratch/empty.json"
refuse 4 "$scratch/empty.json: is no snapshot of an experiment (ssmq-snapshot-1)" run "$scratch/empty.json"

# ---- collecting what others did -----------------------------------------------------------

ids=$("$SSMQ" check "$scratch/sweep.yaml" | sed -n 's/^#   \([0-9a-f]*\)  .*/\1/p')
for id in $ids; do
    run 75 run "$scratch/sweep.yaml" --out "$scratch/parts" --collect-only
    run 0 run "$scratch/sweep.yaml" --out "$scratch/parts" --only "$id" --no-collect
done
expect_in_err "results in"
grep -q "^$id,.*,queued," "$scratch/parts/swept/sweep.csv" || fail "--no-collect collected"
run 0 run "$scratch/sweep.yaml" --out "$scratch/parts" --collect-only
expect_out "$table"
same "$scratch/one" "$scratch/parts"
run 1 run "$scratch/sweep.yaml" --out "$scratch/failing" --set "model.path=$scratch/broken" --collect-only
expect_in_err "5 of 5 runs failed"

finish
