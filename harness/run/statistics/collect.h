/* The pass that collects: the calibration samples through a run's own model, in its own mode and under its
 * plan, one at a time, and what is asked for taken of the live tensors: in a fake run what the quantiser is
 * given, after rotation and division and before it makes codes of it; of weights, what the recipe left.
 *
 * Memory does not depend on the number of samples, but for 4 bytes a site and sample.  Where the accumulators
 * of all layers (site_stats.h: 16 MiB for a layer of mamba-130m with everything on) would take more than
 * SSMQ_COLLECT_BYTES the samples are run several times, each time for as many layers as fit. */
#pragma once
#include "harness/exec/exec.h"
#include "harness/run/listener.h"
#include "harness/run/statistics/dump.h"
#include "harness/run/statistics/site_figures.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_COLLECT_BYTES ((int64_t)1 << 30)

/* All lent. */
typedef struct ssmq_collect_source {
    const ssmq_collect_spec *spec;
    const ssmq_model        *model;
    const ssmq_plan         *plan; /* NULL in float mode */
    ssmq_mode                mode;
    const ssmq_samples      *samples; /* NULL where only weights are looked at */
    ssmq_backend            *be;
    int64_t                  most_bytes; /* of accumulators; at least a layer's are held whatever it says */
} ssmq_collect_source;

typedef struct ssmq_collection {
    ssmq_site_figures *figures; /* [n] in the order of the model's sites */
    int32_t            n;
    ssmq_arena        *arena;   /* owns the figures                      */
} ssmq_collection;

/* dump: NULL, or one that was opened for the same source.  NUMERIC as ssmq_exec_site(), with the sample named;
 * MEMORY, IO. */
SSMQ_MUST_USE ssmq_status ssmq_collect(const ssmq_collect_source *source, ssmq_dump *dump,
                                       const ssmq_listener *listener, ssmq_collection *out);
void                      ssmq_collection_free(ssmq_collection *c);

#ifdef __cplusplus
}
#endif
