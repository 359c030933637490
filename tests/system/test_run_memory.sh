#!/usr/bin/env bash
# Peak memory of runs in the shape of mamba-130m: what `ssmq plan` computes is what they take, and that does not depend on how
# long a text is; weights of a quantised model are not held as floats besides.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

[ -z "${ASAN_OPTIONS:-}${TSAN_OPTIONS:-}" ] || { echo "skipped: a sanitizer multiplies memory"; exit 77; }

json() { python3 -c "import json,sys; j = json.load(sys.stdin); print($1)"; }

run 0 model random --shape mamba-130m --out "$scratch/model"
python3 -c "import json, random; print(json.dumps([random.Random(1).randrange(50000) for _ in range(4096)]))" > "$scratch/ids.json"
cat > "$scratch/one.yaml" << YAML
ssmq: 1
name: one
model: {path: $scratch/model}
calibration: {data: {file: $scratch/ids.json, format: tokens}, select: first, count: 2, length: 64}
recipe: [{id: rot, method: hadamard}, {id: w, method: weights}, {id: a, method: activations}]
mode: real
evaluate: [{id: t, task: perplexity, data: {file: $scratch/ids.json, format: tokens}, dialect: gptq, window: 256, limit: 1}]
run: {threads: 2}
YAML

# take NAME SET...: peak and forecast of the run with these changes, in MiB
take() {
    local name=$1 args=() set
    shift
    for set in "$@"; do args+=(--set "$set"); done
    run 0 plan "$scratch/one.yaml" --out "$scratch/$name" --format json "${args[@]}"
    forecast=$(json 'j["to_run"]["memory_bytes"] >> 20' <<< "$out")
    run 0 run "$scratch/one.yaml" --out "$scratch/$name" --no-cache "${args[@]}"
    peak=$(cat "$scratch/$name"/one/*/manifest.json | json 'j["moment"]["peak_rss_bytes"] >> 20')
    echo "$name: $peak MiB, forecast $forecast MiB"
    python3 -c "exit(not 0.85 <= $forecast / $peak <= 1.15)" || fail "$name took $peak MiB; ssmq plan said $forecast MiB"
}

# Weights as floats 493 MiB, 147 of them the head's; 86 MiB of codes.  A block of logits has 32 MiB, a quantised model's rewritten
# copies 108 MiB, of which calibration holds all.
take float mode=float
[ "$peak" -le $((493 * 115 / 100 + 32)) ] || fail "float: $peak MiB"
take real
[ "$peak" -le $(((147 + 86) * 115 / 100 + 60)) ] || fail "real: $peak MiB"
short=$peak
take long 'evaluate=[{id: t, task: perplexity, data: {file: '"$scratch"'/ids.json, format: tokens}, dialect: gptq, window: 256, limit: 12}]'
[ "$peak" -le $((short + 4)) ] || fail "12 windows took $peak MiB, one $short MiB"
take fake mode=fake
take tokens 'compare={metrics: [kl]}'
take sites 'compare={metrics: [kl, sqnr]}'
take modes 'compare={against: [fake]}'
take statistics 'collect={sites: ["layers.*.scan.x"]}'

# The same in 16 bits: weights become floats layer by layer, so that no more of them is there than of the file above.
run 0 model random --shape mamba-130m --dtype bf16 --out "$scratch/half"
sed -i "s|path: $scratch/model|path: $scratch/half|" "$scratch/one.yaml"
take half-float mode=float
[ "$peak" -le $((493 * 115 / 100 + 32)) ] || fail "half, float: $peak MiB"
take half-real
[ "$peak" -le $((short + 8)) ] || fail "half, real: $peak MiB, in f32 $short MiB"
take half-sites 'compare={metrics: [kl, sqnr]}'

finish
