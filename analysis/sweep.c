/* sweep: a metric over one axis, a line for each combination of the others; what does not depend on the axis
 * is a level. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/points.h"

#define PICTURE_CURVES 24
#define CROWDED 0.04       /* of the axis: values that lie closer than that are drawn at even distances */
#define DECADES 100        /* from the smallest to the largest: logarithmic                             */

/* The places of an axis. */
typedef struct places {
    int32_t      axis;
    bool         numbers, even, log;
    int32_t      n;
    const char **label;  /* [n] */
    double      *number; /* [n] ascending; NaN where the axis has texts */
} places;

static const ssmq_axis_value *value_of(const ssmq_comparison *c, int32_t run, int32_t axis)
{
    return &c->value[run * c->n_axis + axis];
}

static bool is_number(const ssmq_axis_value *v)
{
    return v->label && !v->flag && !isnan(v->number);
}

/* Values that runs have on it; *numbers: those are numbers. */
static int32_t count_values(const ssmq_comparison *c, int32_t axis, bool *numbers)
{
    int32_t n = 0;
    *numbers = false;
    for (int32_t i = 0; i < c->n_run; i++) {
        const ssmq_axis_value *v = value_of(c, i, axis);
        int32_t                k = 0;
        while (k < i && !(v->label && value_of(c, k, axis)->label &&
                          strcmp(value_of(c, k, axis)->label, v->label) == 0))
            k++;
        n += v->label && k == i;
        *numbers = *numbers || is_number(v);
    }
    return n;
}

static ssmq_status find_axis(const ssmq_figure_request *rq, int32_t *out)
{
    const ssmq_comparison *c = rq->table;
    bool                   numbers;
    *out = -1;
    if (c->n_axis == 0) return SSMQ_FAIL(INPUT, "none of the runs is of a sweep: there is no axis");
    for (int32_t a = 0; a < c->n_axis && !rq->o->axis; a++)
        if (count_values(c, a, &numbers) > 1 && (*out < 0 || numbers)) {
            *out = a;
            if (numbers) break;
        }
    for (int32_t a = 0; a < c->n_axis && rq->o->axis; a++)
        if (strcmp(c->axis[a], rq->o->axis) == 0) *out = a;
    if (*out < 0 && !rq->o->axis) *out = 0;
    if (*out >= 0) return SSMQ_OK;
    const char **names = SSMQ_ARENA_ARRAY(rq->arena, const char *, c->n_axis + 1);
    for (int32_t a = 0; a < c->n_axis; a++) names[a] = c->axis[a];
    return SSMQ_FAIL(USAGE, "no axis has the name '%s'; there are %s", rq->o->axis,
                     ssmq_option_words(rq->arena, names));
}

/* Texts in the order of the runs, numbers ascending. */
static void add_place(places *p, const ssmq_axis_value *v)
{
    int32_t at = p->n;
    for (int32_t i = 0; i < p->n; i++)
        if (strcmp(p->label[i], v->label) == 0) return;
    for (; at > 0 && p->numbers && p->number[at - 1] > v->number; at--) {
        p->number[at] = p->number[at - 1];
        p->label[at] = p->label[at - 1];
    }
    p->number[at] = v->number;
    p->label[at] = v->label;
    p->n++;
}

static void choose_scale(places *p, int log)
{
    double gap = (double)INFINITY;
    if (!p->numbers || p->n == 0) {
        p->even = true;
        return;
    }
    const double low = p->number[0], high = p->number[p->n - 1];
    p->log = log >= 0 ? (log & SSMQ_LOG_AXIS_X) && low > 0 : low > 0 && high / low >= DECADES;
    for (int32_t i = 1; i < p->n; i++) {
        const double a = p->number[i - 1], b = p->number[i];
        const double g = p->log ? log10(b / a) / log10(high / low) : (b - a) / (high - low);
        if (g < gap) gap = g;
    }
    p->even = gap < CROWDED;
    p->log = p->log && !p->even;
}

static places places_of(const ssmq_figure_request *rq, int32_t axis)
{
    const ssmq_comparison *c = rq->table;
    places                 p = {.axis = axis,
                                .label = SSMQ_ARENA_ARRAY(rq->arena, const char *, c->n_run + 1),
                                .number = SSMQ_ARENA_ARRAY(rq->arena, double, c->n_run + 1)};
    (void)count_values(c, axis, &p.numbers);
    for (int32_t i = 0; i < c->n_run; i++) {
        const ssmq_axis_value *v = value_of(c, i, axis);
        if (v->label && (!p.numbers || is_number(v))) add_place(&p, v);
    }
    choose_scale(&p, rq->o->log);
    return p;
}

/* Where a run stands on the axis; -1: it is a level. */
static int32_t place_of(const places *p, const ssmq_comparison *c, int32_t run)
{
    const ssmq_axis_value *v = value_of(c, run, p->axis);
    for (int32_t i = 0; v->label && i < p->n; i++)
        if (strcmp(p->label[i], v->label) == 0) return i;
    return -1;
}

/* ---- the table -------------------------------------------------------------------------- */

typedef struct curves {
    const char **rest; /* [n_run] what tells the curve of a run from others */
    double      *level, *colour;
    double       least, most;
    int32_t      n_coloured; /* curves that are not float's */
} curves;

static void put_row(ssmq_figure *f, const ssmq_comparison *c, int32_t run, const places *p,
                    const ssmq_metric_of *metric, curves *all)
{
    const int32_t    place = place_of(p, c, run);
    const ssmq_point point = ssmq_point_of(c, run, metric);
    ssmq_cell       *cell = ssmq_points_row(f, c, run);
    cell[0] = SSMQ_TEXT_CELL(f->series[f->n_series - 1].label);
    cell[1] = SSMQ_TEXT_CELL(value_of(c, run, p->axis)->label ? value_of(c, run, p->axis)->label : "");
    cell[2] = SSMQ_NUMBER_CELL(place >= 0 ? p->number[place] : (double)NAN);
    cell[3] = SSMQ_NUMBER_CELL(place < 0 ? (double)NAN : p->even ? place : p->number[place]);
    cell[4] = SSMQ_NUMBER_CELL(point.value);
    cell[5] = SSMQ_NUMBER_CELL(point.se);
    cell[6] = SSMQ_TEXT_CELL(c->run[run]->summary.status);
    if (place < 0) all->level[f->n_series - 1] = point.value;
    if (isfinite(point.value) && !(point.value >= all->least)) all->least = point.value;
    if (isfinite(point.value) && !(point.value <= all->most)) all->most = point.value;
}

/* Runs of one curve are those with the same rest, or a level alone. */
static bool is_of(const ssmq_comparison *c, const places *p, const curves *all, int32_t run, int32_t first)
{
    const bool level = place_of(p, c, run) < 0, first_level = place_of(p, c, first) < 0;
    return level || first_level ? run == first : strcmp(all->rest[run], all->rest[first]) == 0;
}

/* Nothing can be drawn of a curve whose runs have all failed. */
static bool any_value(const ssmq_comparison *c, int32_t first, const places *p, const ssmq_metric_of *metric,
                      const curves *all)
{
    for (int32_t i = 0; i < c->n_run; i++)
        if (is_of(c, p, all, i, first) && isfinite(ssmq_point_of(c, i, metric).value)) return true;
    return false;
}

static ssmq_status put_curve(const ssmq_figure_request *rq, int32_t first, const places *p,
                             const ssmq_metric_of *metric, curves *all, ssmq_figure *f)
{
    const ssmq_comparison *c = rq->table;
    const bool             level = place_of(p, c, first) < 0;
    const char            *label = *all->rest[first] ? all->rest[first] : c->title[first];
    SSMQ_TRY(ssmq_figure_begin_series(f, label));
    SSMQ_TRY(ssmq_figure_reserve(f, c->n_run));
    const int32_t at = f->n_series - 1;
    all->level[at] = (double)NAN;
    all->colour[at] = strcmp(c->run[first]->summary.mode, "float") == 0 ? 1 : 2 + all->n_coloured++;
    if (level) put_row(f, c, first, p, metric, all);
    for (int32_t k = 0; k < p->n && !level; k++)
        for (int32_t i = 0; i < c->n_run; i++)
            if (place_of(p, c, i) == k && is_of(c, p, all, i, first)) put_row(f, c, i, p, metric, all);
    return SSMQ_OK;
}

static ssmq_status put_curves(const ssmq_figure_request *rq, const places *p, const ssmq_metric_of *metric,
                              curves *all, ssmq_figure *f)
{
    const ssmq_comparison *c = rq->table;
    for (int32_t i = 0; i < c->n_run; i++) all->rest[i] = ssmq_point_rest(c, i, p->axis, rq->arena);
    for (int32_t i = 0; i < c->n_run; i++) {
        int32_t before = 0;
        while (before < i && !is_of(c, p, all, i, before)) before++;
        if (before < i) continue;
        if (!rq->picture || any_value(c, i, p, metric, all)) SSMQ_TRY(put_curve(rq, i, p, metric, all, f));
        else ssmq_figure_comment(f, "left out: %s: no figures", *all->rest[i] ? all->rest[i] : c->title[i]);
    }
    if (rq->picture && f->n_series > PICTURE_CURVES)
        return SSMQ_FAIL(USAGE,
                         "%d lines are more than a picture shows; choose another axis with --axis, or runs",
                         f->n_series);
    if (isnan(all->least)) return SSMQ_FAIL(INPUT, "no run has the metric '%s'", metric->name);
    return SSMQ_OK;
}

static void set_scales(const ssmq_figure_request *rq, const places *p, const ssmq_metric_of *metric,
                       const curves *all, ssmq_figure *f)
{
    const int  log = rq->o->log;
    const bool positive = all->least > 0;
    ssmq_figure_set_text(f, "x_name", rq->table->axis[p->axis]);
    ssmq_figure_set_text(f, "y_name", metric->label);
    ssmq_figure_set_real(f, "log_x", p->log);
    ssmq_figure_set_real(
        f, "log_y",
        positive && (log >= 0 ? (log & SSMQ_LOG_AXIS_Y) != 0 : all->most / all->least >= SSMQ_POINTS_LOG_FROM));
    ssmq_figure_set_real(f, "even", p->even);
    ssmq_figure_set_texts(f, "tic", p->label, p->n);
    double *at = SSMQ_ARENA_ARRAY(rq->arena, double, p->n + 1);
    for (int32_t i = 0; i < p->n; i++) at[i] = p->even ? i : p->number[i];
    ssmq_figure_set_reals(f, "tic_at", at, p->n);
    ssmq_figure_set_reals(f, "level", all->level, f->n_series);
    ssmq_figure_set_reals(f, "colour", all->colour, f->n_series);
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    static const char *const texts[] = {"curve", "x_text"}, *const reals[] = {"x", "place", "value", "se"};
    int32_t        axis;
    ssmq_metric_of metric;
    curves         all = {.rest = SSMQ_ARENA_ARRAY(rq->arena, const char *, rq->table->n_run + 1),
                          .level = SSMQ_ARENA_ARRAY(rq->arena, double, SSMQ_SERIES_MAX),
                          .colour = SSMQ_ARENA_ARRAY(rq->arena, double, SSMQ_SERIES_MAX),
                          .least = (double)NAN,
                          .most = (double)NAN};
    SSMQ_TRY(find_axis(rq, &axis));
    SSMQ_TRY(ssmq_points_metric(rq, "ppl", &metric));
    const places p = places_of(rq, axis);
    if (p.n == 0) return SSMQ_FAIL(INPUT, "no run has a value on the axis '%s'", rq->table->axis[axis]);
    for (int i = 0; i < 2; i++) ssmq_figure_add_column(f, texts[i], SSMQ_COLUMN_TEXT);
    for (int i = 0; i < 4; i++) ssmq_figure_add_column(f, reals[i], SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "status", SSMQ_COLUMN_TEXT);
    SSMQ_TRY(put_curves(rq, &p, &metric, &all, f));
    set_scales(rq, &p, &metric, &all, f);
    ssmq_points_title(rq, f);
    f->height_cm = 5.2 + 0.32 * f->n_series;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_sweep = {
    .name = "sweep",
    .takes = SSMQ_TAKES_AXIS | SSMQ_TAKES_METRIC | SSMQ_TAKES_LOG,
    .of_sweeps = true,
    .build = build,
};
