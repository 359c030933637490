#!/usr/bin/env bash
# `ssmq compare --format latex` compiled: axes, failed runs, names with characters that TeX does not take as they are.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/sweeps.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/sweeps.sh"
for program in pdflatex kpsewhich pdftotext; do
    command -v $program > /dev/null || { echo "skipped: no $program (Debian: texlive-latex-base, texlive-latex-recommended, poppler-utils)"; exit 77; }
done
kpsewhich booktabs.sty > /dev/null || { echo "skipped: no booktabs.sty (Debian: texlive-latex-recommended)"; exit 77; }

# typeset NAME: the table in $out as a page; its text in NAME.txt
typeset_table() {
    { printf '\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n'; cat "$scratch/out"
        printf '\\end{document}\n'; } > "$scratch/$1.tex"
    (cd "$scratch" && pdflatex -interaction=nonstopmode -halt-on-error "$1.tex" > "$1.said" 2>&1) ||
        fail "pdflatex: $(tail -5 "$scratch/$1.said")"
    ! grep -E '^!|Missing|Undefined' "$scratch/$1.log" || fail "pdflatex complains"
    pdftotext -layout "$scratch/$1.pdf" - | tr -s ' \n' ' ' > "$scratch/$1.txt" || fail "no PDF"
}

root=$PWD
write_sweep "$scratch/sweep.yaml" swept
run 0 run "$scratch/sweep.yaml" --out "$scratch/runs"
here="$scratch/runs/swept"
run 0 compare "$here" --format latex
typeset_table swept
# An underscore is a line there, and no letter.
for word in 'layers.*.{in proj,out proj}.in' 'layers.?.scan.x' 'at sites' 'change in per cent from the run with bits=8'; do
    grep -qF -- "$word" "$scratch/swept.txt" || fail "no $word in the PDF: $(cat "$scratch/swept.txt")"
done

# Directories stand in names where two runs share one: every character that means something to TeX.
write_sweep "$scratch/other.yaml" other 3
run 0 run "$scratch/other.yaml" --out "$scratch/runs"
odd="a_%&#\$~^\\{}<|>'\`\""
mkdir "$scratch/$odd"
cp -r "$here"/*/ "$scratch/runs/other"/*/ "$scratch/$odd"
cd "$scratch" || exit 1
run 0 compare "$odd" --format latex
typeset_table odd
# shellcheck disable=SC2016,SC1112 # the text of the PDF
grep -qF 'a %&#$∼ˆ\{}<|>’‘”' odd.txt || fail "the directory's name is another one in the PDF: $(cat odd.txt)"

# Dialect lm-eval has a second table, of words and bytes.
head -c 9000 "$root/configs/data/wiki.test.raw" > pages.raw
cat > words.yaml <<YAML
ssmq: 1
name: words
model: {path: $root/models/tiny-mamba}
mode: [float, fake]
recipes: {four: [{method: weights, bits: 4}], eight: [{method: weights}]}
evaluate:
  - {id: wt_2, task: perplexity, data: {file: pages.raw}, dialect: gptq, window: 512}
  - {id: pages, task: perplexity, data: {file: pages.raw}, dialect: lm-eval, window: 512}
YAML
run 0 run words.yaml --out "$scratch/runs" --format json
python3 - "$scratch/out" > rows.txt <<'PYTHON'
import json, sys
runs = {r["name"]: r["evaluations"]["pages"] for r in json.load(open(sys.argv[1]))["runs"]}
for name, e in runs.items():
    cells = []
    for key, digits in (("word_ppl", 2), ("byte_ppl", 4), ("bits_per_byte", 4)):
        figure = f"{e[key]:.{digits}f}"
        lowest = name != "float" and e[key] == min(r[key] for n, r in runs.items() if n != "float")
        cells.append((rf"\textbf{{{figure}}}" if lowest else figure) + rf" $\pm$ {e[f'{key}_se']:.{digits}f}")
    print(f"    {name} & {' & '.join(cells)} " + r"\\")
PYTHON
run 0 compare runs/words --format latex
expect_in_out "windows of 512 tokens, perplexity of a token. "
while IFS= read -r row; do expect_in_out "$row"; done < rows.txt
[ "$(wc -l < rows.txt)" -eq 3 ] || fail "rows: $(cat rows.txt)"
typeset_table words
grep -q 'pages, word byte bits per byte' words.txt || fail "no table of words in the PDF: $(cat words.txt)"

# Runs without figures.
id=$(sed -n 's/.*"id": "\(.*\)",/\1/p' "$here/sweep.json" | tail -1)
rm -r "${here:?}/$id"
run 0 compare "$here" --format latex
typeset_table partly
grep -q queued partly.txt || fail "no queued run in the PDF"
finish
