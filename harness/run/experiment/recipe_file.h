/* A recipe from a file of its own, for whoever runs one without an experiment. */
#pragma once
#include "harness/run/experiment/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Reads the list of steps in a file and checks it against a model's config and what a backend carries out in a
 * mode, as an experiment's.  Problems go to diag with their places, the failure's own message counts them;
 * statuses as of ssmq_experiment_read().  *out is the arena's. */
SSMQ_MUST_USE ssmq_status ssmq_recipe_read(const char *path, const char *model, ssmq_mode mode,
                                           const ssmq_backend_ops *backend, const ssmq_catalogue *cat,
                                           ssmq_diag *diag, ssmq_arena *arena, const ssmq_recipe **out);

#ifdef __cplusplus
}
#endif
