#!/usr/bin/env bash
# Sensitivity: each unit alone and each left out, against runs of recipes that say the same; the steps that a
# run leaves behind; interactions.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

root=$PWD
runs="$scratch/runs"
# experiment NAME: recipes and what follows stand on stdin
experiment() {
    cat > "$scratch/$1.yaml" <<YAML
ssmq: 1
name: $1
model: {path: $root/models/tiny-mamba}
calibration: {data: {file: $root/configs/data/pile-sample.jsonl.zst}, select: first, count: 2, length: 128}
mode: [float, fake]
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 64, limit: 3}
YAML
    cat >> "$scratch/$1.yaml"
}

# json EXPRESSION: of the JSON in $out, as run[RECIPE]; figure(RECIPE, UNIT, WHICH, KEY)
json() {
    python3 -c "import json,sys; j = json.load(sys.stdin)
run = {r['recipe'] or r['mode']: r for r in j['runs']}
def figure(name, unit, which, key):
    return [u for u in run[name]['sensitivity']['units'] if u['unit'] == unit][0][which][key]
def ppl(name, evaluation='wt2'): return run[name]['evaluations'][evaluation]['ppl']
print($1)" <<< "$out"
}
expect_json() {
    local got
    got=$(json "$1" 2>&1)
    [ "$got" = "$2" ] || fail "$command_line: $1 is '$got', not '$2'"
}
directory() { echo "$runs/$1/$(json "run['$2']['id']")"; } # of a run of the JSON in $out

# ---- each site ---------------------------------------------------------------------------

experiment each <<YAML
recipes:
  naive: $root/configs/recipes/naive.yaml
  one:     # a single unit: alone it is the recipe, left out it is float
    - {id: a, method: activations, sites: "layers.*.scan.x", bits: 4}
  nothing:
    - {id: w, method: weights, bits: off}
compare: {metrics: kl, bootstrap: off, windows: 0, sensitivity: both}
YAML
run 0 run "$scratch/each.yaml" --out "$runs" --format json
each=$out
expect_in_err "fake naive: sensitivity: 33 of 33 evaluations in "
expect_json "sorted(run['naive']['sensitivity']), run['naive']['sensitivity']['windows']" \
    "['all_on', 'by', 'evaluation', 'units', 'windows'] 3"
expect_json "len(run['naive']['sensitivity']['units']), 'sensitivity' in run['float']" "16 False"
# Tiny-mamba suffers from the outliers at the scan's output.
expect_json "max(run['naive']['sensitivity']['units'], key=lambda u: u['only_this_on']['damage'])['unit']" out_proj.in
expect_json "max(run['naive']['sensitivity']['units'], key=lambda u: u['only_this_off']['damage'])['unit']" out_proj.in
# Identities, exact: the windows are those of the evaluation.
expect_json "run['naive']['sensitivity']['all_on']['ppl'] == ppl('naive')" True
expect_json "run['naive']['sensitivity']['all_on']['ln_ratio'] == run['naive']['evaluations']['wt2']['compare']['ln_ratio']" True
expect_json "run['naive']['sensitivity']['all_on']['kl_mean'] == run['naive']['evaluations']['wt2']['compare']['kl_mean']" True
expect_json "figure('one', 'scan.x', 'only_this_on', 'ppl') == ppl('one')" True
expect_json "figure('one', 'scan.x', 'only_this_off', 'ppl') == ppl('float')" True
expect_json "[figure('one', 'scan.x', 'only_this_off', k) for k in ('ln_ratio', 'ln_ratio_se', 'kl_mean')]" "[0.0, 0.0, 0.0]"
expect_json "figure('one', 'scan.x', 'only_this_on', 'damage') == figure('one', 'scan.x', 'only_this_on', 'ln_ratio')" True
expect_json "abs(figure('one', 'scan.x', 'only_this_off', 'damage') - figure('one', 'scan.x', 'only_this_on', 'ln_ratio')) < 1e-12" True
expect_json "run['nothing']['sensitivity']['units'], run['nothing']['sensitivity']['all_on']['ppl'] == ppl('float')" "[] True"

# One site alone is what a recipe of that site alone gives: ranges do not depend on the other sites.
experiment alone <<YAML
recipe:
  - {id: a, method: activations, sites: "layers.*.out_proj.in", bits: 8}
YAML
naive=$(directory each naive)
wanted=$(json "figure('naive', 'out_proj.in', 'only_this_on', 'ppl')")
run 0 run "$scratch/alone.yaml" --out "$runs" --format json
expect_json "run['fake']['evaluations']['wt2']['ppl']" "$wanted"

# ---- the steps that a run leaves ----------------------------------------------------------

# appended RUN UNIT: the perplexity of a recipe with the first unit's steps of a run's sensitivity.yaml behind it
appended() {
    cat "$root/configs/recipes/naive.yaml" > "$scratch/recipe.yaml"
    awk '/^# '"$2"':/ { on = 1; next } /^#/ { on = 0 } on' "$1/sensitivity.yaml" >> "$scratch/recipe.yaml"
    grep -q float-1 "$scratch/recipe.yaml" || fail "$1/sensitivity.yaml has no steps for $2"
    experiment longer <<< "recipes: {longer: $scratch/recipe.yaml}"
    run 0 run "$scratch/longer.yaml" --out "$scratch/longer" --format json
    json "ppl('longer')"
}
out=$each
wanted=$(json "figure('naive', 'out_proj.in', 'only_this_off', 'ppl')")
got=$(appended "$naive" out_proj.in)
[ "$got" = "$wanted" ] || fail "naive without out_proj.in: $got, not $wanted"
grep -q 'id: float-1-activations, method: activations, sites: \["layers.\*.out_proj.in"\], bits: off' \
    "$naive/sensitivity.yaml" || fail "$(cat "$naive/sensitivity.yaml")"
python3 - "$naive/sensitivity.yaml" "$wanted" <<'PYTHON' || fail "the comment of $naive/sensitivity.yaml"
import re, sys
text = open(sys.argv[1]).read()
ppl = float(re.search(r"# out_proj.in: log-perplexity -[0-9.]+ \(se [0-9.]+\), to ppl ([0-9.]+)\n", text).group(1))
sys.exit(abs(ppl / float(sys.argv[2]) - 1) > 1e-5)
PYTHON
out=$each
grep -q '^\[\]' "$(directory each nothing)/sensitivity.yaml" || fail "steps where nothing is quantised"

# A layer has weights and activations: a step for each kind, all of them together the unit.
layers=(--format json --set compare.by=layer --set compare.sensitivity=each-off)
run 0 run "$scratch/each.yaml" --out "$runs" "${layers[@]}"
by_layer=$out
expect_json "[u['unit'] for u in run['naive']['sensitivity']['units']]" "['layers.0', 'layers.1', 'layers.2', 'layers.3', 'layers.4', 'layers.5', 'layers.6', 'layers.7']"
expect_json "sorted(run['naive']['sensitivity']['units'][0])" "['only_this_off', 'unit']"
worst=$(json "max(run['naive']['sensitivity']['units'], key=lambda u: u['only_this_off']['damage'])['unit']")
wanted=$(json "figure('naive', '$worst', 'only_this_off', 'ppl')")
got=$(appended "$(directory each naive)" "$worst")
[ "$got" = "$wanted" ] || fail "naive without $worst: $got, not $wanted"

# ---- methods that solve, and steps as units -----------------------------------------------

experiment solved <<YAML
recipes:
  both:
    - {id: g, method: gptq, bits: 4}
    - {id: a, method: activations, bits: 8}
  solved:
    - {id: g, method: gptq, bits: 4}
  activations:
    - {id: a, method: activations, bits: 8}
compare: {metrics: kl, bootstrap: off, windows: 0, sensitivity: both, by: step}
YAML
run 0 run "$scratch/solved.yaml" --out "$runs" --format json
expect_json "figure('both', 'g', 'only_this_off', 'ppl') == figure('both', 'a', 'only_this_on', 'ppl') == ppl('activations')" True
expect_json "figure('both', 'g', 'only_this_on', 'ppl') == ppl('solved')" True # the same solved codes

# ---- interactions -------------------------------------------------------------------------

experiment pairs <<YAML
recipes:
  both: $root/configs/recipes/quamba.yaml
  naive: $root/configs/recipes/naive.yaml
  in-per: $root/configs/recipes/in-per.yaml
  out-had: $root/configs/recipes/out-had.yaml
compare: {metrics: kl, bootstrap: off, windows: 0, interactions: [[rot, u]]}
YAML
run 0 run "$scratch/pairs.yaml" --out "$runs" --format json
pairs=$out
nll() { echo "run['$1']['evaluations']['wt2']['nll']"; }
expect_json "'interactions' in run['naive'], 'interactions' in run['both']" "False True"
expect_json "run['both']['interactions']['pairs'][0]['steps']" "['rot', 'u']"
expect_json "[run['both']['interactions']['pairs'][0]['nll_' + k] for k in ('both', 'only_first', 'only_second', 'neither')] == [$(nll both), $(nll out-had), $(nll in-per), $(nll naive)]" True
expect_json "abs(run['both']['interactions']['pairs'][0]['ln_ppl'] - ($(nll both) - $(nll out-had) - $(nll in-per) + $(nll naive))) < 1e-12" True
expect_json "run['both']['interactions']['pairs'][0]['ln_ppl_se'] > 0" True
expect_in_err "fake both: interactions: 4 of 4 recipes in "
run 0 run "$scratch/pairs.yaml" --out "$runs"
expect_in_out "fake both: what two steps cost in log-perplexity beyond what each does, wt2, 3 windows"

# A recipe that cannot do without a step says so before anything runs.
experiment cannot <<YAML
recipe:
  - {id: a, method: activations, sites: "layers.*.out_proj.in"}
  - {id: undo, method: activations, sites: "layers.*.out_proj.in", bits: off}
  - {id: rot, method: hadamard}
compare: {interactions: [[undo, rot]]}
YAML
run 3 run "$scratch/cannot.yaml" --out "$runs"
expect_in_err "cannot.yaml:12:26: error: compare.interactions, without undo: layers.0.out_proj.in is quantised"

# ---- what does not change it, and what is printed -----------------------------------------

run 0 run "$scratch/each.yaml" --out "$runs" --format json # from summary.json
expect_out "$each"
run 0 run "$scratch/pairs.yaml" --out "$runs" --format json
expect_out "$pairs"
run 0 run "$scratch/each.yaml" --out "$scratch/one" "${layers[@]}" --set run.threads=1
expect_out "$by_layer"
for recipe in naive one; do
    id=$(basename "$(directory each $recipe)")
    for file in run.h5 sensitivity.yaml; do
        cmp -s "$runs/each/$id/$file" "$scratch/one/each/$id/$file" || fail "$file of $recipe: threads change it"
    done
done
# What is damaged is made again, the steps too.
one=$(directory each one)
rm "$one/run.h5"
echo "- torn" > "$one/sensitivity.yaml"
run 0 run "$scratch/each.yaml" --out "$runs" "${layers[@]}"
expect_out "$by_layer"
cmp -s "$one/sensitivity.yaml" "$scratch/one/each/$(basename "$one")/sensitivity.yaml" || fail "sensitivity.yaml was left"
# Sorted by damage, in part in the report, whole where a run is shown.
run 0 run "$scratch/each.yaml" --out "$runs"
expect_in_out "fake naive: sensitivity in log-perplexity, wt2, 3 windows; the whole recipe: ppl "
expect_in_out "8 more: ssmq show of the run"
expect_in_out "nothing is quantised"
run 0 show "$naive"
gains=$(awk '/^site / { on = 1; next } /^$/ { on = 0 } on && !/^-/ { print $7 }' <<< "$out")
[ "$(wc -l <<< "$gains")" -eq 16 ] || fail "not 16 gains: $gains"
[ "$gains" = "$(sort -gr <<< "$gains")" ] || fail "gains are not sorted: $gains"
run 0 check "$naive/resolved.yaml"
expect_in_out "$(basename "$naive")"

finish
