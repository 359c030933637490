#!/usr/bin/env bash
# A run among others whose small files cannot be read back: whoever reads the others shows them, says in one line which
# one is damaged and ends with status 7; `ssmq run` makes it again.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

small=(--set evaluate.wt2.window=64 --set evaluate.wt2.limit=2 --set calibration.count=2 --set calibration.length=64)
run 0 run experiments/quickstart.yaml "${small[@]}" --out "$scratch/runs"
sweep="$scratch/runs/quickstart"
cp -r "$sweep" "$scratch/whole"
fake=$(basename "$(dirname "$(grep -l '"name": "fake quamba"' "$sweep"/*/status.json)")")
others=$(grep -L '"name": "fake quamba"' "$sweep"/*/status.json | wc -l)
[ "$others" -eq 2 ] || fail "not two runs beside it: $others"

# one_line: standard error is that, about the run
one_line() {
    [ "$(wc -l < "$scratch/err")" -eq 1 ] || fail "$command_line: more than a line: $err"
    expect_in_err "ssmq: error: 1 of 3 runs is damaged and without figures here: $sweep/$fake/$1"
}

# damaged FILE CONTENT: everybody says so, and shows the others
damaged() {
    rm -rf "$sweep"
    cp -r "$scratch/whole" "$sweep"
    printf '%s' "$2" > "$sweep/$fake/$1"
    for command in compare show "compare --format json" "compare --gate ppl<=+1000%" "export ablation"; do
        read -ra words <<< "$command"
        [ "${words[0]}" = export ] || words=("${words[0]}" "$sweep" "${words[@]:1}")
        [ "${words[0]}" != export ] || words+=("$sweep")
        run 7 "${words[@]}"
        one_line "$1"
        expect_in_out damaged
        for word in float naive; do expect_in_out "$word"; done
    done
    run 7 report "$sweep" -o "$scratch/report.html"
    one_line "$1"
    [ -s "$scratch/report.html" ] || fail "$command_line: no page of the others"
    rm "$scratch/report.html"
    run 7 diff "$sweep" "$scratch/whole"
    one_line "$1"
    expect_in_out float
    run 7 show "$sweep/$fake"
    expect_in_err "ssmq: error: $sweep/$fake/$1"
    run 7 verify "$sweep"
    run 0 list runs "$scratch/runs"
    run 0 run experiments/quickstart.yaml "${small[@]}" --out "$scratch/runs"
    [ "$(grep -c 'finished before' "$scratch/err")" -eq 2 ] || fail "not two of three were there: $err"
    cmp "$sweep/$fake/run.h5" "$scratch/whole/$fake/run.h5" || fail "$1: made again it differs"
    run 0 compare "$sweep"
}

# Its results cannot be read back: who needs only summaries does not look.
for how in "rm run.h5" "truncate -s -1 run.h5" "truncate -s 0 run.h5"; do
    (cd "$sweep/$fake" && $how)
    for command in compare "compare --format latex"; do
        read -ra words <<< "$command"
        run 7 "${words[0]}" "$sweep" "${words[@]:1}"
        one_line "run.h5: is missing or damaged"
        expect_in_out float
    done
    run 7 export ablation "$sweep"
    one_line run.h5
    run 7 report "$sweep" -o "$scratch/report.html"
    one_line run.h5
    rm "$scratch/report.html"
    run 0 run experiments/quickstart.yaml "${small[@]}" --out "$scratch/runs"
    cmp "$sweep/$fake/run.h5" "$scratch/whole/$fake/run.h5" || fail "$how: made again it differs"
done

damaged summary.json '{"id": "'
damaged summary.json ''
damaged status.json 'nonsense'

finish
