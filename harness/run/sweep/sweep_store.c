#include "harness/run/sweep/sweep_store.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/base/build.h"
#include "harness/store/score_figures.h"
#include "harness/store/store.h"

_Static_assert(SSMQ_AXES_MAX <= SSMQ_STORE_AXES_MAX, "every sweep can be stored");

typedef struct writer {
    ssmq_store            *store;
    const ssmq_experiment *e;
    const ssmq_summary    *s;
    ssmq_arena            *arena;
    int32_t                dim[SSMQ_AXES_MAX];
    const char            *scale[SSMQ_AXES_MAX];
} writer;

/* ---- axes ------------------------------------------------------------------------------ */

/* The type that all values of an axis have; a whole number is a real one where others are. */
static ssmq_yaml_type type_of(const ssmq_axis *axis)
{
    ssmq_yaml_type all = ssmq_yaml_type_of(axis->value[0]);
    for (int32_t i = 1; i < axis->n; i++) {
        const ssmq_yaml_type t = ssmq_yaml_type_of(axis->value[i]);
        const bool           numbers = (t == SSMQ_YAML_INT || t == SSMQ_YAML_REAL) &&
                             (all == SSMQ_YAML_INT || all == SSMQ_YAML_REAL);
        if (t != all) all = numbers ? SSMQ_YAML_REAL : SSMQ_YAML_TEXT;
    }
    return all;
}

static ssmq_status put_numbers(const writer *w, const ssmq_axis *axis, const char *path, const char *long_name,
                               bool whole)
{
    int64_t *integer = SSMQ_ARENA_ARRAY(w->arena, int64_t, axis->n);
    double  *real = SSMQ_ARENA_ARRAY(w->arena, double, axis->n);
    for (int32_t i = 0; i < axis->n; i++) {
        if (whole) integer[i] = ssmq_yaml_int(axis->value[i]);
        real[i] = ssmq_yaml_real(axis->value[i]);
    }
    const ssmq_tensor t = whole ? SSMQ_TENSOR(integer, SSMQ_I64, axis->n) : SSMQ_TENSOR(real, SSMQ_F64, axis->n);
    return ssmq_store_scale(w->store, path, &t, "", long_name);
}

static ssmq_status put_flags(const writer *w, const ssmq_axis *axis, const char *path, const char *long_name)
{
    uint8_t *flag = SSMQ_ARENA_ARRAY(w->arena, uint8_t, axis->n);
    for (int32_t i = 0; i < axis->n; i++) flag[i] = ssmq_yaml_bool(axis->value[i]);
    const ssmq_tensor t = SSMQ_TENSOR(flag, SSMQ_U8, axis->n);
    SSMQ_TRY(ssmq_store_scale(w->store, path, &t, "", long_name));
    return ssmq_store_attribute_text(w->store, path, "flag_meanings", "no yes");
}

static ssmq_status put_axis(writer *w, int32_t i)
{
    const ssmq_axis *axis = &w->e->sweep.axis[i];
    const char      *path = ssmq_arena_printf(w->arena, "/axis/%s", axis->name);
    const char      *long_name = ssmq_arena_printf(w->arena, "axis %s of the sweep", axis->name);
    w->dim[i] = axis->n;
    w->scale[i] = path;
    switch (i <= SSMQ_AXIS_MODE ? SSMQ_YAML_TEXT : type_of(axis)) {
    case SSMQ_YAML_INT: return put_numbers(w, axis, path, long_name, true);
    case SSMQ_YAML_REAL: return put_numbers(w, axis, path, long_name, false);
    case SSMQ_YAML_BOOL: return put_flags(w, axis, path, long_name);
    default: return ssmq_store_scale_text(w->store, path, axis->label, axis->n, long_name);
    }
}

/* ---- grids ----------------------------------------------------------------------------- */

static ssmq_status put_texts(const writer *w, const char *path, const char *const *of_run, const char *long_name)
{
    const ssmq_sweep *s = &w->e->sweep;
    const char      **text = ssmq_must_malloc((size_t)s->n_grid * sizeof *text);
    for (int64_t i = 0; i < s->n_grid; i++) text[i] = s->run[i] >= 0 ? of_run[s->run[i]] : "";
    const ssmq_status st =
        ssmq_store_grid(w->store, path, NULL, text, s->n_axis, w->dim, w->scale, "", long_name);
    free(text);
    return st;
}

/* Nothing where no run has the figure. */
static ssmq_status put_figure(const writer *w, const char *id, int32_t k)
{
    const ssmq_sweep  *s = &w->e->sweep;
    const ssmq_score_figure *f = &ssmq_score_figures[k];
    double            *value = ssmq_must_malloc((size_t)s->n_grid * sizeof *value);
    bool               any = k < SSMQ_SCORE_FIGURES_ALWAYS;
    ssmq_status        st = SSMQ_OK;
    for (int64_t i = 0; i < s->n_grid; i++) {
        const int32_t run = s->run[i];
        value[i] = run >= 0 ? ssmq_score_figure_of(ssmq_summary_find(&w->s[run], id), k) : (double)NAN;
        if (isnan(value[i])) value[i] = (double)NAN; /* one bit pattern */
        else any = true;
    }
    if (any)
        st = ssmq_store_grid(w->store, ssmq_arena_printf(w->arena, "/eval/%s/%s", id, f->name), value, NULL,
                             s->n_axis, w->dim, w->scale, f->unit, f->long_name);
    free(value);
    return st;
}

/* Dialect, window and resets of states, where they are the same in all runs. */
static ssmq_status describe(const writer *w, const char *id)
{
    const ssmq_evaluation_score *first = NULL;
    bool                         dialect = true, window = true, reset = true;
    const char                  *group = ssmq_arena_printf(w->arena, "/eval/%s", id);
    for (int32_t i = 0; i < w->e->n_run; i++) {
        const ssmq_evaluation_score *e = ssmq_summary_find(&w->s[i], id);
        if (!e) continue;
        if (!first) first = e;
        dialect = dialect && strcmp(e->dialect, first->dialect) == 0;
        window = window && e->window == first->window;
        reset = reset && e->state_reset == first->state_reset;
    }
    if (first && dialect) SSMQ_TRY(ssmq_store_attribute_text(w->store, group, "dialect", first->dialect));
    if (first && window) SSMQ_TRY(ssmq_store_attribute_int(w->store, group, "window", first->window));
    if (first && reset && first->state_reset > 0)
        SSMQ_TRY(ssmq_store_attribute_int(w->store, group, "state_reset", first->state_reset));
    return SSMQ_OK;
}

static ssmq_status put_all(writer *w)
{
    const int32_t      n_run = w->e->n_run;
    const char       **id_of = SSMQ_ARENA_ARRAY(w->arena, const char *, n_run);
    const char       **status = SSMQ_ARENA_ARRAY(w->arena, const char *, n_run);
    const char *const *id;
    SSMQ_TRY(ssmq_store_attribute_text(w->store, "/", "ssmq_version", ssmq_build_info()->version));
    SSMQ_TRY(ssmq_store_attribute_text(w->store, "/", "experiment", w->e->name));
    for (int32_t i = 0; i < w->e->sweep.n_axis; i++) SSMQ_TRY(put_axis(w, i));
    for (int32_t i = 0; i < n_run; i++) {
        id_of[i] = w->e->run[i].id;
        status[i] = w->s[i].status;
    }
    SSMQ_TRY(put_texts(w, "/run_id", id_of, "id of the run, which names its folder"));
    SSMQ_TRY(put_texts(w, "/status", status, "how the run ended"));
    const int32_t n = ssmq_summaries_evaluations(w->s, n_run, w->arena, &id);
    for (int32_t v = 0; v < n; v++) {
        for (int32_t k = 0; ssmq_score_figures[k].name; k++) SSMQ_TRY(put_figure(w, id[v], k));
        SSMQ_TRY(describe(w, id[v]));
    }
    return SSMQ_OK;
}

ssmq_status ssmq_sweep_store(const ssmq_experiment *e, const ssmq_summary *s, const char *path)
{
    writer w = {.e = e, .s = s, .arena = ssmq_arena_new()};
    ssmq_status st = ssmq_store_create(path, &w.store);
    if (st == SSMQ_OK) {
        st = put_all(&w);
        if (st == SSMQ_OK) st = ssmq_store_seal(w.store);
        else ssmq_store_discard(w.store);
    }
    ssmq_arena_free(w.arena);
    return st;
}
