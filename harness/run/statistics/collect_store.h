/* The part of run.h5 that holds statistics: /sites/<site>/ (layout: analysis/README.md). */
#pragma once
#include "harness/run/experiment/experiment.h"
#include "harness/run/statistics/collect.h"
#include "harness/store/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Layers side by side; /axis/layer and, where samples were looked at, /axis/sample are there.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_collection_write(ssmq_store *s, const ssmq_collect_spec *spec,
                                                const ssmq_model *m, const ssmq_collection *c,
                                                ssmq_arena *arena);

#ifdef __cplusplus
}
#endif
