#!/usr/bin/env bash
# `ssmq verify`: results as they were written are fine, and every sort of damage is found and named.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
command -v python3 > /dev/null || { echo "skipped: no python3"; exit 77; }

run 0 run experiments/quickstart.yaml --set evaluate.wt2.window=64 --set evaluate.wt2.limit=2 \
    --set calibration.count=2 --set calibration.length=64 --out "$scratch/runs"
whole="$scratch/runs/quickstart"
float=$(grep -l '"name": "float"' "$whole"/*/status.json)
float=$(basename "$(dirname "$float")")

run 0 verify "$whole"
expect_err ""
[ "$(grep -c '  done  ok$' "$scratch/out")" -eq 3 ] || fail "not three runs that are fine: $out"
[ "$(grep -v '  done  ok$' "$scratch/out")" = "$whole  sweep  ok" ] || fail "other lines than expected: $out"
page=$out
run 0 verify "$scratch/runs"; expect_out "$page
$scratch/runs/.ssmq-cache  cache  ok"
run 0 verify "$whole/"; expect_out "$page"
run 0 verify "$whole/$float"; expect_out "$whole/$float  done  ok"
run 0 verify "$whole/$float/run.h5"; expect_out "$whole/$float  done  ok"

# damage SCRIPT: a copy of the float run in $here, changed by a script run in it
damage() {
    rm -rf "$scratch/copy"
    mkdir "$scratch/copy"
    cp -r "$whole/$float" "$scratch/copy"
    here="$scratch/copy/$float"
    (cd "$here" && bash -euc "$1") || fail "the script '$1'"
}
# found FILE MESSAGE...: all of these, and nothing else, are what verify says is damaged
found() {
    local expected
    expected=$(while [ $# -gt 0 ]; do printf '  damaged %s: %s\n' "$1" "$2"; shift 2; done)
    run 7 verify "$here"
    [ "$(grep '^  damaged' "$scratch/out")" = "$expected" ] || fail "verify says: $out; not: $expected"
    local n
    n=$(grep -c . <<< "$expected")
    [ "$n" = 1 ] && n="1 problem" || n="$n problems"
    expect_err "ssmq: error: $here: 1 of 1 damaged, $n"
    run 7 verify "$here" --format json
    python3 -c 'import json, sys
run, = json.load(sys.stdin)["runs"]
assert run["damaged"]
for f in run["findings"]:
    if f["kind"] == "damage":
        print("  damaged %s: %s" % (f["file"], f["message"]))' < "$scratch/out" | cmp -s - <(echo "$expected") ||
        fail "the JSON says otherwise: $out"
}
sum_of() { sha256sum "$here/$1" | cut -c 1-16; }
stored=$(sha256sum "$whole/$float/run.h5" | cut -c 1-16)

for file in run.h5 summary.json manifest.json resolved.yaml; do
    damage "rm $file"
    found $file "is missing, but status.json says done"
done
damage 'rm status.json'
found status.json "No such file or directory"
damage 'echo "{" > status.json'
run 7 verify "$here"
expect_in_out "damaged status.json: "
damage 'sed -i s/done/dome/ status.json'
found status.json "'status' is 'dome', not one of queued, running, stopped, done, failed, unsupported"
damage 'sed -i "s/\"id\": \"./\"id\": \"x/" status.json'
run 7 verify "$here"
expect_in_out "damaged status.json: id is x${float:1}, but the directory is that of $float"

damage 'truncate -s -1 run.h5'
found run.h5 "SHA-256 is $(sum_of run.h5)..., in manifest.json $stored..." \
    run.h5 "the file is no HDF5 file, or was cut short"
damage ': > run.h5'
found run.h5 "SHA-256 is $(sum_of run.h5)..., in manifest.json $stored..." \
    run.h5 "the file is no HDF5 file, or was cut short"
damage 'python3 -c "
import json
s = json.load(open(\"summary.json\")); s[\"evaluations\"][\"wt2\"][\"nll\"] += 0.5
json.dump(s, open(\"summary.json\", \"w\"))"'
run 7 verify "$here"
expect_in_out "damaged summary.json: nll of wt2 is "
damage 'sed -i "s/\"backend\": \"cpu\"/\"backend\": \"cup\"/" manifest.json'
found manifest.json "'numbers' differ from /meta/provenance in run.h5"
for other in "$whole"/*/; do
    other=$(basename "$other")
    [ "$other" = "$float" ] || break
done
damage "cp '$whole/$other/run.h5' ."
run 7 verify "$here"
expect_in_out "damaged run.h5: run_id is $other, not $float"
expect_in_out "damaged run.h5: /meta/resolved_config hashes to $other, not to the run id $float"
expect_in_out "damaged run.h5: SHA-256 is "
damage "cp '$whole/$other/summary.json' ."
run 7 verify "$here"
expect_in_out "damaged summary.json: id is $other, not $float"

# Where there is python3-h5py: figures changed within a file that is whole, whose sum is made to fit.
if python_with h5py; then
    fit='python3 -c "
import hashlib, json
m = json.load(open(\"manifest.json\")); b = open(\"run.h5\", \"rb\").read()
m[\"results\"][0].update(sha256=hashlib.sha256(b).hexdigest(), bytes=len(b))
json.dump(m, open(\"manifest.json\", \"w\"))"'
    damage "$python -c '
import h5py
f = h5py.File(\"run.h5\", \"r+\"); f[\"/eval/wt2/window_nll\"][0] += 1'; $fit"
    run 7 verify "$here"
    expect_in_out "damaged run.h5: nll of wt2 is "
    [ "$(grep -c damaged "$scratch/out")" -eq 1 ] || fail "more than the window: $out"
    damage "$python -c '
import h5py
f = h5py.File(\"run.h5\", \"r+\"); f.attrs[\"Conventions\"] = \"ssmq-9\"; del f[\"/eval/wt2\"]'; $fit"
    found run.h5 "conventions is ssmq-9, not ssmq-1" run.h5 "/eval/wt2 is missing; summary.json has it"
else
    echo "skipped: damage inside a file: no python3-h5py"
fi

# The journal: a line with another sum, one that is no entry, one that is another run's; cut off by a kill, which is no
# damage.  Of a run that is not done, also what its lines speak of in journal.bin.
line() { # OBJECT: as a line with its sum
    python3 -c 'import hashlib, sys
o = sys.argv[1]
print(o[:-1] + ", \"sum\": \"" + hashlib.sha256(o.encode()).hexdigest()[:16] + "\"}")' "$1"
}
damage "sed -i '3s/: /:  /' journal.jsonl"
found journal.jsonl "line 3 has a wrong sum"
damage "sed -i '2s/.*/nonsense/' journal.jsonl"
found journal.jsonl "line 2 has no sum"
damage "echo '$(line '{"sheep": 3}')' >> journal.jsonl"
found journal.jsonl "line $(wc -l < "$here/journal.jsonl") is malformed"
damage "sed -i '1d' journal.jsonl"
found journal.jsonl "line 1 does not say whose journal it is"
damage "cp '$whole/$other/journal.jsonl' ."
found journal.jsonl "is that of 'run $other', not of run $float"
damage 'truncate -s -3 journal.jsonl'
run 0 verify "$here"
expect_in_out "note    journal.jsonl: its last line was cut off by a kill"
undone='sed -i s/done/stopped/ status.json; rm run.h5 summary.json manifest.json'
damage "$undone; printf abcd > journal.bin; echo '$(line '{"stage": "wt2", "piece": 9, "offset": 0, "bytes": 4, "data": "88d4266fd4e6338d"}')' >> journal.jsonl"
run 0 verify "$here"
damage "$undone; printf abcx > journal.bin; echo '$(line '{"stage": "wt2", "piece": 9, "offset": 0, "bytes": 4, "data": "88d4266fd4e6338d"}')' >> journal.jsonl"
found journal.jsonl "line $(wc -l < "$here/journal.jsonl") is of bytes in journal.bin that have another sum; what it tells from there on is computed again"
damage "$undone; head -c 70000 /dev/zero | tr '\\0' x > journal.sums"
found journal.sums "is no file of sums, or was cut short; what it held is computed again"
damage "$undone; head -c 70000 /dev/zero > journal.sums" # as a kill leaves it that comes at once
run 0 verify "$here"
damage 'echo of no matter > journal.sums'
run 0 verify "$here"

# Any byte: the sum tells.  Without the sum (as older versions left it) nothing may crash or hang.
bytes=$(stat -c %s "$whole/$float/run.h5")
flip() { printf '\xa5' | dd of="$here/run.h5" bs=1 seek="$1" conv=notrunc status=none; }
for i in $(seq 1 25); do
    at=$((i * 7919 % bytes))
    damage ':'
    flip $at
    cmp -s "$here/run.h5" "$whole/$float/run.h5" && continue
    run 7 verify "$here"
    expect_in_out "damaged run.h5: SHA-256 is "
    python3 - "$here/manifest.json" "$whole/$float/manifest.json" <<'PYTHON'
import json, sys
m = json.load(open(sys.argv[2]))
del m["results"]
json.dump(m, open(sys.argv[1], "w"))
PYTHON
    status=0
    "$SSMQ" verify "$here" > "$scratch/out" 2>&1 || status=$?
    [ $status -eq 0 ] || [ $status -eq 7 ] || fail "byte $at: status $status: $(cat "$scratch/out")"
    grep -q 'note    manifest.json: has no sums of results: from an older version' "$scratch/out" ||
        fail "no word about the missing sums"
done

# Notes: no damage.
damage ': > run.h5.part; echo "{\"host\": \"elsewhere\", \"pid\": 12, \"began\": 1}" > lease; touch -d "1 hour ago" lease'
run 0 verify "$here"
expect_out "$here  done  ok
  note    run.h5.part: was never finished; the next run of this directory removes it
  note    lease: left by process 12 on host elsewhere, which is gone; the next run takes over"
damage 'sed -i s/done/running/ status.json; rm run.h5 summary.json manifest.json'
run 0 verify "$here"
expect_out "$here  running  ok
  note    status.json: says running, but no process holds the lease: it was killed"

# The file over all runs, beside them.
cp -r "$whole" "$scratch/swept"
truncate -s -1 "$scratch/swept/sweep.h5"
run 7 verify "$scratch/swept"
expect_in_out "$scratch/swept  sweep  DAMAGED
  damaged sweep.h5: the file is no HDF5 file, or was cut short"
expect_err "ssmq: error: $scratch/swept: 1 of 4 damaged, 1 problem"
run 0 verify "$scratch/swept/$float"

# ---- usage -------------------------------------------------------------------------------

mkdir "$scratch/empty"
refuse 4 "$scratch/empty: no run in it" verify "$scratch/empty"
refuse 4 "$scratch/nowhere: No such file or directory" verify "$scratch/nowhere"
refuse 2 "'ssmq verify' needs DIR" verify
damage 'rm summary.json'
cp -r "$whole/$other" "$scratch/copy"
run 7 verify "$scratch/copy"
expect_err "ssmq: error: $scratch/copy: 1 of 2 damaged, 1 problem"

finish
