#!/usr/bin/env bash
# ssmq profile and ssmq model random: what they print, and what they refuse.  Figures of time are looked at
# for their sense only.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

tiny=models/tiny-mamba
quamba=configs/recipes/quamba.yaml
short=(--prompt 8 --generate 3 --repeat 3 --warmup 1)

# expect EXPRESSION: holds of the JSON in $out, as p, the list of profiles
expect() {
    python3 -c "import json,sys; p = json.load(sys.stdin)['profiles']; sys.exit(not ($1))" <<< "$out" ||
        fail "$command_line: not so: $1: $out"
}

# ---- figures -------------------------------------------------------------------------------

run 0 profile --model "$tiny" --mode float --mode fake --mode real --recipe "$quamba" "${short[@]}" --format json
expect '[x["mode"] for x in p] == ["float", "fake", "real"]'
expect '[x["recipe"] for x in p] == [None, "'"$quamba"'", "'"$quamba"'"]'
expect 'all(x["batch"] == 1 and x["prompt"] == 8 and x["generate"] == 3 for x in p)'
for time in ttft_ms tpot_ms ttlt_ms perplexity_ms; do
    expect "all(len(x['$time']['samples']) == 3 for x in p)"
    expect "all(0 < x['$time']['min'] <= x['$time']['median'] <= x['$time']['max'] for x in p)"
    expect "all(x['$time']['median'] == sorted(x['$time']['samples'])[1] for x in p)"
done
expect 'all(abs(l - f - 2 * s) < 1e-6 * l for x in p for l, f, s in zip(x["ttlt_ms"]["samples"], x["ttft_ms"]["samples"], x["tpot_ms"]["samples"]))'
expect 'all(abs(x["prefill_tokens_per_s"] * x["ttft_ms"]["median"] / 8e3 - 1) < 1e-9 for x in p)'
expect 'all(abs(x["perplexity_tokens_per_s"] * x["perplexity_ms"]["median"] / 8e3 - 1) < 1e-9 for x in p)'
expect 'all(x["machine"]["read_gb_s"] > 0 and x["machine"]["fp32_gflop_s"] > 0 for x in p)'
# The machine is probed beside each repetition, of a mode by itself; its rates are the medians, and shares those of repetitions.
expect 'all(set(x["machine"]["samples"]) == {r for r in ("read_gb_s", "fp32_gflop_s", "int8_gop_s", "bf16_gflop_s") if x["machine"][r] is not None} for x in p)'
expect 'all(len(s) == 3 and sorted(s)[1] == x["machine"][r] for x in p for r, s in x["machine"]["samples"].items())'
expect 'len({tuple(x["machine"]["samples"]["read_gb_s"]) for x in p}) == 3'
expect 'all(x["floor"]["prefill_tokens_per_s"] > 0 and x["floor"]["tpot_ms"] > 0 for x in p)'
share='sorted(w / t / r for t, r in zip'
expect "all(abs(${share}(x['tpot_ms']['samples'], x['machine']['samples']['read_gb_s']))[1] * x['floor']['tpot_ms'] * x['machine']['read_gb_s'] / x['of_floor']['decode'] - 1) < 1e-9 for x in p for w in [1])"
expect 'all(x["peak_rss_bytes"] > x["size_bytes"] / 2 for x in p)'
# Weights: the file's, which has 16 bits each, as floats; the products of the layers in a quarter of that.
expect '1.9 < p[0]["size_bytes"] / '"$(stat -c %s "$tiny/model.safetensors")"' < 2.1'
expect 'p[2]["size_bytes"] == p[1]["size_bytes"] < 0.7 * p[0]["size_bytes"]'

# State: of 8 layers, 384 channels with 16 values for the scan and 3 for the convolution, each of 4 bytes.
expect 'all(x["state_bytes"] == 8 * 384 * (16 + 3) * 4 for x in p)'

# Op by op: what is counted adds up to the work that the floors are of (the rest of it is not in the floors), and the
# times to the whole.
expect 'all(abs(sum(o["ms"] for o in x[k]["operators"]) + x[k]["between_ms"] - x[k]["ms"]) < 1e-9 * x[k]["ms"] for x in p for k in ("prefill", "decode"))'
expect 'all(x[k]["between_ms"] >= 0 and x[k]["ms"] > 0 for x in p for k in ("prefill", "decode"))'
expect 'all({"scan", "conv", "rmsnorm", "embed", "finite", "linear head", "linear in_proj", "linear x_proj", "linear dt_proj", "linear out_proj"} <= {o["operator"] for o in x[k]["operators"]} for x in p for k in ("prefill", "decode"))'
expect 'all("encode" in {o["operator"] for o in x["prefill"]["operators"]} for x in p[1:])'
expect 'all(len({o["operator"] for o in x[k]["operators"]}) == len(x[k]["operators"]) for x in p for k in ("prefill", "decode"))'
work='sum(o["float_operations"] / x["machine"]["fp32_gflop_s"] + o["int8_operations"] / (x["machine"]["int8_gop_s"] or x["machine"]["fp32_gflop_s"]) + o["bf16_operations"] / (x["machine"]["bf16_gflop_s"] or x["machine"]["fp32_gflop_s"]) for o in x["prefill"]["operators"] if o["operator"].startswith("linear") or o["operator"] == "scan")'
expect "all(abs($work / 1e9 / (8 / x['floor']['prefill_tokens_per_s']) - 1) < 1e-9 for x in p)"
expect 'sum(o["int8_operations"] for o in p[0]["prefill"]["operators"]) == 0'
expect 'all(o["int8_operations"] > 0 and o["float_operations"] == 0 for x in p[1:] for o in x["decode"]["operators"] if o["operator"] == "linear in_proj")'
expect 'all(o["calls"] == 8 for x in p for k in ("prefill", "decode") for o in x[k]["operators"] if o["operator"] in ("scan", "conv", "linear in_proj"))'
# A step reads every weight: more than the size without the biases and gains, and little else.
expect 'all(1 <= sum(o["bytes"] for o in x["decode"]["operators"]) / x["size_bytes"] < 1.6 for x in p)'
expect 'all(abs(o["bound_share"] * o["ms"] / o["bound_ms"] - 1) < 1e-9 for x in p for k in ("prefill", "decode") for o in x[k]["operators"])'

# A head in bfloat16 that reads such numbers is counted as that, in fake mode too.
run 0 profile --model "$tiny" --mode fake --mode real --recipe configs/recipes/quamba-head-bf16.yaml "${short[@]}" --format json
expect 'all((o["bf16_operations"] > 0) == (o["operator"] == "linear head") for x in p for k in ("prefill", "decode") for o in x[k]["operators"])'
expect 'all(o["float_operations"] == 0 for x in p for o in x["decode"]["operators"] if o["operator"] == "linear head")'
expect "all(abs($work / 1e9 / (8 / x['floor']['prefill_tokens_per_s']) - 1) < 1e-9 for x in p)"
run 0 profile --model "$tiny" --prompt 4 --generate 1 --repeat 1 --warmup 0 --batch 3 --format json
expect 'p[0]["state_bytes"] == 3 * 8 * 384 * (16 + 3) * 4'
expect 'len(p) == 1 and p[0]["tpot_ms"] is None and p[0]["of_floor"]["decode"] is None'
expect 'p[0]["decode"] is None and p[0]["prefill"]["ms"] > 0'
expect 'p[0]["batch"] == 3 and abs(p[0]["prefill_tokens_per_s"] * p[0]["ttft_ms"]["median"] / 12e3 - 1) < 1e-9'

run 0 profile --model "$tiny" "${short[@]}"
for word in TTFT TPOT TTLT perplexity "of floor" "medians of 3 after 1" "float: machine reads " GB/s "float, prefill" "float, decode" \
    "linear in_proj" "between them" "of bound"; do expect_in_out "$word"; done

# ---- in a file ------------------------------------------------------------------------------

run 0 profile --model "$tiny" "${short[@]}" --out "$scratch/p.h5"
[ -s "$scratch/p.h5" ] || fail "$command_line: no file"
refuse 2 "--out: $scratch/p.h5 is there already" profile --model "$tiny" "${short[@]}" --out "$scratch/p.h5"
refuse 5 "--out: $scratch/none: No such file or directory" profile --model "$tiny" --out "$scratch/none/p.h5"
refuse 2 "--out: mode float stands twice" profile --model "$tiny" --mode float --mode float --out "$scratch/q.h5"

# ---- as an experiment ----------------------------------------------------------------------

small=(--set calibration.count=2 --set calibration.length=64 --set 'evaluate=[{id: speed, task: profile, generate: 3, repeat: 3, warmup: 1}]'
    --set 'sweep.axes.prompt={evaluate.speed.prompt: [4, 8]}' --set 'sweep.axes.batch={evaluate.speed.batch: [1]}'
    --set 'mode=[float, real]')
run 0 run experiments/profile.yaml --out "$scratch/a" "${small[@]}"
for word in "times, medians" "TTFT, ms" "real batch=1 prompt=8"; do expect_in_out "$word"; done
run 0 run experiments/profile.yaml --out "$scratch/a" "${small[@]}" --format json
[ "$(grep -c 'repetitions' "$scratch/err")" -eq 0 ] || fail "a finished profile was measured again: $err"
python3 -c 'import json, sys
runs = json.load(sys.stdin)["runs"]
assert len(runs) == 4 and all(r["status"] == "done" and r["evaluations"] == {} for r in runs)
assert all(0 < r["profiles"]["speed"]["ttft_ms"] < r["profiles"]["speed"]["ttlt_ms"] for r in runs)
assert {(r["mode"], r["axes"]["prompt"]) for r in runs} == {(m, p) for m in ("float", "real") for p in (4, 8)}' < "$scratch/out" ||
    fail "$command_line: $out"
run 0 run experiments/profile.yaml --out "$scratch/b" "${small[@]}"
for run in "$scratch"/a/profile/*/; do
    id=$(basename "$run")
    [ -s "$run/profile.h5" ] || fail "$id has no profile.h5"
    cmp "$run/run.h5" "$scratch/b/profile/$id/run.h5" || fail "times in run.h5"
    [ "$(grep -c profile.h5 "$run/manifest.json")" -eq 1 ] || fail "no sum of profile.h5 in the manifest"
done
cmp "$scratch/a/profile/sweep.csv" "$scratch/b/profile/sweep.csv" || fail "times in sweep.csv"
run 0 verify "$scratch/a"
rm "$run/profile.h5"
run 0 run experiments/profile.yaml --out "$scratch/a" "${small[@]}"
[ "$(grep -c 'repetitions in' "$scratch/err")" -eq 1 ] || fail "a profile that is gone was not measured again, or others were"
run 0 show "$run"
expect_in_out "times, medians"
run 0 export profile "$scratch/a/profile"
expect_in_out ",speed,real,decode,"

# Killed, or told to stop, in the second evaluation: the first stays as that process measured it.
cat > "$scratch/killed.yaml" << EOF
ssmq: 1
name: killed
model: {path: $PWD/models/tiny-mamba}
mode: float
evaluate:
  - {id: one, task: profile, prompt: 4, generate: 2, repeat: 2, warmup: 0}
  - {id: two, task: profile, prompt: 8, generate: 200, repeat: 30, warmup: 0}
EOF
for signal in KILL TERM; do
    "$SSMQ" run "$scratch/killed.yaml" --out "$scratch/$signal" > /dev/null 2> "$scratch/err" &
    victim=$!
    for _ in $(seq 3000); do
        grep -qs '"stage": "profile: one"' "$scratch/$signal"/killed/*/journal.jsonl && break
        kill -0 $victim 2> /dev/null || break
        sleep 0.01
    done
    kill -$signal $victim || fail "$signal: it had come to an end: $(cat "$scratch/err")"
    wait $victim 2> /dev/null
    run 0 run "$scratch/killed.yaml" --out "$scratch/$signal"
    [ "$(grep -c 'repetitions in' "$scratch/err")" -eq 1 ] || fail "$signal: not one evaluation was measured: $err"
    expect_in_err "two: 30 repetitions in"
    python_with h5py || { echo "skipped: which process measured: no python3-h5py"; continue; }
    for id in one two; do
        "$python" -c "import glob, h5py
print(h5py.File(glob.glob('$scratch/$signal/killed/*/profile.h5')[0])['/profile/$id'].attrs['process'])" > "$scratch/$id"
    done
    grep -q "^process $victim on host " "$scratch/one" || fail "$signal: the first is of $(cat "$scratch/one"), not of $victim"
    cmp -s "$scratch/one" "$scratch/two" && fail "$signal: both are of $(cat "$scratch/one")"
done

# Beside an evaluation of a text; threads decide times, so they are part of such a run's id.
cat > "$scratch/both.yaml" << EOF
ssmq: 1
name: both
model: {path: $PWD/models/tiny-mamba}
mode: float
evaluate:
  - {id: speed, task: profile, prompt: 4, generate: 2, repeat: 1, warmup: 0}
  - {id: wt2, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 32, limit: 1}
sweep: {axes: {threads: {run.threads: [1, 2]}}}
EOF
run 0 run "$scratch/both.yaml" --out "$scratch/c"
expect_in_out "wt2 ppl"
expect_in_out "float threads=2  speed"
sed -i '/wt2/d; s/mode: float/mode: fake/; /sweep/d' "$scratch/both.yaml"
printf 'recipe: [{method: weights}]\ncompare: {}\n' >> "$scratch/both.yaml"
run 3 check "$scratch/both.yaml"
expect_in_err "compare has no text to compare on: every evaluation is a profile"
sed -i '/compare/d; s/repeat: 1/repeet: 1/' "$scratch/both.yaml"
run 3 check "$scratch/both.yaml"
expect_in_err "did you mean 'repeat'?"

# ---- refusals ------------------------------------------------------------------------------

refuse 2 "--mode fake needs --recipe FILE" profile --model "$tiny" --mode fake
refuse 2 "--mode: 'flaot' is none of float, fake, real" profile --model "$tiny" --mode flaot
refuse 2 "--backend: there is no backend 'gpu'" profile --model "$tiny" --backend gpu
run 4 profile --model "$scratch/nothing"
expect_in_err "nothing"
run 4 profile --model "$tiny" --mode real --recipe "$scratch/none.yaml"
run 3 profile --model "$tiny" --mode real --recipe configs/recipes/quamba-2024.yaml
expect_in_err "mode real: layers.0.in_proj.in: no integer kernel for products in half precision"

# ---- random models -------------------------------------------------------------------------

refuse 2 "--shape: there is no 'mamba-13m', only mamba-130m, mamba-370m, mamba-790m, mamba-1.4b, mamba-2.8b" \
    model random --shape mamba-13m --out "$scratch/new"
[ -e "$scratch/new" ] && fail "a directory for a shape that is none"
mkdir "$scratch/full"
: > "$scratch/full/file"
refuse 2 "--out: $scratch/full is not empty" model random --shape mamba-130m --out "$scratch/full"
refuse 2 "option '--dtype' is 'f64', not one of f32, f16, bf16" model random --shape mamba-130m --out "$scratch/new" --dtype f64
run 0 model random --shape mamba-130m --out "$scratch/new" --seed 3 --dtype f16
expect_out "$scratch/new"
# 129.1 million weights in two bytes each, A_log and D in four.
size=$(stat -c %s "$scratch/new/model.safetensors")
[ $((size / 1000000)) -eq 259 ] || fail "f16: $size bytes"
run 0 list sites --model "$scratch/new"
expect_in_out "layers.23.out_proj.weight"

finish
