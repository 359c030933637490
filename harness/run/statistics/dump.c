#include "harness/run/statistics/dump.h"
#include "harness/run/resume.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/run/statistics/site_family.h"

#define CHUNK_TOKENS 64
#define CHUNK_BYTES (1 << 20)    /* what HDF5 holds of a dataset while it is written            */
#define FILE_BYTES (64 << 10)    /* root, texts about the run, axes                             */
#define DATASET_BYTES (6 << 10)  /* of the file's own, for values, scales and zero points       */
#define OF_CHUNK_BYTES 64        /* checksum and place in the index                             */

struct ssmq_dump {
    ssmq_dump_source source;
    ssmq_store      *store;
    ssmq_arena      *arena;
    int64_t          samples, tokens; /* of those that there are */
    void            *values;          /* a sample at a site: [1, tokens, ...] of the dtype */
    const char     **path;            /* [n_site] of the site's values; NULL: not dumped */
    int64_t         *known;           /* [n_site] samples that were taken from the journal */
};

static const ssmq_dump_spec *spec_of(const ssmq_dump *d)
{
    return d->source.spec->dump;
}

static ssmq_dtype dtype_of(const ssmq_dump_spec *spec)
{
    static const ssmq_dtype dtypes[] = {
        [SSMQ_DUMP_F32] = SSMQ_F32, [SSMQ_DUMP_F16] = SSMQ_F16, [SSMQ_DUMP_CODES] = SSMQ_I8};
    return dtypes[spec->dtype];
}

/* ---- shapes and sizes ------------------------------------------------------------------ */

/* A site's values as a dataset, and the pieces that it is stored in: of a token or an output as many that
 * they are of one size. */
static ssmq_tensor shape_of(const ssmq_dump_spec *spec, const ssmq_model *m, int32_t site,
                            int64_t chunk[SSMQ_RANK_MAX])
{
    const ssmq_site_shape shape = ssmq_site_shape_of(m, site);
    const bool            weight = m->site[site].kind == SSMQ_SITE_WEIGHT;
    int64_t               dim[SSMQ_RANK_MAX];
    int32_t               rank = 0;
    if (!weight) dim[rank++] = spec->samples;
    if (!weight) dim[rank++] = spec->tokens;
    else if (shape.rows > 1) dim[rank++] = shape.rows;
    dim[rank++] = shape.channels;
    if (shape.inner > 1 || strstr(shape.axes, ",state") || strstr(shape.axes, ",tap"))
        dim[rank++] = shape.inner;
    const ssmq_tensor t = ssmq_tensor_of(NULL, dtype_of(spec), rank, dim);
    const int32_t     cut = weight ? 0 : 1; /* the axis that is cut */
    int64_t           row = ssmq_dtype_bits(t.dtype) / 8;
    for (int32_t i = 0; i < rank; i++) chunk[i] = i < cut ? 1 : dim[i];
    for (int32_t i = cut + 1; i < rank; i++) row *= dim[i];
    int64_t most = weight ? dim[cut] : CHUNK_TOKENS;
    if (most > CHUNK_BYTES / row) most = CHUNK_BYTES / row > 0 ? CHUNK_BYTES / row : 1;
    const int64_t pieces = (dim[cut] + most - 1) / most;
    chunk[cut] = (dim[cut] + pieces - 1) / pieces;
    return t;
}

int64_t ssmq_dump_size(const ssmq_dump_spec *spec, const ssmq_model *m)
{
    int64_t bytes = FILE_BYTES + spec->samples * (spec->tokens * 4 + 64) + spec->tokens * 4;
    for (int32_t i = 0; i < m->n_site; i++) {
        int64_t chunk[SSMQ_RANK_MAX], pieces = 1, piece = 1;
        if (!ssmq_selects(spec->sites, &m->site[i])) continue;
        const ssmq_tensor t = shape_of(spec, m, i, chunk);
        for (int32_t a = 0; a < t.rank; a++) {
            pieces *= (t.dim[a] + chunk[a] - 1) / chunk[a];
            piece *= chunk[a];
        }
        bytes += DATASET_BYTES + pieces * (piece * ssmq_dtype_bits(t.dtype) / 8 + OF_CHUNK_BYTES);
        /* Axes of the site, and where a channel or a group has them, scales and zero points. */
        for (int32_t a = 0; a < t.rank; a++) bytes += t.dim[a] * 4;
        if (spec->dtype == SSMQ_DUMP_CODES) bytes += 12 * ssmq_tensor_count(&t) / t.dim[t.rank - 1];
        if (spec->dtype == SSMQ_DUMP_CODES) bytes += 12 * t.dim[t.rank - 1];
    }
    return bytes;
}

const char *ssmq_dump_no_codes(const ssmq_plan *plan, int32_t site)
{
    const ssmq_qspec *s = plan ? &plan->at[site].spec : NULL;
    if (!s || s->bits == 0) return "it is left in floating point";
    if (s->format != SSMQ_FORMAT_INT) return "its format is not int";
    if (s->bits > 8) return "its codes have more than 8 bits";
    if (s->dynamic) return "its range is dynamic, so it has no scale to be stored beside them";
    if (ssmq_plan_keep(plan, site)) return "some of its channels stay in floating point";
    return NULL;
}

/* ---- what is in the file from the start ------------------------------------------------ */

static ssmq_status put_index(ssmq_dump *d, const char *path, int64_t n, const char *long_name)
{
    int32_t *index = SSMQ_ARENA_ARRAY(d->arena, int32_t, n);
    for (int64_t i = 0; i < n; i++) index[i] = (int32_t)i;
    const ssmq_tensor t = SSMQ_TENSOR(index, SSMQ_I32, n);
    return ssmq_store_scale(d->store, path, &t, "", long_name);
}

/* Tokens, documents and lengths of the samples. */
static ssmq_status put_samples(ssmq_dump *d)
{
    const int64_t     n = d->samples, T = d->tokens;
    int32_t          *token = SSMQ_ARENA_ARRAY(d->arena, int32_t, n * T);
    int32_t          *length = SSMQ_ARENA_ARRAY(d->arena, int32_t, n);
    int64_t          *document = SSMQ_ARENA_ARRAY(d->arena, int64_t, n);
    const char *const on[] = {"/axis/sample", "/axis/token"};
    for (int64_t i = 0; i < n; i++) {
        const ssmq_sample *s = &d->source.samples->sample[i];
        length[i] = (int32_t)(s->length < T ? s->length : T);
        document[i] = s->document;
        for (int64_t t = 0; t < T; t++) token[i * T + t] = t < length[i] ? s->token[t] : -1;
    }
    SSMQ_TRY(put_index(d, on[0], n, "calibration sample, from 0"));
    SSMQ_TRY(put_index(d, on[1], T, "token of the sample, from 0"));
    ssmq_tensor t = SSMQ_TENSOR(token, SSMQ_I32, n, T);
    SSMQ_TRY(ssmq_store_tensor(d->store, "/dump/tokens", &t, on, "",
                               "id of the token; -1: the sample is shorter"));
    t = SSMQ_TENSOR(length, SSMQ_I32, n);
    SSMQ_TRY(ssmq_store_tensor(d->store, "/dump/length", &t, on, "token",
                               "tokens of the sample whose values are here"));
    t = SSMQ_TENSOR(document, SSMQ_I64, n);
    return ssmq_store_tensor(d->store, "/dump/document", &t, on, "",
                             "document of the data file, from 0");
}

/* The paths of the scales of a site's axes; those of its own are made with it. */
static ssmq_status put_axes(ssmq_dump *d, const char *group, const ssmq_tensor *shape,
                            const char *axes, const char *scale[SSMQ_RANK_MAX])
{
    for (int32_t i = 0; i < shape->rank; i++) {
        const size_t n = strcspn(axes, ",");
        const char  *name = ssmq_arena_strndup(d->arena, axes, n);
        const bool   shared = strcmp(name, "sample") == 0 || strcmp(name, "token") == 0;
        scale[i] = ssmq_arena_printf(d->arena, "%s/%s", shared ? "/axis" : group, name);
        if (!shared && !ssmq_store_has(d->store, scale[i]))
            SSMQ_TRY(put_index(d, scale[i], shape->dim[i],
                               ssmq_arena_printf(d->arena, "%s, from 0", name)));
        axes += n + (axes[n] == ',');
    }
    return SSMQ_OK;
}

static ssmq_status put_units(ssmq_dump *d, const char *group, const ssmq_tensor *units,
                             const char *name, const char *long_name)
{
    const int64_t n = ssmq_tensor_count(units);
    const char   *path = ssmq_arena_printf(d->arena, "%s/%s", group, name);
    const char   *axis = ssmq_arena_printf(d->arena, "%s/unit", group);
    if (n == 1) {
        const ssmq_tensor one = ssmq_tensor_of(units->data, units->dtype, 0, NULL);
        return ssmq_store_tensor(d->store, path, &one, NULL, "", long_name);
    }
    if (!ssmq_store_has(d->store, axis))
        SSMQ_TRY(put_index(d, axis, n, "what shares a scale: rows, groups row by row, or channels"));
    const ssmq_tensor flat = ssmq_tensor_of(units->data, units->dtype, 1, &n);
    return ssmq_store_tensor(d->store, path, &flat, &axis, "", long_name);
}

/* What codes have to be known with: a real number is scale * (code - zero_point). */
static ssmq_status put_scales(ssmq_dump *d, const char *group, int32_t site)
{
    const ssmq_assignment *a = &d->source.plan->at[site];
    SSMQ_TRY(put_units(d, group, &a->params.scale, "scale",
                       "scale: a real number is scale * (code - zero_point)"));
    if (a->params.zero.data)
        SSMQ_TRY(put_units(d, group, &a->params.zero, "zero_point", "code of the real number 0"));
    SSMQ_TRY(ssmq_store_attribute_int(d->store, group, "bits", a->spec.bits));
    SSMQ_TRY(ssmq_store_attribute_text(d->store, group, "scope", ssmq_scopes[a->spec.scope]));
    return ssmq_store_attribute_text(d->store, group, "rounding", ssmq_roundings[a->spec.rounding]);
}

static ssmq_status write_weight(ssmq_dump *d, int32_t site, const ssmq_tensor *shape);

static ssmq_status put_site(ssmq_dump *d, int32_t site, int64_t *total)
{
    const ssmq_model      *m = d->source.model;
    const ssmq_site_shape  s = ssmq_site_shape_of(m, site);
    const ssmq_site_family f = ssmq_site_family_of(m, site, d->arena);
    int64_t                chunk[SSMQ_RANK_MAX];
    const char            *scale[SSMQ_RANK_MAX];
    const ssmq_tensor      shape = shape_of(spec_of(d), m, site, chunk);
    const char *group = ssmq_arena_printf(d->arena, "/dump/%s", f.name);
    const char *layer = ssmq_arena_printf(d->arena, "%s/layer_%d", group, m->site[site].layer);
    if (!ssmq_store_has(d->store, group)) {
        SSMQ_TRY(ssmq_store_group(d->store, group));
        SSMQ_TRY(ssmq_store_attribute_text(d->store, group, "shape_meaning", s.axes));
    }
    SSMQ_TRY(put_axes(d, group, &shape, s.axes, scale));
    d->path[site] = ssmq_arena_printf(d->arena, "%s/values", layer);
    const bool codes = spec_of(d)->dtype == SSMQ_DUMP_CODES;
    SSMQ_TRY(ssmq_store_reserve(d->store, d->path[site], &shape, chunk, scale, "",
                                codes ? "code; 0 from the sample's length on"
                                      : "value before it is quantised; NaN: the sample is shorter"));
    if (codes) SSMQ_TRY(put_scales(d, layer, site));
    *total += (int64_t)ssmq_tensor_bytes(&shape);
    return m->site[site].kind == SSMQ_SITE_WEIGHT ? write_weight(d, site, &shape) : SSMQ_OK;
}

static ssmq_status begin(ssmq_dump *d, const char *path)
{
    const ssmq_model *m = d->source.model;
    int64_t           total = 0, most = 0;
    SSMQ_TRY(ssmq_store_create(path, &d->store));
    SSMQ_TRY(ssmq_store_group(d->store, "/dump"));
    if (d->samples > 0) SSMQ_TRY(put_samples(d));
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_site_shape s = ssmq_site_shape_of(m, i);
        if (!ssmq_dumps(d->source.spec, &m->site[i]) || m->site[i].kind == SSMQ_SITE_WEIGHT) continue;
        if (s.channels * s.inner > most) most = s.channels * s.inner;
    }
    d->values = malloc((size_t)(d->tokens * most) * sizeof(float) + 1);
    if (!d->values) return SSMQ_FAIL(MEMORY, "no memory for the dump of a sample");
    for (int32_t i = 0; i < m->n_site; i++)
        if (ssmq_dumps(d->source.spec, &m->site[i])) SSMQ_TRY(put_site(d, i, &total));
    return ssmq_store_attribute_int(d->store, "/dump", "bytes_total", total);
}

ssmq_status ssmq_dump_open(const ssmq_dump_source *source, const char *path, ssmq_dump **out)
{
    const ssmq_dump_spec *spec = source->spec->dump;
    ssmq_dump            *d = ssmq_must_malloc(sizeof *d);
    *d = (ssmq_dump){.source = *source, .arena = ssmq_arena_new()};
    d->path = SSMQ_ARENA_ARRAY(d->arena, const char *, source->model->n_site);
    d->known = SSMQ_ARENA_ARRAY(d->arena, int64_t, source->model->n_site);
    if (source->samples) {
        SSMQ_ASSERT(spec->samples <= source->samples->n);
        d->samples = spec->samples;
        d->tokens = spec->tokens;
    }
    const ssmq_status st = begin(d, path);
    if (st != SSMQ_OK) ssmq_dump_discard(d);
    else *out = d;
    return st;
}

/* ---- values ---------------------------------------------------------------------------- */

/* n values of x, which follow each other, as f32 or f16 from element at on. */
static void convert(ssmq_dump_dtype dtype, const float *x, int64_t n, void *to, int64_t at)
{
    if (dtype == SSMQ_DUMP_F32) {
        memcpy((float *)to + at, x, (size_t)n * sizeof *x);
        return;
    }
    for (int64_t i = 0; i < n; i++) ((uint16_t *)to)[at + i] = ssmq_f32_to_f16(x[i]);
}

/* What stands where a sample has ended. */
static void pad(const ssmq_dump *d, int64_t from, int64_t n)
{
    static const float missing = NAN;
    const ssmq_dump_dtype dtype = spec_of(d)->dtype;
    if (dtype == SSMQ_DUMP_CODES) memset((int8_t *)d->values + from, 0, (size_t)(n - from));
    else
        for (int64_t i = from; i < n; i++) convert(dtype, &missing, 1, d->values, i);
}

/* The codes of some rows (n, ...) of x, which the site's quantiser would make. */
static ssmq_status encode(ssmq_dump *d, int32_t site, const ssmq_tensor *x, int64_t n)
{
    const ssmq_assignment *a = &d->source.plan->at[site];
    ssmq_backend          *be = d->source.be;
    const int64_t          width = ssmq_tensor_count(x) / x->dim[0];
    for (int64_t t = 0; t < n; t++) { /* a state under scope channel has a scale for each row of a token */
        const ssmq_tensor from = ssmq_tensor_slice(x, 0, t, 1);
        ssmq_tensor       to = ssmq_tensor_of((int8_t *)d->values + t * width, SSMQ_I8, x->rank, from.dim);
        SSMQ_TRY(be->ops->quantize(be, &to, &from, &a->spec, &a->params));
    }
    return SSMQ_OK;
}

/* A sample's tokens as rows: (L, C) or (L, E, N). */
static ssmq_tensor tokens_of(const ssmq_tensor *x)
{
    ssmq_tensor t = *x;
    SSMQ_ASSERT(x->dim[0] == 1);
    t.rank--;
    for (int32_t i = 0; i < t.rank; i++) {
        t.dim[i] = x->dim[i + 1];
        t.stride[i] = x->stride[i + 1];
    }
    return t;
}

bool ssmq_dump_wants(const ssmq_dump *d, int32_t site, int64_t sample)
{
    return d && d->path[site] && sample >= d->known[site] && sample < d->samples;
}

/* A sample at a site, whose values are in d->values. */
static ssmq_tensor sample_of(const ssmq_dump *d, int32_t site)
{
    int64_t     chunk[SSMQ_RANK_MAX];
    ssmq_tensor part = shape_of(spec_of(d), d->source.model, site, chunk);
    part.dim[0] = 1;
    part.data = d->values;
    return part;
}

static ssmq_status fill_sample(ssmq_dump *d, int32_t site, int64_t sample)
{
    const ssmq_tensor part = sample_of(d, site);
    return ssmq_store_fill(d->store, d->path[site], (const int64_t[]){sample, 0, 0, 0}, &part);
}

/* What the journal calls a site's values. */
static const char *stage_of(const ssmq_dump *d, int32_t site)
{
    return ssmq_arena_printf(d->arena, "dump of %s", d->source.model->site[site].name);
}

/* In the order in which they were shown, which decides where they lie in the file. */
ssmq_status ssmq_dump_resume(ssmq_dump *d, int32_t first, int32_t end)
{
    const ssmq_model  *m = d->source.model;
    ssmq_journal_entry e;
    for (int64_t s = 0; s < d->samples; s++)
        for (int32_t i = first; i < end; i++) {
            if (!d->path[i] || m->site[i].kind == SSMQ_SITE_WEIGHT) continue;
            const ssmq_tensor part = sample_of(d, i);
            const size_t      bytes = ssmq_tensor_bytes(&part);
            if (!ssmq_resume_find(d->source.listener, stage_of(d, i), s, NULL, bytes, &e)) return SSMQ_OK;
            memcpy(d->values, e.data, bytes);
            SSMQ_TRY(fill_sample(d, i, s));
            d->known[i] = s + 1;
        }
    return SSMQ_OK;
}

ssmq_status ssmq_dump_see(ssmq_dump *d, int32_t site, int64_t sample, const ssmq_tensor *x)
{
    const ssmq_tensor tokens = tokens_of(x);
    const int64_t     L = tokens.dim[0], n = L < d->tokens ? L : d->tokens;
    const int64_t     width = ssmq_tensor_count(&tokens) / L;
    const ssmq_tensor part = sample_of(d, site);
    SSMQ_ASSERT(ssmq_dump_wants(d, site, sample));
    if (spec_of(d)->dtype == SSMQ_DUMP_CODES) {
        SSMQ_TRY(encode(d, site, &tokens, n));
    } else {
        for (int64_t t = 0; t < n; t++)
            convert(spec_of(d)->dtype, (const float *)tokens.data + t * tokens.stride[0], width,
                    d->values, t * width);
    }
    pad(d, n * width, d->tokens * width);
    SSMQ_TRY(fill_sample(d, site, sample));
    return ssmq_resume_keep(d->source.listener, stage_of(d, site), sample, NULL, d->values,
                            ssmq_tensor_bytes(&part));
}

/* A weight's codes: those that a method solved, else the nearest ones. */
static ssmq_status encode_weight(ssmq_dump *d, int32_t site, const ssmq_tensor *w, void *to)
{
    const ssmq_assignment *a = &d->source.plan->at[site];
    ssmq_tensor            code = ssmq_tensor_of(to, SSMQ_I8, w->rank, w->dim);
    if (!a->codes.data)
        return d->source.be->ops->quantize(d->source.be, &code, w, &a->spec, &a->params);
    memcpy(to, a->codes.data, ssmq_tensor_bytes(&code));
    return SSMQ_OK;
}

static ssmq_status write_weight(ssmq_dump *d, int32_t site, const ssmq_tensor *shape)
{
    const ssmq_model  *m = d->source.model;
    const ssmq_tensor *w = ssmq_model_value(m, m->site[site].weight);
    ssmq_tensor        all = *shape;
    ssmq_status        st = SSMQ_OK;
    SSMQ_ASSERT(ssmq_tensor_contiguous(w) && ssmq_tensor_count(w) == ssmq_tensor_count(shape));
    all.data = malloc(ssmq_tensor_bytes(shape));
    if (!all.data) return SSMQ_FAIL(MEMORY, "no memory for the dump of %s", m->site[site].name);
    if (spec_of(d)->dtype == SSMQ_DUMP_CODES) st = encode_weight(d, site, w, all.data);
    else convert(spec_of(d)->dtype, w->data, ssmq_tensor_count(w), all.data, 0);
    if (st == SSMQ_OK)
        st = ssmq_store_fill(d->store, d->path[site], (const int64_t[]){0, 0, 0, 0}, &all);
    free(all.data);
    ssmq_model_forget(m, m->site[site].weight);
    return st;
}

/* ---- the end --------------------------------------------------------------------------- */

ssmq_store *ssmq_dump_store(ssmq_dump *d)
{
    return d->store;
}

static void release(ssmq_dump *d)
{
    free(d->values);
    ssmq_arena_free(d->arena);
    free(d);
}

ssmq_status ssmq_dump_seal(ssmq_dump *d)
{
    const ssmq_status st = ssmq_store_seal(d->store);
    release(d);
    return st;
}

void ssmq_dump_discard(ssmq_dump *d)
{
    if (!d) return;
    ssmq_store_discard(d->store);
    release(d);
}
