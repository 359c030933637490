#!/usr/bin/env bash
# ssmq chat over a pipe: reproducible, the state kept from turn to turn, templates, and what is refused.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

tiny=models/tiny-mamba
quamba=(--recipe configs/recipes/quamba.yaml --calibration configs/data/pile-sample.jsonl.zst --count 2 --length 64)

# chat STATUS TEXT ARG...: TEXT (in printf's words) on standard input; what ssmq wrote is in $out and $err
chat() {
    local wanted=$1 text=$2 status=0
    shift 2
    command_line="printf '$text' | ssmq chat $*"
    # shellcheck disable=SC2059
    printf "$text" | "$SSMQ" chat --generate 10 "$@" > "$scratch/out" 2> "$scratch/err" || status=$?
    out=$(cat "$scratch/out")
    err=$(cat "$scratch/err")
    [ "$status" -eq "$wanted" ] || fail "$command_line: status $status, not $wanted; stderr: $err"
}

# of EXPRESSION: of the JSON in $out as d
of() { python3 -c "import json,sys; d = json.load(sys.stdin); print($1)" < "$scratch/out"; }

# ---- turns ---------------------------------------------------------------------------------

two='The city of\nWhat else?\n'
chat 0 "$two" --model "$tiny" --seed 7 --format json
first=$(of '[t["ids"] for t in d["turns"]]')
[ "$(of '[t["user"] for t in d["turns"]]')" = "['The city of', 'What else?']" ] || fail "messages: $out"
[ "$(of 'd["mode"] + d["template"]')" = floatplain ] || fail "$out"
texts=$(of '"\n".join(t["assistant"] for t in d["turns"])')
chat 0 "$two" --model "$tiny" --seed 7
expect_out "$texts"
expect_err ""
chat 0 "$two" --model "$tiny" --seed 7 --threads 1 --format json
[ "$(of '[t["ids"] for t in d["turns"]]')" = "$first" ] || fail "the number of threads changes the text"
chat 0 "$two" --model "$tiny" --seed 8 --format json
[ "$(of '[t["ids"] for t in d["turns"]]')" != "$first" ] || fail "another seed gives the same text"
chat 0 "$two" --model "$tiny" --seed 7 --format json "${quamba[@]}" --mode fake
fake=$(of '[t["ids"] for t in d["turns"]]')
chat 0 "$two" --model "$tiny" --seed 7 --format json "${quamba[@]}" --mode real
[ "$(of '[t["ids"] for t in d["turns"]]')" = "$fake" ] || fail "fake and real mode give different texts"

# What was said before counts, unless it is forgotten.
chat 0 'The city of\nThe city of\n/reset\nThe city of\n' --model "$tiny" --temperature 0 --format json
[ "$(of 'd["turns"][0]["ids"] == d["turns"][2]["ids"] != d["turns"][1]["ids"]')" = True ] || fail "/reset: $out"
chat 0 'The city of\n' --model "$tiny" --temperature 0 --system "On cities." --format json
[ "$(of 'len(d["turns"][0]["ids"])')" = 10 ] || fail "no reply: $out"

chat 0 '\n//exit\n/exit\nnever\n' --model "$tiny" --format json
[ "$(of '[t["user"] for t in d["turns"]]')" = "['/exit']" ] || fail "/exit: $out"
chat 0 'no line break' --model "$tiny" --format json
[ "$(of 'len(d["turns"])')" = 1 ] || fail "the last line: $out"
chat 0 '' --model "$tiny"
expect_out ""
chat 0 '/what\n' --model "$tiny"
expect_in_err "/reset begins anew"

# A reply ends at its stop text, which is not printed.
chat 0 'The city of\n' --model "$tiny" --temperature 0 --format json
word=$(of 'd["turns"][0]["assistant"].split()[0][2:6]')
chat 0 'The city of\nAnd?\n' --model "$tiny" --temperature 0 --stop "$word" --format json
[ "$(of 'd["turns"][0]["end"]')" = stop ] || fail "--stop '$word': $out"
[ "$(of "'$word' in d['turns'][0]['assistant']")" = False ] || fail "--stop '$word' is printed: $out"

# ---- templates -----------------------------------------------------------------------------

chat 0 'The city of\n' --model "$tiny" --temperature 0 --template chatml --format json
chatml=$(of 'd["turns"][0]["ids"]')
printf '{"user": {"before": "<|im_start|>user\\n", "after": "<|im_end|>\\n"}, "assistant": {"before": "<|im_start|>assistant\\n", "after": "<|im_end|>\\n"}, "stop": "<|im_end|>"}' > "$scratch/mine.json"
chat 0 'The city of\n' --model "$tiny" --temperature 0 --template "$scratch/mine.json" --format json
[ "$(of 'd["turns"][0]["ids"]')" = "$chatml" ] || fail "the same template in a file gives another text"
cp -r "$tiny" "$scratch/model"
echo '{"chat_template": "{% for m in messages %}<|im_start|>{{ m.role }}...<|im_end|>{% endfor %}"}' > "$scratch/model/tokenizer_config.json"
chat 0 'The city of\n' --model "$scratch/model" --temperature 0 --format json
[ "$(of 'd["template"]')" = chatml ] || fail "the model's template is not seen: $out"
[ "$(of 'd["turns"][0]["ids"]')" = "$chatml" ] || fail "the model's template gives another text"
echo '{"chat_template": "{% for m in messages %}[INST]{{ m.content }}[/INST]{% endfor %}"}' > "$scratch/model/tokenizer_config.json"
chat 3 '' --model "$scratch/model"
expect_err "ssmq: error: $scratch/model/tokenizer_config.json: chat_template is a Jinja template that is none of plain, chatml, zephyr; say one of them or a file with --template"
echo '{"user": {"before": "x"}}' > "$scratch/bad.json"
chat 4 '' --model "$tiny" --template "$scratch/bad.json"
expect_in_err "user.after"

# ---- refusals ------------------------------------------------------------------------------

chat 4 'fine\nbad \377\n' --model "$tiny"
expect_in_err "message on line 2: the text is not valid UTF-8 at byte 4"
chat 4 'a\000b\n' --model "$tiny"
expect_in_err "message on line 1: a NUL byte"
refuse 2 "--template: 'plan' is neither a file nor one of plain, chatml, zephyr" chat --model "$tiny" --template plan
refuse 2 "--mode fake needs --recipe FILE" chat --model "$tiny" --mode fake
run 4 chat --model "$scratch/nothing"

finish
