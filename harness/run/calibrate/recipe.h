/* A recipe carried out: its steps in order, on a model of its own, to a plan. */
#pragma once
#include "harness/run/calibrate/calibrate.h"
#include "harness/run/experiment/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a recipe decided, and what it was decided from. */
typedef struct ssmq_recipe_result {
    ssmq_plan         *plan;
    ssmq_calibration **calibration; /* one per pass over the samples, in order */
    int32_t            n_calibration;
} ssmq_recipe_result;

/* m: a fork that the steps may rewrite; samples: NULL where no step observes; seed: of the run.  Steps that
 * observe share a pass over the samples as long as no step between them changes the model.  Statuses: those of the
 * methods, with the step named, and of ssmq_calibration_run(). */
SSMQ_MUST_USE ssmq_status ssmq_recipe_apply(const ssmq_recipe *recipe, ssmq_model *m,
                                            ssmq_backend *be, const ssmq_samples *samples,
                                            uint64_t seed,
                                            const ssmq_listener *listener, ssmq_recipe_result *out);
/* What its steps decide from shapes alone, into a plan that is new. */
SSMQ_MUST_USE ssmq_status ssmq_recipe_outline(const ssmq_recipe *recipe, const ssmq_model *m,
                                              ssmq_plan *plan);

/* Where calibration takes what it observes from; zeroed but for samples: one sample after the other is run. */
typedef struct ssmq_calibration_source {
    const ssmq_samples *samples;
    struct ssmq_replay *replay; /* what is known already, and takes what is new; or NULL */
    int32_t             batch;  /* samples that run at once; 0: 1                        */
    bool                streams; /* pages of weights do not stay behind whoever read them: most are not read as floats again */
} ssmq_calibration_source;

/* The same from a source. */
SSMQ_MUST_USE ssmq_status ssmq_recipe_replay(const ssmq_recipe *recipe, ssmq_model *m, ssmq_backend *be,
                                             const ssmq_calibration_source *source, uint64_t seed,
                                             const ssmq_listener *listener, ssmq_recipe_result *out);
void                      ssmq_recipe_result_free(ssmq_recipe_result *r);

/* What the range of an activation or state site was taken from; NULL where its assignment needed no data. */
const ssmq_observation *ssmq_recipe_observation(const ssmq_recipe_result *r, int32_t site);

#ifdef __cplusplus
}
#endif
