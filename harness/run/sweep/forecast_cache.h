/* What the cache holds of that which runs need. */
#pragma once
#include "harness/run/sweep/forecast.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fills in texts, stored, samples and hidden of every run that is to be carried out.  What cannot be looked
 * at is not there. */
void ssmq_forecast_cache(const ssmq_experiment *e, const ssmq_catalogue *cat, const char *cache,
                         ssmq_arena *arena, ssmq_forecast_run *run);

#ifdef __cplusplus
}
#endif
