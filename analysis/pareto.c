/* pareto: what the weights of each run take up against what the run costs; on the front lies what no other
 * run beats in both. */
#include <math.h>
#include <string.h>
#include "analysis/points.h"

static const char *const quantities[] = {"bytes", "bits", NULL};

static ssmq_status find_quantity(const ssmq_figure_request *rq, bool *bits)
{
    const char *wanted = rq->o->quantity ? rq->o->quantity : quantities[0];
    *bits = strcmp(wanted, quantities[1]) == 0;
    if (*bits || strcmp(wanted, quantities[0]) == 0) return SSMQ_OK;
    return SSMQ_FAIL(USAGE, "no size has the name '%s'; there are %s", wanted,
                     ssmq_option_words(rq->arena, quantities));
}

typedef struct spot {
    int32_t    run;
    double     size;
    ssmq_point point;
    bool       front;
} spot;

/* Ascending sizes, then ascending costs. */
static int32_t find_spots(const ssmq_figure_request *rq, bool bits, const ssmq_metric_of *metric, spot *s,
                          ssmq_figure *f)
{
    const ssmq_comparison *c = rq->table;
    int32_t                n = 0;
    for (int32_t i = 0; i < c->n_run; i++) {
        const ssmq_summary *sum = &c->run[i]->summary;
        const ssmq_point    p = ssmq_point_of(c, i, metric);
        if (isnan(p.value) || sum->parameters == 0) {
            ssmq_figure_comment(f, "left out: run %s: %s", sum->id,
                                isnan(p.value)
                                    ? ssmq_arena_printf(rq->arena, "no %s (%s)", metric->name, sum->status)
                                    : "its size was not kept: it was run before that was done");
            continue;
        }
        const double size =
            bits ? 8.0 * (double)sum->weight_bytes / (double)sum->parameters : (double)sum->weight_bytes;
        int32_t at = n++;
        for (;
             at > 0 && (s[at - 1].size > size || (s[at - 1].size == size && s[at - 1].point.value > p.value));
             at--)
            s[at] = s[at - 1];
        s[at] = (spot){i, size, p, false};
    }
    return n;
}

/* Of figures that are the better the larger they are, too. */
static void mark_front(spot *s, int32_t n, bool larger_is_better)
{
    double best = (double)INFINITY;
    for (int32_t i = 0; i < n; i++) {
        const double cost = larger_is_better ? -s[i].point.value : s[i].point.value;
        s[i].front = cost < best;
        if (s[i].front) best = cost;
    }
}

static ssmq_status put_spots(const ssmq_figure_request *rq, const spot *s, int32_t n, ssmq_figure *f)
{
    const ssmq_comparison *c = rq->table;
    const char *const     *name;
    SSMQ_TRY(ssmq_points_names(rq, &name));
    SSMQ_TRY(ssmq_figure_begin_series(f, "runs"));
    SSMQ_TRY(ssmq_figure_reserve(f, n));
    for (int32_t i = 0; i < n; i++) {
        const ssmq_summary *sum = &c->run[s[i].run]->summary;
        ssmq_cell          *cell = ssmq_points_row(f, c, s[i].run);
        cell[0] = SSMQ_TEXT_CELL(name[s[i].run]);
        cell[1] = SSMQ_NUMBER_CELL(s[i].size);
        cell[2] = SSMQ_NUMBER_CELL(s[i].point.value);
        cell[3] = SSMQ_NUMBER_CELL(s[i].point.se);
        cell[4] = SSMQ_NUMBER_CELL(s[i].front);
        cell[5] = SSMQ_NUMBER_CELL(strcmp(sum->mode, "float") == 0);
    }
    return SSMQ_OK;
}

/* Costs over decades: logarithmic where none is below 0. */
static bool spans_decades(const spot *s, int32_t n)
{
    double least = (double)INFINITY, most = 0;
    for (int32_t i = 0; i < n; i++) {
        if (s[i].point.value < least) least = s[i].point.value;
        if (s[i].point.value > most) most = s[i].point.value;
    }
    return least > 0 && most / least >= 100;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    spot          *s = SSMQ_ARENA_ARRAY(rq->arena, spot, rq->table->n_run + 1);
    ssmq_metric_of metric;
    bool           bits;
    const int      log = rq->o->log;
    SSMQ_TRY(find_quantity(rq, &bits));
    SSMQ_TRY(ssmq_points_metric(rq, "change", &metric));
    const int32_t n = find_spots(rq, bits, &metric, s, f);
    if (n == 0) return SSMQ_FAIL(INPUT, "no run has both a size and the metric '%s'", metric.name);
    mark_front(s, n, strcmp(metric.name, "top1") == 0);
    ssmq_figure_add_column(f, "name", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, bits ? "bits_per_weight" : "bytes", SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "value", SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "se", SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "front", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "float", SSMQ_COLUMN_INT);
    SSMQ_TRY(put_spots(rq, s, n, f));
    ssmq_figure_set_text(f, "size", bits ? "bits_per_weight" : "bytes");
    ssmq_figure_set_text(f, "x_name", bits ? "bits per weight" : "weights (MiB)");
    ssmq_figure_set_real(f, "unit", bits ? 1 : 0x1p20);
    ssmq_figure_set_text(f, "y_name", metric.label);
    ssmq_figure_set_real(f, "log_x", log >= 0 && (log & SSMQ_LOG_AXIS_X));
    ssmq_figure_set_real(f, "log_y", log >= 0 ? (log & SSMQ_LOG_AXIS_Y) != 0 : spans_decades(s, n));
    ssmq_points_title(rq, f);
    f->height_cm = 6;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_pareto = {
    .name = "pareto",
    .takes = SSMQ_TAKES_QUANTITY | SSMQ_TAKES_METRIC | SSMQ_TAKES_LOG,
    .of_sweeps = true,
    .against_float = true,
    .build = build,
};
