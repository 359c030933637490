/* Where a recipe's loss comes from: the recipe with only one unit of its sites quantised, and with all but
 * that one, for every unit; and what two of its steps do together beyond what each does.
 *
 * Units are switched in the finished plan: a site that is off stays in floating point, all else is as it was:
 * transforms (which keep the float function), ranges, channels that are kept, codes that a method solved with
 * other sites quantised.  Nothing is calibrated again.  Steps are different: a step may be a transform that all
 * ranges depend on, so for an interaction the recipe is applied anew without it.
 *
 * All of it runs in fake mode, to which real mode is equal bit for bit. */
#pragma once
#include "harness/run/calibrate/recipe.h"
#include "harness/run/evaluate/eval_ppl.h"
#include "harness/run/evaluate/units.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_sensitivity {
    ssmq_arena             *arena; /* owns all of it */
    ssmq_sensitivity_scores scores;
    ssmq_units              units; /* of scores.unit */
} ssmq_sensitivity;

typedef struct ssmq_interactions {
    ssmq_arena             *arena;
    ssmq_interaction_scores scores;
} ssmq_interactions;

typedef struct ssmq_sensitivity_request {
    const ssmq_compare_spec *spec;
    const ssmq_evaluation   *evaluation; /* all of its windows, up to its limit */
    const ssmq_model        *base;       /* float                               */
    const ssmq_model        *model;      /* that the recipe rewrote             */
    const ssmq_plan         *plan;
    const ssmq_recipe       *recipe;
    const ssmq_calibration_source *source; /* of interactions' calibrations */
    uint64_t                 seed;       /* of the run                          */
    ssmq_backend            *be;
    ssmq_texts              *texts;
    ssmq_hidden_cache       *cache;      /* of the float model, NULL: there is none */
    int64_t                  most_bytes; /* that what is not in the cache yet may take there */
    const ssmq_listener     *listener; /* told of units done, and of a sign of life within each */
} ssmq_sensitivity_request;

/* Memory for what the float model's layers give, so that they run once for all units: the windows beyond cost a
 * float pass for each unit again. */
#define SSMQ_SENSITIVITY_BYTES ((int64_t)256 << 20)

/* Each unit costs a quantised pass over the text, and the head of the float model.  NUMERIC, naming the unit; statuses of reading
 * data. */
SSMQ_MUST_USE ssmq_status ssmq_sensitivity_run(const ssmq_sensitivity_request *r,
                                               ssmq_sensitivity **out);
void                      ssmq_sensitivity_free(ssmq_sensitivity *s); /* accepts NULL */

/* The pairs of spec->interaction that the recipe has both steps of.  With L the mean loss of a window:
 * ln_ppl = L(both) - L(only a) - L(only b) + L(neither), which is what both cost less what each costs; above 0
 * they make each other worse.  Each costs up to three calibrations and evaluations.  Statuses of
 * ssmq_recipe_replay(), naming the steps that were left out. */
SSMQ_MUST_USE ssmq_status ssmq_interactions_run(const ssmq_sensitivity_request *r,
                                                ssmq_interactions **out);
void                      ssmq_interactions_free(ssmq_interactions *s); /* accepts NULL */

/* Are some to be measured? */
bool ssmq_has_interactions(const ssmq_compare_spec *spec, const ssmq_recipe *recipe);

#ifdef __cplusplus
}
#endif
