/* The forward pass over calibration samples, for whoever looks at the live tensors of some sites: calibration and
 * what is collected.  Samples of equal length run side by side; each runs no further than to the last site that is
 * looked at. */
#pragma once
#include "harness/data/dataset.h"
#include "harness/exec/exec.h"
#include "harness/run/listener.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Who looks.  Samples are told by their places in the order in which they run, from 0. */
typedef struct ssmq_sample_watch {
    void *context;
    /* Is the site to be shown of the samples from this one on that run together?  The same until they are done. */
    bool (*wants)(void *context, int32_t site, int64_t first);
    /* x (B, ...), as a probe is shown it, of the samples first .. first + B - 1; each site that is wanted, once a
     * sample.  A site behind the layers is shown sample by sample. */
    ssmq_status (*see)(void *context, int32_t site, const ssmq_tensor *x, int64_t first);
    /* Does see() return NUMERIC where an activation is not finite?  NULL: nowhere. */
    bool (*checks)(void *context, int32_t site, int64_t first);
    /* The samples first .. first + n - 1 are done. */
    ssmq_status (*done)(void *context, int64_t first, int32_t n);
} ssmq_sample_watch;

/* All lent. */
typedef struct ssmq_sample_pass {
    const char          *task; /* in messages, "calibration" */
    const ssmq_model    *model;
    const ssmq_plan     *plan; /* NULL in float mode */
    ssmq_mode            mode;
    ssmq_backend        *be;
    const ssmq_samples  *samples;
    const int64_t       *order;  /* [n] which samples run, in this order; NULL: the first n */
    int64_t              n;
    int64_t              known;  /* of them, that need not run: they were done before */
    int32_t              batch;  /* samples that run together, at most; 0: 1 */
    const ssmq_listener *listener;
    ssmq_sample_watch    watch;
} ssmq_sample_pass;

/* STOPPED between samples; NUMERIC as ssmq_exec_site(), with the first such sample named, whatever the batch;
 * MEMORY; what the watch returns. */
SSMQ_MUST_USE ssmq_status ssmq_sample_pass_run(const ssmq_sample_pass *p);

#ifdef __cplusplus
}
#endif
