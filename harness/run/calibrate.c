#include "harness/run/calibrate.h"
#include <inttypes.h>
#include <stdlib.h>
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
    for (int32_t i = 0; c && i < c->n_gram; i++) ssmq_gram_free(&c->gram[i]);
    if (c) ssmq_arena_free(c->arena);
}

/* Do two specs ask a statistic the same question?  A search for the least error tries scales out. */
static bool same_question(const ssmq_qspec *a, const ssmq_qspec *b)
{
    return a->format == b->format && a->bits == b->bits && a->symmetric == b->symmetric &&
           a->scope == b->scope && a->scale_dtype == b->scale_dtype;
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
    SSMQ_ASSERT(c->model->site[site].kind != SSMQ_SITE_WEIGHT);
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
    o->units = spec->scope == SSMQ_SCOPE_CHANNEL ? ssmq_site_channels(&c->model->site[site]) : 1;
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

void ssmq_calibration_watch_gram(ssmq_calibration *c, int32_t site)
{
    SSMQ_ASSERT(c->model->site[site].kind == SSMQ_SITE_ACTIVATION);
    for (int32_t i = 0; i < c->n_gram; i++)
        if (c->gram[i].site == site) return;
    ssmq_gram *old = c->gram;
    c->gram = SSMQ_ARENA_ARRAY(c->arena, ssmq_gram, c->n_gram + 1);
    for (int32_t i = 0; i < c->n_gram; i++) c->gram[i] = old[i];
    c->gram[c->n_gram++] = (ssmq_gram){.site = site, .width = c->model->site[site].width};
}

const double *ssmq_calibration_gram(const ssmq_calibration *c, int32_t site)
{
    int32_t i = 0;
    while (i < c->n_gram && c->gram[i].site != site) i++;
    SSMQ_ASSERT(i < c->n_gram && c->n > 0);
    return c->gram[i].sum;
}

/* ---- the pass -------------------------------------------------------------------------- */

/* The range of x without the channels that stay in floating point; where that is all of them there is
 * nothing to measure, nor to quantise, and any range does. */
static ssmq_status measure_rest(const ssmq_observation *o, const ssmq_tensor *keep,
                                const ssmq_tensor *x, ssmq_range *out)
{
    *out = (ssmq_range){-SSMQ_AMAX_MIN, SSMQ_AMAX_MIN};
    if (keep->dim[0] == x->dim[x->rank - 1]) return SSMQ_OK;
    float *copy = malloc(ssmq_tensor_bytes(x));
    if (!copy) return SSMQ_FAIL(MEMORY, "no memory for the channels of a sample");
    const ssmq_tensor rest = ssmq_without(x, keep, 0, copy);
    const ssmq_status st =
        o->observer->statistic->range(o->observer->statistic_options, &rest, &o->spec, out);
    free(copy);
    return st;
}

/* x (B, L, C); of a state (B, L, E, N), whose channels are its rows. */
static ssmq_status measure(const ssmq_calibration *c, const ssmq_observation *o, const ssmq_tensor *x,
                           ssmq_range *out)
{
    const ssmq_statistic *s = o->observer->statistic;
    const bool            state = c->model->site[o->site].kind == SSMQ_SITE_STATE;
    if (o->spec.scope != SSMQ_SCOPE_CHANNEL) {
        const ssmq_tensor *keep = ssmq_plan_keep(c->plan, o->site);
        if (keep) return measure_rest(o, keep, x, out);
        return s->range(o->observer->statistic_options, x, &o->spec, out);
    }
    for (int64_t i = 0; i < o->units; i++) {
        const ssmq_tensor channel = ssmq_tensor_slice(x, x->rank - (state ? 2 : 1), i, 1);
        SSMQ_TRY(s->range(o->observer->statistic_options, &channel, &o->spec, &out[i]));
    }
    return SSMQ_OK;
}

/* Was every site shown, so that the rest of the sample need not run?  Passes over the samples for each layer
 * ask for nothing but second moments. */
static bool shown_all(const ssmq_calibration *c)
{
    return c->n_gram > 0 && c->n_observation == 0 && c->gram_seen == c->n_gram;
}

/* Shows a live tensor to all observers of its site. */
static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x)
{
    ssmq_calibration *c = context;
    for (int32_t i = 0; i < c->n_observation; i++) {
        ssmq_observation *o = c->at[i];
        if (o->site != site) continue;
        SSMQ_TRY(measure(c, o, x, o->value + c->n * o->units));
        o->seen++;
    }
    for (int32_t i = 0; i < c->n_gram; i++) {
        if (c->gram[i].site != site) continue;
        SSMQ_TRY(ssmq_gram_add(&c->gram[i], c->be, x));
        c->gram_seen++;
    }
    return shown_all(c) ? SSMQ_FAIL(STOPPED, "the rest of the sample is not needed") : SSMQ_OK;
}

static bool wants(void *context, int32_t site)
{
    const ssmq_calibration *c = context;
    for (int32_t i = 0; i < c->n_observation; i++)
        if (c->at[i]->site == site) return true;
    return false;
}

/* What calibration runs under: floating point, with the transforms that will be there, and with weights that
 * are quantised already where asked for.  Tensors stay the plan's. */
static ssmq_plan *plan_of_pass(const ssmq_plan *plan, bool weights)
{
    ssmq_plan *p = ssmq_plan_new(plan->model);
    for (int32_t i = 0; i < plan->model->n_site; i++) {
        p->at[i].divide = plan->at[i].divide;
        p->at[i].inverse = plan->at[i].inverse;
        p->at[i].rotate = plan->at[i].rotate;
        p->at[i].signs = plan->at[i].signs;
        p->at[i].keep = plan->at[i].keep;
        const bool weight = plan->model->site[i].kind == SSMQ_SITE_WEIGHT;
        if (!weights || !weight || !plan->at[i].params.scale.data) continue;
        p->at[i].spec = plan->at[i].spec;
        p->at[i].params = plan->at[i].params;
        p->at[i].codes = plan->at[i].codes;
    }
    return p;
}

/* Is a site outside the layers watched, behind the last of them? */
static bool watches_head(const ssmq_calibration *c)
{
    for (int32_t i = 0; i < c->n_observation; i++)
        if (c->model->site[c->at[i]->site].layer < 0) return true;
    for (int32_t i = 0; i < c->n_gram; i++)
        if (c->model->site[c->gram[i].site].layer < 0) return true;
    return false;
}

/* One sample through the model; through its head only where somebody watches there. */
static ssmq_status forward_one(ssmq_calibration *c, ssmq_exec *ex, void *state, const ssmq_sample *s,
                               bool head)
{
    const ssmq_family *family = c->model->family;
    const ssmq_batch   in = {.token = s->token, .B = 1, .L = (int32_t)s->length};
    ssmq_tensor        hidden, logits;
    SSMQ_TRY(family->state_zero(c->model, ex, state));
    SSMQ_TRY(family->forward(c->model, ex, &in, state, &hidden));
    if (!head) return SSMQ_OK;
    /* All rows at once: a statistic is shown the whole sample. */
    SSMQ_TRY(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_LOGITS, 3,
                               (const int64_t[]){1, s->length, c->model->vocabulary}, &logits));
    return family->head(c->model, ex, &hidden, &logits);
}

static ssmq_status forward_all(ssmq_calibration *c, ssmq_exec *ex, void *state,
                               const ssmq_samples *samples, const ssmq_listener *listener)
{
    const bool head = watches_head(c);
    for (int64_t i = 0; i < samples->n; i++) {
        const ssmq_sample *s = &samples->sample[i];
        c->n = i;
        c->gram_seen = 0;
        ssmq_status st = forward_one(c, ex, state, s, head);
        if (st == SSMQ_ERR_STOPPED && shown_all(c)) {
            ssmq_error_clear();
            st = SSMQ_OK;
        }
        if (st == SSMQ_ERR_NUMERIC)
            return SSMQ_FAIL(NUMERIC, "calibration, sample %" PRId64 " (document %" PRId64 "): %s", i,
                             s->document, ssmq_error_last()->message);
        SSMQ_TRY(st);
        for (int32_t k = 0; k < c->n_observation; k++) /* once a sample, or the family forgot it */
            SSMQ_ASSERT(c->at[k]->seen == i + 1);
        SSMQ_ASSERT(c->gram_seen == c->n_gram);
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

static int64_t longest(const ssmq_samples *samples)
{
    int64_t most = 0;
    for (int64_t i = 0; i < samples->n; i++)
        if (samples->sample[i].length > most) most = samples->sample[i].length;
    return most;
}

ssmq_status ssmq_calibration_run(ssmq_calibration *c, ssmq_backend *be, const ssmq_plan *plan,
                                 const ssmq_samples *samples, const ssmq_listener *listener)
{
    ssmq_plan  *transforms = plan_of_pass(plan, c->n_gram > 0);
    ssmq_exec  *ex = NULL;
    void       *state = NULL;
    ssmq_status st = SSMQ_OK;
    SSMQ_ASSERT(samples->n > 0);
    c->plan = plan;
    c->be = be;
    for (int32_t i = 0; i < c->n_observation; i++) {
        ssmq_observation *o = c->at[i];
        o->value = SSMQ_ARENA_ARRAY(c->arena, ssmq_range, samples->n * o->units);
        o->weight = SSMQ_ARENA_ARRAY(c->arena, float, samples->n);
        o->range = SSMQ_ARENA_ARRAY(c->arena, ssmq_range, o->units);
    }
    ssmq_tell_begin(listener, "calibrating", "samples");
    for (int32_t i = 0; i < c->n_gram; i++)
        SSMQ_TRY_DONE(st, ssmq_gram_begin(&c->gram[i], be, longest(samples)));
    SSMQ_TRY_DONE(st, ssmq_exec_open(be, c->model, transforms, SSMQ_MODE_FAKE, &ex));
    SSMQ_TRY_DONE(st, c->model->family->state_new(c->model, ex, 1, &state));
    ssmq_exec_probe(ex, (ssmq_probe){.see = see, .context = c, .wants = wants});
    SSMQ_TRY_DONE(st, forward_all(c, ex, state, samples, listener));
    float *scratch = SSMQ_ARENA_ARRAY(c->arena, float, 3 * c->n);
    for (int32_t i = 0; i < c->n_observation; i++) combine(c, c->at[i], scratch);
done:
    ssmq_tell_end(listener);
    for (int32_t i = 0; i < c->n_gram; i++) ssmq_gram_end(&c->gram[i], be);
    if (ex) c->model->family->state_free(c->model, ex, state);
    ssmq_exec_close(ex);
    ssmq_plan_free(transforms);
    return st;
}
