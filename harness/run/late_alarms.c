#include "harness/run/late_alarms.h"
#include <string.h>
#include "harness/run/evaluate/evidence.h"
#include "harness/store/score_figures.h"

static bool has_alarm(const ssmq_summary *s, const char *evaluation)
{
    for (int32_t i = 0; i < s->n_alarm; i++) {
        const ssmq_alarm *a = &s->alarm[i];
        if (strcmp(a->event, SSMQ_ALARM_BETTER) == 0 && strcmp(a->evaluation ? a->evaluation : "", evaluation) == 0)
            return true;
    }
    return false;
}

/* Files are opened only where an alarm may come of it; with the float model beside it, it was looked for there. */
static bool is_below(const ssmq_summary *s, const ssmq_summary *base, const char *evaluation)
{
    const ssmq_evaluation_score *mine = ssmq_summary_find(s, evaluation), *its = ssmq_summary_find(base, evaluation);
    return mine && its && !mine->compare.against && mine->score.nll < its->score.nll;
}

static const char *results_of(const ssmq_job *j, const ssmq_outcome *o)
{
    return ssmq_arena_printf(j->arena, "%s/run.h5", o->path);
}

static void find_alarms(const ssmq_job *j, const ssmq_outcome *o, const ssmq_outcome *base, ssmq_alarms *a)
{
    for (int32_t i = 0; i < j->run->n_evaluation; i++) {
        const char *id = j->run->evaluation[i].id;
        if (!has_alarm(&o->summary, id) && is_below(&o->summary, &base->summary, id))
            ssmq_alarms_of_results(a, id, results_of(j, o), results_of(j, base));
    }
}

/* The summary with those behind its own, which is where they would stand. */
static void add_alarms(const ssmq_job *j, const ssmq_alarms *a, ssmq_summary *s)
{
    ssmq_alarm *all = SSMQ_ARENA_ARRAY(j->arena, ssmq_alarm, s->n_alarm + a->n);
    for (int32_t i = 0; i < s->n_alarm; i++) all[i] = s->alarm[i];
    for (int32_t i = 0; i < a->n; i++) {
        ssmq_alarm *alarm = &all[s->n_alarm + i];
        *alarm = a->alarm[i];
        alarm->evaluation = ssmq_arena_strdup(j->arena, alarm->evaluation);
        alarm->message = ssmq_arena_strdup(j->arena, alarm->message);
    }
    s->alarm = all;
    s->n_alarm += a->n;
}

/* Nobody else writes there meanwhile. */
static ssmq_status write_summary(const ssmq_job *j, const ssmq_outcome *o)
{
    ssmq_rundir *d = NULL;
    SSMQ_TRY(ssmq_rundir_open(o->path, j->run->id, j->run->name, 0, &d));
    const ssmq_status st = ssmq_summary_write(&o->summary, ssmq_rundir_file(d, "summary.json"));
    ssmq_rundir_close(d);
    return st;
}

static void look_at(const ssmq_job *j, ssmq_outcome *o, const ssmq_outcome *base)
{
    const ssmq_log *log = j->request->listener ? j->request->listener->log : NULL;
    ssmq_alarms     a;
    ssmq_alarms_open(j->run->name, log, &a);
    find_alarms(j, o, base, &a);
    if (a.n > 0) {
        add_alarms(j, &a, &o->summary);
        if (write_summary(j, o) != SSMQ_OK) {
            SSMQ_LOG_LINE(log, WARNING, "an alarm was not stored", SSMQ_LOG_T("run", j->run->name),
                          SSMQ_LOG_T("reason", ssmq_error_last()->message));
            ssmq_error_clear();
        }
    }
    ssmq_alarms_close(&a);
}

void ssmq_late_alarms(ssmq_job *jobs, ssmq_outcome *outcome, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t at = jobs[i].e->sweep.in_float[i];
        if (at < 0 || at == i || outcome[i].other || outcome[i].status != SSMQ_OK) continue;
        if (outcome[at].status == SSMQ_OK && outcome[at].summary.id) look_at(&jobs[i], &outcome[i], &outcome[at]);
    }
}
