/* What the passes of an experiment have in common: part of their digest, and the quantiles that are kept. */
#pragma once
#include "harness/backend/backend.h"
#include "harness/run/experiment/experiment.h"
#include "harness/store/provenance.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the numbers, code (harness/run/code.h), backend and processor, sums of the model, the tokenizer and the
 * calibration data, and which samples are taken of these; not how many.  file [n]: as ssmq_session_files() lists them. */
const char *ssmq_replay_identity(const ssmq_run *run, const ssmq_backend *be, const char *code,
                                 const ssmq_input_file *file, int32_t n, ssmq_arena *arena);

/* Those that are kept of every sample, and those that any observer of the experiment asks for. */
const double *ssmq_replay_levels(const ssmq_experiment *e, ssmq_arena *arena, int32_t *n);

#ifdef __cplusplus
}
#endif
