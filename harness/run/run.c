#include "harness/run/job.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "harness/base/build.h"
#include "harness/base/clock.h"
#include "harness/base/hash.h"
#include "harness/run/code.h"
#include "harness/run/evaluate/sensitivity_store.h"
#include "harness/run/execute.h"
#include "harness/store/lease.h"
#include "harness/store/rundir.h"
#include "harness/store/store.h"

/* Results of a run take little: scales, one number per window and per sample and site. */
#define ROOM_BYTES ((int64_t)16 << 20)

typedef ssmq_job job;

/* ---- while it runs --------------------------------------------------------------------- */

static const ssmq_log *log_of(const job *j)
{
    return j->request->listener ? j->request->listener->log : NULL;
}

/* What cannot be written is missed when the next piece of work is. */
static void note_event(const job *j, const char *event, const char *what)
{
    if (j->journal && ssmq_journal_note(j->journal, event, what) != SSMQ_OK) ssmq_error_clear();
}

/* Every sign of life goes to the lease and on to whoever listens. */
static void job_begin(void *context, const char *task, const char *unit)
{
    job *j = context;
    j->task = ssmq_arena_strdup(j->arena, task);
    j->unit = ssmq_arena_strdup(j->arena, unit);
    j->n_done = 0;
    if (ssmq_rundir_set_status(j->dir, SSMQ_RUN_RUNNING, NULL, task) != SSMQ_OK)
        SSMQ_LOG_LINE(log_of(j), WARNING, "status was not written",
                      SSMQ_LOG_T("reason", ssmq_error_last()->message));
    note_event(j, "begin", task);
    ssmq_tell_begin(j->request->listener, task, unit);
}

static void job_update(void *context, int64_t done, double fraction)
{
    job *j = context;
    j->n_done = done;
    if (!j->lost && ssmq_rundir_beat(j->dir) != SSMQ_OK)
        j->lost = ssmq_arena_strdup(j->arena, ssmq_error_last()->message);
    ssmq_tell_update(j->request->listener, done, fraction);
}

/* The task stays that of the job if it was stopped within. */
static void job_end(void *context)
{
    const job *j = context;
    note_event(j, "end", ssmq_arena_printf(j->arena, "%s: %" PRId64 " %s", j->task, j->n_done, j->unit));
    ssmq_tell_end(j->request->listener);
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
        SSMQ_TRY(ssmq_rundir_write_source(j->dir, j->e->file[i].path, j->e->file[i].text,
                                          j->e->file[i].length));
    return ssmq_rundir_write(j->dir, "resolved.yaml", j->run->resolved, strlen(j->run->resolved));
}

static ssmq_provenance provenance_of(job *j)
{
    ssmq_provenance p = {
        .backend = j->run->backend->name,
        .tier = j->session->be->tier,
        .started = j->started,
        .threads = j->session->be->threads,
        .argument = j->request->argument,
        .n_argument = j->request->n_argument,
        .variable = j->request->variable,
        .n_variable = j->request->n_variable,
    };
    p.n_file = ssmq_session_files(j->session, j->run, &p.file);
    return p;
}

/* Sums of the files of results that there are, for `ssmq verify`. */
static ssmq_status sum_results(job *j, ssmq_provenance *p)
{
    static const char *const names[] = {"run.h5", "dump.h5", "profile.h5"};
    const size_t             n = sizeof names / sizeof *names;
    ssmq_input_file         *file = SSMQ_ARENA_ARRAY(j->arena, ssmq_input_file, n);
    p->result = file;
    for (size_t i = 0; i < n; i++) {
        const char *path = ssmq_rundir_file(j->dir, names[i]);
        if (access(path, F_OK) == 0)
            file[p->n_result++] = (ssmq_input_file){.role = names[i], .path = path};
    }
    return ssmq_input_files_digest(file, p->n_result);
}

static ssmq_status write_manifest(job *j, ssmq_provenance *p)
{
    SSMQ_TRY(sum_results(j, p));
    char finished[SSMQ_UTC_TEXT];
    ssmq_utc_now(finished);
    const ssmq_location place = {.name = "runs", .path = ssmq_rundir_path(j->dir)};
    p->finished = finished;
    p->wall_s = ssmq_monotonic_s() - j->wall;
    p->cpu_s = ssmq_cpu_time_s() - j->cpu;
    p->place = &place;
    p->n_place = 1;
    p->journal_bytes = ssmq_journal_bytes(j->journal, &p->journal_sums_bytes);
    ssmq_str text = {0};
    ssmq_provenance_manifest(p, &text);
    const ssmq_status st =
        ssmq_rundir_write(j->dir, "manifest.json", ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    return st;
}

/* Steps that make the recipe better, where it was looked for them. */
static ssmq_status write_fragment(job *j, const ssmq_execution *x)
{
    ssmq_str text = {0};
    if (!x->sensitivity) return SSMQ_OK;
    ssmq_sensitivity_fragment(x->sensitivity, x->recipe.plan, j->run->id, &text);
    const ssmq_status st =
        ssmq_rundir_write(j->dir, SSMQ_FRAGMENT, ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    return st;
}

static ssmq_status write_results(job *j, ssmq_execution *x, ssmq_summary *summary)
{
    ssmq_provenance p = provenance_of(j);
    ssmq_str        numbers = {0};
    ssmq_provenance_numbers(&p, &numbers);
    ssmq_status st =
        ssmq_speeds_write(&x->speeds, j->run, ssmq_str_text(&numbers), ssmq_rundir_file(j->dir, "profile.h5"));
    if (st == SSMQ_OK)
        st = ssmq_execution_store(x, j->session, j->run, ssmq_str_text(&numbers),
                                  ssmq_rundir_file(j->dir, "run.h5"));
    ssmq_str_free(&numbers);
    SSMQ_TRY(st);
    *summary = ssmq_execution_summary(x, j->run, j->arena);
    SSMQ_TRY(write_manifest(j, &p));
    SSMQ_TRY(write_fragment(j, x));
    return ssmq_summary_write(summary, ssmq_rundir_file(j->dir, "summary.json"));
}

/* ---- one run --------------------------------------------------------------------------- */

/* What is there was sealed by a writer that was killed before it could say so, or is damaged. */
static ssmq_status remove_results(job *j)
{
    static const char *const names[] = {"run.h5", "dump.h5", "profile.h5", "summary.json", SSMQ_FRAGMENT};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = ssmq_rundir_file(j->dir, names[i]);
        if (unlink(path) != 0 && errno != ENOENT)
            return SSMQ_FAIL(IO, "%s: cannot be removed: %s", path, strerror(errno));
    }
    return SSMQ_OK;
}

/* Before results get their names: is the directory still ours, and are the inputs what the id says? */
static ssmq_status still_good(job *j)
{
    if (j->lost) return SSMQ_FAIL(IO, "%s", j->lost);
    SSMQ_TRY(ssmq_rundir_set_status(j->dir, SSMQ_RUN_RUNNING, NULL, "writing results"));
    return ssmq_experiment_unchanged(j->e);
}

/* The results of the float run at the same point, which comes before; NULL: there are none. */
static const char *float_results(const job *j)
{
    const int32_t at = j->e->sweep.in_float[j->run - j->e->run];
    if (at < 0) return NULL;
    const ssmq_outcome *o = &j->outcome[at];
    return o->status == SSMQ_OK && o->summary.id ? ssmq_arena_printf(j->arena, "%s/run.h5", o->path) : NULL;
}

/* Which passes over the samples there were, and which were replayed. */
static void note_calibration(job *j, const ssmq_recipe_result *r)
{
    for (int32_t i = 0; i < r->n_calibration; i++) {
        const char *account = r->calibration[i]->account;
        note(j, "%s", account);
        SSMQ_LOG_LINE(log_of(j), INFO, account, SSMQ_LOG_T("run", j->run->name));
    }
}

/* All that numbers of a run's pieces depend on. */
static const char *identity_of(const job *j)
{
    const ssmq_backend *be = j->session->be;
    const ssmq_build   *build = ssmq_build_info();
    return ssmq_arena_printf(j->arena, "run %s, ssmq %s %s, numerics %d, %s, %s, %s %s on %s", j->run->id,
                             build->version, ssmq_code_of(build, SSMQ_THIS_PROGRAM, j->arena), SSMQ_NUMERICS_VERSION, build->compiler, build->flags,
                             be->ops->name, be->tier, be->device);
}

/* What a run that came to no end has computed; nothing of one that is done, whose results are of no use if it
 * is run again. */
static ssmq_status open_journal(job *j)
{
    ssmq_run_status   was = {.state = SSMQ_RUN_QUEUED};
    const ssmq_status known = ssmq_run_status_read(ssmq_rundir_file(j->dir, "status.json"), j->arena, &was);
    const bool        done = known == SSMQ_OK && was.state == SSMQ_RUN_DONE;
    ssmq_error_clear(); /* a missing status is an answer */
    SSMQ_TRY(ssmq_journal_open(ssmq_rundir_path(j->dir), identity_of(j), done, log_of(j), &j->journal));
    const int64_t n = ssmq_journal_count(j->journal);
    if (n == 0) return ssmq_journal_note(j->journal, "started", "anew");
    note(j, "%s: resumed, %" PRId64 " pieces of work are known", j->run->name, n);
    SSMQ_LOG_LINE(log_of(j), INFO, "resumed", SSMQ_LOG_T("run", j->run->name), SSMQ_LOG_I("pieces", n));
    return ssmq_journal_note(j->journal, "resumed",
                             ssmq_arena_printf(j->arena, "%" PRId64 " pieces of work are known", n));
}

/* The journal stays as an account of what was computed when; what it keeps for going on does not. */
static void end_journal(job *j)
{
    note_event(j, "done", j->run->name);
    ssmq_journal_close(j->journal);
    j->journal = NULL;
    ssmq_journal_remove_bulk(ssmq_rundir_path(j->dir));
}

static ssmq_status carry_out(job *j, ssmq_summary *summary)
{
    const ssmq_backend *be = j->session->be;
    SSMQ_TRY(open_journal(j));
    const ssmq_listener listener = {.context = j,
                                    .journal = j->journal,
                                    .log = log_of(j),
                                    .begin = job_begin,
                                    .update = job_update,
                                    .end = job_end,
                                    .signal = ssmq_signal_of(j->request->listener)};
    ssmq_execution      x;
    SSMQ_TRY(ssmq_rundir_set_status(j->dir, SSMQ_RUN_RUNNING, NULL, NULL));
    SSMQ_TRY(remove_results(j));
    note(j, "%s: started, backend %s, tier %s, %d threads", j->run->name, be->ops->name, be->tier,
         be->threads);
    const char *dump = j->run->dump_bytes > 0
                           ? ssmq_arena_strdup(j->arena, ssmq_rundir_file(j->dir, "dump.h5"))
                           : NULL;
    SSMQ_TRY(ssmq_execute(j->session, j->run, &listener, dump, &x));
    note_calibration(j, &x.recipe);
    if (j->run->mode != SSMQ_MODE_FLOAT)
        ssmq_alarms_of_baseline(&x.alarms, j->run, x.ppl, float_results(j));
    ssmq_status st = still_good(j);
    if (st == SSMQ_OK) st = write_results(j, &x, summary);
    ssmq_execution_free(&x);
    SSMQ_TRY(st);
    for (int32_t i = 0; i < summary->n_evaluation; i++)
        note(j, "%s: ppl %.6g", summary->evaluation[i].id, summary->evaluation[i].score.ppl);
    for (int32_t i = 0; i < summary->n_speed; i++)
        note(j, "%s: TTFT %.3f ms, TPOT %.3f ms", summary->speed[i].id, summary->speed[i].ttft_ms,
             summary->speed[i].tpot_ms);
    note(j, "done in %.1f s", ssmq_monotonic_s() - j->wall);
    SSMQ_TRY(ssmq_rundir_set_status(j->dir, SSMQ_RUN_DONE, NULL, NULL));
    end_journal(j);
    return SSMQ_OK;
}

static ssmq_run_state state_of(ssmq_status st)
{
    switch (st) {
    case SSMQ_ERR_UNSUPPORTED: return SSMQ_RUN_UNSUPPORTED;
    case SSMQ_ERR_STOPPED: return SSMQ_RUN_STOPPED;
    case SSMQ_ERR_HELD: return SSMQ_RUN_RUNNING; /* by another */
    default: return SSMQ_RUN_FAILED;
    }
}

/* Why it has no figures; where it was stopped, if it was. */
static const char *reason_of(const job *j, ssmq_status st)
{
    const char *message = ssmq_error_last()->message;
    if (st == SSMQ_ERR_STOPPED && j->task && j->unit[0])
        return ssmq_arena_printf(j->arena, "%s: %s, after %" PRId64 " %s", message, j->task, j->n_done,
                                 j->unit);
    return ssmq_arena_strdup(j->arena, message);
}

/* A run without figures, and why: the message of the failure under way. */
static void fail_outcome(const job *j, ssmq_status st, ssmq_outcome *o)
{
    o->status = st;
    o->summary = (ssmq_summary){
        .id = j->run->id,
        .name = j->run->name,
        .mode = ssmq_modes[j->run->mode],
        .recipe = j->run->recipe ? j->run->recipe->name : NULL,
        .status = ssmq_run_state_name(state_of(st)),
        .reason = reason_of(j, st),
    };
}

/* The reason of a failure, in the run's directory; that it cannot be written does not hide it. */
static void record_failure(job *j, const ssmq_outcome *o)
{
    if (j->lost) return; /* the directory is another's now */
    note(j, "%s: %s", o->summary.status, o->summary.reason);
    note_event(j, o->summary.status, o->summary.reason);
    ssmq_status st = SSMQ_OK;
    if (o->status != SSMQ_ERR_STOPPED) /* it has not come to an end */
        st = ssmq_summary_write(&o->summary, ssmq_rundir_file(j->dir, "summary.json"));
    if (st == SSMQ_OK)
        st = ssmq_rundir_set_status(j->dir, state_of(o->status), o->summary.reason, NULL);
    if (st != SSMQ_OK)
        SSMQ_LOG_LINE(log_of(j), ERROR, "status was not written", SSMQ_LOG_T("run", j->run->name),
                      SSMQ_LOG_T("reason", ssmq_error_last()->message));
}

/* Does a stored summary belong to this run, and has it all its figures? */
static bool belongs(const ssmq_summary *s, const ssmq_run *run)
{
    if (strcmp(s->id, run->id) != 0 || strcmp(s->status, "done") != 0) return false;
    if (s->n_evaluation != run->n_evaluation || s->n_speed != run->n_profile) return false;
    for (int32_t i = 0; i < run->n_evaluation; i++)
        if (strcmp(s->evaluation[i].id, run->evaluation[i].id) != 0) return false;
    return true;
}

/* Is what a finished run left the results of this one? */
static bool are_there(const job *j, const ssmq_outcome *o)
{
    const char *results = ssmq_arena_printf(j->arena, "%s/run.h5", o->path);
    const char *dump = ssmq_arena_printf(j->arena, "%s/dump.h5", o->path);
    const char *profile = ssmq_arena_printf(j->arena, "%s/profile.h5", o->path);
    return belongs(&o->summary, j->run) && ssmq_store_is_one(results, j->run->id) &&
           (j->run->dump_bytes == 0 || ssmq_store_is_one(dump, j->run->id)) &&
           (j->run->n_profile == 0 || ssmq_store_is_one(profile, j->run->id));
}

/* What whoever finished it could not put away before he was killed; a living one still will. */
static void tidy(const job *j, const char *path)
{
    static const char *const names[] = {"lease", SSMQ_JOURNAL_BIN, SSMQ_JOURNAL_SUMS};
    ssmq_rundir             *d = NULL;
    bool                     any = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        any |= access(ssmq_arena_printf(j->arena, "%s/%s", path, names[i]), F_OK) == 0;
    if (!any) return;
    if (ssmq_rundir_open(path, j->run->id, j->run->name, 0, &d) == SSMQ_OK) {
        ssmq_journal_remove_bulk(path);
        ssmq_rundir_close(d);
    }
    ssmq_error_clear();
}

bool ssmq_job_take_finished(ssmq_job *j, ssmq_outcome *o)
{
    if (!ssmq_rundir_finished(o->path)) return false;
    const char *summary = ssmq_arena_printf(j->arena, "%s/summary.json", o->path);
    const bool  read = ssmq_summary_read(summary, j->arena, &o->summary) == SSMQ_OK;
    if (!read || !are_there(j, o)) {
        SSMQ_LOG_LINE(log_of(j), WARNING, "stored results are damaged; running again",
                      SSMQ_LOG_T("run", j->run->name), SSMQ_LOG_T("directory", o->path));
        ssmq_error_clear();
        return false;
    }
    o->summary.name = j->run->name;
    o->summary.recipe = j->run->recipe ? j->run->recipe->name : NULL;
    tidy(j, o->path);
    o->skipped = true;
    o->status = SSMQ_OK;
    return true;
}

static void start_clocks(job *j)
{
    ssmq_utc_now(j->started);
    j->wall = ssmq_monotonic_s();
    j->cpu = ssmq_cpu_time_s();
}

static bool may_pass(ssmq_status st)
{
    switch (st) {
    case SSMQ_ERR_INPUT:
    case SSMQ_ERR_IO:
    case SSMQ_ERR_MEMORY:
    case SSMQ_ERR_DEVICE: return true;
    default: return false;
    }
}

bool ssmq_job_try_again(ssmq_job *j, const ssmq_outcome *o, bool crashed)
{
    const ssmq_run_request *r = j->request;
    if (!(crashed || may_pass(o->status)) || j->retried >= r->retries) return false;
    if (ssmq_may_go_on(r->listener) != SSMQ_OK) return false;
    j->retried++;
    if (r->said)
        r->said(r->context, j->run,
                ssmq_arena_printf(j->arena, "%s: %s; trying again, %" PRId32 " of %" PRId32, o->summary.status,
                                  o->summary.reason, j->retried, r->retries));
    return true;
}

bool ssmq_job_is_held(const ssmq_job *j, const ssmq_outcome *o)
{
    ssmq_lease_holder who;
    const char       *lease = ssmq_arena_printf(j->arena, "%s/lease", o->path);
    return ssmq_lease_look(lease, (int64_t)time(NULL), &who) && who.alive;
}

void ssmq_job_run(ssmq_job *j, ssmq_outcome *o)
{
    j->dir = NULL;
    j->lost = j->task = NULL;
    start_clocks(j);
    ssmq_status st =
        ssmq_rundir_open(o->path, j->run->id, j->run->name, (j->room > ROOM_BYTES ? j->room : ROOM_BYTES) + 2 * j->run->dump_bytes, &j->dir);
    if (st != SSMQ_OK) {
        fail_outcome(j, st, o);
        return;
    }
    st = write_inputs(j);
    if (st == SSMQ_OK && j->run->unsupported) st = SSMQ_FAIL(UNSUPPORTED, "%s", j->run->unsupported);
    if (st == SSMQ_OK) st = ssmq_session_prepare(j->session, j->run);
    if (st == SSMQ_OK) st = carry_out(j, &o->summary);
    o->status = st;
    if (st != SSMQ_OK) {
        fail_outcome(j, st, o);
        record_failure(j, o);
    }
    ssmq_journal_close(j->journal);
    j->journal = NULL;
    ssmq_rundir_close(j->dir);
}

/* ---- carried out by another process ------------------------------------------------------ */

void ssmq_job_failed(ssmq_job *j, ssmq_status st, const char *reason, ssmq_outcome *o)
{
    fail_outcome(j, ssmq_fail(st, __FILE__, __LINE__, __func__, "%s", reason), o);
}

void ssmq_job_lost(ssmq_job *j, const char *reason, ssmq_outcome *o)
{
    ssmq_job_failed(j, SSMQ_ERR_NUMERIC, reason, o);
    if (ssmq_rundir_open(o->path, j->run->id, j->run->name, ROOM_BYTES, &j->dir) != SSMQ_OK) return;
    record_failure(j, o);
    ssmq_rundir_close(j->dir);
}
