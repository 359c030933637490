/* One run of an experiment under way: what is done in its directory from the lease to the seal. */
#pragma once
#include "harness/base/clock.h"
#include "harness/run/run.h"
#include "harness/run/session.h"
#include "harness/store/rundir.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_job {
    const ssmq_experiment  *e;
    const ssmq_run         *run;
    const ssmq_run_request *request;
    ssmq_session           *session;
    ssmq_arena             *arena;
    const ssmq_outcome     *outcome; /* of all runs; zeroed where there is none yet */
    int64_t                 room;    /* bytes that runs like it took, 0: not known; more than those are free before it begins */
    /* From here on run.c's own: */
    ssmq_rundir            *dir;
    ssmq_journal           *journal; /* NULL: not yet, or not any more */
    char                    started[SSMQ_UTC_TEXT];
    double                  wall, cpu; /* clocks at the start, seconds */
    const char             *lost;      /* why the lease is no longer ours; NULL: it is */
    const char             *task, *unit; /* under way, NULL: none; what is counted in it */
    int64_t                 n_done;    /* of unit */
    int32_t                 retried;   /* how often */
} ssmq_job;

/* A finished run's figures, under the names that the experiment has for it now; false if there is none, or
 * what there is cannot be believed.  o->path is set. */
bool ssmq_job_take_finished(ssmq_job *j, ssmq_outcome *o);

/* Is a run that ended so to be carried out again?  Then that is counted, and said.  Not what comes out the same: a
 * configuration, a value that is not finite; crashed: its process ended without a word. */
bool ssmq_job_try_again(ssmq_job *j, const ssmq_outcome *o, bool crashed);

/* Is a living process at it, other than this one? */
bool ssmq_job_is_held(const ssmq_job *j, const ssmq_outcome *o);

/* Carries it out.  What happens is in *o, of which path is set, and concerns no other run. */
void ssmq_job_run(ssmq_job *j, ssmq_outcome *o);

/* The outcome of a run that another process carried out: why it has no figures. */
void ssmq_job_failed(ssmq_job *j, ssmq_status st, const char *reason, ssmq_outcome *o);
/* The same where that process could not say so itself: failed, in the run's directory too. */
void ssmq_job_lost(ssmq_job *j, const char *reason, ssmq_outcome *o);

#ifdef __cplusplus
}
#endif
