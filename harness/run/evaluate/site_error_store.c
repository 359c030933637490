#include "harness/run/evaluate/site_error_store.h"
#include <math.h>
#include <stddef.h>
#include "harness/run/statistics/site_family.h"

#define TOKEN_AXIS "/axis/token"

/* The figures as they are stored: [layer], f64. */
static const struct {
    ssmq_metric metric;
    size_t      offset;
    const char *name, *unit, *long_name;
} stored[] = {
    {SSMQ_METRIC_MSE, offsetof(ssmq_error_figures, mse), "mse", "", "mean squared error"},
    {SSMQ_METRIC_SQNR, offsetof(ssmq_error_figures, sqnr_db), "sqnr_db", "dB",
     "signal to quantisation noise, 10 log10(sum x^2 / sum e^2); infinite where nothing differs"},
    {SSMQ_METRIC_COSINE, offsetof(ssmq_error_figures, cosine), "cosine", "",
     "cosine of the angle between the tensor and the reference"},
    {SSMQ_METRIC_REL_L2, offsetof(ssmq_error_figures, rel_l2), "rel_l2", "",
     "norm of the error over that of the reference"},
    {SSMQ_METRIC_MAX_ERR, offsetof(ssmq_error_figures, max_err), "max_err", "",
     "largest magnitude of an error"},
    {SSMQ_METRIC_BIAS, offsetof(ssmq_error_figures, bias), "bias", "", "mean error"},
};
#define STORED ((int)(sizeof stored / sizeof *stored))

static bool asked_for(const ssmq_compare_spec *spec, ssmq_metric metric)
{
    return spec->metrics >> metric & 1;
}

static const ssmq_error_sums *sums_at(const ssmq_site_errors *e, const ssmq_site_family *f,
                                      ssmq_error_input input, int32_t layer)
{
    static const ssmq_error_sums none = {0};
    return f->site[layer] < 0 ? &none : &e->at[input][f->site[layer]];
}

static bool any_measured(const ssmq_site_errors *e, const ssmq_site_family *f, ssmq_error_input input)
{
    for (int32_t i = 0; i < f->n; i++)
        if (sums_at(e, f, input, i)->n_values > 0) return true;
    return false;
}

/* ---- run.h5 ---------------------------------------------------------------------------- */

/* What the datasets of a group have in common. */
typedef struct group {
    ssmq_store              *s;
    const ssmq_site_errors  *e;
    const ssmq_site_family  *f;
    ssmq_error_input         input;
    const ssmq_compare_spec *spec;
    ssmq_arena              *arena;
} group;

static const char *path(const group *g, const char *name)
{
    return ssmq_site_path(
        g->f, ssmq_arena_printf(g->arena, "error/%s/%s", ssmq_error_inputs[g->input], name), g->arena);
}

static ssmq_status write_one(const group *g, const char *name, const ssmq_tensor *t,
                             const char *const *axis, const char *unit, const char *long_name)
{
    SSMQ_TRY(ssmq_store_tensor(g->s, path(g, name), t, axis, unit, long_name));
    return ssmq_store_attribute_text(g->s, path(g, name), "reference", "float");
}

static ssmq_status write_figures(const group *g)
{
    double *value = SSMQ_ARENA_ARRAY(g->arena, double, g->f->n);
    for (int k = 0; k < STORED; k++) {
        if (!asked_for(g->spec, stored[k].metric)) continue;
        for (int32_t i = 0; i < g->f->n; i++) {
            const ssmq_error_sums   *s = sums_at(g->e, g->f, g->input, i);
            const ssmq_error_figures f = ssmq_error_figures_of(s);
            const double *const      from = (const double *)((const char *)&f + stored[k].offset);
            value[i] = s->n_values > 0 ? *from : (double)NAN;
        }
        const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_F64, g->f->n);
        SSMQ_TRY(write_one(g, stored[k].name, &t, &g->f->axis, stored[k].unit, stored[k].long_name));
    }
    return SSMQ_OK;
}

static ssmq_status write_counts(const group *g)
{
    uint64_t         *values = SSMQ_ARENA_ARRAY(g->arena, uint64_t, g->f->n);
    uint64_t         *clipped = SSMQ_ARENA_ARRAY(g->arena, uint64_t, g->f->n);
    const ssmq_tensor of_values = SSMQ_TENSOR(values, SSMQ_U64, g->f->n);
    const ssmq_tensor of_clipped = SSMQ_TENSOR(clipped, SSMQ_U64, g->f->n);
    for (int32_t i = 0; i < g->f->n; i++) {
        values[i] = (uint64_t)sums_at(g->e, g->f, g->input, i)->n_values;
        clipped[i] = (uint64_t)sums_at(g->e, g->f, g->input, i)->n_clipped;
    }
    SSMQ_TRY(write_one(g, "n_values", &of_values, &g->f->axis, "", "values; 0: not measured"));
    if (!asked_for(g->spec, SSMQ_METRIC_CLIP_RATE)) return SSMQ_OK;
    return write_one(g, "n_clipped", &of_clipped, &g->f->axis, "",
                     "values outside the range of codes by more than rounding");
}

/* The first position of each bin, once for all sites. */
static ssmq_status write_token_axis(const group *g)
{
    if (ssmq_store_has(g->s, TOKEN_AXIS)) return SSMQ_OK;
    int64_t *first = SSMQ_ARENA_ARRAY(g->arena, int64_t, g->e->bins);
    for (int64_t b = 0; b < g->e->bins; b++) first[b] = b * g->e->bin_tokens;
    const ssmq_tensor t = SSMQ_TENSOR(first, SSMQ_I64, g->e->bins);
    SSMQ_TRY(ssmq_store_scale(g->s, TOKEN_AXIS, &t, "token",
                              "position in the window: the first of the tokens of a bin"));
    return ssmq_store_attribute_int(g->s, TOKEN_AXIS, "bin_tokens", g->e->bin_tokens);
}

/* The figures of the tokens of a bin; NaN where there are none, or the layer was not measured. */
static ssmq_error_figures figures_of_bin(const group *g, int32_t layer, int64_t bin)
{
    static const ssmq_error_figures none = {.mse = (double)NAN, .sqnr_db = (double)NAN};
    const ssmq_error_sums          *s = sums_at(g->e, g->f, g->input, layer);
    if (s->n_values == 0 || g->e->in_bin[bin] == 0) return none;
    const ssmq_error_sums of_bin = {.n_values = g->e->in_bin[bin] * (s->n_values / g->e->tokens),
                                    .square_error = s->token_error[bin],
                                    .square_reference = s->token_reference[bin]};
    return ssmq_error_figures_of(&of_bin);
}

static ssmq_status write_by_token(const group *g)
{
    static const char *const name[] = {"mse_by_token", "sqnr_db_by_token"};
    static const char *const unit[] = {"", "dB"};
    static const char *const long_name[] = {
        "mean squared error of tokens by their position in the window",
        "signal to quantisation noise of tokens by their position in the window"};
    const bool        asked[] = {asked_for(g->spec, SSMQ_METRIC_MSE), asked_for(g->spec, SSMQ_METRIC_SQNR)};
    const char *const axis[] = {g->f->axis, TOKEN_AXIS};
    const int64_t     bins = g->e->bins;
    double           *value = SSMQ_ARENA_ARRAY(g->arena, double, g->f->n *bins);
    for (int k = 0; k < 2; k++) {
        if (!asked[k]) continue;
        for (int64_t i = 0; i < g->f->n * bins; i++) {
            const ssmq_error_figures f = figures_of_bin(g, (int32_t)(i / bins), i % bins);
            value[i] = k == 0 ? f.mse : f.sqnr_db;
        }
        const ssmq_tensor t = SSMQ_TENSOR(value, SSMQ_F64, g->f->n, bins);
        SSMQ_TRY(write_token_axis(g));
        SSMQ_TRY(write_one(g, name[k], &t, axis, unit[k], long_name[k]));
    }
    return SSMQ_OK;
}

static ssmq_status write_group(const group *g, const char *evaluation)
{
    const bool weight = g->e->model->site[g->f->first].kind == SSMQ_SITE_WEIGHT;
    SSMQ_TRY(ssmq_site_family_write(g->s, g->f));
    SSMQ_TRY(write_figures(g));
    SSMQ_TRY(write_counts(g));
    if (weight) return SSMQ_OK;
    const char *const where = path(g, "n_values");
    SSMQ_TRY(ssmq_store_attribute_text(g->s, where, "evaluation", evaluation));
    SSMQ_TRY(ssmq_store_attribute_int(g->s, where, "windows", g->e->windows));
    return write_by_token(g);
}

ssmq_status ssmq_site_errors_write(ssmq_store *s, const ssmq_site_errors *e,
                                   const ssmq_compare_spec *spec, const char *evaluation,
                                   ssmq_arena *arena)
{
    for (int32_t i = 0; i < e->model->n_site; i++) {
        if (e->model->site[i].layer > 0) continue; /* came with layer 0 */
        const ssmq_site_family f = ssmq_site_family_of(e->model, i, arena);
        for (int k = 0; k < SSMQ_INPUTS; k++) {
            const group g = {s, e, &f, (ssmq_error_input)k, spec, arena};
            if (any_measured(e, &f, g.input)) SSMQ_TRY(write_group(&g, evaluation));
        }
    }
    return SSMQ_OK;
}

/* ---- summary.json ---------------------------------------------------------------------- */

static ssmq_site_score score_of(const ssmq_site_errors *e, const ssmq_site_family *f,
                                ssmq_error_input input, uint32_t metrics)
{
    ssmq_error_sums all = {0};
    ssmq_site_score score = {.site = f->name,
                             .input = ssmq_error_inputs[input],
                             .metrics = metrics,
                             .worst_sqnr_db = (double)INFINITY};
    for (int32_t i = 0; i < f->n; i++) {
        const ssmq_error_sums *s = sums_at(e, f, input, i);
        if (s->n_values == 0) continue;
        const double sqnr = ssmq_error_figures_of(s).sqnr_db;
        ssmq_error_add(&all, s);
        if (score.layers++ > 0 && !(sqnr < score.worst_sqnr_db)) continue;
        score.worst_sqnr_db = sqnr;
        score.worst_layer = e->model->site[f->site[i]].layer;
    }
    const ssmq_error_figures figures = ssmq_error_figures_of(&all);
#define X(field, metric) score.field = figures.field;
    SSMQ_SITE_FIELDS(X)
#undef X
    return score;
}

ssmq_site_scores ssmq_site_errors_scores(const ssmq_site_errors *e, const ssmq_compare_spec *spec,
                                         const char *evaluation, ssmq_arena *arena)
{
    ssmq_site_score *score = SSMQ_ARENA_ARRAY(arena, ssmq_site_score, SSMQ_INPUTS * e->model->n_site);
    int32_t          n = 0;
    for (int32_t i = 0; i < e->model->n_site; i++) {
        if (e->model->site[i].layer > 0) continue;
        const ssmq_site_family f = ssmq_site_family_of(e->model, i, arena);
        for (int k = 0; k < SSMQ_INPUTS; k++) {
            if (!any_measured(e, &f, (ssmq_error_input)k)) continue;
            score[n] = score_of(e, &f, (ssmq_error_input)k, spec->metrics);
            score[n].site = ssmq_arena_strdup(arena, f.name);
            n++;
        }
    }
    return (ssmq_site_scores){
        .evaluation = evaluation, .windows = e->windows, .score = score, .n = n};
}
