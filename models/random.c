#include "models/random.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/base/json.h"
#include "harness/base/rng.h"
#include "harness/data/safetensors.h"
#include "harness/tensor/dtype.h"

#define VOCABULARY_MULTIPLE 8
#define LAYER_TENSORS 10
#define DT_MIN 1e-3
#define DT_MAX 0.1

const char *const ssmq_random_names[] = {"mamba-130m", "mamba-370m", "mamba-790m",
                                         "mamba-1.4b", "mamba-2.8b", NULL};

const ssmq_random_shape ssmq_random_shapes[] = {
    {.name = "mamba-130m", .d_model = 768, .n_layer = 24, .vocab_size = 50277},
    {.name = "mamba-370m", .d_model = 1024, .n_layer = 48, .vocab_size = 50277},
    {.name = "mamba-790m", .d_model = 1536, .n_layer = 48, .vocab_size = 50277},
    {.name = "mamba-1.4b", .d_model = 2048, .n_layer = 48, .vocab_size = 50277},
    {.name = "mamba-2.8b", .d_model = 2560, .n_layer = 64, .vocab_size = 50277},
    {.name = NULL},
};

/* ---- values ----------------------------------------------------------------------------- */

typedef enum fill_kind { NORMAL, CONSTANT, LOG_COUNT, DT_BIAS } fill_kind;

typedef struct fill {
    fill_kind kind;
    double    scale; /* NORMAL: standard deviation; CONSTANT: the value */
} fill;

/* About normal with unit variance: four uniform 16-bit numbers summed, so that values are the same
 * on every machine and none is beyond 3.5. */
static double about_normal(ssmq_rng *r)
{
    const uint64_t bits = ssmq_rng_next(r);
    const int64_t  sum =
        (int64_t)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
    const double deviation = 65536.0 * 0.57735026918962576; /* sqrt(4/12) * 2^16 */
    return (double)(2 * sum - 4 * 0xffff) / (2 * deviation);
}

/* The v with softplus(v) = dt, dt log-uniform. */
static double dt_bias(ssmq_rng *r)
{
    const double dt = DT_MIN * exp(ssmq_rng_uniform(r) * log(DT_MAX / DT_MIN));
    return dt + log(-expm1(-dt));
}

/* Element i of a tensor whose last axis is N. */
static float draw(const fill *f, ssmq_rng *r, int64_t i, int64_t N)
{
    switch (f->kind) {
    case NORMAL: return (float)(f->scale * about_normal(r));
    case CONSTANT: return (float)f->scale;
    case LOG_COUNT: return (float)log((double)(i % N + 1));
    default: return (float)dt_bias(r);
    }
}

enum { PIECE = 8192 }; /* elements at a time */

typedef union piece {
    float    f32[PIECE];
    uint16_t half[PIECE];
} piece;

/* Narrows the first n values in place; returns their bytes. */
static size_t narrow(piece *p, int64_t n, ssmq_dtype dtype)
{
    for (int64_t i = 0; i < n && dtype != SSMQ_F32; i++) {
        const float v = p->f32[i]; /* half[i] overlaps only values that are done with */
        p->half[i] = dtype == SSMQ_F16 ? ssmq_f32_to_f16(v) : ssmq_f32_to_bf16(v);
    }
    return (size_t)n * (size_t)ssmq_dtype_bits(dtype) / 8;
}

/* Each tensor has a stream of random numbers of its own, named like it. */
static ssmq_status write_values(ssmq_safetensors_writer *w, const ssmq_stored *t, const fill *f,
                                uint64_t seed)
{
    piece         p;
    const int64_t count = ssmq_tensor_count(&t->value), N = t->value.dim[t->value.rank - 1];
    ssmq_rng      r;
    ssmq_rng_init(&r, seed, t->name);
    for (int64_t first = 0; first < count; first += PIECE) {
        const int64_t n = count - first < PIECE ? count - first : PIECE;
        for (int64_t i = 0; i < n; i++) p.f32[i] = draw(f, &r, first + i, N);
        SSMQ_TRY(ssmq_safetensors_put(w, &p, narrow(&p, n, t->value.dtype)));
    }
    return SSMQ_OK;
}

/* ---- tables ----------------------------------------------------------------------------- */

typedef struct table {
    ssmq_arena  *a;
    ssmq_stored *tensor;
    fill        *fill;
    int64_t      n;
} table;

static void add(table *t, const char *name, ssmq_dtype dtype, int32_t rank, const int64_t *dim,
                fill f)
{
    t->tensor[t->n] = (ssmq_stored){.name = name, .value = ssmq_tensor_of(NULL, dtype, rank, dim)};
    t->fill[t->n++] = f;
}

/* A tensor of a layer; dimensions of 0 are not there. */
static void add_layer(table *t, int64_t layer, const char *suffix, ssmq_dtype dtype, int64_t d0,
                      int64_t d1, int64_t d2, fill f)
{
    const char *name = ssmq_arena_printf(t->a, "backbone.layers.%" PRId64 ".%s", layer, suffix);
    add(t, name, dtype, d2 ? 3 : d1 ? 2 : 1, (const int64_t[]){d0, d1, d2}, f);
}

static fill normal(double variance)
{
    return (fill){NORMAL, sqrt(variance)};
}

static const fill ONE = {CONSTANT, 1.0};

/* The F32 tensors come first, so that all are aligned; see safetensors.h. */
static void list_tensors(table *t, const ssmq_random_shape *s)
{
    const int64_t D = s->d_model, E = s->expand * D, N = s->d_state, W = s->d_conv, R = s->dt_rank;
    const int64_t V =
        (s->vocab_size + VOCABULARY_MULTIPLE - 1) / VOCABULARY_MULTIPLE * VOCABULARY_MULTIPLE;
    const double d = (double)D, e = (double)E, layers = (double)s->n_layer;
    for (int64_t i = 0; i < s->n_layer; i++) {
        add_layer(t, i, "mixer.A_log", SSMQ_F32, E, N, 0, (fill){LOG_COUNT, 0});
        add_layer(t, i, "mixer.D", SSMQ_F32, E, 0, 0, ONE);
    }
    add(t, "backbone.embedding.weight", s->dtype, 2, (const int64_t[]){V, D}, normal(0.02 * 0.02));
    for (int64_t i = 0; i < s->n_layer; i++) {
        add_layer(t, i, "norm.weight", s->dtype, D, 0, 0, ONE);
        add_layer(t, i, "mixer.in_proj.weight", s->dtype, 2 * E, D, 0, normal(1 / d));
        add_layer(t, i, "mixer.conv1d.weight", s->dtype, E, 1, W, normal(1 / (double)W));
        add_layer(t, i, "mixer.conv1d.bias", s->dtype, E, 0, 0, normal(0.02 * 0.02));
        add_layer(t, i, "mixer.x_proj.weight", s->dtype, R + 2 * N, E, 0, normal(1 / e));
        add_layer(t, i, "mixer.dt_proj.weight", s->dtype, E, R, 0, normal(1 / (double)R));
        add_layer(t, i, "mixer.dt_proj.bias", s->dtype, E, 0, 0, (fill){DT_BIAS, 0});
        add_layer(t, i, "mixer.out_proj.weight", s->dtype, D, E, 0, normal(1 / (e * layers)));
    }
    add(t, "backbone.norm_f.weight", s->dtype, 1, &D, ONE);
    if (s->untied) add(t, "lm_head.weight", s->dtype, 2, (const int64_t[]){V, D}, normal(1 / d));
}

/* ---- shape and config ------------------------------------------------------------------- */

static ssmq_status within(const char *what, int64_t value, int64_t min, int64_t max)
{
    if (value >= min && value <= max) return SSMQ_OK;
    return SSMQ_FAIL(CONFIG, "random model: %s is %" PRId64 ", not within %" PRId64 " to %" PRId64,
                     what, value, min, max);
}

/* Fills in the defaults. */
static ssmq_status complete(ssmq_random_shape *s)
{
    SSMQ_TRY(within("d_model", s->d_model, 1, 1 << 20));
    SSMQ_TRY(within("n_layer", s->n_layer, 1, 10000));
    SSMQ_TRY(within("vocab_size", s->vocab_size, 1, 1 << 30));
    if (s->d_state == 0) s->d_state = 16;
    if (s->d_conv == 0) s->d_conv = 4;
    if (s->expand == 0) s->expand = 2;
    if (s->dt_rank == 0) s->dt_rank = (s->d_model + 15) / 16;
    SSMQ_TRY(within("d_state", s->d_state, 1, 4096));
    SSMQ_TRY(within("d_conv", s->d_conv, 2, 4));
    SSMQ_TRY(within("expand", s->expand, 1, 64));
    SSMQ_TRY(within("dt_rank", s->dt_rank, 1, 1 << 20));
    if (s->dtype == SSMQ_F32 || s->dtype == SSMQ_F16 || s->dtype == SSMQ_BF16) return SSMQ_OK;
    return SSMQ_FAIL(CONFIG, "random model: the dtype is %s, not f32, f16 or bf16",
                     ssmq_dtype_name(s->dtype));
}

static ssmq_status write_config(const char *path, const ssmq_random_shape *s)
{
    ssmq_str         text = {0};
    ssmq_json_writer w = {.out = &text};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_int(&w, "d_model", s->d_model);
    ssmq_json_put_int(&w, "n_layer", s->n_layer);
    ssmq_json_put_int(&w, "vocab_size", s->vocab_size);
    ssmq_json_begin_object(&w, "ssm_cfg");
    ssmq_json_put_int(&w, "d_state", s->d_state);
    ssmq_json_put_int(&w, "d_conv", s->d_conv);
    ssmq_json_put_int(&w, "expand", s->expand);
    ssmq_json_put_int(&w, "dt_rank", s->dt_rank);
    ssmq_json_end_object(&w);
    ssmq_json_put_bool(&w, "rms_norm", true);
    ssmq_json_put_bool(&w, "residual_in_fp32", true);
    ssmq_json_put_bool(&w, "fused_add_norm", true);
    ssmq_json_put_int(&w, "pad_vocab_size_multiple", VOCABULARY_MULTIPLE);
    ssmq_json_put_bool(&w, "tie_embeddings", !s->untied);
    ssmq_json_end_object(&w);
    const ssmq_status st = ssmq_file_write(path, ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    return st;
}

static ssmq_status write_weights(const char *path, const table *t, uint64_t seed)
{
    ssmq_safetensors_writer *w = NULL;
    SSMQ_TRY(ssmq_safetensors_begin(path, t->tensor, t->n, &w));
    for (int64_t i = 0; i < t->n; i++) {
        const ssmq_status st = write_values(w, &t->tensor[i], &t->fill[i], seed);
        if (st == SSMQ_OK) continue;
        ssmq_safetensors_discard(w);
        return st;
    }
    return ssmq_safetensors_end(w);
}

ssmq_status ssmq_random_mamba(const char *directory, const ssmq_random_shape *shape, uint64_t seed)
{
    ssmq_random_shape s = *shape;
    SSMQ_TRY(complete(&s));
    SSMQ_TRY(ssmq_make_directory(directory));
    table         t = {.a = ssmq_arena_new()};
    const int64_t room = LAYER_TENSORS * s.n_layer + 3;
    ssmq_status   st;
    t.tensor = SSMQ_ARENA_ARRAY(t.a, ssmq_stored, room);
    t.fill = SSMQ_ARENA_ARRAY(t.a, fill, room);
    list_tensors(&t, &s);
    SSMQ_ASSERT(t.n <= room);
    SSMQ_TRY_DONE(
        st, write_weights(ssmq_arena_printf(t.a, "%s/model.safetensors", directory), &t, seed));
    SSMQ_TRY_DONE(st, write_config(ssmq_arena_printf(t.a, "%s/config.json", directory), &s));
done:
    ssmq_arena_free(t.a);
    return st;
}

ssmq_status ssmq_random_named(const char *directory, const char *name, ssmq_dtype dtype, uint64_t seed)
{
    const ssmq_random_shape *s = ssmq_random_shapes;
    while (strcmp(s->name, name) != 0) s++;
    ssmq_random_shape shape = *s;
    shape.dtype = dtype;
    return ssmq_random_mamba(directory, &shape, seed);
}
