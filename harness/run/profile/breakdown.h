/* What was measured op by op and site by site, summed up by kind. */
#pragma once
#include "harness/bench/meter.h"
#include "harness/run/profile/profile.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Products of linear layers by the layers' names, other ops by their own: what was counted since the meter was
 * cleared, for one of so many times that took seconds in all.  *out is the arena's. */
void ssmq_breakdown_make(const ssmq_meter *meter, const ssmq_model *m, double seconds, int64_t times,
                         ssmq_arena *arena, ssmq_breakdown *out);

#ifdef __cplusplus
}
#endif
