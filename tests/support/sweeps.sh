# A small sweep on the shipped model, for tests of what reads sweeps: `. tests/support/sweeps.sh` behind cli.sh.
# shellcheck shell=bash disable=SC2154 # scratch is of cli.sh

# write_sweep FILE NAME [LIMIT]: 2 x 2 points, one axis with values that no markup takes as they are, and float
write_sweep() {
    cat > "$1" <<YAML
ssmq: 1
name: $2
question: 'does <script>alert("&")</script> cost 100% of \$5_000?'
model: {path: $PWD/models/tiny-mamba}
calibration: {data: {file: $PWD/configs/data/pile-sample.jsonl.zst}, select: first, count: 2, length: 64}
mode: [float, fake]
recipe:
  - {id: w, method: weights, bits: 8}
  - {id: a, method: activations}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 32, limit: ${3:-4}}
compare: {}
sweep:
  axes:
    at_sites: {recipe.a.sites: ["layers.*.{in_proj,out_proj}.in", "layers.?.scan.x"]}
    bits: {recipe.w.bits: [8, 4]}
  baseline: {bits: 8}
YAML
}
