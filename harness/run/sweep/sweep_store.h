/* sweep.h5. */
#pragma once
#include "harness/run/experiment/experiment.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the file, which is not there yet: s [e->n_run] is what each run came to.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_sweep_store(const ssmq_experiment *e, const ssmq_summary *s, const char *path);

#ifdef __cplusplus
}
#endif
