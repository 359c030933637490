#!/usr/bin/env bash
# export and plot of sweep, pareto and ablation: figures against `ssmq compare` and summary.json, runs that failed, refusals.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/sweeps.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/sweeps.sh"

write_sweep "$scratch/sweep.yaml" swept
run 0 run "$scratch/sweep.yaml" --out "$scratch/runs"
here="$scratch/runs/swept"
run 0 compare "$here" --format json
cp "$scratch/out" "$scratch/table.json"

# check KIND ARGUMENT... <<< PYTHON: `columns` is the data of the figure, `table` what compare says, by run id
check() {
    run 0 export "$@" "$here" --format json
    expect_err ""
    python3 -c '
import json, sys
f = json.load(open(sys.argv[1]))
columns, kind = f["data"], f["kind"]
table = {r["id"]: r for r in json.load(open(sys.argv[2]))["runs"]}
here = sys.argv[3]
rows = [dict(zip(columns, v)) for v in zip(*columns.values())] if not any(c.endswith("_nonfinite") for c in columns) else [
    {c: columns[c][i] for c in f["columns"]} for i in range(len(columns["run"]))]
assert all(any(r in c for c in f["comments"]) for r in table), "not every run is in the comments"
exec(sys.stdin.read())' "$scratch/out" "$scratch/table.json" "$here" || fail "$command_line"
}

check sweep --axis bits <<'PYTHON'
assert len(rows) == 5 and len({r["curve"] for r in rows}) == 3
for r in rows:
    t = table[r["run_id"]]
    assert r["value"] == t["evaluations"]["wt2"]["ppl"] and r["se"] == t["evaluations"]["wt2"]["ppl_se"]
    assert r["x"] == t["axes"]["bits"] and (r["mode"] if "mode" in r else t["mode"] == "float") == (r["x"] is None)
assert [r["x"] for r in rows if r["x"]] == [4, 8, 4, 8]
PYTHON
check sweep --axis at_sites --metric change <<'PYTHON'
for r in rows:
    t = table[r["run_id"]]
    assert r["x"] is None and r["x_text"] == (t["axes"]["at_sites"] or "")
    assert r["value"] == t["evaluations"]["wt2"].get("change_percent", 0.0)
    assert r["se"] == t["evaluations"]["wt2"].get("change_se_percent")
assert sorted(r["place"] for r in rows if r["x_text"]) == [0, 0, 1, 1]
PYTHON
check sweep --metric kl_mean <<'PYTHON'
assert sum(r["value"] is None for r in rows) == 1 # float
assert all(r["value"] == table[r["run_id"]]["evaluations"]["wt2"].get("kl_mean") for r in rows)
PYTHON
check pareto --metric change <<'PYTHON'
import math
base = [t for t in table.values() if t["mode"] == "float"][0]["evaluations"]["wt2"]["nll"]
sizes = [r["bytes"] for r in rows]
assert len(rows) == 5 and sizes == sorted(sizes) and rows[-1]["float"] == 1
for r in rows:
    t = table[r["run_id"]]
    weights = json.load(open(f"{here}/{r['run_id']}/summary.json"))["weights"]
    assert r["bytes"] == weights["bytes"]
    bits = t["axes"]["bits"] or 16
    # Weights outside of the layers stay in floating point, and so do the norms.
    assert bits / 8 <= weights["bytes"] / weights["parameters"] <= 2
    # The mean of the differences against the difference of the means: float64 sums of 4 windows near 4.
    assert math.isclose(r["value"], 100 * math.expm1(t["evaluations"]["wt2"]["nll"] - base), rel_tol=1e-9, abs_tol=1e-9)
    beaten = any(o["bytes"] <= r["bytes"] and o["value"] < r["value"] for o in rows)
    assert r["front"] == (not beaten), r
PYTHON
check ablation <<'PYTHON'
assert len(rows) == 2 # two others are the baselines, and float has none
assert all(r["noise"] == table[r["run_id"]]["evaluations"]["wt2"]["noise"] for r in rows)
assert all(r["name"].startswith("at_sites=layers.") and r["name"].endswith("bits=4") for r in rows)
PYTHON
run 0 export ablation "$here" --label a --label b --label c --label d --label e
expect_in_out ",e,"
run 0 export sweep "$here" --axis bits -o "$scratch/data/"
head -1 "$scratch/data/sweep.csv" | grep '^# ssmq ' > /dev/null || fail "CSV without comments"

# What cannot be.
refuse 2 "no axis has the name 'bit'; there are at_sites, bits" export sweep "$here" --axis bit
refuse 2 "no metric has the name 'pl'; did you mean 'ppl'?" export ablation "$here" --metric pl
refuse 2 "no size has the name 'MiB'; there are bytes, bits, latency" export pareto "$here" --quantity MiB
refuse 4 "no run has both latency and the metric 'ppl'" export pareto "$here" --quantity latency
refuse 4 "no run has an evaluation 'wt3'" export sweep "$here" --evaluation wt3
refuse 2 "option '--axis' is none of kind 'pareto'" export pareto "$here" --axis bits
refuse 2 "option '--label' stands 1 times for 5 runs" export ablation "$here" --label x
one=$(find "$here" -mindepth 1 -maxdepth 1 -type d | sort | head -1)
refuse 4 "none of the runs is of a sweep: there is no axis" export sweep "$one"
refuse 4 "no run has the metric 'difference' and is held against another" export ablation "$one"

# Damaged results, and runs that are not done.
cp -r "$scratch/runs" "$scratch/partly"
part="$scratch/partly/swept"
last=$(sed -n 's/.*"id": "\(.*\)",/\1/p' "$part/sweep.json" | tail -1)
head -c 3000 "$part/$last/run.h5" > "$scratch/torn"
mv "$scratch/torn" "$part/$last/run.h5"
run 7 export ablation "$part"
rm "$part/$last"/{run.h5,summary.json}
sed -i 's/"done"/"failed"/' "$part/$last/status.json"
run 0 export ablation "$part"
grep -q ',,,0,failed$' "$scratch/out" || fail "no failed run: $out"
run 0 export pareto "$part"
expect_in_out "# left out: run $last: no ppl (failed)"

if ! command -v gnuplot > /dev/null; then
    echo "skipped: pictures: gnuplot is absent (Debian: gnuplot-nox)"
    [ "$failures" -eq 0 ] && exit 77
    finish
fi
# picture TEXT... -- ARGUMENT...: drawn without a warning, with these texts
picture() {
    local texts=()
    while [ "$1" != -- ]; do texts+=("$1"); shift; done
    shift
    run 0 plot "$@" -o "$scratch/picture.svg"
    expect_out ""
    expect_err ""
    python3 -c 'import sys, xml.etree.ElementTree as tree
texts = ["".join(t.itertext()) for t in tree.parse(sys.argv[1]).iter("{http://www.w3.org/2000/svg}text")]
missing = [t for t in sys.argv[2:] if not any(t in text for text in texts)]
assert not missing, f"no text {missing} in {texts}"' "$scratch/picture.svg" "${texts[@]}" || fail "$command_line"
}
for folder in "$here" "$part"; do
    picture float bits perplexity 'at_sites=layers.?.scan.x' -- sweep "$folder" --axis bits
    picture at_sites 'layers.?.scan.x' "change of perplexity (%)" -- sweep "$folder" --axis at_sites --metric change
    picture "weights (MiB)" perplexity float -- pareto "$folder"
    picture "weights (MiB)" "change of perplexity (%)" float -- pareto "$folder" --metric change
    picture "bits per weight" perplexity -- pareto "$folder" --quantity bits --metric ppl --log y
done
picture "change of log-perplexity (nat)" 'bits=4' -- ablation "$here"
picture failed -- ablation "$part"
picture "weights (MiB)" -- pareto "$one"
for format in png pdf; do run 0 plot sweep "$here" -o "$scratch/picture.$format"; done
run 0 plot sweep "$here" -o "$scratch/a.svg"
run 0 plot sweep "$here" -o "$scratch/b.svg"
cmp "$scratch/a.svg" "$scratch/b.svg" || fail "the same figure twice is not the same file"
finish
