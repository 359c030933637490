#include "harness/run/calibrate.h"
#include <string.h>
#include "harness/base/assert.h"
#include "harness/exec/exec.h"

ssmq_calibration *ssmq_calibration_new(const ssmq_model *m)
{
    ssmq_arena       *arena = ssmq_arena_new();
    ssmq_calibration *c = ssmq_arena_alloc(arena, sizeof *c);
    c->arena = arena;
    c->model = m;
    return c;
}

void ssmq_calibration_free(ssmq_calibration *c)
{
    if (c) ssmq_arena_free(c->arena);
}

const ssmq_observation *ssmq_calibration_find(const ssmq_calibration *c, int32_t site,
                                              const char *observer)
{
    for (int32_t i = 0; i < c->n_observation; i++)
        if (c->at[i]->site == site && strcmp(c->at[i]->observer->text, observer) == 0)
            return c->at[i];
    return NULL;
}

void ssmq_calibration_watch(ssmq_calibration *c, int32_t site, const ssmq_observer *observer)
{
    SSMQ_ASSERT(c->model->site[site].kind == SSMQ_SITE_ACTIVATION);
    if (ssmq_calibration_find(c, site, observer->text)) return;
    if (c->n_observation == c->capacity) {
        ssmq_observation **old = c->at;
        c->capacity = c->capacity ? 2 * c->capacity : 64;
        c->at = SSMQ_ARENA_ARRAY(c->arena, ssmq_observation *, c->capacity);
        for (int32_t i = 0; i < c->n_observation; i++) c->at[i] = old[i];
    }
    ssmq_observation *o = ssmq_arena_alloc(c->arena, sizeof *o);
    o->site = site;
    o->observer = observer;
    c->at[c->n_observation++] = o;
}

float ssmq_calibration_range(const ssmq_calibration *c, int32_t site, const ssmq_observer *observer,
                             bool *raised)
{
    const ssmq_observation *o = ssmq_calibration_find(c, site, observer->text);
    SSMQ_ASSERT(o && c->n > 0);
    if (o->raised) *raised = true;
    return o->range;
}

/* ---- the pass -------------------------------------------------------------------------- */

/* Shows a live tensor to all observers of its site. */
static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x)
{
    ssmq_calibration *c = context;
    for (int32_t i = 0; i < c->n_observation; i++) {
        ssmq_observation *o = c->at[i];
        if (o->site != site) continue;
        SSMQ_TRY(o->observer->statistic->range(o->observer->statistic_options, x, &o->value[c->n]));
    }
    return SSMQ_OK;
}

/* What calibration runs under: floating point, with the rotations that will be there. */
static ssmq_plan *rotations_of(const ssmq_plan *plan)
{
    ssmq_plan *p = ssmq_plan_new(plan->model);
    for (int32_t i = 0; i < plan->model->n_site; i++) p->at[i].rotate = plan->at[i].rotate;
    return p;
}

static ssmq_status forward_all(ssmq_calibration *c, ssmq_exec *ex, void *state,
                               const ssmq_samples *samples, const ssmq_listener *listener)
{
    const ssmq_family *family = c->model->family;
    for (int64_t i = 0; i < samples->n; i++) {
        const ssmq_sample *s = &samples->sample[i];
        const ssmq_batch   in = {.token = s->token, .B = 1, .L = (int32_t)s->length};
        ssmq_tensor        hidden;
        c->n = i;
        SSMQ_TRY(family->state_zero(c->model, ex, state));
        SSMQ_TRY(family->forward(c->model, ex, &in, state, &hidden));
        ssmq_tell_update(listener, i + 1, (double)(i + 1) / (double)samples->n);
    }
    c->n = samples->n;
    return SSMQ_OK;
}

/* The samples' ranges to one, each raised first where the statistic asks for it. */
static void combine(ssmq_calibration *c, ssmq_observation *o, float *raised)
{
    for (int64_t i = 0; i < c->n; i++) {
        const bool low = o->observer->statistic->floor && o->value[i] < SSMQ_AMAX_MIN;
        raised[i] = low ? SSMQ_AMAX_MIN : o->value[i];
        o->raised |= low;
    }
    o->range = o->observer->across->combine(o->observer->across_options, raised, c->n, o->weight);
}

ssmq_status ssmq_calibration_run(ssmq_calibration *c, ssmq_backend *be, const ssmq_plan *plan,
                                 const ssmq_samples *samples, const ssmq_listener *listener)
{
    ssmq_plan  *rotations = rotations_of(plan);
    ssmq_exec  *ex = NULL;
    void       *state = NULL;
    ssmq_status st = SSMQ_OK;
    SSMQ_ASSERT(samples->n > 0);
    for (int32_t i = 0; i < c->n_observation; i++) {
        c->at[i]->value = SSMQ_ARENA_ARRAY(c->arena, float, samples->n);
        c->at[i]->weight = SSMQ_ARENA_ARRAY(c->arena, float, samples->n);
    }
    ssmq_tell_begin(listener, "calibrating", "samples");
    SSMQ_TRY_DONE(st, ssmq_exec_open(be, c->model, rotations, SSMQ_MODE_FAKE, &ex));
    SSMQ_TRY_DONE(st, c->model->family->state_new(c->model, ex, 1, &state));
    ssmq_exec_probe(ex, (ssmq_probe){.see = see, .context = c});
    SSMQ_TRY_DONE(st, forward_all(c, ex, state, samples, listener));
    float *raised = SSMQ_ARENA_ARRAY(c->arena, float, c->n);
    for (int32_t i = 0; i < c->n_observation; i++) combine(c, c->at[i], raised);
done:
    ssmq_tell_end(listener);
    if (ex) c->model->family->state_free(c->model, ex, state);
    ssmq_exec_close(ex);
    ssmq_plan_free(rotations);
    return st;
}
