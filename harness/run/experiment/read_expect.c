/* The list `expect`: values that runs are held against. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/experiment/loader.h"
#include "harness/store/score_figures.h"

/* "1%" or "0.05"; false (reported) for anything else. */
static bool read_tolerance(ssmq_loader *ld, const ssmq_yaml *given, double value, double *out)
{
    char        *end;
    const char  *text = given->kind == SSMQ_YAML_SCALAR ? given->text : "";
    const double number = strtod(text, &end);
    const bool   percent = strcmp(end, "%") == 0 || strcmp(end, " %") == 0;
    if (end == text || (*end && !percent) || !isfinite(number) || number < 0) {
        SSMQ_REPORT(ld, TOLERANCE, given, NULL,
                    "a tolerance is a number, or a share of the value as '1%%'; found %s",
                    ssmq_yaml_found(ld->arena, given));
        return false;
    }
    *out = percent ? fabs(value) * number / 100 : number;
    return true;
}

static bool read_metric(ssmq_loader *ld, const char *name, const ssmq_yaml *given, int32_t *out)
{
    const char *known[64] = {NULL};
    for (int32_t k = 0; ssmq_score_figures[k].name; k++) {
        known[k] = ssmq_score_figures[k].name;
        if (strcmp(known[k], name) == 0) {
            *out = k;
            return true;
        }
    }
    SSMQ_REPORT(ld, FIGURE, given, ssmq_option_help(ld->arena, name, known),
                "no figure has the name '%s'", name);
    return false;
}

static void read_one(ssmq_loader *ld, const ssmq_yaml *v, int32_t index)
{
    static const char *const own[] = {"where", NULL};
    ssmq_expect_draft       *e = &ld->expect[ld->n_expect];
    ssmq_expect_options      o = {0};
    const char              *path = ssmq_arena_printf(ld->arena, "expect[%d]", index);
    const ssmq_yaml         *where = ssmq_yaml_get(v, "where");
    if (!ssmq_options_mapping(&ld->options, v, path)) return;
    bool fine = ssmq_options_known(&ld->options, ssmq_schema_expect, own, v, path);
    fine = ssmq_options_read(&ld->options, ssmq_schema_expect, v, path, &o) && fine;
    if (!fine) return;
    *e = (ssmq_expect_draft){.given = v, .spec = {.evaluation = o.evaluation, .value = o.value, .source = o.source}};
    fine = read_metric(ld, o.metric, ssmq_yaml_get(v, "metric"), &e->spec.figure);
    fine = read_tolerance(ld, ssmq_yaml_get(v, "tolerance"), o.value, &e->spec.tolerance) && fine;
    if (!where) where = ssmq_yaml_new(ld->arena, SSMQ_YAML_MAP);
    if (ssmq_choice_read(ld, where, ssmq_arena_printf(ld->arena, "%s.where", path), &e->where) && fine)
        ld->n_expect++;
}

void ssmq_loader_expect(ssmq_loader *ld)
{
    const ssmq_yaml *v = ssmq_yaml_get(ld->root, "expect");
    if (!v) return;
    if (v->place.source) v->place.source->used = true;
    if (v->kind != SSMQ_YAML_LIST) {
        SSMQ_REPORT(ld, NO_LIST, v, NULL, "expect must be a list of mappings, found %s",
                    ssmq_yaml_found(ld->arena, v));
        return;
    }
    ld->expect = SSMQ_ARENA_ARRAY(ld->arena, ssmq_expect_draft, v->n + 1);
    for (int32_t i = 0; i < v->n; i++) read_one(ld, v->value[i], i);
}

/* Is there such an evaluation, and is the figure made? */
static void check_one(ssmq_loader *ld, const ssmq_expect_draft *e)
{
    const ssmq_draft *d = &ld->draft;
    const char      **known = SSMQ_ARENA_ARRAY(ld->arena, const char *, d->n_evaluation + 1);
    bool              found = false;
    for (int32_t i = 0; i < d->n_evaluation; i++) {
        known[i] = d->evaluation[i].id;
        found = found || strcmp(known[i], e->spec.evaluation) == 0;
    }
    if (!found)
        SSMQ_REPORT(ld, EXPECT_EVALUATION, ssmq_yaml_get(e->given, "evaluation"),
                    ssmq_option_help(ld->arena, e->spec.evaluation, known),
                    "no evaluation has the id '%s'", e->spec.evaluation);
    if (e->spec.figure >= SSMQ_SCORE_FIGURES_ALWAYS && !d->compare.given)
        SSMQ_REPORT(ld, EXPECT_PAIRED, ssmq_yaml_get(e->given, "metric"), "add compare: {}",
                    "%s is a figure paired with float, and nothing is compared",
                    ssmq_score_figures[e->spec.figure].name);
}

/* An axis that a run does not depend on, as float on a recipe, does not mean the run. */
static bool is_meant(const ssmq_sweep *s, const ssmq_choice *where, int32_t run)
{
    for (int32_t k = 0; k < s->n_axis; k++)
        if (where->allows[k] && s->value[(int64_t)run * s->n_axis + k] == SSMQ_EVERY) return false;
    return true;
}

void ssmq_loader_expected(ssmq_loader *ld, ssmq_experiment *e)
{
    ssmq_expectation *all = SSMQ_ARENA_ARRAY(ld->arena, ssmq_expectation, ld->n_expect + 1);
    const ssmq_sweep *s = &e->sweep;
    for (int32_t i = 0; i < ld->n_expect; i++) {
        int32_t at[SSMQ_AXES_MAX], n = 0;
        bool   *holds = SSMQ_ARENA_ARRAY(ld->arena, bool, e->n_run);
        for (int64_t cell = 0; cell < s->n_grid; cell++) {
            int64_t rest = cell;
            for (int32_t k = s->n_axis - 1; k >= 0; rest /= s->axis[k].n, k--) at[k] = (int32_t)(rest % s->axis[k].n);
            if (s->run[cell] < 0 || !ssmq_choice_holds(ld, &ld->expect[i].where, at)) continue;
            if (!is_meant(s, &ld->expect[i].where, s->run[cell])) continue;
            n += !holds[s->run[cell]];
            holds[s->run[cell]] = true;
        }
        if (n == 0)
            SSMQ_REPORT(ld, EXPECT_NO_RUN, ssmq_yaml_get(ld->expect[i].given, "where"), NULL,
                        "no run is like this");
        check_one(ld, &ld->expect[i]);
        all[i] = ld->expect[i].spec;
        all[i].of = holds;
    }
    e->expect = all;
    e->n_expect = ld->n_expect;
}
