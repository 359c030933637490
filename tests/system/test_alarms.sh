#!/usr/bin/env bash
# Alarms: each raised where it should be and nowhere else, in the log, summary.json and the report; and the
# line that says which runs differ.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

root=$PWD
runs="$scratch/runs"
pile="$root/configs/data/pile-sample.jsonl.zst"
wikitext="$root/configs/data/wiki.test.raw"

# experiment NAME MODEL CALIBRATION: recipes and evaluations stand on stdin
experiment() {
    cat > "$scratch/$1.yaml" <<YAML
ssmq: 1
name: $1
model: {path: $2}
calibration: $3
mode: [float, fake]
YAML
    cat >> "$scratch/$1.yaml"
}
# alarms: "RUN: EVENT: EVALUATION: SITE" of the JSON in $out, one a line
alarms() {
    python3 -c 'import json,sys
for r in json.load(sys.stdin)["runs"]:
    for a in r["alarms"]: print(": ".join([r["name"], a["event"], str(a["evaluation"]), str(a["site"])]))' <<< "$out"
}
expect_alarms() {
    local got
    got=$(alarms)
    [ "$got" = "$1" ] || fail "$command_line: alarms are '$got', not '$1'"
}

# ---- overlap ----------------------------------------------------------------------------

experiment overlap "$root/models/tiny-mamba" "{data: {file: $pile}, select: first, count: 4, length: 64}" <<YAML
recipes: {naive: $root/configs/recipes/naive.yaml}
evaluate:
  - {id: pile, task: perplexity, data: {file: $pile}, dialect: gptq, window: 256, limit: 2}
  - {id: wt2, task: perplexity, data: {file: $wikitext}, dialect: gptq, window: 64, limit: 2}
YAML
run 0 run "$scratch/overlap.yaml" --out "$runs" --format json
expect_alarms "fake naive: calibration overlaps evaluation: pile: None"
expect_in_err 'level=warning event="calibration overlaps evaluation" run="fake naive" evaluation=pile message="'
expect_in_err ' of 4 calibration samples are of documents that it evaluates"'
overlap=$out
run 0 run "$scratch/overlap.yaml" --out "$runs"
expect_in_out "fake naive: calibration overlaps evaluation: pile: "
run 0 show "$runs/overlap"
expect_in_out "fake naive: calibration overlaps evaluation: pile: "
run 0 run "$scratch/overlap.yaml" --out "$runs" --format json # from summary.json
expect_out "$overlap"
# Copies are the same text; another text is not, nor are documents further on in the file.
cp "$wikitext" "$scratch/copy.raw"
run 0 run "$scratch/overlap.yaml" --out "$runs" --format json --set calibration.data.file="$scratch/copy.raw"
expect_alarms "fake naive: calibration overlaps evaluation: wt2: None"
expect_in_err '2 of 4 calibration samples are of text that it evaluates' # 2 windows, pieces as long
run 0 run "$scratch/overlap.yaml" --out "$runs" --format json \
    --set "calibration.data={file: $scratch/copy.raw, format: text}"
expect_alarms "fake naive: calibration overlaps evaluation: wt2: None"
expect_in_err 'both read the same file, as text and as wikitext-raw'
run 0 run "$scratch/overlap.yaml" --out "$runs" --format json --set evaluate.pile.window=16 \
    --set evaluate.pile.limit=1 --set calibration.select=sampled --set calibration.seed=7
expect_alarms ""

# ---- percentiles ------------------------------------------------------------------------

experiment percentile "$root/models/tiny-mamba" "{data: {file: $pile}, select: first, count: 2, length: 20}" <<YAML
recipe:
  - {id: w, method: weights, bits: 8}
  - {id: u, method: activations, sites: "layers.*.scan.x", bits: 8,
     observer: {statistic: quantile, p: 99.9, across: max}}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $wikitext}, dialect: gptq, window: 64, limit: 1}
YAML
# 20 tokens of 384 channels: rank (1 - p / 100) * 7679 from the end is 7.7 at 99.9, 0.77 at 99.99.
run 0 run "$scratch/percentile.yaml" --out "$runs" --format json
expect_alarms ""
run 0 run "$scratch/percentile.yaml" --out "$runs" --format json --set recipe.u.observer.p=99.99
expect_alarms "fake: percentile finer than the sample: None: layers.0.scan.x"
expect_in_err "step 'u': percentile 99.99 of the 7680 values of the shortest sample (20 tokens) lies between its two largest; so at 8 sites"
run 0 run "$scratch/percentile.yaml" --out "$runs" --format json --set recipe.u.observer.p=100
expect_alarms ""

# ---- scales of zero, better than float --------------------------------------------------

# changed NAME TENSOR EXPRESSION: a copy of the model with the values v of a tensor replaced
changed() {
    cp -r models/tiny-mamba "$scratch/$1"
    python3 - "$scratch/$1/model.safetensors" "$2" "$3" <<'PYTHON'
import array, json, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
size = struct.unpack("<Q", data[:8])[0]
begin, end = json.loads(data[8:8 + size])[sys.argv[2]]["data_offsets"]
begin, end = begin + 8 + size, end + 8 + size
v = array.array("f", bytes(data[begin:end]))
v = array.array("f", eval(sys.argv[3]))
assert len(v) * 4 == end - begin
data[begin:end] = v.tobytes()
open(sys.argv[1], "wb").write(data)
PYTHON
}

# Nothing goes into layer 3's mixer: its inputs are silent.
changed silent backbone.layers.3.norm.weight '[0.0 for x in v]'
experiment silent "$scratch/silent" "{data: {file: $pile}, select: first, count: 2, length: 64}" <<YAML
recipe:
  - {id: a, method: activations, sites: ["layers.*.in_proj.in", "layers.*.gate.z"], bits: 8}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $wikitext}, dialect: gptq, window: 64, limit: 1}
YAML
run 0 run "$scratch/silent.yaml" --out "$runs" --format json
expect_alarms "fake: scale of zero: None: layers.3.in_proj.in
fake: scale of zero: None: layers.3.gate.z"
expect_in_err 'level=warning event="scale of zero" run=fake site=layers.3.in_proj.in message="its range was raised to 1e-05"'
run 0 run "$scratch/silent.yaml" --out "$runs"
expect_in_out "fake: scale of zero: layers.3.in_proj.in and 1 other site: its range was raised to 1e-05"

# A channel of layer 4 far too large, which clipping brings back: the quantised model is the better one.
changed loud backbone.layers.4.norm.weight '[x * 300 if i == 5 else x for i, x in enumerate(v)]'
experiment loud "$scratch/loud" "{data: {file: $pile}, select: first, count: 2, length: 64}" <<YAML
recipe:
  - {id: a, method: activations, sites: "layers.4.in_proj.in", bits: 12,
     observer: {statistic: quantile, p: 99, across: max}}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $wikitext}, dialect: gptq, window: 128, limit: 8}
YAML
run 0 run "$scratch/loud.yaml" --out "$runs" --format json
expect_alarms "fake: better than float: wt2: None"
plain=$err
run 0 run "$scratch/loud.yaml" --out "$runs" --format json --set compare={}
expect_alarms "fake: better than float: wt2: None"
# The same figures whether the two ran side by side or the float run's were read back.
[ "$(grep 'better than float' <<< "$plain")" = "$(grep 'better than float' <<< "$err")" ] ||
    fail "better than float: '$plain' and '$err'"
# The float run came later: the alarm is there once both are, and the summary is that of the other order.
ids=$("$SSMQ" check "$scratch/loud.yaml" | sed -n 's/^#   \([0-9a-f]*\)  \(float\|fake\)$/\1/p')
read -r float fake <<< "$(paste -sd ' ' <<< "$ids")"
for way in run --collect-only; do
    late="$scratch/late$way"
    for id in "$fake" "$float"; do
        run 0 run "$scratch/loud.yaml" --out "$late" --only "$id" --no-collect
        [[ $out != *"better than float"* ]] || fail "$command_line: an alarm before both are there: $out"
    done
    more=()
    [ "$way" = run ] || more=("$way")
    run 0 run "$scratch/loud.yaml" --out "$late" "${more[@]}" --format json
    expect_alarms "fake: better than float: wt2: None"
    [ "$(grep 'better than float' <<< "$plain")" = "$(grep 'better than float' <<< "$err")" ] || fail "late: '$plain' and '$err'"
    cmp "$runs/loud/$fake/summary.json" "$late/loud/$fake/summary.json" || fail "$way: another summary"
    run 0 run "$scratch/loud.yaml" --out "$late" --format json
    expect_alarms "fake: better than float: wt2: None"
    [[ $err != *"better than float"* ]] || fail "$command_line: raised again: $err"
    run 0 verify "$late"
done
# Without a float run there is nothing to be better than.
run 0 run "$scratch/loud.yaml" --out "$scratch/alone" --format json --set mode=fake
expect_alarms ""

# ---- clipped values ---------------------------------------------------------------------

# The 97th percentile of |x| leaves about 3 % of a site's values outside, and the limit is 1 %.
experiment clipped "$root/models/tiny-mamba" "{data: {file: $pile}, select: first, count: 2, length: 64}" <<YAML
recipe:
  - {id: a, method: activations, sites: "layers.2.in_proj.in", bits: 8,
     observer: {statistic: quantile, p: 97, across: max}}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $wikitext}, dialect: gptq, window: 64, limit: 3}
compare: {metrics: [kl, clip-rate]}
YAML
run 0 run "$scratch/clipped.yaml" --out "$runs" --format json
expect_alarms "fake: clip rate over the limit: None: layers.2.in_proj.in"
expect_in_err ' of 36864 values lie outside the range of codes; the limit is 1 %"' # 3 windows of 64 tokens, 192 channels
[[ $err =~ message=\"([0-9.]+)\ %\ of ]] || fail "no rate in $err"
python3 -c "import sys; sys.exit(not 1 < float(sys.argv[1]) < 9)" "${BASH_REMATCH[1]}" || fail "rate ${BASH_REMATCH[1]}"
run 0 run "$scratch/clipped.yaml" --out "$runs" --format json --set compare.clip_limit=20
expect_alarms ""
run 0 run "$scratch/clipped.yaml" --out "$runs" --format json --set compare.metrics=kl # nobody counts
expect_alarms ""
run 0 run "$scratch/clipped.yaml" --out "$runs" --format json --set recipe.a.observer.p=100 --set calibration.count=1 \
    --set "calibration.data={file: $wikitext}" --set calibration.length=192 # the evaluated text itself
expect_alarms "fake: calibration overlaps evaluation: wt2: None"

# ---- which runs differ ------------------------------------------------------------------

experiment ranked "$root/models/tiny-mamba" "{data: {file: $pile}, select: first, count: 2, length: 64}" <<YAML
recipes:
  naive: $root/configs/recipes/naive.yaml
  w16: [{id: w, method: weights, bits: 16, scope: channel}]
  w15: [{id: w, method: weights, bits: 15, scope: channel}]
evaluate:
  - {id: wt2, task: perplexity, data: {file: $wikitext}, dialect: gptq, window: 128, limit: 6}
YAML
run 0 run "$scratch/ranked.yaml" --out "$runs"
expect_in_out "wt2: the lowest log-perplexity is that of fake w1"
expect_in_out "; higher by more than 2 paired se: fake naive +"
expect_in_out "; not told apart: fake w1"
ranked=$out
run 0 run "$scratch/ranked.yaml" --out "$runs" --format json
ranking=$(python3 -c 'import json,sys
for e in json.load(sys.stdin)["ranking"]:
    print(e["evaluation"], e["best"].startswith("fake w1"), e["noise_se"], len(e["others"]))
    for o in e["others"]:
        print(o["name"][:7], o["differs"], o["reason"], (o["ln_ratio"] > 2 * o["ln_ratio_se"]) == o["differs"])' <<< "$out")
[ "$ranking" = "wt2 True 2 2
fake na True None True
fake w1 False None True" ] || fail "ranking is '$ranking'"
json=$out
run 0 show "$runs/ranked" --format json
sorted_ranking='import json,sys
for e in json.load(sys.stdin)["ranking"]: print(e["best"], sorted(e["others"], key=lambda o: o["name"]))'
[ "$(python3 -c "$sorted_ranking" <<< "$out")" = "$(python3 -c "$sorted_ranking" <<< "$json")" ] ||
    fail "show: another ranking"
# A single window has no standard error: nobody can tell.
run 0 run "$scratch/ranked.yaml" --out "$scratch/single" --format json --set evaluate.wt2.limit=1
[ "$(python3 -c 'import json,sys; print([(o["differs"], o["reason"], o["ln_ratio_se"]) for o in json.load(sys.stdin)["ranking"][0]["others"]])' <<< "$out")" = \
    "[(None, 'a single window', None), (None, 'a single window', None)]" ] || fail "a single window: $out"
run 0 show "$runs/ranked"
expect_in_out "$(tail -1 <<< "$ranked")"
run 0 run "$scratch/ranked.yaml" --out "$runs" # finished runs, read back
expect_out "$ranked"

finish
