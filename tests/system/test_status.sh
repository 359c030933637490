#!/usr/bin/env bash
# What only reads: ssmq status, ssmq list runs, ssmq diff, ssmq doctor.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
command -v python3 > /dev/null || { echo "skipped: no python3"; exit 77; }

# check_json EXPRESSION: of what the last command printed, as d
check_json() {
    python3 -c 'import json, sys
d = json.load(sys.stdin)
assert eval(sys.argv[1]), d' "$1" < "$scratch/out" || fail "$command_line: not so: $1"
}

settings=(--set evaluate.wt2.window=64 --set evaluate.wt2.limit=2 --set calibration.length=64)
run 0 run experiments/quickstart.yaml "${settings[@]}" --set calibration.count=2 --out "$scratch/runs"
here="$scratch/runs/quickstart"
# id NAME: of the run of that name
id() { basename "$(dirname "$(grep -l "\"name\": \"$1\"" "$here"/*/status.json)")"; }
float=$(id float) naive=$(id "fake naive") quamba=$(id "fake quamba")

# ---- status, list runs ---------------------------------------------------------------------

run 0 status "$here"
expect_err ""
[ "$(head -n 1 "$scratch/out")" = "$here: 3 runs: 3 done" ] || fail "status begins otherwise: $out"
[ "$(sed -n '5,7s/ .*//p' "$scratch/out" | sort -u | paste -sd ' ')" = "fake float" ] || fail "rows: $out"
[ "$(sed -n '5s/ .*//p' "$scratch/out")" = float ] || fail "float is not the first row: $out"
run 0 status "$scratch/runs" --format json
check_json 'd["counts"]["done"] == 3 and len(d["runs"]) == 3 and d["runs"][0]["mode"] == "float"'
check_json 'all(r["lease"] is None and not r["killed"] and r["log"].endswith(" s") for r in d["runs"])'

run 0 list runs "$here"
for word in "$float" "$naive" "$quamba" "fake naive" "$here/$quamba"; do expect_in_out "$word"; done
# without the ages, whose column is the wider the older they are
ageless() { sed -E 's/ [0-9]+ s / /; s/-+/-/g; s/ +/ /g' "$scratch/out"; }
page=$(ageless)
SSMQ_RUNS="$scratch/runs" run 0 list runs
[ "$(ageless)" = "$page" ] || fail "SSMQ_RUNS gives another list: $out"
run 0 list runs "$here" --format json
check_json '[r["name"] for r in d["runs"]][0] == "float" and {r["recipe"] for r in d["runs"]} == {None, "naive", "quamba"}'
refuse 2 "a directory goes with 'runs', not with 'sites'" list sites "$here"
refuse 4 "$scratch/nowhere: No such file or directory" list runs "$scratch/nowhere"
mkdir "$scratch/empty"
refuse 4 "$scratch/empty: no run in it" status "$scratch/empty"

# What the frozen list has and nobody has begun.
cp -r "$here" "$scratch/half"
rm -r "${scratch:?}/half/$naive"
run 0 status "$scratch/half"
[ "$(head -n 1 "$scratch/out")" = "$scratch/half: 3 runs: 2 done, 1 queued" ] || fail "queued: $out"
[ "$(tail -n 1 "$scratch/out" | tr -s ' ')" = "fake naive $naive queued - - - -" ] || fail "the last row: $out"
rm "$scratch/half/sweep.json"
run 0 status "$scratch/half"
[ "$(head -n 1 "$scratch/out")" = "$scratch/half: 2 runs: 2 done" ] || fail "without the list: $out"

# Done, it says, but without the summary, or with half of one: `ssmq run` runs it again.
cp -r "$here" "$scratch/damaged"
rm "$scratch/damaged/$naive/summary.json"
truncate -s 100 "$scratch/damaged/$quamba/summary.json"
run 0 status "$scratch/damaged"
[ "$(head -n 1 "$scratch/out")" = "$scratch/damaged: 3 runs: 1 done, 2 damaged" ] || fail "counts: $out"
expect_in_out "
$naive  fake naive
  $scratch/damaged/$naive/summary.json: No such file or directory
  log.txt: "
expect_in_out "  $scratch/damaged/$quamba/summary.json:"
run 0 list runs "$scratch/damaged" --format json
check_json 'sorted(r["status"] for r in d["runs"]) == ["damaged", "damaged", "done"]'

# Every other state, in copies.
cp -r "$here" "$scratch/states"
states="$scratch/states"
sed -i 's/"done"/"running"/; s/"stage": null/"stage": "evaluation wt2"/' "$states/$naive/status.json"
rm "$states/$naive"/{run.h5,summary.json}
sed -i 's/"done"/"failed"/; s/"reason": null/"reason": "the disk is full"/' "$states/$quamba/status.json"
echo "2026-01-01T00:00:00Z failed: the disk is full" >> "$states/$quamba/log.txt"
: > "$states/$float/status.json"
run 0 status "$states"
[ "$(head -n 1 "$scratch/out")" = "$states: 3 runs: 1 killed, 1 failed, 1 unreadable" ] || fail "counts: $out"
expect_in_out "
$quamba  fake quamba
  the disk is full
  log.txt: 2026-01-01T00:00:00Z failed: the disk is full"
expect_in_out "
$naive  fake naive
  its process ended without a word; run it again
  log.txt: "
expect_in_out "$float  -
  $states/$float/status.json:1:0: not valid JSON: "
run 0 status "$states" --format json
check_json 'd["counts"] == {"done": 0, "running": 0, "queued": 0, "stopped": 0, "killed": 1, "failed": 1,
    "unsupported": 0, "damaged": 0, "unreadable": 1}'

# A writer that lives (this shell) and one that does not.
lease() {
    printf '{"host": "%s", "boot": "%s", "space": "%s", "pid": %d, "began": %s}' "$(uname -n)" \
        "$(cat /proc/sys/kernel/random/boot_id)" "$(readlink /proc/self/ns/pid)" "$1" "$2" > "$states/$naive/lease"
}
began=$(sed 's/.*) //' /proc/$$/stat | cut -d ' ' -f 20)
lease $$ "$began"
run 0 status "$states/$naive"
expect_in_out ": 1 run: 1 running"
expect_in_out "$$ on $(uname -n), heard 0 s ago"
lease $$ 1
run 0 status "$states/$naive"
expect_in_out ": 1 run: 1 killed"
expect_in_out "$$ on $(uname -n), gone"

# How far it is, from its journal: 3 windows since it went on, 30 s ago, of 10; a line that is torn says nothing.
lease $$ "$began"
sed -i 's/"evaluation wt2"/"wt2"/' "$states/$naive/status.json"
{
    echo '{"event": "end", "what": "tokenising wt2: 10 windows", "time": "2026-01-01T00:00:00Z", "sum": "x"}'
    echo '{"event": "begin", "what": "wt2", "time": "2026-01-01T00:00:00Z", "sum": "x"}'
    echo '{"stage": "wt2", "piece": 0, "sum": "x"}'
    echo "{\"event\": \"resumed\", \"what\": \"with 1\", \"time\": \"$(date -u -d '30 seconds ago' +%FT%TZ)\", \"sum\": \"x\"}"
    for piece in 1 2 3; do echo "{\"stage\": \"wt2\", \"piece\": $piece, \"sum\": \"x\"}"; done
    printf '{"stage": "wt2", "pie'
} > "$states/$naive/journal.jsonl"
run 0 status "$states/$naive" --format json
# 30 s for 3 windows, and the second or two that writing this took: 6 more take 60 to 70 s.
check_json 'd["runs"][0]["progress"]["done"] == 4 and d["runs"][0]["progress"]["total"] == 10'
check_json '60 <= d["runs"][0]["progress"]["eta_s"] <= 70 and d["eta_s"] == d["runs"][0]["progress"]["eta_s"] and d["at_work"] == 1'
run 0 status "$states/$naive"
expect_in_out "4 of 10, 6"
expect_in_out " s to go with 1 at work"
lease $$ 1
run 0 status "$states/$naive" --format json
check_json 'd["eta_s"] is None and d["at_work"] == 0 and d["runs"][0]["lease"]["alive"] is False'

# ---- diff ----------------------------------------------------------------------------------

run 0 run experiments/quickstart.yaml "${settings[@]}" --set calibration.count=3 \
    --set 'recipes.naive=[{id: w, method: weights, bits: 6}]' --out "$scratch/other"
there="$scratch/other/quickstart"
run 0 diff "$here/$float" "$there/$float"
expect_out "- $here/$float  float
+ $there/$float  float
  no difference"
run 0 diff "$here/$float/run.h5" "$here/$quamba"
for line in "  configuration
" "
    mode
      - float
      + fake
" "
    recipe
      - (not there)
      + quamba
" "
    recipe.rot
      - (not there)
      + method hadamard, sites layers.*.out_proj.in, signs none" "
    recipe.u
      - (not there)
      + method activations, sites layers.*.scan.x, bits 8," "observer.p 99.999, observer.estimate exact, " "
  the same: build, host"; do expect_in_out "$line"; done
run 0 diff "$here" "$there"
expect_in_out "+ $there/$float  float
  no difference
"
expect_in_out "
    calibration.count
      - 2
      + 3
"
expect_in_out "
    recipe.w.bits
      - 8
      + 6
"
run 0 diff "$here/$naive" "$here/$quamba" --format json
check_json '[(x["a"], x["b"]) for x in d["pairs"][0]["differences"] if x["key"] == "recipe"] == [("naive", "quamba")]'
check_json '{x["key"].split(".")[1] for x in d["pairs"][0]["differences"] if x["key"].startswith("recipe.")} == {"rot", "u"}'
run 0 diff "$here" "$there" --format json
check_json 'len(d["pairs"]) == 3 and d["pairs"][0]["differences"] == []'
check_json 'any(x == {"section": "configuration", "key": "calibration.count", "a": "2", "b": "3"}
    for p in d["pairs"] for x in p["differences"])'
# Another machine, another build, another file.
cp -r "$here/$float" "$scratch/moved"
sed -i 's/"compiler": "[^"]*"/"compiler": "tcc 1"/; s/"kernel": "[^"]*"/"kernel": "Hurd"/
    s/"sha256": "[^"]\{8\}/"sha256": "00000000/' "$scratch/moved/manifest.json"
run 0 diff "$here/$float" "$scratch/moved"
for word in "  inputs
    model/config.json
" "  build
    compiler
" "      + tcc 1" "  host
    kernel
" "  the same: configuration, results"; do expect_in_out "$word"; done
# Only one of the two has it.
rm -r "${there:?}/$float"
run 0 diff "$here" "$there" --format json
check_json 'any(p["b"] is None and p["a"].endswith("'"$float"'") for p in d["pairs"])'
rm "$scratch/moved/resolved.yaml"
refuse 7 "$scratch/moved/resolved.yaml: is missing or no YAML" diff "$here/$float" "$scratch/moved"
refuse 2 "'ssmq diff' needs A B" diff "$here"

# ---- doctor --------------------------------------------------------------------------------

run 0 doctor --out "$scratch/empty"
expect_err ""
for word in "ssmq 0." compiler OpenBLAS HDF5 "cpu " memory clock "ok   deflate filter" "results in $scratch/empty" \
    "ok   exclusive creation (leases)" "ok   rename over a file" "free space"; do expect_in_out "$word"; done
! grep -q FAIL "$scratch/out" || fail "something fails: $out"
[ -z "$(ls -A "$scratch/empty")" ] || fail "doctor leaves $(ls -A "$scratch/empty")"
run 0 doctor --out "$scratch/empty" --format json
check_json 'd["fine"] and d["libraries"]["HDF5"]["runtime"] and "OpenBLAS" in d["libraries"]["OpenBLAS"]["detail"]'
check_json 'all(p["works"] for p in d["hdf5"] + d["folder"] if p["needed"]) and {"flock", "exclusive"} <= {p["name"].split()[0] for p in d["folder"]}'
check_json 'd["memory_bytes"] >= d["unused_bytes"] > 0 and d["huge_pages"]'
run 0 doctor --out "$scratch/empty/not/yet"
[ -z "$(ls -A "$scratch/empty")" ] || fail "doctor makes folders"
: > "$scratch/file"
run 5 doctor --out "$scratch/file" --format json
check_json 'd["fine"] is False and any(p["needed"] and not p["works"] for p in d["folder"])'
run 5 doctor --out "$scratch/file"
expect_in_out "FAIL create a file: Not a directory"
expect_err "ssmq: error: 1 of what runs need does not work here"

finish
