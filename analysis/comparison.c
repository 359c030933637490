#include "analysis/comparison.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "harness/store/rank.h"

/* ---- runs and columns ------------------------------------------------------------------ */

static bool has_id(const ssmq_comparison *c, const char *id)
{
    for (int32_t i = 0; i < c->n_run; i++)
        if (strcmp(c->run[i]->summary.id, id) == 0) return true;
    return false;
}

/* The same id is the same run: it stands there once. */
static void list_runs(const ssmq_stored *stored, int32_t n, ssmq_arena *arena, ssmq_comparison *c)
{
    for (int32_t i = 0; i < n; i++) c->n_run += stored[i].n;
    c->run = SSMQ_ARENA_ARRAY(arena, const ssmq_stored_run *, c->n_run + 1);
    c->label = SSMQ_ARENA_ARRAY(arena, const char *, c->n_run + 1);
    c->n_run = 0;
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < stored[i].n; k++)
            if (!has_id(c, stored[i].run[k].summary.id)) c->run[c->n_run++] = &stored[i].run[k];
    for (int32_t i = 0; i < c->n_run; i++) {
        bool shared = false;
        for (int32_t k = 0; k < c->n_run; k++)
            shared = shared || (k != i && strcmp(c->run[k]->summary.name, c->run[i]->summary.name) == 0);
        c->label[i] = shared ? ssmq_arena_printf(arena, "%s (%s)", c->run[i]->summary.name, c->run[i]->path)
                             : c->run[i]->summary.name;
    }
}

static bool is_wanted(const char *id, const char *const *wanted)
{
    if (!wanted || !*wanted) return true;
    for (; *wanted; wanted++)
        if (strcmp(*wanted, id) == 0) return true;
    return false;
}

static const char *loss_of(const ssmq_evaluation_score *e)
{
    return e->loss_dtype ? e->loss_dtype : "f32";
}

static ssmq_status check_same(const ssmq_evaluation_score *a, const ssmq_evaluation_score *b)
{
    if (strcmp(a->dialect, b->dialect) == 0 && a->window == b->window && strcmp(loss_of(a), loss_of(b)) == 0)
        return SSMQ_OK;
    return SSMQ_FAIL(UNSUPPORTED,
                     "evaluation %s is of dialect %s, window %" PRId64 ", losses %s in one run and of dialect %s, "
                     "window %" PRId64 ", losses %s in another: they do not stand in one column",
                     a->id, a->dialect, a->window, loss_of(a), b->dialect, b->window, loss_of(b));
}

static ssmq_status add_column(ssmq_comparison *c, const ssmq_evaluation_score *e)
{
    for (int32_t i = 0; i < c->n_column; i++)
        if (strcmp(c->column[i]->id, e->id) == 0) return check_same(c->column[i], e);
    c->column[c->n_column++] = e;
    return SSMQ_OK;
}

static ssmq_status list_columns(const char *const *wanted, ssmq_arena *arena, ssmq_comparison *c)
{
    int32_t most = 0;
    for (int32_t i = 0; i < c->n_run; i++) most += c->run[i]->summary.n_evaluation;
    c->column = SSMQ_ARENA_ARRAY(arena, const ssmq_evaluation_score *, most + 1);
    for (int32_t i = 0; i < c->n_run; i++)
        for (int32_t k = 0; k < c->run[i]->summary.n_evaluation; k++) {
            const ssmq_evaluation_score *e = &c->run[i]->summary.evaluation[k];
            if (is_wanted(e->id, wanted)) SSMQ_TRY(add_column(c, e));
        }
    for (; wanted && *wanted; wanted++) {
        bool there = false;
        for (int32_t i = 0; i < c->n_column; i++) there = there || strcmp(c->column[i]->id, *wanted) == 0;
        if (!there) return SSMQ_FAIL(INPUT, "no run has an evaluation '%s'", *wanted);
    }
    if (c->n_column == 0) return SSMQ_FAIL(INPUT, "no run has results to compare");
    return SSMQ_OK;
}

static ssmq_status find_baseline(const char *name, ssmq_comparison *c)
{
    c->baseline = -1;
    for (int32_t i = c->n_run - 1; i >= 0; i--) {
        const ssmq_summary *s = &c->run[i]->summary;
        const bool is = name ? strcmp(s->name, name) == 0 || strcmp(s->id, name) == 0 : strcmp(s->mode, "float") == 0;
        if (is) c->baseline = i;
    }
    if (name && c->baseline < 0) return SSMQ_FAIL(INPUT, "the baseline '%s' is the name or id of no run", name);
    return SSMQ_OK;
}

/* ---- cells ----------------------------------------------------------------------------- */

static const ssmq_evaluation_score *score_of(const ssmq_stored_run *run, const char *id)
{
    for (int32_t i = 0; i < run->summary.n_evaluation; i++)
        if (strcmp(run->summary.evaluation[i].id, id) == 0) return &run->summary.evaluation[i];
    return NULL;
}

/* Relative standard errors of perplexities are those of their logarithms. */
static void fill_apart(ssmq_comparison_cell *c, const ssmq_score *base)
{
    const ssmq_score *own = &c->score->score;
    c->ln_ratio = own->nll - base->nll;
    c->ln_ratio_se = hypot(own->ppl_se / own->ppl, base->ppl_se / base->ppl);
}

static ssmq_status fill_cell(const ssmq_comparison *c, int32_t run, int32_t column, ssmq_arena *arena,
                             ssmq_comparison_cell *out)
{
    const char *id = c->column[column]->id;
    *out = (ssmq_comparison_cell){.score = score_of(c->run[run], id)};
    const ssmq_evaluation_score *base = c->baseline >= 0 ? score_of(c->run[c->baseline], id) : NULL;
    if (!out->score || !base || run == c->baseline) return SSMQ_OK;
    ssmq_losses own, against;
    SSMQ_TRY(ssmq_losses_read(ssmq_arena_printf(arena, "%s/run.h5", c->run[run]->path), id, arena, &own));
    SSMQ_TRY(
        ssmq_losses_read(ssmq_arena_printf(arena, "%s/run.h5", c->run[c->baseline]->path), id, arena, &against));
    out->compared = true;
    out->paired = ssmq_losses_pair(&own, &against, arena, &out->ln_ratio, &out->ln_ratio_se);
    if (!out->paired) fill_apart(out, &base->score);
    return SSMQ_OK;
}

ssmq_status ssmq_compare_runs(const ssmq_stored *stored, int32_t n, const char *baseline,
                              const char *const *evaluation, ssmq_arena *arena, ssmq_comparison *out)
{
    ssmq_comparison c = {0};
    list_runs(stored, n, arena, &c);
    SSMQ_TRY(list_columns(evaluation, arena, &c));
    SSMQ_TRY(find_baseline(baseline, &c));
    c.cell = SSMQ_ARENA_ARRAY(arena, ssmq_comparison_cell, c.n_run * c.n_column);
    for (int32_t i = 0; i < c.n_run; i++)
        for (int32_t k = 0; k < c.n_column; k++)
            SSMQ_TRY(fill_cell(&c, i, k, arena, &c.cell[i * c.n_column + k]));
    *out = c;
    return SSMQ_OK;
}

double ssmq_cell_change(const ssmq_comparison_cell *c)
{
    return c->compared ? 100 * expm1(c->ln_ratio) : (double)NAN;
}

double ssmq_cell_change_se(const ssmq_comparison_cell *c)
{
    return c->compared ? 100 * exp(c->ln_ratio) * c->ln_ratio_se : (double)NAN;
}
