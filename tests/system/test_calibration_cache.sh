#!/usr/bin/env bash
# What calibration measured is kept: an ablation over percentiles runs the samples once, later runs not at all, and
# figures are those of a calibration anew, to the last byte.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/results.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/results.sh"

root=$PWD
runs="$scratch/runs"
unset SSMQ_CACHE

# steps P ACROSS: a recipe with a percentile at the input of the scan
steps() {
    cat << YAML
  - {id: rot, method: hadamard}
  - {id: w, method: weights}
  - {id: a, method: activations}
  - {id: u, method: activations, sites: "layers.*.scan.x", observer: {statistic: $1, across: $2}}
YAML
}

# experiment FILE NAME: recipes stand on stdin
experiment() {
    cat > "$1" << YAML
ssmq: 1
name: $2
model: {path: $root/models/tiny-mamba}
calibration: {data: {file: $root/configs/data/pile-sample.jsonl.zst}, select: sampled, seed: 3, count: 6, length: 64}
mode: [fake]
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 64, limit: 2}
recipes:
YAML
    cat >> "$1"
}

# expect_log NAME PATTERN N: so many lines of the logs of an experiment's runs match
expect_log() {
    local n
    n=$(cat "$runs/$1"/*/log.txt | grep -c -- "$2")
    [ "$n" -eq "$3" ] || fail "$command_line: $n log lines of $1 have '$2', not $3: $(cat "$runs/$1"/*/log.txt)"
}

# ---- an ablation ------------------------------------------------------------------------

for p in 99 99.9 99.99 99.999 100; do
    printf '  p%s:\n' "${p/./-}"
    steps "quantile, p: $p" max | sed 's/^/  /'
done > "$scratch/recipes"
{ cat "$scratch/recipes"; printf '  absmax:\n'; steps absmax max | sed 's/^/  /'; } > "$scratch/all"
experiment "$scratch/sweep.yaml" sweep < "$scratch/all"
run 0 run "$scratch/sweep.yaml" --out "$runs" --format json
ids=$out
expect_log sweep '6 of 6 samples run: nothing is stored of this pass' 1
expect_log sweep 'replayed: 6 samples, no forward pass' 5
n=$(grep -c 'calibrating: ' <<< "$err")
[ "$n" -eq 1 ] || fail "$command_line: calibrated $n times, not once"

# The 100th percentile is the largest value: the same perplexity, and scales (of all sites, through their bytes).
got=$(python3 - "$ids" << 'PY'
import json, sys
runs = {r["recipe"]: r for r in json.loads(sys.argv[1])["runs"]}
assert len({r["evaluations"]["wt2"]["nll"] for r in runs.values()}) >= 3, "percentiles make no difference"
print(runs["p100"]["evaluations"] == runs["absmax"]["evaluations"], runs["p100"]["id"], runs["absmax"]["id"])
PY
)
read -r equal p100 absmax <<< "$got"
[ "$equal" = True ] || fail "percentile 100 has other figures than absmax: $ids"
for site in scan.x out_proj.in; do
    for id in "$p100" "$absmax"; do
        h5dump -d "/sites/$site/qparam/scale" "$runs/sweep/$id/run.h5" | sed 1d > "$scratch/scale.$id"
        grep -q 'DATA' "$scratch/scale.$id" || fail "no scales of $site in $id"
    done
    cmp -s "$scratch/scale.$p100" "$scratch/scale.$absmax" || fail "scales of $site differ: p = 100 and absmax"
done

run 0 run "$scratch/sweep.yaml" --out "$scratch/anew" --no-cache
[ -e "$scratch/anew/.ssmq-cache" ] && fail "--no-cache left a cache"
same_results 6 "$runs/sweep" "$scratch/anew/sweep"

# ---- another program run ----------------------------------------------------------------

{ printf '  other:\n'; steps "quantile, p: 99.5" ema | sed 's/^/  /'; } | experiment "$scratch/other.yaml" other
run 0 run "$scratch/other.yaml" --out "$runs"
expect_log other 'replayed: 6 samples, no forward pass' 1
case $err in *calibrating*) fail "$command_line: calibrated, though all was known" ;; esac
run 0 show "$runs"/other/*/
expect_in_out "step 'u', across ema: sample 0 (document " # 0.99^5
expect_in_out ") counts for 95.1 %"
run 0 run "$scratch/other.yaml" --out "$runs" --set name=fewer --set calibration.count=4
expect_log fewer 'replayed: 4 samples, no forward pass' 1
run 0 run "$scratch/other.yaml" --out "$runs" --set name=more --set calibration.count=8
expect_log more '2 of 8 samples run' 1
run 0 run "$scratch/other.yaml" --out "$runs" --set name=fine --set recipes.other.u.observer.p=99.97
expect_log fine 'replayed: 6 samples, no forward pass' 1 # each from 99.9 on is known
run 0 run "$scratch/other.yaml" --out "$runs" --set name=coarse --set recipes.other.u.observer.p=98.7
expect_log coarse 'p = 98.7 is not among the stored quantiles of layers.0.scan.x' 1
run 0 run "$scratch/other.yaml" --out "$runs" --set name=unturned --set recipes.other.rot.enabled=false
expect_log unturned 'nothing is stored of this pass' 1
run 0 run "$scratch/other.yaml" --out "$runs" --set name=short --set calibration.length=32
expect_log short 'nothing is stored of this pass' 1
for name in other fewer more fine coarse; do
    cp -r "$runs/$name" "$scratch/$name"
    rm -r "${runs:?}/$name"
done
run 0 run "$scratch/other.yaml" --out "$runs" --no-cache --set name=fine --set recipes.other.u.observer.p=99.97
same_results 1 "$scratch/fine" "$runs/fine"
run 0 run "$scratch/other.yaml" --out "$runs" --no-cache
same_results 1 "$scratch/other" "$runs/other"
run 0 run "$scratch/other.yaml" --out "$runs" --no-cache --set name=more --set calibration.count=8 --set calibration.batch=3
same_results 1 "$scratch/more" "$runs/more"

# ---- by channel -------------------------------------------------------------------------

# channels P ACROSS: scales by channel at the input of the scan
channels() {
    printf '  r:\n    - {id: c, method: activations, sites: "layers.*.scan.x", scope: channel, observer: {statistic: quantile, p: %s, across: %s}}\n' "$1" "$2"
}
# again_by_channel NAME P ACROSS COUNT PATTERN: its log has a line of this kind; its figures are those without a cache
again_by_channel() {
    channels "$2" "$3" | experiment "$scratch/$1.yaml" "$1"
    run 0 run "$scratch/$1.yaml" --out "$runs" --set calibration.count="$4"
    expect_log "$1" "$5" 1
    run 0 run "$scratch/$1.yaml" --out "$scratch/anew" --no-cache --set calibration.count="$4"
    same_results 1 "$runs/$1" "$scratch/anew/$1"
}
again_by_channel by-channel 99.99 max 6 '6 of 6 samples run: .* by channel is not kept'
again_by_channel by-channel-mean 99.99 mean 6 'replayed: 6 samples, no forward pass'
again_by_channel by-channel-fewer 99.95 ema 4 'replayed: 4 samples, no forward pass'
again_by_channel by-channel-more 99.95 ema 7 '1 of 7 samples run'
# Smoothing is by channel, too: with fewer samples it needs none to be run, what stands behind it does.
printf '  r:\n    - {id: s, method: smoothquant}\n    - {id: a, method: activations}\n' | experiment "$scratch/smooth.yaml" smooth
run 0 run "$scratch/smooth.yaml" --out "$runs"
expect_log smooth '6 of 6 samples run' 2
run 0 run "$scratch/smooth.yaml" --out "$runs" --set name=smooth-fewer --set calibration.count=4
expect_log smooth-fewer 'replayed: 4 samples, no forward pass' 1
expect_log smooth-fewer '4 of 4 samples run: nothing is stored of this pass' 1
run 0 run "$scratch/smooth.yaml" --out "$scratch/anew" --no-cache --set name=smooth-fewer --set calibration.count=4
same_results 1 "$runs/smooth-fewer" "$scratch/anew/smooth-fewer"

run 0 run "$scratch/by-channel.yaml" --out "$runs" --set name=narrow --set calibration.seed=4 --set run.keep_ranges=0
run 0 run "$scratch/by-channel-mean.yaml" --out "$runs" --set name=narrow-mean --set calibration.seed=4 --set run.keep_ranges=0
expect_log narrow-mean '6 of 6 samples run: .* by channel is not kept' 1
cp -r "$runs/narrow-mean" "$scratch/narrow-mean"
rm -r "${runs:?}/narrow-mean"
run 0 run "$scratch/by-channel-mean.yaml" --out "$runs" --set name=narrow-mean --set calibration.seed=4
same_results 1 "$scratch/narrow-mean" "$runs/narrow-mean" # no number depends on what is kept

# ---- what goes wrong with a cache -------------------------------------------------------

cache="$runs/.ssmq-cache/calibration"
pristine="$scratch/pristine"
cp -r "$cache" "$pristine"
# again MESSAGE: the run of other, anew, with a warning of this text
again() {
    rm -r "${runs:?}/other"
    run 0 run "$scratch/other.yaml" --out "$runs"
    expect_in_err "$1"
    same_results 1 "$scratch/other" "$runs/other"
}
damage='stored calibration is of no use; running again'
for file in "$cache"/*.h5; do printf 'x' | dd of="$file" bs=1 seek=3000 conv=notrunc 2> /dev/null; done
again "$damage"
expect_in_err "does not end in its own SHA-256"
rm -r "$runs/other"
run 0 run "$scratch/other.yaml" --out "$runs"
expect_log other 'replayed: 6 samples, no forward pass' 1 # it was written again
for file in "$cache"/*.h5; do truncate -s 2000 "$file"; done
again "$damage"
for file in "$cache"/*.h5; do : > "$file"; done
again "$damage"
for file in "$cache"/*.h5; do rm "$file" && mkdir "$file"; done
again "$damage"
expect_in_err 'calibration was not stored'
rm -r "$cache" && cp -r "$pristine" "$cache"
set -- "$cache"/*.h5 # the file of another pass under the name of this one
for file in "$@"; do [ "$file" = "$1" ] || cp "$1" "$file"; done
cp "$pristine/$(basename "$2")" "$1"
again "$damage"
expect_in_err 'is the file of another pass'
rm -r "$cache" && : > "$cache"
again 'calibration was not stored'
rm "$cache"

# ---- a place of its own -----------------------------------------------------------------

rm -r "$runs/other"
SSMQ_CACHE="$scratch/elsewhere" run 0 run "$scratch/other.yaml" --out "$runs"
[ -e "$cache" ] && fail "SSMQ_CACHE was not heeded"
set -- "$scratch"/elsewhere/calibration/*.h5
[ -s "$1" ] || fail "nothing in SSMQ_CACHE"
h5ls "$1/record" | grep '^abs_quantile' > /dev/null || fail "no quantiles in $1"
[ -z "$(find "$scratch" -name '*.part')" ] || fail "an unfinished file was left"

finish
