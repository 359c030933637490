#!/usr/bin/env bash
# ssmq generate: the same text from the same seed in every mode that computes the same, each setting, and what
# is refused.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

tiny=(--model models/tiny-mamba)
prompt=(--prompt "The city of" --generate 12)
quamba=(--recipe configs/recipes/quamba.yaml --calibration configs/data/pile-sample.jsonl.zst --count 2 --length 64)

# ids ARG...: of the new tokens, as JSON
ids() {
    run 0 generate "${tiny[@]}" "$@" --format json
    python3 -c 'import json,sys; print(json.load(sys.stdin)["ids"])' <<< "$out"
}
field() { python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])" <<< "$out"; }

# ---- reproducible --------------------------------------------------------------------------

first=$(ids "${prompt[@]}" --seed 7)
[ "$(ids "${prompt[@]}" --seed 7)" = "$first" ] || fail "the same seed gives another text"
[ "$(ids "${prompt[@]}" --seed 7 --threads 1)" = "$first" ] || fail "the number of threads changes the text"
[ "$(ids "${prompt[@]}" --seed 8)" != "$first" ] || fail "another seed gives the same text"

fake=$(ids "${prompt[@]}" "${quamba[@]}" --mode fake --seed 7)
real=$(ids "${prompt[@]}" "${quamba[@]}" --mode real --seed 7)
[ "$fake" = "$real" ] || fail "fake and real mode give different texts: $fake, $real"

# As text the same as in JSON, and nothing on standard error.
run 0 generate "${tiny[@]}" "${prompt[@]}" --seed 7 --format json
text=$(field text)
run 0 generate "${tiny[@]}" "${prompt[@]}" --seed 7
expect_out "$text"
expect_err ""

# ---- settings ------------------------------------------------------------------------------

greedy=$(ids "${prompt[@]}" --temperature 0)
[ "$greedy" != "$first" ] || fail "greedy without being asked"
for one in "--top-k 1" "--top-p 0" "--min-p 1"; do
    # shellcheck disable=SC2086
    [ "$(ids "${prompt[@]}" $one --seed 7)" = "$greedy" ] || fail "$one does not leave the most likely token"
done
[ "$(ids "${prompt[@]}" --temperature 0.001 --seed 7)" = "$greedy" ] || fail "a temperature next to 0 is not greedy"
[ "$(ids "${prompt[@]}" --temperature 50 --seed 7)" != "$first" ] || fail "no temperature"
[ "$(ids "${prompt[@]}" --top-k 0 --top-p 1 --min-p 0 --repetition-penalty 1 --temperature 1 --seed 7)" = "$first" ] ||
    fail "settings that change nothing do"

# firsts SETTING...: the first new token under 16 seeds, each once, ascending
firsts() {
    local seed
    for seed in {1..16}; do ids --prompt "The city of" --generate 1 --seed "$seed" "$@"; done | sort -u | tr '\n' ' '
}
# within A B: is each word of A one of B?
within() {
    local word
    for word in $1; do [[ " $2 " == *" $word "* ]] || return 1; done
}
# So hot that what is left is drawn about evenly: 16 draws see all three, and these seeds stay.
one=$(firsts --temperature 50 --top-k 1)
three=$(firsts --temperature 50 --top-k 3)
[ "$(wc -w <<< "$one $three")" -eq 4 ] || fail "--top-k 1 and 3 leave: $one; $three"
within "$one" "$three" || fail "the most likely token $one is not among the three: $three"
# Of three tokens about evenly likely, p 0.5 leaves two and 0.9 all; a share that the second has not leaves one.
two=$(firsts --temperature 50 --top-k 3 --top-p 0.5)
[ "$(wc -w <<< "$two")" -eq 2 ] || fail "--top-p 0.5 leaves $two of $three"
{ within "$two" "$three" && within "$one" "$two"; } || fail "--top-p 0.5 leaves $two of $three"
[ "$(firsts --temperature 50 --top-k 3 --top-p 0.9)" = "$three" ] || fail "--top-p 0.9 leaves fewer"
[ "$(firsts --temperature 50 --top-k 3 --min-p 0.5)" = "$three" ] || fail "--min-p 0.5 of what is even leaves fewer"
[ "$(firsts --temperature 50 --top-k 3 --min-p 1)" = "$one" ] || fail "--min-p 1 leaves more"

# Under a penalty beyond all logits no token comes twice, nor one of the prompt, as long as there are others.
[ "$(ids "${prompt[@]}" --temperature 0 --repetition-penalty 5)" != "$greedy" ] || fail "no penalty"
run 0 generate "${tiny[@]}" --prompt "The city of" --generate 40 --temperature 0 --repetition-penalty 1000 --format json
python3 -c 'import json,sys
d = json.load(sys.stdin)
assert len(set(d["ids"])) == 40 and not set(d["ids"]) & set(d["prompt_ids"]), d' <<< "$out" || fail "tokens are repeated"
run 0 generate "${tiny[@]}" --prompt "The city of" --generate 0 --format json
[ "$(field ids)" = "[]" ] || fail "tokens though none were asked for"
field end | grep -x limit > /dev/null || fail "how it ended: $out"

run 0 generate "${tiny[@]}" --prompt "The city of" --generate 60 --temperature 0 --format json
whole=$(field text)
word=$(python3 -c 'import sys; print(sys.argv[1].split()[3])' "$whole")
run 0 generate "${tiny[@]}" --prompt "The city of" --generate 60 --temperature 0 --stop "$word" --format json
field end | grep -x stop > /dev/null || fail "--stop $word: $out"
part=$(field text)
[ "$part" = "$(printf '%s' "${whole%%"$word"*}")" ] || fail "--stop $word: '$part'"

# ---- prompts -------------------------------------------------------------------------------

run 0 generate "${tiny[@]}" --prompt "" --generate 3 --format json
[ "$(python3 -c 'import json,sys; print(len(json.load(sys.stdin)["prompt_ids"]))' <<< "$out")" = 1 ] ||
    fail "an empty prompt: $out"
run 0 generate "${tiny[@]}" --prompt $'caf\u00e9 \u20ac' --generate 3
run 4 generate "${tiny[@]}" --prompt $'bad \xff' --generate 3
expect_in_err "--prompt: "
run 0 generate "${tiny[@]}" --prompt "$(printf 'word %.0s' {1..700})" --generate 2

# From a file or a pipe it is the same, byte for byte; longer than a command line may be.
run 0 generate "${tiny[@]}" "${prompt[@]}" --seed 7 --format json
wanted=$out
printf 'The city of' > "$scratch/prompt"
run 0 generate "${tiny[@]}" --prompt-file "$scratch/prompt" --generate 12 --seed 7 --format json
expect_out "$wanted"
[ "$("$SSMQ" generate "${tiny[@]}" --prompt-file - --generate 12 --seed 7 --format json < <(cat "$scratch/prompt"))" = "$wanted" ] ||
    fail "a prompt from a pipe gives another text"
printf 'word %.0s' {1..30000} > "$scratch/prompt"
run 0 generate "${tiny[@]}" --prompt-file "$scratch/prompt" --generate 1 --format json
[ "$(python3 -c 'import json,sys; d = json.load(sys.stdin); print(len(d["prompt"]), len(d["prompt_ids"]) >= 30000)' <<< "$out")" = "150000 True" ] ||
    fail "a long prompt in a file"
: > "$scratch/prompt"
run 0 generate "${tiny[@]}" --prompt-file "$scratch/prompt" --generate 3
printf 'a\0b' > "$scratch/prompt"
refuse 4 "--prompt-file: $scratch/prompt: a NUL byte at byte 1" generate "${tiny[@]}" --prompt-file "$scratch/prompt"
printf 'bad \377' > "$scratch/prompt"
run 4 generate "${tiny[@]}" --prompt-file "$scratch/prompt"
expect_in_err "--prompt-file: the text is not valid UTF-8 at byte 4"
run 4 generate "${tiny[@]}" --prompt-file "$scratch/none"
expect_in_err "$scratch/none"
refuse 2 "generate needs one of --prompt TEXT and --prompt-file FILE" generate "${tiny[@]}" --prompt a --prompt-file "$scratch/prompt"

# ---- a character of several tokens ------------------------------------------------------------

# A model that says E2 82 AC, each byte a token, behind "a": no layer adds anything, and each embedding points to the
# next one, x(k) = 4^k (e(k) + e(k - 1)), so that x(k) x(k + 1) = 4^(2 k + 1) exceeds x(k) x(k) = 2 4^(2 k).
cp -r models/tiny-mamba "$scratch/euro"
python3 - "$scratch/euro" << 'PYTHON'
import json, struct, sys
path = sys.argv[1] + "/model.safetensors"
data = bytearray(open(path, "rb").read())
size = struct.unpack("<Q", data[:8])[0]
vocabulary = json.load(open(sys.argv[1] + "/tokenizer.json"))["model"]["vocab"]
chain = [vocabulary[c] for c in ("a", "\u00e2", "\u0124", "\u00ac")]
for name, t in json.loads(data[8:8 + size]).items():
    if name == "__metadata__":
        continue
    begin, end = (8 + size + o for o in t["data_offsets"])
    if name.endswith("out_proj.weight"):
        data[begin:end] = bytes(end - begin)
    if name == "backbone.norm_f.weight":
        data[begin:end] = struct.pack("<e", 1) * (t["shape"][0])
    if name == "backbone.embedding.weight":
        data[begin:end] = bytes(end - begin)
        for k, token in enumerate(chain):
            for d in {k, max(k - 1, 0)}:
                at = begin + 2 * (token * t["shape"][1] + d)
                data[at:at + 2] = struct.pack("<e", 4**k)
open(path, "wb").write(data)
PYTHON
euro=(generate --model "$scratch/euro" --prompt a --temperature 0)
run 0 "${euro[@]}" --generate 3
expect_out $'\u20ac'
run 0 "${euro[@]}" --generate 3 --format json
[ "$(python3 -c 'import json,sys; d = json.load(sys.stdin); print(len(d["ids"]), d["text"] == "\u20ac")' <<< "$out")" = "3 True" ] ||
    fail "three tokens of a character: $out"
# Cut off within it: each byte that belongs to no character is shown as one that stands for none.
run 0 "${euro[@]}" --generate 2
expect_out $'\ufffd\ufffd'
# A text that ends it may end in the middle of no token; it is not printed.
run 0 "${euro[@]}" --generate 3 --stop $'\u20ac' --format json
[ "$(field text) $(field end)" = " stop" ] || fail "--stop with a character of three tokens: $out"
run 0 "${euro[@]}" --generate 3 --stop $'\u20ad' --stop $'\u00e2'
expect_out $'\u20ac'

# ---- refusals ------------------------------------------------------------------------------

refuse 2 "--mode fake needs --recipe FILE" generate "${tiny[@]}" --prompt a --mode fake
refuse 2 "--recipe needs --mode fake or --mode real" generate "${tiny[@]}" --prompt a --recipe x.yaml
refuse 2 "a step of configs/recipes/quamba.yaml needs data: --calibration FILE" \
    generate "${tiny[@]}" --prompt a --mode fake --recipe configs/recipes/quamba.yaml
refuse 2 "--stop is empty" generate "${tiny[@]}" --prompt a --stop ""
refuse 2 "--stop: not valid UTF-8 at byte 1" generate "${tiny[@]}" --prompt a --stop x --stop $'x\xe2\x82'
for wrong in "--temperature -1" "--top-p 1.5" "--min-p -0.1" "--top-k -1" "--repetition-penalty 0" "--seed -1"; do
    # shellcheck disable=SC2086
    run 2 generate "${tiny[@]}" --prompt a $wrong
    expect_in_err "${wrong% *}"
done
run 2 generate "${tiny[@]}"
expect_in_err "prompt"
run 4 generate --model "$scratch/nothing" --prompt a

finish
