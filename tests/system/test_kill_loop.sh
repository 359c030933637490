#!/usr/bin/env bash
# Sweeps on the shipped model, killed at random moments and run again until they are done: what bears a final
# name is whole after every kill, each start goes on where the last one was, nothing is computed twice, and in the
# end all files of results have the bytes of a sweep that nobody disturbed.  One has 24 quantised runs and a float
# one, the other few runs with every stage that a run can have; of the third each run is a process of its own, as
# in a cluster, and is also told to stop.
#
# It prints its seed and what it found.  SSMQ_KILLS=300 kills each of them so often (it begins anew in a fresh
# directory whenever it is done before), SSMQ_SEED repeats the moments.
set -uo pipefail
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"

seed=${SSMQ_SEED:-$$}
kills=${SSMQ_KILLS:-10}
RANDOM=$seed
echo "SSMQ_SEED=$seed SSMQ_KILLS=$kills"

# experiment NAME: NAME.yaml; what it evaluates and compares stands on stdin
experiment() {
    cat > "$scratch/$1.yaml" <<YAML
ssmq: 1
name: $1
model: {path: $PWD/models/tiny-mamba}
calibration: {data: {file: $PWD/configs/data/pile-sample.jsonl.zst}, select: first, count: 6, length: 48, batch: 2}
mode: [float, fake]
recipes:
  naive: $PWD/configs/recipes/naive.yaml
  smooth:
    - {id: s, method: smoothquant, alpha: 0.5}
    - {id: w, method: weights, bits: 8, scope: channel}
    - {id: a, method: activations, bits: 8, scope: tensor, observer: {statistic: mse, across: max}}
  solved:
    - {id: rot, method: hadamard, sites: "layers.*.out_proj.in"}
    - {id: w, method: gptq, bits: 4, sites: "layers.1.out_proj.weight"}
    - {id: a, method: activations, bits: 8, scope: channel, observer: {statistic: quantile, p: 99.95, across: ema}}
    - {id: u, method: activations, sites: "layers.*.scan.x", symmetric: false, observer: {statistic: quantile, p: 99.9, across: mean}}
YAML
    cat >> "$scratch/$1.yaml"
}

# check_sealed NAME FOLDER: every sealed file of results there has the bytes of the one in $whole
check_sealed() {
    local file
    for file in "$2/$1"/*/{run.h5,dump.h5,summary.json}; do
        [ -e "$file" ] || continue
        sealed=$((sealed + 1))
        cmp -s "$file" "$whole/${file#"$2/"}" || fail "after a kill: $file is not what it should be"
    done
}

# check_done NAME FOLDER: the whole of it, when it is done
check_done() {
    local file left journal twice
    for file in "$whole/$1"/{sweep.json,sweep.h5,sweep.csv,*/run.h5,*/dump.h5,*/summary.json}; do
        [[ $file == *dump.h5 && ! -e $file ]] && continue
        cmp "$file" "$2/${file#"$whole/"}" || fail "$file differs after the kills"
    done
    left=$(find "$2" -name lease -o -name '*.part' -o -name journal.bin -o -name journal.sums)
    [ -z "$left" ] || fail "left behind: $left"
    for journal in "$2/$1"/*/journal.jsonl; do
        resumed=$((resumed + $(grep -c '"event": "resumed"' "$journal")))
        twice=$(grep -o '"stage": "[^"]*", "piece": [0-9-]*, "tag": "[^"]*"' "$journal" |
            grep -v ', so far"' | sort | uniq -d)
        [ -z "$twice" ] || fail "computed twice, $journal: $twice"
    done
}

# round NAME FOLDER SPAN: runs the sweep, killed until enough have been, then to its end
round() {
    local status=137 pause victim
    while [ "$status" -eq 137 ]; do
        SSMQ_CACHE="$2/cache" "$SSMQ" run "$scratch/$1.yaml" --out "$2" > "$scratch/out" 2> "$scratch/err" &
        victim=$!
        # Short enough that each round takes several kills, long enough that most hit a run under way.
        pause=$((RANDOM * ($3 / 3 + 100) / 32768))
        [ "$killed" -lt "$kills" ] && sleep "$(printf '%d.%03d' $((pause / 1000)) $((pause % 1000)))" &&
            kill -KILL "$victim" 2> /dev/null && killed=$((killed + 1))
        wait "$victim" 2> /dev/null
        status=$?
        check_sealed "$1" "$2"
    done
    [ "$status" -eq 0 ] || fail "status $status after kills: $(cat "$scratch/err")"
    check_done "$1" "$2"
}

# loop NAME RUNS: its sweep, which has so many runs, killed $kills times
loop() {
    local begun span
    whole="$scratch/whole-$1" killed=0 sealed=0 resumed=0 rounds=0
    begun=$(date +%s%N)
    SSMQ_CACHE="$whole/cache" run 0 run "$scratch/$1.yaml" --out "$whole"
    span=$((($(date +%s%N) - begun) / 1000000))
    [ "$(find "$whole" -name run.h5 | wc -l)" -eq "$2" ] || fail "$1 has not $2 runs"
    while [ "$killed" -lt "$kills" ]; do
        rounds=$((rounds + 1))
        round "$1" "$scratch/killed" "$span"
        rm -rf "$scratch/killed"
    done
    echo "$1: undisturbed $span ms; $killed kills in $rounds rounds, $resumed runs went on from their journals," \
        "$sealed sealed files were looked at after kills"
}

# process NAME FOLDER ID N SPAN: one run of it, with one thread; the moments are those of the N-th
process() {
    local kinds=(KILL TERM USR1) heard=0 pause status=75
    RANDOM=$((seed + $4))
    while [[ $status == 75 || $status -gt 128 ]]; do
        SSMQ_CACHE="$2/cache" "$SSMQ" run "$scratch/$1.yaml" --out "$2" --only "$3" --no-collect --threads 1 \
            > "$scratch/out.$4" 2> "$scratch/err.$4" &
        victim=$!
        pause=$((RANDOM * $5 / 32768))
        if [ "$heard" -lt $(((kills + 3) / 4)) ]; then
            sleep "$(printf '%d.%03d' $((pause / 1000)) $((pause % 1000)))"
            kill -"${kinds[RANDOM % 3]}" "$victim" 2> /dev/null && heard=$((heard + 1))
        fi
        wait "$victim" 2> /dev/null
        status=$?
    done
    echo "$status $heard" > "$scratch/status.$4"
}

# processes NAME RUNS: its sweep by as many processes at once, again and again
processes() {
    local begun span n ended heard id rounds=0 signals=0
    whole="$scratch/whole-$1" resumed=0
    begun=$(date +%s%N)
    SSMQ_CACHE="$whole/cache" run 0 run "$scratch/$1.yaml" --out "$whole"
    span=$((($(date +%s%N) - begun) / 1000000))
    while [ "$signals" -lt "$kills" ]; do
        n=0 rounds=$((rounds + 1))
        for id in "$whole/$1"/*/; do
            n=$((n + 1))
            process "$1" "$scratch/jobs" "$(basename "$id")" $((rounds * 100 + n)) "$span" &
        done
        wait
        [ "$n" -eq "$2" ] || fail "$1 has $n runs, not $2"
        for n in $(seq "$2"); do
            read -r ended heard < "$scratch/status.$((rounds * 100 + n))"
            signals=$((signals + heard))
            [ "$ended" -eq 0 ] || fail "status $ended after signals: $(cat "$scratch/err.$((rounds * 100 + n))")"
        done
        SSMQ_CACHE="$scratch/jobs/cache" run 0 run "$scratch/$1.yaml" --out "$scratch/jobs" --collect-only
        check_done "$1" "$scratch/jobs"
        rm -rf "$scratch/jobs" "$scratch"/{out,err,status}.*
    done
    echo "$1: $signals signals in $rounds rounds of $2 processes, $resumed runs went on from their journals"
}

experiment many <<YAML
compare: {against: float, metrics: [kl, delta-p, top1]}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 128, limit: 3}
sweep:
  seeds: [1, 2, 3, 4, 5, 6, 7, 8]
YAML
loop many 25

experiment stages <<YAML
compare: {against: float, metrics: [kl, delta-p, top1, sqnr], sensitivity: each-on, by: layer, windows: 2,
          interactions: [[rot, a], [s, w]]}
collect: {sites: ["layers.*.scan.x"], statistics: {moments: true, channels: true, quantiles: [50, 99]},
          dump: {sites: ["layers.{0,2}.{scan.x,out_proj.in,scan.A}"], samples: 4, dtype: f16}}
evaluate:
  - {id: wt2, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 128, limit: 5}
  - {id: long, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 200, limit: 3}
YAML
loop stages 4

experiment jobs <<YAML
evaluate:
  - {id: wt2, task: perplexity, data: {file: $PWD/configs/data/wiki.test.raw}, dialect: gptq, window: 512, limit: 12}
YAML
processes jobs 4

finish
