/* What is known of the samples, and ranges out of it. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/run/calibrate/calibrate_parts.h"

/* ---- questions ------------------------------------------------------------------------- */

static const char *question_of(const ssmq_calibration *c, const ssmq_observation *o, const char *observer)
{
    return ssmq_arena_printf(c->arena, "%s %s %s %d %s %s %s %s", c->model->site[o->site].name, observer,
                             ssmq_formats[o->spec.format], (int)o->spec.bits,
                             o->spec.symmetric ? "symmetric" : "affine", ssmq_scopes[o->spec.scope],
                             ssmq_roundings[o->spec.rounding], ssmq_precisions[o->spec.scale_dtype]);
}

const char *ssmq_observation_question(const ssmq_calibration *c, const ssmq_observation *o)
{
    return question_of(c, o, o->observer->measure ? o->observer->measure : o->observer->text);
}

/* Of all samples together: with how they are combined. */
static const char *combined_question(const ssmq_calibration *c, const ssmq_observation *o)
{
    return question_of(c, o, o->observer->text);
}

/* ---- what is known --------------------------------------------------------------------- */

/* The first thing that is missing says why samples are run. */
static void explain(ssmq_calibration_work *w, const char *reason)
{
    if (!w->c->account) w->c->account = reason;
}

static const char *lacks(const ssmq_calibration *c, const ssmq_observation *o, const ssmq_kept *k)
{
    const char           *site = c->model->site[o->site].name;
    const ssmq_statistic *s = o->observer->statistic;
    if (ssmq_observation_by_channel(o))
        return ssmq_arena_printf(c->arena, "%s of %s by channel is not kept", s->name, site);
    if (!k || o->question >= 0)
        return ssmq_arena_printf(c->arena, "%s of %s was not measured", s->name, site);
    if (s->histogram && s->histogram(o->observer->statistic_options))
        return ssmq_arena_printf(c->arena, "no histogram of %s was kept", site);
    if (!o->spec.symmetric && !k->value)
        return ssmq_arena_printf(c->arena, "quantiles of %s were kept of magnitudes only", site);
    if (!s->quantile) return ssmq_arena_printf(c->arena, "%s of %s was not measured", s->name, site);
    return ssmq_arena_printf(c->arena, "p = %.10g is not among the stored quantiles of %s",
                             s->quantile(o->observer->statistic_options), site);
}

/* The range of one sample, if the pass knows it. */
static bool known_range(const ssmq_calibration_work *w, const ssmq_observation *o, int64_t sample,
                        ssmq_range *out)
{
    const ssmq_pass_sample *s = w->slot[sample];
    if (o->question >= 0 && s->answer[o->question]) *out = *s->answer[o->question];
    if (o->question >= 0) return s->answer[o->question] != NULL;
    return s->at[o->site] && ssmq_kept_range(s->at[o->site], o->observer, &o->spec, w->half, out);
}

bool ssmq_observation_has(const ssmq_calibration_work *w, const ssmq_observation *o, int64_t sample)
{
    const ssmq_pass_sample    *s = w->slot[sample];
    const ssmq_wanted_channels wanted = ssmq_channel_record_for(o->observer, &o->spec);
    if (o->question >= 0) return s->answer[o->question] != NULL;
    return ssmq_channel_record_has(s->channels[o->site], &wanted);
}

/* Does the pass know all ranges of a sample?  They are taken, as far as it does. */
static bool known_sample(ssmq_calibration_work *w, int64_t sample)
{
    for (int32_t i = 0; i < w->c->n_observation; i++) {
        ssmq_observation *o = w->c->at[i];
        if (o->value ? known_range(w, o, sample, &o->value[sample])
                     : o->combined || ssmq_observation_has(w, o, sample))
            continue;
        explain(w, lacks(w->c, o, w->slot[sample]->at[o->site]));
        return false;
    }
    return true;
}

static bool has_all(const ssmq_calibration_work *w, const ssmq_observation *o)
{
    int64_t i = 0;
    while (i < w->samples->n && ssmq_observation_has(w, o, i)) i++;
    return i == w->samples->n;
}

/* Where ranges by channel of some sample were not kept, those of all of them together may be known. */
static void find_combined(ssmq_calibration_work *w)
{
    for (int32_t i = 0; i < w->c->n_observation; i++) {
        ssmq_observation *o = w->c->at[i];
        if (o->value || has_all(w, o)) continue;
        o->combined = ssmq_pass_combined(w->pass, combined_question(w->c, o), w->order);
    }
}

bool ssmq_calibration_records_channels(const ssmq_calibration *c, int32_t site)
{
    for (int32_t i = 0; i < c->n_observation; i++)
        if (c->at[i]->site == site && ssmq_observation_asks_channels(c->at[i]) && c->at[i]->question < 0) return true;
    return false;
}

/* The samples of the calibration in the pass; returns how many of them it had. */
static int64_t find_samples(ssmq_calibration_work *w)
{
    ssmq_sha256  *order = ssmq_sha256_new();
    const int64_t before = w->pass->n_sample;
    for (int64_t i = 0; i < w->samples->n; i++) {
        char         hex[SSMQ_SHA256_HEX];
        ssmq_sha256 *h = ssmq_sha256_new();
        ssmq_ids_hash(w->samples->sample[i].token, w->samples->sample[i].length, h);
        ssmq_sha256_finish(h, hex);
        ssmq_sha256_add(order, hex, sizeof hex);
        w->slot[i] = ssmq_pass_sample_of(w->pass, hex);
    }
    ssmq_sha256_finish(order, w->order);
    return before;
}

void ssmq_calibration_look_up(ssmq_calibration_work *w)
{
    ssmq_calibration *c = w->c;
    const int64_t     n = w->samples->n, before = find_samples(w);
    c->account = before == 0 ? "nothing is stored of this pass" : NULL;
    find_combined(w);
    for (int64_t i = 0; i < n; i++)
        if (!known_sample(w, i) || c->n_gram > 0) w->todo[w->n_todo++] = i;
    if (!c->replay || c->n_gram > 0)
        c->account = ssmq_arena_printf(c->arena, "calibration: %" PRId64 " samples run", n);
    else if (w->n_todo == 0)
        c->account = ssmq_arena_printf(
            c->arena, "calibration replayed: %" PRId64 " samples, no forward pass", n);
    else
        c->account = ssmq_arena_printf(c->arena, "calibration: %" PRId64 " of %" PRId64 " samples run: %s",
                                       w->n_todo, n, c->account);
}

/* ---- ranges ---------------------------------------------------------------------------- */

/* The magnitudes of the ends of a range, raised where the statistic asks for it. */
static ssmq_range raised_range(const ssmq_observation *o, ssmq_range r, bool *raised)
{
    const bool silent = r.high < SSMQ_AMAX_MIN && r.low > -SSMQ_AMAX_MIN;
    if (!silent || !o->observer->statistic->floor) return (ssmq_range){-r.low, r.high};
    *raised = true;
    return (ssmq_range){SSMQ_AMAX_MIN, SSMQ_AMAX_MIN};
}

static ssmq_range channel_range(const ssmq_calibration_work *w, const ssmq_observation *o, int64_t sample,
                                int64_t unit)
{
    const ssmq_pass_sample *s = w->slot[sample];
    if (o->question >= 0) return s->answer[o->question][unit];
    return ssmq_channel_record_range(s->channels[o->site], unit, o->observer, &o->spec);
}

/* The range of a unit in a sample, combined with those of the samples before. */
static void fold_one(ssmq_observation *o, int64_t sample, int64_t unit, ssmq_range r, bool *raised)
{
    const ssmq_across *across = o->observer->across;
    const void        *options = o->observer->across_options;
    if (o->all) {
        o->all[sample * o->units + unit] = r;
        return;
    }
    const ssmq_range m = raised_range(o, r, raised);
    across->add(options, &o->state[unit], m.low, sample);
    across->add(options, &o->state[o->units + unit], m.high, sample);
}

void ssmq_observation_fold(const ssmq_calibration_work *w, ssmq_observation *o, int64_t end, int64_t begin,
                           int64_t end_unit, bool *raised)
{
    for (int64_t sample = o->next; sample < end; sample++)
        for (int64_t u = begin; u < end_unit; u++) fold_one(o, sample, u, channel_range(w, o, sample, u), raised);
}

void ssmq_calibration_limit(ssmq_calibration_work *w, int64_t sample)
{
    ssmq_pass_limit(w->pass, w->slot[sample], w->c->replay ? ssmq_replay_keeps(w->c->replay) : 0);
}

/* n ranges, stride apart, to one; scratch [2][n].  weight: what each counted for in high. */
static ssmq_range combine(ssmq_observation *o, const ssmq_range *value, int64_t n, int64_t stride,
                          float *scratch, float *weight)
{
    const ssmq_across *across = o->observer->across;
    const void        *options = o->observer->across_options;
    float             *low = scratch, *high = scratch + n;
    for (int64_t i = 0; i < n; i++) {
        const ssmq_range r = raised_range(o, value[i * stride], &o->raised);
        low[i] = r.low;
        high[i] = r.high;
    }
    const float lower = -across->combine(options, low, n, weight);
    return (ssmq_range){lower, across->combine(options, high, n, weight)};
}

static void combine_channels(ssmq_calibration_work *w, ssmq_observation *o, float *scratch)
{
    const ssmq_across *across = o->observer->across;
    const void        *options = o->observer->across_options;
    const int64_t      n = w->samples->n;
    ssmq_observation_fold(w, o, n, 0, o->units, &o->raised);
    for (int64_t u = 0; u < o->units; u++) {
        if (o->all) {
            o->range[u] = combine(o, o->all + u, n, o->units, scratch, scratch + 2 * n);
            continue;
        }
        o->range[u].low = -across->result(options, o->state[u], n);
        o->range[u].high = across->result(options, o->state[o->units + u], n);
    }
    if (!has_all(w, o))
        ssmq_pass_combine(w->pass, combined_question(w->c, o), w->order, o->units, o->range, o->raised);
}

static void take_combined(ssmq_observation *o)
{
    SSMQ_ASSERT(o->combined->units == o->units);
    memcpy(o->range, o->combined->range, (size_t)o->units * sizeof *o->range);
    o->raised = o->combined->raised;
}

void ssmq_calibration_conclude(ssmq_calibration_work *w)
{
    ssmq_calibration *c = w->c;
    float            *scratch = SSMQ_ARENA_ARRAY(c->arena, float, 3 * w->samples->n);
    for (int32_t i = 0; i < c->n_observation; i++) {
        ssmq_observation *o = c->at[i];
        for (int64_t k = 0; o->value && k < w->n_todo; k++) {
            const bool known = known_range(w, o, w->todo[k], &o->value[w->todo[k]]);
            SSMQ_ASSERT(known);
        }
        if (o->value) o->range[0] = combine(o, o->value, w->samples->n, 1, scratch, o->weight);
        else if (o->combined) take_combined(o);
        else combine_channels(w, o, scratch);
    }
}
