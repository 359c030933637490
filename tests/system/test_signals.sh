#!/usr/bin/env bash
# A signal that asks ssmq run to end: it ends after the window, with status 75 and everything said; the same
# command goes on.  (A second signal: tests/unit/test_interrupt.c.)  Other commands react to signals as any program does.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

# windows N LENGTH LIMIT: the setting that evaluates so much of the text
windows() {
    echo "evaluate=[{id: wt2, task: perplexity, data: {file: configs/data/wiki.test.raw}, dialect: gptq, window: $1, limit: $2}]"
}

# begin ARG...: ssmq run in the background, with the signals that a script's background processes ignore
begin() {
    env --default-signal=INT "$SSMQ" run "$@" > "$scratch/out" 2> "$scratch/err" < /dev/null &
    victim=$!
    command_line="ssmq run $*"
}

# until_stage DIR STAGE: waits until a run in it says that it is at that stage
until_stage() {
    for _ in $(seq 600); do
        grep -qs "\"stage\": \"$2\"" "$1"/*/status.json && return
        sleep 0.05
    done
    fail "$command_line: no run came to the stage '$2'"
}

# ended STATUS: the one in the background has ended so; what it wrote is in $out and $err
ended() {
    local status=0
    wait "$victim" || status=$?
    out=$(cat "$scratch/out")
    err=$(cat "$scratch/err")
    [ "$status" -eq "$1" ] || fail "$command_line: status $status, not $1; stderr: $err"
}

status_of() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(d["status"], "|", d["reason"])' "$1"; }

quick=(experiments/quickstart.yaml --set calibration.count=2 --set calibration.length=64)
dir="$scratch/runs/quickstart"

# ---- one signal: after the window, with everything given back ---------------------------

for signal in INT TERM USR1; do
    rm -rf "$dir"
    begin "${quick[@]}" --set "$(windows 1024 100)" --out "$scratch/runs"
    until_stage "$dir" wt2
    kill -"$signal" "$victim"
    ended 75
    expect_in_err "ssmq: error: stopped by SIG$signal: 0 of 3 runs are finished; the same command goes on from here"
    expect_in_err "2 runs were not started"
    expect_in_err "float: stopped by SIG$signal: wt2, after "
    expect_in_out "stopped"
    [ "$(find "$dir" -name status.json | wc -l)" -eq 1 ] || fail "runs were begun after $signal"
    [[ $(status_of "$(echo "$dir"/*/status.json)") == "stopped | stopped by SIG$signal: wt2, after "*" windows" ]] ||
        fail "after $signal: $(status_of "$(echo "$dir"/*/status.json)")"
    [ -z "$(find "$dir" -name lease -o -name '*.part' -o -name summary.json)" ] || fail "after $signal: $(find "$dir")"
done

run 0 status "$dir"
expect_in_out "3 runs: 2 queued, 1 stopped"

# ---- while it calibrates ----------------------------------------------------------------

rm -rf "$dir"
begin experiments/quickstart.yaml --set mode=fake --set calibration.batch=1 --set "$(windows 128 2)" \
    --set calibration.count=64 --out "$scratch/runs" --no-cache
until_stage "$dir" calibrating
kill -TERM "$victim"
ended 75
[[ $(status_of "$(echo "$dir"/*/status.json)") == "stopped | stopped by SIGTERM: calibrating, after "*" samples" ]] ||
    fail "calibrating: $(cat "$dir"/*/status.json)"

# ---- and goes on with the samples that are left ------------------------------------------

cat > "$scratch/samples.yaml" <<YAML
ssmq: 1
name: samples
model: {path: $PWD/models/tiny-mamba}
calibration: {data: {file: $PWD/configs/data/pile-sample.jsonl.zst}, select: first, count: 64, length: 256, batch: 2}
mode: fake
recipe:
  - {id: s, method: smoothquant, alpha: 0.5}
  - {id: w, method: gptq, bits: 4, sites: "layers.1.{in,out}_proj.weight"}
  - {id: a, method: activations, bits: 8, scope: tensor, symmetric: false, observer: {statistic: mse, across: ema}}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 128, limit: 1}
YAML
run 0 run "$scratch/samples.yaml" --out "$scratch/whole-samples"
dir="$scratch/runs/samples"
pieces() { cat "$dir"/*/journal.jsonl 2> /dev/null | grep -c '"stage": "'"$1"; }
# Twice: among the samples of the first pass (channels), and among those of the last.  Without a cache, what a pass
# gave before the signal is in the journal alone.
for cache in --cache --no-cache; do
    rm -rf "$dir"
    for most in 3 70; do
        begin "$scratch/samples.yaml" --out "$scratch/runs" "$cache"
        for _ in $(seq 600); do
            [ "$(pieces calibrating)" -gt $most ] && break
            sleep 0.02
        done
        kill -TERM "$victim"
        ended 75
    done
    done=$(pieces calibrating)
    if [ "$done" -le 64 ] || [ "$done" -ge 128 ]; then fail "stopped after $done samples"; fi
    [ "$(pieces 'step 1 of the recipe')" -eq 1 ] || fail "the layer that was solved is not in the journal"
    run 0 run "$scratch/samples.yaml" --out "$scratch/runs" "$cache"
    [ "$(pieces calibrating)" -eq 128 ] || fail "two passes of 64 samples came to $(pieces calibrating) pieces"
    [ "$(pieces 'step 1 of the recipe')" -eq 1 ] || fail "a layer was solved twice"
    for file in "$scratch"/whole-samples/samples/*/{run.h5,summary.json}; do
        cmp "$file" "$scratch/runs/${file#"$scratch/whole-samples/"}" || fail "$file differs"
    done
done
dir="$scratch/runs/quickstart"

# ---- it goes on, and what it leaves is what it would have left ---------------------------

small=("${quick[@]}" --set "$(windows 256 4)")
rm -rf "$dir"
run 0 run "${small[@]}" --out "$scratch/whole"
begin "${small[@]}" --out "$scratch/runs"
until_stage "$dir" wt2
kill -TERM "$victim" # perhaps in the last window of the last run
wait "$victim"
run 0 run "${small[@]}" --out "$scratch/runs"
for file in "$scratch"/whole/quickstart/{sweep.json,sweep.h5,sweep.csv,*/run.h5,*/summary.json}; do
    cmp "$file" "$scratch/runs/${file#"$scratch/whole/"}" || fail "$file differs after a signal"
done
[ -z "$(find "$scratch/runs" -name lease -o -name '*.part')" ] || fail "something was left behind"

# ---- while it measures times -------------------------------------------------------------

cat > "$scratch/speed.yaml" <<YAML
ssmq: 1
name: speed
model: {path: $PWD/models/tiny-mamba}
mode: float
evaluate: [{id: speed, task: profile, prompt: 64, generate: 4, repeat: 20000, warmup: 1}]
YAML
begin "$scratch/speed.yaml" --out "$scratch/runs"
until_stage "$scratch/runs/speed" speed
kill -TERM "$victim"
ended 75
[[ $(status_of "$(echo "$scratch"/runs/speed/*/status.json)") == "stopped | stopped by SIGTERM: speed, after "*" repetitions" ]] ||
    fail "times: $(cat "$scratch"/runs/speed/*/status.json)"
[ -z "$(find "$scratch"/runs/speed/*/ -name '*.h5' -o -name lease)" ] || fail "times: $(find "$scratch/runs/speed")"

env --default-signal=INT "$SSMQ" profile --model models/tiny-mamba --prompt 64 --generate 4 --repeat 100000 --out "$scratch/times.h5" \
    > "$scratch/out" 2> "$scratch/err" < /dev/null &
victim=$!
command_line="ssmq profile"
for _ in $(seq 600); do # it catches signals from its first line on; so does the shell that becomes it
    [ "$(cat "/proc/$victim/comm")" = "$(basename "$SSMQ")" ] && grep -q '^SigCgt:.*[2367abef]$' "/proc/$victim/status" && break
    sleep 0.02
done
kill -INT "$victim"
ended 75
expect_out ""
expect_err "ssmq: error: stopped by SIGINT: nothing was kept; the same command starts over"
[ -e "$scratch/times.h5" ] && fail "a file of times that were not measured"

# ---- other commands ---------------------------------------------------------------------

"$SSMQ" generate --model models/tiny-mamba --prompt 'The' --generate 1000000 > "$scratch/out" 2> "$scratch/err" &
victim=$!
command_line="ssmq generate"
for _ in $(seq 600); do
    [ -s "$scratch/out" ] && break
    sleep 0.05
done
kill -TERM "$victim"
ended 143

finish
