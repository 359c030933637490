#include "harness/run/statistics/site_figures.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const double ssmq_channel_quantile[SSMQ_CHANNEL_QUANTILES] = {0,  0.01, 1,     25, 50,
                                                              75, 99,   99.99, 100};

static float absmax_of(const ssmq_site_stats *s, int64_t channel)
{
    return s->moments[channel].n > 0 ? fmaxf(-s->low[channel], s->high[channel]) : NAN;
}

/* In the order of channels. */
static ssmq_moments all_moments(const ssmq_site_stats *s)
{
    ssmq_moments all = {0};
    for (int64_t c = 0; c < s->shape.channels; c++) ssmq_moments_merge(&all, &s->moments[c]);
    return all;
}

static void extremes_of(const ssmq_site_stats *s, ssmq_site_figures *f)
{
    float low = INFINITY, high = -INFINITY;
    for (int64_t c = 0; c < s->shape.channels; c++) {
        low = fminf(low, s->low[c]);
        high = fmaxf(high, s->high[c]);
    }
    const bool any = low <= high;
    f->min = any ? (double)low : NAN;
    f->max = any ? (double)high : NAN;
    f->absmax = any ? fmax(-f->min, f->max) : NAN;
}

/* ---- histogram and quantiles ----------------------------------------------------------- */

static ssmq_status quantiles_of(const ssmq_site_stats *s, const ssmq_collect_spec *spec,
                                ssmq_arena *arena, ssmq_site_figures *f)
{
    const int32_t n = spec->n_quantile;
    f->abs_quantile = SSMQ_ARENA_ARRAY(arena, double, n);
    f->quantile = SSMQ_ARENA_ARRAY(arena, double, n);
    f->abs_quantile_error = SSMQ_ARENA_ARRAY(arena, double, n);
    f->quantile_error = SSMQ_ARENA_ARRAY(arena, double, n);
    ssmq_histogram *both = calloc(1, sizeof *both);
    if (!both) return SSMQ_FAIL(MEMORY, "no memory for a histogram");
    for (int h = 0; h < 2; h++) ssmq_histogram_merge(both, &s->half[h]);
    for (int32_t i = 0; i < n; i++) {
        f->abs_quantile[i] = f->quantile[i] = NAN;
        if (both->n == 0) continue;
        f->abs_quantile[i] =
            ssmq_histogram_quantile(both, spec->quantile[i], &f->abs_quantile_error[i]);
        f->quantile[i] = ssmq_histogram_signed_quantile(&s->half[0], &s->half[1], spec->quantile[i],
                                                        &f->quantile_error[i]);
    }
    free(both);
    return SSMQ_OK;
}

/* The range of bins that hold something. */
static void keep_histogram(const ssmq_site_stats *s, ssmq_arena *arena, ssmq_site_figures *f)
{
    int32_t first = SSMQ_HISTOGRAM_BINS, last = -1;
    for (int32_t i = 0; i < SSMQ_HISTOGRAM_BINS; i++) {
        if (s->half[0].count[i] + s->half[1].count[i] == 0) continue;
        if (last < 0) first = i;
        last = i;
    }
    f->first_bin = last < 0 ? 0 : first;
    f->n_bin = last < 0 ? 0 : last - first + 1;
    f->hist = SSMQ_ARENA_ARRAY(arena, uint64_t, f->n_bin);
    f->hist_neg = SSMQ_ARENA_ARRAY(arena, uint64_t, f->n_bin);
    for (int32_t i = 0; i < f->n_bin; i++) {
        f->hist[i] = s->half[1].count[first + i];
        f->hist_neg[i] = s->half[0].count[first + i];
    }
}

/* ---- channels -------------------------------------------------------------------------- */

static void keep_channels(const ssmq_site_stats *s, ssmq_arena *arena, ssmq_channel_figures *f)
{
    const int64_t C = s->shape.channels;
    f->absmax = SSMQ_ARENA_ARRAY(arena, float, C);
    f->min = SSMQ_ARENA_ARRAY(arena, float, C);
    f->max = SSMQ_ARENA_ARRAY(arena, float, C);
    f->mean = SSMQ_ARENA_ARRAY(arena, float, C);
    f->var = SSMQ_ARENA_ARRAY(arena, float, C);
    f->kurtosis = SSMQ_ARENA_ARRAY(arena, float, C);
    f->quantile = SSMQ_ARENA_ARRAY(arena, float, C * SSMQ_CHANNEL_QUANTILES);
    f->quantile_error = SSMQ_ARENA_ARRAY(arena, float, C * SSMQ_CHANNEL_QUANTILES);
    for (int64_t c = 0; c < C; c++) {
        const ssmq_moments *m = &s->moments[c];
        f->absmax[c] = absmax_of(s, c);
        f->min[c] = m->n > 0 ? s->low[c] : NAN;
        f->max[c] = m->n > 0 ? s->high[c] : NAN;
        f->mean[c] = m->n > 0 ? (float)m->mean : NAN;
        f->var[c] = (float)ssmq_moments_central(m, 2);
        f->kurtosis[c] = (float)ssmq_moments_kurtosis(m);
        ssmq_channel_bins_quantiles(&s->bins, c, m->n, s->low[c], s->high[c], ssmq_channel_quantile,
                                    SSMQ_CHANNEL_QUANTILES, f->quantile + c * SSMQ_CHANNEL_QUANTILES,
                                    f->quantile_error + c * SSMQ_CHANNEL_QUANTILES);
    }
}

/* ---- the state by index ---------------------------------------------------------------- */

static void keep_cells(const ssmq_site_stats *cells, ssmq_arena *arena, ssmq_state_figures *f)
{
    const int64_t n = cells->shape.channels;
    f->cell_absmax = SSMQ_ARENA_ARRAY(arena, float, n);
    f->cell_mean = SSMQ_ARENA_ARRAY(arena, float, n);
    f->cell_var = SSMQ_ARENA_ARRAY(arena, float, n);
    for (int64_t i = 0; i < n; i++) {
        const ssmq_moments *m = &cells->moments[i];
        f->cell_absmax[i] = absmax_of(cells, i);
        f->cell_mean[i] = m->n > 0 ? (float)m->mean : NAN;
        f->cell_var[i] = (float)ssmq_moments_central(m, 2);
    }
}

/* An index of all channels, in their order. */
static void keep_index(const ssmq_site_stats *s, int64_t k, ssmq_state_figures *f)
{
    ssmq_moments all = {0};
    float        low = INFINITY, high = -INFINITY;
    for (int64_t i = k; i < s->cells->shape.channels; i += s->shape.inner) {
        ssmq_moments_merge(&all, &s->cells->moments[i]);
        low = fminf(low, s->cells->low[i]);
        high = fmaxf(high, s->cells->high[i]);
    }
    const bool any = all.n > 0;
    f->absmax[k] = any ? fmaxf(-low, high) : NAN;
    f->min[k] = any ? low : NAN;
    f->max[k] = any ? high : NAN;
    f->mean[k] = any ? (float)all.mean : NAN;
    f->var[k] = (float)ssmq_moments_central(&all, 2);
    f->kurtosis[k] = (float)ssmq_moments_kurtosis(&all);
}

static void keep_states(const ssmq_site_stats *s, ssmq_arena *arena, ssmq_state_figures *f)
{
    float **const array[] = {&f->absmax, &f->min, &f->max, &f->mean, &f->var, &f->kurtosis};
    for (size_t i = 0; i < sizeof array / sizeof *array; i++)
        *array[i] = SSMQ_ARENA_ARRAY(arena, float, s->shape.inner);
    for (int64_t k = 0; k < s->shape.inner; k++) keep_index(s, k, f);
    keep_cells(s->cells, arena, f);
}

/* ---- top channels ---------------------------------------------------------------------- */

/* The n channels of the largest magnitudes; the lower one of two that are equal. */
static void keep_top(const ssmq_site_stats *s, ssmq_arena *arena, ssmq_top_figures *f)
{
    double squares = 0;
    f->n = s->n_top;
    f->channel = SSMQ_ARENA_ARRAY(arena, int32_t, f->n);
    f->absmax = SSMQ_ARENA_ARRAY(arena, float, f->n);
    f->share = SSMQ_ARENA_ARRAY(arena, float, f->n);
    f->persistence = SSMQ_ARENA_ARRAY(arena, float, f->n);
    int32_t n = 0;
    for (int64_t c = 0; c < s->shape.channels; c++) {
        squares += ssmq_moments_squares(&s->moments[c]);
        const float x = s->moments[c].n > 0 ? absmax_of(s, c) : 0;
        if (n == f->n && x <= f->absmax[n - 1]) continue;
        int32_t at = n < f->n ? n++ : n - 1;
        for (; at > 0 && f->absmax[at - 1] < x; at--) {
            f->absmax[at] = f->absmax[at - 1];
            f->channel[at] = f->channel[at - 1];
        }
        f->absmax[at] = x;
        f->channel[at] = (int32_t)c;
    }
    for (int32_t i = 0; i < f->n; i++) {
        const int32_t c = f->channel[i];
        f->share[i] = (float)(ssmq_moments_squares(&s->moments[c]) / squares); /* NaN of all zeros */
        f->persistence[i] = (float)((double)s->among_top[c] / (double)s->n_samples);
    }
}

ssmq_status ssmq_site_figures_of(const ssmq_site_stats *s, const ssmq_collect_spec *spec,
                                 ssmq_arena *arena, ssmq_site_figures *out)
{
    ssmq_site_figures f = {
        .shape = s->shape,
        .n_tokens = s->n_rows,
        .n_samples = s->n_samples,
        .n_values = s->n_values,
        .n_zero = s->n_zero,
        .n_nonfinite = s->n_nonfinite,
        .n_clipped = s->n_clipped,
        .clip_known = s->clip.low != NULL,
        .moments = all_moments(s),
    };
    extremes_of(s, &f);
    if (spec->n_quantile > 0) SSMQ_TRY(quantiles_of(s, spec, arena, &f));
    if (spec->histogram) keep_histogram(s, arena, &f);
    if (spec->channels) keep_channels(s, arena, &f.channel);
    if (s->cells) keep_states(s, arena, &f.state);
    if (spec->top_channels > 0) keep_top(s, arena, &f.top);
    *out = f;
    return SSMQ_OK;
}
