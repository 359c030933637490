#!/usr/bin/env bash
# A file system that fills up while ssmq runs, a small one of this test's own: whatever is written just then, the message
# says what and why, with status 1 or 5; nothing that was finished is lost, and once there is room the same command comes
# to the results of a run that nothing disturbed.
set -uo pipefail
if [ -z "${SSMQ_OWN_MOUNTS:-}" ]; then # mounts of its own, which end with it
    if ! unshare -rm mount -t tmpfs none /mnt 2> /dev/null; then
        echo "skipped: no file system of its own: unshare -rm and mount are not permitted here"
        exit 77
    fi
    SSMQ_OWN_MOUNTS=yes exec unshare -rm bash "$0"
fi
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

disk="$scratch/disk"
mkdir "$disk"
mount -t tmpfs -o size=64m none "$disk" || { echo "skipped: a tmpfs cannot be mounted"; exit 77; }
trap 'umount "$disk"; rm -rf "$scratch"' EXIT

cat > "$scratch/full.yaml" <<YAML
ssmq: 1
name: full
model: {path: $PWD/models/tiny-mamba}
calibration: {data: {file: $PWD/configs/data/pile-sample.jsonl.zst}, select: first, count: 8, length: 64, batch: 2}
mode: [float, fake]
recipe: $PWD/configs/recipes/naive.yaml
compare: {against: float}
collect: {sites: ["layers.0.scan.x"], dump: {sites: ["layers.*.scan.x"], samples: 8, dtype: f32}}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 512, limit: 12}
YAML
runs="$disk/runs"
run 0 run "$scratch/full.yaml" --out "$scratch/whole"
id_of() { basename "$(dirname "$(grep -l "\"name\": \"$1\"" "$scratch"/whole/full/*/status.json)")"; }
float=$(id_of float) fake=$(id_of fake)

# fill KIB: leaves so much; clear: takes that back
fill() {
    local free
    free=$(df --output=avail -k "$disk" | tail -n 1)
    head -c $(((free - $1) * 1024)) /dev/zero > "$disk/filler"
}
clear_disk() { rm -f "$disk/filler"; }

same() {
    local file
    for file in "$scratch"/whole/full/{sweep.json,sweep.h5,sweep.csv,*/run.h5,*/dump.h5,*/summary.json}; do
        cmp "$file" "$runs/${file#"$scratch/whole/"}" || fail "$command_line: $file differs once there is room"
    done
    [ -z "$(find "$runs" -name lease -o -name '*.part' -o -name journal.bin)" ] || fail "left: $(find "$runs")"
}

# ---- full from the beginning ------------------------------------------------------------------

fill 0
run 5 run "$scratch/full.yaml" --out "$runs"
expect_in_err "No space left on device"
clear_disk
fill 8000
run 5 run "$scratch/full.yaml" --out "$runs"
expect_in_err "are free on this file system, "
run 5 run "$scratch/full.yaml" --out "$runs" --set evaluate.wt2.limit=2000 # what the cache may take is no reason to refuse it
expect_in_err "this file system may have too little room"
run 0 plan "$scratch/full.yaml" --out "$runs" --probe 60 --set calibration.count=512 --set collect.dump.samples=512
expect_in_out "TOO LITTLE: "
clear_disk
rm -rf "$runs"

# What runs like it took is to be free.
mkdir "$runs"
cp -r "$scratch/whole/full" "$runs"
sed -i "s/\"journal_bytes\": .*/\"journal_bytes\": 41943040,/" "$runs"/full/*/manifest.json
sed "s|^recipe: .*|recipes: {naive: $PWD/configs/recipes/naive.yaml, quamba: $PWD/configs/recipes/quamba.yaml}|" \
    "$scratch/full.yaml" > "$scratch/two.yaml"
fill 40000
run 1 run "$scratch/two.yaml" --out "$runs"
expect_in_err "KiB are free on this file system, "
[ "$(grep -c 'finished before' "$scratch/err")" -eq 2 ] || fail "others than the new run were not there: $err"
clear_disk
sed -i "s/\"journal_bytes\": .*/\"journal_bytes\": 4194304,/" "$runs"/full/*/manifest.json
run 0 run "$scratch/two.yaml" --out "$runs"
rm -rf "$runs"

# ---- full in the middle ------------------------------------------------------------------------

# full_at ID STAGE KIB: the run of that id, which has come to that stage when only so much room is left
full_at() {
    local status=0 victim stage=0
    rm -rf "$runs"
    [ "$1" = "$float" ] || cp -r "$before_fake" "$runs"
    "$SSMQ" run "$scratch/full.yaml" --out "$runs" > "$scratch/out" 2> "$scratch/err" &
    victim=$!
    command_line="full with $3 KiB left at $2"
    for _ in $(seq 3000); do
        grep -qs "\"event\": \"begin\", \"what\": \"$2\"" "$runs/full/$1/journal.jsonl" && stage=1 && break
        kill -0 "$victim" 2> /dev/null || break
        sleep 0.005
    done
    kill -STOP "$victim"
    fill "$3"
    kill -CONT "$victim"
    wait "$victim" || status=$?
    err=$(cat "$scratch/err")
    [ "$stage" -eq 1 ] || fail "$command_line: it did not come there: $err"
    failed=$status said=$err
    [[ $status -eq 0 || $status -eq 1 || $status -eq 5 ]] || fail "$command_line: status $status: $err"
    [ "$status" -eq 0 ] || expect_in_err "No space left on device"
    [ -z "$(find "$runs" -name lease)" ] || fail "$command_line: a lease is left"
    clear_disk
    run 0 run "$scratch/full.yaml" --out "$runs"
    same
}
before_fake="$scratch/before" # the float run is done, the other one has not begun
run 0 run "$scratch/full.yaml" --out "$before_fake" --only "$float"

seen=
dump=$(($(stat -c %s "$scratch/whole/full/$fake/dump.h5") / 1024)) # it is written before run.h5
for at in "calibrating 0" "calibrating 64" "collecting 0" "collecting 1000" "wt2 0" "wt2 16" "wt2 400" \
    "wt2 $((dump + 60))" "wt2 $((dump + 120))" "wt2 $((dump + 180))" "wt2 $((dump + 240))"; do
    full_at "$fake" "${at% *}" "${at#* }"
    [ "$failed" -eq 0 ] || seen="$seen $(grep -o '[^ /]*: No space left' <<< "$said" | cut -d: -f1 | sort -u | paste -sd ' ')"
done
for what in journal.bin run.h5 dump.h5 summary.json; do [[ $seen == *"$what"* ]] || fail "$what was never what had no room: $seen"; done
full_at "$float" wt2 0
[ "$failed" -ne 0 ] || fail "a full disk was not noticed"

# ---- what is made of finished runs --------------------------------------------------------------

for left in 0 8 12; do
    rm -f "$runs"/full/sweep.{h5,csv}
    fill "$left"
    run 5 run "$scratch/full.yaml" --out "$runs"
    expect_in_err "No space left on device"
    [ "$left" -eq 0 ] || expect_in_out " done "
    [ "$left" -gt 0 ] || for command in "report $runs/full" "export layers $runs/full/$float"; do
        read -ra words <<< "$command"
        run 5 "${words[@]}" -o "$disk/out.${words[0]/report/html}"
        expect_in_err "No space left on device"
        [ -z "$(find "$disk" -maxdepth 1 -name 'out.*')" ] || fail "$command: left $(ls "$disk")"
    done
    clear_disk
    run 0 run "$scratch/full.yaml" --out "$runs"
    same
done

finish
