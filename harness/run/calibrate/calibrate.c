#include "harness/run/calibrate/calibrate.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/run/calibrate/calibrate_parts.h"

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

/* Do two specs ask a statistic the same question?  A search for the least error tries codes and scales out. */
static bool same_question(const ssmq_qspec *a, const ssmq_qspec *b)
{
    return a->format == b->format && a->bits == b->bits && a->symmetric == b->symmetric &&
           a->scope == b->scope && a->scale_dtype == b->scale_dtype && a->rounding == b->rounding;
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

/* ---- a run ----------------------------------------------------------------------------- */

static void want_record(ssmq_calibration_work *w, const ssmq_observation *o)
{
    const ssmq_statistic *s = o->observer->statistic;
    ssmq_wanted          *wanted = &w->wanted[o->site];
    const bool            counted = s->histogram && s->histogram(o->observer->statistic_options);
    if (s->quantile) {
        const double level = s->quantile(o->observer->statistic_options);
        ssmq_pass_levels(w->pass, &level, 1);
    }
    w->recorded[o->site] = true;
    wanted->values |= !o->spec.symmetric;
    wanted->histogram |= counted;
    wanted->tail |= s->quantile && !counted;
}

static void want_channels(ssmq_calibration_work *w, const ssmq_observation *o)
{
    const ssmq_wanted_channels wanted = ssmq_channel_record_for(o->observer, &o->spec);
    ssmq_wanted_channels      *all = &w->channels[o->site];
    all->wanted |= wanted.wanted;
    all->tail |= wanted.tail;
    all->values |= wanted.values;
}

/* What the records of each site are to hold: what any observer reads, and what records of the pass hold already,
 * so that nothing is lost where a sample is run again. */
static void want_records(ssmq_calibration_work *w)
{
    const ssmq_calibration *c = w->c;
    for (int32_t i = 0; i < c->n_observation; i++) {
        const ssmq_observation *o = c->at[i];
        const ssmq_statistic   *s = o->observer->statistic;
        if (o->value && s->bins && s->bins(o->observer->statistic_options)) w->wanted[o->site].bins = true;
        if (o->value && o->question < 0) want_record(w, o);
        if (!o->value && o->question < 0) want_channels(w, o);
    }
    for (int32_t i = 0; i < c->model->n_site; i++) {
        w->wanted[i].level = w->pass->level;
        w->wanted[i].n_level = w->pass->n_level;
        for (int64_t k = 0; w->recorded[i] && k < w->pass->n_sample; k++) {
            const ssmq_kept *known = w->pass->sample[k]->at[i];
            w->wanted[i].values |= known && known->value;
            w->wanted[i].histogram |= known && known->histogram;
            w->wanted[i].tail |= known && known->tail[0];
        }
        for (int64_t k = 0; w->channels[i].wanted && k < w->pass->n_sample; k++) {
            const ssmq_channel_record *known = w->pass->sample[k]->channels[i];
            w->channels[i].tail |= known && known->tail[SSMQ_TAIL_MAGNITUDE];
            w->channels[i].values |= known && known->tail[SSMQ_TAIL_HIGH];
        }
    }
}

/* Memory of all observations, and what is asked of the pass. */
static void prepare(ssmq_calibration_work *w)
{
    ssmq_calibration *c = w->c;
    const int64_t     n = w->samples->n;
    for (int32_t i = 0; i < c->n_observation; i++) {
        ssmq_observation *o = c->at[i];
        const bool        channels = ssmq_observation_by_channel(o);
        const bool        replays = channels ? ssmq_channel_record_for(o->observer, &o->spec).wanted
                                             : o->observer->statistic->replay != NULL;
        o->range = SSMQ_ARENA_ARRAY(c->arena, ssmq_range, o->units);
        o->question = replays ? -1 : ssmq_pass_question(w->pass, ssmq_observation_question(c, o), o->units);
        if (channels && o->observer->across->add) o->state = SSMQ_ARENA_ARRAY(c->arena, double, 2 * o->units);
        else if (channels) o->all = SSMQ_ARENA_ARRAY(c->arena, ssmq_range, n * o->units);
        if (channels) continue;
        o->value = SSMQ_ARENA_ARRAY(c->arena, ssmq_range, n);
        o->weight = SSMQ_ARENA_ARRAY(c->arena, float, n);
    }
    w->recorded = SSMQ_ARENA_ARRAY(c->arena, bool, c->model->n_site);
    w->wanted = SSMQ_ARENA_ARRAY(c->arena, ssmq_wanted, c->model->n_site);
    w->channels = SSMQ_ARENA_ARRAY(c->arena, ssmq_wanted_channels, c->model->n_site);
    w->slot = SSMQ_ARENA_ARRAY(c->arena, ssmq_pass_sample *, n);
    w->todo = SSMQ_ARENA_ARRAY(c->arena, int64_t, n);
    want_records(w);
}

ssmq_status ssmq_calibration_run(ssmq_calibration *c, ssmq_backend *be, const ssmq_plan *plan,
                                 const ssmq_samples *samples, const ssmq_listener *listener)
{
    /* Second moments are not kept: whoever asks for them runs all samples. */
    ssmq_replay          *replay = c->n_gram == 0 ? c->replay : NULL;
    ssmq_pass            *own = replay ? NULL : ssmq_pass_new(c->model, "");
    ssmq_calibration_work w = {.c = c,
                               .plan = plan,
                               .be = be,
                               .samples = samples,
                               .listener = listener,
                               .pass = own};
    ssmq_status           st = SSMQ_OK;
    SSMQ_ASSERT(samples->n > 0);
    if (replay) SSMQ_TRY(ssmq_replay_pass(replay, c->model, plan, listener, &w.pass));
    w.half = calloc(2, sizeof *w.half);
    if (!w.half) st = SSMQ_FAIL(MEMORY, "no memory for a histogram");
    if (st == SSMQ_OK) {
        prepare(&w);
        ssmq_calibration_look_up(&w);
        if (w.n_todo > 0) st = ssmq_calibration_forward(&w);
    }
    if (st == SSMQ_OK) {
        c->n = samples->n;
        ssmq_calibration_conclude(&w);
        if (replay && w.n_todo > 0) ssmq_replay_save(replay, w.pass);
    }
    if (replay) ssmq_replay_done(replay);
    free(w.half);
    ssmq_pass_free(own);
    return st;
}
