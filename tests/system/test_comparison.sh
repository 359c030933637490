#!/usr/bin/env bash
# `ssmq compare`: its figures against those computed from run.h5, every format, what it refuses, gates.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
python_with h5py || { echo "skipped: no python3-h5py"; exit 77; }

# experiment DIR SETTING...: the quickstart, shortened
experiment() {
    local folder=$1 set=() setting
    shift
    for setting in evaluate.wt2.window=64 evaluate.wt2.limit=4 calibration.count=2 calibration.length=64 "$@"; do
        set+=(--set "$setting")
    done
    run 0 run experiments/quickstart.yaml "${set[@]}" --out "$scratch/$folder"
}
experiment a 'compare={}'
here="$scratch/a/quickstart"

# ---- figures -------------------------------------------------------------------------------

run 0 compare "$here" --format json
expect_err ""
"$python" - "$here" "$scratch/out" <<'PYTHON' || fail "the figures"
import json, math, sys
import h5py
d = json.load(open(sys.argv[2]))
nll = {}
for r in d["runs"]:
    with h5py.File(r["directory"] + "/run.h5") as f:
        nll[r["name"]] = f["/eval/wt2/window_nll"][:]
assert d["baseline"] == "float" and d["evaluations"] == [{"id": "wt2", "dialect": "gptq", "window": 64}]
assert [r["name"] for r in d["runs"]][0] == "float" and len(d["runs"]) == 3
assert "change_percent" not in d["runs"][0]["evaluations"]["wt2"]
for r in d["runs"]:
    e = r["evaluations"]["wt2"]
    assert math.isclose(e["ppl"], math.exp(nll[r["name"]].mean()), rel_tol=1e-12)
    if r["name"] == "float":
        continue
    x = nll[r["name"]] - nll["float"]
    se = x.std(ddof=1) / math.sqrt(len(x))
    assert e["paired"]
    # Both sides sum four numbers near 5 in float64: 1e-12 leaves room for any order.
    assert math.isclose(e["change_percent"], 100 * math.expm1(x.mean()), rel_tol=1e-11)
    assert math.isclose(e["change_se_percent"], 100 * math.exp(x.mean()) * se, rel_tol=1e-9)
PYTHON

run 0 compare "$here" --format csv
"$python" - "$scratch/out" <<'PYTHON' || fail "the CSV"
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
assert [r["run"] for r in rows][0] == "float" and len(rows) == 3
assert rows[0]["paired"] == rows[0]["change_percent"] == "" and rows[1]["paired"] == "true"
assert {r["dialect"] for r in rows} == {"gptq"} and {r["window"] for r in rows} == {"64"}
assert all(float(r["ppl"]) > 1 and int(r["windows"]) == 4 for r in rows)
PYTHON

run 0 compare "$here"
expect_in_out "wt2: dialect gptq, windows of 64 tokens
change in per cent from float, standard errors paired by window"
expect_in_out "run          status  wt2 ppl "
text=$out
run 0 compare "$here"/*/ # three runs, in another order
[ "$(sort <<< "$out")" = "$(sort <<< "$text")" ] || fail "run by run: $out"
run 0 compare "$here" "$here/"; expect_out "$text" # each run once
run 0 compare "$here" --format markdown
[ "$(sed -n '2p' "$scratch/out")" = "|---|---|---:|---:|---:|---:|" ] || fail "Markdown: $out"
[ "$(grep -c '^| ' "$scratch/out")" -eq 4 ] || fail "Markdown rows: $out"
run 0 compare "$here" --baseline "fake naive"
expect_in_out "change in per cent from fake naive,"

# ---- LaTeX ---------------------------------------------------------------------------------

run 0 compare "$here" --format latex
for word in '\toprule' '\midrule' '\bottomrule' '\caption{Perplexity: wt2, dialect gptq, windows of 64 tokens.' \
    'fake naive & ' '\pm'; do expect_in_out "$word"; done
[ "$(grep -c textbf "$scratch/out")" -eq 1 ] || fail "not one figure in bold: $out"
grep textbf "$scratch/out" | grep -q 'fake quamba' || fail "another run than fake quamba is in bold: $out"
[ "$(grep -o '[{}]' "$scratch/out" | sort | uniq -c | awk '{print $1}' | uniq | wc -l)" -eq 1 ] || fail "braces"
[ "$(grep ' & ' "$scratch/out" | tr -dc '&\n' | sort -u)" = '&&' ] || fail "rows of several lengths"
if command -v pdflatex > /dev/null && kpsewhich booktabs.sty > /dev/null 2>&1; then
    { printf '\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n'; cat "$scratch/out"
        printf '\\end{document}\n'; } > "$scratch/table.tex"
    (cd "$scratch" && pdflatex -interaction=nonstopmode -halt-on-error table.tex > latex.log 2>&1) ||
        fail "pdflatex: $(tail -5 "$scratch/latex.log")"
else
    echo "skipped: the table is not compiled: no pdflatex (Debian: texlive-latex-base)"
fi

# ---- other tokens, other measures ----------------------------------------------------------

experiment b evaluate.wt2.limit=2
mv "$scratch/b/quickstart" "$scratch/b_%"
run 0 compare "$here" "$scratch/b_%" # each against its own float
[[ $out != *"*: not over"* ]] || fail "runs are not held against their own float: $out"
expect_in_out "change in per cent from the float run of each"
run 0 compare "$here" "$scratch/b_%" --baseline float
expect_in_out "fake naive ($scratch/b_%/"
expect_in_out "*: not over the same tokens: the standard errors of both runs together"
run 0 compare "$here" "$scratch/b_%" --format latex
expect_in_out 'b\_\%/'

experiment c evaluate.wt2.window=32 mode=float
run 3 compare "$here" "$scratch/c/quickstart"
expect_out ""
first=$(sed -n 's/.*"id": "\(.*\)",/\1/p' "$here/sweep.json" | head -1) other=$(basename "$scratch"/c/quickstart/*/)
expect_err "ssmq: error: evaluation wt2 is of window 64 in float ($here/$first) and window 32 in float ($scratch/c/quickstart/$other): they do not stand in one column"
cp -r "$scratch/c" "$scratch/d"
sed -i 's/"gptq"/"llama.cpp"/; s/"window": 32/"window": 64/' "$scratch"/d/quickstart/*/summary.json
run 3 compare "$here" "$scratch/d/quickstart"
expect_in_err "evaluation wt2 is of dialect gptq in float ($here/$first) and dialect llama.cpp in float ("

refuse 4 "no run has an evaluation 'x'" compare "$here" --evaluation x
refuse 4 "the baseline 'x' is the name or id of no run" compare "$here" --baseline x
refuse 2 "'ssmq compare' needs DIR..." compare
run 4 compare "$scratch/nowhere"
refuse 4 "$scratch/c: no run: its folders hold runs of several experiments, name one, as $scratch/c/quickstart" compare "$scratch/c"
refuse 4 "experiments/quickstart.yaml: not a directory: results are in directories, of a run or an experiment" compare experiments/quickstart.yaml

# Nothing to be held against, which is said.
mkdir "$scratch/quantised"
cp -r "$here"/*/ "$scratch/quantised"
rm -r "$scratch/quantised/$first"
run 0 compare "$scratch/quantised"
expect_in_out "no change: none of the runs is in float or the baseline of others; --baseline names one"

# ---- gates ---------------------------------------------------------------------------------

run 0 compare "$here" --gate "ppl<=+100000%" --gate "ppl>1" --gate "kl@wt2>0" --gate "top1<1.0001"
expect_out "$text"
expect_err ""
run 6 compare "$here" --gate "ppl<=+50%"
expect_out "$text"
[[ $err =~ ^"ssmq: error: gate ppl<=+50% is not met: fake naive, wt2: +"[0-9.]+" %"$ ]] || fail "gate: $err"
refuse 2 "--gate 'pl<20' is no gate: METRIC or METRIC@EVALUATION, then <=, <, >= or >, then a number, as in ppl<=+1%; METRIC is ppl, nll, kl, top1 or, of dialect lm-eval, word_ppl, byte_ppl or bits_per_byte" \
    compare "$here" --gate "ppl<20" --gate "pl<20"
run 6 compare "$here" --gate "ppl<20"
expect_in_err "gate ppl<20 is not met: fake naive, wt2: "
run 6 compare "$here" --gate "nll<=+0.001"
run 6 compare "$scratch/b_%" --gate "kl<1"
expect_in_err "fake naive, wt2: no such figure"
expect_in_err "fake quamba, wt2: no such figure"
for gate in "ppl" "ppl=1" "ppl<" "ppl<x" "qqq<1" "ppl<5%" "ppl@<1" "ppl<=1e999" "ppl<1 " "ppl<0x5"; do
    run 2 compare "$here" --gate "$gate"
    expect_in_err "ssmq: error: --gate '$gate' is no gate: METRIC or METRIC@EVALUATION, then <=, <, >= or >, "
done
run 2 compare "$here"/*/ --gate "ppl<=+1%" --evaluation wt2 --baseline
expect_in_err "option '--baseline' has no value"

finish
