#!/usr/bin/env bash
# `ssmq gc`: what goes, what stays, and that a run beside it comes to the same; the cache in `ssmq verify`.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/sweeps.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/sweeps.sh"
unset SSMQ_CACHE SSMQ_RUNS

write_sweep "$scratch/sweep.yaml" swept
run 0 run "$scratch/sweep.yaml" --out "$scratch/runs"
runs="$scratch/runs" here="$scratch/runs/swept" cache="$scratch/runs/.ssmq-cache"
mapfile -t ids < <(sed -n 's/.*"id": "\(.*\)",/\1/p' "$here/sweep.json")
results() { find "$runs" -path "$cache" -prune -o -type f -printf '%P %s %T@\n' | sort; }
files() { find "$cache" -type f | wc -l; }
bytes() { find "$cache" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }'; }
# json EXPRESSION: of the JSON in $out, as j
json() { python3 -c "import json,sys; j = json.load(sys.stdin); print($1)" <<< "$out"; }
before=$(results)
n=$(files)
[ "$n" -ge 2 ] || fail "there is no cache to clean"

run 0 verify "$runs"
expect_in_out "$cache  cache  ok"

# Nothing is old; what is not used for a month would go; a trial removes nothing.
run 0 gc "$runs"
expect_in_out "removed: 0 files, 0 B"
expect_in_out "kept: $n files"
find "$cache" -type f -exec touch -d '40 days ago' {} +
run 0 gc "$runs" --dry-run
expect_in_out "would go: $n files"
expect_in_out " 40 d "
[ "$(files)" = "$n" ] || fail "a trial removed something"
run 0 gc "$runs" --dry-run --older-than 50d
expect_in_out "kept: $n files"
run 0 gc "$runs" --dry-run --format json
[ "$(json '(j["dry_run"], j["removed"]["files"], j["removed"]["bytes"], j["kept"]["files"], len(j["files"]))')" = "(True, $n, $(bytes), 0, $n)" ] || fail "JSON: $out"

# What a run uses is young again, even if it changes nothing.
run 0 run "$scratch/sweep.yaml" --out "$runs" --set 'sweep.axes.bits={recipe.w.bits: [8, 5]}'
run 0 gc "$runs"
[ "$(files)" -ge 1 ] || fail "gc removed what a run has just used"
run 0 run "$scratch/sweep.yaml" --out "$runs"
before=$(results)

# While a run is going on nothing of the cache goes; the lease of this shell stands for one.
host=$(uname -n)
lease() { # lease FOLDER PID
    printf '{"host": "%s", "boot": "%s", "space": "%s", "pid": %s, "began": 0}\n' "$host" \
        "$(cat /proc/sys/kernel/random/boot_id)" "$(readlink /proc/self/ns/pid)" "$2" > "$1/lease"
}
mkdir "$here/0123456789abcdef"
printf '{"id": "0123456789abcdef", "name": "x", "status": "running", "started": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z"}\n' \
    > "$here/0123456789abcdef/status.json"
lease "$here/0123456789abcdef" $$
: > "$here/0123456789abcdef/run.h5.part"
run 0 gc "$runs" --older-than 0
expect_in_out "a run is going on"
expect_in_out "removed: 0 files"
[ -e "$here/0123456789abcdef/run.h5.part" ] || fail "gc removed what a run is writing"
# Its process is gone: what it left goes, and so does the lease; finished runs stay as they are.
sleep 0 & dead=$!
wait $dead
lease "$here/0123456789abcdef" "$dead"
: > "$here/${ids[1]}/notes.part"
run 0 gc "$runs" --dry-run
expect_in_out "$here/0123456789abcdef/run.h5.part"
expect_in_out "$here/0123456789abcdef/lease"
run 0 gc "$runs"
for left in run.h5.part lease; do [ ! -e "$here/0123456789abcdef/$left" ] || fail "$left stays"; done
[ -e "$here/0123456789abcdef/status.json" ] || fail "gc removed the status of a run"
[ -e "$here/${ids[1]}/notes.part" ] || fail "gc touched a finished run"
rm -r "$here/0123456789abcdef" "$here/${ids[1]}/notes.part"

# What dead writers left in the cache; a living one's stays.
entry=$(find "$cache/calibration" -name '*.h5' | head -1)
cp "$entry" "$entry.$host.$dead"
cp "$entry" "$entry.$host.$$.part"
cp "$entry" "$entry.elsewhere.1"
run 0 verify "$runs"
expect_in_out "was never finished; ssmq gc removes it"
run 0 gc "$runs"
[ ! -e "$entry.$host.$dead" ] || fail "what a dead writer left stays"
for left in "$host.$$.part" elsewhere.1; do [ -e "$entry.$left" ] || fail "gc removed $left, which may be being written"; done
touch -d '1 hour ago' "$entry.elsewhere.1"
run 0 gc "$runs"
[ ! -e "$entry.elsewhere.1" ] || fail "what a silent writer of another host left stays"
rm "$entry.$host.$$.part"

# A damaged file of the cache is told by verify.
cp "$entry" "$scratch/entry"
printf x | dd of="$entry" bs=1 seek=2000 conv=notrunc 2> /dev/null
run 7 verify "$runs"
expect_in_out "damaged calibration/$(basename "$entry"): "
cp "$scratch/entry" "$entry"

# All of it: results stay to the byte, and the next run makes it again.
run 0 gc "$runs" --older-than 0
[ "$(files)" = 0 ] || fail "files stay: $(find "$cache" -type f)"
[ "$(results)" = "$before" ] || fail "gc touched results"
run 0 gc "$runs"
expect_out "removed: 0 files, 0 B
kept: 0 files, 0 B"

# Beside runs that use the cache again and again: none of them fails, and all come to the same.
mkdir "$scratch/busy"
(while [ ! -e "$scratch/stop" ]; do "$SSMQ" gc "$scratch/busy" --older-than 0 > /dev/null || echo "gc ended with $?" >> "$scratch/gc.bad"; done) 2> "$scratch/gc.err" &
collector=$!
for round in 1 2 3; do
    rm -rf "$scratch/busy/swept"
    run 0 run "$scratch/sweep.yaml" --out "$scratch/busy"
done
: > "$scratch/stop"
wait "$collector"
[ ! -e "$scratch/gc.bad" ] || fail "$(cat "$scratch/gc.bad" "$scratch/gc.err")"
for id in "${ids[@]}"; do cmp "$here/$id/run.h5" "$scratch/busy/swept/$id/run.h5" || fail "round $round: another result"; done

refuse 4 "$scratch/nowhere: no directory of results" gc "$scratch/nowhere"
for bad in 30 x -1d 3w "" 99999999d; do run 2 gc "$runs" --older-than "$bad"; done
expect_in_err "option '--older-than' is '99999999d', not a number with s, min, h or d behind it, as in 30d"
SSMQ_RUNS=$runs run 0 gc
SSMQ_CACHE=$scratch/shared run 0 run "$scratch/sweep.yaml" --out "$scratch/other"
SSMQ_CACHE=$scratch/shared run 0 gc "$runs" --dry-run --older-than 0
expect_in_out "$scratch/shared/calibration/"
finish
