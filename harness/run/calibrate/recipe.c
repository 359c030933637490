#include "harness/run/calibrate/recipe.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/run/calibrate/recipe_resume.h"

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
    if (!a->observer || r->plan->model->site[site].kind == SSMQ_SITE_WEIGHT) return NULL;
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
    if (st == SSMQ_OK || st == SSMQ_ERR_STOPPED) return st;
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

static ssmq_status outline(const ssmq_recipe *recipe, int32_t i, const ssmq_model *m, ssmq_plan *plan)
{
    const ssmq_step *step = &recipe->step[i];
    plan->step = i;
    return in_step(step->method->outline(step->options, m, plan), step);
}

ssmq_status ssmq_recipe_outline(const ssmq_recipe *recipe, const ssmq_model *m, ssmq_plan *plan)
{
    for (int32_t i = 0; i < recipe->n_step; i++) SSMQ_TRY(outline(recipe, i, m, plan));
    return SSMQ_OK;
}

static ssmq_status apply(const ssmq_recipe *recipe, int32_t i, ssmq_model *m,
                         const ssmq_calibration *c, ssmq_plan *plan)
{
    const ssmq_step *step = &recipe->step[i];
    plan->step = i;
    return in_step(step->method->apply(step->options, m, c, plan), step);
}

/* The end of the steps that can observe in one pass from begin on: begin itself if it observes none.  A
 * step whose work shows in activations observes alone. */
static int32_t end_of_pass(const ssmq_recipe *recipe, int32_t begin)
{
    int32_t end = begin;
    while (end < recipe->n_step && needs_data(&recipe->step[end])) {
        const ssmq_method *method = recipe->step[end].method;
        const bool         alone = method->transforms || method->layerwise;
        if (alone && end > begin) break;
        end++;
        if (alone) break;
    }
    return end;
}

static ssmq_calibration *calibration_new(const ssmq_model *m, const ssmq_calibration_source *source)
{
    ssmq_calibration *c = ssmq_calibration_new(m);
    c->replay = source->replay;
    c->batch = source->batch;
    return c;
}

/* Steps begin .. end - 1, all of which observe: one pass over the samples for all of them.  Where there are
 * several, each is outlined again before it is applied: another has written over it. */
static ssmq_status apply_observing(const ssmq_recipe *recipe, int32_t begin, int32_t end,
                                   ssmq_model *m, ssmq_backend *be, const ssmq_calibration_source *source,
                                   const ssmq_listener *listener, ssmq_recipe_result *r)
{
    SSMQ_ASSERT(source->samples != NULL);
    ssmq_calibration *c = calibration_new(m, source);
    r->calibration = ssmq_must_realloc(r->calibration,
                                       (size_t)(r->n_calibration + 1) * sizeof *r->calibration);
    r->calibration[r->n_calibration++] = c;
    for (int32_t i = begin; i < end; i++) {
        SSMQ_TRY(outline(recipe, i, m, r->plan));
        recipe->step[i].method->observe(recipe->step[i].options, r->plan, c);
    }
    SSMQ_TRY(ssmq_calibration_run(c, be, r->plan, source->samples, listener));
    for (int32_t i = begin; i < end; i++) {
        if (end - begin > 1) SSMQ_TRY(outline(recipe, i, m, r->plan));
        SSMQ_TRY(apply(recipe, i, m, c, r->plan));
    }
    return SSMQ_OK;
}

/* A step that looks at each layer with the layers before it quantised: a pass over the samples for each
 * that it has a site in.  What was collected is large and of no use after it. */
static ssmq_status apply_layerwise(const ssmq_recipe *recipe, int32_t i, ssmq_model *m, ssmq_backend *be,
                                   const ssmq_calibration_source *source, const ssmq_listener *listener,
                                   ssmq_plan *plan)
{
    SSMQ_ASSERT(source->samples != NULL);
    SSMQ_TRY(outline(recipe, i, m, plan));
    ssmq_status st = SSMQ_OK;
    for (int32_t layer = 0; layer <= m->n_layer && st == SSMQ_OK; layer++) {
        plan->layer = layer < m->n_layer ? layer : -1;
        if (ssmq_layer_take(listener, plan)) continue;
        ssmq_calibration *c = calibration_new(m, source);
        recipe->step[i].method->observe(recipe->step[i].options, plan, c);
        if (c->n_gram + c->n_observation > 0)
            st = ssmq_calibration_run(c, be, plan, source->samples, listener);
        if (st == SSMQ_OK) st = apply(recipe, i, m, c, plan);
        if (st == SSMQ_OK) st = ssmq_layer_keep(listener, plan);
        ssmq_calibration_free(c);
    }
    return st;
}

ssmq_status ssmq_recipe_replay(const ssmq_recipe *recipe, ssmq_model *m, ssmq_backend *be,
                               const ssmq_calibration_source *source, uint64_t seed,
                               const ssmq_listener *listener, ssmq_recipe_result *out)
{
    ssmq_recipe_result r = {.plan = ssmq_plan_new(m)};
    ssmq_status        st = SSMQ_OK;
    r.plan->seed = seed;
    m->streams = source->streams;
    for (int32_t i = 0; i < recipe->n_step && st == SSMQ_OK;) {
        const int32_t end = end_of_pass(recipe, i);
        if (end > i && recipe->step[i].method->layerwise) {
            st = apply_layerwise(recipe, i, m, be, source, listener, r.plan);
            i++;
        } else if (end > i) {
            st = apply_observing(recipe, i, end, m, be, source, listener, &r);
            i = end;
        } else {
            st = outline(recipe, i, m, r.plan);
            if (st == SSMQ_OK) st = apply(recipe, i, m, NULL, r.plan);
            i++;
        }
    }
    m->streams = false;
    if (st != SSMQ_OK) ssmq_recipe_result_free(&r);
    else *out = r;
    return st;
}

ssmq_status ssmq_recipe_apply(const ssmq_recipe *recipe, ssmq_model *m, ssmq_backend *be,
                              const ssmq_samples *samples, uint64_t seed,
                              const ssmq_listener *listener, ssmq_recipe_result *out)
{
    const ssmq_calibration_source source = {.samples = samples};
    return ssmq_recipe_replay(recipe, m, be, &source, seed, listener, out);
}
