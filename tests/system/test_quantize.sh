#!/usr/bin/env bash
# ssmq quantize: the checkpoint that it writes runs like its recipe, has the size that its bits say, and what is
# damaged, foreign or asked for wrongly is refused.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

tiny=models/tiny-mamba
few=(--set calibration.count=2 --set calibration.length=64)
cat > "$scratch/q.yaml" << EOF
ssmq: 1
name: q
model: {path: $PWD/$tiny}
calibration: {data: {file: $PWD/configs/data/pile-sample.jsonl.zst}, select: first, count: 2, length: 64}
mode: [float, fake, real]
recipe: $PWD/configs/recipes/quamba.yaml
evaluate: [{id: wt2, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 64, limit: 1}]
EOF
# The same without data: every weight in BITS.
weights() {
    sed '/^calibration/d; /^recipe/d; s/, real\]/]/' "$scratch/q.yaml"
    echo 'recipe: [{method: weights, bits: '"$1"', sites: ["layers.*.*_proj.weight", embedding.weight, head.weight]}]'
}

# ---- it runs ------------------------------------------------------------------------------

run 0 quantize "$scratch/q.yaml" --out "$scratch/q"
expect_in_out "$scratch/q: fake, "
expect_in_out "% of 16 bits a weight"
[ -z "$(find "$scratch/q" -name '*.part')" ] || fail "unfinished files are left"
cmp "$scratch/q/tokenizer.json" "$tiny/tokenizer.json" || fail "another tokenizer"
text=(--prompt "The city of" --generate 12 --seed 7 --format json)
recipe=(--recipe configs/recipes/quamba.yaml --calibration configs/data/pile-sample.jsonl.zst --count 2 --length 64)
for mode in fake real; do
    run 0 generate --model "$tiny" "${recipe[@]}" --mode "$mode" "${text[@]}"
    wanted=$out
    run 0 generate --model "$scratch/q" --mode "$mode" "${text[@]}"
    expect_out "$wanted"
done
run 0 generate --model "$scratch/q" "${text[@]}"
expect_out "$wanted" # real, where nothing else is said
run 0 profile --model "$scratch/q" --prompt 8 --generate 2 --repeat 1 --format json
python3 -c 'import json,sys; p = json.load(sys.stdin)["profiles"]; assert [x["mode"] for x in p] == ["real"] and p[0]["recipe"] is None' \
    < "$scratch/out" || fail "$command_line: $out"
run 0 profile --model "$scratch/q" --mode fake --mode real --prompt 8 --generate 2 --repeat 1 --format json
run 0 chat --model "$scratch/q" --generate 2

# Written again it is the same file.
run 0 quantize "$scratch/q.yaml" --out "$scratch/again"
cmp "$scratch/q/model.safetensors" "$scratch/again/model.safetensors" || fail "written twice, two files"

# ---- size, and the format as others read it -----------------------------------------------

python_with safetensors numpy || python_with numpy || python=python3
for bits in 8 4; do
    weights "$bits" > "$scratch/w$bits.yaml"
    run 0 quantize "$scratch/w$bits.yaml" --out "$scratch/w$bits"
    # Of 16 bits a weight: half or a quarter, and what the convolution and the scan need beside.
    python3 -c 'import sys; share = float(sys.argv[1].split(" % of")[0].split(", ")[-1]); sys.exit(not '"$bits"' / 16 < share / 100 < '"$bits"' / 16 + 0.06)' "$out" ||
        fail "the size of $bits bits: $out"
    run 0 generate --model "$scratch/w$bits" --mode fake --prompt a --generate 2
    "$python" - "$scratch/w$bits" "$bits" << 'EOF' || fail "w$bits.yaml: not the codes that the weights have"
import json, struct, sys
folder, bits = sys.argv[1], int(sys.argv[2])
def tensors(path):
    try:
        from safetensors.numpy import load_file
        return {k: v for k, v in load_file(path).items()}
    except ImportError:
        pass
    import numpy
    kinds = {"F32": "<f4", "F16": "<f2", "I8": "i1", "U8": "u1", "I32": "<i4"}
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    header.pop("__metadata__")
    return {k: numpy.frombuffer(data[slice(*v["data_offsets"])], kinds[v["dtype"]]).reshape(v["shape"]) for k, v in header.items() if v["dtype"] in kinds}
try:
    import numpy
except ImportError:
    print("skipped: values of codes: numpy is absent")
    sys.exit(0)
q, w = tensors(folder + "/model.safetensors"), tensors("models/tiny-mamba/model.safetensors")
value = w["backbone.layers.2.mixer.in_proj.weight"].astype("f4")
scale = q["ssmq.layers.2.in_proj.weight.scale"]
codes = q["ssmq.layers.2.in_proj.weight.codes"]
if bits == 4:
    both = numpy.stack([codes & 15, codes >> 4], axis=-1).reshape(value.shape)
    codes = (both.astype("i4") ^ 8) - 8
limit = 2 ** (bits - 1)
assert (codes == numpy.clip(numpy.rint(value / scale), -limit, limit - 1)).all()
assert (numpy.abs(codes * scale - value) <= scale / 2 * 1.0001).all()
EOF
done

# In memory weights stay codes, embedding and head too: what is read is about as much as the file holds.
sed 's/^mode: .*/mode: real/; /^recipe/d' "$scratch/q.yaml" > "$scratch/all8.yaml"
echo 'recipe: [{method: weights, sites: ["layers.**", embedding.weight, head.weight]}, {method: activations}, {id: h, method: activations, sites: head.in}]' >> "$scratch/all8.yaml"
run 0 quantize "$scratch/all8.yaml" --out "$scratch/all8"
run 0 profile --model "$scratch/all8" --prompt 8 --generate 2 --repeat 1 --format json
python3 -c 'import json,sys; p = json.load(sys.stdin)["profiles"][0]; sys.exit(not p["size_bytes"] < 1.4 * '"$(stat -c %s "$scratch/all8/model.safetensors")"')' < "$scratch/out" ||
    fail "weights are floats in memory: $out"

# ---- what is refused ----------------------------------------------------------------------

refuse 2 "--out: $scratch/q is not empty" quantize "$scratch/q.yaml" --out "$scratch/q"
run 2 quantize experiments/quickstart.yaml --out "$scratch/new"
expect_in_err "has several recipes; say one with --only ID: "
run 2 quantize experiments/quickstart.yaml --only 0123456789abcdef --out "$scratch/new"
expect_in_err "has the id '0123456789abcdef'; ssmq check lists them"
run 2 quantize experiments/quickstart.yaml --set mode=float --out "$scratch/new"
expect_in_err "has no run that quantises: mode is only float"
id=$("$SSMQ" check experiments/quickstart.yaml "${few[@]}" 2> /dev/null | sed -n 's/^#   \([0-9a-f]*\)  fake naive$/\1/p')
run 0 quantize experiments/quickstart.yaml "${few[@]}" --only "$id" --out "$scratch/naive"
# What no file can hold is told before the samples run.
run 3 quantize "$scratch/q.yaml" --set recipe.w.format=e4m3 --set mode=fake --out "$scratch/none"
expect_in_err "layers.0.in_proj.weight: quantised checkpoints hold integer codes of at most 8 bits, f16 and bf16"
[[ $err != *calibrating* ]] || fail "$command_line: refused after calibrating"
refuse 2 "$scratch/q is a quantised checkpoint: it runs in --mode fake or real" generate --model "$scratch/q" --prompt a --mode float
refuse 2 "--recipe: $scratch/q is a quantised checkpoint, whose recipe was carried out" generate --model "$scratch/q" --prompt a --recipe configs/recipes/naive.yaml
run 3 run "$scratch/q.yaml" --set "model.path=$scratch/q" --out "$scratch/runs"
expect_in_err "$scratch/q is a quantised checkpoint"

# broken MESSAGE: what the checkpoint in bad is refused with
broken() { refuse 4 "$scratch/bad/$1" generate --model "$scratch/bad" --prompt a; }
fresh() {
    rm -rf "$scratch/bad"
    cp -r "$scratch/q" "$scratch/bad"
}
fresh
cp "$scratch/again/model.safetensors" "$scratch/bad/"
sed -i 's/"n_layer": 8/"n_layer":  8/' "$scratch/bad/config.json"
broken "config.json is not the one that $scratch/bad/model.safetensors was written with: another model's, or changed"
fresh
LC_ALL=C sed -i 's/"ssmq_quantized": "2"/"ssmq_quantized": "9"/' "$scratch/bad/model.safetensors"
broken "model.safetensors: a quantised checkpoint of version 9; this program reads version 2"
fresh
LC_ALL=C sed -i 's/\\"clip_ratio\\": 1.0/\\"clip_ratio\\": 0.9/' "$scratch/bad/model.safetensors"
broken "model.safetensors: its scales are not the set that it was written with"
fresh
printf '\377' | dd of="$scratch/bad/model.safetensors" bs=1 seek=$(($(stat -c %s "$scratch/bad/model.safetensors") - 5000)) conv=notrunc 2> /dev/null
broken "model.safetensors: changed since it was written: the sum of its tensors and texts is another"
# Two weights of the same shape, one under the other's name.
fresh
LC_ALL=C sed -i 's/ssmq.layers.0.in_proj.weight.codes/SSMQ/; s/ssmq.layers.1.in_proj.weight.codes/ssmq.layers.0.in_proj.weight.codes/; s/"SSMQ"/"ssmq.layers.1.in_proj.weight.codes"/' "$scratch/bad/model.safetensors"
broken "model.safetensors: changed since it was written: the sum of its tensors and texts is another"
fresh
head -c 1000000 "$scratch/q/model.safetensors" > "$scratch/bad/model.safetensors"
run 4 generate --model "$scratch/bad" --prompt a
expect_in_err "of which the file has"
fresh
cp "$tiny/model.safetensors" "$scratch/bad/"
broken "model.safetensors: its metadata have no 'ssmq_quantized': it was not written by ssmq quantize"
cp "$scratch/naive/model.safetensors" "$scratch/bad/"
run 0 generate --model "$scratch/bad" --prompt a --generate 1 # the same config: another recipe of the same model

finish
