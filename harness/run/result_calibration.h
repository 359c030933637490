/* What samples counted for, step by step, in run.h5. */
#pragma once
#include "harness/run/result.h"
#include "harness/store/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* For every step whose samples counted for the same at all its sites, as they do under a running average: the sample
 * that counted for the most.  Nothing where there is no such step.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_result_write_calibration(ssmq_store *s, const ssmq_result *r, ssmq_arena *arena);

#ifdef __cplusplus
}
#endif
