#!/usr/bin/env bash
# Experiments that collect statistics and dump values: what is left, what is refused, what is run again.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

root=$PWD
runs="$scratch/runs"
cat > "$scratch/collected.yaml" <<YAML
ssmq: 1
name: collected
model: {path: $root/models/tiny-mamba}
calibration: {data: {file: $root/configs/data/pile-sample.jsonl.zst}, select: first, count: 3, length: 64}
mode: [float, fake]
recipe: $root/configs/recipes/quamba.yaml
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 64, limit: 2}
YAML
cp "$scratch/collected.yaml" "$scratch/plain.yaml"
cat >> "$scratch/collected.yaml" <<'YAML'
collect:
  sites: ["layers.*.scan.{x,state}", "layers.*.out_proj.{in,weight}", head.in]
  dump: {sites: ["layers.{0,7}.out_proj.in", layers.7.scan.state, layers.7.out_proj.weight], samples: 2, dtype: f32}
YAML

# json EXPRESSION: of the JSON in $out, as j
json() { python3 -c "import json,sys; j = json.load(sys.stdin); print($1)" <<< "$out"; }

# The size is told before anything runs, and holds.
run 0 check "$scratch/collected.yaml"
expect_in_out "# dump.h5 of each run takes up to 3.8 MiB, in memory until it is written"
run 0 run "$scratch/collected.yaml" --out "$runs" --format json
expect_in_err "dump.h5 of each of 2 runs takes up to 3.8 MiB, in memory until it is written"
expect_in_err "collecting: 3 samples"
first=$out
ids=$(json '" ".join(r["id"] for r in j["runs"])')
for id in $ids; do
    size=$(stat -c %s "$runs/collected/$id/dump.h5")
    if [ "$size" -le 3600000 ] || [ "$size" -gt 3933208 ]; then fail "dump.h5 of $id has $size bytes"; fi
    run 0 check "$runs/collected/$id/resolved.yaml"
    expect_in_out "$id"
done

# A row for each site that was looked at.
run 0 show "$runs/collected/${ids%% *}"
expect_in_out "absmax  in layer  p99.999   kurtosis  channel share"
for site in scan.x scan.state out_proj.in out_proj.weight head.in; do
    grep -q "^$site  *[0-9.]*  *[0-9-]  *[0-9.]*  *[0-9.e+]*  *[0-9.]*$" <<< "$out" || fail "show: no row of $site: $out"
done

# Finished runs are not run again; one whose dump is gone is; one without collect is another run.
run 0 run "$scratch/collected.yaml" --out "$runs" --format json
expect_out "$first"
[ "$(grep -c 'finished before' <<< "$err")" -eq 2 ] || fail "finished runs were run again: $err"
one=${ids%% *}
rm "$runs/collected/$one/dump.h5"
run 0 run "$scratch/collected.yaml" --out "$runs" --format json
expect_out "$first"
expect_in_err "stored results are damaged; running again"
[ -s "$runs/collected/$one/dump.h5" ] || fail "no dump.h5 after it was gone"
run 0 run "$scratch/plain.yaml" --out "$runs" --set name=collected --format json
for id in $(json '" ".join(r["id"] for r in j["runs"])'); do
    [[ " $ids " == *" $id "* ]] && fail "$id is the run with and without collect"
    [ -e "$runs/collected/$id/dump.h5" ] && fail "$id has a dump.h5 that nobody asked for"
done
# What is evaluated is the same either way.
same=$(python3 -c "import json,sys
a, b = ([r['evaluations']['wt2']['nll'] for r in json.loads(t)['runs']] for t in sys.argv[1:])
print(a == b)" "$first" "$out")
[ "$same" = True ] || fail "collecting changes the perplexity"

# Threads change no byte.
for threads in 1 3; do
    run 0 run "$scratch/collected.yaml" --out "$scratch/threads-$threads" --set run.threads=$threads
    for id in $ids; do
        for file in run.h5 dump.h5; do
            cmp "$runs/collected/$id/$file" "$scratch/threads-$threads/collected/$id/$file" ||
                fail "$file with $threads threads"
        done
    done
done

# ---- what is refused ---------------------------------------------------------------------

run 3 check "$scratch/collected.yaml" --set collect.dump.limit=2MiB
expect_in_err "collect.dump takes up to 3.8 MiB (3933208 bytes)"
expect_in_err "more than its limit of 2.0 MiB (2097152 bytes)"
run 3 run "$scratch/collected.yaml" --out "$scratch/refused" --set collect.dump.limit=2MiB
[ -e "$scratch/refused" ] && fail "a run was begun whose dump is over its limit"
run 3 check "$scratch/collected.yaml" --set collect.dump.dtype=codes
expect_in_err "collect.dump: layers.0.out_proj.in has no codes of 8 bits in the float run: it is left in floating point"
expect_in_err "collect.dump: layers.7.scan.state has no codes of 8 bits in the recipe: it is left in floating point"
run 3 check "$scratch/collected.yaml" --set mode=fake --set collect.dump.dtype=codes --set 'recipe=[{method: activations, bits: 12}, {method: weights, format: e4m3}, {method: state, sites: layers.*.scan.state}]'
expect_in_err "layers.0.out_proj.in has no codes of 8 bits in the recipe: its codes have more than 8 bits"
run 3 check "$scratch/collected.yaml" --set collect.sites=layers.8.scan.x
expect_in_err "collect: the selector 'layers.8.scan.x' matches no site of the model"
run 3 check "$scratch/collected.yaml" --set collect.statistics.kurtosis=true
expect_in_err "unknown key 'kurtosis' in collect.statistics"
run 3 check "$scratch/collected.yaml" --set collect.statistics.quantiles=999
expect_in_err "collect.statistics.quantiles is 999; allowed: 0 to 100"
sed '/^calibration/d; s/^mode: .*/mode: float/' "$scratch/collected.yaml" > "$scratch/uncalibrated.yaml"
run 3 check "$scratch/uncalibrated.yaml"
expect_in_err "calibration is missing: collect looks at its samples"
# Weights need no samples.
run 0 run "$scratch/uncalibrated.yaml" --out "$scratch/weights" --set 'collect={sites: layers.*.out_proj.weight, dump: {sites: layers.0.scan.D}}'

finish
