/* channels: how far the values of each channel reach, as bands between quantiles. */
#include <math.h>
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
    SSMQ_TRY(ssmq_figure_begin_series(f, run->label));
    SSMQ_TRY(ssmq_figure_reserve(f, n));
    for (int64_t i = 0; i < n; i++) {
        const int64_t begin = ssmq_pool_begin(i, n, q->n), end = ssmq_pool_begin(i + 1, n, q->n);
        double        value[SSMQ_CHANNEL_LEVELS];
        ssmq_cell    *cell = ssmq_figure_run_row(f, run);
        pool(&q->value[begin * SSMQ_CHANNEL_LEVELS], end - begin, value);
        cell[0] = SSMQ_TEXT_CELL(site);
        cell[1] = SSMQ_NUMBER_CELL(q->layer);
        cell[2] = SSMQ_NUMBER_CELL(begin);
        cell[3] = SSMQ_NUMBER_CELL(largest(q, begin, end));
        ssmq_channel_quantiles_cells(value, &q->range, cell + 4);
    }
    return SSMQ_OK;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    static const char *const columns[] = {"rank", "channel", NULL};
    SSMQ_TRY(ssmq_channel_quantiles_build(rq, columns, add_rows, f));
    ssmq_figure_set_real(f, "n_point", (double)f->n_row / rq->n_run);
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_channels = {
    .name = "channels",
    .takes = SSMQ_TAKES_SITE | SSMQ_TAKES_LAYER | SSMQ_TAKES_SORT | SSMQ_TAKES_POINTS,
    .build = build,
};
