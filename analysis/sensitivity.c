/* sensitivity: what each unit does when it alone is quantised, and when it alone is not. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/quantity.h"

#define PICTURE_UNITS 24
#define SETTING "compare: {sensitivity: both}"

/* What was measured of each unit: only this on, only this off. */
typedef struct sensitivity_source {
    const char *const *unit;
    double            *value[2], *se[2]; /* [n]: the metric and its standard error; NaN where not measured */
    int64_t            n;
    double             all_on; /* the metric of the whole recipe; NaN: not known */
} sensitivity_source;

static const char *path_of(const ssmq_figure_request *rq, const char *name)
{
    return ssmq_arena_printf(rq->arena, "/sensitivity/%s", name);
}

/* The metric asked for, else the damage, else the first there is. */
static ssmq_status find_metric(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char **out)
{
    const char *const *all;
    const char        *words = "", *wanted = rq->o->quantity ? rq->o->quantity : "damage", *first = NULL;
    if (!ssmq_sealed_has(run->results, path_of(rq, "unit")))
        return ssmq_figure_lacks(run, "sensitivity", SETTING);
    SSMQ_TRY(ssmq_sealed_members(run->results, "/sensitivity", rq->arena, &all));
    for (int32_t i = 0; all[i]; i++) {
        ssmq_extent extent;
        SSMQ_TRY(ssmq_sealed_extent(run->results, path_of(rq, all[i]), &extent));
        if (extent.rank != 2 || !extent.number || ssmq_str_ends(all[i], "_se")) continue;
        *out = all[i];
        if (strcmp(wanted, all[i]) == 0) return SSMQ_OK;
        if (!first) first = all[i];
        words = ssmq_arena_printf(rq->arena, "%s%s%s", words, *words ? ", " : "", all[i]);
    }
    *out = first;
    if (first && !rq->o->quantity) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: no sensitivity in '%s'; there are %s", ssmq_sealed_path(run->results),
                     wanted, words);
}

/* The columns of a dataset [unit, which] by what they are; NaN where one, or all of it, is missing. */
static ssmq_status read_columns(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *name,
                                int64_t n, double *out[2])
{
    const char *const *which;
    const char        *path = path_of(rq, name);
    int64_t            n_which;
    for (int k = 0; k < 2; k++) {
        out[k] = SSMQ_ARENA_ARRAY(rq->arena, double, n);
        for (int64_t i = 0; i < n; i++) out[k][i] = NAN;
    }
    if (!ssmq_sealed_has(run->results, path)) return SSMQ_OK;
    SSMQ_TRY(ssmq_sealed_texts(run->results, path_of(rq, "which"), rq->arena, &which, &n_which));
    SSMQ_TRY(ssmq_figure_check_axes(run, path, 2, (const int64_t[]){n, n_which}));
    for (int64_t w = 0; w < n_which; w++) {
        double *column = out[strcmp(which[w], "only-this-off") == 0];
        SSMQ_TRY(
            ssmq_sealed_block(run->results, path, (const int64_t[]){0, w}, (const int64_t[]){n, 1}, column));
    }
    return SSMQ_OK;
}

static ssmq_status read_source(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *metric,
                               sensitivity_source *out)
{
    const char *stem = ssmq_str_ends(metric, "_mean")
                           ? ssmq_arena_strndup(rq->arena, metric, strlen(metric) - strlen("_mean"))
                           : metric;
    SSMQ_TRY(ssmq_sealed_texts(run->results, path_of(rq, "unit"), rq->arena, &out->unit, &out->n));
    SSMQ_TRY(read_columns(rq, run, metric, out->n, out->value));
    SSMQ_TRY(read_columns(rq, run, ssmq_arena_printf(rq->arena, "%s_se", stem), out->n, out->se));
    out->all_on = ssmq_sealed_number(run->results, path_of(rq, metric), "all_on");
    return SSMQ_OK;
}

/* ---- the table -------------------------------------------------------------------------- */

typedef struct unit_rank {
    double  cost;
    int64_t unit;
} unit_rank;

static int by_falling_cost(const void *a, const void *b)
{
    const unit_rank *x = a, *y = b;
    if (x->cost != y->cost) return x->cost < y->cost ? 1 : -1;
    return x->unit < y->unit ? -1 : 1;
}

/* By what a unit costs alone; where that was not measured, by what leaving it out gains, which but for the
 * damage is the more the less is left. */
static unit_rank *rank_units(const sensitivity_source *s, bool damage, ssmq_arena *arena)
{
    unit_rank *order = SSMQ_ARENA_ARRAY(arena, unit_rank, s->n);
    for (int64_t i = 0; i < s->n; i++) {
        const double on = s->value[0][i], off = s->value[1][i];
        order[i] = (unit_rank){!isnan(on) ? on : isnan(off) ? -INFINITY : damage ? off : -off, i};
    }
    qsort(order, (size_t)s->n, sizeof *order, by_falling_cost);
    return order;
}

static ssmq_status add_rows(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *metric,
                            const sensitivity_source *s, ssmq_figure *f, int64_t *longest)
{
    const int64_t limit = rq->o->top > 0 ? rq->o->top : rq->picture ? PICTURE_UNITS : s->n;
    const int64_t n = limit < s->n ? limit : s->n;
    unit_rank    *order = rank_units(s, strcmp(metric, "damage") == 0, rq->arena);
    SSMQ_TRY(ssmq_figure_begin_series(f, run->label));
    SSMQ_TRY(ssmq_figure_reserve(f, n));
    for (int64_t i = 0; i < n; i++) {
        const int64_t unit = order[i].unit;
        ssmq_cell    *cell = ssmq_figure_run_row(f, run);
        cell[0] = SSMQ_NUMBER_CELL(i);
        cell[1] = SSMQ_TEXT_CELL(s->unit[unit]);
        for (int k = 0; k < 2; k++) {
            cell[2 + 2 * k] = SSMQ_NUMBER_CELL(s->value[k][unit]);
            cell[3 + 2 * k] = SSMQ_NUMBER_CELL(s->se[k][unit]);
        }
        cell[6] = SSMQ_NUMBER_CELL(s->all_on);
    }
    if (n > *longest) *longest = n;
    return SSMQ_OK;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    static const char *const reals[] = {"only_on", "only_on_se", "only_off", "only_off_se", "all_on"};
    const char              *metric = "";
    int64_t                  longest = 0;
    double                  *all_on = SSMQ_ARENA_ARRAY(rq->arena, double, rq->n_run);
    ssmq_figure_add_column(f, "rank", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "unit", SSMQ_COLUMN_TEXT);
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        ssmq_figure_add_column(f, reals[i], SSMQ_COLUMN_REAL);
    for (int32_t i = 0; i < rq->n_run; i++) {
        sensitivity_source s;
        SSMQ_TRY(find_metric(rq, &rq->run[i], &metric));
        SSMQ_TRY(read_source(rq, &rq->run[i], metric, &s));
        SSMQ_TRY(add_rows(rq, &rq->run[i], metric, &s, f, &longest));
        all_on[i] = s.all_on;
    }
    ssmq_figure_title(rq, f, "", -1);
    ssmq_figure_set_text(f, "name", ssmq_quantity_label(metric));
    ssmq_figure_set_reals(f, "all_on", all_on, rq->n_run);
    ssmq_figure_set_real(f, "longest", (double)longest);
    f->height_cm = 1.8 + (0.9 + 0.36 * (double)longest) * rq->n_run;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_sensitivity = {
    .name = "sensitivity",
    .takes = SSMQ_TAKES_QUANTITY | SSMQ_TAKES_TOP,
    .build = build,
};
