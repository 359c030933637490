/* The part of run.h5 that says what a plan did at each site: /sites/<site>/. */
#pragma once
#include "harness/run/result.h"
#include "harness/store/store.h"

/* Every site that the plan quantises or rotates, layers side by side. */
SSMQ_MUST_USE ssmq_status ssmq_result_write_sites(ssmq_store *s, const ssmq_result *r,
                                                  ssmq_arena *arena);
