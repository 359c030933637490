#!/usr/bin/env bash
# ssmq plan: which runs are finished, what the others will take, and a command line for each of them.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

root=$PWD
runs="$scratch/the user's runs"

# json EXPRESSION: of the JSON in $out, as j
json() { python3 -c "import json,sys; j = json.load(sys.stdin); print($1)" <<< "$out"; }
expect_json() {
    local got
    got=$(json "$1" 2>&1)
    [ "$got" = "$2" ] || fail "$command_line: $1 is '$got', not '$2'"
}

cat > "$scratch/sweep.yaml" <<YAML
ssmq: 1
name: planned
model: {path: $root/models/tiny-mamba}
mode: [float, fake]
recipe: [{id: w, method: weights}]
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 32, limit: 2}
sweep:
  axes: {bits: {recipe.w.bits: [8, 6, 4]}}
YAML

# Nothing is there: time and room are unknown, memory is computed; nothing is made.
run 0 plan "$scratch/sweep.yaml" --out "$runs" --format json
expect_json '[r["state"] for r in j["runs"]]' "['to run', 'to run', 'to run', 'to run']"
expect_json 'j["to_run"]["runs"], j["to_run"]["unknown"], j["to_run"]["seconds"], j["to_run"]["disk_bytes"]' '4 4 None None'
expect_json 'all(r["memory_computed"] and r["seconds"] is None for r in j["runs"])' True
expect_json 'j["runs"][1]["axes"]' "{'bits': 8}"
expect_json '[r["cached"] for r in j["runs"]][1]' "{'texts': 0, 'of_texts': 1, 'calibration_samples': None}"
computed=$(json '[r["memory_bytes"] for r in j["runs"]]')

# Trials of a few windows tell the rest, and leave nothing.
export TMPDIR="$scratch/trials"
mkdir "$TMPDIR"
run 0 plan "$scratch/sweep.yaml" --out "$runs" --format json --probe 60
expect_json 'all(r["probed"] and r["seconds"] > 0 and r["disk_bytes"] > 10000 for r in j["runs"])' True
expect_json 'any(r["memory_computed"] for r in j["runs"])' False
expect_json 'j["to_run"]["probed"], j["to_run"]["unknown"], j["to_run"]["probe_seconds"] > 0' '4 0 True'
probed=$(json '[r["memory_bytes"] for r in j["runs"]]')
# Processes at once: their memory and journals together.  What is free is asked of the folder that would hold the runs.
expect_json 'j["to_run"]["memory_bytes"] == max(r["memory_bytes"] for r in j["runs"])' True
expect_json 'j["to_run"]["journal_bytes"] > 300, j["to_run"]["cache_bytes"] > 100, j["to_run"]["free_bytes"] > 0' 'True True True'
one=$(json 'j["to_run"]["journal_bytes"]')
run 0 plan "$scratch/sweep.yaml" --out "$runs" --format json --probe 60 --workers 3
expect_json 'j["to_run"]["memory_bytes"] == sum(sorted(r["memory_bytes"] for r in j["runs"])[1:])' True
expect_json "2 * $one < j['to_run']['journal_bytes'] <= 3 * $one" True
run 0 plan "$scratch/sweep.yaml" --out "$runs" --workers 3
expect_in_out "(3 at once)"
expect_in_out "room: "
run 0 plan "$scratch/sweep.yaml" --out "$runs" --probe 60
expect_in_out "4 runs were tried with a few windows and samples, which took "
[ -z "$(ls -A "$TMPDIR")" ] || fail "trials left $(ls "$TMPDIR")"
unset TMPDIR
refuse 2 "option '--probe' is 0, not within 1 to 86400" plan "$scratch/sweep.yaml" --probe 0
[ -e "$runs" ] && fail "a plan made a folder"
run 0 plan "$scratch/sweep.yaml" --out "$runs"
expect_in_out "4 runs: 0 finished, 4 to run"
expect_in_out "to run: time unknown, peak memory ~"

# The shell's lines are the runs: one after the other they make the sweep.
run 0 plan "$scratch/sweep.yaml" --out "$runs" --set 'question=what is it?' --format shell
[ "$(wc -l <<< "$out")" = 4 ] || fail "other than 4 lines: $out"
lines=$out
mkdir "$scratch/bin"
ln -s "$(realpath "$SSMQ")" "$scratch/bin/ssmq"
i=0
while IFS= read -r line; do
    PATH="$scratch/bin:$PATH" bash -c "$line" > /dev/null 2> "$scratch/line.err" || fail "$line: $(cat "$scratch/line.err")"
    i=$((i + 1))
    run 0 plan "$scratch/sweep.yaml" --out "$runs" --format json
    expect_json '[r["state"] for r in j["runs"]].count("finished")' "$i"
done <<< "$lines"
run 0 plan "$scratch/sweep.yaml" --out "$runs" --format shell
expect_out ""
run 0 plan "$scratch/sweep.yaml" --out "$runs"
expect_in_out "4 runs: 4 finished, 0 to run"
# What was computed and what was tried is near what it took; a sanitizer's memory is its own.
if [ -z "${ASAN_OPTIONS:-}${TSAN_OPTIONS:-}" ]; then
    run 0 plan "$scratch/sweep.yaml" --out "$runs" --format json
    expect_json "[0.8 < a / r['memory_bytes'] < 1.25 for l in ($computed, $probed) for a, r in zip(l, j['runs'])]" \
        "[True, True, True, True, True, True, True, True]"
fi
[ "$(grep -c ',done,' "$runs/planned/sweep.csv")" = 4 ] || fail "sweep.csv lacks runs: $(cat "$runs/planned/sweep.csv")"

# What a run will take is the median of those like it; another number of windows is nothing like it.
run 0 plan "$scratch/sweep.yaml" --out "$runs" --set 'sweep.axes.bits={recipe.w.bits: [8, 6, 4, 3]}' --format json
expect_json 'j["runs"][4]["state"], j["runs"][4]["like"], j["runs"][4]["memory_computed"]' 'to run 3 False'
expect_json 'j["runs"][4]["seconds"] == sorted(r["seconds"] for r in j["runs"][1:4])[1]' True
expect_json 'j["runs"][4]["memory_bytes"] == max(r["memory_bytes"] for r in j["runs"][1:4])' True
expect_json 'j["to_run"]["seconds"] == j["runs"][4]["seconds"]' True
expect_json 'j["to_run"]["journal_bytes"] > 300, j["to_run"]["room"]' 'True True'
expect_json 'j["runs"][4]["cached"]["texts"]' 1

# A run that was begun and ended early goes on.
sed -i 's/"status": *"done"/"status": "stopped"/' "$runs"/planned/*/status.json
run 0 plan "$scratch/sweep.yaml" --out "$runs" --format json
expect_json '[r["state"] for r in j["runs"]], j["to_run"]["runs"], j["to_run"]["begun"]' \
    "['to resume', 'to resume', 'to resume', 'to resume'] 4 4"
run 0 plan "$scratch/sweep.yaml" --out "$runs"
expect_in_out "4 runs: 0 finished, 4 to run (4 begun before)"
run 0 plan "$scratch/sweep.yaml" --out "$runs" --format shell
[ "$(wc -l <<< "$out")" = 4 ] || fail "other than 4 lines: $out"
sed -i 's/"status": *"stopped"/"status": "done"/' "$runs"/planned/*/status.json

run 0 plan "$scratch/sweep.yaml" --out "$runs" --format json \
    --set 'sweep.axes.k={evaluate.wt2.limit: [2, 1]}' --set 'sweep.exclude=[{bits: [6, 4]}]'
expect_json '[(r["name"], r["like"]) for r in j["runs"] if r["state"] == "to run"]' "[('float k=1', 0), ('fake bits=8 k=1', 0)]"
expect_json 'j["excluded"]' 4

run 0 plan "$scratch/sweep.yaml" --out "$runs" --set 'mode=real' --set sweep.unsupported=record \
    --set 'sweep.axes.bits={recipe.w.bits: [10, 12]}'
expect_in_out "2 runs: 0 finished, 0 to run, 2 unsupported"
refuse 2 "--out names no directory" plan "$scratch/sweep.yaml" --out ""
run 3 plan "$scratch/sweep.yaml" --set 'sweep.axes.bits={recipe.w.bits: [1]}'
expect_out ""

finish
