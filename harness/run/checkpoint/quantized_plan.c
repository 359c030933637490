#include "harness/run/checkpoint/quantized_plan.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/json.h"
#include "harness/tensor/hadamard.h"

#define FIELD(member, name, dtype)                     \
    {                                                  \
        name, offsetof(ssmq_assignment, member), dtype \
    }
const ssmq_plan_field ssmq_plan_fields[] = {
    FIELD(params.scale, "scale", SSMQ_F32), FIELD(params.zero, "zero", SSMQ_I32),
    FIELD(divide, "divide", SSMQ_F32),      FIELD(inverse, "inverse", SSMQ_F32),
    FIELD(smooth, "smooth", SSMQ_F32),      FIELD(signs, "signs", SSMQ_F32),
    FIELD(keep, "keep", SSMQ_I32),          {NULL, 0, SSMQ_F32},
};

static const char *const precisions[] = {"f32", "f16", NULL}; /* ssmq_precision */

ssmq_tensor *ssmq_plan_field_of(ssmq_assignment *a, const ssmq_plan_field *f)
{
    return (ssmq_tensor *)(void *)((char *)a + f->offset);
}

bool ssmq_plan_same_spec(const ssmq_qspec *a, const ssmq_qspec *b)
{
    return a->format == b->format && a->bits == b->bits && a->symmetric == b->symmetric &&
           a->dynamic == b->dynamic && a->scope == b->scope && a->group == b->group &&
           a->rounding == b->rounding && a->scale_dtype == b->scale_dtype &&
           a->quotient_dtype == b->quotient_dtype && a->product_dtype == b->product_dtype && a->wraps == b->wraps;
}

/* ---- writing ----------------------------------------------------------------------------- */

static bool is_empty(ssmq_assignment *a)
{
    for (const ssmq_plan_field *f = ssmq_plan_fields; f->name; f++)
        if (ssmq_plan_field_of(a, f)->data) return false;
    return a->spec.bits == 0 && a->rotate == 0;
}

static void put_site(ssmq_json_writer *w, const char *name, ssmq_assignment *a)
{
    const ssmq_qspec *s = &a->spec;
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "site", name);
    ssmq_json_put_int(w, "bits", s->bits);
    ssmq_json_put_text(w, "format", ssmq_formats[s->format]);
    ssmq_json_put_bool(w, "symmetric", s->symmetric);
    ssmq_json_put_bool(w, "dynamic", s->dynamic);
    ssmq_json_put_text(w, "scope", ssmq_scopes[s->scope]);
    ssmq_json_put_int(w, "group", s->group);
    ssmq_json_put_text(w, "rounding", ssmq_roundings[s->rounding]);
    ssmq_json_put_text(w, "scale_dtype", precisions[s->scale_dtype]);
    ssmq_json_put_text(w, "quotient_dtype", precisions[s->quotient_dtype]);
    ssmq_json_put_text(w, "product_dtype", precisions[s->product_dtype]);
    ssmq_json_put_bool(w, "wraps", s->wraps);
    ssmq_json_put_int(w, "share", a->share);
    ssmq_json_put_bool(w, "unclamped", a->unclamped);
    ssmq_json_put_real(w, "clip_ratio", (double)a->clip_ratio);
    ssmq_json_put_int(w, "rotate", a->rotate);
    ssmq_json_begin_array(w, "tensors");
    for (const ssmq_plan_field *f = ssmq_plan_fields; f->name; f++)
        if (ssmq_plan_field_of(a, f)->data) ssmq_json_put_text(w, NULL, f->name);
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

void ssmq_plan_text(const ssmq_plan *p, ssmq_str *out)
{
    ssmq_json_writer w = {.out = out, .compact = true};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_int(&w, "residual", p->residual);
    ssmq_json_put_bool(&w, "real_only", p->departures.real_only);
    ssmq_json_put_bool(&w, "int8_biases", p->departures.int8_biases);
    ssmq_json_put_bool(&w, "f16_residual", p->departures.f16_residual);
    ssmq_json_begin_array(&w, "sites");
    for (int32_t i = 0; i < p->model->n_site; i++)
        if (!is_empty(&p->at[i])) put_site(&w, p->model->site[i].name, &p->at[i]);
    ssmq_json_end_array(&w);
    ssmq_json_end_object(&w);
}

int32_t ssmq_plan_tensors(const ssmq_plan *p, ssmq_arena *arena, ssmq_stored *entry)
{
    int32_t n = 0;
    for (int32_t i = 0; i < p->model->n_site; i++)
        for (const ssmq_plan_field *f = ssmq_plan_fields; f->name; f++) {
            const ssmq_tensor *t = ssmq_plan_field_of(&p->at[i], f);
            if (!t->data) continue;
            entry[n] = (ssmq_stored){.name = ssmq_arena_printf(arena, SSMQ_PLAN_PREFIX "%s.%s",
                                                               p->model->site[i].name, f->name),
                                     .value = ssmq_tensor_of(t->data, f->dtype, t->rank, t->dim)};
            n++;
        }
    return n;
}

static const ssmq_stored *find(const ssmq_stored *entry, int32_t n, const char *name)
{
    for (int32_t i = 0; i < n; i++)
        if (strcmp(entry[i].name, name) == 0) return &entry[i];
    return NULL;
}

/* In the order of their names, since a checkpoint's table is sorted. */
static int by_name(const void *a, const void *b)
{
    const ssmq_stored *x = *(const ssmq_stored *const *)a, *y = *(const ssmq_stored *const *)b;
    return strcmp(x->name, y->name);
}

static const ssmq_stored **sorted_by_name(const ssmq_stored *entry, int32_t n)
{
    const ssmq_stored **sorted = ssmq_must_malloc((size_t)(n + 1) * sizeof *sorted);
    for (int32_t i = 0; i < n; i++) sorted[i] = &entry[i];
    qsort(sorted, (size_t)n, sizeof *sorted, by_name);
    return sorted;
}

void ssmq_plan_digest(const char *text, const ssmq_stored *entry, int32_t n,
                      char hex[SSMQ_SHA256_HEX])
{
    ssmq_sha256        *h = ssmq_sha256_new();
    const ssmq_stored **sorted = sorted_by_name(entry, n);
    ssmq_sha256_add(h, text, strlen(text));
    for (int32_t i = 0; i < n; i++) {
        ssmq_sha256_add(h, sorted[i]->name, strlen(sorted[i]->name) + 1);
        ssmq_sha256_add(h, sorted[i]->value.data, ssmq_tensor_bytes(&sorted[i]->value));
    }
    free(sorted);
    ssmq_sha256_finish(h, hex);
}

void ssmq_plan_sum_table(ssmq_sha256 *h, const ssmq_stored *entry, const int64_t *to_end, int32_t n)
{
    const ssmq_stored **sorted = sorted_by_name(entry, n);
    ssmq_str            text = {0};
    for (int32_t i = 0; i < n; i++) {
        const ssmq_tensor *t = &sorted[i]->value;
        ssmq_str_printf(&text, "%s %s", sorted[i]->name, ssmq_dtype_name(t->dtype));
        for (int32_t k = 0; k < t->rank; k++) ssmq_str_printf(&text, " %lld", (long long)t->dim[k]);
        ssmq_str_printf(&text, " at %lld\n", (long long)to_end[sorted[i] - entry]);
    }
    ssmq_sha256_add(h, ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    free(sorted);
}

/* ---- reading ----------------------------------------------------------------------------- */

typedef struct reader {
    ssmq_plan         *p;
    const char        *file;
    const ssmq_stored *entry;
    int32_t            n;
} reader;

static ssmq_status read_word(const ssmq_json *j, const char *key, const char *const *words,
                             int *out)
{
    const char *text;
    SSMQ_TRY(ssmq_json_text(j, key, true, &text));
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return SSMQ_OK;
        }
    return SSMQ_FAIL(INPUT, "%s: '%s' is '%.32s', which this program does not know", j->path, key,
                     text);
}

static ssmq_status read_spec(const ssmq_json *j, ssmq_qspec *s)
{
    int64_t bits, group;
    int     format, scope, rounding, scale, quotient, product;
    SSMQ_TRY(ssmq_json_int(j, "bits", true, 0, 16, &bits));
    SSMQ_TRY(read_word(j, "format", ssmq_formats, &format));
    SSMQ_TRY(ssmq_json_bool(j, "symmetric", true, &s->symmetric));
    SSMQ_TRY(ssmq_json_bool(j, "dynamic", true, &s->dynamic));
    SSMQ_TRY(read_word(j, "scope", ssmq_scopes, &scope));
    SSMQ_TRY(ssmq_json_int(j, "group", true, 0, 1 << 24, &group));
    SSMQ_TRY(read_word(j, "rounding", ssmq_roundings, &rounding));
    SSMQ_TRY(read_word(j, "scale_dtype", precisions, &scale));
    SSMQ_TRY(read_word(j, "quotient_dtype", precisions, &quotient));
    SSMQ_TRY(read_word(j, "product_dtype", precisions, &product));
    SSMQ_TRY(ssmq_json_bool(j, "wraps", true, &s->wraps));
    s->bits = (int32_t)bits;
    s->group = (int32_t)group;
    s->format = (ssmq_format)format;
    s->scope = (ssmq_scope)scope;
    s->rounding = (ssmq_rounding)rounding;
    s->scale_dtype = (ssmq_precision)scale;
    s->quotient_dtype = (ssmq_precision)quotient;
    s->product_dtype = (ssmq_precision)product;
    if (bits == 1) return SSMQ_FAIL(INPUT, "%s: 'bits' is 1", j->path);
    return SSMQ_OK;
}

/* Rows of what shares scales by group: of a weight its own, of another site one. */
static int64_t rows_of(const ssmq_model *m, const ssmq_site *s)
{
    return s->weight >= 0 && m->weight[s->weight].value.rank > 1 ? m->weight[s->weight].value.dim[0]
                                                                 : 1;
}

/* How many elements a field has; -1: any number up to the site's width. */
static int64_t count_of(const ssmq_model *m, const ssmq_site *s, const ssmq_qspec *spec,
                        const ssmq_plan_field *f)
{
    const bool range = strcmp(f->name, "scale") == 0 || strcmp(f->name, "zero") == 0;
    if (strcmp(f->name, "keep") == 0) return -1;
    if (!range) return s->width;
    if (spec->scope == SSMQ_SCOPE_GROUP)
        return spec->group > 0 ? rows_of(m, s) * ((s->width + spec->group - 1) / spec->group) : 0;
    if (spec->scope != SSMQ_SCOPE_CHANNEL) return 1;
    return s->kind == SSMQ_SITE_WEIGHT ? m->weight[s->weight].value.dim[0] : ssmq_site_channels(s);
}

/* Channels ascend. */
static bool are_channels(const ssmq_tensor *t, int64_t width)
{
    const int32_t *c = t->data;
    const int64_t  n = ssmq_tensor_count(t);
    for (int64_t i = 0; i < n; i++)
        if (c[i] < 0 || c[i] >= width || (i > 0 && c[i] <= c[i - 1])) return false;
    return true;
}

static ssmq_status read_field(const reader *r, const ssmq_site *s, ssmq_assignment *a,
                              const ssmq_plan_field *f)
{
    char name[512];
    snprintf(name, sizeof name, SSMQ_PLAN_PREFIX "%s.%s", s->name, f->name);
    const ssmq_stored *t = find(r->entry, r->n, name);
    if (!t) return SSMQ_FAIL(INPUT, "%s: tensor '%s' is missing", r->file, name);
    const int64_t wanted = count_of(r->p->model, s, &a->spec, f),
                  count = ssmq_tensor_count(&t->value);
    if (t->value.dtype != f->dtype || (wanted >= 0 ? count != wanted : count > s->width))
        return SSMQ_FAIL(INPUT, "%s: tensor '%s' is not %s of %" PRId64 " elements", r->file, name,
                         ssmq_dtype_name(f->dtype), wanted >= 0 ? wanted : s->width);
    ssmq_tensor own = ssmq_plan_tensor(r->p, f->dtype, t->value.rank, t->value.dim);
    memcpy(own.data, t->value.data, ssmq_tensor_bytes(&own));
    if (wanted < 0 && !are_channels(&own, s->width))
        return SSMQ_FAIL(INPUT, "%s: tensor '%s' holds no ascending channels", r->file, name);
    *ssmq_plan_field_of(a, f) = own;
    return SSMQ_OK;
}

static ssmq_status read_tensors(const reader *r, const json_t *names, const ssmq_site *s,
                                ssmq_assignment *a)
{
    const json_t *name;
    size_t        i;
    json_array_foreach(names, i, name)
    {
        const ssmq_plan_field *f = ssmq_plan_fields;
        const char            *text = json_string_value(name);
        while (f->name && text && strcmp(f->name, text) != 0) f++;
        if (!text || !f->name)
            return SSMQ_FAIL(INPUT, "%s: %s has a tensor that is none", r->file, s->name);
        SSMQ_TRY(read_field(r, s, a, f));
    }
    if (a->spec.bits > 0 && !a->spec.dynamic && !a->params.scale.data)
        return SSMQ_FAIL(INPUT, "%s: %s is quantised and has no scale", r->file, s->name);
    if (a->spec.bits > 0 && !a->spec.dynamic && !a->spec.symmetric && !a->params.zero.data)
        return SSMQ_FAIL(INPUT, "%s: %s has no zero points", r->file, s->name);
    if ((a->divide.data != NULL) != (a->inverse.data != NULL))
        return SSMQ_FAIL(INPUT, "%s: %s is divided without an inverse", r->file, s->name);
    return SSMQ_OK;
}

static ssmq_status read_site(const reader *r, json_t *value)
{
    const ssmq_json j = {.path = (char *)(uintptr_t)r->file, .root = value};
    const char     *name;
    double          ratio = 1;
    int64_t         share = -1;
    ssmq_hadamard   matrix;
    if (!json_is_object(value))
        return SSMQ_FAIL(INPUT, "%s: a site of the plan is no object", r->file);
    SSMQ_TRY(ssmq_json_text(&j, "site", true, &name));
    const int32_t at = ssmq_model_site(r->p->model, name);
    if (at < 0)
        return SSMQ_FAIL(INPUT, "%s: its plan is of another model, which has a site '%.64s'",
                         r->file, name);
    const ssmq_site *s = &r->p->model->site[at];
    ssmq_assignment *a = &r->p->at[at];
    SSMQ_TRY(read_spec(&j, &a->spec));
    SSMQ_TRY(ssmq_json_real(&j, "clip_ratio", true, &ratio));
    SSMQ_TRY(ssmq_json_int(&j, "rotate", true, 0, INT32_MAX, &a->rotate));
    SSMQ_TRY(ssmq_json_int(&j, "share", true, -1, r->p->model->n_site - 1, &share));
    SSMQ_TRY(ssmq_json_bool(&j, "unclamped", true, &a->unclamped));
    a->share = (int32_t)share;
    a->clip_ratio = (float)ratio;
    if (a->rotate != 0 &&
        (a->rotate != s->width || ssmq_hadamard_find(a->rotate, &matrix) != SSMQ_OK))
        return SSMQ_FAIL(INPUT, "%s: %s of width %" PRId64 " is rotated by %" PRId64, r->file,
                         s->name, s->width, a->rotate);
    return read_tensors(r, json_object_get(value, "tensors"), s, a);
}

ssmq_status ssmq_plan_read(ssmq_plan *p, const char *file, const char *text,
                           const ssmq_stored *entry, int32_t n)
{
    const reader r = {.p = p, .file = file, .entry = entry, .n = n};
    ssmq_json    j = {0};
    json_t      *value;
    size_t       i;
    ssmq_status  st = ssmq_json_parse(file, text, strlen(text), &j);
    if (st == SSMQ_OK) st = ssmq_json_int(&j, "residual", true, 0, INT32_MAX, &p->residual);
    if (st == SSMQ_OK) st = ssmq_json_bool(&j, "real_only", true, &p->departures.real_only);
    if (st == SSMQ_OK) st = ssmq_json_bool(&j, "int8_biases", true, &p->departures.int8_biases);
    if (st == SSMQ_OK) st = ssmq_json_bool(&j, "f16_residual", true, &p->departures.f16_residual);
    if (st == SSMQ_OK) {
        json_array_foreach(json_object_get(j.root, "sites"), i, value)
        {
            st = read_site(&r, value);
            if (st != SSMQ_OK) break;
        }
    }
    ssmq_json_close(&j);
    return st;
}
