/* One run carried out in memory: recipe, evaluations, and then its run.h5 and summary. */
#pragma once
#include "harness/run/calibrate/recipe.h"
#include "harness/run/evaluate/evidence.h"
#include "harness/run/evaluate/fake_real.h"
#include "harness/run/evaluate/sensitivity.h"
#include "harness/run/evaluate/site_error.h"
#include "harness/run/profile/execute_profile.h"
#include "harness/run/result.h"
#include "harness/run/session.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a run came to; freed by ssmq_execution_free(). */
typedef struct ssmq_execution {
    ssmq_model        *model;  /* the fork that the recipe rewrote */
    ssmq_recipe_result recipe; /* plan NULL in float mode          */
    ssmq_plan         *ran;    /* its plan as the run's mode carries it out; lends from it; NULL: likewise */
    ssmq_ppl          *ppl;    /* [run->n_evaluation]              */
    int32_t            n_ppl;
    ssmq_speeds        speeds; /* n 0: none were asked for         */
    ssmq_site_errors  *errors; /* this and the next three: NULL where not asked for */
    ssmq_sensitivity  *sensitivity;
    ssmq_interactions *interactions;
    ssmq_fake_real    *fake_real;
    ssmq_collection    collection; /* empty where nothing is collected */
    ssmq_dump         *dump;       /* not yet sealed; NULL: there is none */
    ssmq_alarms        alarms; /* whoever carries the run out may add to them */
} ssmq_execution;

/* Is there something, found on a text of its own, that reads the model's weights once more after the evaluations? */
bool ssmq_run_reads_again(const ssmq_run *run);

/* Where a run's recipe takes what it observes from. */
ssmq_calibration_source ssmq_session_source(ssmq_session *s, const ssmq_run *run);

/* The session has been prepared for the run; dump: path of the run's dump.h5, if it asks for one.  NUMERIC, naming site and place, where a value is not
 * finite; statuses of methods and of reading data. */
SSMQ_MUST_USE ssmq_status ssmq_execute(ssmq_session *s, const ssmq_run *run,
                                       const ssmq_listener *listener, const char *dump,
                                       ssmq_execution *out);
void                      ssmq_execution_free(ssmq_execution *x);

/* Seals dump.h5, if there is one, and then writes run.h5.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_execution_store(ssmq_execution *x, ssmq_session *s,
                                               const ssmq_run *run, const char *provenance,
                                               const char *path);

/* The figures of a run that is done, in the arena. */
ssmq_summary ssmq_execution_summary(const ssmq_execution *x, const ssmq_run *run, ssmq_arena *arena);

#ifdef __cplusplus
}
#endif
