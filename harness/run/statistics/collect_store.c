#include "harness/run/statistics/collect_store.h"
#include <math.h>
#include <string.h>
#include "harness/base/str.h"
#include "harness/run/statistics/site_family.h"

/* Not "quantile": a dataset of that name has this axis, and readers take a dataset for the coordinates of the axis
 * that it is named like. */
#define AXIS_LEVEL "/axis/quantile_level"

/* One site's figures in all its layers, and where they go. */
typedef struct writer {
    ssmq_store               *store;
    const ssmq_collect_spec  *spec;
    ssmq_site_family          f;
    const ssmq_site_figures **at; /* [f.n] NULL where the layer was not looked at */
    const ssmq_site_figures  *any;
    bool                      weight;
    ssmq_arena               *arena;
} writer;

static const char *path(const writer *w, const char *suffix)
{
    return ssmq_site_path(&w->f, suffix, w->arena);
}

/* What a run of numbers is in the file; extra axes come after layer. */
typedef struct array {
    const char *name, *unit, *long_name;
    const char *axis[2]; /* paths of the scales of further axes, or NULL */
    int64_t     dim[2];
} array;

static ssmq_status put(const writer *w, const array *a, ssmq_dtype dtype, void *data)
{
    const char *const scale[3] = {w->f.axis, a->axis[0], a->axis[1]};
    const int64_t     dim[3] = {w->f.n, a->dim[0], a->dim[1]};
    const ssmq_tensor t = ssmq_tensor_of(data, dtype, a->axis[1] ? 3 : a->axis[0] ? 2 : 1, dim);
    return ssmq_store_tensor(w->store, path(w, a->name), &t, scale, a->unit, a->long_name);
}

static ssmq_status put_index(const writer *w, const char *where, int64_t n, const char *long_name)
{
    int32_t *index = SSMQ_ARENA_ARRAY(w->arena, int32_t, n);
    for (int64_t i = 0; i < n; i++) index[i] = (int32_t)i;
    const ssmq_tensor t = SSMQ_TENSOR(index, SSMQ_I32, n);
    return ssmq_store_scale(w->store, where, &t, "", long_name);
}

/* ---- of the whole site ----------------------------------------------------------------- */

typedef struct number {
    const char *name, *long_name;
    double (*of)(const ssmq_site_figures *f);
    bool moment;
} number;

static double absmax_of(const ssmq_site_figures *f) { return f->absmax; }
static double min_of(const ssmq_site_figures *f) { return f->min; }
static double max_of(const ssmq_site_figures *f) { return f->max; }
static double mean_of(const ssmq_site_figures *f) { return f->moments.n ? f->moments.mean : NAN; }
static double m2_of(const ssmq_site_figures *f) { return ssmq_moments_central(&f->moments, 2); }
static double m3_of(const ssmq_site_figures *f) { return ssmq_moments_central(&f->moments, 3); }
static double m4_of(const ssmq_site_figures *f) { return ssmq_moments_central(&f->moments, 4); }

static const number numbers[] = {
    {"absmax", "largest magnitude", absmax_of, false},
    {"min", "smallest value", min_of, false},
    {"max", "largest value", max_of, false},
    {"mean", "mean", mean_of, true},
    {"m2", "second central moment: mean of (x - mean)^2", m2_of, true},
    {"m3", "third central moment", m3_of, true},
    {"m4", "fourth central moment; kurtosis is m4 / m2^2, 3 for a normal distribution", m4_of, true},
};

static ssmq_status write_numbers(const writer *w)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double *value = SSMQ_ARENA_ARRAY(w->arena, double, w->f.n);
        if (numbers[i].moment && !w->spec->moments) continue;
        for (int32_t l = 0; l < w->f.n; l++) value[l] = w->at[l] ? numbers[i].of(w->at[l]) : NAN;
        const array a = {.name = numbers[i].name, .unit = "", .long_name = numbers[i].long_name};
        SSMQ_TRY(put(w, &a, SSMQ_F64, value));
    }
    return SSMQ_OK;
}

static ssmq_status write_counts(const writer *w)
{
    static const array arrays[] = {
        {.name = "n_zero", .unit = "", .long_name = "values that are 0"},
        {.name = "n_nonfinite", .unit = "", .long_name = "values that are NaN or infinite"},
        {.name = "n_clipped", .unit = "", .long_name = "values outside the range of codes by more than rounding"},
    };
    bool clips = false;
    for (int32_t l = 0; l < w->f.n; l++) clips |= w->at[l] && w->at[l]->clip_known;
    for (int i = 0; i < (clips ? 3 : 2); i++) {
        uint64_t *count = SSMQ_ARENA_ARRAY(w->arena, uint64_t, w->f.n);
        for (int32_t l = 0; l < w->f.n; l++)
            if (w->at[l])
                count[l] = i == 0   ? w->at[l]->n_zero
                           : i == 1 ? w->at[l]->n_nonfinite
                                    : w->at[l]->n_clipped;
        SSMQ_TRY(put(w, &arrays[i], SSMQ_U64, count));
    }
    return SSMQ_OK;
}

static ssmq_status write_quantiles(const writer *w, bool magnitude)
{
    const int32_t n = w->spec->n_quantile;
    double       *value = SSMQ_ARENA_ARRAY(w->arena, double, w->f.n * n), bound = 0;
    for (int32_t l = 0; l < w->f.n; l++)
        for (int32_t i = 0; i < n; i++) {
            const ssmq_site_figures *f = w->at[l];
            value[l * n + i] = !f ? NAN : magnitude ? f->abs_quantile[i] : f->quantile[i];
            if (f) bound = fmax(bound, magnitude ? f->abs_quantile_error[i] : f->quantile_error[i]);
        }
    const array a = {.name = magnitude ? "abs_quantile" : "quantile",
                     .unit = "",
                     .long_name = magnitude ? "quantile of the magnitude" : "quantile of the value",
                     .axis = {AXIS_LEVEL},
                     .dim = {n}};
    SSMQ_TRY(put(w, &a, SSMQ_F64, value));
    SSMQ_TRY(ssmq_store_attribute_text(w->store, path(w, a.name), "estimate", "floatbits16"));
    SSMQ_TRY(ssmq_store_attribute_real(w->store, path(w, a.name), "rank_error", 0));
    return ssmq_store_attribute_real(w->store, path(w, a.name), "value_error_bound", bound);
}

/* ---- histogram ------------------------------------------------------------------------- */

/* Bins from first on, n of them: scale and ends. */
static ssmq_status write_bins(const writer *w, int32_t first, int32_t n)
{
    int32_t          *bin = SSMQ_ARENA_ARRAY(w->arena, int32_t, n);
    double           *low = SSMQ_ARENA_ARRAY(w->arena, double, n);
    double           *high = SSMQ_ARENA_ARRAY(w->arena, double, n);
    const char *const axis = path(w, "bin");
    for (int32_t i = 0; i < n; i++) {
        bin[i] = first + i;
        low[i] = ssmq_histogram_bin_low(bin[i]);
        high[i] = ssmq_histogram_bin_high(bin[i]);
    }
    ssmq_tensor t = SSMQ_TENSOR(bin, SSMQ_I32, n);
    SSMQ_TRY(ssmq_store_scale(w->store, axis, &t, "", "bin: upper 16 bits of the float |x|"));
    t = SSMQ_TENSOR(low, SSMQ_F64, n);
    SSMQ_TRY(ssmq_store_tensor(w->store, path(w, "bin_lo"), &t, &axis, "", "smallest magnitude"));
    t = SSMQ_TENSOR(high, SSMQ_F64, n);
    return ssmq_store_tensor(w->store, path(w, "bin_hi"), &t, &axis, "",
                             "magnitude at which the next bin begins");
}

/* The bins that hold something in some layer. */
static ssmq_status write_histogram(const writer *w)
{
    int32_t first = SSMQ_HISTOGRAM_BINS, end = 0;
    for (int32_t l = 0; l < w->f.n; l++) {
        const ssmq_site_figures *f = w->at[l];
        if (!f || f->n_bin == 0) continue;
        first = f->first_bin < first ? f->first_bin : first;
        end = f->first_bin + f->n_bin > end ? f->first_bin + f->n_bin : end;
    }
    const int32_t n = end - first;
    if (n <= 0) return SSMQ_OK; /* no finite value */
    SSMQ_TRY(write_bins(w, first, n));
    for (int negative = 0; negative < 2; negative++) {
        uint64_t *count = SSMQ_ARENA_ARRAY(w->arena, uint64_t, (int64_t)w->f.n * n);
        for (int32_t l = 0; l < w->f.n; l++) {
            const ssmq_site_figures *f = w->at[l];
            if (!f || f->n_bin == 0) continue;
            memcpy(count + (int64_t)l * n + (f->first_bin - first), negative ? f->hist_neg : f->hist,
                   (size_t)f->n_bin * sizeof *count);
        }
        const array a = {.name = negative ? "hist_neg" : "hist",
                         .unit = "",
                         .long_name = negative ? "negative values by magnitude"
                                               : "values that are not negative",
                         .axis = {path(w, "bin")},
                         .dim = {n}};
        SSMQ_TRY(put(w, &a, SSMQ_U64, count));
        SSMQ_TRY(ssmq_store_attribute_text(w->store, path(w, a.name), "binning", "floatbits16"));
    }
    return SSMQ_OK;
}

/* ---- channels -------------------------------------------------------------------------- */

/* depth numbers of each unit (channel, rank), [layer, unit(, depth)], taken at an offset of the figures. */
static ssmq_status write_units(const writer *w, const array *a, size_t offset)
{
    const int64_t each = a->dim[0] * (a->axis[1] ? a->dim[1] : 1);
    float        *value = SSMQ_ARENA_ARRAY(w->arena, float, w->f.n * each);
    for (int32_t l = 0; l < w->f.n; l++) {
        const float *const *from =
            w->at[l] ? (const float *const *)(const void *)((const char *)w->at[l] + offset) : NULL;
        for (int64_t i = 0; i < each; i++) value[l * each + i] = from ? (*from)[i] : NAN;
    }
    return put(w, a, SSMQ_F32, value);
}

#define OF(field) offsetof(ssmq_site_figures, field)

static double worst_error(const writer *w)
{
    const int64_t n = w->any->shape.channels * SSMQ_CHANNEL_QUANTILES;
    double        worst = 0;
    for (int32_t l = 0; l < w->f.n; l++)
        for (int64_t i = 0; w->at[l] && i < n; i++)
            worst = fmax(worst, (double)w->at[l]->channel.quantile_error[i]);
    return worst;
}

static ssmq_status write_channel_quantiles(const writer *w, const char *channel, const char *level)
{
    array a = {.name = "channel/quantile",
               .unit = "",
               .long_name = "quantile of the value; 0 and 100 exact, the others from bins of 1/8 of the magnitude",
               .axis = {channel, level},
               .dim = {w->any->shape.channels, SSMQ_CHANNEL_QUANTILES}};
    SSMQ_TRY(write_units(w, &a, OF(channel.quantile)));
    SSMQ_TRY(ssmq_store_attribute_text(w->store, path(w, a.name), "estimate", "floatbits12"));
    SSMQ_TRY(ssmq_store_attribute_real(w->store, path(w, a.name), "rank_error", 0));
    SSMQ_TRY(ssmq_store_attribute_real(w->store, path(w, a.name), "value_error_bound", worst_error(w)));
    a.name = "channel/quantile_error_bound";
    a.long_name = "the exact quantile is no farther away than this";
    return write_units(w, &a, OF(channel.quantile_error));
}

/* A dataset of figures, [layer, unit]. */
typedef struct row {
    const char *name, *long_name;
    size_t      offset;
} row;

static ssmq_status write_channels(const writer *w)
{
    static const row rows[] = {
        {"channel/absmax", "largest magnitude", OF(channel.absmax)},
        {"channel/min", "smallest value", OF(channel.min)},
        {"channel/max", "largest value", OF(channel.max)},
        {"channel/mean", "mean", OF(channel.mean)},
        {"channel/var", "variance: second central moment", OF(channel.var)},
        {"channel/kurtosis", "m4 / m2^2, 3 for a normal distribution", OF(channel.kurtosis)},
    };
    const int64_t     C = w->any->shape.channels;
    const char *const channel = path(w, "channel/channel"), *const level = path(w, "channel/quantile_level");
    const ssmq_tensor t = SSMQ_TENSOR((void *)(uintptr_t)ssmq_channel_quantile, SSMQ_F64,
                                      SSMQ_CHANNEL_QUANTILES);
    SSMQ_TRY(put_index(w, channel, C, "channel, from 0"));
    SSMQ_TRY(ssmq_store_scale(w->store, level, &t, "percent", "level of a quantile"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const array a = {.name = rows[i].name,
                         .unit = "",
                         .long_name = rows[i].long_name,
                         .axis = {channel},
                         .dim = {C}};
        SSMQ_TRY(write_units(w, &a, rows[i].offset));
    }
    return write_channel_quantiles(w, channel, level);
}

/* Of a site with a state. */
static ssmq_status write_states(const writer *w)
{
    static const row rows[] = {
        {"state/absmax", "largest magnitude", OF(state.absmax)},
        {"state/min", "smallest value", OF(state.min)},
        {"state/max", "largest value", OF(state.max)},
        {"state/mean", "mean", OF(state.mean)},
        {"state/var", "variance: second central moment", OF(state.var)},
        {"state/kurtosis", "m4 / m2^2, 3 for a normal distribution", OF(state.kurtosis)},
        {"channel_state/absmax", "largest magnitude", OF(state.cell_absmax)},
        {"channel_state/mean", "mean", OF(state.cell_mean)},
        {"channel_state/var", "variance: second central moment", OF(state.cell_var)},
    };
    const int64_t     C = w->any->shape.channels, N = w->any->shape.inner;
    const char *const state = path(w, "state/state"), *const channel = path(w, "channel_state/channel");
    SSMQ_TRY(put_index(w, state, N, "state index, from 0"));
    SSMQ_TRY(put_index(w, channel, C, "channel, from 0"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const bool  cells = ssmq_str_starts(rows[i].name, "channel_");
        const array a = {.name = rows[i].name,
                         .unit = "",
                         .long_name = rows[i].long_name,
                         .axis = {cells ? channel : state, cells ? state : NULL},
                         .dim = {cells ? C : N, N}};
        SSMQ_TRY(write_units(w, &a, rows[i].offset));
    }
    return SSMQ_OK;
}

static ssmq_status write_top(const writer *w)
{
    const int32_t     n = w->any->top.n;
    const char *const rank = path(w, "top/rank");
    int32_t          *channel = SSMQ_ARENA_ARRAY(w->arena, int32_t, (int64_t)w->f.n * n);
    array             a = {.name = "top/channel",
                           .unit = "",
                           .long_name = "channel; -1: this layer was not looked at",
                           .axis = {rank},
                           .dim = {n}};
    SSMQ_TRY(put_index(w, rank, n, "rank by largest magnitude, from 0"));
    for (int32_t l = 0; l < w->f.n; l++)
        for (int32_t i = 0; i < n; i++) channel[l * n + i] = w->at[l] ? w->at[l]->top.channel[i] : -1;
    SSMQ_TRY(put(w, &a, SSMQ_I32, channel));
    a.name = "top/absmax";
    a.long_name = "largest magnitude of the channel";
    SSMQ_TRY(write_units(w, &a, OF(top.absmax)));
    a.name = "top/share";
    a.long_name = "the channel's share of the site's squared norm";
    SSMQ_TRY(write_units(w, &a, OF(top.share)));
    if (w->weight) return SSMQ_OK;
    a.name = "top/persistence";
    a.long_name = "share of samples in which the channel is among those of the largest magnitudes";
    return write_units(w, &a, OF(top.persistence));
}

/* ---- a site ---------------------------------------------------------------------------- */

/* Not by the name of what observers saw, who calibrate in floating point: here it is the run's own model. */
static ssmq_status write_samples(const writer *w)
{
    const array a = {.name = "sample/collected_absmax",
                     .unit = "",
                     .long_name = "largest magnitude in each sample, as collected",
                     .axis = {"/axis/sample"},
                     .dim = {w->any->n_samples}};
    return w->weight ? SSMQ_OK : write_units(w, &a, OF(sample_absmax));
}

static ssmq_status write_attributes(const writer *w)
{
    bool is_signed = false;
    for (int32_t l = 0; l < w->f.n; l++) is_signed |= w->at[l] && w->at[l]->min < 0;
    SSMQ_TRY(ssmq_store_attribute_text(w->store, w->f.group, "shape_meaning", w->any->shape.axes));
    SSMQ_TRY(ssmq_store_attribute_int(w->store, w->f.group, "signed", is_signed));
    SSMQ_TRY(ssmq_store_attribute_int(w->store, w->f.group, "n_values", (int64_t)w->any->n_values));
    SSMQ_TRY(ssmq_store_attribute_int(w->store, w->f.group, "n_samples", w->any->n_samples));
    return ssmq_store_attribute_int(w->store, w->f.group, "n_tokens", w->any->n_tokens);
}

static ssmq_status write_site(const writer *w)
{
    SSMQ_TRY(ssmq_site_family_write(w->store, &w->f));
    SSMQ_TRY(write_attributes(w));
    SSMQ_TRY(write_numbers(w));
    SSMQ_TRY(write_counts(w));
    if (w->spec->n_quantile > 0) {
        SSMQ_TRY(write_quantiles(w, true));
        SSMQ_TRY(write_quantiles(w, false));
    }
    if (w->spec->histogram) SSMQ_TRY(write_histogram(w));
    if (w->spec->channels) SSMQ_TRY(write_channels(w));
    if (w->any->state.absmax) SSMQ_TRY(write_states(w));
    if (w->spec->top_channels > 0) SSMQ_TRY(write_top(w));
    return write_samples(w);
}

static const ssmq_site_figures *figures_at(const ssmq_collection *c, int32_t site)
{
    for (int32_t i = 0; i < c->n; i++)
        if (c->figures[i].site == site) return &c->figures[i];
    return NULL;
}

ssmq_status ssmq_collection_write(ssmq_store *s, const ssmq_collect_spec *spec, const ssmq_model *m,
                                  const ssmq_collection *c, ssmq_arena *arena)
{
    if (c->n > 0 && spec->n_quantile > 0) {
        const ssmq_tensor t =
            SSMQ_TENSOR((void *)(uintptr_t)spec->quantile, SSMQ_F64, spec->n_quantile);
        SSMQ_TRY(ssmq_store_scale(s, AXIS_LEVEL, &t, "percent", "level of a quantile"));
    }
    for (int32_t i = 0; i < m->n_site; i++) {
        if (m->site[i].layer > 0) continue; /* comes with layer 0 */
        writer w = {.store = s,
                    .spec = spec,
                    .f = ssmq_site_family_of(m, i, arena),
                    .weight = m->site[i].kind == SSMQ_SITE_WEIGHT,
                    .arena = arena};
        w.at = SSMQ_ARENA_ARRAY(arena, const ssmq_site_figures *, w.f.n);
        for (int32_t l = 0; l < w.f.n; l++) {
            w.at[l] = w.f.site[l] < 0 ? NULL : figures_at(c, w.f.site[l]);
            if (!w.any) w.any = w.at[l];
        }
        if (w.any) SSMQ_TRY(write_site(&w));
    }
    return SSMQ_OK;
}
