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
