/* pareto: what the weights of each run take up against what the run costs; on the front lies what no other
 * run beats in both. */
#include <math.h>
#include <string.h>
#include "analysis/points.h"

/* What --quantity may name: column, what the axis says, and what its numbers are divided by there. */
typedef struct quantity {
    const char *name, *column, *label;
    double      unit;
} quantity;
enum { BYTES, BITS, LATENCY, QUANTITIES };
static const quantity quantities[QUANTITIES] = {{"bytes", "bytes", "weights (MiB)", 0x1p20},
                                                {"bits", "bits_per_weight", "bits per weight", 1},
                                                {"latency", "tpot_ms", "time per generated token (ms)", 1}};

static ssmq_status find_quantity(const ssmq_figure_request *rq, int *out)
{
    const char *names[QUANTITIES + 1] = {NULL};
    for (int i = 0; i < QUANTITIES; i++) {
        names[i] = quantities[i].name;
        *out = i;
        if (!rq->o->quantity || strcmp(rq->o->quantity, names[i]) == 0) return SSMQ_OK;
    }
    return SSMQ_FAIL(USAGE, "no size has the name '%s'; there are %s", rq->o->quantity,
                     ssmq_option_words(rq->arena, names));
}

/* NaN: not known.  Of several profiles the first. */
static double size_of(const ssmq_summary *s, int which)
{
    if (which == LATENCY) return s->n_speed > 0 ? s->speed[0].tpot_ms : (double)NAN;
    if (s->parameters == 0) return (double)NAN;
    return which == BITS ? 8.0 * (double)s->weight_bytes / (double)s->parameters : (double)s->weight_bytes;
}

/* Room that a name takes up, of the axes. */
#define NAME_WIDE 0.4
#define NAME_HIGH 0.055

typedef struct spot {
    int32_t    run;
    double     size;
    ssmq_point point;
    bool       front, named;
} spot;

/* Ascending sizes, then ascending costs. */
static bool is_after(const spot *a, const spot *b)
{
    return a->size > b->size || (a->size == b->size && a->point.value > b->point.value);
}

static int32_t find_spots(const ssmq_figure_request *rq, int which, const ssmq_metric_of *metric, spot *s,
                          ssmq_figure *f)
{
    int32_t n = 0;
    for (int32_t i = 0; i < rq->table->n_run; i++) {
        const ssmq_summary *sum = &rq->table->run[i]->summary;
        const ssmq_point    p = ssmq_point_of(rq->table, i, metric);
        const spot          it = {i, size_of(sum, which), p, false, false};
        if (isnan(p.value) || isnan(it.size)) {
            ssmq_figure_comment(f, "left out: run %s: no %s (%s)", sum->id,
                                isnan(p.value) ? metric->name : quantities[which].name, sum->status);
            continue;
        }
        int32_t at = n++;
        for (; at > 0 && is_after(&s[at - 1], &it); at--) s[at] = s[at - 1];
        s[at] = it;
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

/* Where the axes of a picture have a value: their logarithms are what is evenly spaced. */
typedef struct scales {
    bool log_x, log_y;
} scales;

static double across(const scales *at, const spot *s)
{
    return at->log_x ? log(s->size) : s->size;
}

static double up(const scales *at, const spot *s)
{
    return at->log_y ? log(s->point.value) : s->point.value;
}

/* Names that would stand over each other are left out of pictures, those of the front last. */
static void choose_names(const scales *at, spot *s, int32_t n)
{
    const double wide = NAME_WIDE * (across(at, &s[n - 1]) - across(at, &s[0]));
    double       low = (double)INFINITY, high = -(double)INFINITY;
    for (int32_t i = 0; i < n; i++) {
        low = fmin(low, up(at, &s[i]));
        high = fmax(high, up(at, &s[i]));
    }
    for (int pass = 0; pass < 2; pass++)
        for (int32_t i = 0; i < n; i++) {
            bool free = s[i].front == (pass == 0);
            for (int32_t k = 0; k < n && free; k++)
                free = !s[k].named || fabs(across(at, &s[k]) - across(at, &s[i])) > wide ||
                       fabs(up(at, &s[k]) - up(at, &s[i])) > NAME_HIGH * (high - low);
            s[i].named = s[i].named || free;
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
        if (rq->picture) cell[6] = SSMQ_NUMBER_CELL(s[i].named);
    }
    return SSMQ_OK;
}

/* Logarithmic where no cost is 0 or below. */
static bool spans_decades(const spot *s, int32_t n)
{
    double least = (double)INFINITY, most = 0;
    for (int32_t i = 0; i < n; i++) {
        if (s[i].point.value < least) least = s[i].point.value;
        if (s[i].point.value > most) most = s[i].point.value;
    }
    return least > 0 && most / least >= SSMQ_POINTS_LOG_FROM;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    spot          *s = SSMQ_ARENA_ARRAY(rq->arena, spot, rq->table->n_run + 1);
    ssmq_metric_of metric;
    int            which;
    const int      logs = rq->o->log;
    SSMQ_TRY(find_quantity(rq, &which));
    SSMQ_TRY(ssmq_points_metric(rq, "ppl", &metric));
    const int32_t n = find_spots(rq, which, &metric, s, f);
    if (n == 0)
        return SSMQ_FAIL(INPUT, "no run has both %s and the metric '%s'", quantities[which].name,
                         metric.name);
    mark_front(s, n, strcmp(metric.name, "top1") == 0);
    const scales at = {.log_x = logs >= 0 && (logs & SSMQ_LOG_AXIS_X),
                       .log_y = logs >= 0 ? (logs & SSMQ_LOG_AXIS_Y) != 0 : spans_decades(s, n)};
    choose_names(&at, s, n);
    ssmq_figure_add_column(f, "name", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, quantities[which].column, SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "value", SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "se", SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "front", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "float", SSMQ_COLUMN_INT);
    if (rq->picture) ssmq_figure_add_column(f, "named", SSMQ_COLUMN_INT);
    SSMQ_TRY(put_spots(rq, s, n, f));
    ssmq_figure_set_text(f, "size", quantities[which].column);
    ssmq_figure_set_text(f, "x_name", quantities[which].label);
    ssmq_figure_set_real(f, "unit", quantities[which].unit);
    ssmq_figure_set_text(f, "y_name", metric.label);
    ssmq_figure_set_real(f, "log_x", at.log_x);
    ssmq_figure_set_real(f, "log_y", at.log_y);
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
