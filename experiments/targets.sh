#!/usr/bin/env bash
# Prefill, decoding and perplexity of float, fake and real mode on random models of released shapes, each beside its floor at the
# rates of this machine, which are probed in the same process; then mode real with other heads, and 16-bit weights alone, on
# mamba-130m, and with weights of 4 bits on the larger ones.
#   bash experiments/targets.sh PROGRAM [SHAPE]...     by default mamba-130m and mamba-1.4b, which takes 5.5 GB of disk and 7 GB of memory;
#                                                      mamba-2.8b: 11 GB and 5 GB, modes float and fake left out
# RECIPES, MODES (names of either), PROMPT, GENERATE, REPEAT and THREADS, of the environment, take the place of what is here.
set -euo pipefail

program=${1:?the path of ssmq}
shift
[ $# -gt 0 ] || set -- mamba-130m mamba-1.4b
recipes=$(dirname "${BASH_SOURCE[0]}")/../configs/recipes
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# recipes_of SHAPE, modes_of SHAPE RECIPE: what is measured of it
recipes_of() {
    case $1 in
    mamba-130m) echo quamba quamba-head-bf16 quamba-head-int8 bf16 ;;
    *) echo quamba w4a16 ;;
    esac
}
modes_of() {
    case $1:$2 in
    mamba-2.8b:* | *:[!q]* | *:quamba-*) echo real ;;
    *) echo float fake real ;;
    esac
}

for shape in "$@"; do
    "$program" model random --shape "$shape" --out "$folder/model" > /dev/null
    printf '%s\n\n' "$shape"
    for recipe in ${RECIPES:-$(recipes_of "$shape")}; do
        modes=()
        for mode in ${MODES:-$(modes_of "$shape" "$recipe")}; do modes+=(--mode "$mode"); done
        printf '%s.yaml\n\n' "$recipe"
        # What stands before the breakdown by operator.
        "$program" profile --model "$folder/model" --recipe "$recipes/$recipe.yaml" "${modes[@]}" \
            --prompt "${PROMPT:-512}" --generate "${GENERATE:-16}" --repeat "${REPEAT:-5}" --warmup 1 \
            --threads "${THREADS:-all}" | sed '/op by op$/,$d'
    done
    rm -rf "$folder/model"
done
