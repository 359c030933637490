#!/usr/bin/env bash
# Dialect lm-eval: its figures are those of its windows, each scored by itself, put together by an independent program.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/results.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/results.sh"

python=/usr/bin/python3 # Debian's, which Debian's h5py belongs to
command -v "$python" > /dev/null || python=python3
"$python" tests/results/check_lm_eval.py make "$scratch"
[ $? -eq 77 ] && exit 77

run 0 run "$scratch/rolling.yaml" --out "$scratch/runs"
run 0 run "$scratch/windows.yaml" --out "$scratch/runs"
"$python" tests/results/check_lm_eval.py check "$scratch" || fail "check_lm_eval.py"
for h5 in "$scratch"/runs/rolling/*/run.h5; do
    readable "$h5"
done
run 0 verify "$scratch/runs/rolling"

# The harness's own windows, and the tiny model by another program (tests/golden/lm-eval/README.md).
run 0 run "$scratch/wikitext.yaml" --out "$scratch/runs"
"$python" tests/results/check_lm_eval.py model "$scratch" || fail "check_lm_eval.py model"

# Any number of threads gives the same bytes.
run 0 run "$scratch/rolling.yaml" --out "$scratch/one" --threads 1
for h5 in "$scratch"/runs/rolling/*/run.h5; do
    cmp "$h5" "$scratch/one/${h5#"$scratch/runs/"}" || fail "another number of threads gives other results"
done
finish
