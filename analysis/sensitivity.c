/* sensitivity: what each unit does when it alone is quantised, and when it alone is not. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/quantity.h"

#define PICTURE_UNITS 24
#define SETTING "compare: {sensitivity: both}"

typedef struct sensitivity_source {
    const char *const *unit;
    double            *value; /* [n, 2]: only this on, only this off */
    int64_t            n;
} sensitivity_source;

/* The metric asked for, or the first there is. */
static ssmq_status find_metric(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char **out)
{
    const char *const *all;
    const char        *words = "";
    const char        *wanted = rq->o->quantity;
    if (!ssmq_sealed_has(run->results, "/sensitivity")) return ssmq_figure_lacks(run, "sensitivity", SETTING);
    SSMQ_TRY(ssmq_sealed_members(run->results, "/sensitivity", rq->arena, &all));
    for (int32_t i = 0; all[i]; i++) {
        ssmq_extent extent;
        const char *path = ssmq_arena_printf(rq->arena, "/sensitivity/%s", all[i]);
        SSMQ_TRY(ssmq_sealed_extent(run->results, path, &extent));
        if (extent.rank != 2 || !extent.number || extent.dim[1] != 2) continue;
        *out = all[i];
        if (!wanted || strcmp(wanted, all[i]) == 0) return SSMQ_OK;
        words = ssmq_arena_printf(rq->arena, "%s%s%s", words, *words ? ", " : "", all[i]);
    }
    if (!wanted) return ssmq_figure_lacks(run, "sensitivity", SETTING);
    return SSMQ_FAIL(INPUT, "%s: no sensitivity in '%s'; there are %s", ssmq_sealed_path(run->results),
                     wanted, words);
}

static ssmq_status read_source(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *metric,
                               sensitivity_source *out)
{
    const char *path = ssmq_arena_printf(rq->arena, "/sensitivity/%s", metric);
    SSMQ_TRY(ssmq_sealed_texts(run->results, "/sensitivity/unit", rq->arena, &out->unit, &out->n));
    SSMQ_TRY(ssmq_figure_check_axes(run, path, 2, (const int64_t[]){out->n, 2}));
    out->value = SSMQ_ARENA_ARRAY(rq->arena, double, out->n * 2);
    return ssmq_sealed_block(run->results, path, (const int64_t[]){0, 0}, (const int64_t[]){out->n, 2},
                             out->value);
}

/* ---- the table -------------------------------------------------------------------------- */

typedef struct unit_damage {
    double  damage; /* alone on, else 0 */
    int64_t unit;
} unit_damage;

static int by_falling_damage(const void *a, const void *b)
{
    const unit_damage *x = a, *y = b;
    if (x->damage != y->damage) return x->damage < y->damage ? 1 : -1;
    return x->unit < y->unit ? -1 : 1;
}

/* Where only-on was not measured, the units are ranked by how much leaving them out gains. */
static unit_damage *rank_units(const sensitivity_source *s, ssmq_arena *arena)
{
    unit_damage *order = SSMQ_ARENA_ARRAY(arena, unit_damage, s->n);
    for (int64_t i = 0; i < s->n; i++) {
        const double on = s->value[i * 2], off = s->value[i * 2 + 1];
        order[i] = (unit_damage){!isnan(on) ? on : !isnan(off) ? -off : -INFINITY, i};
    }
    qsort(order, (size_t)s->n, sizeof *order, by_falling_damage);
    return order;
}

static ssmq_status add_rows(const ssmq_figure_request *rq, const ssmq_figure_run *run,
                            const sensitivity_source *s, ssmq_figure *f, int64_t *longest)
{
    const int64_t limit = rq->o->top > 0 ? rq->o->top : rq->picture ? PICTURE_UNITS : s->n;
    const int64_t n = limit < s->n ? limit : s->n;
    unit_damage  *order = rank_units(s, rq->arena);
    SSMQ_TRY(ssmq_figure_begin_series(f, run->label));
    SSMQ_TRY(ssmq_figure_reserve(f, n));
    for (int64_t i = 0; i < n; i++) {
        ssmq_cell *cell = ssmq_figure_run_row(f, run);
        cell[0] = SSMQ_NUMBER_CELL(i);
        cell[1] = SSMQ_TEXT_CELL(s->unit[order[i].unit]);
        cell[2] = SSMQ_NUMBER_CELL(s->value[order[i].unit * 2]);
        cell[3] = SSMQ_NUMBER_CELL(s->value[order[i].unit * 2 + 1]);
    }
    if (n > *longest) *longest = n;
    return SSMQ_OK;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    const char *metric = "";
    int64_t     longest = 0;
    ssmq_figure_add_column(f, "rank", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "unit", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "only_on", SSMQ_COLUMN_REAL);
    ssmq_figure_add_column(f, "only_off", SSMQ_COLUMN_REAL);
    for (int32_t i = 0; i < rq->n_run; i++) {
        sensitivity_source s;
        SSMQ_TRY(find_metric(rq, &rq->run[i], &metric));
        SSMQ_TRY(read_source(rq, &rq->run[i], metric, &s));
        SSMQ_TRY(add_rows(rq, &rq->run[i], &s, f, &longest));
    }
    ssmq_figure_title(rq, f, "", -1);
    ssmq_figure_set_text(f, "name", ssmq_quantity_label(metric));
    ssmq_figure_set_real(f, "longest", (double)longest);
    f->height_cm = 1.8 + (0.9 + 0.36 * (double)longest) * rq->n_run;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_sensitivity = {
    .name = "sensitivity",
    .takes = SSMQ_TAKES_QUANTITY | SSMQ_TAKES_TOP,
    .build = build,
};
