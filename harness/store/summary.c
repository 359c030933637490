#include "harness/store/summary.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/base/file.h"
#include "harness/store/summary_evidence.h"
#include "harness/store/summary_speed.h"

#define FILE_LIMIT (16 * 1024 * 1024) /* a summary of thousands of subsets is below 1 MiB */
#define KEY_MAX 64

/* ---- writing --------------------------------------------------------------------------- */

static void flag_key(const char *key, char out[KEY_MAX])
{
    const int n = snprintf(out, KEY_MAX, "%s_nonfinite", key);
    SSMQ_ASSERT(n > 0 && n < KEY_MAX);
}

void ssmq_summary_put_real(ssmq_json_writer *w, const char *key, double value)
{
    ssmq_json_put_real(w, key, value);
    if (isfinite(value)) return;
    char flag[KEY_MAX], text[SSMQ_REAL_TEXT];
    flag_key(key, flag);
    ssmq_real_text(value, text);
    ssmq_json_put_text(w, flag, text);
}

static void put_score(ssmq_json_writer *w, const ssmq_score *s)
{
    ssmq_summary_put_real(w, "ppl", s->ppl);
    ssmq_summary_put_real(w, "ppl_se", s->ppl_se);
    ssmq_summary_put_real(w, "nll", s->nll);
    ssmq_json_put_int(w, "windows", s->windows);
    ssmq_json_put_int(w, "tokens", s->tokens);
    if (s->text.documents == 0) return;
#define X(field, unit) ssmq_json_put_int(w, #field, s->text.field);
    SSMQ_TEXT_COUNTS(X)
#undef X
#define X(field, unit) ssmq_summary_put_real(w, #field, s->text.field);
    SSMQ_TEXT_FIELDS(X)
#undef X
}

/* Nothing where nothing was compared; without the fields of metrics that were not asked for. */
static void put_compare(ssmq_json_writer *w, const ssmq_compare_score *c)
{
    if (!c->against) return;
    ssmq_json_begin_object(w, "compare");
    ssmq_json_put_text(w, "against", c->against);
#define X(field, metric, unit) \
    if ((metric) < 0 || c->metrics >> ((metric) & 31) & 1) \
        ssmq_summary_put_real(w, #field, c->field);
    SSMQ_COMPARE_FIELDS(X)
#undef X
    ssmq_json_end_object(w);
}

static void put_alarms(ssmq_json_writer *w, const ssmq_summary *s)
{
    ssmq_json_begin_array(w, "alarms");
    for (int32_t i = 0; i < s->n_alarm; i++) {
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "event", s->alarm[i].event);
        ssmq_json_put_text(w, "evaluation", s->alarm[i].evaluation);
        ssmq_json_put_text(w, "site", s->alarm[i].site);
        ssmq_json_put_text(w, "message", s->alarm[i].message);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
}

static void put_evidence(ssmq_json_writer *w, const ssmq_summary *s)
{
    ssmq_summary_put_sites(w, &s->sites);
    ssmq_summary_put_sensitivity(w, &s->sensitivity);
    ssmq_summary_put_interactions(w, &s->interactions);
}

static void put_identity(ssmq_json_writer *w, const ssmq_summary *s)
{
    ssmq_json_put_text(w, "id", s->id);
    ssmq_json_put_text(w, "name", s->name);
    ssmq_json_put_text(w, "mode", s->mode);
    ssmq_json_put_text(w, "recipe", s->recipe);
    ssmq_json_put_text(w, "status", s->status);
}

/* All that is stored of an evaluation; what is printed (ssmq_summary_put_fields) is less. */
static void put_evaluation(ssmq_json_writer *w, const ssmq_evaluation_score *e)
{
    ssmq_json_begin_object(w, e->id);
    put_score(w, &e->score);
    ssmq_json_put_text(w, "dialect", e->dialect);
    ssmq_json_put_int(w, "window", e->window);
    if (e->loss_dtype) ssmq_json_put_text(w, "loss_dtype", e->loss_dtype);
    if (e->state_reset > 0) ssmq_json_put_int(w, "state_reset", e->state_reset);
    put_compare(w, &e->compare);
    ssmq_json_begin_array(w, "subsets");
    for (int32_t i = 0; i < e->n_subset; i++) {
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "name", e->subset[i].name);
        put_score(w, &e->subset[i].score);
        put_compare(w, &e->subset[i].compare);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

/* Runs from before sizes were kept have none. */
static void put_size(ssmq_json_writer *w, const ssmq_summary *s)
{
    if (s->parameters == 0) return;
    ssmq_json_begin_object(w, "weights");
    ssmq_json_put_int(w, "parameters", s->parameters);
    ssmq_json_put_int(w, "bytes", s->weight_bytes);
    ssmq_json_end_object(w);
}

ssmq_status ssmq_summary_write(const ssmq_summary *s, const char *path)
{
    ssmq_str         text = {0};
    ssmq_json_writer w = {.out = &text};
    ssmq_json_begin_object(&w, NULL);
    put_identity(&w, s);
    ssmq_json_put_text(&w, "reason", s->reason);
    ssmq_json_begin_object(&w, "evaluations");
    for (int32_t i = 0; i < s->n_evaluation; i++) put_evaluation(&w, &s->evaluation[i]);
    ssmq_json_end_object(&w);
    ssmq_summary_put_speeds(&w, s);
    put_size(&w, s);
    put_evidence(&w, s);
    put_alarms(&w, s);
    ssmq_json_end_object(&w);
    const ssmq_status st = ssmq_file_write(path, ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    return st;
}

void ssmq_summary_put_fields(ssmq_json_writer *w, const ssmq_summary *s)
{
    put_identity(w, s);
    if (s->reason) ssmq_json_put_text(w, "reason", s->reason);
    ssmq_json_begin_object(w, "evaluations");
    for (int32_t i = 0; i < s->n_evaluation; i++) {
        ssmq_json_begin_object(w, s->evaluation[i].id);
        put_score(w, &s->evaluation[i].score);
        put_compare(w, &s->evaluation[i].compare);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_object(w);
    ssmq_summary_put_speeds(w, s);
    put_size(w, s);
    put_evidence(w, s);
    put_alarms(w, s);
}

/* ---- reading --------------------------------------------------------------------------- */

/* A view of a part of a document, for the accessors of base/json.h.  It owns nothing. */
static ssmq_json part_of(const ssmq_json *j, json_t *value)
{
    return (ssmq_json){.path = j->path, .root = value};
}

ssmq_status ssmq_summary_read_text(const ssmq_json *j, const char *key, bool required, ssmq_arena *a,
                                   const char **out)
{
    const char *text = NULL;
    SSMQ_TRY(ssmq_json_text(j, key, required, &text));
    *out = text ? ssmq_arena_strdup(a, text) : NULL;
    return SSMQ_OK;
}

ssmq_status ssmq_summary_read_real(const ssmq_json *j, const char *key, double *out)
{
    if (ssmq_json_has(j, key)) return ssmq_json_real(j, key, true, out);
    char        flag[KEY_MAX];
    const char *text = NULL;
    flag_key(key, flag);
    SSMQ_TRY(ssmq_json_text(j, flag, false, &text));
    if (!text) return ssmq_json_real(j, key, true, out);
    if (strcmp(text, "nan") == 0) *out = (double)NAN;
    else if (strcmp(text, "inf") == 0) *out = (double)INFINITY;
    else if (strcmp(text, "-inf") == 0) *out = -(double)INFINITY;
    else
        return SSMQ_FAIL(INPUT, "%s: '%s' is '%s', not 'nan', 'inf' or '-inf'", j->path, flag,
                         text);
    return SSMQ_OK;
}

ssmq_status ssmq_summary_part(const ssmq_json *j, const char *key, ssmq_json *out)
{
    json_t *value = json_object_get(j->root, key);
    *out = part_of(j, value);
    if (!value || json_is_object(value) || json_is_array(value)) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: '%s' is neither an object nor an array", j->path, key);
}

ssmq_json ssmq_summary_element(const ssmq_json *array, int64_t i)
{
    return part_of(array, json_array_get(array->root, (size_t)i));
}

bool ssmq_summary_has(const ssmq_json *j, const char *key)
{
    return json_object_get(j->root, key) != NULL;
}

static ssmq_status read_text_score(const ssmq_json *j, ssmq_text_score *out)
{
    if (!ssmq_summary_has(j, "documents")) return SSMQ_OK;
#define X(field, unit) SSMQ_TRY(ssmq_json_int(j, #field, true, 0, INT64_MAX, &out->field));
    SSMQ_TEXT_COUNTS(X)
#undef X
#define X(field, unit) SSMQ_TRY(ssmq_summary_read_real(j, #field, &out->field));
    SSMQ_TEXT_FIELDS(X)
#undef X
    return SSMQ_OK;
}

static ssmq_status read_score(const ssmq_json *j, ssmq_score *out)
{
    SSMQ_TRY(ssmq_summary_read_real(j, "ppl", &out->ppl));
    SSMQ_TRY(ssmq_summary_read_real(j, "ppl_se", &out->ppl_se));
    SSMQ_TRY(ssmq_summary_read_real(j, "nll", &out->nll));
    SSMQ_TRY(ssmq_json_int(j, "windows", true, 0, INT64_MAX, &out->windows));
    SSMQ_TRY(ssmq_json_int(j, "tokens", true, 0, INT64_MAX, &out->tokens));
    return read_text_score(j, &out->text);
}

static ssmq_status read_compare(const ssmq_json *j, ssmq_arena *a, ssmq_compare_score *out)
{
    json_t         *value = json_object_get(j->root, "compare");
    const ssmq_json part = part_of(j, value);
    *out = (ssmq_compare_score){0};
    if (!value) return SSMQ_OK;
    if (!json_is_object(value)) return SSMQ_FAIL(INPUT, "%s: 'compare' is not an object", j->path);
    SSMQ_TRY(ssmq_summary_read_text(&part, "against", true, a, &out->against));
#define X(field, metric, unit)                                   \
    out->field = (double)NAN;                                    \
    if ((metric) < 0 || ssmq_summary_has(&part, #field)) {             \
        SSMQ_TRY(ssmq_summary_read_real(&part, #field, &out->field));         \
        if ((metric) >= 0) out->metrics |= 1u << ((metric) & 31); \
    }
    SSMQ_COMPARE_FIELDS(X)
#undef X
    return SSMQ_OK;
}

/* Subsets are an array, not an object: their names are data, may repeat, and have an order. */
static ssmq_status read_subsets(const ssmq_json *j, ssmq_arena *a, ssmq_evaluation_score *out)
{
    const json_t *list = json_object_get(j->root, "subsets");
    if (list && !json_is_array(list))
        return SSMQ_FAIL(INPUT, "%s: 'subsets' of '%s' is not an array", j->path, out->id);
    const size_t       n = json_array_size(list);
    ssmq_subset_score *subset = SSMQ_ARENA_ARRAY(a, ssmq_subset_score, n);
    for (size_t i = 0; i < n; i++) {
        const ssmq_json part = part_of(j, json_array_get(list, i));
        SSMQ_TRY(ssmq_summary_read_text(&part, "name", true, a, &subset[i].name));
        SSMQ_TRY(read_score(&part, &subset[i].score));
        SSMQ_TRY(read_compare(&part, a, &subset[i].compare));
    }
    out->subset = subset;
    out->n_subset = (int32_t)n;
    return SSMQ_OK;
}

static ssmq_status read_evaluations(const ssmq_json *j, ssmq_arena *a, ssmq_summary *out)
{
    json_t *all = json_object_get(j->root, "evaluations");
    if (!json_is_object(all))
        return SSMQ_FAIL(INPUT, "%s: 'evaluations' is %s", j->path,
                         all ? "not an object" : "missing");
    ssmq_evaluation_score *e = SSMQ_ARENA_ARRAY(a, ssmq_evaluation_score, json_object_size(all));
    const char            *id;
    json_t                *value;
    int32_t                n = 0;
    /* In the order in which they were written: jansson keeps it. */
    json_object_foreach(all, id, value)
    {
        const ssmq_json part = part_of(j, value);
        e[n].id = ssmq_arena_strdup(a, id);
        SSMQ_TRY(read_score(&part, &e[n].score));
        SSMQ_TRY(ssmq_summary_read_text(&part, "dialect", true, a, &e[n].dialect));
        SSMQ_TRY(ssmq_json_int(&part, "window", true, 0, INT64_MAX, &e[n].window));
        SSMQ_TRY(ssmq_summary_read_text(&part, "loss_dtype", false, a, &e[n].loss_dtype));
        SSMQ_TRY(ssmq_json_int(&part, "state_reset", false, 0, INT64_MAX, &e[n].state_reset));
        SSMQ_TRY(read_compare(&part, a, &e[n].compare));
        SSMQ_TRY(read_subsets(&part, a, &e[n]));
        n++;
    }
    out->evaluation = e;
    out->n_evaluation = n;
    return SSMQ_OK;
}

/* Runs from before there were alarms have none. */
static ssmq_status read_alarms(const ssmq_json *j, ssmq_arena *a, ssmq_summary *out)
{
    const json_t *list = json_object_get(j->root, "alarms");
    if (list && !json_is_array(list))
        return SSMQ_FAIL(INPUT, "%s: 'alarms' is not an array", j->path);
    const size_t n = json_array_size(list);
    ssmq_alarm  *alarm = SSMQ_ARENA_ARRAY(a, ssmq_alarm, n);
    for (size_t i = 0; i < n; i++) {
        const ssmq_json part = part_of(j, json_array_get(list, i));
        SSMQ_TRY(ssmq_summary_read_text(&part, "event", true, a, &alarm[i].event));
        SSMQ_TRY(ssmq_summary_read_text(&part, "evaluation", false, a, &alarm[i].evaluation));
        SSMQ_TRY(ssmq_summary_read_text(&part, "site", false, a, &alarm[i].site));
        SSMQ_TRY(ssmq_summary_read_text(&part, "message", true, a, &alarm[i].message));
    }
    out->alarm = alarm;
    out->n_alarm = (int32_t)n;
    return SSMQ_OK;
}

static ssmq_status read_summary(const ssmq_json *j, ssmq_arena *a, ssmq_summary *out)
{
    SSMQ_TRY(ssmq_summary_read_text(j, "id", true, a, &out->id));
    SSMQ_TRY(ssmq_summary_read_text(j, "name", true, a, &out->name));
    SSMQ_TRY(ssmq_summary_read_text(j, "mode", true, a, &out->mode));
    SSMQ_TRY(ssmq_summary_read_text(j, "recipe", false, a, &out->recipe));
    SSMQ_TRY(ssmq_summary_read_text(j, "status", true, a, &out->status));
    SSMQ_TRY(ssmq_summary_read_text(j, "reason", false, a, &out->reason));
    SSMQ_TRY(ssmq_json_int(j, "weights.parameters", false, 0, INT64_MAX, &out->parameters));
    SSMQ_TRY(ssmq_json_int(j, "weights.bytes", false, 0, INT64_MAX, &out->weight_bytes));
    SSMQ_TRY(read_evaluations(j, a, out));
    SSMQ_TRY(ssmq_summary_read_speeds(j, a, out));
    SSMQ_TRY(ssmq_summary_read_sites(j, a, &out->sites));
    SSMQ_TRY(ssmq_summary_read_sensitivity(j, a, &out->sensitivity));
    SSMQ_TRY(ssmq_summary_read_interactions(j, a, &out->interactions));
    return read_alarms(j, a, out);
}

ssmq_status ssmq_summary_read(const char *path, ssmq_arena *a, ssmq_summary *out)
{
    ssmq_json    j = {0};
    ssmq_summary s = {0};
    SSMQ_TRY(ssmq_json_open(path, FILE_LIMIT, &j));
    const ssmq_status st = read_summary(&j, a, &s); /* into s: *out is untouched on failure */
    ssmq_json_close(&j);
    if (st == SSMQ_OK) *out = s;
    return st;
}
