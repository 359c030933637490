#!/usr/bin/env bash
# SIGKILL at random moments of a run: what bears a final name is whole, and running again ends with the
# same bytes as a run that nobody disturbed.  Prints its seed; SSMQ_TEST_KILLS says how many kills.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

seed=${SSMQ_TEST_SEED:-$$}
kills=${SSMQ_TEST_KILLS:-12}
RANDOM=$seed
echo "SSMQ_TEST_SEED=$seed SSMQ_TEST_KILLS=$kills"

arguments=(experiments/quickstart.yaml --set 'evaluate=[{id: wt2, task: perplexity, data: {file: configs/data/wiki.test.raw}, dialect: gptq, window: 256, limit: 4}]' --set calibration.count=4)
run 0 run "${arguments[@]}" --out "$scratch/whole"

seen=0
for _ in $(seq "$kills"); do
    "$SSMQ" run "${arguments[@]}" --out "$scratch/killed" > /dev/null 2>&1 &
    victim=$!
    sleep "$(printf '0.%03d' $((RANDOM % 700)))"
    kill -KILL "$victim" 2> /dev/null
    wait "$victim" 2> /dev/null
    for file in "$scratch"/killed/quickstart/*/{run.h5,summary.json}; do
        [ -e "$file" ] || continue
        seen=$((seen + 1))
        whole="$scratch/whole/${file#"$scratch/killed/"}"
        cmp -s "$file" "$whole" || fail "after a kill: $file is not what it should be"
    done
    # Otherwise the first three kills would be the only ones that hit a run under way.
    rm -rf "$scratch"/killed/quickstart/*/summary.json
done
echo "$seen files were there after a kill"

# What a kill while the calibration's file was written leaves; chance hits that moment too rarely.
cache=$(find "$scratch/killed" -type d -name calibration)
: > "$cache/half.h5.$(hostname).$victim.part"

run 0 run "${arguments[@]}" --out "$scratch/killed"
for file in "$scratch"/whole/quickstart/*/{run.h5,summary.json}; do
    cmp -s "$file" "$scratch/killed/${file#"$scratch/whole/"}" || fail "$file differs after the kills"
done
[ -z "$(find "$scratch/killed" -name '*.part' -o -name lease)" ] || fail "something was left behind"

finish
