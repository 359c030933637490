#include "harness/run/experiment/points.h"
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 40 /* characters of several values together */

/* ---- gathering -------------------------------------------------------------------------- */

void ssmq_points_open(ssmq_loader *ld, ssmq_points *out)
{
    *out = (ssmq_points){.ld = ld};
}

static void add_cell(ssmq_points *p, ssmq_cell cell)
{
    if (p->n == p->capacity) {
        p->capacity = p->capacity ? 2 * p->capacity : 64;
        ssmq_cell *more = SSMQ_ARENA_ARRAY(p->ld->arena, ssmq_cell, p->capacity);
        if (p->n) memcpy(more, p->cell, (size_t)p->n * sizeof *more);
        p->cell = more;
    }
    p->cell[p->n++] = cell;
}

static int32_t model_index(ssmq_points *p, const char *directory)
{
    for (int32_t i = 0; i < p->n_model; i++)
        if (strcmp(p->model[i], directory) == 0) return i;
    const char **more = SSMQ_ARENA_ARRAY(p->ld->arena, const char *, p->n_model + 1);
    if (p->n_model) memcpy(more, p->model, (size_t)p->n_model * sizeof *more);
    more[p->n_model] = directory;
    p->model = more;
    return p->n_model++;
}

static int64_t grid_index(const ssmq_sweep_draft *s)
{
    int64_t cell = 0;
    for (int32_t i = 0; i < s->n_axis; i++) cell = cell * s->axis[i].n + s->at[i];
    return cell;
}

void ssmq_points_add(ssmq_points *p, ssmq_run *const *run)
{
    ssmq_sweep_draft *s = &p->ld->sweep;
    const int32_t     n_mode = s->axis[SSMQ_AXIS_MODE].n;
    for (int32_t r = 0; r < s->axis[SSMQ_AXIS_RECIPE].n; r++)
        for (int32_t m = 0; m < n_mode; m++) {
            ssmq_run *one = run ? run[r * n_mode + m] : NULL;
            p->n_cell++;
            p->excluded += !one;
            p->dropped += !one && (s->axis[SSMQ_AXIS_MODE].n == 1 || strcmp(s->axis[SSMQ_AXIS_MODE].label[m], "float") != 0);
            if (!one) continue;
            s->at[SSMQ_AXIS_RECIPE] = r;
            s->at[SSMQ_AXIS_MODE] = m;
            if (s->baseline) s->baseline->met += ssmq_choice_holds(p->ld, s->baseline, s->at);
            add_cell(p, (ssmq_cell){.run = one,
                                    .at = grid_index(s),
                                    .point = p->n_point,
                                    .order = {model_index(p, one->model),
                                              one->mode == SSMQ_MODE_FLOAT ? -1 : m, r, p->n_point}});
        }
    p->n_point++;
}

/* ---- runs ------------------------------------------------------------------------------- */

/* A model's runs together, since they share what is in memory; float first, as others are held against it. */
static int by_order(const void *a, const void *b)
{
    const ssmq_cell *x = a, *y = b;
    for (int i = 0; i < 4; i++)
        if (x->order[i] != y->order[i]) return x->order[i] < y->order[i] ? -1 : 1;
    return 0;
}

/* Runs by their ids. */
typedef struct index_of {
    int32_t *slot; /* run + 1; 0: free */
    uint64_t mask;
} index_of;

static int32_t *slot_of(const index_of *x, const ssmq_run *runs, const char *id)
{
    uint64_t at = strtoull(id, NULL, 16) & x->mask;
    while (x->slot[at] && strcmp(runs[x->slot[at] - 1].id, id) != 0) at = (at + 1) & x->mask;
    return &x->slot[at];
}

/* Two recipes that are the same at a point: one of them may be a mistake. */
static void warn_same(const ssmq_points *p, const ssmq_cell *first, const ssmq_cell *again)
{
    if (first->point != again->point || first->order[1] != again->order[1] || again->order[1] < 0) return;
    ssmq_diag_warn(p->ld->diag, SSMQ_E_SAME_RUN, p->ld->draft.recipe[again->order[2]].key->place,
                   NULL, "'%s' resolves to the same run as '%s' and is left out", again->run->name,
                   first->run->name);
}

/* What is being laid out. */
typedef struct layout {
    ssmq_points *p;
    ssmq_run    *run;
    int32_t      n_run;
    int32_t     *of;    /* [p->n] the run of each cell */
    int32_t     *first; /* [n_run] its first cell */
    int32_t     *grid;
    int32_t     *value;
    const char **label;
} layout;

static void make_runs(layout *l)
{
    ssmq_points *p = l->p;
    ssmq_arena  *scratch = ssmq_arena_new();
    index_of     x = {.mask = 1};
    while (x.mask < 2 * (uint64_t)p->n) x.mask = 2 * x.mask + 1;
    x.slot = SSMQ_ARENA_ARRAY(scratch, int32_t, x.mask + 1);
    qsort(p->cell, (size_t)p->n, sizeof *p->cell, by_order);
    for (int64_t i = 0; i < p->n; i++) {
        int32_t *slot = slot_of(&x, l->run, p->cell[i].run->id);
        if (*slot) {
            warn_same(p, &p->cell[l->first[*slot - 1]], &p->cell[i]);
        } else {
            l->run[l->n_run] = *p->cell[i].run;
            l->first[l->n_run] = (int32_t)i;
            *slot = ++l->n_run;
        }
        l->of[i] = *slot - 1;
        l->grid[p->cell[i].at] = l->of[i];
    }
    ssmq_arena_free(scratch);
}

/* ---- what a run has on each axis ---------------------------------------------------------- */

/* The value's index of a cell of the grid on each axis. */
static void at_of(const ssmq_sweep_draft *s, int64_t cell, int32_t *at)
{
    for (int32_t i = s->n_axis - 1; i >= 0; i--) {
        at[i] = (int32_t)(cell % s->axis[i].n);
        cell /= s->axis[i].n;
    }
}

/* Which values of an axis the cells [begin, end) of order[] have. */
static int32_t count_values(const layout *l, const int64_t *order, int64_t begin, int64_t end, int32_t axis,
                            bool *has)
{
    const ssmq_sweep_draft *s = &l->p->ld->sweep;
    int32_t                 n = 0, at[SSMQ_AXES_MAX];
    memset(has, 0, (size_t)s->axis[axis].n * sizeof *has);
    for (int64_t i = begin; i < end; i++) {
        at_of(s, l->p->cell[order[i]].at, at);
        n += !has[at[axis]];
        has[at[axis]] = true;
    }
    return n;
}

/* Is there a path of the axis that may change what the run is? */
static bool touches(const layout *l, int32_t run, const ssmq_axis_draft *axis)
{
    static const char *const of_float[] = {"model", "data", "evaluate", "run", "collect"};
    const ssmq_run          *r = &l->run[run];
    for (int32_t i = 0; i < axis->n_path; i++) {
        const char *first = axis->path[i].part[0]->text;
        bool        may = r->mode != SSMQ_MODE_FLOAT;
        if (may && strcmp(first, "recipes") == 0) may = strcmp(axis->path[i].part[1]->text, r->recipe->name) == 0;
        for (size_t k = 0; k < sizeof of_float / sizeof *of_float; k++)
            may = may || (strcmp(first, of_float[k]) == 0 && strcmp(axis->path[i].key->text, "run.seed") != 0);
        if (may || (r->calibration && strcmp(first, "calibration") == 0)) return true;
    }
    return false;
}

/* Does another value of the axis lead from a cell of the run to another run?  Zipped axes go along. */
static bool depends(const layout *l, const int64_t *order, int64_t begin, int64_t end, int32_t axis)
{
    const ssmq_sweep_draft *s = &l->p->ld->sweep;
    int32_t                 at[SSMQ_AXES_MAX];
    for (int64_t i = begin; i < end; i++) {
        at_of(s, l->p->cell[order[i]].at, at);
        for (int32_t v = 0; v < s->axis[axis].n; v++) {
            int64_t cell = 0;
            for (int32_t k = 0; k < s->n_axis; k++)
                cell = cell * s->axis[k].n + (s->axis[k].moves_with == s->axis[axis].moves_with ? v : at[k]);
            if (l->grid[cell] >= 0 && l->grid[cell] != l->of[order[i]]) return true;
        }
    }
    return false;
}

static const char *several(ssmq_arena *arena, const ssmq_axis_draft *axis, const bool *has, int32_t n)
{
    ssmq_str text = {0};
    for (int32_t i = 0; i < axis->n; i++)
        if (has[i]) ssmq_str_printf(&text, "%s%s", text.length ? "," : "", axis->label[i]);
    const char *label = text.length <= LABEL_MAX ? ssmq_arena_strdup(arena, ssmq_str_text(&text))
                                                 : ssmq_arena_printf(arena, "%d values", n);
    ssmq_str_free(&text);
    return label;
}

/* Where the run has one value, that is it, if the run depends on the axis at all; order [begin, end) are its cells. */
static void put_value(layout *l, int32_t run, int32_t axis, const int64_t *order, int64_t begin, int64_t end,
                      bool *has)
{
    const ssmq_axis_draft *a = &l->p->ld->sweep.axis[axis];
    const int64_t          at = (int64_t)run * l->p->ld->sweep.n_axis + axis;
    const int32_t          n = count_values(l, order, begin, end, axis, has);
    const bool             own = axis <= SSMQ_AXIS_MODE;
    int32_t                k = 0;
    while (!has[k]) k++;
    l->value[at] = SSMQ_EVERY;
    if (own ? axis == SSMQ_AXIS_MODE || l->run[run].mode != SSMQ_MODE_FLOAT
            : n == 1 && (touches(l, run, a) || depends(l, order, begin, end, axis))) {
        l->value[at] = k;
        l->label[at] = a->label[k];
    } else if (!own && n > 1 && depends(l, order, begin, end, axis)) {
        l->value[at] = SSMQ_SEVERAL;
        l->label[at] = several(l->p->ld->arena, a, has, n);
    }
}

/* A run that two recipes come to goes by the first of them; a float run has none. */
static bool counts(const layout *l, int64_t cell)
{
    const ssmq_cell *c = &l->p->cell[cell], *first = &l->p->cell[l->first[l->of[cell]]];
    return c->run->mode == SSMQ_MODE_FLOAT || c->order[2] == first->order[2];
}

/* The cells of each run, one run after the other; *begin [n_run + 1]. */
static int64_t *cells_by_run(const layout *l, ssmq_arena *scratch, int64_t **begin)
{
    int64_t *order = SSMQ_ARENA_ARRAY(scratch, int64_t, l->p->n + 1);
    int64_t *from = SSMQ_ARENA_ARRAY(scratch, int64_t, l->n_run + 2);
    for (int64_t i = 0; i < l->p->n; i++) from[l->of[i] + 2] += counts(l, i);
    for (int32_t i = 0; i < l->n_run; i++) from[i + 2] += from[i + 1];
    for (int64_t i = 0; i < l->p->n; i++)
        if (counts(l, i)) order[from[l->of[i] + 1]++] = i;
    *begin = from;
    return order;
}

static void put_values(layout *l, const int64_t *order, const int64_t *begin, ssmq_arena *scratch)
{
    const ssmq_sweep_draft *s = &l->p->ld->sweep;
    for (int32_t axis = 0; axis < s->n_axis; axis++) {
        bool         *has = SSMQ_ARENA_ARRAY(scratch, bool, s->axis[axis].n);
        for (int32_t run = 0; run < l->n_run; run++)
            put_value(l, run, axis, order, begin[run], begin[run + 1], has);
    }
}

/* ---- names -------------------------------------------------------------------------------- */

static void put_name(layout *l, int32_t run)
{
    const ssmq_sweep_draft *s = &l->p->ld->sweep;
    ssmq_str                name = {0};
    ssmq_str_puts(&name, l->run[run].name);
    for (int32_t i = 2; i < s->n_axis; i++) {
        const char *label = l->label[(int64_t)run * s->n_axis + i];
        if (label) ssmq_str_printf(&name, " %s=%s", s->axis[i].name, label);
    }
    l->run[run].name = ssmq_arena_strdup(l->p->ld->arena, ssmq_str_text(&name));
    ssmq_str_free(&name);
}

static int by_name(const void *a, const void *b)
{
    const ssmq_run *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Runs that are the same for several values of several axes may come to one name. */
static void tell_apart(layout *l, ssmq_arena *scratch)
{
    ssmq_run **sorted = SSMQ_ARENA_ARRAY(scratch, ssmq_run *, l->n_run + 1);
    for (int32_t i = 0; i < l->n_run; i++) sorted[i] = &l->run[i];
    qsort(sorted, (size_t)l->n_run, sizeof *sorted, by_name);
    for (int32_t i = 0, n; i < l->n_run; i += n) {
        const char *name = sorted[i]->name;
        for (n = 1; i + n < l->n_run && strcmp(sorted[i + n]->name, name) == 0;) n++;
        for (int32_t k = 0; n > 1 && k < n; k++)
            sorted[i + k]->name = ssmq_arena_printf(l->p->ld->arena, "%s %.8s", name, sorted[i + k]->id);
    }
}

/* ---- what each is compared with ------------------------------------------------------------ */

/* The run at the cells [begin, end) with some axes (a choice of -1: its own) set to fixed values; -1: none, or several. */
static int32_t counterpart(const layout *l, const int64_t *order, int64_t begin, int64_t end,
                           const int32_t *choice)
{
    const ssmq_sweep_draft *s = &l->p->ld->sweep;
    int32_t                 found = -1, at[SSMQ_AXES_MAX];
    for (int64_t i = begin; i < end; i++) {
        int64_t cell = 0;
        at_of(s, l->p->cell[order[i]].at, at);
        for (int32_t k = 0; k < s->n_axis; k++)
            cell = cell * s->axis[k].n + (choice[k] >= 0 ? choice[k] : at[k]);
        const int32_t run = l->grid[cell];
        if (run < 0 || (found >= 0 && run != found)) return -1;
        found = run;
    }
    return found;
}

/* The values that the baseline names; what is zipped with one of them moves with it. */
static void baseline_of(const ssmq_sweep_draft *s, int32_t *choice)
{
    for (int32_t i = 0; s->baseline && i < s->n_axis; i++)
        for (int32_t k = 0; s->baseline->allows[i] && k < s->axis[i].n; k++)
            if (s->baseline->allows[i][k]) choice[i] = k;
    for (int32_t i = 0; i < s->n_axis; i++)
        for (int32_t k = 0; k < s->n_axis; k++)
            if (choice[i] < 0 && s->axis[i].moves_with == s->axis[k].moves_with) choice[i] = choice[k];
}

static void put_counterparts(const layout *l, const int64_t *order, const int64_t *begin, int32_t *in_float,
                             int32_t *against)
{
    const ssmq_loader *ld = l->p->ld;
    int32_t            choice[SSMQ_AXES_MAX], baseline[SSMQ_AXES_MAX];
    for (int32_t i = 0; i < SSMQ_AXES_MAX; i++) choice[i] = baseline[i] = -1;
    for (int32_t i = 0; i < ld->draft.n_mode; i++)
        if (ld->draft.mode[i] == SSMQ_MODE_FLOAT) choice[SSMQ_AXIS_MODE] = i;
    baseline_of(&ld->sweep, baseline);
    for (int32_t run = 0; run < l->n_run; run++) {
        in_float[run] = choice[SSMQ_AXIS_MODE] < 0
                            ? -1
                            : counterpart(l, order, begin[run], begin[run + 1], choice);
        against[run] = ld->sweep.baseline ? counterpart(l, order, begin[run], begin[run + 1], baseline)
                                          : in_float[run];
    }
}

/* ---- all of it ---------------------------------------------------------------------------- */

static const ssmq_axis *axes_of(const ssmq_loader *ld)
{
    ssmq_axis *axis = SSMQ_ARENA_ARRAY(ld->arena, ssmq_axis, ld->sweep.n_axis);
    for (int32_t i = 0; i < ld->sweep.n_axis; i++) {
        const ssmq_axis_draft *a = &ld->sweep.axis[i];
        axis[i] = (ssmq_axis){.name = a->name, .n = a->n, .label = a->label, .value = a->value};
    }
    return axis;
}

void ssmq_points_finish(ssmq_points *p, ssmq_experiment *e)
{
    ssmq_arena   *arena = p->ld->arena, *scratch = ssmq_arena_new();
    const int32_t n_axis = p->ld->sweep.n_axis;
    int64_t       n_grid = 1, *begin;
    for (int32_t i = 0; i < n_axis; i++) n_grid *= p->ld->sweep.axis[i].n;
    layout l = {.p = p,
                .run = SSMQ_ARENA_ARRAY(arena, ssmq_run, p->n),
                .of = SSMQ_ARENA_ARRAY(scratch, int32_t, p->n),
                .first = SSMQ_ARENA_ARRAY(scratch, int32_t, p->n),
                .grid = SSMQ_ARENA_ARRAY(arena, int32_t, n_grid)};
    memset(l.grid, 0xff, (size_t)n_grid * sizeof *l.grid);
    make_runs(&l);
    l.value = SSMQ_ARENA_ARRAY(arena, int32_t, l.n_run * n_axis);
    l.label = SSMQ_ARENA_ARRAY(arena, const char *, l.n_run * n_axis);
    int32_t *in_float = SSMQ_ARENA_ARRAY(arena, int32_t, l.n_run);
    int32_t *against = SSMQ_ARENA_ARRAY(arena, int32_t, l.n_run);
    const int64_t *order = cells_by_run(&l, scratch, &begin);
    put_values(&l, order, begin, scratch);
    put_counterparts(&l, order, begin, in_float, against);
    for (int32_t i = 0; i < l.n_run; i++) put_name(&l, i);
    tell_apart(&l, scratch);
    e->run = l.run;
    e->n_run = l.n_run;
    e->sweep = (ssmq_sweep){.axis = axes_of(p->ld),
                            .n_axis = n_axis,
                            .run = l.grid,
                            .n_grid = n_grid,
                            .excluded = p->dropped,
                            .baseline = p->ld->sweep.baseline != NULL,
                            .value = l.value,
                            .label = l.label,
                            .in_float = in_float,
                            .against = against};
    ssmq_arena_free(scratch);
}
