/* ssmq launch: the runs of an experiment as jobs of Slurm, or in processes of this machine. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/cores.h"
#include "harness/base/file.h"
#include "harness/base/process.h"
#include "harness/base/shell.h"
#include "harness/cli/commands.h"
#include "harness/cli/places.h"
#include "harness/cli/reading.h"
#include "harness/cli/run.h"
#include "harness/run/sweep/launch.h"
#include "harness/run/sweep/snapshot.h"
#include "harness/run/sweep/sweep_files.h"

typedef struct launch_options {
    const char        *out;
    const char *const *set;
    int                array_limit, workers;
    bool               print, cache;
} launch_options;

static const char *const no_limit[] = {"none", NULL}; /* stands for 0 */
static const char *const all_cores[] = {"all", NULL}; /* likewise */

static const ssmq_option launch_table[] = {
    SSMQ_OPTION_OUT(launch_options),
    SSMQ_OPTION_SET(launch_options),
    {"array-limit", offsetof(launch_options, array_limit), SSMQ_OPTION_INT, "none", 1, 1000000, no_limit,
     "slurm: runs at once"},
    {"workers", offsetof(launch_options, workers), SSMQ_OPTION_INT, "all", 1, SSMQ_CORES_MAX, all_cores,
     "local: processes at once; all: one for each processor"},
    {"print", offsetof(launch_options, print), SSMQ_OPTION_BOOL, "false", 0, 0, NULL,
     "slurm: show the script and the commands, and submit nothing"},
    {"cache", offsetof(launch_options, cache), SSMQ_OPTION_BOOL, "true", 0, 0, NULL,
     "calibrate, tokenise and run the float model anew, and keep nothing"},
    {0},
};

/* What is submitted. */
typedef struct submission {
    const ssmq_experiment *e;
    ssmq_launch_request    request;
    ssmq_launch_job        job[SSMQ_LAUNCH_JOBS];
    int32_t                n;
    const char            *folder, *script; /* absolute */
    ssmq_arena            *arena;
} submission;

static ssmq_status absolute(const char *path, ssmq_arena *arena, const char **out)
{
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here)) return SSMQ_FAIL(IO, "the current directory has no name");
    *out = path[0] == '/' ? path : ssmq_arena_printf(arena, "%s/%s", here, path);
    return SSMQ_OK;
}

/* Those that are not finished. */
static ssmq_status choose_runs(submission *s, int32_t *left)
{
    const ssmq_run_request request = {.out = s->request.out};
    ssmq_outcome          *outcome = SSMQ_ARENA_ARRAY(s->arena, ssmq_outcome, s->e->n_run);
    int32_t               *run = SSMQ_ARENA_ARRAY(s->arena, int32_t, s->e->n_run);
    SSMQ_TRY(ssmq_experiment_look(s->e, &request, s->arena, outcome));
    *left = 0;
    for (int32_t i = 0; i < s->e->n_run; i++)
        if (!outcome[i].skipped) run[(*left)++] = i;
    s->request.run = run;
    s->request.n_run = *left;
    return SSMQ_OK;
}

static ssmq_status prepare(const launch_options *o, const ssmq_experiment *e, ssmq_arena *arena, submission *s)
{
    ssmq_places places;
    char        program[PATH_MAX];
    int32_t     left = 0;
    *s = (submission){.e = e, .arena = arena};
    SSMQ_TRY(ssmq_places_find(o->out, o->cache, arena, &places));
    SSMQ_TRY(absolute(places.out, arena, &s->request.out));
    if (!realpath("/proc/self/exe", program)) return SSMQ_FAIL(IO, "the program's own file cannot be found");
    s->request.program = ssmq_arena_strdup(arena, program);
    s->request.cache = o->cache;
    s->request.array_limit = o->array_limit;
    SSMQ_TRY(ssmq_experiment_snapshot(e, s->request.out, !o->print, arena, &s->request.snapshot));
    SSMQ_TRY(choose_runs(s, &left));
    const char *digest = strrchr(s->request.snapshot, '/') + 1;
    s->folder = ssmq_arena_printf(arena, "%s/%s/launch", s->request.out, e->name);
    s->script = ssmq_arena_printf(arena, "%s/%.*s.sh", s->folder, (int)(strcspn(digest, ".")), digest);
    s->n = left > 0 ? ssmq_launch_jobs(e, &s->request, arena, s->job) : 0;
    return SSMQ_OK;
}

/* ---- sbatch -------------------------------------------------------------------------------- */

/* before: the number of the job that is waited for, where there is one. */
static const char *const *command(const submission *s, const ssmq_launch_job *j, const char *before)
{
    const char **a = SSMQ_ARENA_ARRAY(s->arena, const char *, 8);
    int32_t      n = 0;
    a[n++] = "sbatch";
    a[n++] = "--parsable";
    if (j->array) a[n++] = ssmq_arena_printf(s->arena, "--array=%s", j->array);
    if (j->after) a[n++] = ssmq_arena_printf(s->arena, "--dependency=afterany:%s", before);
    a[n++] = ssmq_arena_printf(s->arena, "--output=%s/%s.log", s->folder, j->array ? "%A_%a" : "%j");
    a[n++] = s->script;
    a[n++] = j->argument;
    return a;
}

static void print_all(const submission *s, FILE *out)
{
    ssmq_str text = {0};
    ssmq_launch_script(s->e, &s->request, &text);
    for (int32_t i = 0; i < s->n; i++) {
        const char *const *a = command(s, &s->job[i], "JOB");
        ssmq_str_puts(&text, i ? "#" : "\n# Submitted as, JOB being what the line before prints:\n#");
        for (; *a; a++) ssmq_shell_word(*a, &text);
        ssmq_str_puts(&text, "\n");
    }
    fputs(ssmq_str_text(&text), out);
    ssmq_str_free(&text);
}

/* "1234;cluster" to "1234". */
static ssmq_status submit(const submission *s, const ssmq_launch_job *j, const char *before, const char **number)
{
    ssmq_str text = {0};
    int      status = 0;
    SSMQ_TRY(ssmq_process_output(command(s, j, before), &text, &status));
    *number = ssmq_arena_strndup(s->arena, ssmq_str_text(&text), strcspn(ssmq_str_text(&text), ";\n"));
    ssmq_str_free(&text);
    if (status != 0) return SSMQ_FAIL(IO, "%s: sbatch refused it, with status %d", j->what, status);
    if (!**number || (*number)[strspn(*number, "0123456789")])
        return SSMQ_FAIL(IO, "%s: sbatch gave '%s' for a job number", j->what, *number);
    return SSMQ_OK;
}

static ssmq_status write_script(const submission *s)
{
    ssmq_str text = {0};
    ssmq_launch_script(s->e, &s->request, &text);
    ssmq_status st = ssmq_make_directory(s->folder);
    if (st == SSMQ_OK) st = ssmq_file_write(s->script, ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    return st;
}

/* Refuses to submit runs a second time. */
static ssmq_status check_queue(const submission *s)
{
    const char *const argument[] = {"squeue", "-h", "--me", "-o", "%A %o", NULL};
    const char       *folder = ssmq_arena_printf(s->arena, " %s/", s->folder), *numbers = "";
    ssmq_str          text = {0};
    int               status = 0;
    SSMQ_TRY(ssmq_process_output(argument, &text, &status));
    char *rest = NULL, *all = ssmq_arena_strdup(s->arena, ssmq_str_text(&text));
    ssmq_str_free(&text);
    if (status == 127) return SSMQ_FAIL(IO, "there is no squeue: Slurm is not installed here");
    for (char *line = strtok_r(all, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (strstr(line, folder))
            numbers = ssmq_arena_printf(s->arena, "%s %.*s", numbers, (int)strcspn(line, " "), line);
    if (!*numbers) return SSMQ_OK;
    return SSMQ_FAIL(IO, "jobs of this sweep are in the queue:%s; wait for them, or scancel them", numbers);
}

static ssmq_status submit_all(const submission *s, FILE *out)
{
    const char *before = "";
    SSMQ_TRY(check_queue(s));
    SSMQ_TRY(ssmq_sweep_freeze(s->e, s->request.out));
    SSMQ_TRY(write_script(s));
    for (int32_t i = 0; i < s->n; i++) {
        SSMQ_TRY(submit(s, &s->job[i], before, &before));
        fprintf(out, "%s: job %s\n", s->job[i].what, before);
    }
    fprintf(stderr, "%d of %d runs are submitted; logs in %s\n", s->request.n_run, s->e->n_run, s->folder);
    return SSMQ_OK;
}

static ssmq_status launch_slurm(const launch_options *o, const ssmq_experiment *e, FILE *out)
{
    ssmq_arena *arena = ssmq_arena_new();
    submission  s;
    ssmq_status st = prepare(o, e, arena, &s);
    if (st == SSMQ_OK && s.n == 0)
        fprintf(stderr, "all %d runs are finished: nothing to submit\n", e->n_run);
    else if (st == SSMQ_OK && o->print) print_all(&s, out);
    else if (st == SSMQ_OK) st = submit_all(&s, out);
    ssmq_arena_free(arena);
    return st;
}

/* ---- the command --------------------------------------------------------------------------- */

static ssmq_status launch_local(const launch_options *o, const char *file, const ssmq_catalogue *cat, FILE *out)
{
    ssmq_cores cores;
    ssmq_cores_allowed(&cores);
    if (o->print || o->array_limit) return SSMQ_FAIL(USAGE, "--print and --array-limit are of launch slurm");
    return ssmq_run_local(file, o->set, o->out, o->workers ? o->workers : cores.n, o->cache, cat, out);
}

static ssmq_status launch_run(const void *options, int n_operand, const char *const *operand,
                              const ssmq_catalogue *cat, FILE *out)
{
    const launch_options *o = options;
    ssmq_experiment      *e;
    (void)n_operand;
    if (strcmp(operand[0], "local") == 0) return launch_local(o, operand[1], cat, out);
    if (o->workers) return SSMQ_FAIL(USAGE, "--workers is of launch local");
    SSMQ_TRY(ssmq_command_read(operand[1], o->set, cat, &e));
    const ssmq_status st = launch_slurm(o, e, out);
    ssmq_experiment_free(e);
    return st;
}

const ssmq_command ssmq_command_launch = {
    .name = "launch",
    .operands = "slurm|local FILE",
    .help = "carry the runs of an experiment out as jobs of Slurm, or in processes of this machine",
    .options = launch_table,
    .options_size = sizeof(launch_options),
    .run = launch_run,
    .details =
        "slurm submits a job array over the runs that are not finished, each a job of its own, float runs first, "
        "and a job that collects the results.  A run that is stopped by its time limit or a pre-emption is submitted "
        "again and goes on; one that is cancelled goes on with the next launch.  The experiment's key `launch` says "
        "what each run asks the cluster for.  Jobs read a snapshot of the experiment: edits do not matter to them, and "
        "where inputs have changed they end with status 4.",
};
