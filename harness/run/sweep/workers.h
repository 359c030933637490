/* The runs of an experiment in processes of their own, several at once: a crash ends one run only. */
#pragma once
#include "harness/run/job.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Carries out those of the n jobs whose outcome is neither `other` nor skipped, in request->workers processes at once,
 * each with a part of the processors that this one may use; there are no more processes than processors.  Each is
 * the program itself, `run SNAPSHOT --only ID`.  In order, but a run that is held against a float run's results starts after
 * that has ended.  Those that are not started any more, after failures
 * or a signal, become `other`.  A signal is handed on to the processes, which are waited for; where this process
 * dies, SIGTERM is sent to them. */
void ssmq_workers_run(ssmq_job *jobs, ssmq_outcome *outcome, int32_t n, const char *snapshot);

#ifdef __cplusplus
}
#endif
