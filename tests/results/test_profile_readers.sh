#!/usr/bin/env bash
# The file of `ssmq profile --out` in h5py, xarray, h5ls and h5dump, and its figures against those printed.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/results.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/results.sh"

python=/usr/bin/python3 # Debian's, which Debian's h5py and xarray belong to
command -v "$python" > /dev/null || python=python3

# check NAME ARG...: of modes that need a recipe too; with and without steps behind the prefill
check() {
    local h5=$scratch/$1.h5
    shift
    run 0 profile --model models/tiny-mamba --recipe configs/recipes/quamba.yaml --prompt 8 --repeat 4 --warmup 1 "$@" \
        --out "$h5" --format json
    readable "$h5" /profile /axis/phase
    "$python" tests/results/check_profile.py "$h5" "$scratch/out" || fail "check_profile.py $h5"
}

check all --mode float --mode fake --mode real --generate 3
check first --mode real --generate 1 --batch 2

run 0 run experiments/profile.yaml --out "$scratch" --set calibration.count=2 --set calibration.length=64 \
    --set mode=real --set evaluate.speed.generate=2 --set 'sweep.axes={}' --set evaluate.speed.repeat=2
for h5 in "$scratch"/profile/*/{run,profile}.h5; do
    "$python" tests/results/check_results.py "$h5" || fail "check_results.py $h5"
done

finish
