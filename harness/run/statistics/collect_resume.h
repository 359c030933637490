/* What a pass that collects found before the run was killed. */
#pragma once
#include "harness/run/statistics/collect.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Adds the figures of the sites of a finished pass that began at site `first`; false: they are not known. */
bool ssmq_collect_take(ssmq_collection *to, const ssmq_collect_source *source, int32_t first,
                       const ssmq_listener *l);
/* Keeps those from figure number n on, which are of that pass.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_collect_keep(const ssmq_collection *from, int32_t n,
                                            const ssmq_collect_source *source, int32_t first,
                                            const ssmq_listener *l);

#ifdef __cplusplus
}
#endif
