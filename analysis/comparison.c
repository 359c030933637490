#include "analysis/comparison.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "harness/store/rank.h"
#include "harness/store/score_figures.h"

#define AXES_MAX 64

/* ---- runs ------------------------------------------------------------------------------ */

ssmq_status ssmq_comparison_open(const char *path, ssmq_arena *arena, ssmq_comparison_source *out)
{
    ssmq_comparison_source s = {.path = path};
    SSMQ_TRY(ssmq_stored_open(path, arena, &s.stored));
    ssmq_stored_look_at_results(&s.stored, arena);
    const ssmq_status st = s.stored.sweep ? ssmq_frozen_read(path, arena, &s.frozen, &s.listed) : SSMQ_OK;
    if (st == SSMQ_OK) *out = s;
    else ssmq_stored_close(&s.stored);
    return st;
}

void ssmq_comparison_close(ssmq_comparison_source *s)
{
    ssmq_stored_close(&s->stored);
}

/* What the runs of all sources are put together from. */
typedef struct builder {
    ssmq_arena      *arena;
    ssmq_comparison *c;
    const char      *axis[AXES_MAX];
    ssmq_axis_value *value;  /* [n_run][n_axis]                                             */
    const char     **other;  /* [n_run] id of what the list holds the run against; or NULL  */
    bool            *listed; /* [n_run] is it of a list?                                    */
} builder;

static int32_t find_id(const ssmq_comparison *c, const char *id)
{
    for (int32_t i = 0; i < c->n_run; i++)
        if (strcmp(c->run[i]->summary.id, id) == 0) return i;
    return -1;
}

static ssmq_status list_axes(builder *b, const ssmq_frozen *f)
{
    for (int32_t i = 0; i < f->n_axis; i++) {
        int32_t at = 0;
        while (at < b->c->n_axis && strcmp(b->axis[at], f->axis[i].name) != 0) at++;
        if (at == AXES_MAX)
            return SSMQ_FAIL(UNSUPPORTED, "the sweeps have more than %d axes together", AXES_MAX);
        b->axis[at] = f->axis[i].name;
        if (at == b->c->n_axis) b->c->n_axis++;
    }
    return SSMQ_OK;
}

/* The same id is the same run: it stands there once. */
static void add_run(builder *b, const ssmq_stored_run *run, const ssmq_frozen *f, int32_t listed)
{
    ssmq_comparison *c = b->c;
    if (find_id(c, run->summary.id) >= 0) return;
    const int32_t at = c->n_run++;
    c->run[at] = run;
    if (listed < 0) return;
    b->listed[at] = true;
    b->other[at] = f->run[listed].against;
    for (int32_t k = 0; k < f->n_axis; k++)
        for (int32_t a = 0; a < c->n_axis; a++)
            if (strcmp(b->axis[a], f->axis[k].name) == 0)
                b->value[at * c->n_axis + a] = f->run[listed].value[k];
}

/* A run of the list that nobody has begun. */
static const ssmq_stored_run *queued(const ssmq_frozen_run *run, const char *folder, ssmq_arena *arena)
{
    ssmq_stored_run *r = SSMQ_ARENA_ARRAY(arena, ssmq_stored_run, 1);
    *r = (ssmq_stored_run){
        .path = ssmq_arena_printf(arena, "%s/%s", folder, run->id),
        .summary = {.id = run->id,
                    .name = run->name,
                    .mode = run->mode,
                    .recipe = run->recipe,
                    .status = ssmq_run_state_name(run->unsupported ? SSMQ_RUN_UNSUPPORTED : SSMQ_RUN_QUEUED),
                    .reason = run->unsupported}};
    return r;
}

/* A run of the list: as it is stored, under the name that the list has for it now; what it does not say of itself (it has
 * not come to an end) from the list, too. */
static const ssmq_stored_run *listed_run(const ssmq_comparison_source *s, int32_t at, ssmq_arena *arena)
{
    const ssmq_frozen_run *run = &s->frozen.run[at];
    for (int32_t i = 0; i < s->stored.n; i++) {
        if (strcmp(s->stored.run[i].status.id, run->id) != 0) continue;
        ssmq_stored_run *r = SSMQ_ARENA_ARRAY(arena, ssmq_stored_run, 1);
        *r = s->stored.run[i];
        r->summary.name = run->name;
        if (r->summary.n_evaluation > 0) return r;
        r->summary.mode = run->mode;
        r->summary.recipe = run->recipe;
        return r;
    }
    return queued(run, s->path, arena);
}

static void add_source(builder *b, const ssmq_comparison_source *s)
{
    int32_t beside = 0;
    for (int32_t i = 0; s->listed && i < s->frozen.n_run; i++)
        add_run(b, listed_run(s, i, b->arena), &s->frozen, i);
    for (int32_t i = 0; i < s->stored.n; i++) {
        const bool of_list = s->listed && ssmq_frozen_find(&s->frozen, s->stored.run[i].status.id) >= 0;
        if (!s->listed) add_run(b, &s->stored.run[i], NULL, -1);
        else beside += !of_list;
    }
    if (beside)
        b->c->left_out = ssmq_arena_printf(b->arena, "%s%s%d run%s in %s that sweep.json does not list",
                                           b->c->left_out ? b->c->left_out : "", b->c->left_out ? ", " : "",
                                           beside, beside == 1 ? "" : "s", s->path);
}

/* Has it a value on some axis, which a table has in columns? */
static bool has_values(const builder *b, int32_t run)
{
    for (int32_t a = 0; a < b->c->n_axis; a++)
        if (b->value[run * b->c->n_axis + a].label) return true;
    return false;
}

static void name_runs(builder *b)
{
    ssmq_comparison *c = b->c;
    for (int32_t i = 0; i < c->n_run; i++) {
        const ssmq_summary *s = &c->run[i]->summary;
        bool                shared = false;
        for (int32_t k = 0; k < c->n_run; k++)
            shared = shared || (k != i && strcmp(c->run[k]->summary.name, s->name) == 0);
        c->label[i] = shared ? ssmq_arena_printf(b->arena, "%s (%s)", s->name, c->run[i]->path) : s->name;
        c->title[i] = c->label[i];
        if (has_values(b, i) && !shared)
            c->title[i] = s->recipe ? ssmq_arena_printf(b->arena, "%s %s", s->mode, s->recipe) : s->mode;
    }
}

static ssmq_status list_runs(builder *b, const ssmq_comparison_source *source, int32_t n)
{
    ssmq_comparison *c = b->c;
    int32_t          most = 1;
    for (int32_t i = 0; i < n; i++) {
        most += source[i].stored.n + source[i].frozen.n_run;
        if (source[i].listed) SSMQ_TRY(list_axes(b, &source[i].frozen));
    }
    c->run = SSMQ_ARENA_ARRAY(b->arena, const ssmq_stored_run *, most);
    c->label = SSMQ_ARENA_ARRAY(b->arena, const char *, most);
    c->title = SSMQ_ARENA_ARRAY(b->arena, const char *, most);
    c->against = SSMQ_ARENA_ARRAY(b->arena, int32_t, most);
    b->value = SSMQ_ARENA_ARRAY(b->arena, ssmq_axis_value, most * (c->n_axis + 1));
    b->other = SSMQ_ARENA_ARRAY(b->arena, const char *, most);
    b->listed = SSMQ_ARENA_ARRAY(b->arena, bool, most);
    for (int32_t i = 0; i < n; i++) add_source(b, &source[i]);
    name_runs(b);
    const char **axis = SSMQ_ARENA_ARRAY(b->arena, const char *, c->n_axis + 1);
    for (int32_t i = 0; i < c->n_axis; i++) axis[i] = b->axis[i];
    c->axis = axis;
    c->value = b->value;
    return SSMQ_OK;
}

/* ---- columns --------------------------------------------------------------------------- */

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

/* "dialect gptq, window 64 in fake naive (runs/x/1f02)": of what two differ in; appended. */
static void put_kind(const ssmq_evaluation_score *e, const ssmq_evaluation_score *other, const ssmq_stored_run *run,
                     ssmq_str *out)
{
    const size_t before = out->length;
    if (strcmp(e->dialect, other->dialect) != 0) ssmq_str_printf(out, "dialect %s", e->dialect);
    if (e->window != other->window)
        ssmq_str_printf(out, "%swindow %" PRId64, out->length > before ? ", " : "", e->window);
    if (strcmp(loss_of(e), loss_of(other)) != 0)
        ssmq_str_printf(out, "%slosses %s", out->length > before ? ", " : "", loss_of(e));
    if (e->state_reset != other->state_reset)
        ssmq_str_printf(out, "%sstate_reset %" PRId64, out->length > before ? ", " : "", e->state_reset);
    ssmq_str_printf(out, " in %s (%s)", run->summary.name, run->path);
}

static ssmq_status check_same(const ssmq_comparison *c, int32_t run, const ssmq_evaluation_score *a,
                              const ssmq_evaluation_score *b)
{
    int32_t  first = 0;
    ssmq_str text = {0};
    if (strcmp(a->dialect, b->dialect) == 0 && a->window == b->window && strcmp(loss_of(a), loss_of(b)) == 0 &&
        a->state_reset == b->state_reset)
        return SSMQ_OK;
    while (ssmq_summary_find(&c->run[first]->summary, a->id) != a) first++;
    put_kind(a, b, c->run[first], &text);
    ssmq_str_puts(&text, " and ");
    put_kind(b, a, c->run[run], &text);
    const ssmq_status st =
        SSMQ_FAIL(UNSUPPORTED, "evaluation %s is of %s: they do not stand in one column", a->id, ssmq_str_text(&text));
    ssmq_str_free(&text);
    return st;
}

static ssmq_status add_column(ssmq_comparison *c, int32_t run, const ssmq_evaluation_score *e)
{
    for (int32_t i = 0; i < c->n_column; i++)
        if (strcmp(c->column[i]->id, e->id) == 0) return check_same(c, run, c->column[i], e);
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
            if (is_wanted(e->id, wanted)) SSMQ_TRY(add_column(c, i, e));
        }
    for (; wanted && *wanted; wanted++) {
        bool there = false;
        for (int32_t i = 0; i < c->n_column; i++) there = there || strcmp(c->column[i]->id, *wanted) == 0;
        if (!there) return SSMQ_FAIL(INPUT, "no run has an evaluation '%s'", *wanted);
    }
    if (c->n_column > 0) return SSMQ_OK;
    for (int32_t i = 0; i < c->n_run; i++)
        if (c->run[i]->summary.n_speed > 0)
            return SSMQ_FAIL(INPUT, "no run has a perplexity to compare; their times are in ssmq show");
    return SSMQ_FAIL(INPUT, "no run has results to compare");
}

/* ---- baselines ------------------------------------------------------------------------- */

static ssmq_status find_named(const ssmq_comparison *c, const char *name, int32_t *out)
{
    *out = -1;
    for (int32_t i = c->n_run - 1; i >= 0; i--) {
        const ssmq_summary *s = &c->run[i]->summary;
        if (strcmp(s->name, name) == 0 || strcmp(s->id, name) == 0) *out = i;
    }
    if (*out < 0) return SSMQ_FAIL(INPUT, "the baseline '%s' is the name or id of no run", name);
    return SSMQ_OK;
}

static int32_t first_float(const ssmq_comparison *c)
{
    for (int32_t i = 0; i < c->n_run; i++)
        if (strcmp(c->run[i]->summary.mode, "float") == 0) return i;
    return -1;
}

/* " p=99": what all runs that others are held against have on an axis, while some other run has not;
 * appended. */
static void put_common(const ssmq_comparison *c, const bool *is_base, int32_t axis, ssmq_str *out)
{
    const char *common = NULL;
    bool        same = true, differs = false;
    for (int32_t i = 0; i < c->n_run; i++) {
        const char *label = c->value[i * c->n_axis + axis].label;
        if (!is_base[i]) continue;
        if (!common) common = label;
        same = same && label && strcmp(label, common) == 0;
    }
    for (int32_t i = 0; i < c->n_run; i++) {
        const char *label = c->value[i * c->n_axis + axis].label;
        differs = differs || (common && label && strcmp(label, common) != 0);
    }
    if (common && same && differs)
        ssmq_str_printf(out, "%s%s=%s", out->length ? " " : "", c->axis[axis], common);
}

/* "float"; "the run with rot=false and else the same values" where runs have baselines of their own. */
static const char *describe_baseline(const ssmq_comparison *c, ssmq_arena *arena)
{
    bool    *is_base = SSMQ_ARENA_ARRAY(arena, bool, c->n_run + 1), floats = true;
    int32_t  one = -1, n = 0;
    ssmq_str text = {0};
    for (int32_t i = 0; i < c->n_run; i++)
        if (c->against[i] >= 0) is_base[c->against[i]] = true;
    for (int32_t i = 0; i < c->n_run; i++) {
        if (!is_base[i]) continue;
        floats = floats && strcmp(c->run[i]->summary.mode, "float") == 0;
        one = i;
        n++;
    }
    if (n == 0) return NULL;
    if (n == 1) return c->label[one];
    for (int32_t a = 0; a < c->n_axis; a++) put_common(c, is_base, a, &text);
    const char *out = text.length == 0 ? floats ? "the float run of each" : "the baseline of each"
                                       : ssmq_arena_printf(arena, "the run with %s and else the same values",
                                                           ssmq_str_text(&text));
    ssmq_str_free(&text);
    return out;
}

static ssmq_status find_baselines(builder *b, const char *name)
{
    ssmq_comparison *c = b->c;
    int32_t          named = -1;
    if (name) SSMQ_TRY(find_named(c, name, &named));
    const int32_t base = name ? named : first_float(c);
    for (int32_t i = 0; i < c->n_run; i++) {
        const bool by_list = !name && b->listed[i];
        int32_t    at = by_list ? (b->other[i] ? find_id(c, b->other[i]) : -1) : base;
        c->against[i] = at == i ? -1 : at;
    }
    c->baseline = describe_baseline(c, b->arena);
    return SSMQ_OK;
}

/* ---- cells ----------------------------------------------------------------------------- */

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
    const char             *id = c->column[column]->id;
    const int32_t           against = c->against[run];
    const ssmq_finished_run own_run = {&c->run[run]->summary, c->run[run]->path};
    *out = (ssmq_comparison_cell){.score = ssmq_summary_find(own_run.summary, id)};
    if (!out->score || against < 0) return SSMQ_OK;
    const ssmq_finished_run      base_run = {&c->run[against]->summary, c->run[against]->path};
    const ssmq_evaluation_score *base = ssmq_summary_find(base_run.summary, id);
    ssmq_losses                  own, other;
    if (!base) return SSMQ_OK;
    SSMQ_TRY(ssmq_losses_of(&own_run, id, arena, &own));
    SSMQ_TRY(ssmq_losses_of(&base_run, id, arena, &other));
    out->compared = true;
    out->paired = ssmq_losses_pair(&own, &other, arena, &out->ln_ratio, &out->ln_ratio_se);
    if (!out->paired) fill_apart(out, &base->score);
    out->noise = fabs(out->ln_ratio) <= SSMQ_NOISE_SE * out->ln_ratio_se; /* false without a standard error */
    return SSMQ_OK;
}

/* Float is what runs are measured by, not one of them.  What reads the same is the best, too. */
static void mark_best(const ssmq_comparison *c, int32_t column)
{
    double least = (double)INFINITY;
    char   best[SSMQ_PPL_TEXT] = "", text[SSMQ_PPL_TEXT];
    for (int pass = 0; pass < 2; pass++)
        for (int32_t i = 0; i < c->n_run; i++) {
            ssmq_comparison_cell *cell = &c->cell[i * c->n_column + column];
            if (!cell->score || strcmp(c->run[i]->summary.mode, "float") == 0) continue;
            ssmq_ppl_text(cell->score->score.ppl, text);
            if (pass == 0 && cell->score->score.ppl < least) {
                least = cell->score->score.ppl;
                strcpy(best, text);
            }
            if (pass == 1) cell->best = strcmp(text, best) == 0;
        }
}

ssmq_status ssmq_compare_runs(const ssmq_comparison_source *source, int32_t n, const char *baseline,
                              const char *const *evaluation, ssmq_arena *arena, ssmq_comparison *out)
{
    ssmq_comparison c = {0};
    builder         b = {.arena = arena, .c = &c};
    SSMQ_TRY(list_runs(&b, source, n));
    SSMQ_TRY(list_columns(evaluation, arena, &c));
    SSMQ_TRY(find_baselines(&b, baseline));
    c.cell = SSMQ_ARENA_ARRAY(arena, ssmq_comparison_cell, c.n_run * c.n_column);
    for (int32_t i = 0; i < c.n_run; i++)
        for (int32_t k = 0; k < c.n_column; k++)
            SSMQ_TRY(fill_cell(&c, i, k, arena, &c.cell[i * c.n_column + k]));
    for (int32_t k = 0; k < c.n_column; k++) mark_best(&c, k);
    *out = c;
    return SSMQ_OK;
}

const ssmq_comparison_cell *ssmq_comparison_at(const ssmq_comparison *c, int32_t run, int32_t column)
{
    return &c->cell[run * c->n_column + column];
}

bool ssmq_comparison_unpaired(const ssmq_comparison *c)
{
    for (int32_t i = 0; i < c->n_run * c->n_column; i++)
        if (c->cell[i].compared && !c->cell[i].paired) return true;
    return false;
}

bool ssmq_comparison_noise(const ssmq_comparison *c)
{
    for (int32_t i = 0; i < c->n_run * c->n_column; i++)
        if (c->cell[i].compared && c->cell[i].noise) return true;
    return false;
}

double ssmq_cell_change(const ssmq_comparison_cell *c)
{
    return c->compared ? 100 * expm1(c->ln_ratio) : (double)NAN;
}

double ssmq_cell_change_se(const ssmq_comparison_cell *c)
{
    return c->compared ? 100 * exp(c->ln_ratio) * c->ln_ratio_se : (double)NAN;
}

static void change_text(double value, bool sign, char text[SSMQ_CELL_TEXT])
{
    if (isnan(value)) strcpy(text, "-");
    else snprintf(text, SSMQ_CELL_TEXT, sign ? "%+.2f" : "%.2f", value);
}

void ssmq_cell_texts(const ssmq_comparison_cell *c, char text[SSMQ_CELL_TEXTS][SSMQ_CELL_TEXT])
{
    for (int i = 0; i < SSMQ_CELL_TEXTS; i++) strcpy(text[i], "-");
    if (!c->score) return;
    ssmq_ppl_text(c->score->score.ppl, text[0]);
    ssmq_ppl_text(c->score->score.ppl_se, text[1]);
    change_text(ssmq_cell_change(c), true, text[2]);
    change_text(ssmq_cell_change_se(c), false, text[3]);
    if (c->compared && c->noise) strcat(text[2], "~");
    if (c->compared && !c->paired) strcat(text[3], "*");
}
