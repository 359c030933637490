/* What errors at sites leave: datasets in run.h5, and the figures of summary.json. */
#pragma once
#include "harness/run/evaluate/site_error.h"
#include "harness/store/store.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* /sites/<site>/error/<input>/ of every site that was measured, with the metrics that were asked for.  Memory
 * is the arena's.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_site_errors_write(ssmq_store *s, const ssmq_site_errors *e,
                                                 const ssmq_compare_spec *spec,
                                                 const char *evaluation, ssmq_arena *arena);

/* A score for each family of sites and each input, in the arena. */
ssmq_site_scores ssmq_site_errors_scores(const ssmq_site_errors *e, const ssmq_compare_spec *spec,
                                         const char *evaluation, ssmq_arena *arena);

#ifdef __cplusplus
}
#endif
