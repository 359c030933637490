#!/usr/bin/env bash
# ssmq run and check on the shipped model: figures, files, skipping, formats of data, failures.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

root=$PWD
runs="$scratch/runs"

# experiment FILE: a small one, whose evaluations are what stands on stdin
experiment() {
    cat > "$1" <<YAML
ssmq: 1
name: small
model: {path: $root/models/tiny-mamba}
calibration: {data: {file: $root/configs/data/pile-sample.jsonl.zst}, select: first, count: 2, length: 64}
mode: [float, fake]
recipes:
  naive: $root/configs/recipes/naive.yaml
  quamba: $root/configs/recipes/quamba.yaml
evaluate:
YAML
    cat >> "$1"
}
wikitext="$root/configs/data/wiki.test.raw"

# json EXPRESSION: of the JSON in $out, as j
json() { python3 -c "import json,sys; j = json.load(sys.stdin); print($1)" <<< "$out"; }
expect_json() {
    local got
    got=$(json "$1" 2>&1)
    [ "$got" = "$2" ] || fail "$command_line: $1 is '$got', not '$2'"
}

# ---- figures and files ------------------------------------------------------------------

experiment "$scratch/small.yaml" <<YAML
  - {id: wt2, task: perplexity, data: {file: $wikitext}, dialect: gptq, window: 128, limit: 3}
YAML
run 0 run "$scratch/small.yaml" --out "$runs" --format json
expect_json '[r["name"] for r in j["runs"]]' "['float', 'fake naive', 'fake quamba']"
expect_json '[r["mode"] for r in j["runs"]]' "['float', 'fake', 'fake']"
expect_json '[r["recipe"] for r in j["runs"]]' "[None, 'naive', 'quamba']"
expect_json '[r["status"] for r in j["runs"]]' "['done', 'done', 'done']"
expect_json '[r["evaluations"]["wt2"]["windows"] for r in j["runs"]]' '[3, 3, 3]'
expect_json '[r["evaluations"]["wt2"]["tokens"] for r in j["runs"]]' '[381, 381, 381]'
expect_json 'all(abs(__import__("math").exp(r["evaluations"]["wt2"]["nll"]) / r["evaluations"]["wt2"]["ppl"] - 1) < 1e-12 for r in j["runs"])' True
expect_json 'j["runs"][0]["evaluations"]["wt2"]["ppl"] < j["runs"][2]["evaluations"]["wt2"]["ppl"] < j["runs"][1]["evaluations"]["wt2"]["ppl"]' True
first=$out
for id in $(json '" ".join(r["id"] for r in j["runs"])'); do
    for file in run.h5 summary.json manifest.json status.json resolved.yaml source/small.yaml; do
        [ -s "$runs/small/$id/$file" ] || fail "$id has no $file"
    done
    [ -e "$runs/small/$id/lease" ] && fail "$id still has its lease"
    run 0 check "$runs/small/$id/resolved.yaml"
    expect_in_out "$id"
done

# Integer arithmetic gives the figures of the simulation, to the last digit.
run 0 run "$scratch/small.yaml" --out "$scratch/real" --set 'mode=[fake, real]' --format json
expect_json '[r["mode"] for r in j["runs"]]' "['fake', 'fake', 'real', 'real']"
expect_json '[r["evaluations"] for r in j["runs"][:2]] == [r["evaluations"] for r in j["runs"][2:]]' True

# A finished run is not run again; the numbers are the same.
run 0 run "$scratch/small.yaml" --out "$runs" --format json
expect_out "$first"
expect_in_err "[1/3] float: finished before, not run again"
run 0 run "$scratch/small.yaml" --out "$runs"
expect_in_out "fake quamba"
expect_in_out "wt2: perplexity of the model's own tokens, dialect gptq, 3 windows of 128 tokens"

# What is damaged, or another run's, is not believed.
set -- "$runs"/small/*/
: > "$1/run.h5"
echo '{' > "$2/summary.json"
cp "$1/summary.json" "$3/summary.json"
run 0 run "$scratch/small.yaml" --out "$runs" --format json
expect_out "$first"
expect_in_err 'event="stored results are damaged; running again"'

# A finished run is reported under the names that the experiment has for it now.
sed 's/naive:/renamed:/' "$scratch/small.yaml" > "$scratch/renamed.yaml"
run 0 run "$scratch/renamed.yaml" --out "$runs" --format json
expect_json '[(r["name"], r["recipe"]) for r in j["runs"]][1]' "('fake renamed', 'renamed')"
expect_in_err "[2/3] fake renamed: finished before"

# The same question gives the same bytes, with another number of threads and in another place.
mkdir "$scratch/elsewhere"
(cd "$scratch/elsewhere" && "$SSMQ" run ../small.yaml --set run.threads=1 > /dev/null 2>&1) ||
    fail "a run in another directory"
for h5 in "$runs"/small/*/run.h5; do
    id=$(basename "$(dirname "$h5")")
    cmp -s "$h5" "$scratch/elsewhere/runs/small/$id/run.h5" || fail "$id: run.h5 differs"
done

# ---- other data -------------------------------------------------------------------------

printf '%s\n' "$(head -c 60000 "$wikitext")" > "$scratch/some text.txt"
python3 - "$scratch" <<'PYTHON'
import json, struct, sys
ids = [(7 * i * i + 3 * i) % 4096 for i in range(300)]
json.dump(ids, open(sys.argv[1] + "/ids.json", "w"))
header = "{'descr': '<u2', 'fortran_order': False, 'shape': (%d,), }" % len(ids)
header += " " * (63 - (10 + len(header)) % 64) + "\n"
with open(sys.argv[1] + "/ids.npy", "wb") as f:
    f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    f.write(struct.pack("<%dH" % len(ids), *ids))
PYTHON
experiment "$scratch/data.yaml" <<YAML
  - {id: text, task: perplexity, data: {file: some text.txt}, dialect: gptq, window: 128, limit: 2}
  - {id: pile, task: perplexity, data: {file: $root/configs/data/pile-sample.jsonl.zst, subset: meta.pile_set_name},
     dialect: gptq, window: 64, limit: 1}
  - {id: npy, task: perplexity, data: {file: ids.npy}, dialect: gptq, window: 100}
  - {id: list, task: perplexity, data: {file: ids.json, format: tokens}, dialect: gptq, window: 100}
YAML
run 0 run "$scratch/data.yaml" --out "$runs" --set mode=float --format json
expect_json 'sorted(j["runs"][0]["evaluations"])' "['list', 'npy', 'pile', 'text']"
expect_json 'j["runs"][0]["evaluations"]["npy"] == j["runs"][0]["evaluations"]["list"]' True
expect_json 'j["runs"][0]["evaluations"]["npy"]["windows"]' 3
run 0 run "$scratch/data.yaml" --out "$runs" --set mode=float
expect_in_out "subset"
expect_in_out "Wikipedia (en)"

# ---- failures ---------------------------------------------------------------------------

run 4 run "$scratch/small.yaml" --out "$runs" --set model.path="$scratch/nothing"
expect_out ""
expect_in_err "nothing"
run 3 run "$scratch/small.yaml" --out "$runs" --set mode=real --set recipes.naive.w.bits=12
expect_out ""
expect_in_err "naive.yaml:4:3: error: recipes.naive.w: mode real: layers.0.in_proj.weight: no integer kernel for"
run 3 run "$scratch/small.yaml" --out "$runs" --set moda=float
expect_in_err "did you mean 'mode'?"

# A value that is not finite fails its run and names layer and site; every run is tried.
overflowing_model "$scratch/broken"
sed "s|$root/models/tiny-mamba|$scratch/broken|" "$scratch/small.yaml" > "$scratch/broken.yaml"
run 1 run "$scratch/broken.yaml" --out "$runs" --format json
expect_json '[r["status"] for r in j["runs"]]' "['failed', 'failed', 'failed']"
expect_in_err "[1/3] float: failed: wt2, window 0: layers.3.out_proj.in is "
expect_in_err "layer and site are the first where a value is not finite"
expect_in_err "ssmq: error: 3 of 3 runs failed; float: wt2, window 0: layers.3.out_proj.in is "
id=$(json 'j["runs"][0]["id"]')
run 0 show "$runs/small/$id"
expect_in_out "layers.3.out_proj.in is "
[ -e "$runs/small/$id/run.h5" ] && fail "a failed run left a run.h5"
# With the file mended the same directory takes the run again.
cp models/tiny-mamba/model.safetensors "$scratch/broken/"
run 0 run "$scratch/broken.yaml" --out "$runs" --set mode=float

# A file that changes under a run fails it: its id stands for what the file was.
cp "$wikitext" "$scratch/changing.raw"
experiment "$scratch/changing.yaml" <<YAML
  - {id: wt2, task: perplexity, data: {file: changing.raw}, dialect: gptq, window: 256, limit: 60}
YAML
"$SSMQ" run "$scratch/changing.yaml" --set mode=float --out "$runs" > "$scratch/out" 2> "$scratch/err" &
writer=$!
for _ in $(seq 200); do
    grep -q 'wt2' "$scratch/err" && break
    sleep 0.02
done
touch "$scratch/changing.raw"
wait "$writer" && fail "a run whose text changed ended well"
grep -q "changing.raw changed while the experiment was running" "$scratch/err" ||
    fail "a changed text: $(cat "$scratch/err")"

refuse 2 "--out names no directory" run "$scratch/small.yaml" --out ""

# Too few documents for one of the recipes: nothing is run.
run 4 run "$scratch/small.yaml" --out "$scratch/none" --set calibration.count=5000
expect_in_err "979"
[ -e "$scratch/none" ] && fail "something ran without calibration samples"

# A second writer is turned away.
mkdir -p "$scratch/held/small"
experiment "$scratch/held.yaml" <<YAML
  - {id: wt2, task: perplexity, data: {file: $wikitext}, dialect: gptq, window: 128, limit: 40}
YAML
"$SSMQ" run "$scratch/held.yaml" --set mode=float --out "$scratch/held" > /dev/null 2>&1 &
writer=$!
for _ in $(seq 200); do
    compgen -G "$scratch/held/small/*/lease" > /dev/null && break
    sleep 0.05
done
kill -STOP "$writer"
run 75 run "$scratch/held.yaml" --set mode=float --out "$scratch/held"
expect_in_err "process $writer"
kill -CONT "$writer"
wait "$writer" || fail "the first writer"

finish
