/* boxes: a box for each channel, or for each group of neighbouring channels. */
#include "analysis/channel_quantiles.h"
#include "analysis/rebin.h"

#define GROUPS 32

static ssmq_status add_rows(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                            const ssmq_channel_quantiles *q, ssmq_figure *f)
{
    const int64_t groups = rq->o->groups > 0 ? rq->o->groups : GROUPS, n = groups < q->n ? groups : q->n;
    SSMQ_TRY(ssmq_figure_begin_series(f, run->label));
    SSMQ_TRY(ssmq_figure_reserve(f, n));
    for (int64_t i = 0; i < n; i++) {
        const int64_t begin = ssmq_pool_begin(i, n, q->n), end = ssmq_pool_begin(i + 1, n, q->n);
        double        value[SSMQ_CHANNEL_LEVELS];
        for (int k = 0; k < SSMQ_CHANNEL_LEVELS; k++)
            value[k] = ssmq_mixed_quantile(&q->value[begin * SSMQ_CHANNEL_LEVELS], end - begin,
                                           ssmq_channel_levels, SSMQ_CHANNEL_LEVELS, ssmq_channel_levels[k]);
        ssmq_cell *cell = ssmq_figure_run_row(f, run);
        cell[0] = SSMQ_TEXT_CELL(site);
        cell[1] = SSMQ_NUMBER_CELL(q->layer);
        cell[2] = SSMQ_NUMBER_CELL(i);
        cell[3] = SSMQ_NUMBER_CELL(begin);
        cell[4] = SSMQ_NUMBER_CELL(end - 1);
        ssmq_channel_quantiles_cells(value, &q->range, cell + 5);
    }
    return SSMQ_OK;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    static const char *const columns[] = {"group", "rank_first", "rank_last", NULL}, *const none[] = {NULL};
    return ssmq_channel_quantiles_build(rq, columns, none, add_rows, f);
}

const ssmq_figure_kind ssmq_figure_kind_boxes = {
    .name = "boxes",
    .takes = SSMQ_TAKES_SITE | SSMQ_TAKES_LAYER | SSMQ_TAKES_SORT | SSMQ_TAKES_GROUPS,
    .build = build,
};
