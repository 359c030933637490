# Sourced by tests that need a Slurm: one of their own, on this machine, in the folder $slurm.
# shellcheck shell=bash

# skip REASON: ends the test as one that could not run
skip() {
    echo "skipped: $*"
    exit 77
}

slurm_stop() {
    local pid
    [ -n "${slurm:-}" ] || return 0
    scancel --me 2> /dev/null
    for pid in "$slurm"/slurmctld.pid "$slurm"/slurmd.pid "$slurm"/munged.pid; do
        [ ! -s "$pid" ] || kill "$(cat "$pid" 2> /dev/null)" 2> /dev/null
    done
    for _ in $(seq 100); do # slurmctld writes its state into the folder
        for pid in "$slurm"/slurmctld.pid "$slurm"/slurmd.pid "$slurm"/munged.pid; do
            [ ! -s "$pid" ] || ! kill -0 "$(cat "$pid" 2> /dev/null)" 2> /dev/null || continue 2
        done
        return 0
    done
}

# Jobs of the partition `urgent` end those of `usual`, which have KillWait seconds from SIGTERM to SIGKILL.
slurm_configure() {
    local host port=$((20000 + RANDOM % 20000))
    host=$(hostname -s)
    cat > "$slurm/slurm.conf" << CONF
ClusterName=test
SlurmctldHost=$host(localhost)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$slurm/munge.socket
CredType=cred/munge
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmdPidFile=$slurm/slurmd.pid
SlurmctldLogFile=$slurm/slurmctld.log
SlurmdLogFile=$slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
KillWait=8
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
NodeName=$host NodeAddr=localhost CPUs=$(nproc) State=UNKNOWN
PartitionName=usual Nodes=$host Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=CANCEL GraceTime=0
PartitionName=urgent Nodes=$host MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
CONF
}

slurm_programs() {
    munged --force --key-file="$slurm/key" --socket="$slurm/munge.socket" --pid-file="$slurm/munged.pid" \
        --log-file="$slurm/munged.log" --seed-file="$slurm/seed" &&
        slurmctld -c && slurmd -c
}

# slurm_start DIR: what makes it impossible is a reason to skip the test
slurm_start() {
    local program
    for program in munged slurmctld slurmd sbatch squeue scancel; do
        PATH="$PATH:/usr/sbin" command -v "$program" > /dev/null ||
            skip "there is no $program (Debian: slurm-wlm, munge)"
    done
    PATH="$PATH:/usr/sbin"
    slurm=$1
    mkdir -p "$slurm/state" "$slurm/spool"
    head -c 1024 /dev/urandom > "$slurm/key"
    chmod 600 "$slurm/key"
    slurm_configure
    export SLURM_CONF="$slurm/slurm.conf"
    slurm_programs > "$slurm/start.log" 2>&1 || skip "Slurm does not start: $(cat "$slurm"/*.log | tail -3)"
    for _ in $(seq 100); do
        [[ $(sinfo -h -p usual -o %T 2> /dev/null) == idle ]] && return
        sleep 0.1
    done
    skip "Slurm has no idle node: $(tail -n 3 "$slurm/slurmctld.log" "$slurm/slurmd.log")"
}

# slurm_wait SECONDS: until the queue is empty
slurm_wait() {
    local end=$((SECONDS + $1))
    while [ -n "$(squeue -h)" ]; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}
