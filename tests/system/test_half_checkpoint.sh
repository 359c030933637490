#!/usr/bin/env bash
# A checkpoint in 16 bits, whose weights become floats as they are read, against the same values stored in f32: equal to
# the last digit in every mode, whatever rewrites, solves, collects, compares or writes weights.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

half=models/tiny-mamba wide=$scratch/wide
mkdir "$wide"
cp "$half/config.json" "$half/tokenizer.json" "$wide"
python3 - "$half/model.safetensors" "$wide/model.safetensors" << 'PY' || fail "no wide checkpoint"
import json, struct, sys
data = open(sys.argv[1], "rb").read()
size, = struct.unpack_from("<Q", data)
old, new, bytes_of, at = json.loads(data[8:8 + size]), {}, [], 0
for name, t in old.items():
    if name == "__metadata__": continue
    begin, end = t["data_offsets"]
    raw = data[8 + size + begin:8 + size + end]
    assert t["dtype"] in ("F16", "F32"), t["dtype"]
    if t["dtype"] == "F16": raw = struct.pack(f"<{len(raw) // 2}f", *struct.unpack(f"<{len(raw) // 2}e", raw))
    new[name] = {"dtype": "F32", "shape": t["shape"], "data_offsets": [at, at + len(raw)]}
    at += len(raw)
    bytes_of.append(raw)
header = json.dumps(new).encode()
header += b" " * (-len(header) % 64)
open(sys.argv[2], "wb").write(struct.pack("<Q", len(header)) + header + b"".join(bytes_of))
PY
[ "$(stat -c %s "$wide/model.safetensors")" -gt $((19 * $(stat -c %s "$half/model.safetensors") / 10)) ] || fail "not wider"

# figures NAME MODEL: all evaluations of the experiment on it, by run
figures() {
    run 0 run "$scratch/all.yaml" --out "$scratch/$1" --set "model.path=$2" --format json
    python3 -c 'import json, sys
for r in json.load(sys.stdin)["runs"]:
    assert r["status"] == "done", r
    print(r["mode"], r["recipe"], json.dumps(r["evaluations"], sort_keys=True))' <<< "$out" > "$scratch/$1.txt" || fail "$1: $err"
}

cat > "$scratch/all.yaml" << YAML
ssmq: 1
name: all
model: {path: $PWD/$half}
calibration: {data: {file: $PWD/configs/data/wiki.test.raw}, select: first, count: 2, length: 64}
mode: [float, fake, real]
recipes:
  quamba: $PWD/configs/recipes/quamba-head-int8.yaml
  quarot: $PWD/configs/recipes/quarot-ssm.yaml
  smooth: $PWD/configs/recipes/smoothquant.yaml
  bf16: $PWD/configs/recipes/bf16.yaml
  gptq: [{method: gptq, sites: "layers.*.{in_proj,out_proj}.weight", bits: 4, scope: group, group: 64}]
evaluate: [{id: t, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 64, limit: 3}]
compare: {metrics: [kl, sqnr]}
collect: {sites: ["layers.*.in_proj.weight", "head.weight", "embedding.weight"]}
run: {threads: 2}
YAML
figures half "$PWD/$half"
figures wide "$wide"
[ "$(wc -l < "$scratch/half.txt")" -ge 8 ] || fail "few runs: $(cat "$scratch/half.txt")"
diff "$scratch/half.txt" "$scratch/wide.txt" || fail "other figures"

# A quantised checkpoint of either; what it says, and what the models themselves say.
cat > "$scratch/one.yaml" << YAML
ssmq: 1
name: one
model: {path: $PWD/$half}
mode: real
recipe: [{method: weights, sites: "layers.*.{in_proj,x_proj,dt_proj}.weight", bits: 8}]
evaluate: [{id: t, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 64, limit: 3}]
YAML
run 0 quantize "$scratch/one.yaml" --out "$scratch/q-half"
run 0 quantize "$scratch/one.yaml" --out "$scratch/q-wide" --set "model.path=$wide"
python3 -c 'import json, struct, sys
def tensors(path): # but the digest, which is of what the codes were made of too
    data = open(path, "rb").read()
    size, = struct.unpack_from("<Q", data)
    return {name: (t["dtype"], t["shape"], data[8 + size + t["data_offsets"][0]:8 + size + t["data_offsets"][1]])
            for name, t in json.loads(data[8:8 + size]).items() if name not in ("__metadata__", "ssmq.digest")}
half, wide = map(tensors, sys.argv[1:])
assert len(half) > 50 and half == wide' "$scratch"/q-{half,wide}/model.safetensors || fail "other codes"
for mode in float fake real; do
    recipe=(--recipe configs/recipes/w4a16.yaml)
    [ $mode = float ] && recipe=()
    run 0 generate --model "$half" --prompt "The city of" --seed 3 --mode $mode "${recipe[@]}"
    said=$out
    run 0 generate --model "$wide" --prompt "The city of" --seed 3 --mode $mode "${recipe[@]}"
    [ "$said" = "$out" ] || fail "$mode: '$said' is not '$out'"
done

finish
