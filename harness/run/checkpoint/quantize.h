/* A run's recipe carried out and written as a quantised checkpoint. */
#pragma once
#include "harness/run/experiment/experiment.h"
#include "harness/run/listener.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The run of an experiment whose recipe is meant: the one of this id, or where only is NULL the only one that
 * quantises, whatever its mode.  USAGE, with the runs there are. */
SSMQ_MUST_USE ssmq_status ssmq_quantize_choose(const ssmq_experiment *e, const char *only, ssmq_arena *arena,
                                               const ssmq_run **out);

/* cache: folder of what calibration measured, or NULL.  directory: there and empty.  *bytes: of the weights' file; *elements:
 * how many numbers the weights are.  Statuses of ssmq_session_prepare(), ssmq_recipe_replay(), ssmq_quantized_write(). */
SSMQ_MUST_USE ssmq_status ssmq_quantize(const ssmq_experiment *e, const ssmq_run *run, const ssmq_catalogue *cat,
                                        const char *cache, const ssmq_listener *listener, const char *directory,
                                        int64_t *bytes, int64_t *elements);

#ifdef __cplusplus
}
#endif
