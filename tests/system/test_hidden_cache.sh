#!/usr/bin/env bash
# The float model's layers run once for all runs that are compared with it, in any number of processes; what lies in the
# cache is never believed unseen, and no result depends on it.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/results.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/results.sh"

root=$PWD
runs="$scratch/runs"
cache="$runs/.ssmq-cache/hidden"
unset SSMQ_CACHE
export SSMQ_LOG=info

# Pieces of a whole window, for the scale of all its tokens, are another way to run: d has files of its own.
cat > "$scratch/sweep.yaml" << YAML
ssmq: 1
name: sweep
model: {path: $root/models/tiny-mamba}
mode: [float, fake]
recipes:
  w: [{method: weights}]
  a: [{method: weights}, {method: activations, range: dynamic, scope: token}]
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 64, limit: 6}
  - {id: half, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: llama.cpp, window: 48, limit: 2}
compare: {against: float, metrics: [kl, top1], windows: 2}
YAML

# sum: of the numbers on stdin, one a line
sum() { awk '{ n += $1 } END { printf "%d\n", n }'; }

# layers run|found N: so many windows' layers, of all runs and evaluations together
layers() {
    local n
    n=$(grep -o "layers.* $1=[0-9]*" <<< "$err" | sed 's/.*=//' | sum)
    [ "$n" -eq "$2" ] || fail "$command_line: $n windows $1, not $2: $err"
}

# again ARG...: the sweep anew, with the results that it had first
again() {
    rm -rf "${runs:?}/sweep"
    run 0 run "$scratch/sweep.yaml" --out "$runs" "$@"
    same_results 3 "$scratch/first" "$runs/sweep"
}

files() {
    find "$cache" -name '*.hidden' | wc -l
}

# ---- once ---------------------------------------------------------------------------------

run 0 run "$scratch/sweep.yaml" --out "$runs" --no-cache
[ -e "$runs/.ssmq-cache" ] && fail "--no-cache left a cache"
grep -q "the float model's layers" <<< "$err" && fail "--no-cache filed hidden states: $err"
cp -r "$runs/sweep" "$scratch/first"

again
layers run 8
layers found 16 # two compared runs: 8 windows each
[ "$(files)" -eq 8 ] || fail "$(files) files, not 8"
cp -r "$cache" "$scratch/pristine"
again
layers run 0
again --no-cache
diff -r "$scratch/pristine" "$cache" || fail "--no-cache touched the cache"

# Processes share the windows among them: none is run twice.
for n in 2 3; do
    rm -r "$cache"
    again --workers "$n"
    layers run 8
    diff -r "$scratch/pristine" "$cache" || fail "$n workers left another cache"
done

# ---- what it depends on -------------------------------------------------------------------

# anew N ARG...: with that changed, so many windows are run
anew() {
    rm -rf "${runs:?}/changed"
    run 0 run "$scratch/sweep.yaml" --out "$runs" --set name=changed "${@:2}"
    layers run "$1"
}
anew 0
anew 0 --set evaluate.wt2.limit=4
anew 1 --set evaluate.wt2.limit=7
anew 3 --set evaluate.wt2.window=128 --set evaluate.wt2.limit=3
anew 0 --set 'recipes.w=[{method: weights, bits: 4}]'
anew 0 --set mode=fake
anew 8 --set run.backend=ref
cp -r "$root/models/tiny-mamba" "$scratch/model"
anew 0 --set "model.path=$scratch/model"
printf ' ' >> "$scratch/model/config.json"
anew 8 --set "model.path=$scratch/model"
before=$(files)
grep -v '^compare' "$scratch/sweep.yaml" > "$scratch/alone.yaml"
run 0 run "$scratch/alone.yaml" --out "$runs" --set name=changed --set evaluate.wt2.window=32
[ "$(files)" -eq "$before" ] || fail "states were filed that nobody is compared with"

# ---- how much -----------------------------------------------------------------------------

one=$(find "$scratch/pristine" -name '*.hidden' -printf '%s\n' | sort -n | tail -1)
rm -r "$cache"
again --set "run.keep_hidden=$((3 * one + one / 2))"
layers run 3
layers found 6
[ "$(files)" -eq 3 ] || fail "$(files) files in the room of 3"
again --set run.keep_hidden=0
grep -q "the float model's layers" <<< "$err" && fail "keep_hidden 0 filed hidden states: $err"
again
layers run 5
diff -r "$scratch/pristine" "$cache" || fail "what had no room is not there"

# cache_bytes N ARG...: the plan says that so many bytes are added
cache_bytes() {
    rm -rf "${runs:?}/sweep"
    run 0 plan "$scratch/sweep.yaml" --out "$runs" --format json "${@:2}"
    expect_in_out "\"cache_bytes\": $1"
}
total=$(find "$cache" -name '*.hidden' -printf '%s\n' | sum)
cache_bytes 0
rm "$(find "$cache" -name '*.hidden' -size "${one}c" | head -1)"
cache_bytes "$one"
rm -r "$cache"
cache_bytes "$total"
cache_bytes 1000 --set run.keep_hidden=1000
run 0 plan "$scratch/sweep.yaml" --out "$runs"
expect_in_out "of what the float model's head reads (run.keep_hidden)"
cp -r "$scratch/pristine" "$cache"
run 0 gc "$runs" --dry-run --older-than 0
[ "$(grep -c 'hidden/[0-9a-f]*\.hidden' <<< "$out")" -eq 8 ] || fail "gc does not know them: $out"

# ---- what goes wrong with it --------------------------------------------------------------

damage='stored hidden states are of no use; running the float model again'
# told TEXT N: so many warnings
told() {
    local n
    n=$(grep -c -- "$1" <<< "$err")
    [ "$n" -eq "$2" ] || fail "$command_line: $n times '$1', not $2: $err"
}
for file in "$cache"/*.hidden; do printf 'x' | dd of="$file" bs=1 seek=300 conv=notrunc 2> /dev/null; done
again
told "$damage" 8
expect_in_err 'it does not end in its own SHA-256'
diff -r "$scratch/pristine" "$cache" || fail "what was damaged was not made again"
for file in "$cache"/*.hidden; do truncate -s 200 "$file"; done
again --workers 2
expect_in_err "$damage"
set -- "$cache"/*.hidden
cp "$1" "$scratch/one" && cp "$2" "$1" && cp "$scratch/one" "$2"
again
told 'is not the file of this window' 2
rm -r "$cache" && : > "$cache"
again
told 'hidden states were not stored; the float model runs beside each run' 1
rm "$cache"
[ -z "$(find "$scratch" -name '*.hidden.*')" ] || fail "an unfinished file was left"

# Killed in its middle, at several moments: what was filed is found, and the results are the same.
for wait in 0.08 0.15 0.3; do
    rm -rf "$cache" "${runs:?}/sweep"
    "$SSMQ" run "$scratch/sweep.yaml" --out "$runs" > /dev/null 2>&1 &
    child=$!
    sleep "$wait"
    kill -9 "$child" 2> /dev/null
    wait "$child" 2> /dev/null
    run 0 run "$scratch/sweep.yaml" --out "$runs"
    same_results 3 "$scratch/first" "$runs/sweep"
    [ -z "$(find "$cache" -name '*.hidden.*')" ] || fail "what the killed process left is still there"
done

finish
