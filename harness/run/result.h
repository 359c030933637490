/* What a finished run leaves in run.h5 (layout: analysis/README.md). */
#pragma once
#include "harness/run/calibrate/recipe.h"
#include "harness/run/evaluate/eval_ppl.h"
#include "harness/run/evaluate/fake_real.h"
#include "harness/run/evaluate/sensitivity.h"
#include "harness/run/evaluate/site_error.h"
#include "harness/run/experiment/experiment.h"
#include "harness/run/statistics/collect.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_result {
    const ssmq_run           *run;
    const ssmq_model         *model;      /* the one that ran                          */
    const ssmq_recipe_result *recipe;     /* NULL in float mode                        */
    const ssmq_samples       *samples;    /* NULL without calibration                  */
    const ssmq_collection    *collection; /* NULL where nothing is collected           */
    const ssmq_ppl           *ppl;        /* [run->n_evaluation]                       */
    const ssmq_site_errors   *errors;     /* NULL: not measured                        */
    const ssmq_sensitivity   *sensitivity;  /* likewise                                */
    const ssmq_interactions  *interactions;
    const ssmq_fake_real     *fake_real;
    const char               *provenance; /* JSON: what decides the numbers            */
    const char               *version;    /* of ssmq                                   */
} ssmq_result;

/* Writes the attributes of the root and /meta of a file that a run leaves.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_result_write_root(ssmq_store *s, const ssmq_result *r);

/* Writes path (sealed).  IO. */
SSMQ_MUST_USE ssmq_status ssmq_result_write(const ssmq_result *r, const char *path);

#ifdef __cplusplus
}
#endif
