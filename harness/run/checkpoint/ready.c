#include "harness/run/checkpoint/ready.h"
#include <string.h>
#include "harness/run/checkpoint/load.h"
#include "harness/run/checkpoint/quantized.h"
#include "harness/run/experiment/recipe_file.h"

static ssmq_status apply_recipe(const ssmq_ready_request *r, const ssmq_recipe *recipe, ssmq_ready *out)
{
    ssmq_samples samples = {0};
    if (recipe->observes) SSMQ_TRY(r->samples(r->context, out->base, &samples));
    const ssmq_calibration_source source = {.samples = recipe->observes ? &samples : NULL, .streams = true};
    return ssmq_recipe_replay(recipe, out->m, out->be, &source, r->seed, NULL, &out->recipe);
}

/* A checkpoint with a plan of its own. */
static ssmq_status open_quantized(const ssmq_ready_request *r, const ssmq_catalogue *cat, ssmq_ready *out)
{
    if (r->recipe)
        return SSMQ_FAIL(USAGE, "--recipe: %s is a quantised checkpoint, whose recipe was carried out", r->model);
    if (r->mode == SSMQ_MODE_FLOAT)
        return SSMQ_FAIL(USAGE, "%s is a quantised checkpoint: it runs in --mode fake or real", r->model);
    SSMQ_TRY(ssmq_quantized_load(cat->families, r->model, &out->m, &out->checkpoint, &out->recipe.plan));
    SSMQ_TRY(ssmq_backend_open(r->backend, NULL, r->threads, &out->be));
    SSMQ_TRY(ssmq_exec_open(out->be, out->m, out->recipe.plan, r->mode, &out->ex));
    ssmq_exec_moves(out->ex);
    return SSMQ_OK;
}

ssmq_status ssmq_ready_open(const ssmq_ready_request *r, const ssmq_catalogue *cat, ssmq_diag *diag,
                            ssmq_arena *arena, ssmq_ready *out)
{
    const ssmq_recipe *recipe = NULL;
    *out = (ssmq_ready){0};
    if (ssmq_quantized_is(r->model)) return open_quantized(r, cat, out);
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
    SSMQ_TRY(ssmq_exec_open(out->be, out->m, out->recipe.plan, r->mode, &out->ex));
    ssmq_exec_owns(out->ex, out->m);
    ssmq_exec_moves(out->ex);
    return SSMQ_OK;
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

ssmq_status ssmq_mode_of(int option, const char *name, const char *model, ssmq_mode *out)
{
    *out = ssmq_quantized_is(model) ? SSMQ_MODE_REAL : SSMQ_MODE_FLOAT;
    if (option >= 0) *out = (ssmq_mode)option;
    for (int i = 0; name; i++) {
        if (!ssmq_modes[i]) return SSMQ_FAIL(USAGE, "--mode: '%s' is none of float, fake, real", name);
        if (strcmp(ssmq_modes[i], name) != 0) continue;
        *out = (ssmq_mode)i;
        break;
    }
    return SSMQ_OK;
}
