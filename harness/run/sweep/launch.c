#include "harness/run/sweep/launch.h"
#include <inttypes.h>
#include <string.h>
#include "harness/base/shell.h"

#define MIB ((int64_t)1 << 20)

/* ---- the script ---------------------------------------------------------------------------- */

static void put_text_option(ssmq_str *out, const char *name, const char *value)
{
    if (value) ssmq_str_printf(out, "#SBATCH --%s=%s\n", name, value);
}

/* What Slurm reads before the first command. */
static void put_options(const ssmq_experiment *e, ssmq_str *out)
{
    const ssmq_launch_spec *l = &e->launch;
    ssmq_str_printf(out, "#SBATCH --job-name=ssmq-%s\n", e->name);
    put_text_option(out, "partition", l->partition);
    put_text_option(out, "account", l->account);
    put_text_option(out, "qos", l->qos);
    put_text_option(out, "time", l->time);
    if (l->memory > 0) ssmq_str_printf(out, "#SBATCH --mem=%" PRId64 "M\n", (l->memory + MIB - 1) / MIB);
    ssmq_str_printf(out, "#SBATCH --cpus-per-task=%d\n", l->cpus);
    ssmq_str_printf(out, "#SBATCH --signal=B:USR1@%d\n", l->warn);
    ssmq_str_puts(out, "#SBATCH --no-requeue\n#SBATCH --open-mode=append\n");
    for (const char *const *o = l->options; o && *o; o++) ssmq_str_printf(out, "#SBATCH %s\n", *o);
}

static void put_variable(ssmq_str *out, const char *name, const char *value)
{
    ssmq_str word = {0};
    ssmq_shell_word(value, &word);
    ssmq_str_printf(out, "%s=%s\n", name, ssmq_str_text(&word) + 1); /* without the blank */
    ssmq_str_free(&word);
}

static void put_variables(const ssmq_experiment *e, const ssmq_launch_request *r, ssmq_str *out)
{
    put_variable(out, "program", r->program);
    put_variable(out, "snapshot", r->snapshot);
    put_variable(out, "out", r->out);
    put_variable(out, "name", e->name);
    ssmq_str_printf(out, "cache=%s\nresubmit=%d\n", r->cache ? "--cache" : "--no-cache", e->launch.resubmit);
    ssmq_str_puts(out, "ids=(");
    for (int32_t i = 0; i < e->n_run; i++) ssmq_str_printf(out, "%s%s", i % 4 ? " " : "\n    ", e->run[i].id);
    ssmq_str_puts(out, "\n)\n");
}

/* Slurm sends USR1 to this script alone, TERM to it and what it started; bash hears of either only once it waits.
 * Under REQUEUE a pre-empted job would be begun again beside the one submitted here, hence --no-requeue.  What a
 * signal meets before it is listened to, dies of it. */
static const char traps[] =
    "what=$1 attempt=${2:-0} warned=no heard=no child=\n"
    "trap 'warned=yes heard=yes; [ -z \"$child\" ] || kill -USR1 \"$child\"' USR1\n"
    "trap 'heard=yes; [ -z \"$child\" ] || kill -TERM \"$child\"' TERM\n"
    "\n";

static const char body[] =
    "script=$out/$name/launch/$(basename \"$snapshot\" .json).sh\n"
    "logs=$out/$name/launch\n"
    "\n"
    "# ssmq run ARG...: in the background, so that signals are heard; its exit status is in $status\n"
    "run() {\n"
    "    local now\n"
    "    \"$program\" run \"$snapshot\" --out \"$out\" --threads \"${SLURM_CPUS_PER_TASK:-1}\" \"$cache\" \"$@\" &\n"
    "    child=$! heard=yes\n"
    "    while [ \"$heard\" = yes ]; do # a signal ends wait, not what it waits for\n"
    "        heard=no now=0\n"
    "        wait \"$child\" || now=$?\n"
    "        [ \"$now\" -eq 127 ] || status=$now # 127: it has told the status before\n"
    "    done\n"
    "    child=\n"
    "}\n"
    "\n"
    "# Was it told to end by its time limit or a pre-emption, and not by a person?\n"
    "is_to_go_on() {\n"
    "    [ \"$warned\" = yes ] ||\n"
    "        scontrol show job -o \"$SLURM_JOB_ID\" | grep -q ' PreemptTime=[0-9]'\n"
    "}\n"
    "\n"
    "# leave STATUS WHY: this run is not submitted again\n"
    "leave() {\n"
    "    touch \"$logs/$id.left\"\n"
    "    echo \"run $id $2\" >&2\n"
    "    exit \"$1\"\n"
    "}\n"
    "\n"
    "run_one() {\n"
    "    local id=${ids[SLURM_ARRAY_TASK_ID]} next\n"
    "    rm -f \"$logs/$id.left\"\n"
    "    run --only \"$id\" --no-collect\n"
    "    [ \"$status\" -eq 75 ] || [ \"$status\" -gt 128 ] || exit \"$status\" # else stopped, or ended by a signal\n"
    "    if is_to_go_on; then\n"
    "        [ \"$attempt\" -lt \"$resubmit\" ] ||\n"
    "            leave \"$status\" \"was stopped and is not submitted again: it was $resubmit times\"\n"
    "        next=$(sbatch --parsable --array=\"$SLURM_ARRAY_TASK_ID\" --output=\"$logs/%A_%a.log\" \"$script\" run $((attempt + 1))) &&\n"
    "            echo \"run $id goes on in job $next\" >&2\n"
    "        exit 75\n"
    "    fi\n"
    "    [ \"$status\" -eq 75 ] || leave \"$status\" \"was killed by signal $((status - 128)); launch again to go on\"\n"
    "    leave 75 \"was cancelled, or another process has it; launch again to go on\"\n"
    "}\n"
    "\n"
    "# has STATUS INDEX: is that what a run says of itself?\n"
    "has() { grep -qs \"\\\"status\\\": \\\"$1\\\"\" \"$out/$name/${ids[$2]}/status.json\"; }\n"
    "\n"
    "# Runs that ended without a word, now that no job of theirs is left: their node failed, or the cluster took it before\n"
    "# this script had begun.\n"
    "lost() {\n"
    "    local i state\n"
    "    local -A last\n"
    "    while read -r _ i state _; do last[$i]=$state; done < <(\n"
    "        squeue -h --me -t all -o '%A %K %T %o' | grep -F \" $script run\" | sort -n)\n"
    "    for i in \"${!ids[@]}\"; do\n"
    "        [ ! -e \"$logs/${ids[i]}.left\" ] || continue\n"
    "        case ${last[$i]:-} in\n"
    "            CANCELLED | OUT_OF_MEMORY) ;;\n"
    "            PREEMPTED | NODE_FAIL | BOOT_FAIL | TIMEOUT) has 'done' \"$i\" || has failed \"$i\" || echo \"$i\" ;;\n"
    "            *) ! has running \"$i\" || echo \"$i\" ;;\n"
    "        esac\n"
    "    done\n"
    "}\n"
    "\n"
    "# after JOBS: collects once they have ended\n"
    "after() { sbatch --parsable --dependency=\"afterany:$1\" --output=\"$logs/%j.log\" \"$script\" collect \"$attempt\"; }\n"
    "\n"
    "# Runs that were submitted again are waited for by another job.\n"
    "collect() {\n"
    "    local others again next\n"
    "    others=$(squeue -h --me -o '%A %o' | grep -F \" $logs/\" | cut -d ' ' -f 1 | grep -vx \"$SLURM_JOB_ID\" | sort -u | paste -sd:)\n"
    "    if [ -n \"$others\" ]; then\n"
    "        after \"$others\"\n"
    "        exit\n"
    "    fi\n"
    "    again=$(lost | paste -sd,)\n"
    "    if [ -n \"$again\" ] && [ \"$attempt\" -lt \"$resubmit\" ]; then\n"
    "        attempt=$((attempt + 1))\n"
    "        next=$(sbatch --parsable --array=\"$again\" --output=\"$logs/%A_%a.log\" \"$script\" run \"$attempt\") || exit\n"
    "        echo \"ended without a word, and submitted again: runs $again of the array, in job $next\" >&2\n"
    "        after \"$next\"\n"
    "        exit\n"
    "    fi\n"
    "    run --collect-only > \"$out/$name/table.txt\"\n"
    "    cat \"$out/$name/table.txt\"\n"
    "    exit \"$status\"\n"
    "}\n"
    "\n"
    "case $what in\n"
    "    run) run_one ;;\n"
    "    collect) collect ;;\n"
    "esac\n";

void ssmq_launch_script(const ssmq_experiment *e, const ssmq_launch_request *r, ssmq_str *out)
{
    ssmq_str_puts(out, "#!/bin/bash\n# Written by `ssmq launch slurm`: one run of a sweep, or the collection of all.\n");
    put_options(e, out);
    ssmq_str_puts(out, "set -u\n");
    ssmq_str_puts(out, traps);
    put_variables(e, r, out);
    ssmq_str_puts(out, body);
}

/* ---- the jobs ------------------------------------------------------------------------------ */

/* "1,3-8%4" of ascending indices. */
static const char *array_of(const int32_t *index, int32_t n, int32_t limit, ssmq_arena *arena)
{
    ssmq_str text = {0};
    for (int32_t i = 0; i < n;) {
        int32_t end = i + 1;
        while (end < n && index[end] == index[end - 1] + 1) end++;
        ssmq_str_printf(&text, "%s%d", i ? "," : "", index[i]);
        if (end - i > 1) ssmq_str_printf(&text, "-%d", index[end - 1]);
        i = end;
    }
    if (limit > 0) ssmq_str_printf(&text, "%%%d", limit);
    const char *copy = ssmq_arena_strdup(arena, ssmq_str_text(&text));
    ssmq_str_free(&text);
    return copy;
}

static ssmq_launch_job array_job(const ssmq_launch_request *r, const int32_t *index, int32_t n, const char *what,
                                 ssmq_arena *arena)
{
    return (ssmq_launch_job){.what = ssmq_arena_printf(arena, "%d %s%s", n, what, n == 1 ? "" : "s"),
                             .array = array_of(index, n, r->array_limit, arena),
                             .argument = "run",
                             .n_run = n};
}

int32_t ssmq_launch_jobs(const ssmq_experiment *e, const ssmq_launch_request *r, ssmq_arena *arena,
                         ssmq_launch_job job[SSMQ_LAUNCH_JOBS])
{
    int32_t *first = SSMQ_ARENA_ARRAY(arena, int32_t, r->n_run), *then = SSMQ_ARENA_ARRAY(arena, int32_t, r->n_run);
    int32_t  n_first = 0, n_then = 0, n = 0;
    bool    *wanted = SSMQ_ARENA_ARRAY(arena, bool, e->n_run); /* by another that is to be carried out */
    for (int32_t i = 0; i < r->n_run; i++)
        if (ssmq_waits_for(e, r->run[i]) >= 0) wanted[ssmq_waits_for(e, r->run[i])] = true;
    for (int32_t i = 0; i < r->n_run; i++) {
        if (wanted[r->run[i]]) first[n_first++] = r->run[i];
        else then[n_then++] = r->run[i];
    }
    if (n_first > 0) job[n++] = array_job(r, first, n_first, "float run", arena);
    if (n_then > 0) {
        job[n] = array_job(r, then, n_then, "run", arena);
        job[n++].after = n_first > 0;
    }
    job[n++] = (ssmq_launch_job){.what = "the collection", .after = n_then + n_first > 0, .argument = "collect"};
    return n;
}
