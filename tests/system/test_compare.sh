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
expect_json '[by("none", k, e) for e in ("wt2", "pile") for k in ("kl_mean", "kl_max", "kl_se", "delta_p_rms", "delta_p_mean", "ln_ratio", "ln_ratio_se", "ln_ratio_low", "ln_ratio_high", "top1")]' \
    "[$(printf '0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, ' | sed 's/$//')$(printf '0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0')]"

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
expect_in_out "fake none    wt2                 0"
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
[ "$same" = "[True, False, False, False, False, False]
True" ] || fail "compared and plain runs: $same"
run 0 run "$scratch/compared.yaml" --out "$scratch/one" --set run.threads=1 --format json
expect_out "$compared"
for h5 in "$runs"/compared/*/run.h5; do
    cmp -s "$h5" "$scratch/one/compared/$(basename "$(dirname "$h5")")/run.h5" || fail "$h5: threads change it"
done

# There has to be something to compare.
run 3 run "$scratch/compared.yaml" --out "$runs" --set mode=float
expect_out ""
expect_in_err "compare has nothing to compare with float: mode is only float"

finish
