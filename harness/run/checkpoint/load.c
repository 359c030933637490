#include "harness/run/checkpoint/load.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/base/str.h"
#include "harness/run/checkpoint/quantized.h"
#include "harness/tensor/dtype.h"

/* Elements converted at a time: small enough for the cache, and what bounds the stored pages
 * that are resident besides the converted ones. */
#define CHUNK ((int64_t)1 << 18)

typedef struct loader {
    ssmq_model            *m;
    const ssmq_checkpoint *c;
    const ssmq_stored    **stored; /* [m->n_weight]; NULL: not stored, taken from tied_to */
    const bool            *elsewhere; /* [m->n_weight]: is what stands for the weight stored otherwise?  NULL: of none */
    const char            *others;    /* what names of tensors that are no weights begin with; NULL: there are none   */
} loader;

static bool is_elsewhere(const loader *l, int32_t i)
{
    return l->elsewhere && l->elsewhere[i];
}

/* ---- which tensor is which weight ------------------------------------------------------- */

static ssmq_status check_tensor(const ssmq_weight *w, const ssmq_stored *t)
{
    const ssmq_tensor wanted = ssmq_tensor_of(NULL, SSMQ_F32, w->rank, w->dim);
    char              text[2][SSMQ_SHAPE_TEXT];
    if (t->value.rank != w->rank ||
        memcmp(t->value.dim, w->dim, (size_t)w->rank * sizeof *w->dim) != 0)
        return SSMQ_FAIL(INPUT, "%s: tensor '%s' has shape %s, not %s", t->file, t->name,
                         ssmq_tensor_shape(&t->value, text[0], SSMQ_SHAPE_TEXT),
                         ssmq_tensor_shape(&wanted, text[1], SSMQ_SHAPE_TEXT));
    switch (t->value.dtype) {
    case SSMQ_F32:
    case SSMQ_F16:
    case SSMQ_BF16:
    case SSMQ_F64: return SSMQ_OK;
    default:
        return SSMQ_FAIL(INPUT, "%s: tensor '%s' has dtype %s; weights are f32, f16, bf16 or f64",
                         t->file, t->name, ssmq_dtype_name(t->value.dtype));
    }
}

static ssmq_status find_weight(loader *l, int32_t i)
{
    const ssmq_weight *w = &l->m->weight[i];
    if (is_elsewhere(l, i)) return SSMQ_OK;
    const ssmq_stored *t = ssmq_checkpoint_find(l->c, w->name);
    const ssmq_stored *other = w->alias ? ssmq_checkpoint_find(l->c, w->alias) : NULL;
    if (t && other)
        return SSMQ_FAIL(INPUT, "%s: tensor '%s' is there again as '%s'", other->file, t->name,
                         other->name);
    l->stored[i] = t ? t : other;
    if (l->stored[i]) return check_tensor(w, l->stored[i]);
    SSMQ_ASSERT(!w->optional || w->tied_to >= 0);
    if (w->optional) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: tensor '%s' is missing", l->m->path, w->name);
}

/* Nothing is stored that no weight took. */
static ssmq_status check_extra(const loader *l)
{
    const int32_t n = ssmq_checkpoint_count(l->c);
    bool         *taken = calloc((size_t)n + 1, sizeof *taken);
    int32_t       extra = 0;
    if (!taken) return SSMQ_FAIL(MEMORY, "%s: no memory for %d tensors", l->m->path, n);
    for (int32_t i = 0; i < l->m->n_weight; i++)
        if (l->stored[i]) taken[l->stored[i] - ssmq_checkpoint_at(l->c, 0)] = true;
    while (extra < n && (taken[extra] || (l->others && ssmq_str_starts(ssmq_checkpoint_at(l->c, extra)->name, l->others))))
        extra++;
    free(taken);
    if (extra == n) return SSMQ_OK;
    const ssmq_stored *t = ssmq_checkpoint_at(l->c, extra);
    return SSMQ_FAIL(INPUT, "%s: tensor '%s' is no weight of this %s model", t->file, t->name,
                     l->m->family->name);
}

/* ---- values ----------------------------------------------------------------------------- */

/* Are all n values finite?  In integers, so that compilers vectorise it. */
static bool all_finite(const float *v, int64_t n)
{
    uint32_t bad = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &v[i], sizeof bits);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !bad;
}

/* "[3, 5]": where element i of a tensor is. */
static void index_text(const ssmq_tensor *t, int64_t i, char text[SSMQ_SHAPE_TEXT])
{
    size_t used = (size_t)snprintf(text, SSMQ_SHAPE_TEXT, "[");
    for (int32_t a = 0; a < t->rank; a++)
        used += (size_t)snprintf(text + used, SSMQ_SHAPE_TEXT - used, "%s%" PRId64, a ? ", " : "",
                                 i / t->stride[a] % t->dim[a]);
    snprintf(text + used, SSMQ_SHAPE_TEXT - used, "]");
}

/* n values of t, from element first on, as float32. */
static ssmq_status check_finite(const ssmq_stored *t, const float *v, int64_t first, int64_t n)
{
    if (all_finite(v, n)) return SSMQ_OK;
    int64_t i = 0;
    while (isfinite(v[i])) i++;
    char at[SSMQ_SHAPE_TEXT];
    index_text(&t->value, first + i, at);
    return SSMQ_FAIL(INPUT, "%s: tensor '%s' is %s at %s", t->file, t->name,
                     isnan(v[i]) ? "not a number" : "infinite in f32", at);
}

/* Elements [first, first + n) of a stored tensor. */
static ssmq_stored part_of(const ssmq_stored *t, int64_t first, int64_t n)
{
    const int64_t element = ssmq_dtype_bits(t->value.dtype) / 8;
    ssmq_stored   part = *t;
    part.value = ssmq_tensor_of((char *)t->value.data + first * element, t->value.dtype, 1, &n);
    return part;
}

/* Converts a tensor piece by piece, giving the stored pages back behind it, so that they and the
 * converted ones are not resident together. */
static ssmq_status convert(const loader *l, const ssmq_stored *t, float *to)
{
    const int64_t count = ssmq_tensor_count(&t->value);
    for (int64_t first = 0; first < count; first += CHUNK) {
        const int64_t     n = count - first < CHUNK ? count - first : CHUNK;
        const ssmq_stored part = part_of(t, first, n);
        ssmq_to_f32(to + first, part.value.data, part.value.dtype, n);
        ssmq_checkpoint_forget(l->c, &part);
        SSMQ_TRY(check_finite(t, to + first, first, n));
    }
    return SSMQ_OK;
}

/* Looks at values that stay where they lie, piece by piece, giving back the pages behind.  room: [CHUNK], or NULL for
 * those that are floats. */
static ssmq_status look_through(const loader *l, const ssmq_stored *t, float *room)
{
    const int64_t count = ssmq_tensor_count(&t->value);
    for (int64_t first = 0; first < count; first += CHUNK) {
        const int64_t     n = count - first < CHUNK ? count - first : CHUNK;
        const ssmq_stored part = part_of(t, first, n);
        if (room) ssmq_to_f32(room, part.value.data, part.value.dtype, n);
        SSMQ_TRY(check_finite(t, room ? room : part.value.data, first, n));
        ssmq_checkpoint_forget(l->c, &part);
    }
    return SSMQ_OK;
}

/* What products or an embedding read, nearly all of a model, stays in 16 bits where the file has it so. */
static bool is_lent(const ssmq_model *m, int32_t weight, ssmq_dtype dtype)
{
    if (dtype != SSMQ_F16 && dtype != SSMQ_BF16) return false;
    for (int32_t i = 0; i < m->n_site; i++)
        if (m->site[i].weight == weight)
            return strcmp(m->site[i].op, "linear") == 0 || strcmp(m->site[i].op, "embedding") == 0;
    return false;
}

static ssmq_status lend(const loader *l, int32_t i)
{
    const ssmq_stored *t = l->stored[i];
    float             *room = malloc((size_t)CHUNK * sizeof *room);
    if (!room) return SSMQ_FAIL(MEMORY, "%s: no memory to convert '%s'", t->file, t->name);
    const ssmq_status st = look_through(l, t, room);
    free(room);
    SSMQ_TRY(st);
    return ssmq_model_lend(l->m, i, t->value.data, t->value.dtype);
}

static ssmq_status fill(const loader *l, int32_t i)
{
    const ssmq_stored *t = l->stored[i];
    void              *data = t->value.data;
    if (t->value.dtype == SSMQ_F32 && (uintptr_t)data % _Alignof(float) == 0) {
        l->m->weight[i].value.data = data; /* lent by the mapping */
        l->m->weight[i].mapped = true;
        return look_through(l, t, NULL);
    }
    if (is_lent(l->m, i, t->value.dtype)) return lend(l, i);
    ssmq_tensor own;
    SSMQ_TRY(ssmq_model_own(l->m, i, &own));
    return convert(l, t, own.data);
}

/* A stored tied tensor must repeat what it is tied to. */
static ssmq_status compare(const loader *l, const ssmq_stored *t, int32_t tied)
{
    const int64_t count = ssmq_tensor_count(&t->value);
    float        *buffer = malloc((size_t)(2 * CHUNK) * sizeof *buffer), *other = buffer + CHUNK;
    bool          equal = true;
    if (!buffer) return SSMQ_FAIL(MEMORY, "%s: no memory to convert '%s'", t->file, t->name);
    for (int64_t first = 0; equal && first < count; first += CHUNK) {
        const int64_t     n = count - first < CHUNK ? count - first : CHUNK;
        const ssmq_stored part = part_of(t, first, n);
        ssmq_to_f32(buffer, part.value.data, part.value.dtype, n);
        ssmq_checkpoint_forget(l->c, &part);
        ssmq_model_copy(l->m, tied, first, n, other);
        equal = memcmp(buffer, other, (size_t)n * sizeof *buffer) == 0;
    }
    free(buffer);
    if (equal) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: tensor '%s' differs from '%s', to which the config ties it",
                     t->file, t->name, l->m->weight[tied].name);
}

static ssmq_status fill_tied(const loader *l, int32_t i)
{
    ssmq_weight       *w = &l->m->weight[i];
    const ssmq_weight *tied = &l->m->weight[w->tied_to];
    const ssmq_stored *t = l->stored[i], *other = l->stored[w->tied_to];
    SSMQ_ASSERT(tied->tied_to < 0);
    SSMQ_ASSERT(ssmq_tensor_count(&tied->value) == ssmq_tensor_count(&w->value));
    const bool shared = t && t->value.data == other->value.data &&
                        t->value.dtype == other->value.dtype; /* one storage, two names */
    if (t && !shared) SSMQ_TRY(compare(l, t, w->tied_to));
    w->value.data = tied->value.data;
    w->lent = tied->lent;
    return SSMQ_OK;
}

/* ---- the whole -------------------------------------------------------------------------- */

static ssmq_status fill_all(loader *l)
{
    for (int32_t i = 0; i < l->m->n_weight; i++) SSMQ_TRY(find_weight(l, i));
    SSMQ_TRY(check_extra(l));
    for (int32_t i = 0; i < l->m->n_weight; i++)
        if (l->m->weight[i].tied_to < 0 && !is_elsewhere(l, i)) SSMQ_TRY(fill(l, i));
    for (int32_t i = 0; i < l->m->n_weight; i++) {
        if (l->m->weight[i].tied_to < 0 || is_elsewhere(l, i)) continue;
        /* A method may have given a tied weight values of its own. */
        if (l->elsewhere && l->stored[i]) SSMQ_TRY(fill(l, i));
        else SSMQ_TRY(fill_tied(l, i));
    }
    return SSMQ_OK;
}

ssmq_status ssmq_model_fill(ssmq_model *m, const ssmq_checkpoint *c, const bool *elsewhere, const char *others)
{
    ssmq_arena *a = ssmq_arena_new();
    loader      l = {.m = m, .c = c, .elsewhere = elsewhere, .others = others};
    l.stored = SSMQ_ARENA_ARRAY(a, const ssmq_stored *, m->n_weight);
    const ssmq_status st = fill_all(&l);
    ssmq_arena_free(a);
    return st;
}

ssmq_status ssmq_model_read(const ssmq_family *const *families, const char *directory,
                            ssmq_model **out)
{
    ssmq_json config = {0};
    SSMQ_TRY(ssmq_checkpoint_config(directory, &config));
    const ssmq_status st = ssmq_model_describe(families, directory, &config, out);
    ssmq_json_close(&config);
    return st;
}

ssmq_status ssmq_model_load(const ssmq_family *const *families, const char *directory,
                            ssmq_model **model, ssmq_checkpoint **checkpoint)
{
    ssmq_model      *m = NULL;
    ssmq_checkpoint *c = NULL;
    ssmq_status      st;
    if (ssmq_quantized_is(directory))
        return SSMQ_FAIL(UNSUPPORTED,
                         "%s is a quantised checkpoint, which ssmq generate, chat and profile run; here the one that it "
                         "was made of is wanted",
                         directory);
    SSMQ_TRY_DONE(st, ssmq_model_read(families, directory, &m));
    SSMQ_TRY_DONE(st, ssmq_checkpoint_open(directory, &c));
    SSMQ_TRY_DONE(st, ssmq_model_fill(m, c, NULL, NULL));
    *model = m;
    *checkpoint = c;
    m = NULL;
    c = NULL;
done:
    ssmq_model_free(m);
    ssmq_checkpoint_close(c);
    return st;
}
