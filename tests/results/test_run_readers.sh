#!/usr/bin/env bash
# The run.h5 of real runs, float and quantised, in h5py, xarray, h5ls and h5dump, and its figures against
# those of summary.json.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/results.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/results.sh"

python=/usr/bin/python3 # Debian's, which Debian's h5py and xarray belong to
command -v "$python" > /dev/null || python=python3

run 0 run experiments/quickstart.yaml --out "$scratch" --set 'evaluate=[{id: wt2, task: perplexity, data: {file: configs/data/wiki.test.raw}, dialect: gptq, window: 128, limit: 4}, {id: pile, task: perplexity, data: {file: configs/data/pile-sample.jsonl.zst, subset: meta.pile_set_name}, dialect: gptq, window: 64, limit: 1}]' --set calibration.count=3 --set 'compare={tokens: true, bootstrap: 100, metrics: [kl, delta-p, top1, sqnr, mse, cosine, rel-l2, max-err, bias, clip-rate], windows: 2, evaluation: wt2, sensitivity: both, by: step, interactions: [[rot, u], [w, u]]}'

for h5 in "$scratch"/quickstart/*/run.h5; do
    readable "$h5"
    "$python" tests/results/check_run.py "$(dirname "$h5")" || fail "check_run.py $h5"
done

finish
