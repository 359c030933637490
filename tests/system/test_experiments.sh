#!/usr/bin/env bash
# Every experiment of the project is valid and runs, on the shipped model and cut down to a window or two; so does one that
# names another model on its command line, as each file says.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

# evaluations FILE: the ids of what it evaluates
evaluations() { sed -n '/^evaluate:/,/^[a-z]/p' "$1" | grep -oE 'id: [a-z0-9-]+' | cut -c5-; }

# small FILE: --set KEY=VALUE... into the array `small`
small() {
    local id
    small=(--set calibration.count=2 --set calibration.length=64)
    ! grep -q '^compare:' "$1" || small+=(--set compare.windows=1)
    for id in $(evaluations "$1"); do
        if grep -q "id: $id, task: profile" "$1"; then
            small+=(--set "evaluate.$id.repeat=1" --set "evaluate.$id.warmup=0" --set "evaluate.$id.generate=2")
        else
            small+=(--set "evaluate.$id.limit=2" --set "evaluate.$id.window=64")
            ! grep -q "id: $id,.* state_reset: " "$1" || small+=(--set "evaluate.$id.state_reset=16")
        fi
    done
}

for file in experiments/*.yaml; do
    name=$(basename "$file" .yaml)
    run 0 check "$file"
    runs=$(grep -cE '^#   [0-9a-f]{16}  ' <<< "$out")
    grep -q '^question: ' "$file" || [ "$name" = quickstart ] || fail "$file asks no question"
    [ "$name" = quickstart ] || grep -q -- '--set model.path=DIR' "$file" || fail "$file does not say how to take another model"
    small "$file"
    run 0 run "$file" "${small[@]}" --out "$scratch/runs"
    [ "$(grep -cE '  done( |$)' <<< "$out")" -eq "$runs" ] || fail "$file: not all of its $runs runs are done: $out"
done

# The model that the comment says to name, in the layout without a tokenizer of its own.
cp -r models/tiny-mamba "$scratch/other"
rm "$scratch/other/tokenizer.json"
small experiments/perplexity.yaml
run 0 run experiments/perplexity.yaml "${small[@]}" --set "model.path=$scratch/other" \
    --set model.tokenizer=models/tiny-mamba/tokenizer.json --out "$scratch/other-runs"

# Either way of naming another model is one line in each of them.
for file in experiments/*.yaml; do
    [ "$(basename "$file")" != quickstart.yaml ] || continue
    run 0 check "$file" --set "model.path=$scratch/other" --set model.tokenizer=models/tiny-mamba/tokenizer.json
    sed "s|configs/models/tiny-mamba.yaml|configs/models/mamba-130m.yaml|; s|\.\./configs/|$PWD/configs/|g" "$file" \
        > "$scratch/$(basename "$file")"
    run 0 check "$scratch/$(basename "$file")" --no-model
    expect_in_out "path: ../../models/mamba-130m "
done

# What quamba-2024 leaves: losses as the evaluation has them, and what computed codes.
folder=$(find "$scratch/runs/quamba-2024" -name run.h5 | head -n 1)
[ -n "$folder" ] || fail "quamba-2024 left no run.h5"
h5dump -a /eval/wt2-f16/window_nll/loss_dtype "$folder" | grep '"f16"' > /dev/null || fail "wt2-f16 is not stored as f16"
h5dump -a /eval/wt2/window_nll/loss_dtype "$folder" | grep '"f64"' > /dev/null || fail "wt2 is not stored as f64"
small experiments/quamba-2024.yaml
run 0 run experiments/quamba-2024.yaml "${small[@]}" --out "$scratch/runs"
grep -q '^wt2-f16: .* losses rounded to f16$' <<< "$out" || fail "the report does not say that losses are rounded: $out"

finish
