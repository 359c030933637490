#include "harness/store/summary_evidence.h"
#include <jansson.h>
#include <limits.h>
#include <math.h>

/* ---- errors at sites ------------------------------------------------------------------- */

static void put_site(ssmq_json_writer *w, const ssmq_site_score *s)
{
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "site", s->site);
    ssmq_json_put_text(w, "input", s->input);
    ssmq_json_put_int(w, "layers", s->layers);
#define X(field, metric) \
    if (s->metrics >> (metric) & 1) ssmq_summary_put_real(w, #field, s->field);
    SSMQ_SITE_FIELDS(X)
#undef X
    ssmq_json_put_int(w, "worst_layer", s->worst_layer);
    ssmq_summary_put_real(w, "worst_sqnr_db", s->worst_sqnr_db);
    ssmq_json_end_object(w);
}

void ssmq_summary_put_sites(ssmq_json_writer *w, const ssmq_site_scores *s)
{
    if (!s->evaluation) return;
    ssmq_json_begin_object(w, "site_errors");
    ssmq_json_put_text(w, "against", "float");
    ssmq_json_put_text(w, "evaluation", s->evaluation);
    ssmq_json_put_int(w, "windows", s->windows);
    ssmq_json_begin_array(w, "sites");
    for (int32_t i = 0; i < s->n; i++) put_site(w, &s->score[i]);
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

static ssmq_status read_site(const ssmq_json *j, ssmq_arena *a, ssmq_site_score *out)
{
    int64_t layers = 0, worst = 0;
    SSMQ_TRY(ssmq_summary_read_text(j, "site", true, a, &out->site));
    SSMQ_TRY(ssmq_summary_read_text(j, "input", true, a, &out->input));
    SSMQ_TRY(ssmq_json_int(j, "layers", true, 0, INT32_MAX, &layers));
    SSMQ_TRY(ssmq_json_int(j, "worst_layer", true, -1, INT32_MAX, &worst));
    SSMQ_TRY(ssmq_summary_read_real(j, "worst_sqnr_db", &out->worst_sqnr_db));
    out->layers = (int32_t)layers;
    out->worst_layer = (int32_t)worst;
#define X(field, metric)                                             \
    out->field = (double)NAN;                                        \
    if (ssmq_summary_has(j, #field)) {                               \
        SSMQ_TRY(ssmq_summary_read_real(j, #field, &out->field));    \
        out->metrics |= 1u << (metric);                              \
    }
    SSMQ_SITE_FIELDS(X)
#undef X
    return SSMQ_OK;
}

ssmq_status ssmq_summary_read_sites(const ssmq_json *j, ssmq_arena *a, ssmq_site_scores *out)
{
    ssmq_json part, list;
    SSMQ_TRY(ssmq_summary_part(j, "site_errors", &part));
    if (!part.root) return SSMQ_OK;
    SSMQ_TRY(ssmq_summary_read_text(&part, "evaluation", true, a, &out->evaluation));
    SSMQ_TRY(ssmq_json_int(&part, "windows", true, 0, INT64_MAX, &out->windows));
    SSMQ_TRY(ssmq_summary_part(&part, "sites", &list));
    const size_t     n = list.root ? json_array_size(list.root) : 0;
    ssmq_site_score *score = SSMQ_ARENA_ARRAY(a, ssmq_site_score, n);
    for (size_t i = 0; i < n; i++) {
        const ssmq_json one = ssmq_summary_element(&list, (int64_t)i);
        SSMQ_TRY(read_site(&one, a, &score[i]));
    }
    out->score = score;
    out->n = (int32_t)n;
    return SSMQ_OK;
}

/* ---- sensitivity ----------------------------------------------------------------------- */

static void put_figures(ssmq_json_writer *w, const char *key, const ssmq_sensitivity_figures *f)
{
    ssmq_json_begin_object(w, key);
#define X(field, unit, long_name) ssmq_summary_put_real(w, #field, f->field);
    SSMQ_SENSITIVITY_FIELDS(X)
#undef X
    ssmq_json_end_object(w);
}

void ssmq_summary_put_sensitivity(ssmq_json_writer *w, const ssmq_sensitivity_scores *s)
{
    if (!s->evaluation) return;
    ssmq_json_begin_object(w, "sensitivity");
    ssmq_json_put_text(w, "evaluation", s->evaluation);
    ssmq_json_put_int(w, "windows", s->windows);
    ssmq_json_put_text(w, "by", s->by);
    put_figures(w, "all_on", &s->all);
    ssmq_json_begin_array(w, "units");
    for (int32_t i = 0; i < s->n; i++) {
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "unit", s->unit[i].unit);
        if (s->has_on) put_figures(w, "only_this_on", &s->unit[i].on);
        if (s->has_off) put_figures(w, "only_this_off", &s->unit[i].off);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

/* *has: is the object there? */
static ssmq_status read_figures(const ssmq_json *j, const char *key, ssmq_sensitivity_figures *out,
                                bool *has)
{
    ssmq_json part;
    SSMQ_TRY(ssmq_summary_part(j, key, &part));
    *has = part.root != NULL;
#define X(field, unit, long_name)      \
    out->field = (double)NAN;          \
    if (*has) SSMQ_TRY(ssmq_summary_read_real(&part, #field, &out->field));
    SSMQ_SENSITIVITY_FIELDS(X)
#undef X
    return SSMQ_OK;
}

static ssmq_status read_units(const ssmq_json *j, ssmq_arena *a, ssmq_sensitivity_scores *out)
{
    ssmq_json list;
    SSMQ_TRY(ssmq_summary_part(j, "units", &list));
    const size_t     n = list.root ? json_array_size(list.root) : 0;
    ssmq_unit_score *unit = SSMQ_ARENA_ARRAY(a, ssmq_unit_score, n);
    for (size_t i = 0; i < n; i++) {
        const ssmq_json one = ssmq_summary_element(&list, (int64_t)i);
        SSMQ_TRY(ssmq_summary_read_text(&one, "unit", true, a, &unit[i].unit));
        SSMQ_TRY(read_figures(&one, "only_this_on", &unit[i].on, &out->has_on));
        SSMQ_TRY(read_figures(&one, "only_this_off", &unit[i].off, &out->has_off));
    }
    out->unit = unit;
    out->n = (int32_t)n;
    return SSMQ_OK;
}

ssmq_status ssmq_summary_read_sensitivity(const ssmq_json *j, ssmq_arena *a,
                                          ssmq_sensitivity_scores *out)
{
    ssmq_json part;
    bool      has_all;
    SSMQ_TRY(ssmq_summary_part(j, "sensitivity", &part));
    if (!part.root) return SSMQ_OK;
    SSMQ_TRY(ssmq_summary_read_text(&part, "evaluation", true, a, &out->evaluation));
    SSMQ_TRY(ssmq_summary_read_text(&part, "by", true, a, &out->by));
    SSMQ_TRY(ssmq_json_int(&part, "windows", true, 0, INT64_MAX, &out->windows));
    SSMQ_TRY(read_figures(&part, "all_on", &out->all, &has_all));
    return read_units(&part, a, out);
}

/* ---- interactions ---------------------------------------------------------------------- */

void ssmq_summary_put_interactions(ssmq_json_writer *w, const ssmq_interaction_scores *s)
{
    if (!s->evaluation) return;
    ssmq_json_begin_object(w, "interactions");
    ssmq_json_put_text(w, "evaluation", s->evaluation);
    ssmq_json_put_int(w, "windows", s->windows);
    ssmq_json_begin_array(w, "pairs");
    for (int32_t i = 0; i < s->n; i++) {
        const ssmq_interaction_score *p = &s->pair[i];
        ssmq_json_begin_object(w, NULL);
        ssmq_json_begin_array(w, "steps");
        ssmq_json_put_text(w, NULL, p->a);
        ssmq_json_put_text(w, NULL, p->b);
        ssmq_json_end_array(w);
        ssmq_summary_put_real(w, "nll_both", p->both);
        ssmq_summary_put_real(w, "nll_only_first", p->only_a);
        ssmq_summary_put_real(w, "nll_only_second", p->only_b);
        ssmq_summary_put_real(w, "nll_neither", p->neither);
        ssmq_summary_put_real(w, "ln_ppl", p->ln_ppl);
        ssmq_summary_put_real(w, "ln_ppl_se", p->ln_ppl_se);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

static ssmq_status read_step(const ssmq_json *steps, size_t i, ssmq_arena *a, const char **out)
{
    const char *text = json_string_value(json_array_get(steps->root, i));
    if (!text) return SSMQ_FAIL(INPUT, "%s: 'steps' of an interaction are not two texts", steps->path);
    *out = ssmq_arena_strdup(a, text);
    return SSMQ_OK;
}

static ssmq_status read_pair(const ssmq_json *j, ssmq_arena *a, ssmq_interaction_score *out)
{
    ssmq_json steps;
    SSMQ_TRY(ssmq_summary_part(j, "steps", &steps));
    SSMQ_TRY(read_step(&steps, 0, a, &out->a));
    SSMQ_TRY(read_step(&steps, 1, a, &out->b));
    SSMQ_TRY(ssmq_summary_read_real(j, "nll_both", &out->both));
    SSMQ_TRY(ssmq_summary_read_real(j, "nll_only_first", &out->only_a));
    SSMQ_TRY(ssmq_summary_read_real(j, "nll_only_second", &out->only_b));
    SSMQ_TRY(ssmq_summary_read_real(j, "nll_neither", &out->neither));
    SSMQ_TRY(ssmq_summary_read_real(j, "ln_ppl", &out->ln_ppl));
    return ssmq_summary_read_real(j, "ln_ppl_se", &out->ln_ppl_se);
}

ssmq_status ssmq_summary_read_interactions(const ssmq_json *j, ssmq_arena *a,
                                           ssmq_interaction_scores *out)
{
    ssmq_json part, list;
    SSMQ_TRY(ssmq_summary_part(j, "interactions", &part));
    if (!part.root) return SSMQ_OK;
    SSMQ_TRY(ssmq_summary_read_text(&part, "evaluation", true, a, &out->evaluation));
    SSMQ_TRY(ssmq_json_int(&part, "windows", true, 0, INT64_MAX, &out->windows));
    SSMQ_TRY(ssmq_summary_part(&part, "pairs", &list));
    const size_t            n = list.root ? json_array_size(list.root) : 0;
    ssmq_interaction_score *pair = SSMQ_ARENA_ARRAY(a, ssmq_interaction_score, n);
    for (size_t i = 0; i < n; i++) {
        const ssmq_json one = ssmq_summary_element(&list, (int64_t)i);
        SSMQ_TRY(read_pair(&one, a, &pair[i]));
    }
    out->pair = pair;
    out->n = (int32_t)n;
    return SSMQ_OK;
}
