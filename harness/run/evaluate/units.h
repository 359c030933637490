/* The quantised sites of a plan, in units that are switched together. */
#pragma once
#include "harness/contract/method.h"
#include "harness/run/experiment/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_unit {
    const char *name; /* "scan.x", "layers.3.scan.x", "layers.3", or a step's id */
    bool       *site; /* [n_site] its sites, all of which the plan quantises    */
} ssmq_unit;

typedef struct ssmq_units {
    ssmq_unit *at; /* [n] in the order of the model's sites; each site is in one at most */
    int32_t    n;
} ssmq_units;

/* In the arena.  A layer's unit is its sites; what lies outside the layers is a unit of its own. */
ssmq_units ssmq_units_of(const ssmq_plan *plan, const ssmq_recipe *recipe, ssmq_unit_kind kind,
                         ssmq_arena *arena);

/* The sites of a unit as steps that leave them in floating point, appended to out: a YAML list, a step for
 * each method, "- {id: ID-weights, method: weights, sites: [...], bits: off}".  A site is selected in all layers
 * where the unit has it in all that the plan quantises it in. */
void ssmq_unit_steps(const ssmq_unit *u, const ssmq_plan *plan, const char *id, ssmq_str *out);

#ifdef __cplusplus
}
#endif
