#!/usr/bin/env bash
# Parts of a run that add up over samples or windows, killed among them and run again: they go on where they were, and
# what they leave has the bytes of a run that nobody disturbed.  (tests/conformance/test_collect.c stops collect behind
# every sample, test_kill_loop.sh kills anything at any moment.)
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

cat > "$scratch/parts.yaml" <<YAML
ssmq: 1
name: parts
model: {path: $PWD/models/tiny-mamba}
calibration: {data: {file: $PWD/configs/data/pile-sample.jsonl.zst}, select: first, count: 24, length: 128}
mode: real
recipe: $PWD/configs/recipes/naive.yaml
compare: {against: [float, fake], metrics: [kl, sqnr], sensitivity: each-on, by: layer, windows: 8}
collect:
  sites: "**"
  statistics: {quantiles: [50, 99, 100], moments: true, channels: true, top_channels: 4, histogram: floatbits16}
  dump: {sites: ["layers.{0,7}.{scan.x,out_proj.in}"], samples: 16, dtype: f16}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 128, limit: 9}
YAML
run 0 run "$scratch/parts.yaml" --out "$scratch/whole"

dir="$scratch/runs/parts"
pieces() { cat "$dir"/*/journal.jsonl 2> /dev/null | grep -c "\"stage\": \"$1"; }

# until_it_has SIGNAL STAGE N: runs until the journal knows so many pieces of a stage, and then ends it
until_it_has() {
    "$SSMQ" run "$scratch/parts.yaml" --out "$scratch/runs" > "$scratch/out" 2> "$scratch/err" < /dev/null &
    victim=$!
    for _ in $(seq 3000); do
        [ "$(pieces "$2")" -ge "$3" ] && break
        kill -0 "$victim" 2> /dev/null || break
        sleep 0.01
    done
    kill -"$1" "$victim" 2> /dev/null
    wait "$victim" 2> /dev/null
    [ "$(pieces "$2")" -ge "$3" ] || fail "there are not $3 pieces of '$2': $(cat "$scratch/err")"
}

for signal in KILL TERM; do
    rm -rf "$dir"
    until_it_has "$signal" "dump of layers.7.out_proj.in" 3
    sums=$(echo "$dir"/*/journal.sums)
    [ -e "$sums" ] || fail "$signal: nothing is kept of what was collected"
    run 0 verify "$dir"
    cp "$sums" "$scratch/sums"
    { head -c 20000 "$scratch/sums" && tail -c +20001 "$scratch/sums" | tr '\0-\377' '\1-\377\0'; } > "$sums"
    run 7 verify "$dir"
    expect_in_out "  damaged journal.sums: of "
    expect_in_out " parts nothing is whole; they are computed again"
    cp "$scratch/sums" "$sums"
    until_it_has "$signal" "dump of layers.7.out_proj.in" 9
    until_it_has "$signal" "real against fake: wt2" 3
    grep -q '"collecting", "what": "goes on behind [0-9]* of 24 samples"' "$dir"/*/journal.jsonl || fail "$signal: it collected all samples again"
    until_it_has "$signal" "real against fake: wt2" 6
    until_it_has "$signal" "errors per site" 2
    until_it_has "$signal" "sensitivity, only layer" 9
    run 0 run "$scratch/parts.yaml" --out "$scratch/runs"
    [ "$(pieces "real against fake: wt2")" -eq 8 ] || fail "$signal: windows of real against fake: $(pieces "real against fake")"
    [ "$(pieces "dump of")" -eq 64 ] || fail "$signal: 4 sites of 16 samples came to $(pieces "dump of") pieces"
    for file in "$scratch"/whole/parts/*/{run.h5,dump.h5,summary.json}; do
        cmp "$file" "$scratch/runs/${file#"$scratch/whole/"}" || fail "$signal: $file differs"
    done
    left=$(find "$dir" -name lease -o -name '*.part' -o -name 'journal.bin' -o -name journal.sums)
    [ -z "$left" ] || fail "left behind: $left"
done

finish
