#include "harness/cli/report_evidence.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/cli/table.h"

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
