/* A sweep to its points, each of which is read and checked like an experiment of its own.  What they resolve to
 * is put in order, and becomes runs (points.c). */
#include <string.h>
#include "harness/run/experiment/loader.h"
#include "harness/run/experiment/points.h"

/* ---- the point that is being read --------------------------------------------------------- */

bool ssmq_loader_excluded(ssmq_loader *ld, int32_t recipe, ssmq_mode mode)
{
    const ssmq_draft *d = &ld->draft;
    int32_t           at[SSMQ_AXES_MAX];
    bool              excluded = false;
    memcpy(at, ld->sweep.at, sizeof at);
    at[SSMQ_AXIS_RECIPE] = recipe;
    for (int32_t i = 0; i < d->n_mode; i++)
        if (d->mode[i] == mode) at[SSMQ_AXIS_MODE] = i;
    for (int32_t i = 0; i < ld->sweep.n_exclude; i++) {
        if (!ssmq_choice_holds(ld, &ld->sweep.exclude[i], at)) continue;
        ld->sweep.exclude[i].met++;
        excluded = true;
    }
    return excluded;
}

static bool holds_place(const ssmq_yaml *node, ssmq_place place)
{
    if (node->place.source == place.source && node->place.offset == place.offset) return true;
    for (int32_t i = 0; i < node->n; i++)
        if (holds_place(node->value[i], place)) return true;
    return false;
}

const ssmq_yaml *ssmq_loader_blame(const ssmq_loader *ld, const ssmq_yaml *node)
{
    for (int32_t i = 2; i < ld->sweep.n_axis; i++)
        for (int32_t k = 0; k < ld->sweep.axis[i].n_path; k++) {
            const ssmq_yaml *value = ld->sweep.axis[i].path[k].list->value[ld->sweep.at[i]];
            if (holds_place(node, value->place)) return value;
        }
    return node;
}

/* "p=99.9 rot=true" */
static const char *point_name(const ssmq_loader *ld)
{
    ssmq_str text = {0};
    for (int32_t i = 2; i < ld->sweep.n_axis; i++) {
        const ssmq_axis_draft *axis = &ld->sweep.axis[i];
        ssmq_str_printf(&text, "%s%s=%s", i > 2 ? " " : "", axis->name, axis->label[ld->sweep.at[i]]);
    }
    const char *copy = ssmq_arena_strdup(ld->arena, ssmq_str_text(&text));
    ssmq_str_free(&text);
    return copy;
}

/* ld->root with what the axes set at this point. */
static bool set_point(ssmq_loader *ld)
{
    bool fine = true;
    for (int32_t i = 2; i < ld->sweep.n_axis; i++) {
        const ssmq_axis_draft *axis = &ld->sweep.axis[i];
        for (int32_t k = 0; k < axis->n_path; k++) {
            const ssmq_axis_path *p = &axis->path[k];
            fine = ssmq_loader_set(ld, p->part, p->n_part, p->list->value[ld->sweep.at[i]]) && fine;
        }
    }
    return fine;
}

/* Are all recipes in all modes dropped here? */
static bool drop_point(ssmq_loader *ld)
{
    ssmq_sweep_draft *s = &ld->sweep;
    int32_t           left = 0;
    for (int32_t r = 0; r < s->axis[SSMQ_AXIS_RECIPE].n; r++)
        for (int32_t m = 0; m < s->axis[SSMQ_AXIS_MODE].n; m++) {
            bool excluded = false;
            s->at[SSMQ_AXIS_RECIPE] = r;
            s->at[SSMQ_AXIS_MODE] = m;
            for (int32_t i = 0; i < s->n_exclude; i++) {
                if (!ssmq_choice_holds(ld, &s->exclude[i], s->at)) continue;
                s->exclude[i].met++;
                excluded = true;
            }
            left += !excluded;
        }
    return left == 0;
}

/* Where a problem was reported nothing is resolved any more: what else is wrong is still looked for. */
static void read_point(ssmq_loader *ld, ssmq_yaml *base, ssmq_points *points)
{
    if (drop_point(ld)) {
        ssmq_points_add(points, NULL);
        return;
    }
    ld->root = base;
    ld->draft = (ssmq_draft){0};
    if (ld->sweep.n_axis > 2) ssmq_diag_context(ld->diag, point_name(ld));
    if (!set_point(ld)) return;
    ssmq_loader_draft(ld);
    ssmq_loader_check(ld);
    if (ssmq_diag_errors(ld->diag) > 0) return;
    ssmq_run **cell = SSMQ_ARENA_ARRAY(ld->arena, ssmq_run *, ld->draft.n_mode * (ld->draft.n_recipe + 1));
    ssmq_loader_runs(ld, cell);
    if (!points->resolved) points->resolved = ssmq_experiment_tree(ld);
    ssmq_points_add(points, cell);
}

/* The next point, the last axis fastest; zipped axes follow the first of them.  False after the last one. */
static bool next_point(ssmq_sweep_draft *s)
{
    int32_t i = s->n_axis - 1;
    for (; i >= 2; i--) {
        if (s->axis[i].moves_with != i) continue;
        if (++s->at[i] < s->axis[i].n) break;
        s->at[i] = 0;
    }
    for (int32_t k = 2; k < s->n_axis; k++) s->at[k] = s->at[s->axis[k].moves_with];
    return i >= 2;
}

/* ---- all points ---------------------------------------------------------------------------- */

static void check_met(ssmq_loader *ld, const ssmq_points *points)
{
    for (int32_t i = 0; i < ld->sweep.n_exclude; i++)
        if (ld->sweep.exclude[i].met == 0)
            SSMQ_REPORT(ld, EXCLUDE_NONE, ld->sweep.exclude[i].given, NULL,
                        "sweep.exclude: no point is like this");
    if (ld->sweep.baseline && ld->sweep.baseline->met == 0)
        SSMQ_REPORT(ld, BASELINE_EXCLUDED, ld->sweep.baseline->given, NULL,
                    "sweep.baseline: every point like this is excluded");
    if (points->n_cell == points->excluded)
        SSMQ_REPORT(ld, EXCLUDE_ALL, ld->sweep.given, NULL, "sweep.exclude drops all points");
}

void ssmq_loader_expand(ssmq_loader *ld, ssmq_experiment *e)
{
    ssmq_yaml  *base = ld->root;
    ssmq_points points;
    ssmq_points_open(ld, &points);
    do read_point(ld, base, &points);
    while (next_point(&ld->sweep) && ssmq_diag_errors(ld->diag) < SSMQ_DIAG_MAX);
    ssmq_diag_context(ld->diag, NULL);
    if (ssmq_diag_errors(ld->diag) == 0) check_met(ld, &points);
    if (ssmq_diag_errors(ld->diag) == 0) ssmq_loader_unused(ld);
    if (ssmq_diag_errors(ld->diag) > 0) return;
    e->name = ld->draft.name->text;
    e->question = ld->draft.question ? ld->draft.question->text : NULL;
    e->resolved = points.resolved;
    ssmq_points_finish(&points, e);
}
