#!/usr/bin/env bash
# Every kind of figure finds what it shows in the runs of one experiment that asks for all of it.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

run 0 run experiments/quickstart.yaml --out "$scratch" --set calibration.count=2 \
    --set evaluate.wt2.window=64 --set evaluate.wt2.limit=2 \
    --set 'compare={metrics: [kl, sqnr, clip-rate], sensitivity: both, windows: 1}' \
    --set 'collect={sites: ["layers.*.scan.x", "layers.*.out_proj.in"], dump: {sites: [layers.3.scan.x, layers.3.scan.state], samples: 1, tokens: 32, dtype: f16, limit: 16MiB}}'
runs=$scratch/quickstart

# shows RUNS ARG...: the figure is of so many of the three runs
shows() {
    local wanted=$1 shown
    shift
    run 0 export "$@" "$runs"
    shown=$(grep -c '^# run ' "$scratch/out")
    [ "$shown" -eq "$wanted" ] || fail "$command_line: $shown runs, not $wanted: $(head -5 "$scratch/out")"
    awk -F, '/^#/ { next } !n { n = NF } NF != n { exit 1 } END { exit NR < 10 }' "$scratch/out" ||
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
shows 2 heat --input propagated
shows 2 sensitivity

finish
