/* What a sweep leaves beside its runs, in OUT/NAME/:
 *
 *   sweep.json   the frozen expansion: axes, runs with their ids, and which run each point is
 *   sweep.h5     figures over the axes (analysis/README.md)
 *   sweep.csv    a row for each run
 *
 * All three hold no time, so that equal content gives equal bytes; a file that would not change is left as it is. */
#pragma once
#include "harness/run/experiment/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes sweep.json, making the folder; that of another expansion under the same name is replaced.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_sweep_freeze(const ssmq_experiment *e, const char *out);

/* Writes sweep.h5 and sweep.csv from the runs' own files, whoever ran them: a run whose files are missing or damaged
 * has no figures.  IO; HELD where another process is at it for long. */
SSMQ_MUST_USE ssmq_status ssmq_sweep_collect(const ssmq_experiment *e, const char *out);

#ifdef __cplusplus
}
#endif
