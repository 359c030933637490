#!/usr/bin/env bash
# `ssmq compare` of sweeps: axes in columns, each run against its own baseline, runs that are not done, several sweeps.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/sweeps.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/sweeps.sh"
python_with h5py || { echo "skipped: no python3-h5py"; exit 77; }

write_sweep "$scratch/sweep.yaml" swept
run 0 run "$scratch/sweep.yaml" --out "$scratch/runs"
here="$scratch/runs/swept"

run 0 compare "$here"
expect_err ""
head -1 "$scratch/out" | grep -Eq '^run +at_sites +bits +status +wt2 ppl +se +change, % +se$' || fail "columns: $out"
expect_in_out "change in per cent from the run with bits=8 and else the same values, standard errors paired by window"
[ "$(grep -Ec '^fake +layers\..* 8 +done .* - +-$' "$scratch/out")" = 2 ] || fail "the baseline is held against something: $out"
[ "$(grep -Ec '^fake +layers\..* 4 +done .* [+-][0-9.]+~? +[0-9.]+$' "$scratch/out")" = 2 ] || fail "runs are held against nothing: $out"

run 0 compare "$here" --format json
"$python" - "$scratch/out" "$here" <<'PYTHON' || fail "figures against the baseline of the sweep"
import json, math, sys
import h5py
d = json.load(open(sys.argv[1]))
frozen = json.load(open(sys.argv[2] + "/sweep.json"))
assert [r["id"] for r in d["runs"]] == [r["id"] for r in frozen["runs"]]
nll = {}
for r, f in zip(d["runs"], frozen["runs"]):
    assert r["axes"] == f["axes"] and r["against"] == f["against"], (r, f)
    with h5py.File(r["directory"] + "/run.h5") as h:
        nll[r["id"]] = h["/eval/wt2/window_nll"][:]
best = min((r for r in d["runs"] if r["mode"] != "float"), key=lambda r: r["evaluations"]["wt2"]["ppl"])
held = 0
for r in d["runs"]:
    e = r["evaluations"]["wt2"]
    assert e["best"] == (r["id"] == best["id"]) and not (r["mode"] == "float" and "kl_mean" in e)
    if r["against"] is None:
        assert "change_percent" not in e
        continue
    held += 1
    x = nll[r["id"]] - nll[r["against"]]
    se = x.std(ddof=1) / math.sqrt(len(x))
    assert e["paired"] and e["noise"] == bool(abs(x.mean()) <= 2 * se)
    assert math.isclose(e["change_percent"], 100 * math.expm1(x.mean()), rel_tol=1e-10)
    assert math.isclose(e["change_se_percent"], 100 * math.exp(x.mean()) * se, rel_tol=1e-9)
assert held == 2
PYTHON
bits8=$("$python" -c 'import json,sys; print([r["id"] for r in json.load(open(sys.argv[1]))["runs"] if r["axes"]["bits"] == 8][0])' "$scratch/out")

run 0 compare "$here" --format csv
head -1 "$scratch/out" | grep '^run,id,mode,recipe,status,at_sites,bits,evaluation,' > /dev/null || fail "CSV: $out"
run 0 compare "$here" --format markdown
[ "$(grep -c '\*\*[0-9.]*\*\*' "$scratch/out")" = 1 ] || fail "not one figure in bold: $out"
run 0 compare "$here" --baseline float
expect_in_out "change in per cent from float, "
[ "$(grep -Ec '^fake .* [+-][0-9.]+~? +[0-9.]+$' "$scratch/out")" = 4 ] || fail "not all against float: $out"

run 0 show "$here"
expect_in_out "axis      bits: 8 4
"
expect_in_out "question  does <script>"
[ "$(grep -oE '^(float|fake) .* [0-9a-f]{16} ' "$scratch/out" | grep -oE '[0-9a-f]{16} ' | tr -d '\n ')" = \
    "$(sed -n 's/^      "id": "\(.*\)",/\1/p' "$here/sweep.json" | tr -d '\n')" ] || fail "not in the order of the list: $out"

# Gates hold for all but the baselines, against those.
run 6 compare "$here" --gate "ppl<=-99%"
[ "$(grep -o 'bits=4, wt2' <<< "$err" | wc -l)" = 2 ] || fail "gate: $err"
expect_in_err "bits=4"
case $err in *bits=8*) fail "a gate holds for a baseline: $err" ;; esac

# A run that nobody has begun, and one that failed, are rows; runs of another form of the sweep are left out.
cp -r "$scratch/runs" "$scratch/partly"
part="$scratch/partly/swept"
lost=$(sed -n 's/.*"id": "\(.*\)",/\1/p' "$part/sweep.json" | tail -1)
rm -r "${part:?}/$lost"
run 0 compare "$part"
grep -Eq '^fake +layers\.\?\.scan\.x +4 +queued +- +- +- +-$' "$scratch/out" || fail "no queued run: $out"
rm "$part/$bits8"/{run.h5,summary.json}
sed -i 's/"done"/"failed"/; s/"reason": null/"reason": "out of luck"/' "$part/$bits8/status.json"
run 0 compare "$part"
grep -Eq '^fake .* 8 +failed +- +- +- +-$' "$scratch/out" || fail "no failed run: $out"
run 0 compare "$part" --format latex
expect_in_out '\multicolumn{2}{c}{failed}'
write_sweep "$scratch/less.yaml" swept
run 0 run "$scratch/less.yaml" --out "$scratch/runs" --set 'sweep.axes.bits={recipe.w.bits: [8]}'
run 0 compare "$here"
expect_in_out "left out: 2 runs in $here that sweep.json does not list"
[ "$(grep -c '^fake' "$scratch/out")" = 2 ] || fail "runs that the list does not have: $out"
run 0 run "$scratch/sweep.yaml" --out "$scratch/runs"

# Two sweeps: the axes of both; what is in both stands there once.
write_sweep "$scratch/more.yaml" more
run 0 run "$scratch/more.yaml" --out "$scratch/runs" --set 'sweep.axes={scope: {recipe.w.scope: [tensor, channel]}}' --set 'sweep.baseline={scope: tensor}'
run 0 compare "$here" "$scratch/runs/more"
head -1 "$scratch/out" | grep -Eq '^run +at_sites +bits +scope +status ' || fail "axes of both: $out"
[ "$(grep -c '^float' "$scratch/out")" = 1 ] || fail "float stands there twice: $out"
write_sweep "$scratch/wide.yaml" wide
run 0 run "$scratch/wide.yaml" --out "$scratch/runs" --set evaluate.wt2.window=16
run 3 compare "$here" "$scratch/runs/wide"
expect_in_err "they do not stand in one column"

# A gate that many runs do not meet names some.
run 6 compare "$here" "$scratch/runs/more" --gate "ppl<1"
expect_in_err "; and 1 more"
[ "$(grep -o ';' <<< "$err" | wc -l)" -eq 6 ] || fail "not 6 runs are named: $err"

# What is damaged.
sed -i '2d' "$part/sweep.json"
run 7 compare "$part"
expect_in_err "$part/sweep.json: is no list of runs"
head -c 100 "$here/sweep.json" > "$part/sweep.json"
run 7 compare "$part"
expect_in_err "$part/sweep.json"
finish
