/* ablation: a bar for each run, as far as it is from its baseline. */
#include <math.h>
#include <string.h>
#include "analysis/points.h"
#include "harness/base/table.h"

#define PICTURE_BARS 48

static ssmq_status put_bars(const ssmq_figure_request *rq, const ssmq_metric_of *metric, ssmq_figure *f,
                            int32_t *longest)
{
    const ssmq_comparison *c = rq->table;
    const char *const     *name;
    int32_t                n = 0;
    SSMQ_TRY(ssmq_points_names(rq, &name));
    SSMQ_TRY(ssmq_figure_begin_series(f, "runs"));
    SSMQ_TRY(ssmq_figure_reserve(f, c->n_run));
    for (int32_t i = 0; i < c->n_run; i++) {
        const ssmq_point p = ssmq_point_of(c, i, metric);
        if (metric->figure < 0 && c->against[i] < 0) continue; /* what others are held against */
        if (isnan(p.value) && strcmp(c->run[i]->summary.status, "done") == 0) continue; /* float has no KL */
        const int32_t length = ssmq_text_width(name[i]);
        ssmq_cell    *cell = ssmq_points_row(f, c, i);
        if (length > *longest) *longest = length;
        cell[0] = SSMQ_NUMBER_CELL(n++);
        cell[1] = SSMQ_TEXT_CELL(name[i]);
        cell[2] = SSMQ_NUMBER_CELL(p.value);
        cell[3] = SSMQ_NUMBER_CELL(p.se);
        cell[4] = SSMQ_NUMBER_CELL(p.noise);
        cell[5] = SSMQ_TEXT_CELL(c->run[i]->summary.status);
    }
    return SSMQ_OK;
}

static bool any_value(const ssmq_figure *f)
{
    const int32_t value = ssmq_figure_column(f, "value");
    for (int64_t i = 0; i < f->n_row; i++)
        if (isfinite(f->cell[i * f->n_column + value].number)) return true;
    return false;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    ssmq_metric_of metric;
    int32_t        longest = 0;
    SSMQ_TRY(ssmq_points_metric(rq, "difference", &metric));
    ssmq_figure_add_column(f, "rank", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "name", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "value", SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "se", SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "noise", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "status", SSMQ_COLUMN_TEXT);
    SSMQ_TRY(put_bars(rq, &metric, f, &longest));
    if (!any_value(f))
        return SSMQ_FAIL(INPUT, "no run has the metric '%s' and is held against another", metric.name);
    if (rq->picture && f->n_row > PICTURE_BARS)
        return SSMQ_FAIL(USAGE, "%d bars are more than a picture shows; name some of the runs",
                         (int)f->n_row);
    ssmq_figure_set_text(f, "x_name", metric.label);
    ssmq_figure_set_real(f, "rows", (double)f->n_row);
    ssmq_figure_set_real(f, "longest", longest);
    ssmq_points_title(rq, f);
    f->height_cm = 1.7 + 0.34 * (double)f->n_row;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_ablation = {
    .name = "ablation",
    .takes = SSMQ_TAKES_METRIC,
    .of_sweeps = true,
    .build = build,
};
