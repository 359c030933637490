/* What sensitivity and interactions leave: datasets in run.h5, and steps for another recipe. */
#pragma once
#include "harness/run/evaluate/sensitivity.h"
#include "harness/store/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* /sensitivity and /interaction; nothing for NULL.  Memory is the arena's.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_sensitivity_write(ssmq_store *s, const ssmq_sensitivity *of,
                                                 ssmq_arena *arena);
SSMQ_MUST_USE ssmq_status ssmq_interactions_write(ssmq_store *s, const ssmq_interactions *of,
                                                  ssmq_arena *arena);

#define SSMQ_FRAGMENT "sensitivity.yaml" /* in the run's directory */
#define SSMQ_FRAGMENT_UNITS 3

/* A list of steps for the end of the run's recipe that leave in floating point the units that cost most, up to
 * SSMQ_FRAGMENT_UNITS of those whose damage is above 2 standard errors (or has none: a single window), with
 * comments that say what each is worth; an empty list where there are none. */
void ssmq_sensitivity_fragment(const ssmq_sensitivity *s, const ssmq_plan *plan, const char *run_id,
                               ssmq_str *out);

#ifdef __cplusplus
}
#endif
