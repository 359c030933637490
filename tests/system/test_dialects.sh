#!/usr/bin/env bash
# The dialects of perplexity: what each of them scores, and that no two of them are compared.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

root=$PWD
runs="$scratch/runs"

# json EXPRESSION: of the JSON in $out, as j; the evaluations of its first run as e
json() {
    python3 -c "import json,math,sys; j = json.load(sys.stdin); e = j['runs'][0]['evaluations']; print($1)" <<< "$out"
}
expect_json() {
    local got
    got=$(json "$1" 2>&1)
    [ "$got" = "$2" ] || fail "$command_line: $1 is '$got', not '$2'"
}

# ---- llama.cpp: the second half of each window ---------------------------------------------------

# In float a token's loss depends on what is before it in its window.  So of one window of 64 tokens the losses of
# the last 31 are those of all 63 without those of the first 32, which a window of 33 has too.
python3 -c 'import json; print(json.dumps([(7 * i * i + 13 * i) % 2000 + 2 for i in range(130)]))' > "$scratch/ids.json"
cat > "$scratch/half.yaml" <<YAML
ssmq: 1
name: half
model: {path: $root/models/tiny-mamba}
mode: float
evaluate:
  - {id: whole, task: perplexity, data: {file: ids.json}, dialect: gptq, window: 64, limit: 1}
  - {id: first, task: perplexity, data: {file: ids.json}, dialect: gptq, window: 33, limit: 1}
  - {id: half, task: perplexity, data: {file: ids.json}, dialect: llama.cpp, window: 64, limit: 1}
  - {id: all, task: perplexity, data: {file: ids.json}, dialect: llama.cpp, window: 64}
  - {id: odd, task: perplexity, data: {file: ids.json}, dialect: llama.cpp, window: 13}
YAML
run 0 run "$scratch/half.yaml" --out "$runs" --format json
# The same losses in another order of summation: equal to some units in the last place of their sum.
expect_json "abs(e['half']['nll'] * 31 - (e['whole']['nll'] * 63 - e['first']['nll'] * 32)) < 1e-10" True
expect_json "abs(e['half']['ppl'] / math.exp(e['half']['nll']) - 1) < 1e-14" True
expect_json "[(k, e[k]['windows'], e[k]['tokens']) for k in sorted(e)]" \
    "[('all', 2, 62), ('first', 1, 32), ('half', 1, 31), ('odd', 10, 60), ('whole', 1, 63)]"
half=$(json "e['half']['nll']")
run 3 run "$scratch/half.yaml" --set evaluate.odd.window=2
expect_in_err "--set:1:21: error: evaluate.odd.window is 2, of which llama.cpp scores nothing [E207]"

# ---- states that begin anew within a window -------------------------------------------------------

# Of two stretches of 32 tokens the first is that of the window of 33, whose last token predicts nothing.
run 0 run "$scratch/half.yaml" --out "$runs" --set evaluate.whole.state_reset=32 --set evaluate.half.state_reset=32
expect_in_out "whole: perplexity of the model's own tokens, dialect gptq, 1 window of 64 tokens, states reset every 32"
python3 - "$runs/half"/*/summary.json <<'PYTHON' || fail "losses with resets are not those of stretches"
import json, sys
runs = [json.load(open(name))["evaluations"] for name in sys.argv[1:]]
plain, reset = sorted(runs, key=lambda e: "state_reset" in e["whole"])
assert reset["whole"]["state_reset"] == 32 and "state_reset" not in reset["first"]
nll = [{k: e[k]["nll"] for k in e} for e in (plain, reset)]
assert nll[1]["first"] == nll[0]["first"] and nll[1]["whole"] != nll[0]["whole"] and nll[1]["half"] != nll[0]["half"]
assert abs(nll[1]["whole"] * 63 - nll[0]["first"] * 32 - nll[1]["half"] * 31) < 1e-10  # llama.cpp scores the second stretch
PYTHON
run 3 compare "$runs/half"/*/
expect_in_err "evaluation whole is of state_reset "
expect_in_err " and state_reset "
expect_in_err "they do not stand in one column"
run 4 export windows "$runs/half"/*/ --metric nll --evaluation whole
expect_in_err ": such losses are not to be compared"
run 0 export windows "$runs/half"/*/ --metric nll --evaluation all
run 0 compare "$runs/half"/*/ --evaluation all
expect_in_out "all: dialect llama.cpp, windows of 64 tokens"
run 3 check "$scratch/half.yaml" --set evaluate.whole.state_reset=64
expect_in_err "error: evaluate.whole.state_reset is 64 and its window 64: states would never be reset [E437]"

# ---- beside float ---------------------------------------------------------------------------------

# Side by side with float, the same tokens count; a model beside itself is no different.
cat > "$scratch/paired.yaml" <<YAML
ssmq: 1
name: paired
model: {path: $root/models/tiny-mamba}
mode: fake
recipe: [{method: weights, bits: off}]
compare: {}
evaluate: [{id: half, task: perplexity, data: {file: ids.json}, dialect: llama.cpp, window: 64, limit: 1}]
YAML
run 0 run "$scratch/paired.yaml" --out "$runs" --format json
expect_json "e['half']['nll'] == $half, e['half']['compare']['kl_mean'], e['half']['tokens']" "True 0.0 31"

# The file as it is, not lines joined again.
head -c 6000 configs/data/wiki.test.raw > "$scratch/some.raw"
cp "$scratch/some.raw" "$scratch/some.txt"
cat > "$scratch/raw.yaml" <<YAML
ssmq: 1
name: raw
model: {path: $root/models/tiny-mamba}
mode: float
evaluate:
  - {id: raw, task: perplexity, data: {file: some.raw}, dialect: llama.cpp, window: 128}
  - {id: text, task: perplexity, data: {file: some.txt}, dialect: llama.cpp, window: 128}
  - {id: joined, task: perplexity, data: {file: some.raw}, dialect: gptq, window: 128}
YAML
run 0 run "$scratch/raw.yaml" --out "$runs" --format json
expect_json "e['raw'] == e['text']" True
expect_json "e['raw']['windows'] == e['joined']['windows'] and e['raw']['ppl'] == e['joined']['ppl']" False

# ---- disjoint: without what calibration takes ------------------------------------------------------

python3 - "$scratch" <<'PYTHON'
import json, sys
scratch = sys.argv[1]
words = open("configs/data/wiki.test.raw").read().split()
documents = [" ".join(words[60 * i:60 * i + 60]) for i in range(12)]
documents[5] = ""
with open(f"{scratch}/all.jsonl", "w") as all_of_them, open(f"{scratch}/rest.jsonl", "w") as rest:
    for i, text in enumerate(documents):
        line = json.dumps({"text": text, "of": "odd" if i % 2 else "even"}) + "\n"
        all_of_them.write(line)
        if i not in (0, 1, 2):
            rest.write(line)
PYTHON
cat > "$scratch/disjoint.yaml" <<YAML
ssmq: 1
name: disjoint
model: {path: $root/models/tiny-mamba}
mode: [float, fake]
calibration: {data: {file: all.jsonl}, select: first, count: 3, length: 32}
recipe: [{method: activations}]
evaluate:
  - {id: without, task: perplexity, data: {file: all.jsonl}, dialect: disjoint, window: 64}
  - {id: rest, task: perplexity, data: {file: rest.jsonl}, dialect: gptq, window: 64}
  - {id: other, task: perplexity, data: {file: rest.jsonl}, dialect: disjoint, window: 64}
  - {id: all, task: perplexity, data: {file: all.jsonl}, dialect: gptq, window: 64}
  - {id: parts, task: perplexity, data: {file: all.jsonl, subset: of}, dialect: disjoint, window: 64}
  - {id: rest-parts, task: perplexity, data: {file: rest.jsonl, subset: of}, dialect: gptq, window: 64}
YAML
run 0 run "$scratch/disjoint.yaml" --out "$runs" --format json
for i in 0 1; do
    # Nothing of the file named otherwise is calibrated with, so there disjoint leaves out nothing.
    expect_json "(lambda e: [e['without'] == e['rest'], e['other'] == e['rest'], e['all'] == e['rest']])(j['runs'][$i]['evaluations'])" \
        "[True, True, False]"
    expect_json "(lambda e: e['parts'] == e['rest-parts'])(j['runs'][$i]['evaluations'])" True
done
# Only evaluations that calibration has seen are warned of.
grep -q '"evaluation": *"all"' "$runs"/disjoint/*/summary.json || fail "no alarm about 'all'"
grep -q '"evaluation": *"without"' "$runs"/disjoint/*/summary.json && fail "an alarm about 'without'"

# The float run depends on what is left out, and on nothing else of calibration.
id() { "$SSMQ" check "$scratch/disjoint.yaml" "$@" | sed -n 's/^#   \([0-9a-f]*\)  float$/\1/p'; }
[ "$(id)" = "$(id --set calibration.length=16)" ] || fail "the length of samples changes the float run"
[ "$(id)" != "$(id --set calibration.count=4)" ] || fail "the documents of calibration do not change the float run"
[ "$(id)" != "$(id --set calibration.select=sampled)" ] || fail "another draw does not change the float run"

run 4 run "$scratch/disjoint.yaml" --set mode=float --set calibration.count=11 --set evaluate.without.window=256 \
    --out "$scratch/nothing"
expect_in_err "all.jsonl: has 0 tokens without the 11 documents that calibration takes, fewer than one window of 256"
run 3 check "$scratch/disjoint.yaml" --set evaluate.rest.data.format=text --set evaluate.rest.dialect=disjoint
expect_in_err "error: evaluate.rest: disjoint leaves out documents and needs format jsonl; this is text [E410]"
sed '/^calibration/d; s/activations/weights/' "$scratch/disjoint.yaml" > "$scratch/none.yaml"
run 3 check "$scratch/none.yaml"
expect_in_err "error: calibration is missing: evaluate.without is to leave out its documents [E404]"

# ---- lm-eval: documents, words and bytes -----------------------------------------------------------

# What its figures are of is in tests/results/test_lm_eval.sh and tests/golden/test_lm_eval.c.
head -c 9000 configs/data/wiki.test.raw > "$scratch/pages.raw"
cat > "$scratch/pages.yaml" <<YAML
ssmq: 1
name: pages
model: {path: $root/models/tiny-mamba}
calibration: {data: {file: pages.raw}, select: first, count: 4, length: 64}
mode: real
recipe: $root/configs/recipes/naive.yaml
compare:
  {against: [float, fake], metrics: [kl, sqnr, mse], sensitivity: each-on, by: step, windows: 1,
   interactions: [[w, a]]}
evaluate:
  - {id: pages, task: perplexity, data: {file: pages.raw}, dialect: lm-eval, window: 128}
YAML
run 0 run "$scratch/pages.yaml" --out "$runs"
expect_in_out "pages: perplexity of the model's own tokens, dialect lm-eval, "
expect_in_out "of words and bytes of 2 documents, standard errors over documents"
expect_in_err "calibration samples are of text that it evaluates"
run 0 run "$scratch/pages.yaml" --out "$runs" --format json
# 9000 bytes, but for the line before the first heading and the line feed between the pages.
expect_json "(e['pages']['documents'], e['pages']['bytes'])" "(2, 8997)"
expect_json "abs(e['pages']['word_ppl'] / math.exp(e['pages']['nll'] * e['pages']['tokens'] / e['pages']['words']) - 1) < 1e-12" True
expect_json "abs(e['pages']['bits_per_byte'] - math.log2(e['pages']['byte_ppl'])) < 1e-12" True
for format in text markdown csv json latex; do
    run 0 compare "$runs/pages" --format "$format"
    [[ $out == *"word"*"byte"* ]] || fail "compare --format $format says nothing of words: $out"
done
run 0 compare "$runs/pages" --gate "word_ppl>1" --gate "bits_per_byte@pages>0"
run 6 compare "$runs/pages" --gate "byte_ppl<=1"
run 6 compare "$runs/raw" --gate "word_ppl>1"
expect_in_err "raw: no such figure"
run 0 verify "$runs/pages"
run 0 show "$runs"/pages/*/
expect_in_out "evaluation  documents  word ppl"

# Killed among its windows, it goes on where it was and ends with the same bytes.
journal() { cat "$scratch"/killed/pages/*/journal.jsonl 2> /dev/null | grep -c '"stage": "pages"'; }
"$SSMQ" run "$scratch/pages.yaml" --out "$scratch/killed" > /dev/null 2> "$scratch/err" < /dev/null &
victim=$!
for _ in $(seq 3000); do
    [ "$(journal)" -ge 5 ] && break
    kill -0 "$victim" 2> /dev/null || break
    sleep 0.01
done
kill -KILL "$victim" 2> /dev/null
wait "$victim" 2> /dev/null
[ "$(journal)" -ge 5 ] || fail "no window of pages was scored before the kill: $(cat "$scratch/err")"
run 0 run "$scratch/pages.yaml" --out "$scratch/killed"
cmp "$scratch"/killed/pages/*/run.h5 "$runs"/pages/*/run.h5 || fail "a killed run ends with other results"

other=$scratch/other.json # a tokenizer whose end of text is called otherwise
sed 's/<|endoftext|>/<|end|>/' models/tiny-mamba/tokenizer.json > "$other"
run 3 check "$scratch/half.yaml" --set evaluate.odd.dialect=lm-eval
expect_in_err "--set:1:22: error: evaluate.odd: lm-eval counts words and bytes of text, and tokens have none [E411]"
run 3 check "$scratch/raw.yaml" --set evaluate.joined.prefix=x
expect_in_err "--set:1:24: error: evaluate.joined.prefix is of dialect lm-eval; this is gptq [E412]"
run 3 check "$scratch/pages.yaml" --set evaluate.pages.loss_dtype=f16
expect_in_err "error: evaluate.pages.loss_dtype is f16: lm-eval adds up log-likelihoods and takes f32 [E412]"
for command in check plan run; do
    run 3 $command "$scratch/pages.yaml" --set 'evaluate.pages.prefix="<s>"'
    expect_in_err "--set:1:23: error: evaluate.pages: documents begin with '<s>', which is not one token of the model's tokenizer [E505]"
done
run 3 check "$scratch/pages.yaml" --set model.tokenizer="$other"
expect_in_err "pages.yaml:11:69: error: evaluate.pages: documents begin with '<|endoftext|>', which is not one token"
run 0 check "$scratch/pages.yaml" --set 'evaluate.pages.prefix="<s>"' --no-model
expect_in_out "#   evaluations of dialect lm-eval: whether their prefix is one token"

# ---- no two of them side by side ---------------------------------------------------------------------

run 0 run "$scratch/raw.yaml" --out "$scratch/other" --set evaluate.raw.dialect=gptq
run 3 compare "$runs/raw" "$scratch/other/raw"
expect_out ""
expect_in_err "evaluation raw is of dialect llama.cpp in "
run 0 run "$scratch/raw.yaml" --out "$scratch/words" --set evaluate.raw.dialect=lm-eval
run 3 compare "$runs/raw" "$scratch/words/raw"
expect_in_err "evaluation raw is of dialect llama.cpp in "
finish
