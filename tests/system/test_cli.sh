#!/usr/bin/env bash
# The program's own pages, its exit statuses, and what it does where it cannot write.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

# ---- pages -------------------------------------------------------------------------------

run 0 --help
expect_err ""
awk 'length > 80 { print; exit 1 }' "$scratch/out" || fail "--help is wider than 80 columns"
for word in "usage: ssmq COMMAND" run check plan list show compare schema doctor status diff verify export plot man completion SSMQ_LOG "exit status"; do expect_in_out "$word"; done
page=$out
run 0 help; expect_out "$page"
run 0 -h; expect_out "$page"

for command in run check plan list show compare schema doctor status diff verify export plot man completion; do
    run 0 "$command" --help
    expect_in_out "usage: ssmq $command "
    expect_in_out "--help"
    page=$out
    run 0 help "$command"; expect_out "$page"
    run 0 "$command" --nonsense -h; expect_out "$page"
    awk 'length > 80 { print; exit 1 }' "$scratch/out" || fail "$command --help is wider than 80 columns"
done

run 0 --version
expect_err ""
for word in "ssmq 0." commit compiler OpenBLAS HDF5 libyaml jansson PCRE2 utf8proc zstd cpu ref; do
    expect_in_out "$word"
done

# ---- usage -------------------------------------------------------------------------------

refuse 2 "no command was given; see 'ssmq --help'"
refuse 2 "unknown command 'rum'; did you mean 'run'?" rum
refuse 2 "unknown command 'frobnicate'; see 'ssmq --help'" frobnicate
refuse 2 "unknown command 'lst'; did you mean 'list'?" help lst
refuse 2 "unknown option '--frob'; options stand behind a command, see 'ssmq --help'" --frob
refuse 2 "'ssmq run' needs FILE" run
refuse 2 "option '--format' is 'xml', not one of text, json" run x.yaml --format xml
refuse 2 "'sight' is not one of methods, observers, models, sites, runs" list sight
refuse 2 "option '--model' goes with 'sites', not with 'methods'" list methods --model x

# ---- numbers of errors ----------------------------------------------------------------------

run 0 explain
[ "$(grep -cE '^[EW][0-9]{3}  ' "$scratch/out")" -ge 100 ] || fail "explain lists few errors"
printf 'include: %s/experiments/quickstart.yaml\nrun: {sede: 1}\n' "$PWD" > "$scratch/wrong.yaml"
run 3 check "$scratch/wrong.yaml"
expect_in_err "wrong.yaml:2:7: error: unknown key 'sede' in run [E203]"
run 0 explain E203
expect_in_out "E203: unknown key"
expect_in_out "run: {sede: 1}"
cp "$scratch/out" "$scratch/entry"
run 0 explain 203
cmp -s "$scratch/out" "$scratch/entry" || fail "203 and E203 are explained differently"
refuse 2 "there is no error 'E999'; 'ssmq explain' lists all" explain E999

# ---- list --------------------------------------------------------------------------------

run 0 list methods
for word in weights: activations: smoothquant: hadamard: rotate-residual: "no sites" "default: 8"; do expect_in_out "$word"; done
awk 'length > 80 { print; exit 1 }' "$scratch/out" || fail "list methods is wider than 80 columns"
run 0 list observers
for word in absmax quantile max ema; do expect_in_out "$word"; done
run 0 list models
expect_in_out mamba
run 0 list sites
for site in in_proj.in in_proj.weight conv.in gate.z conv.weight scan.x x_proj.weight dt_proj.in \
    dt_proj.weight scan.dt scan.B scan.C scan.A_log scan.D scan.state out_proj.in out_proj.weight; do
    expect_in_out "layers.N.$site "
done
run 0 list sites --model models/tiny-mamba
expect_in_out "layers.7.out_proj.in "
[ "$(grep -c '^layers\.' "$scratch/out")" -eq $((8 * 17)) ] || fail "not 17 sites in each of 8 layers"
for what in methods observers models sites "sites --model models/tiny-mamba"; do
    # shellcheck disable=SC2086  # the words of $what are arguments of their own
    run 0 list $what --format json
    python3 -c 'import json, sys; json.load(sys.stdin)' < "$scratch/out" || fail "$command_line: no JSON"
done
run 4 list sites --model "$scratch/nowhere"
expect_out ""
expect_in_err "ssmq: error: $scratch/nowhere"

# ---- files that are not there, logs --------------------------------------------------------

run 4 run "$scratch/nowhere.yaml"
expect_out ""
expect_in_err "$scratch/nowhere.yaml"
run 4 check "$scratch/nowhere.yaml"

SSMQ_LOG=loud run 2 run "$scratch/nowhere.yaml"
expect_in_err "ssmq: error: SSMQ_LOG is 'loud', not one of error, warning, info, debug"

# Where a failure arose, for whoever looks into it.
SSMQ_LOG=debug run 2 rum
expect_in_err "harness/main.c:"
expect_in_err ": unknown_command"

# ---- output that cannot be written ---------------------------------------------------------

status=0
"$SSMQ" list methods > /dev/full 2> "$scratch/err" || status=$?
[ "$status" -eq 5 ] || fail "a full disk ends with status $status"
[ "$(cat "$scratch/err")" = "ssmq: error: standard output: No space left on device" ] ||
    fail "a full disk says: $(cat "$scratch/err")"

status=0
"$SSMQ" list methods >&- 2> "$scratch/err" || status=$?
[ "$status" -eq 5 ] || fail "a closed stdout ends with status $status"

# A reader that has seen enough is no error, and says nothing.
for _ in 1 2 3; do
    ("$SSMQ" list sites --model models/tiny-mamba 2> "$scratch/err"; echo $? > "$scratch/status") | head -n 1 > /dev/null
    [ "$(cat "$scratch/status")" = 0 ] || fail "a closed pipe ends with status $(cat "$scratch/status")"
    [ ! -s "$scratch/err" ] || fail "a closed pipe says: $(cat "$scratch/err")"
done

"$SSMQ" --version 2>&- > /dev/null || fail "a closed stderr breaks --version"
"$SSMQ" --version <&- > /dev/null || fail "a closed stdin breaks --version"

# ---- an experiment whose model is on another machine ------------------------------------------

# What it resolves to is what it does with the model, but for the ids of runs and what says that they are missing.
run 0 check experiments/quickstart.yaml
with_model=$(sed 's/^#   [0-9a-f]\{16\}  /#   ----------------  /' "$scratch/out")
run 0 check --no-model experiments/quickstart.yaml
[ "$(sed '/^# not checked/,$d' <<< "$out")" = "$with_model" ] || fail "$command_line: not what it is with the model: $out"
there=$(sed '/^# not checked/,$!d' <<< "$out")
elsewhere=(--set model.path=/nowhere/mamba)
run 4 check experiments/quickstart.yaml "${elsewhere[@]}"
run 0 check --no-model experiments/quickstart.yaml "${elsewhere[@]}" --set "model.tokenizer=models/tiny-mamba/tokenizer.json"
expect_err ""
expect_in_out "  path: /nowhere/mamba"
[ "$(sed '/^# not checked/,$!d' <<< "$out")" = "$there" ] || fail "$command_line: $out"
expect_in_out "# not checked, as the model was not looked at:
#   its directory, config and weights; the ids of runs"
expect_in_out "#   recipes: whether selectors name sites"
[[ $out != *"mode real"* ]] || fail "$command_line: tells of what is not asked for: $out"
run 0 check --no-model experiments/quickstart.yaml "${elsewhere[@]}" --set mode=real --set 'collect={}' \
    --set 'sweep.axes.m={model.path: [/nowhere/a, /nowhere/b]}'
expect_in_out "#   mode real: whether there are kernels"
expect_in_out "#   collect: sites"
[ "$(grep -c '^#   -* *real ' <<< "$out")" -eq 4 ] || fail "$command_line: models are not told apart: $out"
for file in experiments/*.yaml; do run 0 check --no-model "$file" "${elsewhere[@]}"; done
every=$("$SSMQ" list methods | sed -n 's/^\([a-z-]*\): .*/{method: \1}/p' | paste -sd,)
[[ $every == *"{method: rotate-residual}"* ]] || fail "methods: $every"
run 0 check --no-model experiments/quickstart.yaml "${elsewhere[@]}" --set "recipes.every=[$every]"
# All else is checked: keys, options, rules between fields, the sweep, files of text, a tokenizer that is named.
for wrong in 'recipes.quamba.u.observer.q=1' 'recipes.quamba.u.bits=99' 'recipes.quamba.w.scope=group' 'sweep.axes.x={no.such.key: [1]}' \
    'evaluate.wt2.window=0'; do
    run 3 check --no-model experiments/quickstart.yaml "${elsewhere[@]}" --set "$wrong"
    expect_out ""
done
run 4 check --no-model experiments/quickstart.yaml "${elsewhere[@]}" --set calibration.data.file=none.jsonl
run 4 check --no-model experiments/quickstart.yaml "${elsewhere[@]}" --set model.tokenizer=none.json

finish
