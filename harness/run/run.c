#include "harness/run/run.h"
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/clock.h"
#include "harness/run/execute.h"
#include "harness/run/session.h"
#include "harness/store/rundir.h"

/* Results of a run take little: scales, one number per window and per sample and site. */
#define ROOM_BYTES ((int64_t)16 << 20)

/* One run under way. */
typedef struct job {
    const ssmq_experiment  *e;
    const ssmq_run         *run;
    const ssmq_run_request *request;
    ssmq_session           *session;
    ssmq_rundir            *dir;
    ssmq_arena             *arena;
    char                    started[SSMQ_UTC_TEXT];
    double                  wall, cpu; /* clocks at the start, seconds */
    ssmq_status             lease;     /* IO once the lease was lost   */
} job;

/* ---- while it runs --------------------------------------------------------------------- */

/* Every sign of life goes to the lease and on to whoever listens. */
static void job_begin(void *context, const char *task, const char *unit)
{
    const job *j = context;
    ssmq_tell_begin(j->request->listener, task, unit);
}

static void job_update(void *context, int64_t done, double fraction)
{
    job *j = context;
    if (j->lease == SSMQ_OK) j->lease = ssmq_rundir_beat(j->dir);
    ssmq_tell_update(j->request->listener, done, fraction);
}

static void job_end(void *context)
{
    const job *j = context;
    ssmq_tell_end(j->request->listener);
}

static const ssmq_log *log_of(const job *j)
{
    return j->request->listener ? j->request->listener->log : NULL;
}

/* A line of log.txt; that it cannot be written does not hide what it is about. */
static void note(job *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(job *j, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *line = ssmq_arena_vprintf(j->arena, format, args);
    va_end(args);
    if (ssmq_rundir_log(j->dir, line) != SSMQ_OK)
        SSMQ_LOG_LINE(log_of(j), WARNING, "log.txt was not written",
                      SSMQ_LOG_T("reason", ssmq_error_last()->message));
}

/* ---- what lies beside run.h5 ----------------------------------------------------------- */

static ssmq_status write_inputs(job *j)
{
    for (int32_t i = 0; i < j->e->n_file; i++)
        SSMQ_TRY(ssmq_rundir_copy_source(j->dir, j->e->file[i].path));
    return ssmq_rundir_write(j->dir, "resolved.yaml", j->run->resolved, strlen(j->run->resolved));
}

static ssmq_status provenance_of(job *j, ssmq_provenance *out)
{
    ssmq_provenance p = {
        .backend = j->run->backend->name,
        .tier = j->session->be->tier,
        .started = j->started,
        .threads = j->run->threads,
        .argument = j->request->argument,
        .n_argument = j->request->n_argument,
        .variable = j->request->variable,
        .n_variable = j->request->n_variable,
    };
    SSMQ_TRY(ssmq_session_files(j->session, j->run, &p.file, &p.n_file));
    *out = p;
    return SSMQ_OK;
}

static ssmq_status write_manifest(job *j, ssmq_provenance *p)
{
    char finished[SSMQ_UTC_TEXT];
    ssmq_utc_now(finished);
    const ssmq_location place = {.name = "runs", .path = ssmq_rundir_path(j->dir)};
    p->finished = finished;
    p->wall_s = ssmq_monotonic_s() - j->wall;
    p->cpu_s = ssmq_cpu_time_s() - j->cpu;
    p->place = &place;
    p->n_place = 1;
    ssmq_str text = {0};
    ssmq_provenance_manifest(p, &text);
    const ssmq_status st =
        ssmq_rundir_write(j->dir, "manifest.json", ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    return st;
}

static ssmq_status write_results(job *j, const ssmq_execution *x, ssmq_summary *summary)
{
    ssmq_provenance p;
    ssmq_str        numbers = {0};
    SSMQ_TRY(provenance_of(j, &p));
    ssmq_provenance_numbers(&p, &numbers);
    const char *path = ssmq_rundir_file(j->dir, "run.h5");
    /* What is there was sealed by a writer that was killed before it could say so. */
    unlink(path);
    const ssmq_status st =
        ssmq_execution_store(x, j->session, j->run, ssmq_str_text(&numbers), path);
    ssmq_str_free(&numbers);
    SSMQ_TRY(st);
    *summary = ssmq_execution_summary(x, j->run, j->arena);
    SSMQ_TRY(write_manifest(j, &p));
    return ssmq_summary_write(summary, ssmq_rundir_file(j->dir, "summary.json"));
}

/* ---- one run --------------------------------------------------------------------------- */

static ssmq_status carry_out(job *j, ssmq_summary *summary)
{
    const ssmq_backend *be = j->session->be;
    const ssmq_listener listener = {.context = j,
                                    .log = log_of(j),
                                    .begin = job_begin,
                                    .update = job_update,
                                    .end = job_end};
    ssmq_execution      x;
    SSMQ_TRY(ssmq_rundir_set_status(j->dir, SSMQ_RUN_RUNNING, NULL, NULL));
    note(j, "%s: started, backend %s, tier %s, %d threads", j->run->name, be->ops->name, be->tier,
         be->threads);
    SSMQ_TRY(ssmq_execute(j->session, j->run, &listener, &x));
    /* Whoever took the lease over takes this process for dead and writes there. */
    ssmq_status st = j->lease;
    if (st == SSMQ_OK) st = write_results(j, &x, summary);
    ssmq_execution_free(&x);
    SSMQ_TRY(st);
    for (int32_t i = 0; i < summary->n_evaluation; i++)
        note(j, "%s: ppl %.6g", summary->evaluation[i].id, summary->evaluation[i].score.ppl);
    note(j, "done in %.1f s", ssmq_monotonic_s() - j->wall);
    return ssmq_rundir_set_status(j->dir, SSMQ_RUN_DONE, NULL, NULL);
}

static ssmq_summary without_figures(const job *j, ssmq_status st, const char *reason)
{
    const bool refused = st == SSMQ_ERR_UNSUPPORTED;
    return (ssmq_summary){
        .id = j->run->id,
        .name = j->run->name,
        .mode = ssmq_modes[j->run->mode],
        .recipe = j->run->recipe ? j->run->recipe->name : NULL,
        .status = ssmq_run_state_name(refused ? SSMQ_RUN_UNSUPPORTED : SSMQ_RUN_FAILED),
        .reason = reason,
    };
}

/* A run that failed leaves its reason; that this cannot be written does not hide the reason. */
static void record_failure(job *j, ssmq_outcome *o)
{
    const char *reason = ssmq_arena_strdup(j->arena, ssmq_error_last()->message);
    o->summary = without_figures(j, o->status, reason);
    if (j->lease != SSMQ_OK) return; /* the directory is another's now */
    note(j, "%s: %s", o->summary.status, reason);
    const ssmq_run_state state =
        o->status == SSMQ_ERR_UNSUPPORTED ? SSMQ_RUN_UNSUPPORTED : SSMQ_RUN_FAILED;
    if (ssmq_rundir_set_status(j->dir, state, reason, NULL) != SSMQ_OK)
        SSMQ_LOG_LINE(log_of(j), ERROR, "status was not written", SSMQ_LOG_T("run", j->run->name),
                      SSMQ_LOG_T("reason", ssmq_error_last()->message));
}

/* Returns what keeps every run from starting; what happens to this run is in *o. */
static ssmq_status run_one(job *j, ssmq_outcome *o)
{
    ssmq_str path = {0};
    ssmq_status st = ssmq_rundir_place(j->request->out, j->e->name, j->run->id, &path);
    o->path = ssmq_arena_strdup(j->arena, ssmq_str_text(&path));
    ssmq_str_free(&path);
    SSMQ_TRY(st);
    if (ssmq_rundir_finished(o->path)) {
        o->skipped = true;
        o->status = SSMQ_OK;
        return ssmq_summary_read(ssmq_arena_printf(j->arena, "%s/summary.json", o->path), j->arena,
                                 &o->summary);
    }
    SSMQ_TRY(ssmq_session_prepare(j->session, j->run));
    SSMQ_TRY(ssmq_rundir_open(o->path, j->run->id, j->run->name, ROOM_BYTES, &j->dir));
    st = write_inputs(j);
    if (st == SSMQ_OK) {
        o->status = carry_out(j, &o->summary);
        if (o->status != SSMQ_OK) record_failure(j, o);
    }
    ssmq_rundir_close(j->dir);
    return st;
}

/* ---- all of them ----------------------------------------------------------------------- */

static ssmq_status conclude(const ssmq_outcome *o, int32_t n)
{
    int32_t        failed = 0;
    bool           same = true;
    const ssmq_outcome *first = NULL;
    for (int32_t i = 0; i < n; i++) {
        if (o[i].status == SSMQ_OK) continue;
        if (!first) first = &o[i];
        same &= o[i].status == first->status;
        failed++;
    }
    if (!first) return SSMQ_OK;
    const ssmq_status st = failed == n && same ? first->status : SSMQ_ERR_NUMERIC;
    if (n == 1)
        return ssmq_fail(st, __FILE__, __LINE__, __func__, "%s: %s", first->summary.name,
                         first->summary.reason);
    return ssmq_fail(st, __FILE__, __LINE__, __func__, "%d of %d runs failed; %s: %s", failed, n,
                     first->summary.name, first->summary.reason);
}

ssmq_status ssmq_experiment_run(const ssmq_experiment *e, const ssmq_catalogue *cat,
                                const ssmq_run_request *request, ssmq_arena *arena,
                                ssmq_outcome *outcome, int32_t *n_outcome)
{
    ssmq_session session;
    ssmq_status  st = SSMQ_OK;
    *n_outcome = 0;
    ssmq_session_open(cat, request->listener, &session);
    for (int32_t i = 0; i < e->n_run; i++) {
        job j = {.e = e, .run = &e->run[i], .request = request, .session = &session, .arena = arena};
        outcome[i] = (ssmq_outcome){0};
        ssmq_utc_now(j.started);
        j.wall = ssmq_monotonic_s();
        j.cpu = ssmq_cpu_time_s();
        if (request->starting) request->starting(request->context, j.run, i, e->n_run);
        SSMQ_TRY_DONE(st, run_one(&j, &outcome[i]));
        *n_outcome = i + 1;
        if (request->ended) request->ended(request->context, j.run, &outcome[i]);
    }
    st = conclude(outcome, e->n_run);
done:
    ssmq_session_close(&session);
    return st;
}
