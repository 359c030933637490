#!/usr/bin/env bash
# A sweep on the shipped model: its runs, what they share, and that a second one does nothing.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

root=$PWD
runs="$scratch/runs"

# json EXPRESSION: of the JSON in $out, as j
json() { python3 -c "import json,sys; j = json.load(sys.stdin); print($1)" <<< "$out"; }
expect_json() {
    local got
    got=$(json "$1" 2>&1)
    [ "$got" = "$2" ] || fail "$command_line: $1 is '$got', not '$2'"
}

# 2 x 3 x 4 points, and float
cat > "$scratch/plain.yaml" <<YAML
ssmq: 1
name: swept
model: {path: $root/models/tiny-mamba}
calibration: {data: {file: $root/configs/data/pile-sample.jsonl.zst}, select: first, count: 2, length: 64}
mode: [float, fake]
recipe:
  - {id: rot, method: hadamard}
  - {id: w, method: weights}
  - {id: a, method: activations}
  - {id: u, method: activations, sites: "layers.*.scan.x", observer: {statistic: quantile, p: 99, across: ema}}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 32, limit: 2}
YAML
{
    cat "$scratch/plain.yaml"
    cat <<YAML
sweep:
  axes:
    rot: {recipe.rot.enabled: [false, true]}
    bits: {recipe.w.bits: [8, 6, 4]}
    p: {recipe.u.observer.p: [99, 99.9, 99.99, 100]}
  baseline: {rot: false, bits: 8}
YAML
} > "$scratch/sweep.yaml"

run 0 check "$scratch/sweep.yaml"
expect_in_out "  fake rot=true bits=4 p=99.99"
[ "$(grep -c '^#   [0-9a-f]*  ' <<< "$out")" = 25 ] || fail "check lists other than 25 runs"

run 0 run "$scratch/sweep.yaml" --out "$runs" --format json
expect_json 'len(j["runs"])' 25
expect_json 'set(r["status"] for r in j["runs"])' "{'done'}"
expect_json 'j["runs"][24]["name"]' "fake rot=true bits=4 p=100"
first=$out
# One load and one set of samples for all; a pass over them with the rotation and one without it.
[ "$(grep -c 'loading the model:' <<< "$err")" = 1 ] || fail "the model was not loaded once: $err"
[ "$(grep -c 'reading calibration samples:' <<< "$err")" = 1 ] || fail "samples were not read once: $err"
[ "$(grep -c ': calibrating:' <<< "$err")" = 2 ] || fail "there were not two calibration passes: $err"

# A second run of the same sweep does nothing, and says so; not a byte of a run changes.
stamps=$(find "$runs" -path '*/swept/*/*' -printf '%p %T@ %s\n' | sort)
run 0 run "$scratch/sweep.yaml" --out "$runs" --format json
expect_out "$first"
[ "$(grep -c 'finished before, not run again' <<< "$err")" = 25 ] || fail "a second run ran something: $err"
grep -q 'calibrating\|loading' <<< "$err" && fail "a second run loaded something: $err"
[ "$stamps" = "$(find "$runs" -path '*/swept/*/*' -printf '%p %T@ %s\n' | sort)" ] || fail "a second run wrote something"

# The table has the axes in columns, and each run against the one with its values that is not rotated and has 8 bits.
run 0 run "$scratch/sweep.yaml" --out "$runs"
head -1 <<< "$out" | grep -Eq '^run +rot +bits +p +id +status +wt2 ppl +se +to baseline$' || fail "the columns: $out"
grep -Eq '^fake +false +8 +99 .* -$' <<< "$out" || fail "a baseline run is held against something: $out"
grep -Eq '^fake +true +4 +99.9 .* [+-][0-9.]+ %$' <<< "$out" || fail "a run is held against nothing: $out"
out=$first expect_json '[r["axes"] for r in j["runs"]][24]' "{'rot': True, 'bits': 4, 'p': 100}"
out=$first expect_json 'j["runs"][0]["axes"]["p"], j["runs"][0]["against"]' "None None"
out=$first expect_json 'j["runs"][24]["against"] == [r["id"] for r in j["runs"] if r["name"] == "fake rot=false bits=8 p=100"][0]' True

# What is expected stands beside what was got; what lies outside is a warning, and changes no run.
nll=$(out=$first json 'j["runs"][0]["evaluations"]["wt2"]["nll"]')
expect="expect=[{evaluation: wt2, metric: nll, value: $nll, tolerance: 0, source: itself, where: {mode: float}},
    {evaluation: wt2, value: 1, tolerance: 1%, source: nowhere, where: {bits: 8, p: 99}}]"
run 0 run "$scratch/sweep.yaml" --out "$runs" --set "$expect"
expect_in_out "against what was expected"
grep -Eq '^float +wt2 nll .* inside +itself$' <<< "$out" || fail "float is not inside: $out"
[ "$(grep -Ec '^fake rot=(true|false) bits=8 p=99 +wt2 ppl +1 +0.01 .* OUTSIDE +nowhere$' <<< "$out")" = 2 ] || fail "not 2 outside: $out"
expect_in_err "warning: 2 figures lie outside of what was expected"
[ "$(grep -c 'finished before' <<< "$err")" = 25 ] || fail "an expectation changes runs: $err"
run 0 run "$scratch/sweep.yaml" --out "$runs" --set "$expect" --format json
expect_json '[x["inside"] for r in j["runs"] for x in r["expected"]]' '[True, False, False]'

# Single runs of it; what others were is taken from their files.
ids=$(out=$first json '" ".join(j["runs"][i]["id"] for i in (0, 3, 7))')
read -r float third seventh <<< "$ids"
run 0 run "$scratch/sweep.yaml" --out "$scratch/only" --only "$third" --only "$seventh" --format json
expect_json '[r["id"] for r in j["runs"]]' "['$third', '$seventh']"
expect_in_err "[2/2] fake"
[ -e "$scratch/only/swept/$float" ] && fail "--only ran another one"
cmp -s "$scratch/only/swept/$seventh/run.h5" "$runs/swept/$seventh/run.h5" || fail "--only gives another run"
[ "$(grep -c ',queued,' "$scratch/only/swept/sweep.csv")" = 23 ] || fail "sweep.csv lacks the runs that are to come"
run 2 run "$scratch/sweep.yaml" --out "$scratch/only" --only abc
expect_in_err "no run of $scratch/sweep.yaml has the id 'abc'; ssmq check lists them"

# A point is what an experiment of its own gives.
run 0 run "$scratch/plain.yaml" --out "$scratch/alone" --format json --set recipe.rot.enabled=true --set recipe.w.bits=4 \
    --set recipe.u.observer.p=99.9
id=$(json 'j["runs"][1]["id"]')
cmp -s "$runs/swept/$id/run.h5" "$scratch/alone/swept/$id/run.h5" || fail "a point is not the run by itself"

# Another point is added: only that one runs.
run 0 run "$scratch/sweep.yaml" --out "$runs" --set 'sweep.axes.p={recipe.u.observer.p: [99, 99.5]}'
[ "$(grep -c 'finished before' <<< "$err")" = 7 ] || fail "other than 7 of 13 runs were there: $err"

# What differs from point to point: model, samples, text, backend, threads.
cp -r models/tiny-mamba "$scratch/other"
python3 - "$scratch/other/model.safetensors" <<'PYTHON'
import json, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
size = struct.unpack("<Q", data[:8])[0]
begin, end = json.loads(data[8:8 + size])["backbone.layers.3.mixer.D"]["data_offsets"]
data[8 + size + begin:8 + size + end] = bytes(end - begin)
open(sys.argv[1], "wb").write(data)
PYTHON
axes="{m: {model.path: [$root/models/tiny-mamba, $scratch/other]}, n: {calibration.count: [2, 3]},
       k: {run.backend: [ref, cpu], evaluate.wt2.limit: [1, 2]}}"
run 0 run "$scratch/plain.yaml" --out "$scratch/varied" --format json --set "sweep.axes=$axes"
expect_json 'len(j["runs"])' 12
expect_json 'len(set(r["evaluations"]["wt2"]["ppl"] for r in j["runs"]))' 12
expect_json '[r["evaluations"]["wt2"]["windows"] for r in j["runs"]]' '[1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2]'
[ "$(grep -c 'loading the model:' <<< "$err")" = 2 ] || fail "two models were not loaded once each: $err"
all=$out
for n in 2 3; do
    run 0 run "$scratch/plain.yaml" --out "$scratch/varied-$n" --format json \
        --set "calibration.count=$n" --set "model.path=$scratch/other" --set run.backend=ref --set evaluate.wt2.limit=1
    one=$(json '(j["runs"][1]["id"], j["runs"][1]["evaluations"])')
    several=$(out=$all json '[(r["id"], r["evaluations"]) for r in j["runs"]]')
    [[ $several == *"${one:1:-1}"* ]] || fail "not among the points: $one"
done

# After so many failures no further run is started.
overflowing_model "$scratch/broken"
for limit in "--fail-fast 1" "--max-failures=2 2" "--max-failures=25 25"; do
    read -r flag n <<< "$limit"
    run 1 run "$scratch/sweep.yaml" --out "$scratch/failing$n" "$flag" --set "model.path=$scratch/broken" --format json
    expect_json 'len(j["runs"])' "$n"
    [ "$n" = 25 ] || expect_in_err "$((25 - n)) runs were not started: enough have failed"
done
run 1 run "$scratch/sweep.yaml" --out "$scratch/failing" --fail-fast --set "sweep.axes.m={model.path: [models/tiny-mamba, $scratch/broken]}"
grep -q '^fake .*done' <<< "$out" || fail "runs before the first failure are not shown: $out"

# What is not offered is an error, or a row.
bits='sweep.axes.bits={recipe.w.bits: [8, 12]}'
run 3 run "$scratch/sweep.yaml" --out "$scratch/real" --set 'mode=[float, real]' --set "$bits"
expect_in_err "recipe.w: mode real: layers.0.in_proj.weight: no integer kernel"
expect_in_err "note: first found at rot=false bits=12 p=99"
[ -e "$scratch/real" ] && fail "something ran of a sweep with a problem"
run 0 run "$scratch/sweep.yaml" --out "$scratch/real" --set 'mode=[float, real]' --set "$bits" \
    --set sweep.unsupported=record --set 'sweep.axes.p={recipe.u.observer.p: [100]}' --format json
expect_json '[r["status"] for r in j["runs"]]' "['done', 'done', 'unsupported', 'done', 'unsupported']"

finish
