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

/* Do two specs ask a statistic the same question? */
static bool same_question(const ssmq_qspec *a, const ssmq_qspec *b)
{
    return a->format == b->format && a->bits == b->bits && a->symmetric == b->symmetric &&
           a->scope == b->scope;
}

const ssmq_observation *ssmq_calibration_find(const ssmq_calibration *c, int32_t site,
                                              const char *observer, const ssmq_qspec *spec)
{
    for (int32_t i = 0; i < c->n_observation; i++) {
        const ssmq_observation *o = c->at[i];
        if (o->site == site && strcmp(o->observer->text, observer) == 0 &&
            same_question(&o->spec, spec))
            return o;
    }
    return NULL;
}

void ssmq_calibration_watch(ssmq_calibration *c, int32_t site, const ssmq_observer *observer,
                            const ssmq_qspec *spec)
{
    SSMQ_ASSERT(c->model->site[site].kind == SSMQ_SITE_ACTIVATION);
    SSMQ_ASSERT(spec->scope == SSMQ_SCOPE_TENSOR || spec->scope == SSMQ_SCOPE_CHANNEL);
    if (ssmq_calibration_find(c, site, observer->text, spec)) return;
    if (c->n_observation == c->capacity) {
        ssmq_observation **old = c->at;
        c->capacity = c->capacity ? 2 * c->capacity : 64;
        c->at = SSMQ_ARENA_ARRAY(c->arena, ssmq_observation *, c->capacity);
        for (int32_t i = 0; i < c->n_observation; i++) c->at[i] = old[i];
    }
    ssmq_observation *o = ssmq_arena_alloc(c->arena, sizeof *o);
    o->site = site;
    o->observer = observer;
    o->spec = *spec;
    o->units = spec->scope == SSMQ_SCOPE_CHANNEL ? c->model->site[site].width : 1;
    c->at[c->n_observation++] = o;
}

const ssmq_range *ssmq_calibration_range(const ssmq_calibration *c, int32_t site,
                                         const ssmq_observer *observer, const ssmq_qspec *spec,
                                         bool *raised)
{
    const ssmq_observation *o = ssmq_calibration_find(c, site, observer->text, spec);
    SSMQ_ASSERT(o && c->n > 0);
    if (o->raised) *raised = true;
    return o->range;
}

/* ---- the pass -------------------------------------------------------------------------- */

static ssmq_status measure(const ssmq_observation *o, const ssmq_tensor *x, ssmq_range *out)
{
    const ssmq_statistic *s = o->observer->statistic;
    if (o->units == 1) return s->range(o->observer->statistic_options, x, &o->spec, out);
    for (int64_t i = 0; i < o->units; i++) {
        const ssmq_tensor channel = ssmq_tensor_slice(x, x->rank - 1, i, 1);
        SSMQ_TRY(s->range(o->observer->statistic_options, &channel, &o->spec, &out[i]));
    }
    return SSMQ_OK;
}

/* Shows a live tensor to all observers of its site. */
static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x)
{
    const ssmq_calibration *c = context;
    for (int32_t i = 0; i < c->n_observation; i++) {
        const ssmq_observation *o = c->at[i];
        if (o->site == site) SSMQ_TRY(measure(o, x, o->value + c->n * o->units));
    }
    return SSMQ_OK;
}

/* What calibration runs under: floating point, with the transforms that will be there.  Their tensors
 * stay the plan's. */
static ssmq_plan *transforms_of(const ssmq_plan *plan)
{
    ssmq_plan *p = ssmq_plan_new(plan->model);
    for (int32_t i = 0; i < plan->model->n_site; i++) {
        p->at[i].divide = plan->at[i].divide;
        p->at[i].inverse = plan->at[i].inverse;
        p->at[i].rotate = plan->at[i].rotate;
        p->at[i].signs = plan->at[i].signs;
    }
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

/* One unit's ranges in the samples, magnitudes of low and high, each raised first where the statistic
 * asks for it. */
static void magnitudes(ssmq_observation *o, int64_t n, int64_t unit, float *low, float *high)
{
    for (int64_t i = 0; i < n; i++) {
        const ssmq_range r = o->value[i * o->units + unit];
        const bool       silent = r.high < SSMQ_AMAX_MIN && r.low > -SSMQ_AMAX_MIN;
        const bool       raise = o->observer->statistic->floor && silent;
        low[i] = raise ? SSMQ_AMAX_MIN : -r.low;
        high[i] = raise ? SSMQ_AMAX_MIN : r.high;
        o->raised |= raise;
    }
}

/* The samples' ranges to one, for each unit; scratch [3][n]. */
static void combine(ssmq_calibration *c, ssmq_observation *o, float *scratch)
{
    const ssmq_across *across = o->observer->across;
    const void        *options = o->observer->across_options;
    float             *low = scratch, *high = scratch + c->n, *weight = scratch + 2 * c->n;
    for (int64_t u = o->units - 1; u >= 0; u--) { /* the weights of unit 0 are those that stay */
        magnitudes(o, c->n, u, low, high);
        o->range[u].low = -across->combine(options, low, c->n, weight);
        o->range[u].high = across->combine(options, high, c->n, o->weight);
    }
}

ssmq_status ssmq_calibration_run(ssmq_calibration *c, ssmq_backend *be, const ssmq_plan *plan,
                                 const ssmq_samples *samples, const ssmq_listener *listener)
{
    ssmq_plan  *transforms = transforms_of(plan);
    ssmq_exec  *ex = NULL;
    void       *state = NULL;
    ssmq_status st = SSMQ_OK;
    SSMQ_ASSERT(samples->n > 0);
    for (int32_t i = 0; i < c->n_observation; i++) {
        ssmq_observation *o = c->at[i];
        o->value = SSMQ_ARENA_ARRAY(c->arena, ssmq_range, samples->n * o->units);
        o->weight = SSMQ_ARENA_ARRAY(c->arena, float, samples->n);
        o->range = SSMQ_ARENA_ARRAY(c->arena, ssmq_range, o->units);
    }
    ssmq_tell_begin(listener, "calibrating", "samples");
    SSMQ_TRY_DONE(st, ssmq_exec_open(be, c->model, transforms, SSMQ_MODE_FAKE, &ex));
    SSMQ_TRY_DONE(st, c->model->family->state_new(c->model, ex, 1, &state));
    ssmq_exec_probe(ex, (ssmq_probe){.see = see, .context = c});
    SSMQ_TRY_DONE(st, forward_all(c, ex, state, samples, listener));
    float *scratch = SSMQ_ARENA_ARRAY(c->arena, float, 3 * c->n);
    for (int32_t i = 0; i < c->n_observation; i++) combine(c, c->at[i], scratch);
done:
    ssmq_tell_end(listener);
    if (ex) c->model->family->state_free(c->model, ex, state);
    ssmq_exec_close(ex);
    ssmq_plan_free(transforms);
    return st;
}
