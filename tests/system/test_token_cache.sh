#!/usr/bin/env bash
# Texts are tokenised once for all runs of a sweep, and once for all programs that share a cache; what lies there is
# never believed unseen, and no result depends on it.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/results.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/results.sh"

root=$PWD
runs="$scratch/runs"
cache="$runs/.ssmq-cache/tokens"
unset SSMQ_CACHE

cat > "$scratch/sweep.yaml" << YAML
ssmq: 1
name: sweep
model: {path: $root/models/tiny-mamba}
data:
  pile: {file: $root/configs/data/pile-sample.jsonl.zst, subset: meta.pile_set_name}
calibration: {data: pile, select: sampled, seed: 3, count: 3, length: 32}
mode: [float, fake]
recipes:
  w: [{method: weights}]
  wa: [{method: weights}, {method: activations}]
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 32, limit: 4}
  - {id: pile, task: perplexity, data: pile, dialect: gptq, window: 32, limit: 1}
compare: {against: float, metrics: [kl, sqnr], windows: 2, evaluation: wt2}
YAML

# told TEXT N: so many lines of progress begin with it
told() {
    local n
    n=$(grep -c -- "$1" <<< "$err")
    [ "$n" -eq "$2" ] || fail "$command_line: $n times '$1', not $2: $err"
}

# again NAME ARG...: the sweep anew, with the results that it had first
again() {
    rm -rf "${runs:?}/sweep"
    run 0 run "$scratch/sweep.yaml" --out "$runs" "${@:2}"
    same_results 3 "$scratch/first" "$runs/sweep"
}

# ---- once ---------------------------------------------------------------------------------

run 0 run "$scratch/sweep.yaml" --out "$runs"
told 'tokenising wt2: 4 windows' 1
told 'tokenising pile: 7 windows' 1
told 'reading calibration samples:' 1
cp -r "$runs/sweep" "$scratch/first"
[ "$(find "$cache" -name '*.tokens' | wc -l)" -eq 3 ] || fail "not 3 files of tokens in $cache"

again cached
told 'tokenising' 0
told 'reading calibration samples' 0

SSMQ_CACHE="$scratch/elsewhere" again elsewhere
told 'tokenising .*:' 2
[ "$(find "$scratch/elsewhere/tokens" -name '*.tokens' | wc -l)" -eq 3 ] || fail "SSMQ_CACHE was not heeded"

cp -r "$cache" "$scratch/pristine"
again without --no-cache
told 'tokenising .*:' 2
diff -r "$scratch/pristine" "$cache" || fail "--no-cache touched the cache"

# ---- what it depends on -------------------------------------------------------------------

# anew WHAT N ARG...: with that changed, so many texts are tokenised
anew() {
    rm -rf "${runs:?}/changed"
    run 0 run "$scratch/sweep.yaml" --out "$runs" --set name=changed "${@:3}"
    told 'tokenising .*:' "$2"
}
anew 'nothing' 0
anew 'the window' 1 --set evaluate.wt2.window=48
anew 'the limit' 1 --set evaluate.wt2.limit=5
anew 'the subset' 1 --set evaluate.pile.data="{file: $root/configs/data/pile-sample.jsonl.zst}"
{ cat "$root/configs/data/wiki.test.raw"; echo more; } > "$scratch/other.raw"
anew 'the text' 1 --set evaluate.wt2.data="{file: $scratch/other.raw}"
cp "$root/configs/data/wiki.test.raw" "$scratch/same.raw"
anew 'its name' 0 --set evaluate.wt2.data="{file: $scratch/same.raw}"
{ cat "$root/models/tiny-mamba/tokenizer.json"; echo; } > "$scratch/tokenizer.json"
anew 'the tokenizer' 2 --set "model.tokenizer=$scratch/tokenizer.json"

# ---- what goes wrong with it --------------------------------------------------------------

rm -rf "$cache" && cp -r "$scratch/pristine" "$cache"
damage='stored tokens are of no use; reading the text again'
for file in "$cache"/*.tokens; do printf 'x' | dd of="$file" bs=1 seek=300 conv=notrunc 2> /dev/null; done
again damaged
told "$damage" 3
expect_in_err 'it does not end in its own SHA-256'
diff -r "$scratch/pristine" "$cache" || fail "what was damaged was not made again"
for file in "$cache"/*.tokens; do truncate -s 200 "$file"; done
again cut-off
told "$damage" 3
for file in "$cache"/*.tokens; do : > "$file"; done
again empty
told "$damage" 3
set -- "$cache"/*.tokens
cp "$1" "$scratch/one" && cp "$2" "$1" && cp "$scratch/one" "$2"
again exchanged
expect_in_err 'is the file of other tokens'
rm -r "$cache" && : > "$cache"
again no-folder
told 'tokens were not stored' 3
[ -z "$(find "$scratch" -name '*.part' -o -name '*.tokens.*')" ] || fail "an unfinished file was left"

finish
