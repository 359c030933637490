#include "harness/cli/rows.h"
#include <math.h>
#include <string.h>
#include "harness/store/score_figures.h"

#define FIRST_AXIS (SSMQ_AXIS_MODE + 1)

/* Which rows an expectation is about, from the runs that it is about. */
static const bool *rows_of(const bool *of, const int32_t *index, int32_t n, ssmq_arena *arena)
{
    bool *rows = SSMQ_ARENA_ARRAY(arena, bool, n + 1);
    for (int32_t i = 0; i < n; i++) rows[i] = index[i] >= 0 && of[index[i]];
    return rows;
}

/* ---- from an experiment ------------------------------------------------------------------ */

static ssmq_axis_value value_of(const ssmq_sweep *s, int32_t run, int32_t axis)
{
    const int64_t   at = (int64_t)run * s->n_axis + axis;
    ssmq_axis_value out = {.label = s->label[at], .number = (double)NAN};
    if (s->value[at] < 0) return out;
    const ssmq_yaml *v = s->axis[axis].value[s->value[at]];
    switch (ssmq_yaml_type_of(v)) {
    case SSMQ_YAML_INT: out.number = (double)ssmq_yaml_int(v); break;
    case SSMQ_YAML_REAL: out.number = ssmq_yaml_real(v); break;
    case SSMQ_YAML_BOOL:
        out.number = ssmq_yaml_bool(v);
        out.flag = true;
        break;
    default: break;
    }
    return out;
}

ssmq_rows ssmq_rows_of_experiment(const ssmq_experiment *e, const int32_t *index, int32_t n, ssmq_arena *arena)
{
    const ssmq_sweep *s = &e->sweep;
    const int32_t     n_axis = s->n_axis - FIRST_AXIS;
    const char      **axis = SSMQ_ARENA_ARRAY(arena, const char *, n_axis + 1),
                    **against = SSMQ_ARENA_ARRAY(arena, const char *, n + 1);
    ssmq_axis_value  *value = SSMQ_ARENA_ARRAY(arena, ssmq_axis_value, n * n_axis + 1);
    ssmq_expectation *expect = SSMQ_ARENA_ARRAY(arena, ssmq_expectation, e->n_expect + 1);
    for (int32_t k = 0; k < n_axis; k++) axis[k] = s->axis[FIRST_AXIS + k].name;
    for (int32_t i = 0; i < n; i++) {
        const int32_t other = s->against[index[i]];
        against[i] = other >= 0 && other != index[i] ? e->run[other].id : NULL;
        for (int32_t k = 0; k < n_axis; k++) value[i * n_axis + k] = value_of(s, index[i], FIRST_AXIS + k);
    }
    for (int32_t k = 0; k < e->n_expect; k++) {
        expect[k] = e->expect[k];
        expect[k].of = rows_of(e->expect[k].of, index, n, arena);
    }
    return (ssmq_rows){axis, n_axis, value, against, s->baseline, expect, e->n_expect};
}

/* ---- from a list --------------------------------------------------------------------------- */

ssmq_rows ssmq_rows_of_list(const ssmq_frozen *f, const ssmq_stored_run *run, int32_t n, ssmq_arena *arena)
{
    const char      **axis = SSMQ_ARENA_ARRAY(arena, const char *, f->n_axis + 1),
                    **against = SSMQ_ARENA_ARRAY(arena, const char *, n + 1);
    ssmq_axis_value  *value = SSMQ_ARENA_ARRAY(arena, ssmq_axis_value, n * f->n_axis + 1);
    ssmq_expectation *expect = SSMQ_ARENA_ARRAY(arena, ssmq_expectation, f->n_expect + 1);
    int32_t          *index = SSMQ_ARENA_ARRAY(arena, int32_t, n + 1), n_expect = 0;
    for (int32_t k = 0; k < f->n_axis; k++) axis[k] = f->axis[k].name;
    for (int32_t i = 0; i < n; i++) {
        index[i] = ssmq_frozen_find(f, run[i].status.id);
        if (index[i] < 0) continue;
        against[i] = f->run[index[i]].against;
        memcpy(&value[i * f->n_axis], f->run[index[i]].value, (size_t)f->n_axis * sizeof *value);
    }
    for (int32_t k = 0; k < f->n_expect; k++) {
        const ssmq_frozen_expectation *x = &f->expect[k];
        const int32_t                  figure = ssmq_score_figure_find(x->metric);
        if (figure < 0) continue; /* of a later version */
        expect[n_expect++] = (ssmq_expectation){x->evaluation, figure,    x->value,
                                                x->tolerance,  x->source, rows_of(x->of, index, n, arena)};
    }
    return (ssmq_rows){axis, f->n_axis, value, against, f->baseline, expect, n_expect};
}
