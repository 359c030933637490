#include "harness/run/result.h"
#include <inttypes.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/data/window.h"
#include "harness/run/evaluate/compare_store.h"
#include "harness/run/evaluate/sensitivity_store.h"
#include "harness/run/evaluate/site_error_store.h"
#include "harness/run/result_calibration.h"
#include "harness/run/result_sites.h"
#include "harness/run/statistics/collect_store.h"
#include "harness/store/store.h"

/* ---- the file as a whole --------------------------------------------------------------- */

/* Has another site the same scale?  Of those that shared one a later step may have quantised all but one
 * anew. */
static bool shares(const ssmq_plan *plan, int32_t site)
{
    for (int32_t i = 0; plan->at[site].share >= 0 && i < plan->model->n_site; i++)
        if (i != site && plan->at[i].share == plan->at[site].share) return true;
    return false;
}

/* Which of the original kernels' departures the plan carries out, beside shared scales, which stand where scales
 * do. */
static ssmq_status write_departures(ssmq_store *s, const ssmq_plan *plan)
{
    const ssmq_departures *d = &plan->departures;
    bool                   shared = false, unclamped = false;
    for (int32_t i = 0; i < plan->model->n_site; i++) {
        shared = shared || shares(plan, i);
        unclamped |= plan->at[i].unclamped;
    }
    const struct {
        const char *name;
        bool        on;
    } all[] = {{"shared scales", shared},
               {"int8 biases", d->int8_biases},
               {"f16 residual", d->f16_residual},
               {"no clamp", unclamped}};
    ssmq_str text = {0};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].on) ssmq_str_printf(&text, "%s%s", text.length ? ", " : "", all[i].name);
    ssmq_status st = SSMQ_OK;
    if (text.length > 0) st = ssmq_store_attribute_text(s, "/", "departures", ssmq_str_text(&text));
    ssmq_str_free(&text);
    return st;
}

ssmq_status ssmq_result_write_root(ssmq_store *s, const ssmq_result *r)
{
    const ssmq_run *run = r->run;
    char            sum[SSMQ_SHA256_HEX];
    ssmq_sha256_of(run->canonical, strlen(run->canonical), sum);
    SSMQ_TRY(ssmq_store_attribute_text(s, "/", "ssmq_version", r->version));
    SSMQ_TRY(ssmq_store_attribute_text(s, "/", "schema_sha", sum));
    SSMQ_TRY(ssmq_store_attribute_text(s, "/", "run_id", run->id));
    SSMQ_TRY(ssmq_store_attribute_text(s, "/", "mode", ssmq_modes[run->mode]));
    SSMQ_TRY(ssmq_store_attribute_text(
        s, "/", "recipe", run->recipe && run->recipe->name ? run->recipe->name : ""));
    if (r->recipe) SSMQ_TRY(write_departures(s, r->recipe->plan));
    SSMQ_TRY(ssmq_store_text(s, "/meta/resolved_config", run->canonical, "application/yaml"));
    return ssmq_store_text(s, "/meta/provenance", r->provenance, "application/json");
}

static ssmq_status write_axes(ssmq_store *s, const ssmq_result *r, ssmq_arena *arena)
{
    const int32_t n = r->model->n_layer;
    int32_t      *layer = SSMQ_ARENA_ARRAY(arena, int32_t, n);
    const char  **name = SSMQ_ARENA_ARRAY(arena, const char *, n);
    for (int32_t i = 0; i < n; i++) {
        layer[i] = i;
        name[i] = ssmq_arena_printf(arena, "layers.%d", i);
    }
    const ssmq_tensor layers = SSMQ_TENSOR(layer, SSMQ_I32, n);
    SSMQ_TRY(ssmq_store_scale(s, "/axis/layer", &layers, "", "layer, from 0"));
    SSMQ_TRY(ssmq_store_texts(s, "/axis/layer_name", name, n, "/axis/layer", "name of the layer"));
    if (!r->samples) return SSMQ_OK;
    const int64_t count = r->samples->n;
    int32_t      *sample = SSMQ_ARENA_ARRAY(arena, int32_t, count);
    int64_t      *tokens = SSMQ_ARENA_ARRAY(arena, int64_t, count);
    int64_t      *document = SSMQ_ARENA_ARRAY(arena, int64_t, count);
    for (int64_t i = 0; i < count; i++) {
        sample[i] = (int32_t)i;
        tokens[i] = r->samples->sample[i].length;
        document[i] = r->samples->sample[i].document;
    }
    const char *const on[] = {"/axis/sample"};
    ssmq_tensor       t = SSMQ_TENSOR(sample, SSMQ_I32, count);
    SSMQ_TRY(ssmq_store_scale(s, on[0], &t, "", "calibration sample, from 0"));
    t = SSMQ_TENSOR(document, SSMQ_I64, count);
    SSMQ_TRY(ssmq_store_tensor(s, "/axis/document", &t, on, "", "document of the data file, from 0"));
    t = SSMQ_TENSOR(tokens, SSMQ_I64, count);
    SSMQ_TRY(ssmq_store_tensor(s, "/axis/sample_tokens", &t, on, "token", "length of the sample"));
    return ssmq_store_attribute_text(s, on[0], "token_digest", r->samples->token_digest);
}

/* ---- evaluations ----------------------------------------------------------------------- */

#define FIGURES 7
#define TEXT_FIGURES 9
#define COMPARED_MAX 16

/* One column of a comparison, over the rows of a table. */
static double *compared_column(const ssmq_compare_score *row, int64_t n, size_t offset,
                               ssmq_arena *arena)
{
    double *value = SSMQ_ARENA_ARRAY(arena, double, n);
    for (int64_t i = 0; i < n; i++) memcpy(&value[i], (const char *)&row[i] + offset, sizeof *value);
    return value;
}

/* Appends the columns of what was compared; returns how many. */
static int32_t compared_columns(const ssmq_compare_score *row, int64_t n, ssmq_store_column *column,
                                ssmq_arena *arena)
{
    int32_t at = 0;
#define X(field, metric, of_unit)                                                                  \
    if ((metric) < 0 || row->metrics >> ((metric) & 31) & 1) {                                     \
        SSMQ_ASSERT(at < COMPARED_MAX);                                                            \
        column[at++] = (ssmq_store_column){                                                        \
            .name = #field,                                                                        \
            .real = compared_column(row, n, offsetof(ssmq_compare_score, field), arena),           \
            .unit = (of_unit)};                                                                    \
    }
    SSMQ_COMPARE_FIELDS(X)
#undef X
    return at;
}

/* Appends the columns of words and bytes, where there are some; returns how many. */
static int32_t text_columns(const ssmq_ppl_figures *f, int64_t n, ssmq_store_column *column, ssmq_arena *arena)
{
    int32_t at = 0;
    if (f->text.documents == 0) return 0;
#define X(field, of_unit)                                                                    \
    {                                                                                        \
        uint64_t *count = SSMQ_ARENA_ARRAY(arena, uint64_t, n);                              \
        for (int64_t i = 0; i < n; i++) count[i] = (uint64_t)f[i].text.field;                \
        column[at++] = (ssmq_store_column){.name = #field, .count = count, .unit = of_unit}; \
    }
    SSMQ_TEXT_COUNTS(X)
#undef X
#define X(field, of_unit)                                                                  \
    {                                                                                      \
        double *real = SSMQ_ARENA_ARRAY(arena, double, n);                                 \
        for (int64_t i = 0; i < n; i++) real[i] = f[i].text.field;                         \
        column[at++] = (ssmq_store_column){.name = #field, .real = real, .unit = of_unit}; \
    }
    SSMQ_TEXT_FIELDS(X)
#undef X
    SSMQ_ASSERT(at == TEXT_FIGURES);
    return at;
}

/* One or more rows of figures as a table; compared: NULL, or one for each row. */
static ssmq_status write_figures(ssmq_store *s, const char *path, const ssmq_ppl_figures *f,
                                 const ssmq_compare_score *compared, int64_t n,
                                 const char *const *subset, const char *long_name,
                                 ssmq_arena *arena)
{
    double   *real[4];
    uint64_t *count[2];
    for (int32_t c = 0; c < 4; c++) real[c] = SSMQ_ARENA_ARRAY(arena, double, n);
    for (int32_t c = 0; c < 2; c++) count[c] = SSMQ_ARENA_ARRAY(arena, uint64_t, n);
    for (int64_t i = 0; i < n; i++) {
        real[0][i] = f[i].ppl;
        real[1][i] = f[i].ppl_se;
        real[2][i] = f[i].nll;
        real[3][i] = f[i].nll_se;
        count[0][i] = (uint64_t)f[i].windows;
        count[1][i] = (uint64_t)f[i].tokens;
    }
    ssmq_store_column column[FIGURES + TEXT_FIGURES + COMPARED_MAX] = {
        {.name = "subset", .text = subset, .unit = ""},
        {.name = "ppl", .real = real[0], .unit = ""},
        {.name = "ppl_se", .real = real[1], .unit = ""},
        {.name = "nll", .real = real[2], .unit = "nat"},
        {.name = "nll_se", .real = real[3], .unit = "nat"},
        {.name = "windows", .count = count[0], .unit = "window"},
        {.name = "tokens", .count = count[1], .unit = "token"},
    };
    const int32_t skip = subset ? 0 : 1;
    int32_t       more = text_columns(f, n, column + FIGURES, arena);
    if (compared) more += compared_columns(compared, n, column + FIGURES + more, arena);
    return ssmq_store_table(s, path, column + skip, FIGURES - skip + more, n, NULL, long_name);
}

/* Dialect lm-eval: what windows are of, and their documents. */
static ssmq_status write_weighing(ssmq_store *s, const char *group, const ssmq_ppl *p, const char *axis,
                                  ssmq_arena *arena)
{
    const ssmq_ppl_documents *d = &p->documents;
    const char *const         of = ssmq_arena_printf(arena, "%s/document", group);
    const struct {
        const char *name;
        const void *data;
        ssmq_dtype  dtype;
        const char *axis, *unit, *long_name;
    } all[] = {
        {"window_tokens", p->window_tokens, SSMQ_I64, axis, "token", "predicted tokens of the window"},
        {"window_document", p->by.group, SSMQ_I64, axis, "", "document of the window, as a place in the axis document"},
        {"document_nll", d->nll, SSMQ_F64, of, "nat", "loss of the document: the sum over its tokens"},
        {"document_nll_float", d->nll_float, SSMQ_F64, of, "nat", "loss of the document with the float model"},
        {"document_tokens", d->tokens, SSMQ_I64, of, "token", "predicted tokens of the document"},
        {"document_words", d->words, SSMQ_I64, of, "word", "words of the document's text, before it was detokenised"},
        {"document_bytes", d->bytes, SSMQ_I64, of, "byte", "bytes of the document's text, before it was detokenised"},
    };
    ssmq_tensor t = SSMQ_TENSOR(d->index, SSMQ_I64, d->n);
    SSMQ_TRY(ssmq_store_scale(s, of, &t, "", "document of the data, from 0, in the order of the text"));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i].data) continue;
        t = SSMQ_TENSOR((void *)(uintptr_t)all[i].data, all[i].dtype, all[i].axis == of ? d->n : p->all.windows);
        SSMQ_TRY(ssmq_store_tensor(s, ssmq_arena_printf(arena, "%s/%s", group, all[i].name), &t, &all[i].axis,
                                   all[i].unit, all[i].long_name));
    }
    return SSMQ_OK;
}

static ssmq_status write_windows(ssmq_store *s, const char *group, const ssmq_ppl *p,
                                 ssmq_arena *arena)
{
    const int64_t n = p->all.windows;
    int64_t      *index = SSMQ_ARENA_ARRAY(arena, int64_t, n);
    for (int64_t i = 0; i < n; i++) index[i] = i;
    const char *const axis = ssmq_arena_printf(arena, "%s/window", group);
    ssmq_tensor       t = SSMQ_TENSOR(index, SSMQ_I64, n);
    SSMQ_TRY(ssmq_store_scale(s, axis, &t, "", "window, from 0, in the order of the text"));
    t = SSMQ_TENSOR(p->window_nll, SSMQ_F64, n);
    SSMQ_TRY(ssmq_store_tensor(s, ssmq_arena_printf(arena, "%s/window_nll", group), &t, &axis, "nat",
                               "mean loss of the window"));
    if (p->by.weight) SSMQ_TRY(write_weighing(s, group, p, axis, arena));
    if (p->n_subset == 0) return SSMQ_OK;
    const char **name = SSMQ_ARENA_ARRAY(arena, const char *, n);
    for (int64_t i = 0; i < n; i++) name[i] = p->subset_name[p->window_subset[i]];
    return ssmq_store_texts(s, ssmq_arena_printf(arena, "%s/window_subset", group), name, n, axis,
                            "subset of the window");
}

static ssmq_status write_evaluation(ssmq_store *s, const ssmq_evaluation *e, const ssmq_ppl *p,
                                    const ssmq_compare_spec *spec, ssmq_arena *arena)
{
    const char *group = ssmq_arena_printf(arena, "/eval/%s", e->id);
    SSMQ_TRY(write_windows(s, group, p, arena));
    const char *nll = ssmq_arena_printf(arena, "%s/window_nll", group);
    SSMQ_TRY(ssmq_store_attribute_text(s, nll, "task", ssmq_tasks[e->task]));
    SSMQ_TRY(ssmq_store_attribute_text(s, nll, "dialect", ssmq_dialects[e->dialect]));
    SSMQ_TRY(ssmq_store_attribute_int(s, nll, "window", e->window));
    if (p->by.weight) SSMQ_TRY(ssmq_store_attribute_text(s, nll, "prefix", e->prefix));
    else SSMQ_TRY(ssmq_store_attribute_int(s, nll, "stride", e->window));
    if (!p->by.weight) SSMQ_TRY(ssmq_store_attribute_int(s, nll, "unscored", ssmq_dialect_unscored((ssmq_dialect)e->dialect, e->window)));
    if (e->state_reset > 0) SSMQ_TRY(ssmq_store_attribute_int(s, nll, "state_reset", e->state_reset));
    const bool  half = e->loss_dtype != SSMQ_LOSS_F32;
    const char *dtype = ssmq_loss_dtypes[e->loss_dtype];
    SSMQ_TRY(ssmq_store_attribute_text(s, nll, "loss_dtype", half ? dtype : "f64"));
    SSMQ_TRY(ssmq_store_attribute_text(s, nll, "logits_dtype", dtype));
    SSMQ_TRY(ssmq_store_attribute_text(s, nll, "token_digest", p->token_digest));
    const ssmq_comparison *c = p->comparison;
    if (c) SSMQ_TRY(ssmq_comparison_write(s, group, c, spec, arena));
    SSMQ_TRY(write_figures(s, ssmq_arena_printf(arena, "%s/summary", group), &p->all,
                           c ? &c->all : NULL, 1, NULL, "figures over all windows", arena));
    if (p->n_subset == 0) return SSMQ_OK;
    return write_figures(s, ssmq_arena_printf(arena, "%s/subset", group), p->subset,
                         c ? c->subset : NULL, p->n_subset, p->subset_name,
                         "figures of each subset", arena);
}

static ssmq_status write_all(ssmq_store *s, const ssmq_result *r, ssmq_arena *arena)
{
    SSMQ_TRY(ssmq_result_write_root(s, r));
    SSMQ_TRY(write_axes(s, r, arena));
    if (r->recipe) SSMQ_TRY(ssmq_result_write_sites(s, r, arena));
    if (r->collection)
        SSMQ_TRY(ssmq_collection_write(s, r->run->collect, r->model, r->collection, arena));
    SSMQ_TRY(ssmq_result_write_calibration(s, r, arena));
    if (r->errors)
        SSMQ_TRY(ssmq_site_errors_write(s, r->errors, r->run->compare,
                                        r->run->evaluation[r->run->compare->evaluation].id, arena));
    for (int32_t i = 0; i < r->run->n_evaluation; i++)
        SSMQ_TRY(
            write_evaluation(s, &r->run->evaluation[i], &r->ppl[i], r->run->compare, arena));
    SSMQ_TRY(ssmq_sensitivity_write(s, r->sensitivity, arena));
    SSMQ_TRY(ssmq_interactions_write(s, r->interactions, arena));
    if (!r->fake_real) return SSMQ_OK;
    return ssmq_fake_real_write(s, r->fake_real, r->run->evaluation[r->run->compare->evaluation].id, arena);
}

ssmq_status ssmq_result_write(const ssmq_result *r, const char *path)
{
    ssmq_store *s;
    SSMQ_TRY(ssmq_store_create(path, &s));
    ssmq_arena       *arena = ssmq_arena_new();
    const ssmq_status st = write_all(s, r, arena);
    ssmq_arena_free(arena);
    if (st == SSMQ_OK) return ssmq_store_seal(s);
    ssmq_store_discard(s);
    return st;
}
