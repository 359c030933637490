#include "harness/cli/report_evidence.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/table.h"

/* ---- errors at sites ------------------------------------------------------------------- */

/* What a column of figures is called, and how it is printed. */
static const char *const headings[] = {
#define X(field, metric) [(metric)] = #field,
    SSMQ_SITE_FIELDS(X)
#undef X
};
#define METRICS ((int)(sizeof headings / sizeof *headings))

static double figure(const ssmq_site_score *s, int metric)
{
#define X(field, of) \
    if (metric == (of)) return s->field;
    SSMQ_SITE_FIELDS(X)
#undef X
    return (double)NAN;
}

/* The worst first; sites that were measured on clean inputs before the others. */
static int by_damage(const void *a, const void *b)
{
    const ssmq_site_score *const *x = a, *const *y = b;
    const int input = strcmp((*x)->input, (*y)->input);
    if (input) return input;
    const double p = (*x)->worst_sqnr_db, q = (*y)->worst_sqnr_db;
    return p < q ? -1 : p > q ? 1 : strcmp((*x)->site, (*y)->site);
}

static ssmq_table *new_table(uint32_t metrics, int32_t *n_column)
{
    const char *heading[METRICS + 4] = {"site", "input"};
    int32_t     n = 2;
    for (int i = 0; i < METRICS; i++)
        if (headings[i] && metrics >> i & 1) heading[n++] = headings[i];
    heading[n++] = "worst sqnr_db";
    heading[n++] = "layer";
    *n_column = n;
    return ssmq_table_new(n, heading);
}

static void site_row(ssmq_table *t, const ssmq_site_score *s, ssmq_arena *arena)
{
    const char *cell[METRICS + 4] = {s->site, s->input};
    int32_t     n = 2;
    for (int i = 0; i < METRICS; i++)
        if (headings[i] && s->metrics >> i & 1)
            cell[n++] = ssmq_arena_printf(arena, "%.4g", figure(s, i));
    cell[n++] = ssmq_arena_printf(arena, "%.4g", s->worst_sqnr_db);
    cell[n++] = s->worst_layer < 0 ? "-" : ssmq_arena_printf(arena, "%d", s->worst_layer);
    ssmq_table_row(t, cell);
}

void ssmq_report_sites(const ssmq_summary *run, int32_t most, ssmq_str *out)
{
    const ssmq_site_scores *sites = &run->sites;
    if (sites->n == 0) return;
    ssmq_arena             *arena = ssmq_arena_new();
    const ssmq_site_score **by = SSMQ_ARENA_ARRAY(arena, const ssmq_site_score *, sites->n);
    int32_t                 n_column, shown = 0, left = 0;
    ssmq_table             *t = new_table(sites->score[0].metrics, &n_column);
    for (int32_t i = 0; i < sites->n; i++) by[i] = &sites->score[i];
    qsort(by, (size_t)sites->n, sizeof *by, by_damage);
    for (int32_t i = 0; i < sites->n; i++) {
        if (i > 0 && strcmp(by[i]->input, by[i - 1]->input) != 0) shown = 0;
        if (most > 0 && shown++ >= most) left++;
        else site_row(t, by[i], arena);
    }
    ssmq_str_printf(out,
                    "\n%s: errors at sites against float, all layers together, %s, %" PRId64
                    " window%s\n\n",
                    run->name, sites->evaluation, sites->windows, sites->windows == 1 ? "" : "s");
    ssmq_table_print(t, out);
    if (left > 0) ssmq_str_printf(out, "%d more: ssmq show of the run\n", left);
    ssmq_table_free(t);
    ssmq_arena_free(arena);
}

/* ---- sensitivity ----------------------------------------------------------------------- */

/* By what it costs where it is left out, else where it is alone: the worst first. */
static double damage(const ssmq_sensitivity_scores *s, const ssmq_unit_score *u)
{
    const double d = s->has_off ? u->off.damage : u->on.damage;
    return isnan(d) ? -(double)INFINITY : d;
}

static const ssmq_unit_score **by_unit_damage(const ssmq_sensitivity_scores *s, ssmq_arena *arena)
{
    const ssmq_unit_score **by = SSMQ_ARENA_ARRAY(arena, const ssmq_unit_score *, s->n);
    for (int32_t i = 0; i < s->n; i++) {
        int32_t at = i; /* units are few; those that cost the same keep their order */
        for (; at > 0 && damage(s, by[at - 1]) < damage(s, &s->unit[i]); at--) by[at] = by[at - 1];
        by[at] = &s->unit[i];
    }
    return by;
}

static const char *number(ssmq_arena *arena, const char *format, double value)
    __attribute__((format(printf, 2, 0)));
static const char *number(ssmq_arena *arena, const char *format, double value)
{
    return isnan(value) ? "-" : ssmq_arena_printf(arena, format, value);
}

#define EACH 4 /* columns of figures: ppl, damage, its se, KL */

static void figure_cells(const ssmq_sensitivity_figures *f, ssmq_arena *arena, const char **cell)
{
    cell[0] = number(arena, "%.2f", f->ppl);
    cell[1] = number(arena, "%+.5f", f->damage);
    cell[2] = number(arena, "%.5f", f->damage_se);
    cell[3] = number(arena, "%.4g", f->kl_mean);
}

static ssmq_table *units_table(const ssmq_sensitivity_scores *s)
{
    static const char *const on[EACH] = {"alone: ppl", "costs", "se", "KL"};
    static const char *const off[EACH] = {"left out: ppl", "gains", "se", "KL"};
    const char              *heading[1 + 2 * EACH] = {s->by};
    int32_t                  n = 1;
    for (int i = 0; s->has_on && i < EACH; i++) heading[n++] = on[i];
    for (int i = 0; s->has_off && i < EACH; i++) heading[n++] = off[i];
    return ssmq_table_new(n, heading);
}

static void report_units(const ssmq_summary *run, int32_t most, ssmq_arena *arena, ssmq_str *out)
{
    const ssmq_sensitivity_scores *s = &run->sensitivity;
    const ssmq_unit_score        **by = by_unit_damage(s, arena);
    ssmq_table                    *t = units_table(s);
    const int32_t                  shown = most > 0 && most < s->n ? most : s->n;
    for (int32_t i = 0; i < shown; i++) {
        const char *cell[1 + 2 * EACH] = {by[i]->unit};
        if (s->has_on) figure_cells(&by[i]->on, arena, cell + 1);
        if (s->has_off) figure_cells(&by[i]->off, arena, cell + (s->has_on ? 1 + EACH : 1));
        ssmq_table_row(t, cell);
    }
    ssmq_str_printf(out,
                    "\n%s: sensitivity in log-perplexity, %s, %" PRId64
                    " window%s; the whole recipe: ppl %.2f, %+.5f against float\n\n",
                    run->name, s->evaluation, s->windows, s->windows == 1 ? "" : "s", s->all.ppl,
                    s->all.ln_ratio);
    if (s->n == 0) ssmq_str_puts(out, "nothing is quantised\n");
    else ssmq_table_print(t, out);
    if (shown < s->n) ssmq_str_printf(out, "%d more: ssmq show of the run\n", s->n - shown);
    ssmq_table_free(t);
}

static void report_pairs(const ssmq_summary *run, ssmq_arena *arena, ssmq_str *out)
{
    static const char *const heading[] = {"steps",   "both: nll",   "first", "second",
                                          "neither", "interaction", "se"};
    const ssmq_interaction_scores *s = &run->interactions;
    ssmq_table                    *t = ssmq_table_new(7, heading);
    for (int32_t i = 0; i < s->n; i++) {
        const ssmq_interaction_score *p = &s->pair[i];
        ssmq_table_row(t, (const char *[]){ssmq_arena_printf(arena, "%s, %s", p->a, p->b),
                                           number(arena, "%.5f", p->both),
                                           number(arena, "%.5f", p->only_a),
                                           number(arena, "%.5f", p->only_b),
                                           number(arena, "%.5f", p->neither),
                                           number(arena, "%+.5f", p->ln_ppl),
                                           number(arena, "%.5f", p->ln_ppl_se)});
    }
    ssmq_str_printf(out,
                    "\n%s: what two steps cost in log-perplexity beyond what each does, %s, %" PRId64
                    " window%s\n\n",
                    run->name, s->evaluation, s->windows, s->windows == 1 ? "" : "s");
    ssmq_table_print(t, out);
    ssmq_table_free(t);
}

void ssmq_report_sensitivity(const ssmq_summary *run, int32_t most, ssmq_str *out)
{
    ssmq_arena *arena = ssmq_arena_new();
    if (run->sensitivity.evaluation) report_units(run, most, arena, out);
    if (run->interactions.evaluation) report_pairs(run, arena, out);
    ssmq_arena_free(arena);
}
