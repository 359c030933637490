/* A model made ready to run in a mode, without an experiment: loaded, a recipe from a file applied. */
#pragma once
#include "harness/data/checkpoint.h"
#include "harness/run/calibrate/recipe.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_ready_request {
    const char             *model;   /* directory                            */
    const char             *recipe;  /* file; NULL in float mode             */
    ssmq_mode               mode;
    const ssmq_backend_ops *backend; /* with its options' defaults           */
    int32_t                 threads;
    uint64_t                seed;    /* of what the recipe draws at random   */
    /* Reads or makes the samples that a recipe is calibrated on, which the caller frees; called where some step
     * needs them. */
    ssmq_status (*samples)(void *context, const ssmq_model *base, ssmq_samples *out);
    void *context;
} ssmq_ready_request;

typedef struct ssmq_ready {
    ssmq_model        *base, *m; /* as loaded, NULL where that was a quantised checkpoint; what runs */
    ssmq_checkpoint   *checkpoint;
    ssmq_backend      *be;
    ssmq_recipe_result recipe;
    ssmq_exec         *ex;
} ssmq_ready;

/* USAGE unless a recipe and a mode other than float go together; of a quantised checkpoint (quantized.h) there is
 * neither.  Problems of the recipe go to diag; statuses of reading model and recipe, of the methods, MEMORY.  Whatever is
 * returned, ssmq_ready_close() releases *out. */
SSMQ_MUST_USE ssmq_status ssmq_ready_open(const ssmq_ready_request *r, const ssmq_catalogue *cat,
                                          ssmq_diag *diag, ssmq_arena *arena, ssmq_ready *out);
void                      ssmq_ready_close(ssmq_ready *r);

/* A mode as an option has it (-1: not given) or by its name (NULL: not given); where none was given, float, or of a quantised
 * checkpoint real.  USAGE. */
SSMQ_MUST_USE ssmq_status ssmq_mode_of(int option, const char *name, const char *model, ssmq_mode *out);

/* The logits (M, V) of rows (M, D) of what a forward pass left, lent until the next call. */
SSMQ_MUST_USE ssmq_status ssmq_ready_logits(ssmq_ready *r, const ssmq_tensor *rows, ssmq_tensor *logits);

#ifdef __cplusplus
}
#endif
