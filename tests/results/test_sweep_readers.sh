#!/usr/bin/env bash
# sweep.h5 and sweep.csv of sweeps and of an experiment without one, in h5py, xarray, h5ls and h5dump, and against the
# summaries of the runs.  Equal content gives equal bytes, in whatever order and place the runs were made.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/results.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/results.sh"

python=/usr/bin/python3 # Debian's, which Debian's h5py and xarray belong to
command -v "$python" > /dev/null || python=python3
root=$PWD

check() {
    readable "$1/sweep.h5" /run_id /status /axis/recipe /axis/mode /eval/wt2/ppl
    "$python" tests/results/check_sweep.py "$1" || fail "check_sweep.py $1"
}

cat > "$scratch/plain.yaml" <<YAML
ssmq: 1
name: few
model: {path: $root/models/tiny-mamba}
calibration: {data: {file: $root/configs/data/pile-sample.jsonl.zst}, select: first, count: 2, length: 32}
mode: [float, fake]
recipes:
  one: [{id: w, method: weights}]
  two: [{id: w, method: weights}, {id: a, method: activations, sites: "layers.*.scan.x", observer: {statistic: quantile, p: 99, across: ema}}]
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 16, limit: 2}
  - {id: more, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 24, limit: 1}
YAML
run 0 run "$scratch/plain.yaml" --out "$scratch/runs"
check "$scratch/runs/few"

# Axes of every type: numbers, whole numbers, yes or no, texts; some excluded, some zipped, some unsupported.
sed 's/name: few/name: many/' "$scratch/plain.yaml" > "$scratch/many.yaml"
cat >> "$scratch/many.yaml" <<YAML
compare: {bootstrap: off}
sweep:
  seeds: [1, 2]
  axes:
    p: {recipes.two.a.observer.p: [99, 99.9, 100]}
    n: {calibration.count: [1, 2, 3]}
    on: {recipes.two.a.enabled: [true, false]}
    scope: {recipes.one.w.scope: [tensor, channel]}
  zip: [[p, n]]
  exclude: [{p: 100, on: true}, {seed: 2, p: [99, 99.9]}, {scope: channel, on: false}]
YAML
run 0 run "$scratch/many.yaml" --out "$scratch/runs"
check "$scratch/runs/many"
run 0 run "$scratch/plain.yaml" --out "$scratch/real" --set 'mode=[float, real]' --set sweep.unsupported=record \
    --set 'sweep.axes.b={recipes.one.w.bits: [8, 12]}'
check "$scratch/real/few"

# The same bytes from another place, with another number of threads, and from runs made one after the other.
run 0 run "$scratch/many.yaml" --out "$scratch/again" --set run.threads=1 --set 'mode=[fake]'
run 0 run "$scratch/many.yaml" --out "$scratch/again" --set run.threads=1
for file in sweep.h5 sweep.csv sweep.json; do
    cmp -s "$scratch/runs/many/$file" "$scratch/again/many/$file" || fail "$file differs"
done
# What is lost is rebuilt, what is there stays as it is.
stamp=$(stat -c '%Y %Z %i' "$scratch"/again/many/sweep.{h5,csv,json})
run 0 run "$scratch/many.yaml" --out "$scratch/again" --set run.threads=1
[ "$stamp" = "$(stat -c '%Y %Z %i' "$scratch"/again/many/sweep.{h5,csv,json})" ] || fail "equal files were replaced"
rm "$scratch"/again/many/sweep.csv
: > "$scratch"/again/many/sweep.h5
run 0 run "$scratch/many.yaml" --out "$scratch/again" --set run.threads=1
for file in sweep.h5 sweep.csv; do
    cmp -s "$scratch/runs/many/$file" "$scratch/again/many/$file" || fail "$file is not rebuilt"
done

finish
