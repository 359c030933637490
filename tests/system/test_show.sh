#!/usr/bin/env bash
# ssmq show: runs as they lie on disk, whole, unfinished and damaged.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

sweep="$scratch/with space/quickstart"
mkdir -p "$sweep"/{aaaa,bbbb,cccc,.hidden,empty}

# state FOLDER ID NAME STATUS STARTED REASON
state() {
    cat > "$sweep/$1/status.json" <<JSON
{"id": "$2", "name": "$3", "status": "$4", "reason": $6, "stage": null,
 "started": "2026-01-31T10:00:$5Z", "updated": "2026-01-31T10:01:$5Z"}
JSON
}
# summary FOLDER ID NAME MODE RECIPE PPL
summary() {
    cat > "$sweep/$1/summary.json" <<JSON
{"id": "$2", "name": "$3", "mode": "$4", "recipe": $5, "status": "done", "reason": null,
 "evaluations": {"wt2": {"ppl": $6, "ppl_se": 5.5, "nll": 4.25, "windows": 8, "tokens": 16376,
   "dialect": "gptq", "window": 2048,
   "subsets": [{"name": "arxiv", "ppl": 3.5, "ppl_se": null, "ppl_se_nonfinite": "nan", "nll": 1.25,
                "windows": 1, "tokens": 2047}]}}}
JSON
}

# The float run started first, though its folder comes last.
state cccc 3c3c float "done" 01 null
summary cccc 3c3c float float null 72.18
state aaaa 1a1a "fake naive" "done" 02 null
summary aaaa 1a1a "fake naive" fake '"naive"' 267.3
state bbbb 2b2b "fake quamba" failed 03 '"layers.3.scan.x: NaN"'
cat > "$sweep/cccc/manifest.json" <<'JSON'
{"numbers": {"version": "0.1.0", "dirty": false, "libraries": {"HDF5": {"header": null, "runtime": "1.10.8"}},
             "inputs": [{"role": "model/config.json", "bytes": 12}]},
 "moment": {"wall_s": 1.5, "command": ["ssmq", "run"], "environment": {}}}
JSON

run 0 show "$sweep"
expect_err ""
expect_out "run          id    status  wt2 ppl    se   to float
-----------  ----  ------  -------  ----  ---------
float        3c3c  done      72.18  5.50          -
fake naive   1a1a  done     267.30  5.50  +270.32 %
fake quamba  2b2b  failed        -     -          -

fake quamba: layers.3.scan.x: NaN

wt2: perplexity of the model's own tokens, dialect gptq, 8 windows of 2048 tokens

subset  windows  float  fake naive
------  -------  -----  ----------
arxiv         1   3.50        3.50"

run 0 show "$sweep/cccc/"
expect_out "run       float
id        3c3c
directory $sweep/cccc
status    done
mode      float
started   2026-01-31T10:00:01Z
updated   2026-01-31T10:01:01Z

evaluation  dialect  window    ppl    se       nll  windows  tokens
----------  -------  ------  -----  ----  --------  -------  ------
wt2         gptq       2048  72.18  5.50  4.250000        8   16376
  arxiv     gptq       2048   3.50     -  1.250000        1    2047

provenance
  numbers:
    version: 0.1.0
    dirty: false
    libraries:
      HDF5:
        header: -
        runtime: 1.10.8
    inputs:
      role model/config.json, bytes 12
  moment:
    wall_s: 1.5
    command:
      ssmq
      run
    environment: none"
whole=$out
: > "$sweep/cccc/run.h5"
run 0 show "$sweep/cccc/run.h5"
expect_out "$whole"

run 0 show "$sweep/bbbb"
expect_in_out "reason    layers.3.scan.x: NaN"

run 0 show "$sweep" --format json
python3 - "$scratch/out" <<'PYTHON' || fail "the JSON of show is not what it should be"
import json, sys
d = json.load(open(sys.argv[1]))
runs, details = d["runs"], d["details"]
assert [r["id"] for r in runs] == ["3c3c", "1a1a", "2b2b"] == [x["id"] for x in details], d
assert runs[0]["recipe"] is None and runs[1]["recipe"] == "naive", runs
assert runs[0]["evaluations"]["wt2"]["ppl"] == 72.18, runs[0]
assert runs[2]["status"] == "failed" and runs[2]["evaluations"] == {}, runs[2]
assert details[2]["reason"] == "layers.3.scan.x: NaN", details[2]
assert details[0]["manifest"]["moment"]["wall_s"] == 1.5, details[0]
PYTHON

# ---- what cannot be shown ------------------------------------------------------------------

mkdir -p "$scratch/two/b" "$scratch/two/a" "$scratch/two/c"
: > "$scratch/two/b/sweep.json"
: > "$scratch/two/c/sweep.json"
refuse 4 "$scratch/two: no run: its folders hold runs of several experiments, name one, as $scratch/two/b" show "$scratch/two"
refuse 4 "$scratch/two/b/sweep.json: not a directory: results are in directories, of a run or an experiment" show "$scratch/two/b/sweep.json"
refuse 4 "$sweep/empty: no run: neither it nor a folder in it has a status.json" show "$sweep/empty"
refuse 4 "$scratch/nowhere: No such file or directory" show "$scratch/nowhere"

echo '{"numbers": ' > "$sweep/cccc/manifest.json"
run 7 show "$sweep/cccc"
expect_in_err "$sweep/cccc/manifest.json:2:0: not valid JSON"
{ printf '{"a":'; printf '[%.0s' {1..500}; printf ']%.0s' {1..500}; echo '}'; } > "$sweep/cccc/manifest.json"
refuse 7 "$sweep/cccc/manifest.json: nested deeper than 16 levels" show "$sweep/cccc"
rm "$sweep/cccc/manifest.json"
echo '{"id": 5}' > "$sweep/cccc/summary.json"
refuse 7 "$sweep/cccc/summary.json: 'id' is an integer, not a string" show "$sweep/cccc"
run 7 show "$sweep"
: > "$sweep/cccc/status.json"
run 7 show "$sweep/cccc"

finish
