#include "harness/data/safetensors.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/assert.h"
#include "harness/base/json.h"

#define METADATA "__metadata__"
#define LENGTH_BYTES 8
#define VALUES_MAX 2000000 /* in a header: some 200,000 tensors */

static const struct {
    const char *name;
    ssmq_dtype  dtype;
} dtypes[] = {
    {"F64", SSMQ_F64}, {"F32", SSMQ_F32}, {"F16", SSMQ_F16}, {"BF16", SSMQ_BF16}, {"I64", SSMQ_I64},
    {"I32", SSMQ_I32}, {"I8", SSMQ_I8},   {"U64", SSMQ_U64}, {"U8", SSMQ_U8},
};
#define N_DTYPE (sizeof dtypes / sizeof *dtypes)

/* ---- reading ---------------------------------------------------------------------------- */

typedef struct reader {
    const char    *path;
    const uint8_t *data; /* what follows the header */
    int64_t        size;
    ssmq_arena    *a;
} reader;

/* A tensor with its place, for the check that the tensors tile the data. */
typedef struct extent {
    int64_t     begin, end;
    const char *name;
} extent;

static ssmq_status read_dtype(const reader *r, const char *name, const json_t *entry,
                              ssmq_dtype *out)
{
    const json_t *v = json_object_get(entry, "dtype");
    if (!json_is_string(v)) return SSMQ_FAIL(INPUT, "%s: tensor '%s' has no dtype", r->path, name);
    for (size_t i = 0; i < N_DTYPE; i++) {
        if (strcmp(json_string_value(v), dtypes[i].name) != 0) continue;
        *out = dtypes[i].dtype;
        return SSMQ_OK;
    }
    return SSMQ_FAIL(INPUT,
                     "%s: tensor '%s' has dtype '%.32s', not one of F64, F32, F16, BF16, I64, "
                     "I32, I8, U64, U8",
                     r->path, name, json_string_value(v));
}

/* n non-negative integers of the array under key. */
static bool read_ints(const json_t *entry, const char *key, size_t n, int64_t *out)
{
    const json_t *v = json_object_get(entry, key);
    if (json_array_size(v) != n) return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *x = json_array_get(v, i);
        if (!json_is_integer(x) || json_integer_value(x) < 0) return false;
        out[i] = json_integer_value(x);
    }
    return true;
}

static ssmq_status read_shape(const reader *r, const char *name, const json_t *entry, int32_t *rank,
                              int64_t *dim)
{
    const json_t *v = json_object_get(entry, "shape");
    const size_t  n = json_array_size(v);
    if (n > SSMQ_RANK_MAX)
        return SSMQ_FAIL(INPUT, "%s: tensor '%s' has %zu axes, over the limit of %d", r->path, name,
                         n, SSMQ_RANK_MAX);
    if (!json_is_array(v) || !read_ints(entry, "shape", n, dim))
        return SSMQ_FAIL(INPUT, "%s: tensor '%s' has no shape (a list of sizes)", r->path, name);
    *rank = (int32_t)n;
    return SSMQ_OK;
}

static ssmq_status check_name(const reader *r, const char *name)
{
    const size_t n = strlen(name);
    if (n == 0 || n > SSMQ_STORED_NAME_MAX)
        return SSMQ_FAIL(INPUT, "%s: a tensor's name has %zu bytes, not 1 to %d", r->path, n,
                         SSMQ_STORED_NAME_MAX);
    return SSMQ_OK;
}

static ssmq_status read_tensor(const reader *r, const char *key, const json_t *entry,
                               ssmq_stored *out, extent *e)
{
    ssmq_dtype dtype = SSMQ_F32;
    int32_t    rank = 0;
    int64_t    dim[SSMQ_RANK_MAX] = {0}, offset[2], bytes;
    char       shape[SSMQ_SHAPE_TEXT];
    SSMQ_TRY(check_name(r, key));
    SSMQ_TRY(read_dtype(r, key, entry, &dtype));
    SSMQ_TRY(read_shape(r, key, entry, &rank, dim));
    if (!read_ints(entry, "data_offsets", 2, offset) || offset[0] > offset[1])
        return SSMQ_FAIL(INPUT, "%s: tensor '%s' has no data_offsets (begin and end)", r->path,
                         key);
    if (offset[1] > r->size)
        return SSMQ_FAIL(INPUT,
                         "%s: tensor '%s' ends at byte %" PRId64 " of the data, of which the "
                         "file has %" PRId64,
                         r->path, key, offset[1], r->size);
    if (!ssmq_stored_bytes(dtype, rank, dim, &bytes))
        return SSMQ_FAIL(INPUT, "%s: tensor '%s' has more elements than can be counted", r->path,
                         key);
    out->value = ssmq_tensor_of((void *)(uintptr_t)(r->data + offset[0]), dtype, rank, dim);
    if (bytes != offset[1] - offset[0])
        return SSMQ_FAIL(INPUT,
                         "%s: tensor '%s' has %" PRId64 " bytes, not the %" PRId64 " of %s %s",
                         r->path, key, offset[1] - offset[0], bytes, ssmq_dtype_name(dtype),
                         ssmq_tensor_shape(&out->value, shape, sizeof shape));
    out->name = ssmq_arena_strdup(r->a, key);
    out->file = r->path;
    out->value.name = out->name;
    *e = (extent){.begin = offset[0], .end = offset[1], .name = out->name};
    return SSMQ_OK;
}

static int by_place(const void *a, const void *b)
{
    const extent *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) -
           (x->end < y->end); /* empty tensors before the one that begins there */
}

/* Every byte of the data belongs to exactly one tensor. */
static ssmq_status check_tiling(const reader *r, extent *e, size_t n)
{
    int64_t at = 0;
    if (n) qsort(e, n, sizeof *e, by_place);
    for (size_t i = 0; i < n; i++) {
        if (e[i].begin < at)
            return SSMQ_FAIL(INPUT, "%s: tensors '%s' and '%s' overlap", r->path, e[i - 1].name,
                             e[i].name);
        if (e[i].begin > at)
            return SSMQ_FAIL(INPUT, "%s: %" PRId64 " bytes before tensor '%s' belong to no tensor",
                             r->path, e[i].begin - at, e[i].name);
        at = e[i].end;
    }
    if (at < r->size)
        return SSMQ_FAIL(INPUT, "%s: the last %" PRId64 " bytes belong to no tensor", r->path,
                         r->size - at);
    return SSMQ_OK;
}

static ssmq_status check_metadata(const reader *r, const json_t *metadata)
{
    const char   *key;
    const json_t *v;
    bool          good = !metadata || json_is_object(metadata);
    void         *at = json_object_iter((json_t *)(uintptr_t)metadata);
    for (; good && at; at = json_object_iter_next((json_t *)(uintptr_t)metadata, at)) {
        key = json_object_iter_key(at);
        v = json_object_iter_value(at);
        good = key && json_is_string(v);
    }
    if (!good) return SSMQ_FAIL(INPUT, "%s: %s is no map from text to text", r->path, METADATA);
    return SSMQ_OK;
}

static ssmq_status read_entries(const reader *r, json_t *root, ssmq_stored **out, int64_t *count)
{
    const json_t *metadata = json_object_get(root, METADATA);
    SSMQ_TRY(check_metadata(r, metadata));
    const size_t n = json_object_size(root) - (metadata ? 1 : 0);
    ssmq_stored *stored = SSMQ_ARENA_ARRAY(r->a, ssmq_stored, n);
    extent      *extents = SSMQ_ARENA_ARRAY(r->a, extent, n);
    const char  *key;
    json_t      *entry;
    size_t       i = 0;
    json_object_foreach(root, key, entry)
    {
        if (entry == metadata) continue;
        SSMQ_TRY(read_tensor(r, key, entry, &stored[i], &extents[i]));
        i++;
    }
    SSMQ_TRY(check_tiling(r, extents, n));
    *out = stored;
    *count = (int64_t)n;
    return SSMQ_OK;
}

static ssmq_status read_length(const char *path, const ssmq_mapping *m, uint64_t *length)
{
    if (m->size < LENGTH_BYTES)
        return SSMQ_FAIL(INPUT, "%s: has %zu bytes, too few for a safetensors file", path, m->size);
    *length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) *length = *length << 8 | m->data[i];
    if (*length > SSMQ_SAFETENSORS_HEADER_MAX)
        return SSMQ_FAIL(INPUT,
                         "%s: its header has %" PRIu64 " bytes, over the limit of %d: damaged, "
                         "or no safetensors file",
                         path, *length, SSMQ_SAFETENSORS_HEADER_MAX);
    if (*length > m->size - LENGTH_BYTES)
        return SSMQ_FAIL(INPUT, "%s: its header has %" PRIu64 " bytes, of which the file has %zu",
                         path, *length, m->size - LENGTH_BYTES);
    if (*length == 0 || m->data[LENGTH_BYTES] != '{')
        return SSMQ_FAIL(INPUT, "%s: its header is no JSON object", path);
    return SSMQ_OK;
}

/* A parsed value takes some fifty times the memory of "[],": a short header with very many of
 * them is a trap.  Counts what separates values, outside strings. */
static ssmq_status check_values(const char *path, const uint8_t *text, uint64_t n)
{
    uint64_t values = 0;
    bool     quoted = false;
    for (uint64_t i = 0; i < n; i++) {
        if (text[i] == '"') quoted = !quoted;
        else if (quoted) i += text[i] == '\\'; /* skips what is escaped */
        else values += text[i] == ',' || text[i] == '[' || text[i] == '{';
    }
    if (values <= VALUES_MAX) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: its header has %" PRIu64 " values, over the limit of %d", path,
                     values, VALUES_MAX);
}

ssmq_status ssmq_safetensors_read(const char *path, const ssmq_mapping *m, ssmq_arena *a,
                                  ssmq_stored **out, int64_t *count)
{
    uint64_t length = 0;
    SSMQ_TRY(read_length(path, m, &length));
    SSMQ_TRY(check_values(path, m->data + LENGTH_BYTES, length));
    ssmq_json header = {0};
    SSMQ_TRY(ssmq_json_parse(ssmq_arena_printf(a, "%s: header", path),
                             (const char *)m->data + LENGTH_BYTES, length, &header));
    const reader      r = {.path = path,
                           .a = a,
                           .data = m->data + LENGTH_BYTES + length,
                           .size = (int64_t)(m->size - LENGTH_BYTES - length)};
    const ssmq_status st = read_entries(&r, header.root, out, count);
    ssmq_json_close(&header);
    return st;
}

ssmq_status ssmq_safetensors_metadata(const char *path, const ssmq_mapping *m, const char *key, ssmq_arena *a,
                                      const char **out)
{
    uint64_t  length = 0;
    ssmq_json header = {0};
    SSMQ_TRY(read_length(path, m, &length));
    SSMQ_TRY(check_values(path, m->data + LENGTH_BYTES, length));
    SSMQ_TRY(ssmq_json_parse(ssmq_arena_printf(a, "%s: header", path), (const char *)m->data + LENGTH_BYTES,
                             length, &header));
    const char *value = json_string_value(json_object_get(json_object_get(header.root, METADATA), key));
    *out = value ? ssmq_arena_strdup(a, value) : NULL;
    ssmq_json_close(&header);
    return SSMQ_OK;
}

/* ---- writing ---------------------------------------------------------------------------- */

struct ssmq_safetensors_writer {
    FILE    *file;
    char    *path, *part;
    uint64_t left; /* bytes still to come */
};

static const char *dtype_name(ssmq_dtype dtype)
{
    for (size_t i = 0; i < N_DTYPE; i++)
        if (dtypes[i].dtype == dtype) return dtypes[i].name;
    SSMQ_ASSERT(!"a dtype that safetensors has");
    return "";
}

static void put_entry(ssmq_json_writer *w, const ssmq_stored *t, uint64_t *at)
{
    ssmq_json_begin_object(w, t->name);
    ssmq_json_put_text(w, "dtype", dtype_name(t->value.dtype));
    ssmq_json_begin_array(w, "shape");
    for (int32_t i = 0; i < t->value.rank; i++) ssmq_json_put_int(w, NULL, t->value.dim[i]);
    ssmq_json_end_array(w);
    ssmq_json_begin_array(w, "data_offsets");
    ssmq_json_put_int(w, NULL, (int64_t)*at);
    *at += ssmq_tensor_bytes(&t->value);
    ssmq_json_put_int(w, NULL, (int64_t)*at);
    ssmq_json_end_array(w);
    ssmq_json_end_object(w);
}

/* The header, filled up with spaces so that the data begin at a multiple of 64 bytes. */
static void make_header(const ssmq_safetensors_text *text, int32_t n_text, const ssmq_stored *entry, int64_t n,
                        ssmq_str *out, uint64_t *bytes)
{
    ssmq_json_writer w = {.out = out, .compact = true};
    *bytes = 0;
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_begin_object(&w, METADATA);
    ssmq_json_put_text(&w, "format", "pt"); /* transformers asks for it */
    for (int32_t i = 0; i < n_text; i++) ssmq_json_put_text(&w, text[i].key, text[i].value);
    ssmq_json_end_object(&w);
    for (int64_t i = 0; i < n; i++) put_entry(&w, &entry[i], bytes);
    ssmq_json_end_object(&w);
    while ((out->length + LENGTH_BYTES) % 64 != 0) ssmq_str_puts(out, " ");
}

ssmq_status ssmq_safetensors_begin(const char *path, const ssmq_stored *entry, int64_t n,
                                   ssmq_safetensors_writer **out)
{
    return ssmq_safetensors_begin_with(path, NULL, 0, entry, n, out);
}

ssmq_status ssmq_safetensors_begin_with(const char *path, const ssmq_safetensors_text *text, int32_t n_text,
                                        const ssmq_stored *entry, int64_t n, ssmq_safetensors_writer **out)
{
    ssmq_str header = {0}, part = {0};
    uint64_t bytes = 0;
    uint8_t  length[LENGTH_BYTES];
    make_header(text, n_text, entry, n, &header, &bytes);
    for (int i = 0; i < LENGTH_BYTES; i++) length[i] = (uint8_t)(header.length >> 8 * i);
    ssmq_str_printf(&part, "%s.part", path);
    ssmq_safetensors_writer *w = ssmq_must_malloc(sizeof *w);
    w->path = strcpy(ssmq_must_malloc(strlen(path) + 1), path);
    w->part = part.data;
    w->left = bytes + LENGTH_BYTES + header.length;
    w->file = fopen(w->part, "wb");
    ssmq_status st = SSMQ_OK;
    if (!w->file) st = SSMQ_FAIL(IO, "%s: %s", w->part, strerror(errno));
    if (st == SSMQ_OK) st = ssmq_safetensors_put(w, length, sizeof length);
    if (st == SSMQ_OK) st = ssmq_safetensors_put(w, header.data, header.length);
    ssmq_str_free(&header);
    if (st == SSMQ_OK) *out = w;
    else ssmq_safetensors_discard(w);
    return st;
}

ssmq_status ssmq_safetensors_put(ssmq_safetensors_writer *w, const void *bytes, size_t n)
{
    SSMQ_ASSERT(n <= w->left);
    if (n && fwrite(bytes, 1, n, w->file) != n)
        return SSMQ_FAIL(IO, "%s: %s", w->part, strerror(errno));
    w->left -= n;
    return SSMQ_OK;
}

static void writer_free(ssmq_safetensors_writer *w)
{
    free(w->path);
    free(w->part);
    free(w);
}

ssmq_status ssmq_safetensors_end(ssmq_safetensors_writer *w)
{
    SSMQ_ASSERT(w->left == 0);
    const int closed = fclose(w->file), reason = errno;
    w->file = NULL;
    ssmq_status st = SSMQ_OK;
    if (closed != 0) st = SSMQ_FAIL(IO, "%s: %s", w->part, strerror(reason));
    if (st == SSMQ_OK) st = ssmq_file_seal(w->part, w->path);
    if (st != SSMQ_OK) unlink(w->part);
    writer_free(w);
    return st;
}

void ssmq_safetensors_discard(ssmq_safetensors_writer *w)
{
    if (!w) return;
    if (w->file) {
        fclose(w->file);
        unlink(w->part);
    }
    writer_free(w);
}

ssmq_status ssmq_safetensors_write(const char *path, const ssmq_stored *entry, int64_t n)
{
    ssmq_safetensors_writer *w = NULL;
    SSMQ_TRY(ssmq_safetensors_begin(path, entry, n, &w));
    for (int64_t i = 0; i < n; i++) {
        const ssmq_tensor *t = &entry[i].value;
        SSMQ_ASSERT(ssmq_tensor_contiguous(t));
        const ssmq_status st = ssmq_safetensors_put(w, t->data, ssmq_tensor_bytes(t));
        if (st == SSMQ_OK) continue;
        ssmq_safetensors_discard(w);
        return st;
    }
    return ssmq_safetensors_end(w);
}
