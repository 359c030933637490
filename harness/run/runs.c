#include "harness/run/run.h"
#include <string.h>
#include "harness/run/job.h"
#include "harness/run/late_alarms.h"
#include "harness/run/sweep/forecast.h"
#include "harness/run/sweep/snapshot.h"
#include "harness/run/sweep/sweep_files.h"
#include "harness/run/sweep/workers.h"
#include "harness/store/rundir.h"

/* Neither failed nor finished: other processes are at them. */
static ssmq_status conclude_held(const ssmq_outcome *o, int32_t n)
{
    int32_t             held = 0, done = 0, tried = 0;
    const ssmq_outcome *first = NULL;
    for (int32_t i = 0; i < n; i++) {
        if (o[i].other) continue;
        tried++;
        done += o[i].status == SSMQ_OK;
        if (o[i].status != SSMQ_ERR_HELD) continue;
        if (!first) first = &o[i];
        held++;
    }
    if (!first) return SSMQ_OK;
    if (tried == 1) return SSMQ_FAIL(HELD, "%s: %s", first->summary.name, first->summary.reason);
    return SSMQ_FAIL(HELD, "%d of %d runs %s held by another process, %d %s finished; %s: %s", held, tried,
                     held == 1 ? "is" : "are", done, done == 1 ? "is" : "are", first->summary.name,
                     first->summary.reason);
}

/* Runs that were only to be recorded have not failed. */
static ssmq_status conclude(const ssmq_experiment *e, const ssmq_outcome *o, int32_t n)
{
    int32_t        failed = 0, tried = 0;
    bool           same = true;
    const ssmq_outcome *first = NULL;
    for (int32_t i = 0; i < n; i++) {
        if (o[i].other) continue;
        tried++;
        if (o[i].status == SSMQ_OK || o[i].status == SSMQ_ERR_HELD || e->run[i].unsupported) continue;
        if (!first) first = &o[i];
        same &= o[i].status == first->status;
        failed++;
    }
    if (!first) return conclude_held(o, n);
    const ssmq_status st = failed == tried && same ? first->status : SSMQ_ERR_NUMERIC;
    if (tried == 1)
        return ssmq_fail(st, __FILE__, __LINE__, __func__, "%s: %s", first->summary.name,
                         first->summary.reason);
    return ssmq_fail(st, __FILE__, __LINE__, __func__, "%d of %d runs failed; %s: %s", failed, tried,
                     first->summary.name, first->summary.reason);
}

/* STOPPED if a signal kept some of the `asked` runs from coming to an end. */
static ssmq_status check_stopped(const ssmq_job *jobs, const ssmq_outcome *o, int32_t n, int32_t asked)
{
    int32_t done = 0, ended = 0;
    for (int32_t i = 0; i < n; i++) {
        done += !o[i].other && o[i].status == SSMQ_OK;
        ended += !o[i].other && o[i].status != SSMQ_ERR_STOPPED && o[i].status != SSMQ_ERR_HELD;
    }
    if (ended == asked || ssmq_may_go_on(jobs->request->listener) == SSMQ_OK) return SSMQ_OK;
    return SSMQ_FAIL(STOPPED, "%s: %d of %d run%s finished; the same command goes on from here",
                     ssmq_error_last()->message, done, asked, asked == 1 ? " is" : "s are");
}

static bool is_asked_for(const ssmq_job *j)
{
    const char *const *id = j->request->only;
    if (!id || !*id) return true;
    while (*id && strcmp(*id, j->run->id) != 0) id++;
    return *id;
}

static ssmq_status check_only(const ssmq_experiment *e, const char *const *only)
{
    for (; only && *only; only++) {
        int32_t i = 0;
        while (i < e->n_run && strcmp(e->run[i].id, *only) != 0) i++;
        if (i == e->n_run)
            return SSMQ_FAIL(USAGE, "no run of %s has the id '%s'; ssmq check lists them", e->path, *only);
    }
    return SSMQ_OK;
}

/* A float run that another process has finished: quantised ones are held against it. */
static void take_other(ssmq_job *j, ssmq_outcome *o)
{
    o->other = true;
    if (j->run->mode == SSMQ_MODE_FLOAT) ssmq_job_take_finished(j, o);
}

static ssmq_status place(ssmq_job *j, ssmq_outcome *o)
{
    ssmq_str          path = {0};
    const ssmq_status st = ssmq_rundir_place(j->request->out, j->e->name, j->run->id, &path);
    o->path = ssmq_arena_strdup(j->arena, ssmq_str_text(&path));
    ssmq_str_free(&path);
    return st;
}

/* Before the first run starts: which are finished, and whether there is what the others need.  Only one model is
 * kept in memory, so that runs of another one see when they start. */
static ssmq_status prepare_all(ssmq_job *jobs, ssmq_outcome *outcome, int32_t n)
{
    const char *model = NULL;
    for (int32_t i = 0; i < n; i++) {
        outcome[i] = (ssmq_outcome){0};
        SSMQ_TRY(place(&jobs[i], &outcome[i]));
        if (!is_asked_for(&jobs[i])) {
            take_other(&jobs[i], &outcome[i]);
            continue;
        }
        if (jobs[i].run->unsupported || ssmq_job_take_finished(&jobs[i], &outcome[i])) continue;
        if (jobs[i].request->workers > 0) continue; /* they see for themselves */
        if (!model) model = jobs[i].run->model;
        if (strcmp(jobs[i].run->model, model) == 0)
            SSMQ_TRY(ssmq_session_prepare(jobs[i].session, jobs[i].run));
    }
    return SSMQ_OK;
}

/* What is known of the room that it all takes, from runs that are finished and what the cache has; those who carry out single
 * runs leave it to whoever started them.  A forecast refuses nothing but a run that would leave more than there is place for. */
static void look_for_room(ssmq_job *jobs, int32_t n)
{
    const ssmq_run_request     *r = jobs->request;
    const ssmq_forecast_request request = {.out = r->out, .cache = r->cache, .workers = r->workers > 1 ? r->workers : 1};
    ssmq_forecast               f;
    if (r->only && *r->only) return;
    if (ssmq_forecast_make(jobs->e, jobs->session->cat, &request, jobs->arena, &f) != SSMQ_OK) {
        ssmq_error_clear(); /* who runs says what is missing */
        return;
    }
    for (int32_t i = 0; i < n; i++)
        if (f.run[i].like > 0) jobs[i].room = f.run[i].disk + f.run[i].journal;
    const int64_t need = ssmq_forecast_room(&f);
    if (f.free >= 0 && need > f.free)
        SSMQ_LOG_LINE(r->listener ? r->listener->log : NULL, WARNING, "this file system may have too little room; ssmq plan tells more",
                      SSMQ_LOG_T("folder", r->out), SSMQ_LOG_I("free_MiB", f.free >> 20), SSMQ_LOG_I("needed_MiB", need >> 20));
}

static int32_t count_asked(const ssmq_outcome *o, int32_t n)
{
    int32_t asked = 0;
    for (int32_t i = 0; i < n; i++) asked += !o[i].other;
    return asked;
}

static void run_one(ssmq_job *j, ssmq_outcome *o)
{
    while (!o->skipped) {
        ssmq_job_run(j, o);
        if (!ssmq_job_try_again(j, o, false)) break;
    }
}

/* Those that another process was at, now that the others are through: he may have finished, or died. */
static void run_held(ssmq_job *jobs, ssmq_outcome *outcome, int32_t n)
{
    const ssmq_run_request *request = jobs[0].request;
    for (int32_t i = 0; i < n; i++) {
        if (outcome[i].other || outcome[i].status != SSMQ_ERR_HELD) continue;
        if (!ssmq_job_take_finished(&jobs[i], &outcome[i]) && ssmq_may_go_on(request->listener) == SSMQ_OK)
            run_one(&jobs[i], &outcome[i]);
        if (request->ended) request->ended(request->context, jobs[i].run, &outcome[i]);
    }
}

/* One after the other; those that are not started any more, after failures or a signal, become `other`. */
static void run_all(ssmq_job *jobs, ssmq_outcome *outcome, int32_t n)
{
    const ssmq_run_request *request = jobs[0].request;
    const int32_t           asked = count_asked(outcome, n);
    int32_t                 failed = 0, at = 0;
    for (int32_t i = 0; i < n; i++) {
        if (outcome[i].other) continue;
        const bool enough = request->max_failures > 0 && failed >= request->max_failures;
        if (enough || (!outcome[i].skipped && ssmq_may_go_on(request->listener) != SSMQ_OK)) {
            outcome[i].other = true;
            continue;
        }
        if (request->starting) request->starting(request->context, jobs[i].run, at++, asked);
        run_one(&jobs[i], &outcome[i]);
        if (outcome[i].status == SSMQ_ERR_HELD) continue;
        failed += outcome[i].status != SSMQ_OK && !jobs[i].run->unsupported;
        if (request->ended) request->ended(request->context, jobs[i].run, &outcome[i]);
    }
    run_held(jobs, outcome, n);
}

static ssmq_job *new_jobs(const ssmq_experiment *e, const ssmq_run_request *request, ssmq_session *session,
                          ssmq_arena *arena, ssmq_outcome *outcome)
{
    ssmq_job *jobs = SSMQ_ARENA_ARRAY(arena, ssmq_job, e->n_run);
    for (int32_t i = 0; i < e->n_run; i++) {
        outcome[i] = (ssmq_outcome){.other = true};
        jobs[i] = (ssmq_job){.e = e, .run = &e->run[i], .request = request, .session = session,
                             .arena = arena, .outcome = outcome};
    }
    return jobs;
}

static ssmq_status run_in_workers(ssmq_job *jobs, ssmq_outcome *outcome, int32_t n)
{
    const char *snapshot;
    SSMQ_TRY(ssmq_experiment_snapshot(jobs->e, jobs->request->out, true, jobs->arena, &snapshot));
    ssmq_workers_run(jobs, outcome, n, snapshot);
    return SSMQ_OK;
}

static ssmq_status carry_out_all(ssmq_job *jobs, ssmq_outcome *outcome, int32_t n)
{
    if (jobs->request->workers > 0) return run_in_workers(jobs, outcome, n);
    run_all(jobs, outcome, n);
    return SSMQ_OK;
}

ssmq_status ssmq_experiment_run(const ssmq_experiment *e, const ssmq_catalogue *cat,
                                const ssmq_run_request *request, ssmq_arena *arena,
                                ssmq_outcome *outcome)
{
    ssmq_session session;
    ssmq_job    *jobs = new_jobs(e, request, &session, arena, outcome);
    SSMQ_TRY(check_only(e, request->only));
    ssmq_session_open(e, cat, request->listener, &session);
    session.cache = request->cache;
    session.threads = request->threads;
    ssmq_status st = prepare_all(jobs, outcome, e->n_run);
    if (st == SSMQ_OK) look_for_room(jobs, e->n_run);
    if (st == SSMQ_OK && !request->no_collect) st = ssmq_sweep_freeze(e, request->out);
    const int32_t asked = count_asked(outcome, e->n_run);
    if (st == SSMQ_OK) st = carry_out_all(jobs, outcome, e->n_run);
    if (st == SSMQ_OK) {
        if (!request->no_collect) ssmq_late_alarms(jobs, outcome, e->n_run);
        const ssmq_status collected = request->no_collect ? SSMQ_OK : ssmq_sweep_collect(e, request->out);
        st = check_stopped(jobs, outcome, e->n_run, asked);
        if (st == SSMQ_OK) st = conclude(e, outcome, e->n_run); /* it is more than what follows */
        if (st == SSMQ_OK) st = collected;
    } else {
        for (int32_t i = 0; i < e->n_run; i++) outcome[i].other = true;
    }
    ssmq_session_close(&session);
    return st;
}

int32_t ssmq_waits_for(const ssmq_experiment *e, int32_t run)
{
    const int32_t at = e->sweep.in_float[run];
    const ssmq_compare_spec *c = e->run[run].compare;
    return (c && c->against >> SSMQ_AGAINST_FLOAT & 1) || at == run ? -1 : at;
}

/* ---- what others have carried out -------------------------------------------------------- */

static void look_at(ssmq_job *j, ssmq_outcome *o)
{
    ssmq_run_status s;
    if (ssmq_job_take_finished(j, o)) return;
    const char *path = ssmq_arena_printf(j->arena, "%s/status.json", o->path);
    const bool  known = ssmq_run_status_read(path, j->arena, &s) == SSMQ_OK && strcmp(s.id, j->run->id) == 0;
    if (known && s.state == SSMQ_RUN_FAILED)
        ssmq_job_failed(j, SSMQ_ERR_NUMERIC, s.reason ? s.reason : "for no stated reason", o);
    else if (j->run->unsupported) ssmq_job_failed(j, SSMQ_ERR_UNSUPPORTED, j->run->unsupported, o);
    else o->other = true;
    ssmq_error_clear();
}

static ssmq_status look(ssmq_job *jobs, ssmq_outcome *outcome, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        outcome[i] = (ssmq_outcome){0};
        SSMQ_TRY(place(&jobs[i], &outcome[i]));
        look_at(&jobs[i], &outcome[i]);
    }
    return SSMQ_OK;
}

ssmq_status ssmq_experiment_look(const ssmq_experiment *e, const ssmq_run_request *request, ssmq_arena *arena,
                                 ssmq_outcome *outcome)
{
    return look(new_jobs(e, request, NULL, arena, outcome), outcome, e->n_run);
}

ssmq_status ssmq_experiment_collect(const ssmq_experiment *e, const ssmq_run_request *request,
                                    ssmq_arena *arena, ssmq_outcome *outcome)
{
    ssmq_job *jobs = new_jobs(e, request, NULL, arena, outcome);
    int32_t   left = 0;
    SSMQ_TRY(look(jobs, outcome, e->n_run));
    for (int32_t i = 0; i < e->n_run; i++) left += outcome[i].other;
    ssmq_late_alarms(jobs, outcome, e->n_run);
    SSMQ_TRY(ssmq_sweep_freeze(e, request->out));
    SSMQ_TRY(ssmq_sweep_collect(e, request->out));
    if (left == 0) return conclude(e, outcome, e->n_run);
    return SSMQ_FAIL(STOPPED, "%d of %d runs %s not finished", left, e->n_run, left == 1 ? "is" : "are");
}
