#include "harness/cli/results.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/table.h"
#include "harness/store/score_figures.h"

#define COLUMNS_BEFORE 3 /* name, id, status; axes stand behind the name */
#define COLUMNS_EACH 3   /* of an evaluation */

/* ---- the evaluations of all runs, in the order in which they first appear ---------------- */

typedef struct evaluations {
    const char **id;
    int32_t      n;
} evaluations;

static void add_evaluation(evaluations *all, const char *id)
{
    for (int32_t i = 0; i < all->n; i++)
        if (strcmp(all->id[i], id) == 0) return;
    all->id = ssmq_must_realloc(all->id, sizeof *all->id * (size_t)(all->n + 1));
    all->id[all->n++] = id;
}

static evaluations collect(const ssmq_summary *run, int32_t n)
{
    evaluations all = {0};
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < run[i].n_evaluation; k++)
            add_evaluation(&all, run[i].evaluation[k].id);
    return all;
}

static const ssmq_evaluation_score *find(const ssmq_summary *run, const char *id)
{
    for (int32_t k = 0; k < run->n_evaluation; k++)
        if (strcmp(run->evaluation[k].id, id) == 0) return &run->evaluation[k];
    return NULL;
}

static double ppl_of(const ssmq_summary *run, const char *id)
{
    const ssmq_evaluation_score *e = find(run, id);
    return e ? e->score.ppl : (double)NAN;
}

/* What run i is held against; NaN if there is nothing. */
static double baseline(const ssmq_summary *run, int32_t n, const ssmq_rows *rows, int32_t i, const char *id)
{
    for (int32_t k = 0; k < n; k++) {
        const bool wanted = rows ? rows->against[i] && strcmp(run[k].id, rows->against[i]) == 0
                                 : strcmp(run[k].mode, "float") == 0 && find(&run[k], id);
        if (wanted) return ppl_of(&run[k], id);
    }
    return (double)NAN;
}

/* ---- the table ------------------------------------------------------------------------- */

static void fill_scores(const ssmq_summary *run, const char *id, double against, ssmq_arena *arena,
                        const char **cell)
{
    const ssmq_evaluation_score *e = find(run, id);
    char                         text[SSMQ_PPL_TEXT];
    for (int i = 0; i < COLUMNS_EACH; i++) cell[i] = "-";
    if (!e) return;
    ssmq_ppl_text(e->score.ppl, text);
    cell[0] = ssmq_arena_strdup(arena, text);
    ssmq_ppl_text(e->score.ppl_se, text);
    cell[1] = ssmq_arena_strdup(arena, text);
    const double change = 100 * (e->score.ppl / against - 1);
    if (isfinite(change))
        cell[2] = ssmq_arena_printf(arena, "%+.2f %%", change);
}

static int32_t axes_of(const ssmq_rows *rows)
{
    return rows ? rows->n_axis : 0;
}

static ssmq_table *new_table(const evaluations *all, const ssmq_rows *rows, ssmq_arena *arena, int32_t n_column)
{
    const char  **heading = SSMQ_ARENA_ARRAY(arena, const char *, n_column);
    const int32_t axes = axes_of(rows);
    heading[0] = "run";
    for (int32_t i = 0; i < axes; i++) heading[1 + i] = rows->axis[i];
    heading[1 + axes] = "id";
    heading[2 + axes] = "status";
    for (int32_t k = 0; k < all->n; k++) {
        const char **h = heading + COLUMNS_BEFORE + axes + COLUMNS_EACH * k;
        h[0] = ssmq_arena_printf(arena, "%s ppl", all->id[k]);
        h[1] = "se";
        h[2] = rows && rows->baseline ? "to baseline" : "to float";
    }
    return ssmq_table_new(n_column, heading);
}

/* Name, axes, id, status. */
static void fill_identity(const ssmq_summary *run, const ssmq_rows *rows, int32_t i, ssmq_arena *arena,
                          const char **cell)
{
    const int32_t axes = axes_of(rows);
    bool          on_axes = false;
    for (int32_t k = 0; k < axes; k++) {
        const char *label = rows->value[i * axes + k].label;
        on_axes = on_axes || label;
        cell[1 + k] = label ? label : "-";
    }
    cell[0] = run->name;
    if (on_axes) cell[0] = run->recipe ? ssmq_arena_printf(arena, "%s %s", run->mode, run->recipe) : run->mode;
    cell[1 + axes] = run->id;
    cell[2 + axes] = run->status;
}

static void print_reasons(const ssmq_summary *run, int32_t n, ssmq_str *out)
{
    for (int32_t i = 0; i < n; i++)
        if (run[i].reason) ssmq_str_printf(out, "\n%s: %s\n", run[i].name, run[i].reason);
}

void ssmq_results_table(const ssmq_summary *run, int32_t n, const ssmq_rows *rows, ssmq_str *out)
{
    ssmq_arena   *arena = ssmq_arena_new();
    evaluations   all = collect(run, n);
    const int32_t before = COLUMNS_BEFORE + axes_of(rows), n_column = before + COLUMNS_EACH * all.n;
    ssmq_table   *t = new_table(&all, rows, arena, n_column);
    const char  **cell = SSMQ_ARENA_ARRAY(arena, const char *, n_column);
    for (int32_t i = 0; i < n; i++) {
        fill_identity(&run[i], rows, i, arena, cell);
        for (int32_t k = 0; k < all.n; k++) {
            const bool   itself = !rows && strcmp(run[i].mode, "float") == 0;
            const double against = itself ? (double)NAN : baseline(run, n, rows, i, all.id[k]);
            fill_scores(&run[i], all.id[k], against, arena, cell + before + COLUMNS_EACH * k);
        }
        ssmq_table_row(t, cell);
    }
    ssmq_table_print(t, out);
    print_reasons(run, n, out);
    ssmq_table_free(t);
    free(all.id);
    ssmq_arena_free(arena);
}
