#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/build.h"
#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "harness/data/safetensors.h"
#include "harness/exec/exec.h"
#include "harness/run/checkpoint/quantized.h"
#include "harness/run/checkpoint/quantized_plan.h"
#include "harness/tensor/dtype.h"
#include "harness/tensor/nibbles.h"

#define CONFIG_LIMIT ((size_t)16 << 20)
#define FIELDS 7 /* of a site, at most */

/* What an entry of the file is made of, beside those of the plan, whose values are there already.
 */
typedef enum part_kind { PART_PLAN, PART_FLOAT, PART_CODES, PART_KEPT } part_kind;

typedef struct part {
    part_kind kind;
    int32_t   index; /* of a weight (FLOAT), of a site (CODES, KEPT) */
} part;

typedef struct writer {
    const ssmq_quantized_content *c;
    const char                   *directory;
    ssmq_arena                   *arena;
    ssmq_exec                    *ex;
    ssmq_stored                  *entry;
    part                         *part; /* [n] beside entry */
    int32_t                       n;
    ssmq_sha256 *sum; /* over the texts before the plan's, the table, then the bytes of all entries in order */
} writer;

static const ssmq_tensor *value_of(const writer *w, int32_t site)
{
    return ssmq_model_value(w->c->m, w->c->m->site[site].weight);
}

/* ---- what is stored ---------------------------------------------------------------------- */

static void add(writer *w, const char *name, ssmq_tensor shape, part p)
{
    w->entry[w->n] = (ssmq_stored){.name = name, .value = shape};
    w->part[w->n++] = p;
}

static bool holds(float v, ssmq_dtype dtype)
{
    const float back = dtype == SSMQ_F16 ? ssmq_f16_to_f32(ssmq_f32_to_f16(v))
                                         : ssmq_bf16_to_f32(ssmq_f32_to_bf16(v));
    return memcmp(&back, &v, sizeof v) == 0;
}

/* The narrowest type that has every value: what came out of half precision goes back into it. */
static ssmq_dtype narrowest(const ssmq_tensor *t)
{
    static const ssmq_dtype narrow[] = {SSMQ_F16, SSMQ_BF16};
    const float            *v = t->data;
    const int64_t           n = ssmq_tensor_count(t);
    for (int k = 0; k < 2; k++) {
        int64_t i = 0;
        while (i < n && holds(v[i], narrow[k])) i++;
        if (i == n) return narrow[k];
    }
    return SSMQ_F32;
}

static bool is_coded(const writer *w, int32_t weight)
{
    for (int32_t i = 0; i < w->c->m->n_site; i++)
        if (w->c->m->site[i].weight == weight && w->c->plan->at[i].spec.bits > 0) return true;
    return false;
}

/* A tied weight that still has the values of the other need not be there twice. */
static bool is_repeated(const writer *w, int32_t i)
{
    const ssmq_weight *weight = &w->c->m->weight[i];
    return weight->tied_to >= 0 &&
           weight->value.data == w->c->m->weight[weight->tied_to].value.data &&
           !is_coded(w, weight->tied_to);
}

static void add_floats(writer *w)
{
    const ssmq_model *m = w->c->m;
    for (int32_t i = 0; i < m->n_weight; i++) {
        const ssmq_weight *weight = &m->weight[i];
        if (is_coded(w, i) || is_repeated(w, i)) continue;
        const ssmq_dtype dtype = narrowest(ssmq_model_value(m, i));
        ssmq_model_forget(m, i);
        add(w, weight->name, ssmq_tensor_of(NULL, dtype, weight->rank, weight->dim), (part){PART_FLOAT, i});
    }
}

static ssmq_tensor shape_of_codes(const ssmq_qspec *s, const ssmq_tensor *value)
{
    ssmq_tensor t = *value;
    t.data = NULL;
    if (ssmq_qspec_half(s)) return ssmq_tensor_of(NULL, ssmq_half_dtype(s->format), t.rank, t.dim);
    if (s->bits <= 4) t.dim[t.rank - 1] = ssmq_nibble_bytes(t.dim[t.rank - 1]);
    return ssmq_tensor_of(NULL, s->bits <= 4 ? SSMQ_U8 : SSMQ_I8, t.rank, t.dim);
}

static bool same_tensor(const ssmq_tensor *a, const ssmq_tensor *b)
{
    if (!a->data || !b->data) return a->data == b->data;
    return ssmq_tensor_bytes(a) == ssmq_tensor_bytes(b) &&
           memcmp(a->data, b->data, ssmq_tensor_bytes(a)) == 0;
}

/* Has the weight that this site's is tied to the same codes? */
static bool has_codes_of_tied(const writer *w, int32_t site)
{
    const ssmq_weight     *weight = &w->c->m->weight[w->c->m->site[site].weight];
    const ssmq_assignment *a = &w->c->plan->at[site];
    const int32_t other = weight->tied_to < 0 ? -1 : ssmq_quantized_site(w->c->m, weight->tied_to);
    if (other < 0 || weight->value.data != w->c->m->weight[weight->tied_to].value.data)
        return false;
    const ssmq_assignment *b = &w->c->plan->at[other];
    if (a->codes.data || b->codes.data || ssmq_plan_keep(w->c->plan, site) ||
        ssmq_plan_keep(w->c->plan, other))
        return false;
    return ssmq_plan_same_spec(&a->spec, &b->spec) &&
           same_tensor(&a->params.scale, &b->params.scale) &&
           same_tensor(&a->params.zero, &b->params.zero);
}

ssmq_status ssmq_quantized_offers(const ssmq_model *m, const ssmq_plan *plan)
{
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_site  *s = &m->site[i];
        const ssmq_qspec *spec = &plan->at[i].spec;
        if (s->kind != SSMQ_SITE_WEIGHT || spec->bits == 0) continue;
        if (!ssmq_qspec_bytes(spec) && !ssmq_qspec_half(spec))
            return SSMQ_FAIL(UNSUPPORTED,
                             "%s: quantised checkpoints hold integer codes of at most 8 bits, f16 and bf16",
                             s->name);
        if (plan->departures.real_only && plan->at[i].unclamped)
            return SSMQ_FAIL(UNSUPPORTED, "%s: its codes are others in mode real than in mode fake", s->name);
    }
    return SSMQ_OK;
}

static void add_codes(writer *w)
{
    for (int32_t i = 0; i < w->c->m->n_site; i++) {
        const ssmq_site  *s = &w->c->m->site[i];
        const ssmq_qspec *spec = &w->c->plan->at[i].spec;
        if (s->kind != SSMQ_SITE_WEIGHT || spec->bits == 0 || has_codes_of_tied(w, i)) continue;
        const ssmq_tensor *keep = ssmq_plan_keep(w->c->plan, i);
        const ssmq_tensor *value = &w->c->m->weight[w->c->m->site[i].weight].value;
        if (keep && keep->dim[0] > 0)
            add(w, ssmq_arena_printf(w->arena, SSMQ_PLAN_PREFIX "%s.kept", s->name),
                SSMQ_TENSOR(NULL, SSMQ_F32, value->dim[0], keep->dim[0]), (part){PART_KEPT, i});
        add(w, ssmq_arena_printf(w->arena, SSMQ_PLAN_PREFIX "%s.codes", s->name),
            shape_of_codes(spec, value), (part){PART_CODES, i});
    }
}

/* Wide types first, so that each tensor is aligned to its elements; else as they were added. */
static void order(writer *w)
{
    ssmq_stored *entry = SSMQ_ARENA_ARRAY(w->arena, ssmq_stored, w->n + 1);
    part        *parts = SSMQ_ARENA_ARRAY(w->arena, part, w->n + 1);
    int32_t      n = 0;
    for (int32_t bits = 64; bits >= 8; bits /= 2)
        for (int32_t i = 0; i < w->n; i++) {
            if (ssmq_dtype_bits(w->entry[i].value.dtype) != bits) continue;
            entry[n] = w->entry[i];
            parts[n++] = w->part[i];
        }
    entry[n] = (ssmq_stored){.name = SSMQ_PLAN_PREFIX "digest",
                             .value = SSMQ_TENSOR(NULL, SSMQ_U8, SSMQ_SHA256_HEX - 1)};
    w->entry = entry;
    w->part = parts;
}

/* ---- values ------------------------------------------------------------------------------ */

static ssmq_status put(writer *w, ssmq_safetensors_writer *f, const void *bytes, size_t n)
{
    ssmq_sha256_add(w->sum, bytes, n);
    return ssmq_safetensors_put(f, bytes, n);
}

#define CHUNK ((int64_t)1 << 16)
#define PIECE ((int64_t)4 << 20)

static ssmq_status put_floats(writer *w, ssmq_safetensors_writer *f, const float *v,
                              ssmq_dtype dtype, int64_t n)
{
    uint16_t half[CHUNK];
    if (dtype == SSMQ_F32) return put(w, f, v, (size_t)n * sizeof *v);
    for (int64_t i = 0; i < n; i += CHUNK) {
        const int64_t m = n - i < CHUNK ? n - i : CHUNK;
        ssmq_from_f32(half, dtype, v + i, m);
        SSMQ_TRY(put(w, f, half, (size_t)m * sizeof *half));
    }
    return SSMQ_OK;
}

/* Piece by piece, whose pages need not stay. */
static ssmq_status put_weight(writer *w, ssmq_safetensors_writer *f, int32_t weight, ssmq_dtype dtype)
{
    const int64_t count = ssmq_tensor_count(&w->c->m->weight[weight].value), most = count < PIECE ? count : PIECE;
    float        *room = malloc((size_t)(most + 1) * sizeof *room);
    ssmq_status   st = SSMQ_OK;
    if (!room) return SSMQ_FAIL(MEMORY, "%s: no memory to write it", w->c->m->weight[weight].name);
    for (int64_t i = 0; i < count && st == SSMQ_OK; i += PIECE) {
        const int64_t n = count - i < PIECE ? count - i : PIECE;
        ssmq_model_copy(w->c->m, weight, i, n, room);
        ssmq_model_forget(w->c->m, weight);
        st = put_floats(w, f, room, dtype, n);
    }
    free(room);
    return st;
}

/* Columns of keep, row by row. */
static ssmq_status put_kept(writer *w, ssmq_safetensors_writer *f, int32_t site)
{
    const ssmq_tensor *value = value_of(w, site), *keep = ssmq_plan_keep(w->c->plan, site);
    const float       *v = value->data;
    const int32_t     *column = keep->data;
    for (int64_t r = 0; r < value->dim[0]; r++)
        for (int64_t i = 0; i < keep->dim[0]; i++)
            SSMQ_TRY(put(w, f, &v[r * value->dim[1] + column[i]], sizeof *v));
    return SSMQ_OK;
}

static ssmq_status put_nibbles(writer *w, ssmq_safetensors_writer *f, const ssmq_tensor *codes)
{
    const int64_t K = codes->dim[codes->rank - 1], rows = ssmq_tensor_count(codes) / K;
    const size_t  bytes = (size_t)ssmq_nibble_bytes(K);
    uint8_t      *row = ssmq_must_malloc(bytes + 1);
    ssmq_status   st = SSMQ_OK;
    for (int64_t r = 0; r < rows && st == SSMQ_OK; r++) {
        ssmq_nibbles_pack((const int8_t *)codes->data + r * K, 1, K, row);
        st = put(w, f, row, bytes);
    }
    free(row);
    return st;
}

static ssmq_status put_codes(writer *w, ssmq_safetensors_writer *f, int32_t site)
{
    const ssmq_qspec *spec = &w->c->plan->at[site].spec;
    ssmq_tensor       codes;
    if (ssmq_qspec_half(spec)) {
        const ssmq_tensor *value = value_of(w, site);
        return put_floats(w, f, value->data, ssmq_half_dtype(spec->format), ssmq_tensor_count(value));
    }
    SSMQ_TRY(ssmq_exec_weight_codes(w->ex, site, &codes));
    const ssmq_status st = spec->bits <= 4
                               ? put_nibbles(w, f, &codes)
                               : put(w, f, codes.data, ssmq_tensor_bytes(&codes));
    w->c->be->ops->free(w->c->be, codes.data);
    return st;
}

static ssmq_status put_entry(writer *w, ssmq_safetensors_writer *f, int32_t i)
{
    const ssmq_stored *e = &w->entry[i];
    const part        *p = &w->part[i];
    switch (p->kind) {
    case PART_FLOAT: return put_weight(w, f, p->index, e->value.dtype);
    case PART_CODES: return put_codes(w, f, p->index);
    case PART_KEPT: return put_kept(w, f, p->index);
    default: return put(w, f, e->value.data, ssmq_tensor_bytes(&e->value));
    }
}

/* The pages of a weight that is written. */
static void forget(const writer *w, const part *p)
{
    const ssmq_model *m = w->c->m;
    if (p->kind == PART_FLOAT) ssmq_model_forget(m, p->index);
    if (p->kind == PART_CODES || p->kind == PART_KEPT) ssmq_model_forget(m, m->site[p->index].weight);
}

static ssmq_status put_all(writer *w, ssmq_safetensors_writer *f)
{
    char hex[SSMQ_SHA256_HEX];
    for (int32_t i = 0; i < w->n; i++) {
        SSMQ_TRY(put_entry(w, f, i));
        forget(w, &w->part[i]);
    }
    ssmq_sha256_peek(w->sum, hex);
    return ssmq_safetensors_put(f, hex, sizeof hex - 1);
}

/* ---- the files --------------------------------------------------------------------------- */

static const char *source_text(const writer *w)
{
    ssmq_str         text = {0};
    ssmq_json_writer j = {.out = &text, .compact = true};
    ssmq_json_begin_object(&j, NULL);
    for (int32_t i = 0; i < w->c->n_source; i++)
        ssmq_json_put_text(&j, w->c->source[i].role,
                           ssmq_arena_printf(w->arena, "sha256:%s", w->c->source[i].sha256));
    ssmq_json_end_object(&j);
    const char *copy = ssmq_arena_strdup(w->arena, ssmq_str_text(&text));
    ssmq_str_free(&text);
    return copy;
}

/* Texts before the plan's, and what the entries are. */
static void begin_sum(writer *w, const ssmq_safetensors_text *text)
{
    int64_t *to_end = SSMQ_ARENA_ARRAY(w->arena, int64_t, w->n + 1), left = 0;
    for (int32_t i = 0; i < 5; i++) ssmq_sha256_add(w->sum, text[i].value, strlen(text[i].value) + 1);
    for (int32_t i = w->n; i-- > 0;) to_end[i] = left += (int64_t)ssmq_tensor_bytes(&w->entry[i].value);
    ssmq_plan_sum_table(w->sum, w->entry, to_end, w->n);
}

static ssmq_status write_weights(writer *w, const char *config_sum, const char *plan,
                                 const char *scales)
{
    const char                 *version = ssmq_arena_printf(w->arena, "%d", SSMQ_QUANTIZED_VERSION);
    const ssmq_safetensors_text text[] = {
        {SSMQ_QUANTIZED_KEY, version}, {"ssmq_version", ssmq_build_info()->version},
        {"config_sha256", config_sum}, {"source", source_text(w)},
        {"recipe", w->c->recipe},      {"plan", plan},
        {"scales_sha256", scales}};
    ssmq_safetensors_writer *f;
    begin_sum(w, text);
    SSMQ_TRY(ssmq_safetensors_begin_with(
        ssmq_arena_printf(w->arena, "%s/model.safetensors", w->directory), text,
        (int32_t)(sizeof text / sizeof *text), w->entry, w->n + 1, &f));
    const ssmq_status st = put_all(w, f);
    if (st == SSMQ_OK) return ssmq_safetensors_end(f);
    ssmq_safetensors_discard(f);
    return st;
}

/* The config of the source, which says what it has become. */
static ssmq_status write_config(writer *w, char sum[SSMQ_SHA256_HEX])
{
    ssmq_json j = {0};
    SSMQ_TRY(ssmq_json_open(ssmq_arena_printf(w->arena, "%s/config.json", w->c->m->path),
                            CONFIG_LIMIT, &j));
    json_object_set_new(j.root, SSMQ_QUANTIZED_KEY, json_integer(SSMQ_QUANTIZED_VERSION));
    char *text = json_dumps(j.root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    ssmq_json_close(&j);
    if (!text) return SSMQ_FAIL(MEMORY, "%s: no memory for its config", w->directory);
    ssmq_sha256_of(text, strlen(text), sum);
    const ssmq_status st = ssmq_file_write(
        ssmq_arena_printf(w->arena, "%s/config.json", w->directory), text, strlen(text));
    free(text);
    return st;
}

static ssmq_status copy_file(const char *from, const char *to)
{
    ssmq_stream *s;
    ssmq_str     text = {0};
    char         bytes[1 << 15];
    size_t       got = 1;
    SSMQ_TRY(ssmq_stream_open(from, &s));
    ssmq_status st = SSMQ_OK;
    while (st == SSMQ_OK && got > 0) {
        st = ssmq_stream_read(s, bytes, sizeof bytes, &got);
        if (st == SSMQ_OK) ssmq_str_append(&text, bytes, got);
    }
    ssmq_stream_close(s);
    if (st == SSMQ_OK) st = ssmq_file_write(to, ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    return st;
}

static ssmq_status copy_tokenizer(const writer *w)
{
    const char *config = ssmq_arena_printf(w->arena, "%s/tokenizer_config.json", w->c->m->path);
    if (w->c->tokenizer)
        SSMQ_TRY(copy_file(w->c->tokenizer,
                           ssmq_arena_printf(w->arena, "%s/tokenizer.json", w->directory)));
    if (access(config, R_OK) != 0) return SSMQ_OK;
    return copy_file(config, ssmq_arena_printf(w->arena, "%s/tokenizer_config.json", w->directory));
}

static ssmq_status write_all(writer *w, int64_t *bytes)
{
    ssmq_str    plan = {0};
    char        scales[SSMQ_SHA256_HEX], config[SSMQ_SHA256_HEX];
    struct stat file;
    w->n = ssmq_plan_tensors(w->c->plan, w->arena, w->entry);
    ssmq_plan_text(w->c->plan, &plan);
    ssmq_plan_digest(ssmq_str_text(&plan), w->entry, w->n, scales);
    add_floats(w);
    add_codes(w);
    order(w);
    ssmq_status st = write_config(w, config);
    if (st == SSMQ_OK) st = write_weights(w, config, ssmq_str_text(&plan), scales);
    ssmq_str_free(&plan);
    SSMQ_TRY(st);
    *bytes = stat(ssmq_arena_printf(w->arena, "%s/model.safetensors", w->directory), &file) == 0
                 ? file.st_size
                 : 0;
    return copy_tokenizer(w);
}

ssmq_status ssmq_quantized_write(const char *directory, const ssmq_quantized_content *c,
                                 int64_t *bytes)
{
    SSMQ_TRY(ssmq_quantized_offers(c->m, c->plan));
    writer w = {
        .c = c, .directory = directory, .arena = ssmq_arena_new(), .sum = ssmq_sha256_new()};
    const int32_t room = c->m->n_site * (FIELDS + 2) + c->m->n_weight + 1;
    char          hex[SSMQ_SHA256_HEX];
    w.entry = SSMQ_ARENA_ARRAY(w.arena, ssmq_stored, room);
    w.part = SSMQ_ARENA_ARRAY(w.arena, part, room);
    ssmq_status st = ssmq_exec_open(c->be, c->m, c->plan, SSMQ_MODE_FAKE, &w.ex);
    if (st == SSMQ_OK) {
        st = write_all(&w, bytes);
        ssmq_exec_close(w.ex);
    }
    ssmq_sha256_finish(w.sum, hex);
    ssmq_arena_free(w.arena);
    return st;
}
