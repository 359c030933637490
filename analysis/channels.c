/* channels: how far the values of each channel reach, as bands between quantiles. */
#include <math.h>
#include <string.h>
#include "analysis/channel_quantiles.h"
#include "analysis/rebin.h"

#define PICTURE_POINTS 256

/* Quantiles of n channels drawn as one point: the extremes of those away from the median. */
static void pool(const double *value, int64_t n, double out[SSMQ_CHANNEL_LEVELS])
{
    for (int level = 0; level < SSMQ_CHANNEL_LEVELS; level++) {
        const double p = ssmq_channel_levels[level];
        double       sum = 0, low = INFINITY, high = -INFINITY;
        for (int64_t i = 0; i < n; i++) {
            const double v = value[i * SSMQ_CHANNEL_LEVELS + level];
            sum += v;
            low = fmin(low, v);
            high = fmax(high, v);
        }
        out[level] = n == 1 ? high : p < 50 ? low : p > 50 ? high : sum / (double)n;
    }
}

/* Further numbers of a channel; NaN where there are none, or a layer has one for all channels. */
static const struct {
    const char *column, *dataset;
} numbers[] = {{"mean", "channel/mean"},
               {"var", "channel/var"},
               {"kurtosis", "channel/kurtosis"},
               {"smooth", "transform/smooth"},
               {"channel_scale", "qparam/scale"}};
#define NUMBERS ((int)(sizeof numbers / sizeof *numbers))

/* The scales of a weight are of its rows or groups, not of the input columns that are its channels. */
static ssmq_status is_of_channels(const ssmq_figure_run *run, const char *site, const char *path, int64_t n,
                                  ssmq_arena *arena, bool *out)
{
    const char *kind;
    ssmq_extent extent;
    *out = false;
    if (!path) return SSMQ_OK;
    SSMQ_TRY(ssmq_sealed_extent(run->results, path, &extent));
    *out = extent.number && extent.rank == 2 && extent.dim[1] == n;
    if (!*out || !strstr(path, "/qparam/")) return SSMQ_OK;
    SSMQ_TRY(ssmq_sealed_attribute(run->results, ssmq_arena_printf(arena, "/sites/%s", site), "kind", arena, &kind));
    *out = strcmp(kind, "weight") != 0;
    return SSMQ_OK;
}

static ssmq_status read_numbers(const ssmq_figure_run *run, const char *site, const ssmq_channel_quantiles *q,
                                ssmq_arena *arena, double *out[NUMBERS])
{
    for (int k = 0; k < NUMBERS; k++) {
        const char *path = ssmq_figure_optional(run, site, numbers[k].dataset, arena);
        int64_t     index, n = q->n;
        int32_t     found;
        bool        there;
        out[k] = NULL;
        SSMQ_TRY(is_of_channels(run, site, path, q->n, arena, &there));
        if (!there) continue;
        SSMQ_TRY(ssmq_figure_layer_index(run, path, q->layer, arena, &index, &found));
        SSMQ_TRY(ssmq_figure_slice(run, path, index, arena, &out[k], &n));
    }
    return SSMQ_OK;
}

/* The channel of the largest magnitude, which stands for its pool. */
static int64_t largest(const ssmq_channel_quantiles *q, int64_t begin, int64_t end)
{
    int64_t best = begin;
    for (int64_t i = begin + 1; i < end; i++)
        if (ssmq_channel_absmax(&q->value[i * SSMQ_CHANNEL_LEVELS]) >
            ssmq_channel_absmax(&q->value[best * SSMQ_CHANNEL_LEVELS]))
            best = i;
    return q->channel[best];
}

static ssmq_status add_rows(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                            const ssmq_channel_quantiles *q, ssmq_figure *f)
{
    const int64_t limit = rq->o->points >= 0 ? rq->o->points : rq->picture ? PICTURE_POINTS : 0;
    const int64_t n = limit && limit < q->n ? limit : q->n;
    double       *number[NUMBERS];
    SSMQ_TRY(read_numbers(run, site, q, rq->arena, number));
    SSMQ_TRY(ssmq_figure_begin_series(f, run->label));
    SSMQ_TRY(ssmq_figure_reserve(f, n));
    for (int64_t i = 0; i < n; i++) {
        const int64_t begin = ssmq_pool_begin(i, n, q->n), end = ssmq_pool_begin(i + 1, n, q->n);
        const int64_t channel = largest(q, begin, end);
        double        value[SSMQ_CHANNEL_LEVELS];
        ssmq_cell    *cell = ssmq_figure_run_row(f, run);
        pool(&q->value[begin * SSMQ_CHANNEL_LEVELS], end - begin, value);
        cell[0] = SSMQ_TEXT_CELL(site);
        cell[1] = SSMQ_NUMBER_CELL(q->layer);
        cell[2] = SSMQ_NUMBER_CELL(begin);
        cell[3] = SSMQ_NUMBER_CELL(channel);
        ssmq_channel_quantiles_cells(value, &q->range, cell + 4);
        for (int k = 0; k < NUMBERS; k++)
            cell[4 + SSMQ_CHANNEL_COLUMNS + k] = SSMQ_NUMBER_CELL(number[k] ? number[k][channel] : (double)NAN);
    }
    return SSMQ_OK;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    static const char *const before[] = {"rank", "channel", NULL};
    const char              *behind[NUMBERS + 1] = {NULL};
    for (int k = 0; k < NUMBERS; k++) behind[k] = numbers[k].column;
    SSMQ_TRY(ssmq_channel_quantiles_build(rq, before, behind, add_rows, f));
    ssmq_figure_set_real(f, "n_point", (double)f->n_row / rq->n_run);
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_channels = {
    .name = "channels",
    .takes = SSMQ_TAKES_SITE | SSMQ_TAKES_LAYER | SSMQ_TAKES_SORT | SSMQ_TAKES_POINTS,
    .build = build,
};
