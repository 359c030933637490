#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/data/safetensors.h"
#include "harness/run/checkpoint/load.h"
#include "harness/tensor/dtype.h"
#include "models/families.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

#define NANO "tests/golden/nano/"

/* ---- a small family ---------------------------------------------------------------------- */

enum { TABLE, CONV, HEAD, N_WEIGHT };

static ssmq_status toy_describe(ssmq_model *m, const ssmq_json *config)
{
    static const ssmq_weight weights[N_WEIGHT] = {
        {.name = "table", .alias = "tables", .rank = 2, .dim = {4, 8}, .tied_to = -1},
        {.name = "conv", .rank = 3, .dim = {6, 1, 4}, .tied_to = -1},
        {.name = "head", .rank = 2, .dim = {4, 8}, .optional = true, .tied_to = TABLE},
    };
    static ssmq_site sites[] = {{.name = "in", .input = -1, .op = "linear"},
                                {.name = "layers.0.out", .input = -1, .op = "linear"}};
    int64_t          odd = 0;
    SSMQ_TRY(ssmq_json_int(config, "odd", false, 0, 1, &odd));
    m->weight = SSMQ_ARENA_ARRAY(m->arena, ssmq_weight, N_WEIGHT);
    memcpy(m->weight, weights, sizeof weights);
    m->n_weight = N_WEIGHT;
    m->site = sites;
    m->n_site = 2;
    return SSMQ_OK;
}

static const ssmq_family        toy = {.name = "toy", .describe = toy_describe};
static const ssmq_family        other = {.name = "other", .describe = toy_describe};
static const ssmq_family *const families[] = {&other, &toy, NULL};

/* The three tensors as a checkpoint may have them; tests change some. */
typedef struct parts {
    float       table[32], conv[24], head[32];
    ssmq_stored t[4];
    int64_t     n;
} parts;

static void fill(parts *p)
{
    for (int i = 0; i < 32; i++) p->head[i] = p->table[i] = (float)i - 7.25f;
    for (int i = 0; i < 24; i++) p->conv[i] = 1.0f / (float)(i + 1);
    p->t[TABLE] = (ssmq_stored){.name = "table", .value = SSMQ_TENSOR(p->table, SSMQ_F32, 4, 8)};
    p->t[CONV] = (ssmq_stored){.name = "conv", .value = SSMQ_TENSOR(p->conv, SSMQ_F32, 6, 1, 4)};
    p->t[HEAD] = (ssmq_stored){.name = "head", .value = SSMQ_TENSOR(p->head, SSMQ_F32, 4, 8)};
    p->n = 3;
}

static void write_parts(const scratch *s, const parts *p)
{
    static const char config[] = "{\"model_type\": \"toy\"}";
    scratch_write(s, "config.json", config, sizeof config - 1);
    CHECK_OK(ssmq_safetensors_write(scratch_path(s, "model.safetensors"), p->t, p->n));
}

static void loads(const scratch *s, const parts *p, ssmq_model **m, ssmq_checkpoint **c)
{
    write_parts(s, p);
    CHECK_OK(ssmq_model_load(families, s->path, m, c));
}

/* message: after the folder's path. */
static void refuses(const scratch *s, const parts *p, const char *message)
{
    ssmq_model      *m = NULL;
    ssmq_checkpoint *c = NULL;
    write_parts(s, p);
    CHECK_FAILS(ssmq_model_load(families, s->path, &m, &c), SSMQ_ERR_INPUT,
                ssmq_arena_printf(s->a, "%s%s", s->path, message));
    assert_null(m);
    assert_null(c);
}

/* ---- what is loaded ---------------------------------------------------------------------- */

static void test_in_place(void **state)
{
    const scratch   *s = *state;
    ssmq_model      *m = NULL;
    ssmq_checkpoint *c = NULL;
    parts            p;
    fill(&p);
    loads(s, &p, &m, &c);
    assert_string_equal(m->path, s->path);
    assert_ptr_equal(m->family, &toy);
    const ssmq_tensor *conv = &m->weight[CONV].value;
    assert_int_equal(conv->rank, 2); /* (E, 1, W) without its middle axis */
    assert_int_equal(conv->dim[0], 6);
    assert_int_equal(conv->dim[1], 4);
    assert_int_equal(conv->stride[0], 4);
    assert_string_equal(conv->name, "conv");
    assert_memory_equal(conv->data, p.conv, sizeof p.conv);
    /* Nothing was copied, and the tied head is the table. */
    assert_ptr_equal(conv->data, ssmq_checkpoint_find(c, "conv")->value.data);
    assert_ptr_equal(m->weight[HEAD].value.data, m->weight[TABLE].value.data);
    for (int i = 0; i < N_WEIGHT; i++) assert_false(m->weight[i].writable);
    ssmq_model_free(m);
    ssmq_checkpoint_close(c);
}

/* Each dtype, under the other name and without a head. */
static void check_converted(const scratch *s, ssmq_dtype dtype)
{
    ssmq_model      *m = NULL;
    ssmq_checkpoint *c = NULL;
    parts            p;
    uint16_t         half[32];
    double           wide[32];
    fill(&p);
    for (int i = 0; i < 32; i++) {
        half[i] = dtype == SSMQ_F16 ? ssmq_f32_to_f16(p.table[i]) : ssmq_f32_to_bf16(p.table[i]);
        wide[i] = (double)p.table[i];
    }
    void *values = dtype == SSMQ_F64 ? (void *)wide : dtype == SSMQ_F32 ? (void *)p.table : half;
    p.t[TABLE] = p.t[CONV];
    p.t[CONV] = (ssmq_stored){.name = "tables", .value = SSMQ_TENSOR(values, dtype, 4, 8)};
    p.n = 2;
    loads(s, &p, &m, &c);
    const float *v = ssmq_model_value(m, TABLE)->data;
    for (int i = 0; i < 32; i++) {
        const float expected = dtype == SSMQ_BF16 ? ssmq_bf16_to_f32(half[i]) : p.table[i];
        assert_true(v[i] == expected);
    }
    assert_int_equal(m->weight[TABLE].writable, dtype == SSMQ_F64);
    assert_int_equal(m->weight[TABLE].lent != NULL, dtype == SSMQ_F16 || dtype == SSMQ_BF16);
    assert_ptr_equal(m->weight[HEAD].lent, m->weight[TABLE].lent);
    if (dtype != SSMQ_F32) assert_int_equal((uintptr_t)v % 64, 0);
    assert_ptr_equal(m->weight[HEAD].value.data, v);
    assert_false(m->weight[HEAD].writable);
    ssmq_model_free(m);
    ssmq_checkpoint_close(c);
}

static void test_converted(void **state)
{
    check_converted(*state, SSMQ_F32);
    check_converted(*state, SSMQ_F16);
    check_converted(*state, SSMQ_BF16);
    check_converted(*state, SSMQ_F64);
}

/* F32 data at an odd address are copied: an odd number of bytes before them, as the format allows.
 */
static void test_misaligned(void **state)
{
    const scratch   *s = *state;
    ssmq_model      *m = NULL;
    ssmq_checkpoint *c = NULL;
    parts            p;
    fill(&p);
    write_parts(s, &p);
    blob   b = blob_read(scratch_path(s, "model.safetensors"));
    blob   moved = {.data = ssmq_must_malloc(b.size + 1), .size = b.size + 1};
    size_t header = 0;
    memcpy(&header, b.data, sizeof header);
    const size_t longer = header + 1; /* one more space after the header */
    memcpy(moved.data, &longer, sizeof longer);
    memcpy(moved.data + 8, b.data + 8, header);
    moved.data[8 + header] = ' ';
    memcpy(moved.data + 9 + header, b.data + 8 + header, b.size - 8 - header);
    scratch_write(s, "model.safetensors", moved.data, moved.size);
    CHECK_OK(ssmq_model_load(families, s->path, &m, &c));
    assert_true(m->weight[CONV].writable);
    assert_memory_equal(m->weight[CONV].value.data, p.conv, sizeof p.conv);
    assert_memory_equal(m->weight[HEAD].value.data, p.table, sizeof p.table);
    blob_free(&b);
    blob_free(&moved);
    ssmq_model_free(m);
    ssmq_checkpoint_close(c);
}

/* A model of 2^20 + 3 columns, so that conversion takes several pieces. */
#define WIDE ((INT64_C(1) << 20) + 3)

static ssmq_status wide_describe(ssmq_model *m, const ssmq_json *config)
{
    (void)config;
    m->weight = SSMQ_ARENA_ARRAY(m->arena, ssmq_weight, 2);
    m->weight[0] = (ssmq_weight){.name = "w", .rank = 2, .dim = {1, WIDE}, .tied_to = -1};
    m->weight[1] = m->weight[0];
    m->weight[1].name = "tied";
    m->weight[1].tied_to = 0;
    m->n_weight = 2;
    return SSMQ_OK;
}

static void test_pieces(void **state)
{
    const scratch                  *s = *state;
    static const ssmq_family        wide = {.name = "wide", .describe = wide_describe};
    static const ssmq_family *const list[] = {&wide, NULL};
    uint16_t                       *v = ssmq_must_malloc(WIDE * sizeof *v);
    ssmq_model                     *m = NULL;
    ssmq_checkpoint                *c = NULL;
    for (int64_t i = 0; i < WIDE; i++) v[i] = (uint16_t)(i % 0x7c00);
    ssmq_stored t[] = {{.name = "w", .value = SSMQ_TENSOR(v, SSMQ_F16, 1, WIDE)},
                       {.name = "tied", .value = SSMQ_TENSOR(v, SSMQ_F16, 1, WIDE)}};
    scratch_write(s, "config.json", "{\"model_type\": \"wide\"}", 22);
    CHECK_OK(ssmq_safetensors_write(scratch_path(s, "model.safetensors"), t, 2));
    CHECK_OK(ssmq_model_load(list, s->path, &m, &c));
    const ssmq_tensor *w = &m->weight[0].value;
    assert_int_equal(w->rank, 2); /* a first axis of length 1 stays */
    for (int64_t i = 0; i < WIDE; i++) assert_true(((float *)w->data)[i] == ssmq_f16_to_f32(v[i]));
    ssmq_model_free(m);
    ssmq_checkpoint_close(c);

    v[WIDE - 2] = 0xfc00;
    m = NULL;
    c = NULL;
    CHECK_OK(ssmq_safetensors_write(scratch_path(s, "model.safetensors"), t, 2));
    CHECK_FAILS(ssmq_model_load(list, s->path, &m, &c), SSMQ_ERR_INPUT,
                ssmq_arena_printf(s->a,
                                  "%s/model.safetensors: tensor 'w' is infinite in f32 at "
                                  "[0, 1048577]",
                                  s->path));
    free(v);
}

/* ---- what is refused --------------------------------------------------------------------- */

static void test_refused(void **state)
{
    const scratch *s = *state;
    parts          p;
    int32_t        integers[32] = {0};

    fill(&p);
    p.t[TABLE].value = SSMQ_TENSOR(p.table, SSMQ_F32, 8, 4);
    refuses(s, &p, "/model.safetensors: tensor 'table' has shape (8, 4), not (4, 8)");
    p.t[TABLE].value = SSMQ_TENSOR(p.table, SSMQ_F32, 32);
    refuses(s, &p, "/model.safetensors: tensor 'table' has shape (32), not (4, 8)");
    fill(&p);
    p.t[CONV].value = SSMQ_TENSOR(p.conv, SSMQ_F32, 6, 4);
    refuses(s, &p, "/model.safetensors: tensor 'conv' has shape (6, 4), not (6, 1, 4)");
    fill(&p);
    p.t[TABLE].value = SSMQ_TENSOR(integers, SSMQ_I32, 4, 8);
    refuses(s, &p,
            "/model.safetensors: tensor 'table' has dtype i32; weights are f32, f16, bf16 or f64");
    fill(&p);
    p.t[CONV].name = "convolution";
    refuses(s, &p, ": tensor 'conv' is missing");
    fill(&p);
    p.t[3] = (ssmq_stored){.name = "bias", .value = SSMQ_TENSOR(p.conv, SSMQ_F32, 6)};
    p.n = 4;
    refuses(s, &p, "/model.safetensors: tensor 'bias' is no weight of this toy model");
    p.t[3].name = "tables";
    refuses(s, &p, "/model.safetensors: tensor 'table' is there again as 'tables'");
}

static void test_values(void **state)
{
    const scratch *s = *state;
    parts          p;
    double         wide[24];
    fill(&p);
    p.conv[13] = NAN;
    refuses(s, &p, "/model.safetensors: tensor 'conv' is not a number at [3, 0, 1]");
    fill(&p);
    p.table[31] = -INFINITY;
    refuses(s, &p, "/model.safetensors: tensor 'table' is infinite in f32 at [3, 7]");
    fill(&p);
    for (int i = 0; i < 24; i++) wide[i] = i == 2 ? 1e39 : 1.0;
    p.t[CONV] = p.t[TABLE];
    p.t[TABLE] = (ssmq_stored){.name = "conv", .value = SSMQ_TENSOR(wide, SSMQ_F64, 6, 1, 4)};
    refuses(s, &p, "/model.safetensors: tensor 'conv' is infinite in f32 at [0, 0, 2]");
    fill(&p);
    p.head[5] = nextafterf(p.head[5], 100);
    refuses(s, &p,
            "/model.safetensors: tensor 'head' differs from 'table', to which the config ties it");
    fill(&p);
    p.head[5] = p.table[5] = 0.0f;
    p.head[5] = -0.0f; /* equal, but not bit for bit */
    refuses(s, &p,
            "/model.safetensors: tensor 'head' differs from 'table', to which the config ties it");
}

static void refuses_config(const scratch *s, const char *config, ssmq_status status,
                           const char *message)
{
    ssmq_model      *m = NULL;
    ssmq_checkpoint *c = NULL;
    scratch_write(s, "config.json", config, strlen(config));
    CHECK_FAILS(ssmq_model_load(families, s->path, &m, &c), status,
                ssmq_arena_printf(s->a, "%s/config.json: %s", s->path, message));
}

static void test_family(void **state)
{
    const scratch *s = *state;
    refuses_config(s, "{\"model_type\": \"llama\"}", SSMQ_ERR_UNSUPPORTED,
                   "model_type 'llama' is not supported; known: other, toy");
    refuses_config(s, "{\"model_type\": 7}", SSMQ_ERR_INPUT,
                   "'model_type' is an integer, not a string");
    refuses_config(
        s, "{}", SSMQ_ERR_INPUT,
        "has neither 'model_type' (Hugging Face) nor 'd_model' and 'n_layer' (state-spaces)");
    refuses_config(s, "{\"d_model\": 8, \"n_layer\": 1, \"ssm_cfg\": {\"layer\": \"Mamba2\"}}",
                   SSMQ_ERR_UNSUPPORTED, "ssm_cfg.layer 'Mamba2' is not supported; known: Mamba1");
    refuses_config(s, "{\"d_model\": 8, \"n_layer\": 1, \"ssm_cfg\": {\"layer\": \"Mamba1\"}}",
                   SSMQ_ERR_UNSUPPORTED, "model_type 'mamba' is not supported; known: other, toy");
    refuses_config(s, "{\"model_type\": \"toy\", \"odd\": 2}", SSMQ_ERR_INPUT,
                   "'odd' is 2, not within 0 to 1");
    ssmq_model      *m = NULL;
    ssmq_checkpoint *c = NULL;
    CHECK_FAILS(ssmq_model_load(families, "no/model", &m, &c), SSMQ_ERR_INPUT,
                "no/model/config.json: No such file or directory");
}

/* ---- models ------------------------------------------------------------------------------ */

static void test_writable(void **state)
{
    const scratch   *s = *state;
    ssmq_model      *m = NULL, *fork;
    ssmq_checkpoint *c = NULL;
    ssmq_tensor      w, again;
    parts            p;
    double           wide[32];
    fill(&p);
    for (int i = 0; i < 32; i++) wide[i] = (double)p.table[i];
    p.t[HEAD] = (ssmq_stored){.name = "table", .value = SSMQ_TENSOR(wide, SSMQ_F64, 4, 8)};
    p.t[TABLE] = p.t[CONV];
    p.t[CONV] = p.t[HEAD];
    p.n = 2;
    loads(s, &p, &m, &c);
    const float *base = m->weight[TABLE].value.data;
    const float  first = base[0];

    fork = ssmq_model_fork(m);
    assert_ptr_equal(fork->weight[TABLE].value.data, base);
    CHECK_OK(ssmq_model_writable(fork, TABLE, &w));
    assert_ptr_not_equal(w.data, base);
    assert_int_equal((uintptr_t)w.data % 64, 0);
    assert_memory_equal(w.data, base, sizeof p.table);
    ((float *)w.data)[0] = 99;
    CHECK_OK(ssmq_model_writable(fork, TABLE, &again)); /* once is enough */
    assert_ptr_equal(again.data, w.data);
    assert_true(base[0] == first);
    assert_ptr_equal(fork->weight[HEAD].value.data, base); /* the head keeps its values */
    CHECK_OK(ssmq_model_writable(fork, CONV, &w));
    ssmq_model_free(fork);

    /* Also where the model owns what a tied weight lends. */
    CHECK_OK(ssmq_model_writable(m, TABLE, &w));
    ((float *)w.data)[0] = 99;
    assert_true(((const float *)m->weight[HEAD].value.data)[0] == first);
    CHECK_OK(ssmq_model_writable(m, HEAD, &again));
    assert_ptr_not_equal(again.data, w.data);
    assert_int_equal(ssmq_model_site(m, "layers.0.out"), 1);
    assert_int_equal(ssmq_model_site(m, "layers.0"), -1);
    ssmq_model_free(m);
    ssmq_model_free(NULL);
    ssmq_checkpoint_close(c);
}

/* ---- 16 bits --------------------------------------------------------------------------- */

/* Values of a table in bf16 are there when they are asked for, as often as that is, for forks and for tied weights. */
static void test_lent(void **state)
{
    const scratch   *s = *state;
    ssmq_model      *m = NULL, *fork;
    ssmq_checkpoint *c = NULL;
    parts            p;
    uint16_t         half[32];
    float            some[5];
    ssmq_tensor      w;
    fill(&p);
    for (int i = 0; i < 32; i++) half[i] = ssmq_f32_to_bf16(p.table[i]);
    for (int i = 0; i < 32; i++) p.table[i] = ssmq_bf16_to_f32(half[i]);
    p.t[TABLE].value = SSMQ_TENSOR(half, SSMQ_BF16, 4, 8);
    p.n = 2; /* the head is the table's */
    loads(s, &p, &m, &c);
    fork = ssmq_model_fork(m);
    for (int round = 0; round < 3; round++) {
        assert_false(m->weight[TABLE].lent->present);
        ssmq_model_copy(m, TABLE, 9, 5, some);
        assert_memory_equal(some, p.table + 9, sizeof some);
        assert_false(m->weight[TABLE].lent->present);
        const ssmq_tensor *rows = ssmq_model_rows(m, TABLE);
        assert_int_equal(rows->dtype, SSMQ_BF16);
        assert_memory_equal(rows->data, half, sizeof half);
        const ssmq_tensor *v = ssmq_model_value(round == 1 ? fork : m, round == 2 ? HEAD : TABLE);
        assert_int_equal(v->dtype, SSMQ_F32);
        assert_memory_equal(v->data, p.table, sizeof p.table);
        assert_ptr_equal(ssmq_model_rows(m, TABLE)->data, v->data);
        ssmq_model_copy(m, TABLE, 9, 5, some);
        assert_memory_equal(some, p.table + 9, sizeof some);
        ssmq_model_forget(round == 2 ? fork : m, HEAD);
    }
    CHECK_OK(ssmq_model_writable(fork, TABLE, &w));
    assert_false(m->weight[TABLE].lent->present);
    assert_memory_equal(w.data, p.table, sizeof p.table);
    ssmq_model_forget(fork, TABLE); /* its own: they stay */
    assert_memory_equal(ssmq_model_value(fork, TABLE)->data, p.table, sizeof p.table);
    ssmq_model_free(fork);
    ssmq_model_free(m);
    ssmq_checkpoint_close(c);
}

/* ---- the real thing ---------------------------------------------------------------------- */

/* All layouts of one model give the same weights; the bf16 file its own roundings of them. */
static void test_nano(void **state)
{
    (void)state;
    static const char *const layouts[] = {NANO "state-spaces-safetensors", NANO "state-spaces-bin",
                                          NANO "hf-safetensors", NANO "hf-sharded/",
                                          NANO "hf-bin-bf16"};
    ssmq_model              *first = NULL;
    ssmq_checkpoint         *keep = NULL;
    CHECK_OK(ssmq_model_load(ssmq_families, layouts[0], &first, &keep));
    assert_int_equal(first->n_weight, 23);
    for (int i = 1; i < 5; i++) {
        ssmq_model      *m = NULL;
        ssmq_checkpoint *c = NULL;
        CHECK_OK(ssmq_model_load(ssmq_families, layouts[i], &m, &c));
        assert_int_equal(m->n_weight, first->n_weight);
        for (int32_t w = 0; w < m->n_weight; w++) {
            const ssmq_tensor *x = ssmq_model_value(first, w), *y = ssmq_model_value(m, w);
            const int64_t      n = ssmq_tensor_count(x);
            assert_string_equal(x->name, y->name);
            assert_int_equal(n, ssmq_tensor_count(y));
            const float *a = x->data, *b = y->data;
            for (int64_t k = 0; k < n;
                 k++) /* half a unit of bf16 is 2^-9 of the value; f16's is less */
                assert_true(i < 4 ? a[k] == b[k] : fabsf(a[k] - b[k]) <= 0x1p-8f * fabsf(a[k]));
        }
        ssmq_model_free(m);
        ssmq_checkpoint_close(c);
    }
    ssmq_model_free(first);
    ssmq_checkpoint_close(keep);
}

/* Damaged configs beside good weights: a status, and no model unless all fits. */
static void test_damaged(void **state)
{
    const scratch *s = *state;
    blob           b = blob_read(NANO "hf-safetensors/config.json");
    ssmq_rng       r;
    ssmq_rng_init(&r, test_seed(5), "damaged config");
    scratch_copy(s, NANO "hf-safetensors/model.safetensors", "model.safetensors");
    for (int i = 0; i < 500; i++) {
        blob             d = blob_damaged(&b, 0, b.size, &r);
        ssmq_model      *m = NULL;
        ssmq_checkpoint *c = NULL;
        scratch_write(s, "config.json", d.data, d.size);
        const ssmq_status st = ssmq_model_load(ssmq_families, s->path, &m, &c);
        assert_true(st == SSMQ_OK || st == SSMQ_ERR_INPUT || st == SSMQ_ERR_UNSUPPORTED);
        assert_true((st == SSMQ_OK) == (m != NULL));
        ssmq_model_free(m);
        ssmq_checkpoint_close(c);
        blob_free(&d);
    }
    blob_free(&b);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_in_place), IN_SCRATCH(test_converted), IN_SCRATCH(test_misaligned),
        IN_SCRATCH(test_pieces),   IN_SCRATCH(test_refused),   IN_SCRATCH(test_values),
        IN_SCRATCH(test_family),   IN_SCRATCH(test_writable), IN_SCRATCH(test_lent),  cmocka_unit_test(test_nano),
        IN_SCRATCH(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
