/* ssmq run: an experiment from its YAML file to a table. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/cores.h"
#include "harness/cli/commands.h"
#include "harness/cli/places.h"
#include "harness/cli/progress.h"
#include "harness/cli/reading.h"
#include "harness/cli/report.h"
#include "harness/cli/report_expect.h"
#include "harness/cli/run.h"
#include "harness/run/run.h"
#include "harness/store/host.h"
#include "harness/store/score_figures.h"

typedef struct run_options {
    const char        *out;
    const char *const *set;
    const char *const *only;
    int                format; /* index into formats */
    int                max_failures;
    int                retries;
    bool               fail_fast;
    int                workers, threads;
    int                progress; /* index into progresses */
    bool               cache;
    bool               collect, collect_only;
} run_options;

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };
static const char *const progresses[] = {"auto", "none", NULL};
enum { PROGRESS_AUTO, PROGRESS_NONE };
static const char *const no_limit[] = {"none", NULL}; /* stands for 0 */

static const ssmq_option run_table[] = {
    SSMQ_OPTION_OUT(run_options),
    SSMQ_OPTION_SET(run_options),
    {"format", offsetof(run_options, format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats,
     "of the results on standard output"},
    {"only", offsetof(run_options, only), SSMQ_OPTION_LIST, "", 0, 0, NULL,
     "ID: run this one alone of the runs that ssmq check lists; several times for several"},
    {"max-failures", offsetof(run_options, max_failures), SSMQ_OPTION_INT, "none", 1, 1000000, no_limit,
     "start no further run after so many have failed"},
    {"fail-fast", offsetof(run_options, fail_fast), SSMQ_OPTION_BOOL, "false", 0, 0, NULL,
     "the same after the first failure"},
    {"retries", offsetof(run_options, retries), SSMQ_OPTION_INT, "0", 0, 1000, NULL,
     "how often a run is tried again that failed for want of room, memory, a file, or whose process crashed"},
    {"workers", offsetof(run_options, workers), SSMQ_OPTION_INT, "none", 1, SSMQ_CORES_MAX, no_limit,
     "carry runs out in so many processes at once, each with its part of the processors"},
    {"threads", offsetof(run_options, threads), SSMQ_OPTION_INT, "none", 1, SSMQ_CORES_MAX, no_limit,
     "in place of run.threads; no number depends on it"},
    {"progress", offsetof(run_options, progress), SSMQ_OPTION_CHOICE, "auto", 0, 0, progresses,
     "auto: tell on standard error how far it is; none: warnings and failures only"},
    {"collect", offsetof(run_options, collect), SSMQ_OPTION_BOOL, "true", 0, 0, NULL,
     "write sweep.json, sweep.h5 and sweep.csv: not where several processes share a sweep, and one does it for all"},
    {"collect-only", offsetof(run_options, collect_only), SSMQ_OPTION_BOOL, "false", 0, 0, NULL,
     "run nothing: print and collect what other processes have finished; 75: some are not finished"},
    {"cache", offsetof(run_options, cache), SSMQ_OPTION_BOOL, "true", 0, 0, NULL,
     "calibrate, tokenise and run the float model anew: take nothing from earlier runs, only tokens from run to run, and "
     "keep nothing"},
    {0},
};

/* ---- what is told while it runs -------------------------------------------------------- */

typedef struct teller {
    ssmq_progress *progress;
    char           prefix[160]; /* "[2/3] fake naive" */
    char           task[256];
    const ssmq_run *first;  /* of the experiment */
    int32_t       *place;  /* [n_run] in the order in which they are started, from 1 */
    int32_t        n;      /* that are started */
    bool           workers, silent;
} teller;

static void task_begin(void *context, const char *task, const char *unit)
{
    teller *t = context;
    snprintf(t->task, sizeof t->task, "%s%s%s", t->prefix, t->prefix[0] ? ": " : "", task);
    ssmq_progress_begin(t->progress, t->task, unit);
}

static void task_update(void *context, int64_t done, double fraction)
{
    ssmq_progress_update(((teller *)context)->progress, done, fraction);
}

static void task_end(void *context)
{
    ssmq_progress_end(((teller *)context)->progress);
}

static void name_run(teller *t, const ssmq_run *run)
{
    snprintf(t->prefix, sizeof t->prefix, "[%d/%d] %s", t->place[run - t->first], t->n, run->name);
}

static void run_starting(void *context, const ssmq_run *run, int32_t index, int32_t n)
{
    teller *t = context;
    t->place[run - t->first] = index + 1;
    t->n = n;
    name_run(t, run);
    if (t->workers) fprintf(stderr, "%s: started\n", t->prefix);
}

static void run_said(void *context, const ssmq_run *run, const char *line)
{
    teller *t = context;
    name_run(t, run);
    fprintf(stderr, "%s: %s\n", t->prefix, line);
}

/* The figures of a run, as they arrive. */
static void say_figures(const teller *t, const ssmq_summary *s)
{
    char ppl[SSMQ_PPL_TEXT];
    fprintf(stderr, "%s: %s", t->prefix, s->status);
    for (int32_t i = 0; i < s->n_evaluation; i++) {
        ssmq_ppl_text(s->evaluation[i].score.ppl, ppl);
        fprintf(stderr, ", %s ppl %s", s->evaluation[i].id, ppl);
    }
    fputs("\n", stderr);
}

static void run_ended(void *context, const ssmq_run *run, const ssmq_outcome *o)
{
    teller *t = context;
    ssmq_progress_clear(t->progress);
    if (t->silent) return;
    name_run(t, run);
    if (o->skipped)
        fprintf(stderr, "%s: finished before, not run again (%s)\n", t->prefix, o->path);
    else if (o->status == SSMQ_ERR_HELD)
        fprintf(stderr, "%s: held by another process: %s\n", t->prefix, o->summary.reason);
    else if (o->status != SSMQ_OK)
        fprintf(stderr, "%s: %s%s%s\n", t->prefix, o->status == SSMQ_ERR_STOPPED ? "" : o->summary.status,
                o->status == SSMQ_ERR_STOPPED ? "" : ": ", o->summary.reason);
    else if (t->workers) say_figures(t, &o->summary);
}

/* ---- running --------------------------------------------------------------------------- */

/* The command line as it is recorded: what was given, in one order. */
static const char **command_line(const run_options *o, const char *file, ssmq_arena *arena,
                                 int32_t *n)
{
    int32_t sets = 0, only = 0;
    while (o->set && o->set[sets]) sets++;
    while (o->only && o->only[only]) only++;
    const char **line = SSMQ_ARENA_ARRAY(arena, const char *, 10 + 2 * (sets + only));
    int32_t      at = 0;
    line[at++] = "ssmq";
    line[at++] = "run";
    line[at++] = file;
    for (int32_t i = 0; i < sets; i++) {
        line[at++] = "--set";
        line[at++] = o->set[i];
    }
    for (int32_t i = 0; i < only; i++) {
        line[at++] = "--only";
        line[at++] = o->only[i];
    }
    if (o->out) {
        line[at++] = "--out";
        line[at++] = o->out;
    }
    if (!o->cache) line[at++] = "--no-cache";
    if (o->threads > 0) {
        line[at++] = "--threads";
        line[at++] = ssmq_arena_printf(arena, "%d", o->threads);
    }
    if (o->workers > 0) {
        line[at++] = "--workers";
        line[at++] = ssmq_arena_printf(arena, "%d", o->workers);
    }
    *n = at;
    return line;
}

/* What was run, of all that the experiment has. */
typedef struct finished {
    ssmq_summary      *run;
    ssmq_finished_run *at;
    int32_t           *index;
    int32_t            n;
} finished;

static finished finished_runs(const ssmq_experiment *e, const ssmq_outcome *outcome, ssmq_arena *arena)
{
    finished f = {.run = SSMQ_ARENA_ARRAY(arena, ssmq_summary, e->n_run),
                  .at = SSMQ_ARENA_ARRAY(arena, ssmq_finished_run, e->n_run),
                  .index = SSMQ_ARENA_ARRAY(arena, int32_t, e->n_run)};
    for (int32_t i = 0; i < e->n_run; i++) {
        if (outcome[i].other) continue;
        f.run[f.n] = outcome[i].summary;
        f.at[f.n] = (ssmq_finished_run){.summary = &f.run[f.n], .directory = outcome[i].path};
        f.index[f.n++] = i;
    }
    return f;
}

static void print_outcomes(const run_options *o, const ssmq_experiment *e, const ssmq_outcome *outcome,
                           ssmq_arena *arena, FILE *out)
{
    ssmq_str         text = {0};
    ssmq_json_writer w = {.out = &text};
    const finished   f = finished_runs(e, outcome, arena);
    const ssmq_rows  rows = ssmq_rows_of_experiment(e, f.index, f.n, arena);
    const int32_t    outside = ssmq_report_outside(f.run, f.n, &rows);
    if (o->format == FORMAT_JSON) {
        ssmq_json_begin_object(&w, NULL);
        ssmq_report_put_runs(&w, f.at, f.n, &rows);
        ssmq_json_end_object(&w);
    } else {
        ssmq_report_text(f.run, f.n, &rows, &text);
        ssmq_report_ranking(f.at, f.n, &text);
    }
    fputs(ssmq_str_text(&text), out);
    fflush(out); /* the table stands before what is said about it */
    if (outside > 0)
        fprintf(stderr, "warning: %d figure%s outside of what was expected\n", outside,
                outside == 1 ? " lies" : "s lie");
    ssmq_str_free(&text);
}

/* Runs that were asked for, and not started because others failed. */
static int32_t not_started(const run_options *o, const ssmq_experiment *e, const ssmq_outcome *outcome)
{
    int32_t n = 0;
    for (int32_t i = 0; i < e->n_run; i++) n += outcome[i].other;
    return o->only && o->only[0] ? 0 : n;
}

/* Before anything runs: what dumps will take. */
static void say_dump(const ssmq_experiment *e)
{
    char          size[SSMQ_SIZE_TEXT];
    int32_t       n;
    const int64_t bytes = ssmq_experiment_dump_bytes(e, &n);
    if (n == 0) return;
    ssmq_size_approximate(bytes, size);
    fprintf(stderr, "dump.h5 of each of %d run%s takes up to %s, in memory until it is written\n", n,
            n == 1 ? "" : "s", size);
}

static ssmq_status run_experiment(const run_options *o, const ssmq_experiment *e,
                                  const ssmq_catalogue *cat, const ssmq_log *log, FILE *out)
{
    ssmq_arena  *arena = ssmq_arena_new();
    ssmq_places  places;
    ssmq_status  st = ssmq_places_find(o->out, o->cache, arena, &places);
    if (st != SSMQ_OK) {
        ssmq_arena_free(arena);
        return st;
    }
    ssmq_run_request request = {.out = places.out,
                                .cache = places.cache,
                                .variable = places.variable,
                                .n_variable = places.n_variable};
    const ssmq_progress_style style = ssmq_progress_style_of(stderr);
    teller                    t = {.progress = o->progress == PROGRESS_NONE ? NULL : ssmq_progress_new(&style),
                                   .first = e->run,
                                   .place = SSMQ_ARENA_ARRAY(arena, int32_t, e->n_run),
                                   .workers = o->workers > 0,
                                   .silent = o->progress == PROGRESS_NONE};
    const ssmq_listener       listener = {.context = &t,
                                          .log = log,
                                          .begin = task_begin,
                                          .update = task_update,
                                          .end = task_end,
                                          .signal = ssmq_interrupt_signal()};
    ssmq_outcome *outcome = SSMQ_ARENA_ARRAY(arena, ssmq_outcome, e->n_run);
    request.argument = command_line(o, e->path, arena, &request.n_argument);
    request.listener = &listener;
    request.context = &t;
    request.starting = run_starting;
    request.ended = run_ended;
    request.said = run_said;
    request.workers = o->workers;
    request.threads = o->threads;
    request.no_collect = !o->collect;
    if (!t.silent) say_dump(e);
    ssmq_interrupt_catch();
    request.only = o->only;
    request.retries = o->retries;
    request.max_failures = o->fail_fast ? 1 : o->max_failures;
    st = o->collect_only ? ssmq_experiment_collect(e, &request, arena, outcome)
                         : ssmq_experiment_run(e, cat, &request, arena, outcome);
    ssmq_progress_free(t.progress);
    print_outcomes(o, e, outcome, arena, out);
    const int32_t left = not_started(o, e, outcome);
    if (st != SSMQ_OK && left > 0 && left < e->n_run)
        fprintf(stderr, "%d run%s not started%s\n", left, left == 1 ? " was" : "s were",
                st == SSMQ_ERR_STOPPED ? "" : ": enough have failed");
    if (st == SSMQ_OK && !t.silent)
        fprintf(stderr, "results in %s/%s; peak memory %.0f MiB\n", request.out, e->name,
                (double)ssmq_peak_rss_bytes() / 0x1p20);
    ssmq_arena_free(arena);
    return st;
}

static ssmq_status read_and_run(const run_options *o, const char *file, const ssmq_catalogue *cat, FILE *out)
{
    ssmq_log         log;
    ssmq_experiment *e;
    SSMQ_TRY(ssmq_command_log(&log));
    SSMQ_TRY(ssmq_command_read(file, o->set, cat, &e));
    const ssmq_status st = run_experiment(o, e, cat, &log, out);
    ssmq_experiment_free(e);
    return st;
}

ssmq_status ssmq_run_local(const char *file, const char *const *set, const char *folder, int workers, bool cache,
                           const ssmq_catalogue *cat, FILE *out)
{
    const run_options o = {
        .out = folder, .set = set, .workers = workers, .cache = cache, .collect = true};
    return read_and_run(&o, file, cat, out);
}

static ssmq_status run_run(const void *options, int n_operand, const char *const *operand,
                           const ssmq_catalogue *cat, FILE *out)
{
    (void)n_operand;
    return read_and_run(options, operand[0], cat, out);
}

const ssmq_command ssmq_command_run = {
    .name = "run",
    .operands = "FILE",
    .help = "run an experiment and print its results",
    .options = run_table,
    .options_size = sizeof(run_options),
    .run = run_run,
};
