#!/usr/bin/env bash
# Sweeps as jobs of a Slurm that this test starts: the results of ssmq run, to the last byte, whatever happens to
# the jobs; what it prints; edits and changed inputs.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
# shellcheck source=tests/support/slurm.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/slurm.sh"
trap 'slurm_stop; rm -rf "$scratch"' EXIT

root=$PWD
cat > "$scratch/sweep.yaml" << YAML
ssmq: 1
name: swept
include: machine.yaml
model: {path: $root/models/tiny-mamba}
calibration: {data: {file: $root/configs/data/pile-sample.jsonl.zst}, select: first, count: 2, length: 64}
mode: [float, fake]
recipe:
  - {id: w, method: weights}
  - {id: a, method: activations}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $root/configs/data/wiki.test.raw}, dialect: gptq, window: 64, limit: 4}
sweep:
  axes:
    bits: {recipe.w.bits: [8, 6, 4]}
YAML
echo 'launch: {partition: usual, time: "10", cpus: 1, memory: 0, options: [--nice=1]}' > "$scratch/machine.yaml"

# ---- what needs no Slurm ------------------------------------------------------------------

run 0 launch slurm "$scratch/sweep.yaml" --out "$scratch/printed" --print --array-limit 2
for line in '#SBATCH --job-name=ssmq-swept' '#SBATCH --partition=usual' '#SBATCH --time=10' '#SBATCH --nice=1' \
    '#SBATCH --signal=B:USR1@120' '#SBATCH --cpus-per-task=1' '# sbatch --parsable --array=0%2 --output=' \
    '# sbatch --parsable --array=1-3%2 --dependency=afterany:JOB --output='; do
    grep -qF -- "$line" <<< "$out" || fail "--print: no '$line': $out"
done
bash -n "$scratch/out" || fail "the script is no bash"
if command -v shellcheck > /dev/null; then shellcheck "$scratch/out" || fail "the script is careless"; fi
[ ! -e "$scratch/printed" ] || fail "--print wrote something"
run 3 check "$scratch/sweep.yaml" --set 'launch.partition=a b'
run 2 launch slurm "$scratch/sweep.yaml" --workers 2
run 2 launch local "$scratch/sweep.yaml" --print
run 0 run "$scratch/sweep.yaml" --out "$scratch/here"
table=$out
run 0 launch local "$scratch/sweep.yaml" --out "$scratch/local" --workers 2
expect_out "$table"

# difference A B: the beginning of what differs in two files
difference() {
    case $1 in
        *.h5) h5diff "$1" "$2" 2>&1 ;;
        *) diff "$1" "$2" ;;
    esac | head -n 20
}

# same A B: what runs and the sweep left in two folders has equal bytes
same() {
    local file n=0
    for file in "$1"/swept/*/{run.h5,summary.json} "$1"/swept/sweep.*; do
        cmp -s "$file" "$2/${file#"$1/"}" || fail "$command_line: $file differs in $2: $(difference "$file" "$2/${file#"$1/"}")"
        n=$((n + 1))
    done
    [ "$n" -eq 11 ] || fail "$n files in $1, not 11"
}
same "$scratch/here" "$scratch/local"

# ---- jobs ---------------------------------------------------------------------------------

slurm_start "$scratch/slurm"

# logs DIR: what all jobs wrote
logs() { cat "$1"/swept/launch/*.log; }

run 0 launch slurm "$scratch/sweep.yaml" --out "$scratch/jobs" --array-limit 2
expect_in_out '1 float run: job '
expect_in_out '3 runs: job '
expect_in_out 'the collection: job '
echo 'nonsense' >> "$scratch/sweep.yaml" # while they are in the queue
slurm_wait 60 || fail "jobs do not end: $(squeue)"
sed -i '$d' "$scratch/sweep.yaml"
same "$scratch/here" "$scratch/jobs"
[ "$(cat "$scratch/jobs/swept/table.txt")" = "$table" ] || fail "the collection's table: $(logs "$scratch/jobs")"
run 0 launch slurm "$scratch/sweep.yaml" --out "$scratch/jobs"
expect_in_err 'all 4 runs are finished: nothing to submit'

# Longer runs, and the job that carries one of them out.
longer=(--set evaluate.wt2.window=1024 --set evaluate.wt2.limit=96)
run 0 run "$scratch/sweep.yaml" "${longer[@]}" --out "$scratch/whole"
long="$scratch/long"

# under_way N: waits until so many runs are being evaluated
under_way() {
    for _ in $(seq 400); do
        [ "$(grep -l '"stage": "wt2"' "$long"/swept/*/status.json 2> /dev/null | wc -l)" -ge "$1" ] && return
        sleep 0.05
    done
    fail "no $1 runs are under way: $(squeue) $(logs "$long")"
}

# A person cancels: nothing is submitted again, the next launch goes on.
run 0 launch slurm "$scratch/sweep.yaml" "${longer[@]}" --out "$long"
under_way 1
run 5 launch slurm "$scratch/sweep.yaml" "${longer[@]}" --out "$long"
expect_in_err 'jobs of this sweep are in the queue: '
scancel --me
slurm_wait 30 || fail "cancelled jobs do not end: $(squeue)"
logs "$long" | grep 'was cancelled, or another process has it; launch again to go on' > /dev/null || fail "cancelled: $(logs "$long")"
grep -q '"status": "stopped"' "$long"/swept/*/status.json || fail "a cancelled run is not stopped"

# Slurm warns of a time limit, and then an urgent job takes the place: both go on by themselves.
run 0 launch slurm "$scratch/sweep.yaml" "${longer[@]}" --out "$long"
under_way 1
scancel --batch --signal=USR1 "$(squeue -h -t R -o %i | head -1)"
for _ in $(seq 200); do
    logs "$long" | grep 'goes on in job' > /dev/null && break
    sleep 0.1
done
until [ "$(squeue -h -t R -o %j | grep -c ssmq)" -gt 0 ] && grep -ql '"stage": "wt2"' "$long"/swept/*/status.json; do
    [ -n "$(squeue -h)" ] || break
    sleep 0.05
done
sbatch --parsable -p urgent --exclusive --output=/dev/null --wrap 'sleep 0.5' > /dev/null
slurm_wait 120 || fail "stopped jobs do not go on: $(squeue)"
[ "$(logs "$long" | grep -c 'goes on in job')" -ge 2 ] || fail "not both went on: $(logs "$long")"
same "$scratch/whole" "$long"

# One that is killed before it hears of its warning, and one whose node fails, script and all: the first is submitted
# again by its script, the second by the collection.
long="$scratch/lost"
run 0 launch slurm "$scratch/sweep.yaml" "${longer[@]}" --out "$long"
# stop_one: sets busy, the process of a run that is being evaluated, which stands still from now on
stop_one() {
    local status
    for _ in $(seq 400); do
        for status in "$long"/swept/*/status.json; do
            grep -qs '"stage": "wt2"' "$status" || continue
            busy=$(sed -n 's/.*"pid": \([0-9]*\).*/\1/p' "$(dirname "$status")/lease" 2> /dev/null)
            [ -n "$busy" ] && kill -STOP "$busy" 2> /dev/null && return
        done
        sleep 0.05
    done
    fail "no run is under way: $(squeue) $(logs "$long")"
}
for lost in program script; do
    stop_one
    if [ "$lost" = program ]; then
        scancel --batch --signal=USR1 "$(squeue -h -t R -o %i | head -1)"
        sleep 1 # until its script has heard it
    else
        kill -KILL "$(ps -o ppid= -p "$busy")"
    fi
    kill -KILL "$busy"
    [ "$lost" = script ] && break
    for _ in $(seq 200); do
        logs "$long" | grep 'goes on in job' > /dev/null && break
        sleep 0.1
    done
    logs "$long" | grep 'goes on in job' > /dev/null || fail "a program that was killed does not go on: $(logs "$long")"
done
slurm_wait 120 || fail "after a loss: $(squeue)"
logs "$long" | grep 'ended without a word, and submitted again: runs [0-3] of the array' > /dev/null ||
    fail "the collection does not miss a run: $(logs "$long")"
same "$scratch/whole" "$long"

# The limit itself, on request, as it takes a minute: Slurm warns of it (up to half a minute before it is to), and what it
# was warned of goes on.  The run is stopped until then, so that it is not through before, on whatever machine.
if [ -n "${SSMQ_SLURM_LIMIT:-}" ]; then
    long="$scratch/limit"
    run 0 launch slurm "$scratch/sweep.yaml" "${longer[@]}" --out "$long" --set 'launch.time="00:01:00"' --set launch.warn=10
    under_way 1
    busy=$(sed -n 's/.*"pid": \([0-9]*\).*/\1/p' "$long"/swept/*/lease)
    kill -STOP "$busy"
    began=$SECONDS
    until grep -q '^ShdPnd:.*[2367abef]..$' "/proc/$busy/status"; do # SIGUSR1, the tenth
        [ $((SECONDS - began)) -lt 120 ] || fail "no warning of the limit: $(squeue)"
        [ $((SECONDS - began)) -lt 120 ] || break
        sleep 0.2
    done
    echo "warned of a limit of 60 s after $((SECONDS - began)) s"
    kill -CONT "$busy"
    slurm_wait 120 || fail "after the limit: $(squeue)"
    logs "$long" | grep 'goes on in job' || fail "after the limit: $(logs "$long")"
    same "$scratch/whole" "$long"
else
    echo "skipped: a time limit that is waited out: SSMQ_SLURM_LIMIT=1 asks for it"
fi

# Inputs that have changed since are refused, and a sweep that lacks runs says so.
cp -r models/tiny-mamba "$scratch/model"
run 0 launch slurm "$scratch/sweep.yaml" --out "$scratch/changed" --set "model.path=$scratch/model" --set 'launch.options=[--begin=now+2]'
printf ' ' >> "$scratch/model/config.json"
slurm_wait 60 || fail "refused jobs do not end: $(squeue)"
logs "$scratch/changed" | grep "$scratch/model/config.json has changed since" > /dev/null || fail "changed inputs: $(logs "$scratch/changed")"

finish
