#include "harness/run/recipe.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"

void ssmq_recipe_result_free(ssmq_recipe_result *r)
{
    for (int32_t i = 0; i < r->n_calibration; i++) ssmq_calibration_free(r->calibration[i]);
    free(r->calibration);
    ssmq_plan_free(r->plan);
    *r = (ssmq_recipe_result){0};
}

const ssmq_observation *ssmq_recipe_observation(const ssmq_recipe_result *r, int32_t site)
{
    const ssmq_assignment *a = &r->plan->at[site];
    if (!a->observer || r->plan->model->site[site].kind != SSMQ_SITE_ACTIVATION) return NULL;
    for (int32_t i = r->n_calibration - 1; i >= 0; i--) {
        const ssmq_observation *o = ssmq_calibration_find(r->calibration[i], site, a->observer,
                                                          &a->spec);
        if (o) return o;
    }
    return NULL;
}

/* A failure of a step says which step. */
static ssmq_status in_step(ssmq_status st, const ssmq_step *step)
{
    if (st == SSMQ_OK) return SSMQ_OK;
    ssmq_str message = {0};
    ssmq_str_printf(&message, "step '%s': %s", step->id, ssmq_error_last()->message);
    ssmq_fail(st, __FILE__, __LINE__, __func__, "%s", ssmq_str_text(&message));
    ssmq_str_free(&message);
    return st;
}

static bool needs_data(const ssmq_step *step)
{
    return step->method->needs_data && step->method->needs_data(step->options);
}

static ssmq_status apply_step(const ssmq_recipe *recipe, int32_t i, ssmq_model *m,
                              const ssmq_calibration *c, ssmq_plan *plan)
{
    const ssmq_step *step = &recipe->step[i];
    plan->step = i;
    SSMQ_TRY(in_step(step->method->outline(step->options, m, plan), step));
    return in_step(step->method->apply(step->options, m, c, plan), step);
}

/* Steps begin .. end - 1, all of which observe: one pass over the samples for all of them. */
static ssmq_status apply_observing(const ssmq_recipe *recipe, int32_t begin, int32_t end,
                                   ssmq_model *m, ssmq_backend *be, const ssmq_samples *samples,
                                   const ssmq_listener *listener, ssmq_recipe_result *r)
{
    SSMQ_ASSERT(samples != NULL);
    ssmq_calibration *c = ssmq_calibration_new(m);
    r->calibration = ssmq_must_realloc(r->calibration,
                                       (size_t)(r->n_calibration + 1) * sizeof *r->calibration);
    r->calibration[r->n_calibration++] = c;
    for (int32_t i = begin; i < end; i++) {
        const ssmq_step *step = &recipe->step[i];
        SSMQ_TRY(in_step(step->method->outline(step->options, m, r->plan), step));
        step->method->observe(step->options, r->plan, c);
    }
    SSMQ_TRY(ssmq_calibration_run(c, be, r->plan, samples, listener));
    for (int32_t i = begin; i < end; i++) SSMQ_TRY(apply_step(recipe, i, m, c, r->plan));
    return SSMQ_OK;
}

ssmq_status ssmq_recipe_apply(const ssmq_recipe *recipe, ssmq_model *m, ssmq_backend *be,
                              const ssmq_samples *samples, const ssmq_listener *listener,
                              ssmq_recipe_result *out)
{
    ssmq_recipe_result r = {.plan = ssmq_plan_new(m)};
    ssmq_status        st = SSMQ_OK;
    for (int32_t i = 0; i < recipe->n_step && st == SSMQ_OK;) {
        int32_t end = i;
        while (end < recipe->n_step && needs_data(&recipe->step[end])) end++;
        if (end > i) {
            st = apply_observing(recipe, i, end, m, be, samples, listener, &r);
            i = end;
        } else {
            st = apply_step(recipe, i, m, NULL, r.plan);
            i++;
        }
    }
    if (st != SSMQ_OK) ssmq_recipe_result_free(&r);
    else *out = r;
    return st;
}
