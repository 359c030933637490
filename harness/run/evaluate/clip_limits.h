/* Which values a plan clips: those of which ssmq_code_clamped() says so. */
#pragma once
#include "harness/base/arena.h"
#include "harness/run/statistics/site_stats.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of an activation or state site, in the arena; NULLs of a weight, where the site is left in floating point,
 * where the plan (or NULL) has no scales for it, and without plan. */
ssmq_clip_limits ssmq_clip_limits_of(const ssmq_plan *plan, int32_t site, ssmq_arena *arena);

/* How many values of a weight are clipped, those whose codes a method solved too; *known: it has scales. */
uint64_t ssmq_clipped_weights(const ssmq_model *m, const ssmq_plan *plan, int32_t site, bool *known);

#ifdef __cplusplus
}
#endif
