#include "harness/run/ready.h"
#include "harness/run/load.h"
#include "harness/run/recipe_file.h"

static ssmq_status apply_recipe(const ssmq_ready_request *r, const ssmq_recipe *recipe, ssmq_ready *out)
{
    ssmq_samples samples = {0};
    if (recipe->observes) SSMQ_TRY(r->samples(r->context, out->base, &samples));
    return ssmq_recipe_apply(recipe, out->m, out->be, recipe->observes ? &samples : NULL, r->seed, NULL,
                             &out->recipe);
}

ssmq_status ssmq_ready_open(const ssmq_ready_request *r, const ssmq_catalogue *cat, ssmq_diag *diag,
                            ssmq_arena *arena, ssmq_ready *out)
{
    const ssmq_recipe *recipe = NULL;
    *out = (ssmq_ready){0};
    if (r->mode != SSMQ_MODE_FLOAT && !r->recipe)
        return SSMQ_FAIL(USAGE, "--mode %s needs --recipe FILE", ssmq_modes[r->mode]);
    if (r->mode == SSMQ_MODE_FLOAT && r->recipe)
        return SSMQ_FAIL(USAGE, "--recipe needs --mode fake or --mode real");
    if (r->recipe)
        SSMQ_TRY(ssmq_recipe_read(r->recipe, r->model, r->mode, r->backend, cat, diag, arena, &recipe));
    SSMQ_TRY(ssmq_model_load(cat->families, r->model, &out->base, &out->checkpoint));
    out->m = ssmq_model_fork(out->base);
    SSMQ_TRY(ssmq_backend_open(r->backend, NULL, r->threads, &out->be));
    if (recipe) SSMQ_TRY(apply_recipe(r, recipe, out));
    return ssmq_exec_open(out->be, out->m, out->recipe.plan, r->mode, &out->ex);
}

void ssmq_ready_close(ssmq_ready *r)
{
    ssmq_exec_close(r->ex);
    ssmq_recipe_result_free(&r->recipe);
    ssmq_backend_close(r->be);
    ssmq_model_free(r->m);
    ssmq_model_free(r->base);
    ssmq_checkpoint_close(r->checkpoint);
    *r = (ssmq_ready){0};
}

ssmq_status ssmq_ready_logits(ssmq_ready *r, const ssmq_tensor *rows, ssmq_tensor *logits)
{
    ssmq_tensor x = *rows;
    SSMQ_TRY(ssmq_exec_scratch(r->ex, SSMQ_EXEC_SLOT_LOGITS, 2,
                               (const int64_t[]){rows->dim[0], r->m->vocabulary}, logits));
    return r->m->family->head(r->m, r->ex, &x, logits);
}
