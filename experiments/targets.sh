#!/usr/bin/env bash
# Prefill, decoding and perplexity of float, fake and real mode on random models of released shapes, each beside its floor at the
# rates of this machine, which are probed in the same process; behind them mode real with other heads, and 16-bit weights alone.
#   bash experiments/targets.sh PROGRAM [SHAPE]...     by default mamba-130m and mamba-1.4b, which takes 5.5 GB of disk and 9 GB of memory
set -euo pipefail

program=${1:?the path of ssmq}
shift
[ $# -gt 0 ] || set -- mamba-130m mamba-1.4b
recipes=$(dirname "${BASH_SOURCE[0]}")/../configs/recipes
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for shape in "$@"; do
    "$program" model random --shape "$shape" --out "$folder/model" > /dev/null
    printf '%s\n\n' "$shape"
    for recipe in quamba quamba-head-bf16 quamba-head-int8 bf16; do
        modes=(--mode real)
        [ "$recipe" != quamba ] || modes=(--mode float --mode fake --mode real)
        printf '%s.yaml\n\n' "$recipe"
        # What stands before the breakdown by operator.
        "$program" profile --model "$folder/model" --recipe "$recipes/$recipe.yaml" "${modes[@]}" \
            --prompt 512 --generate 16 --repeat "${REPEAT:-5}" --warmup 1 | sed '/op by op$/,$d'
    done
    rm -rf "$folder/model"
done
