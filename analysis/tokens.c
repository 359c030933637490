/* tokens: errors of a site against the position in the window, which tell whether they add up along it. */
#include <math.h>
#include <string.h>
#include "analysis/quantity.h"

#define SETTING "compare: {metrics: [mse, sqnr]}"
#define PICTURE_LINES 16 /* of a panel */
#define CLEAN_DASHES 3   /* of style.gp: dots */

/* What is drawn, each a column, and the dataset that it takes. */
enum { MSE, SQNR, REL_L2, GROWTH, QUANTITIES };
static const char *const quantities[QUANTITIES + 1] = {"mse", "sqnr_db", "rel_l2", "growth", NULL};
static const char *const sources[] = {"mse_by_token", "sqnr_db_by_token"};

static int source_of(int quantity)
{
    return quantity == MSE ? 0 : 1;
}

static ssmq_status find_quantity(const ssmq_figure_request *rq, int *out)
{
    const char *name = rq->o->quantity ? rq->o->quantity : quantities[REL_L2];
    for (*out = 0; *out < QUANTITIES; ++*out)
        if (strcmp(quantities[*out], name) == 0) return SSMQ_OK;
    const char *near = ssmq_str_nearest(name, quantities);
    if (near) return SSMQ_FAIL(USAGE, "unknown quantity '%s'; did you mean '%s'?", name, near);
    return SSMQ_FAIL(USAGE, "unknown quantity '%s'; there are %s", name,
                     ssmq_option_words(rq->arena, quantities));
}

/* ---- which sites ------------------------------------------------------------------------ */

static const char *path_of(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                           int input, int source)
{
    if (rq->o->input >= 0 && rq->o->input != input) return NULL;
    const char *name =
        ssmq_arena_printf(rq->arena, "error/%s/%s", ssmq_figure_inputs[input], sources[source]);
    return ssmq_figure_optional(run, site, name, rq->arena);
}

/* A picture takes what it draws, a table whatever is there. */
static bool has_input(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site, int input,
                      int quantity)
{
    for (int s = 0; s < 2; s++)
        if ((!rq->picture || s == source_of(quantity)) && path_of(rq, run, site, input, s)) return true;
    return false;
}

static bool has_errors(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                       int quantity)
{
    return has_input(rq, run, site, 0, quantity) || has_input(rq, run, site, 1, quantity);
}

static ssmq_status check_given(const ssmq_figure_request *rq, int quantity)
{
    const int              input = rq->o->input < 0 ? 1 : rq->o->input;
    const ssmq_figure_need need = {.what = "list of errors by token",
                                   .dataset =
                                       ssmq_arena_printf(rq->arena, "error/%s/%s", ssmq_figure_inputs[input],
                                                         sources[source_of(quantity)]),
                                   .setting = SETTING};
    const char            *path;
    for (int32_t i = 0; i < rq->n_run; i++)
        for (int32_t k = 0; rq->o->site[k]; k++)
            if (!has_errors(rq, &rq->run[i], rq->o->site[k], quantity))
                SSMQ_TRY(ssmq_figure_dataset(&rq->run[i], rq->o->site[k], &need, rq->arena, &path));
    return SSMQ_OK;
}

/* What the scan reads, what stands behind it, and the last site, where the whole model's error is seen; in a
 * table all sites. */
static const char *const *usual_sites(const ssmq_figure_request *rq, const char *const *all, int32_t n)
{
    static const char scan[] = "scan.";
    const char      **some = SSMQ_ARENA_ARRAY(rq->arena, const char *, 4);
    int32_t           first = 0, behind = n, kept = 0;
    if (!rq->picture || n == 0) return all;
    while (first < n && !ssmq_str_starts(all[first], scan)) first++;
    while (behind > first && !ssmq_str_starts(all[behind - 1], scan)) behind--;
    if (first < n - 1) some[kept++] = all[first];
    if (behind < n - 1) some[kept++] = all[behind];
    some[kept] = all[n - 1];
    return some;
}

static ssmq_status choose_sites(const ssmq_figure_request *rq, int quantity, const char *const **out)
{
    *out = rq->o->site;
    if ((*out)[0]) return check_given(rq, quantity);
    for (int32_t i = 0; i < rq->n_run; i++) {
        const char *const *all;
        int32_t            n = 0, kept = 0;
        SSMQ_TRY(ssmq_figure_sites(&rq->run[i], NULL, rq->arena, &all));
        while (all[n]) n++;
        const char **some = SSMQ_ARENA_ARRAY(rq->arena, const char *, n + 1);
        for (int32_t k = 0; k < n; k++)
            if (has_errors(rq, &rq->run[i], all[k], quantity)) some[kept++] = all[k];
        *out = usual_sites(rq, some, kept);
        if (kept > 0) return SSMQ_OK;
    }
    return ssmq_figure_lacks(&rq->run[0], "list of errors by token", SETTING);
}

/* ---- what is stored --------------------------------------------------------------------- */

/* Of a run at a site, with one input. */
typedef struct token_errors {
    double *layer;             /* [n_layer] */
    double *token;             /* [n_token] first position of each bin */
    double *value[QUANTITIES]; /* [n_layer, n_token] */
    int64_t n_layer, n_token;
} token_errors;

/* Of the relative error's power, in the first sixteenth of the window. */
static double mean_at_begin(const double *rel_l2, int64_t n)
{
    const int64_t first = (n + 15) / 16;
    double        sum = 0;
    for (int64_t i = 0; i < first; i++) sum += rel_l2[i] * rel_l2[i];
    return sum / (double)first;
}

static void derive(token_errors *e)
{
    for (int64_t i = 0; i < e->n_layer * e->n_token; i++)
        e->value[REL_L2][i] = pow(10, -e->value[SQNR][i] / 20);
    for (int64_t l = 0; l < e->n_layer; l++) {
        const double *rel_l2 = e->value[REL_L2] + l * e->n_token;
        const double  begin = sqrt(mean_at_begin(rel_l2, e->n_token));
        for (int64_t i = 0; i < e->n_token; i++)
            e->value[GROWTH][l * e->n_token + i] = begin > 0 ? rel_l2[i] / begin : (double)NAN;
    }
}

static ssmq_status read_errors(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                               int input, token_errors *out)
{
    const char *path[2] = {path_of(rq, run, site, input, 0), path_of(rq, run, site, input, 1)};
    const char *any = path[0] ? path[0] : path[1];
    *out = (token_errors){0};
    SSMQ_TRY(ssmq_figure_layers(run, any, rq->arena, &out->layer, &out->n_layer));
    SSMQ_TRY(ssmq_sealed_vector(
        run->results, ssmq_arena_printf(rq->arena, "%.*s/token", (int)(strrchr(any, '/') - any), any),
        rq->arena, &out->token, &out->n_token));
    const int64_t dim[] = {out->n_layer, out->n_token}, n = out->n_layer * out->n_token;
    for (int q = 0; q < QUANTITIES; q++) out->value[q] = SSMQ_ARENA_ARRAY(rq->arena, double, n);
    for (int s = 0; s < 2; s++) {
        for (int64_t i = 0; i < n; i++) out->value[s][i] = (double)NAN;
        if (!path[s]) continue;
        SSMQ_TRY(ssmq_figure_check_axes(run, path[s], 2, dim));
        SSMQ_TRY(ssmq_sealed_block(run->results, path[s], (const int64_t[]){0, 0}, dim, out->value[s]));
    }
    derive(out);
    return SSMQ_OK;
}

/* ---- the table -------------------------------------------------------------------------- */

/* What the script has to know of series and panels. */
typedef struct token_lines {
    int          quantity;
    bool         by_layer;                /* one run, all of whose layers are drawn */
    double      *panel, *dashes, *colour; /* [series] */
    const char **panel_name;              /* [panels] */
    int32_t      n_panel, in_panel;       /* lines of the last panel */
    double       layer_last;
} token_lines;

static bool any_finite(const token_errors *e, int quantity, int64_t layer)
{
    for (int64_t i = 0; i < e->n_token; i++)
        if (isfinite(e->value[quantity][layer * e->n_token + i])) return true;
    return false;
}

/* Of several runs a picture has the last layer, in which what the others did has added up. */
static bool is_shown(const ssmq_figure_request *rq, const token_lines *t, const token_errors *e,
                     int64_t layer)
{
    if (rq->o->layer >= 0 && e->layer[layer] != rq->o->layer) return false;
    if (!rq->picture) return true;
    if (rq->o->layer < 0 && !t->by_layer && layer != e->n_layer - 1) return false;
    return any_finite(e, t->quantity, layer);
}

static void put_layer(const ssmq_figure_run *run, const char *site, int input, const token_errors *e,
                      int64_t layer, ssmq_figure *f)
{
    for (int64_t i = 0; i < e->n_token; i++) {
        ssmq_cell *cell = ssmq_figure_run_row(f, run);
        cell[0] = SSMQ_TEXT_CELL(site);
        cell[1] = SSMQ_NUMBER_CELL(e->layer[layer]);
        cell[2] = SSMQ_TEXT_CELL(ssmq_figure_inputs[input]);
        cell[3] = SSMQ_NUMBER_CELL(e->token[i]);
        for (int q = 0; q < QUANTITIES; q++)
            cell[4 + q] = SSMQ_NUMBER_CELL(e->value[q][layer * e->n_token + i]);
    }
}

/* A panel is of a site, and of a layer where not all of them are in it. */
static void add_line(const ssmq_figure_request *rq, int32_t run, const char *site, int input, double layer,
                     token_lines *t, const ssmq_figure *f)
{
    const int32_t line = f->n_series - 1;
    if (t->in_panel++ == 0)
        t->panel_name[t->n_panel++] =
            t->by_layer || layer < 0 ? site : ssmq_arena_printf(rq->arena, "%s, layer %.0f", site, layer);
    t->panel[line] = t->n_panel;
    t->dashes[line] = input == 0 ? CLEAN_DASHES : 1;
    t->colour[line] = t->by_layer && layer >= 0 ? 0 : ssmq_figure_colour(rq, run);
    t->layer_last = fmax(t->layer_last, layer);
}

/* A series of a run at a site with an input; of what has nothing to show, none. */
static ssmq_status add_series(const ssmq_figure_request *rq, int32_t run, const char *site, int input,
                              token_lines *t, ssmq_figure *f)
{
    token_errors e;
    double       layer = (double)NAN;
    SSMQ_TRY(read_errors(rq, &rq->run[run], site, input, &e));
    SSMQ_TRY(ssmq_figure_reserve(f, e.n_layer * e.n_token));
    for (int64_t l = 0; l < e.n_layer; l++) {
        if (!is_shown(rq, t, &e, l)) continue;
        if (isnan(layer)) SSMQ_TRY(ssmq_figure_begin_series(f, rq->run[run].label));
        layer = e.layer[l];
        put_layer(&rq->run[run], site, input, &e, l, f);
    }
    if (t->by_layer) f->scan = e.n_token;
    if (!isnan(layer)) add_line(rq, run, site, input, layer, t, f);
    return SSMQ_OK;
}

/* Clean errors of every layer would be drawn over each other. */
static bool is_drawn(const ssmq_figure_request *rq, const token_lines *t, const char *site, int input)
{
    return !t->by_layer || input == 1 || !has_input(rq, rq->run, site, 1, t->quantity);
}

static ssmq_status add_site(const ssmq_figure_request *rq, const char *site, token_lines *t, ssmq_figure *f)
{
    t->in_panel = 0;
    for (int32_t i = 0; i < rq->n_run; i++)
        for (int input = 0; input < 2; input++)
            if (has_input(rq, &rq->run[i], site, input, t->quantity) && is_drawn(rq, t, site, input))
                SSMQ_TRY(add_series(rq, i, site, input, t, f));
    if (rq->picture && t->in_panel > PICTURE_LINES)
        return SSMQ_FAIL(USAGE, "%d lines are more than a panel shows; choose an input with --input",
                         t->in_panel);
    if (t->in_panel > 0 || !rq->o->site[0]) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: no list of errors by token of %s in layer %d",
                     ssmq_sealed_path(rq->run[0].results), site, rq->o->layer);
}

/* ---- the figure ------------------------------------------------------------------------- */

static void add_columns(ssmq_figure *f)
{
    ssmq_figure_add_column(f, "site", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "layer", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "input", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "token", SSMQ_COLUMN_INT);
    for (int q = 0; q < QUANTITIES; q++) ssmq_figure_add_column(f, quantities[q], SSMQ_COLUMN_REAL);
}

static void set_variables(const ssmq_figure_request *rq, const token_lines *t, ssmq_figure *f)
{
    const bool log =
        rq->o->log >= 0 ? rq->o->log & SSMQ_LOG_AXIS_Y : t->quantity == MSE || t->quantity == REL_L2;
    const char  *name = quantities[t->quantity];
    const char **run = SSMQ_ARENA_ARRAY(rq->arena, const char *, rq->n_run);
    for (int32_t i = 0; i < rq->n_run; i++) run[i] = rq->run[i].label;
    ssmq_figure_set_texts(f, "run_name", run, rq->n_run);
    ssmq_figure_set_texts(f, "panel_name", t->panel_name, t->n_panel);
    ssmq_figure_set_reals(f, "panel", t->panel, f->n_series);
    ssmq_figure_set_reals(f, "dashes", t->dashes, f->n_series);
    ssmq_figure_set_reals(f, "colour", t->colour, f->n_series);
    ssmq_figure_set_text(f, "quantity", name);
    ssmq_figure_set_text(f, "name",
                         t->quantity == GROWTH ? "error, 1 at the beginning" : ssmq_quantity_label(name));
    ssmq_figure_set_real(f, "log_y", log && t->quantity != SQNR);
    ssmq_figure_set_real(f, "by_layer", t->by_layer);
    ssmq_figure_set_real(f, "layer_last", t->layer_last);
}

/* Of a picture without a legend. */
static const char *only_run_title(const ssmq_figure_request *rq, const token_lines *t)
{
    const bool clean = t->dashes[0] == CLEAN_DASHES;
    return ssmq_arena_printf(rq->arena, "%s, %s", rq->run[0].label, ssmq_figure_inputs[clean ? 0 : 1]);
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    const char *const *sites;
    token_lines        t = {.by_layer = rq->picture && rq->n_run == 1 && rq->o->layer < 0,
                            .panel = SSMQ_ARENA_ARRAY(rq->arena, double, SSMQ_SERIES_MAX),
                            .dashes = SSMQ_ARENA_ARRAY(rq->arena, double, SSMQ_SERIES_MAX),
                            .colour = SSMQ_ARENA_ARRAY(rq->arena, double, SSMQ_SERIES_MAX),
                            .panel_name = SSMQ_ARENA_ARRAY(rq->arena, const char *, SSMQ_SERIES_MAX)};
    SSMQ_TRY(find_quantity(rq, &t.quantity));
    SSMQ_TRY(choose_sites(rq, t.quantity, &sites));
    add_columns(f);
    for (int32_t k = 0; sites[k]; k++) SSMQ_TRY(add_site(rq, sites[k], &t, f));
    if (f->n_series == 0) return ssmq_figure_lacks(&rq->run[0], "list of errors by token", SETTING);
    set_variables(rq, &t, f);
    ssmq_figure_title(rq, f, t.by_layer ? only_run_title(rq, &t) : "", -1);
    f->height_cm = 1.7 + 2.7 * t.n_panel + 0.3 * (t.by_layer ? 1 : rq->n_run);
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_tokens = {
    .name = "tokens",
    .takes = SSMQ_TAKES_SITE | SSMQ_TAKES_LAYER | SSMQ_TAKES_LOG | SSMQ_TAKES_QUANTITY | SSMQ_TAKES_INPUT,
    .build = build,
};
