/* What a comparison leaves in run.h5 beside the table of figures. */
#pragma once
#include "harness/run/evaluate/compare.h"
#include "harness/store/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Datasets along group/window, which is there already; those of tokens, along group/token, only where they
 * are to be kept.  Their memory is the arena's. */
SSMQ_MUST_USE ssmq_status ssmq_comparison_write(ssmq_store *s, const char *group,
                                                const ssmq_comparison *c,
                                                const ssmq_compare_spec *spec, ssmq_arena *arena);

#ifdef __cplusplus
}
#endif
