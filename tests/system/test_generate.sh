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
[ "$(ids "${prompt[@]}" --temperature 0 --repetition-penalty 5)" != "$greedy" ] || fail "no penalty"
run 0 generate "${tiny[@]}" --prompt "The city of" --generate 0 --format json
[ "$(field ids)" = "[]" ] || fail "tokens though none were asked for"
field end | grep -qx limit || fail "how it ended: $out"

run 0 generate "${tiny[@]}" --prompt "The city of" --generate 60 --temperature 0 --format json
whole=$(field text)
word=$(python3 -c 'import sys; print(sys.argv[1].split()[3])' "$whole")
run 0 generate "${tiny[@]}" --prompt "The city of" --generate 60 --temperature 0 --stop "$word" --format json
field end | grep -qx stop || fail "--stop $word: $out"
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

# ---- refusals ------------------------------------------------------------------------------

refuse 2 "--mode fake needs --recipe FILE" generate "${tiny[@]}" --prompt a --mode fake
refuse 2 "--recipe needs --mode fake or --mode real" generate "${tiny[@]}" --prompt a --recipe x.yaml
refuse 2 "a step of configs/recipes/quamba.yaml needs data: --calibration FILE" \
    generate "${tiny[@]}" --prompt a --mode fake --recipe configs/recipes/quamba.yaml
run 2 generate "${tiny[@]}" --prompt a --temperature -1
run 2 generate "${tiny[@]}"
expect_in_err "prompt"
run 4 generate --model "$scratch/nothing" --prompt a

finish
