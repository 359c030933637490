#!/usr/bin/env bash
# Runs compared with float: a model and itself, 16 bits, naive against Quamba; what is stored and printed.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

root=$PWD
runs="$scratch/runs"
cat > "$scratch/compared.yaml" <<YAML
ssmq: 1
name: compared
model: {path: $root/models/tiny-mamba}
calibration: {data: {file: $root/configs/data/pile-sample.jsonl.zst}, select: first, count: 4, length: 256}
mode: [float, fake]
recipes:
  none:    # quantises nothing: the float model under another name
    - {id: w, method: weights, bits: off}
  disabled: # no step is left: the same
    - {id: w, method: weights, enabled: false}
    - {id: rot, method: hadamard, enabled: false}
  bits16:
    - {id: w, method: weights, bits: 16, scope: channel}
    - {id: a, method: activations, bits: 16, range: dynamic, scope: token}
  whole:   # a range for a whole sequence, which is then run in one piece
    - {id: a, method: activations, bits: 8, range: dynamic, scope: tensor}
  naive: $root/configs/recipes/naive.yaml
  quamba: $root/configs/recipes/quamba.yaml
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 600, limit: 4}
  - {id: pile, task: perplexity, data: {file: $root/configs/data/pile-sample.jsonl.zst, subset: meta.pile_set_name},
     dialect: gptq, window: 64, limit: 2}
compare: {tokens: true, bootstrap: 200}
YAML

# json EXPRESSION: of the JSON in $out, as j; by(NAME, KEY): an entry of the comparison of wt2
json() {
    python3 -c "import json,sys; j = json.load(sys.stdin)
run = {r['recipe'] or r['mode']: r for r in j['runs']}
def by(name, key, evaluation='wt2'): return run[name]['evaluations'][evaluation]['compare'][key]
print($1)" <<< "$out"
}
expect_json() {
    local got
    got=$(json "$1" 2>&1)
    [ "$got" = "$2" ] || fail "$command_line: $1 is '$got', not '$2'"
}

run 0 run "$scratch/compared.yaml" --out "$runs" --format json
compared=$out
expect_json '"compare" in run["float"]["evaluations"]["wt2"]' False

# The model against itself: exactly nothing, in every figure.
for name in none disabled; do
    expect_json '[by("'$name'", k, e) for e in ("wt2", "pile") for k in ("kl_mean", "kl_max", "kl_se", "delta_p_rms", "delta_p_mean", "ln_ratio", "ln_ratio_se", "ln_ratio_low", "ln_ratio_high", "top1")]' \
    "[$(printf '0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, ' | sed 's/$//')$(printf '0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0')]"
done

# 16 bits whose ranges fit each token: steps of 2^-15 of the largest value of a token or row.
expect_json '0 < by("bits16", "kl_mean") < 1e-5 and by("bits16", "top1") > 0.99 and abs(by("bits16", "ln_ratio")) < 1e-3' True
expect_json 'by("bits16", "kl_mean") < by("quamba", "kl_mean") < by("naive", "kl_mean")' True
expect_json 'by("bits16", "top1") > by("quamba", "top1") > by("naive", "top1")' True
expect_json 'by("naive", "ln_ratio_low") < by("naive", "ln_ratio") < by("naive", "ln_ratio_high")' True
expect_json 'by("whole", "kl_mean") > 0' True
# The difference in log-perplexity is that of the two runs.
expect_json 'max(abs(by(n, "ln_ratio", e) - (run[n]["evaluations"][e]["nll"] - run["float"]["evaluations"][e]["nll"])) for n in ("bits16", "naive", "quamba") for e in ("wt2", "pile")) < 1e-12' True

# The table of a run that is compared, in the text; finished runs are not run again.
run 0 run "$scratch/compared.yaml" --out "$runs"
expect_in_out "against float, over the same tokens"
expect_in_out "fake none      wt2                 0"
run 0 run "$scratch/compared.yaml" --out "$runs" --format json
expect_out "$compared"
for id in $(json '" ".join(r["id"] for r in j["runs"])'); do
    run 0 check "$runs/compared/$id/resolved.yaml"
    expect_in_out "$id"
done

# Comparing changes no other number, and threads none at all.
grep -v '^compare' "$scratch/compared.yaml" > "$scratch/plain.yaml"
run 0 run "$scratch/plain.yaml" --out "$scratch/plain" --format json
plain=$out
expect_json '"compare" in run["naive"]["evaluations"]["wt2"]' False
same=$(python3 -c "import json,sys
a, b = (json.loads(t)['runs'] for t in sys.argv[1:])
print([x['id'] == y['id'] for x, y in zip(a, b)])
print(all(x['evaluations'][e][k] == y['evaluations'][e][k] for x, y in zip(a, b) for e in x['evaluations'] for k in ('ppl', 'ppl_se', 'nll')))" "$compared" "$plain")
[ "$same" = "[True, False, False, False, False, False, False]
True" ] || fail "compared and plain runs: $same"
run 0 run "$scratch/compared.yaml" --out "$scratch/one" --set run.threads=1 --format json
expect_out "$compared"
for h5 in "$runs"/compared/*/run.h5; do
    cmp -s "$h5" "$scratch/one/compared/$(basename "$(dirname "$h5")")/run.h5" || fail "$h5: threads change it"
done

# ---- errors at sites --------------------------------------------------------------------

cat > "$scratch/sites.yaml" <<YAML
$(sed -n '/^model/,/^calibration/p' "$scratch/compared.yaml")
ssmq: 1
name: sites
mode: fake
recipes:
  none:
    - {id: w, method: weights, bits: off}
  naive: $root/configs/recipes/naive.yaml
  quarot: $root/configs/recipes/quarot-ssm.yaml
  state:
    - {id: s, method: state, bits: 8}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 100, limit: 6}
compare: {metrics: [sqnr, mse, cosine, clip-rate], windows: 2}
YAML
run 0 run "$scratch/sites.yaml" --out "$runs" --format json
sites=$out
site() { # site RUN SITE INPUT KEY
    echo "[s['$4'] for s in run['$1']['site_errors']['sites'] if (s['site'], s['input']) == ('$2', '$3')][0]"
}
expect_json "run['none']['site_errors']['windows'], run['none']['site_errors']['evaluation']" "2 wt2"
# Nothing quantised: no error, and an infinite SQNR that JSON cannot say.
expect_json "set((s['input'], s['mse'], s['sqnr_db'], s['sqnr_db_nonfinite'], s['cosine'], s['clip_rate']) for s in run['none']['site_errors']['sites'])" \
    "{('propagated', 0.0, None, 'inf', 1.0, 0.0)}"
expect_json "sorted(run['naive']['site_errors']['sites'][0])" \
    "['clip_rate', 'cosine', 'input', 'layers', 'mse', 'site', 'sqnr_db', 'worst_layer', 'worst_sqnr_db']"
# What the paper is about: of all activations the scan's output suffers most, and next to it its input.
expect_json "[s['site'] for s in sorted((s for s in run['naive']['site_errors']['sites'] if s['input'] == 'clean' and '.weight' not in s['site'] and s['site'] not in ('scan.D', 'scan.A_log')), key=lambda s: s['sqnr_db'])[:2]]" \
    "['out_proj.in', 'scan.x']"
expect_json "$(site quarot out_proj.in clean sqnr_db) > $(site naive out_proj.in clean sqnr_db)" True
expect_json "$(site naive head.in propagated sqnr_db) < $(site quarot head.in propagated sqnr_db) < $(site quarot in_proj.in clean sqnr_db)" True
# Not turned, so the same but for the rounding of the rotations before it.
expect_json "abs($(site naive scan.x clean sqnr_db) - $(site quarot scan.x clean sqnr_db)) < 0.001" True
expect_json "[s['layers'] for s in run['state']['site_errors']['sites'] if s['site'] == 'scan.state']" "[8, 8]"
run 0 run "$scratch/sites.yaml" --out "$runs" --format json # from summary.json
expect_out "$sites"
run 0 run "$scratch/sites.yaml" --out "$scratch/one" --set run.threads=1 --format json
expect_out "$sites"
for h5 in "$runs"/sites/*/run.h5; do
    cmp -s "$h5" "$scratch/one/sites/$(basename "$(dirname "$h5")")/run.h5" || fail "$h5: threads change it"
done
run 0 run "$scratch/sites.yaml" --out "$runs"
expect_in_out "fake naive: errors at sites against float, all layers together, wt2, 2 windows"
expect_in_out "18 more: ssmq show of the run"
run 0 show "$(dirname "$h5")"
expect_in_out "errors at sites against float, all layers together, wt2, 2 windows"
run 0 run "$scratch/sites.yaml" --out "$scratch/clean" --set compare.inputs=clean --format json
expect_json "set(s['input'] for s in run['naive']['site_errors']['sites']), run['none']['site_errors']['sites']" "{'clean'} []"
run 3 run "$scratch/sites.yaml" --out "$runs" --set compare.evaluation=wt
expect_in_err "compare.evaluation is 'wt', which is the id of no evaluation"

# There has to be something to compare.
run 3 run "$scratch/compared.yaml" --out "$runs" --set mode=float
expect_out ""
expect_in_err "compare has nothing to compare with float: mode is only float"

finish
