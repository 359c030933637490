/* The layers of the float model over the windows of an evaluation, once for all that are compared with it: what its head
 * reads goes to the cache, window by window.  Processes that need the same share the windows among them, and one that is
 * killed loses the window in progress. */
#pragma once
#include "harness/exec/exec.h"
#include "harness/run/evaluate/hidden_cache.h"
#include "harness/run/evaluate/texts.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_FLOAT_PASS "float model of " /* what the listener is told, before the evaluation's id */

typedef struct ssmq_float_pass {
    const ssmq_evaluation *e;
    const ssmq_model      *m;
    ssmq_exec             *ex;    /* float */
    ssmq_hidden_cache     *cache;
    int64_t                piece; /* tokens of a forward pass */
    ssmq_texts            *texts;
    bool                   beside; /* for messages: does another model run beside this one? */
    /* Are windows that the run's journal knows passed over?  Then the evaluation does not score them again. */
    bool                   resumes;
    const ssmq_listener   *listener;
} ssmq_float_pass;

/* Afterwards each window has its file, but for those that have no room within *most_bytes, which is lowered by what
 * those with a file take, and where files cannot be written.  NUMERIC, naming the window; STOPPED; statuses of reading data. */
SSMQ_MUST_USE ssmq_status ssmq_float_pass_run(const ssmq_float_pass *p, int64_t *most_bytes);

#ifdef __cplusplus
}
#endif
