/* Options drawn from their tables: whatever YAML would take, of any method of the registry. */
#pragma once
#include "harness/base/rng.h"
#include "harness/contract/method.h"

/* Options of a method for a step on this model, as YAML; two thirds of those with a default are left out.  Of
 * integers the lowest 8 are drawn, of sites the name of one that the method takes, in its layer or in all.
 * The arena's. */
const char *test_drawn_options(ssmq_arena *arena, ssmq_rng *r, const ssmq_method *method,
                               const ssmq_model *m);
