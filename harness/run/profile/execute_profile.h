/* Evaluations of task profile: what the run's model costs to run. */
#pragma once
#include "harness/run/profile/profile.h"
#include "harness/run/session.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What was measured for a run; freed by ssmq_speeds_free(). */
typedef struct ssmq_speeds {
    ssmq_arena   *arena;
    ssmq_profile *speed; /* [n], as the run's specs */
    int32_t       n;
} ssmq_speeds;

/* m and plan as the recipe left them.  What was finished before a kill stays as it was measured then; what was under way
 * starts over.  Statuses of the forward pass, MEMORY, STOPPED, IO. */
SSMQ_MUST_USE ssmq_status ssmq_speeds_measure(ssmq_session *s, const ssmq_run *run, ssmq_model *m,
                                              const ssmq_plan *plan, const ssmq_listener *listener,
                                              ssmq_speeds *out);
void                      ssmq_speeds_free(ssmq_speeds *s); /* accepts a zeroed one */

/* Writes profile.h5, with the same root as run.h5.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_speeds_write(const ssmq_speeds *s, const ssmq_run *run, const char *provenance,
                                            const char *path);
/* The medians, in the arena. */
const ssmq_speed_score *ssmq_speeds_scores(const ssmq_speeds *s, const ssmq_run *run, ssmq_arena *arena);

#ifdef __cplusplus
}
#endif
