#!/usr/bin/env bash
# Every kind of figure finds what it shows in the runs of one experiment that asks for all of it.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

run 0 run experiments/quickstart.yaml --out "$scratch" --set calibration.count=2 \
    --set evaluate.wt2.window=64 --set evaluate.wt2.limit=4 \
    --set 'compare={tokens: true, metrics: [kl, sqnr, mse, clip-rate], sensitivity: both, interactions: [[w, a]], windows: 1}' \
    --set 'collect={sites: ["layers.*.scan.x", "layers.*.out_proj.in", "layers.*.in_proj.weight"], dump: {sites: [layers.3.scan.x, layers.3.scan.state], samples: 1, tokens: 32, dtype: f16, limit: 16MiB}}'
runs=$scratch/quickstart

# shows RUNS ARG...: the figure is of so many of the three runs
shows() {
    local wanted=$1 shown
    shift
    run 0 export "$@" "$runs"
    shown=$(grep -c '^# run ' "$scratch/out")
    [ "$shown" -eq "$wanted" ] || fail "$command_line: $shown runs, not $wanted: $(head -5 "$scratch/out")"
    awk -F, '/^#/ { next } !n { n = NF } NF != n { exit 1 } END { exit NR < 6 }' "$scratch/out" ||
        fail "$command_line: no table"
}

for site in scan.x out_proj.in; do
    for kind in histogram channels boxes; do shows 3 "$kind" --site "$site" --layer 3; done
    shows 3 outliers --site "$site"
    shows 3 layers --site "$site" --quantity kurtosis
    shows 2 layers --site "$site" --quantity scale
    shows 2 layers --site "$site" --quantity clip_rate
done
shows 3 surface --site scan.x
shows 3 surface --site layers.3.scan.state
shows 2 heat
if grep -q head.in "$scratch/out"; then fail "propagated errors among clean ones: $command_line"; fi
shows 2 heat --input propagated
expect_in_out head.in
shows 2 samples --site scan.x --layer 3
shows 2 tokens
shows 2 tokens --site head.in
shows 2 sensitivity
shows 2 interactions
shows 2 windows --metric kl
shows 3 windows --metric nll
shows 2 kl
if command -v gnuplot > /dev/null; then # a weight has no samples to persist in
    run 0 plot outliers "$runs" --site in_proj.weight --top 4 -o "$scratch/weight.svg"
    grep -q kurtosis "$scratch/weight.svg" || fail "no picture of a weight's outliers"
fi

# ---- real against fake ---------------------------------------------------------------------

run 0 run experiments/quickstart.yaml --out "$scratch/modes" --set calibration.count=2 --set evaluate.wt2.window=64 \
    --set evaluate.wt2.limit=2 --set 'mode=[float, real]' --set 'compare={against: [float, fake], windows: 1}'
modes=$scratch/modes/quickstart
runs=$modes
shows 2 fake-real
if command -v gnuplot > /dev/null; then # nothing differs, and that is drawn, too
    run 0 plot fake-real "$modes" -o "$scratch/fake-real.svg"
    grep -q "share of codes that differ" "$scratch/fake-real.svg" || fail "no picture of fake-real"
fi
run 0 compare --fake-real "$modes"
expect_err ""
expect_in_out "real naive: real against fake, wt2, 1 window"
expect_in_out "codes: all 1103872 are the same, and so is every bit of what they were made from"
expect_in_out "log-perplexity +0, KL 0"
run 0 compare --fake-real "$modes" --format json
python_with json
"$python" -c 'import json, sys
runs = json.load(open(sys.argv[1]))["fake_real"]
assert [r["name"] for r in runs] == ["real naive", "real quamba"]
for r in runs:
    layers = [l for s in r["sites"] for l in s["layers"]]
    assert len(r["sites"]) == 9 and len(layers) == 72 and "first" not in r and r["ln_ratio"] == 0
    assert all(l["n_values"] > 0 and l["n_differ"] == l["n_inexact"] == l["max_differ"] == 0 for l in layers)' "$scratch/out" ||
    fail "the JSON of compare --fake-real"
if python_with h5py xarray h5netcdf netCDF4; then
    for file in "$modes"/*/run.h5; do
        "$python" tests/results/check_results.py "$file" > "$scratch/said" || fail "$file: $(cat "$scratch/said")"
    done
else
    echo "skipped: results in Python: no python3-h5py, python3-xarray, python3-h5netcdf or python3-netcdf4"
fi
refuse 4 "no finished run in mode real was compared with fake: its experiment needs compare: {against: [float, fake]}" \
    compare --fake-real "$scratch/quickstart"
refuse 2 "option '--format' is 'csv': with --fake-real it is text or json" compare --fake-real "$modes" --format csv
refuse 2 "option '--gate' is none of --fake-real" compare --fake-real "$modes" --gate 'ppl<=1'

finish
