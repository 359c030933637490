/* The alarm of a run that was carried out before, or beside, the float run that it is held against: raised when both
 * are finished. */
#pragma once
#include "harness/run/job.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Looks at each finished run of the n, and its float run where that is finished too.  What a run lacks is added to its
 * summary.json, which is then as if the float run had come first, and to its outcome; that it cannot be
 * written is a warning. */
void ssmq_late_alarms(ssmq_job *jobs, ssmq_outcome *outcome, int32_t n);

#ifdef __cplusplus
}
#endif
