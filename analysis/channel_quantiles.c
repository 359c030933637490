#include "analysis/channel_quantiles.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const double ssmq_channel_levels[SSMQ_CHANNEL_LEVELS] = {0, 0.01, 1, 25, 50, 75, 99, 99.99, 100};

static const ssmq_figure_need need = {
    .what = "quantiles by channel",
    .dataset = "channel/quantile",
    .setting = "collect: {statistics: {channels: true}}",
};

double ssmq_channel_absmax(const double value[SSMQ_CHANNEL_LEVELS])
{
    return fmax(fabs(value[0]), fabs(value[SSMQ_CHANNEL_LEVELS - 1]));
}

typedef struct ranked {
    double  absmax;
    int64_t channel;
} ranked;

static int by_falling_absmax(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->absmax != y->absmax) return x->absmax < y->absmax ? 1 : -1;
    return x->channel < y->channel ? -1 : 1;
}

static void put_in_order(const ssmq_figure_request *rq, const double *value, int64_t n,
                         ssmq_channel_quantiles *out)
{
    ranked  *order = SSMQ_ARENA_ARRAY(rq->arena, ranked, n);
    int64_t *channel = SSMQ_ARENA_ARRAY(rq->arena, int64_t, n);
    double  *sorted = SSMQ_ARENA_ARRAY(rq->arena, double, n *SSMQ_CHANNEL_LEVELS);
    for (int64_t c = 0; c < n; c++)
        order[c] = (ranked){ssmq_channel_absmax(&value[c * SSMQ_CHANNEL_LEVELS]), c};
    if (rq->o->sort) qsort(order, (size_t)n, sizeof *order, by_falling_absmax);
    for (int64_t i = 0; i < n; i++) {
        channel[i] = order[i].channel;
        memcpy(&sorted[i * SSMQ_CHANNEL_LEVELS], &value[channel[i] * SSMQ_CHANNEL_LEVELS],
               sizeof(double) * SSMQ_CHANNEL_LEVELS);
    }
    out->channel = channel;
    out->value = sorted;
    out->n = n;
}

/* Sorted by falling absmax where --sort says so. */
static ssmq_status read_quantiles(const ssmq_figure_request *rq, const ssmq_figure_run *run,
                                  const ssmq_figure_subject *subject, ssmq_channel_quantiles *out)
{
    const char *dataset;
    double     *value;
    int64_t     index, n;
    SSMQ_TRY(ssmq_figure_dataset(run, subject->site, &need, rq->arena, &dataset));
    SSMQ_TRY(ssmq_figure_check_axes(run, dataset, 3, (const int64_t[]){-1, -1, SSMQ_CHANNEL_LEVELS}));
    SSMQ_TRY(ssmq_figure_layer_index(run, dataset, subject->layer, rq->arena, &index, &out->layer));
    SSMQ_TRY(ssmq_figure_slice(run, dataset, index, rq->arena, &value, &n));
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(value[i]))
            return SSMQ_FAIL(INPUT, "%s: %s was not collected in layer %d", ssmq_sealed_path(run->results),
                             subject->site, out->layer);
    put_in_order(rq, value, n / SSMQ_CHANNEL_LEVELS, out);
    return ssmq_figure_range_of(run, subject->site, out->layer, rq->arena, &out->range);
}

/* ---- the table -------------------------------------------------------------------------- */

static void add_columns(ssmq_figure *f)
{
    static const char *const name[] = {"p0",  "p0.01",  "p1",   "p25",   "p50",      "p75",
                                       "p99", "p99.99", "p100", "scale", "clip_low", "clip_high"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        ssmq_figure_add_column(f, name[i], SSMQ_COLUMN_REAL);
}

void ssmq_channel_quantiles_cells(const double value[SSMQ_CHANNEL_LEVELS], const ssmq_figure_range *range,
                                  ssmq_cell *cell)
{
    for (int i = 0; i < SSMQ_CHANNEL_LEVELS; i++) cell[i] = SSMQ_NUMBER_CELL(value[i]);
    cell[SSMQ_CHANNEL_LEVELS] = SSMQ_NUMBER_CELL(range->scale);
    cell[SSMQ_CHANNEL_LEVELS + 1] = SSMQ_NUMBER_CELL(range->clip_low);
    cell[SSMQ_CHANNEL_LEVELS + 2] = SSMQ_NUMBER_CELL(range->clip_high);
}

static void put_settings(const ssmq_figure_request *rq, const ssmq_figure_subject *subject,
                         const ssmq_channel_quantiles *q, ssmq_figure *f)
{
    double *low = SSMQ_ARENA_ARRAY(rq->arena, double, rq->n_run);
    double *high = SSMQ_ARENA_ARRAY(rq->arena, double, rq->n_run);
    double  least = INFINITY, most = -INFINITY;
    for (int32_t i = 0; i < rq->n_run; i++) {
        low[i] = q[i].range.clip_low;
        high[i] = q[i].range.clip_high;
        for (int64_t k = 0; k < q[i].n * SSMQ_CHANNEL_LEVELS; k++) {
            least = fmin(least, q[i].value[k]);
            most = fmax(most, q[i].value[k]);
        }
    }
    ssmq_figure_set_text(f, "site", subject->site);
    ssmq_figure_set_reals(f, "clip_low", low, rq->n_run);
    ssmq_figure_set_reals(f, "clip_high", high, rq->n_run);
    ssmq_figure_set_real(f, "min_y", least);
    ssmq_figure_set_real(f, "max_y", most);
    ssmq_figure_set_real(f, "sorted", rq->o->sort);
    ssmq_figure_set_real(f, "n_channel", (double)q[0].n);
    ssmq_figure_title(rq, f, subject->site, q[0].layer);
    f->height_cm = 2.1 + 2.6 * rq->n_run;
}

ssmq_status ssmq_channel_quantiles_build(const ssmq_figure_request *rq, const char *const *before,
                                         const char *const *behind, ssmq_channel_rows add_rows, ssmq_figure *f)
{
    ssmq_figure_subject     subject;
    ssmq_channel_quantiles *q = SSMQ_ARENA_ARRAY(rq->arena, ssmq_channel_quantiles, rq->n_run);
    SSMQ_TRY(ssmq_figure_subject_of(rq, &need, &subject));
    ssmq_figure_add_column(f, "site", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "layer", SSMQ_COLUMN_INT);
    for (; *before; before++) ssmq_figure_add_column(f, *before, SSMQ_COLUMN_INT);
    add_columns(f);
    for (; *behind; behind++) ssmq_figure_add_column(f, *behind, SSMQ_COLUMN_REAL);
    for (int32_t i = 0; i < rq->n_run; i++) {
        SSMQ_TRY(read_quantiles(rq, &rq->run[i], &subject, &q[i]));
        SSMQ_TRY(add_rows(rq, &rq->run[i], subject.site, &q[i], f));
    }
    put_settings(rq, &subject, q, f);
    return SSMQ_OK;
}
