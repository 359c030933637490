#!/usr/bin/env bash
# export and plot on the runs that tests/support/figure_runs.c writes: figures.sh FOLDER
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/cli.sh"

runs=$1
float=$runs/float naive=$runs/naive quamba=$runs/quamba
out=$scratch/out
kinds=(histogram channels boxes surface layers samples tokens heat states sensitivity interactions windows kl outliers fake-real profile)

# arguments KIND: the options that the kind needs, and runs that have what it shows
arguments() {
    case $1 in
        surface) echo "--site scan.x --layer 1 $float $naive $quamba" ;;
        samples) echo "--layer 2 $naive $quamba" ;;
        histogram | channels | boxes) echo "--layer 1 $float $naive $quamba" ;;
        layers | states | outliers | profile) echo "$float $naive $quamba" ;;
        *) echo "$naive $quamba" ;;
    esac
}

# ---- every kind as data ----------------------------------------------------------------------

for kind in "${kinds[@]}"; do
    # shellcheck disable=SC2046  # options are words of their own
    {
        run 0 export "$kind" $(arguments "$kind")
        expect_err ""
        [[ $out == "# ssmq "*": $kind"* ]] || fail "$command_line: no comment first"
        expect_in_out "# run 00000000000000a1: fake, recipe naive, schema_sha "
        run 0 export "$kind" $(arguments "$kind") --format json
        python3 -c 'import json, sys
f = json.load(sys.stdin)
assert f["kind"] == sys.argv[1] and list(f["columns"]) == [c for c in f["data"] if not c.endswith("_nonfinite")]
assert len({len(c) for c in f["data"].values()}) == 1 and len(f["data"]["run"]) > 0' "$kind" \
            < "$scratch/out" || fail "$command_line: not the JSON of a figure"
        run 0 export "$kind" $(arguments "$kind") -o "$scratch/data/" # a folder that is made
        expect_out ""
        run 0 export "$kind" $(arguments "$kind") --format gnuplot --output "$scratch/data"
    }
    for name in "$kind.csv" "$kind.gp"; do
        [ -s "$scratch/data/$name" ] || fail "no $name in the folder"
    done
    grep -q '^# run 00000000000000a2: fake, recipe quamba, schema_sha ' "$scratch/data/$kind.gp" ||
        fail "$kind.gp does not say of what runs it is"
done
run 0 export layers "$naive" -o "$scratch/by-name.json"
[ "$(head -c 1 "$scratch/by-name.json")" = "{" ] || fail "the format is not told from the name"
run 0 export layers "$naive/run.h5" --title "" --label 'a "b", c'
expect_in_out '"a ""b"", c",00000000000000a1'

# A folder of finished runs: float first, then as they started; those without the data are left out.
mkdir "$scratch/runs"
for run in float naive quamba; do
    cp -r "$runs/$run" "$scratch/runs/"
    printf '{"id": "%s", "name": "%s", "mode": "fake", "recipe": null, "status": "done", "reason": null, "evaluations": {}}\n' \
        "$run" "$run" > "$scratch/runs/$run/summary.json"
    [ "$run" = quamba ] && time=2026-01-01 || time=2026-01-02
    printf '{"id": "%s", "name": "%s", "status": "done", "started": "%sT00:00:00Z", "updated": "%sT00:00:00Z"}\n' \
        "$run" "$run" "$time" "$time" > "$scratch/runs/$run/status.json"
done
mkdir "$scratch/runs/unfinished"
run 0 export layers "$scratch/runs"
[ "$(grep -v '^#' "$scratch/out" | sed 1d | cut -d, -f1 | uniq | paste -sd ' ')" = "float quamba naive" ] ||
    fail "$command_line: another order of runs: $out"
run 0 export heat "$scratch/runs"
expect_in_out "# left out: run 00000000000000a0: $scratch/runs/float/run.h5: no sqnr_db: add compare:"
[ "$(grep -c '^quamba,\|^naive,' "$scratch/out")" -eq 12 ] || fail "$command_line: not two runs of two sites: $out"
refuse 4 "$scratch/runs/float/run.h5: no sqnr_db: add compare: {metrics: [sqnr, mse, cosine, clip-rate]} to the experiment" \
    export heat "$scratch/runs/float"
# The float run that is named with others: it is said, and they are drawn.
run 0 export heat "$scratch/runs/float" "$scratch/runs/naive"
expect_in_out "# left out, though named: run 00000000000000a0: $scratch/runs/float/run.h5: no sqnr_db: add compare:"
[ "$(grep -c '^naive,' "$scratch/out")" -eq 6 ] || fail "$command_line: not a run of two sites: $out"

# ---- what is refused --------------------------------------------------------------------------

refuse 2 "'ssmq export' needs KIND RUN..." export layers
refuse 2 "unknown kind of figure 'layer'; did you mean 'layers'?" export layer "$naive"
refuse 2 "unknown kind of figure 'pie'; there are histogram, channels, boxes, surface, layers, samples, tokens, heat, states, sensitivity, interactions, windows, kl, outliers, fake-real, profile, sweep, pareto, ablation" export pie "$naive"
refuse 2 "option '--bins' is none of kind 'heat'" export heat "$naive" --bins 3
refuse 2 "option '--log' is 'xy': a figure of this kind has no logarithmic x axis" export layers "$naive" --log xy
refuse 2 "option '--label' stands 1 times for 2 runs" export layers "$naive" "$quamba" --label a
refuse 2 "'ssmq plot' needs the option '--output'" plot layers "$naive"
refuse 2 "option '--output' is 'x.jpg', not a name that ends in .svg, .png or .pdf" plot layers "$naive" -o x.jpg
refuse 2 "which layer? say --layer N; /sites/scan.x/hist has the layers 0 to 2" export histogram "$naive"
refuse 2 "--site names layer 2, --layer names 1" export histogram "$naive" --site layers.2.scan.x --layer 1
refuse 2 "unknown quantity 'kurtosi'; did you mean 'kurtosis'?" export layers "$naive" --quantity kurtosi
refuse 4 "$naive/run.h5: /sites/scan.x/hist has no layer 7; there are 0 to 2" export histogram "$naive" --layer 7
refuse 4 "$naive/run.h5: no site 'scan.y' with a histogram; did you mean 'scan.x'?" export histogram "$naive" --site scan.y --layer 1
refuse 4 "$naive/run.h5: no site 'gate.z' with a histogram; there are scan.x" export histogram "$naive" --site gate.z --layer 1
refuse 4 "$naive/run.h5: no histogram of out_proj.in: add collect: {statistics: {histogram: floatbits16}} to the experiment" export histogram "$naive" --site out_proj.in --layer 1
refuse 4 "$float/run.h5: no sqnr_db: add compare: {metrics: [sqnr, mse, cosine, clip-rate]} to the experiment" export heat "$float"
refuse 4 "$naive/run.h5: /sites/scan.x/abs_quantile has no level 99; there are 50, 99.9" export layers "$naive" --quantity abs_quantile@99
refuse 2 "'absmax@x' is no quantile and its level in per cent, as abs_quantile@99.9 is" export layers "$naive" --quantity absmax@x
refuse 4 "$naive/run.h5: no statistic of samples of scan.x in layer 1" export samples "$naive" --layer 1
refuse 4 "$float/run.h5: no statistic of samples: add a recipe that quantises it with static ranges to the experiment" \
    export samples "$float" --layer 1
refuse 4 "$float/run.h5: no interactions: add compare: {interactions: [[STEP, STEP]]} to the experiment" export interactions "$float"
refuse 2 "no metric of windows has the name 'ppl'; there are difference, nll, nll_float, kl, delta_p, top1" export windows "$naive" --metric ppl
refuse 2 "no metric of tokens has the name 'top1'; there are kl, delta_p" export kl "$naive" --metric top1
refuse 4 "$naive/run.h5: no evaluation 'wt'; there are wt2, other" export windows "$naive" --evaluation wt
refuse 4 "$float/run.h5: no difference of windows: add compare: {} to the experiment" export windows "$float"
refuse 4 "$naive/run.h5: no top1 of windows: add compare: {metrics: [kl, delta-p, top1]} to the experiment" \
    export windows "$naive" --metric top1
refuse 4 "$naive/run.h5: no kl of tokens: add compare: {tokens: true, metrics: [kl, delta-p, top1]} to the experiment" \
    export kl "$naive" --evaluation other
refuse 2 "unknown quantity 'sqnrdb'; did you mean 'sqnr_db'?" export tokens "$naive" --quantity sqnrdb
refuse 2 "unknown quantity 'kurtosis'; there are mse, sqnr_db, rel_l2, growth" export tokens "$naive" --quantity kurtosis
refuse 4 "$float/run.h5: no list of errors by token: add compare: {metrics: [mse, sqnr]} to the experiment" export tokens "$float"
refuse 4 "$naive/run.h5: no site 'scan.y' with a list of errors by token; did you mean 'scan.x'?" export tokens "$naive" --site scan.y
refuse 4 "$naive/run.h5: no list of errors by token of scan.x in layer 7" export tokens "$naive" --site scan.x --layer 7
refuse 4 "$quamba/run.h5: no list of errors by token of out_proj.in: add compare: {metrics: [mse, sqnr]} to the experiment" \
    export tokens "$quamba" --site out_proj.in --format gnuplot
refuse 2 "unknown quantity 'median' of states; there are absmax, min, max, mean, var, kurtosis, std, rms" export states "$naive" --quantity median
refuse 2 "unknown quantity 'kurtosis' of states by channel; there are absmax, mean, var, std, rms" export states "$naive" --layer 1 --quantity kurtosis
refuse 2 "option '--log' is 'y', and min is -58 somewhere" export states "$naive" --quantity min --log y
refuse 4 "$naive/run.h5: /sites/scan.state/channel_state/absmax has no layer 7; there are 0 to 2" export states "$naive" --layer 7
refuse 4 "$naive/run.h5: no statistics of states of scan.x: add collect: {sites: [layers.*.scan.state], statistics: {states: true}} to the experiment" export states "$naive" --site scan.x
refuse 4 "$float/run.h5: no sensitivity: add compare: {sensitivity: both} to the experiment" export sensitivity "$float"
refuse 4 "$naive/run.h5: no sensitivity in 'kl'; there are kl_mean, damage" export sensitivity "$naive" --quantity kl
refuse 2 "which site? say --site NAME; there are scan.x, scan.state, scan.B" export surface "$naive" --layer 1
refuse 2 "which layer? say --layer N; of scan.x there are the layers 0, 1, 2" export surface "$naive" --site scan.x
refuse 4 "$naive/dump.h5: gate.z was not dumped" export surface "$naive" --site gate.z --layer 1
refuse 4 "$naive/dump.h5: /dump/scan.x/layer_1/values has 1 samples, from 0" export surface "$naive" --site layers.1.scan.x --sample 3
refuse 4 "$scratch/nowhere: No such file or directory" export layers "$scratch/nowhere"
refuse 4 "$scratch: no finished run: neither it nor a folder in it has a run.h5" export layers "$scratch"

mkdir "$scratch/bad"
refused_file() { # STATUS MESSAGE: of the run.h5 in the folder bad
    refuse "$1" "$scratch/bad/run.h5: $2" export histogram "$scratch/bad" --layer 1
}
LC_ALL=C sed 's/ssmq-1/ssmq-2/' "$naive/run.h5" > "$scratch/bad/run.h5"
refused_file 4 "the schema is 'ssmq-2'; this version reads 'ssmq-1'"
head -c 3000 "$naive/run.h5" > "$scratch/bad/run.h5"
refused_file 7 "cannot be opened as HDF5"
echo "no HDF5" > "$scratch/bad/run.h5"
refused_file 7 "cannot be opened as HDF5"
mkdir "$scratch/alone" && cp "$naive/run.h5" "$scratch/alone"
refuse 4 "$scratch/alone: no profile: add an evaluation {task: profile} to the experiment" export profile "$scratch/alone"
refuse 4 "$scratch/alone: no dump: add collect: {dump: {sites: [...], samples: 1}} to the experiment" \
    export surface "$scratch/alone" --layer 1

# ---- without gnuplot --------------------------------------------------------------------------

# What is there stays as it is when a picture does not come about.
echo old > "$scratch/old.svg"
mkdir "$scratch/fake"
ln -s "$(command -v cat)" "$scratch/fake/cat" # which the test itself takes
PATH=$scratch/fake refuse 5 "gnuplot is not installed (Debian: gnuplot-nox); 'ssmq export KIND RUN... --format gnuplot' writes script and data without it" \
    plot layers "$naive" -o "$scratch/old.svg"
[ "$(cat "$scratch/old.svg")" = old ] || fail "a picture that failed replaced what was there"
PATH=$scratch/fake "$SSMQ" export layers "$naive" -o "$scratch/without.gp" || fail "export takes gnuplot"
[ -s "$scratch/without.gp" ] || fail "no script without gnuplot"

# A gnuplot that complains, dies or draws nothing is reported, with its words.
fake_gnuplot() {
    printf '#!/bin/sh\n%s\n' "$1" > "$scratch/fake/gnuplot"
    chmod +x "$scratch/fake/gnuplot"
}
fake_gnuplot 'echo; echo "         line 7: it is broken" >&2; exit 1'
PATH=$scratch/fake:$PATH refuse 5 "gnuplot failed: line 7: it is broken " plot layers "$naive" -o "$scratch/old.svg"
fake_gnuplot 'echo "</svg>"; echo "line 8: warning: empty" >&2'
PATH=$scratch/fake:$PATH refuse 5 "gnuplot warns: line 8: warning: empty " plot layers "$naive" -o "$scratch/old.svg"
fake_gnuplot 'exit 0'
PATH=$scratch/fake:$PATH refuse 5 "gnuplot drew nothing" plot layers "$naive" -o "$scratch/old.svg"
[ "$(cat "$scratch/old.svg")" = old ] || fail "a picture that failed replaced what was there"

if ! command -v gnuplot > /dev/null; then
    echo "skipped: pictures: gnuplot is absent (Debian: gnuplot-nox)"
    [ "$failures" -eq 0 ] && exit 77
    finish
fi

# ---- pictures ---------------------------------------------------------------------------------

# shapes TEXT...: standard input is an SVG in which these texts stand, of many shapes
shapes() {
    python3 -c 'import sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
name = "{http://www.w3.org/2000/svg}"
texts = ["".join(t.itertext()) for t in root.iter(name + "text")]
shapes = sum(1 for kind in ("path", "polygon", "use", "circle") for _ in root.iter(name + kind))
missing = [t for t in sys.argv[1:] if not any(t in text for text in texts)]
assert not missing, f"no text {missing} in {texts}"
assert shapes >= 12, f"only {shapes} shapes"' "$@"
}

# The float run that is named with others is no reason to draw nothing.
run 0 plot heat "$scratch/runs/float" "$scratch/runs/naive" -o "$scratch/named.svg"
expect_in_err "left out, though named: run 00000000000000a0: $scratch/runs/float/run.h5: no sqnr_db: add compare:"
expect_out ""
[ -s "$scratch/named.svg" ] || fail "$command_line: no picture"

# What has to be written in the picture beside the names of the runs.
texts() {
    case $1 in
        histogram) echo "step step clip value" ;;
        channels | boxes) echo "value channel" ;;
        surface) echo "token channel |x|" ;;
        layers) echo "layer largest" ;;
        samples) echo "sample value weight min" ;;
        tokens) echo "relative position scan.x, clean" ;;
        heat) echo "SQNR scan.x out_proj.in layer" ;;
        states) echo "index largest layer" ;;
        sensitivity) echo "log-perplexity scan.x scan.dt alone" ;;
        interactions) echo "together rot log-perplexity" ;;
        windows) echo "window less wt2, gptq" ;;
        kl) echo "divergence share wt2, gptq" ;;
        outliers) echo "kurtosis channel persistence layer" ;;
        fake-real) echo "share scan.x out_proj.in layer" ;;
        profile) echo "scan quantize in_proj prefill decoding peaks ms" ;;
    esac
}

for kind in "${kinds[@]}"; do
    formats="svg"
    [[ $kind != heat && $kind != channels ]] || formats="svg png pdf" # terminals are the same for all kinds
    for format in $formats; do
        # shellcheck disable=SC2046
        run 0 plot "$kind" $(arguments "$kind") -o "$scratch/pictures/$kind.$format"
        expect_out ""
        expect_err ""
        grep -aq "run 00000000000000a2: fake, recipe quamba, schema_sha [0-9a-f]\{64\}" "$scratch/pictures/$kind.$format" ||
            fail "$kind.$format does not say of what runs it is"
    done
    # shellcheck disable=SC2046
    shapes naive quamba $(texts "$kind") < "$scratch/pictures/$kind.svg" || fail "$kind.svg shows too little"
    # The exported script is complete, and says nothing.
    (cd "$scratch/data" && gnuplot -d "$kind.gp") > "$scratch/said" 2>&1 || fail "gnuplot $kind.gp ended with $?"
    [ ! -s "$scratch/said" ] || fail "gnuplot $kind.gp said: $(cat "$scratch/said")"
    [ "$(head -c 5 "$scratch/data/$kind.pdf")" = "%PDF-" ] || fail "$kind.gp drew no PDF"
done
[ "$(head -c 8 "$scratch/pictures/heat.png" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] || fail "no PNG"
[ -z "$(find "$scratch" -name '*.part')" ] || fail "unfinished files are left"

# Other forms of the same kinds.
for more in "histogram --layer 0 --log xy $float $quamba" "histogram --layer 0 --log x $naive" \
    "histogram --layer 0 --log none --bins 7 $float" "channels --layer 2 --sort --points 5 $naive" \
    "boxes --layer 2 --sort --groups 48 $quamba" "surface --site scan.x --layer 2 --log y $naive" "outliers --layer 1 $float" \
    "layers --quantity sqnr_db $naive $quamba" "layers --quantity kurtosis --log y $float" \
    "layers --quantity scale --site scan.x $naive" "layers --quantity abs_quantile@99.9 $naive $quamba" "interactions $naive" "samples --layer 0 $naive" "windows --metric nll $float $naive" "windows --metric kl --log y $naive" "kl --metric delta_p $naive" "windows --evaluation other --metric nll $naive" "tokens $naive" "tokens --layer 1 $naive" "tokens --quantity mse $quamba $naive" \
    "tokens --quantity growth --log y --site out_proj.in $naive" "tokens --input clean --quantity sqnr_db $naive $naive" \
    "tokens --input clean --log none $quamba" "heat --input propagated --quantity sqnr_db $naive" \
    "states --layer 1 --quantity rms --log y $naive" "states --layer 2 --points 7 $quamba" "states --quantity mean $naive" \
    "profile --top 2 $float" "profile $float/profile.h5" "sensitivity --quantity kl_mean $naive $quamba" "sensitivity $quamba" "sensitivity --top 2 --width 17 --height 5 --title x $naive"; do
    # shellcheck disable=SC2086
    run 0 plot $more -o "$scratch/more.svg"
    shapes < "$scratch/more.svg" || fail "plot $more shows too little"
done

# A legend names all runs, in letters that are seen whole, however many and long their names are.
seven=() names=()
for i in 1 2 3 4 5 6 7; do
    seven+=("$naive" --label "$i: a recipe that somebody gave a rather long name, so that it is told from others")
    names+=("$i: a recipe that")
done
for kind in "histogram --layer 1" "layers --site scan.x" outliers profile; do
    # shellcheck disable=SC2086
    run 0 plot $kind "${seven[@]}" -o "$scratch/more.svg"
    shapes "${names[@]}" < "$scratch/more.svg" || fail "plot $kind of seven runs lacks some of their names"
    python3 -c 'import re, sys
text = sys.stdin.read()
across = float(re.search(r"viewBox=\"0 0 ([0-9.]+)", text)[1])
begin = [float(x) for x in re.findall(r"<g transform=\"translate\(([-0-9.]+),[^>]*>\s*<text>\d: a recipe that", text)]
assert len(begin) >= 7 and min(begin) > 0 and max(begin) < across / 2, (across, begin)' < "$scratch/more.svg" ||
        fail "plot $kind: names stand outside of the picture"
done

# Both parts of an axis of two signs have one scale of densities.
run 0 export histogram --layer 0 --log x "$naive"
most=$(awk -F, '!/^[#r]/ && $8 > m { m = $8 } END { printf "%.6g", m }' "$scratch/out")
run 0 export histogram --layer 0 --log x "$naive" --format gnuplot
[ "$(awk '$1 == "most" { printf "%.6g", $3 }' "$scratch/out")" = "$most" ] || fail "the greatest density is not $most"

# More lines than anybody can tell apart are no picture, but may be data.
many=()
for _ in 1 2 3 4 5 6 7 8 9; do many+=("$naive"); done
refuse 2 "18 lines are more than a panel shows; choose an input with --input" \
    plot tokens "${many[@]}" --site scan.x -o "$scratch/more.svg"
run 0 plot tokens "${many[@]}" --input clean --site scan.x -o "$scratch/more.svg"
refuse 2 "18 lines are more than a picture shows; choose sites with --site" \
    plot layers "${many[@]}" --quantity sqnr_db -o "$scratch/more.svg"
run 0 export layers "${many[@]}" --quantity sqnr_db

# Equal questions, equal pictures.
run 0 plot channels --layer 1 "$naive" -o "$scratch/a.svg"
run 0 plot channels --layer 1 "$naive" -o "$scratch/b.svg"
cmp "$scratch/a.svg" "$scratch/b.svg" || fail "the same figure twice is not the same file"

finish
