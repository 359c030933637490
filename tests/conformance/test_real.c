/* Real mode: the same numbers as fake mode, bit for bit, and a reason where there is no integer
 * kernel. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"
#include "tests/support/steps.h"

#define SEED 17u
#define BACKENDS 4
#define B 2
#define L 11

/* E = 48 = 12 * 2^2 and R + 2 N = 80; E = 40, W = 3 and odd sizes, with biases. */
static const char *const configs[] = {
    "{\"d_model\": 24, \"n_layer\": 2, \"vocab_size\": 67,"
    " \"ssm_cfg\": {\"d_state\": 38, \"dt_rank\": 4}}",
    "{\"model_type\": \"mamba\", \"hidden_size\": 20, \"num_hidden_layers\": 2, \"vocab_size\": 33,"
    " \"state_size\": 3, \"conv_kernel\": 3, \"use_bias\": true, \"tie_word_embeddings\": false}",
    NULL};

#define W &ssmq_method_weights
#define A &ssmq_method_activations
#define WIDE "'**.{in_proj,x_proj,out_proj}.weight'"
#define BF16 "bits: 16, format: bf16"
#define F16 "bits: 16, format: f16"
#define PERCENTILE "{sites: 'layers.*.scan.x', observer: {statistic: quantile, p: 99, across: ema}}"

static const struct {
    const char *name;
    test_step   step[6];
} recipes[] = {
    {"naive", {{W, NULL}, {A, NULL}}},
    {"in-per", {{W, NULL}, {A, NULL}, {A, PERCENTILE}}},
    {"out-had", {{&ssmq_method_hadamard, NULL}, {W, NULL}, {A, NULL}}},
    {"quamba", {{&ssmq_method_hadamard, NULL}, {W, NULL}, {A, NULL}, {A, PERCENTILE}}},
    {"smoothquant", {{&ssmq_method_smoothquant, NULL}, {W, NULL}, {A, NULL}}},
    {"quarot",
     {{&ssmq_method_rotate_residual, "{signs: random}"},
      {&ssmq_method_hadamard, "{signs: random}"},
      {W, "{scope: channel}"},
      {A, NULL}}},
    {"W4A6", {{W, "{bits: 4, scope: channel}"}, {A, "{bits: 6}"}}},
    {"gptq", {{W, NULL}, {&ssmq_method_gptq, "{bits: 4, scope: channel}"}, {A, NULL}}},
    {"W4A8 by group",
     {{W, NULL}, {W, "{bits: 4, scope: group, group: 4, sites: " WIDE "}"}, {A, NULL}}},
    {"W4A16", {{W, "{bits: 4, scope: group, group: 2, sites: '**.*_proj.weight'}"}}},
    {"W4A16 by tensor", {{W, "{bits: 4}"}}},
    {"W8A16", {{W, "{scope: channel}"}}},
    {"W8A16 by group", {{W, NULL}, {W, "{scope: group, group: 4, sites: " WIDE "}"}}},
    {"gptq by group",
     {{W, NULL},
      {&ssmq_method_gptq, "{bits: 4, scope: group, group: 4, sites: " WIDE "}"},
      {A, "{range: dynamic, scope: token}"}}},
    {"a range a token", {{W, NULL}, {A, "{range: dynamic, scope: token}"}}},
    {"a range a sequence", {{W, "{scope: channel}"}, {A, "{range: dynamic}"}}},
    {"zero points", {{W, NULL}, {A, "{symmetric: false}"}}},
    {"zero points, a range a token",
     {{W, NULL},
      {W, "{scope: group, group: 4, sites: " WIDE "}"},
      {A, "{symmetric: false, range: dynamic, scope: token}"}}},
    {"zero points, W4A8",
     {{&ssmq_method_hadamard, NULL},
      {W, "{bits: 4, scope: channel}"},
      {A, "{symmetric: false, bits: 8}"}}},
    {"smoothquant, zero points",
     {{&ssmq_method_smoothquant, NULL}, {W, NULL}, {A, "{symmetric: false}"}}},
    {"zero points of weights", {{W, "{symmetric: false, observer: {statistic: minmax}}"}, {A, NULL}}},
    {"zero points of rows of weights", {{W, "{symmetric: false, scope: channel}"}, {A, "{bits: 6}"}}},
    {"zero points of groups",
     {{W, "{symmetric: false}"},
      {W, "{bits: 4, symmetric: false, scope: group, group: 4, sites: " WIDE "}"},
      {A, "{range: dynamic, scope: token}"}}},
    {"zero points of both",
     {{W, "{symmetric: false, scope: channel}"},
      {W, "{symmetric: false, scope: group, group: 2, sites: '**.in_proj.weight'}"},
      {A, "{symmetric: false}"},
      {W, "{sites: head.weight, bits: 4, symmetric: false}"},
      {A, "{sites: head.in, symmetric: false, range: dynamic, scope: token}"}}},
    {"zero points of gptq",
     {{W, "{symmetric: false}"},
      {&ssmq_method_gptq, "{bits: 4, scope: group, group: 4, symmetric: false, sites: " WIDE "}"},
      {A, NULL}}},
    {"state in bytes", {{W, NULL}, {A, NULL}, {&ssmq_method_state, NULL}}},
    {"state in bytes by channel", {{W, NULL}, {A, NULL}, {&ssmq_method_state, "{scope: channel}"}}},
    {"state in half precision", {{W, NULL}, {A, NULL}, {&ssmq_method_state, "{format: f16}"}}},
    {"products only", {{W, "{sites: '**.in_proj.weight'}"}, {A, "{sites: '**.in_proj.in'}"}}},
    {"head", {{W, "{sites: 'head.weight'}"}, {A, "{sites: 'head.in'}"}}},
    {"head in 8 bits",
     {{W, NULL}, {A, NULL}, {W, "{sites: head.weight, scope: channel}"}, {A, "{sites: head.in}"}}},
    {"head in bf16", {{W, NULL}, {A, NULL}, {W, "{sites: head.weight, " BF16 "}"}}},
    {"head and its input in bf16",
     {{W, NULL}, {A, NULL}, {W, "{sites: head.weight, " BF16 "}"}, {A, "{sites: head.in, " BF16 "}"}}},
    {"weights in bf16", {{W, "{sites: '**', " BF16 "}"}}},
    {"weights in f16", {{W, "{sites: '**', " F16 "}"}}},
    {"all in bf16",
     {{W, "{sites: '**', " BF16 "}"}, {A, "{sites: '**', " BF16 "}"}, {&ssmq_method_state, "{format: bf16}"}}},
    {"all in f16",
     {{W, "{sites: '**', " F16 "}"}, {A, "{sites: '**', " F16 "}"}, {&ssmq_method_state, "{format: f16}"}}},
    {"activations in bf16", {{A, "{sites: '**', " BF16 "}"}}},
    {"W8 with activations in bf16", {{W, NULL}, {A, "{" BF16 "}"}}},
    {"W4 by group with activations in f16",
     {{W, NULL}, {W, "{bits: 4, scope: group, group: 4, sites: " WIDE "}"}, {A, "{" F16 "}"}}},
    {"weights of the scan",
     {{W, "{sites: '**.scan.*'}"},
      {A, "{sites: '**.scan.x'}"},
      {W, "{sites: '**.x_proj.weight'}"}}},
};

static void check_logits(const test_backend *b, const ssmq_model *m, const ssmq_plan *plan,
                         const char *recipe, int32_t chunk)
{
    int32_t token[B * L];
    test_tokens(token, B * L, m->vocabulary, SEED);
    float *fake = test_logits_in(b->be, m, plan, SSMQ_MODE_FAKE, token, B, L, chunk);
    float *real = test_logits_in(b->be, m, plan, SSMQ_MODE_REAL, token, B, L, chunk);
    for (int64_t i = 0; i < B * L * m->vocabulary; i++)
        if (memcmp(&real[i], &fake[i], sizeof(float)) != 0)
            fail_msg("%s, %s, pieces of %d: logit %d is %.9g in real mode, %.9g in fake", b->name,
                     recipe, chunk, (int)i, (double)real[i], (double)fake[i]);
    free(fake);
    free(real);
}

/* Ranges of whole sequences are not those of their pieces, which then give other numbers in both
 * modes. */
static bool is_whole(const char *recipe)
{
    return strcmp(recipe, "a range a sequence") == 0;
}

static void real_is_fake(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    for (int c = 0; configs[c]; c++) {
        ssmq_model *m = test_drawn_model(configs[c], SEED);
        for (int32_t i = 0; i < n; i++)
            for (size_t r = 0; r < sizeof recipes / sizeof *recipes; r++) {
                test_applied a = test_apply(m, b[i].be, recipes[r].step, SEED);
                check_logits(&b[i], a.m, a.r.plan, recipes[r].name, L);
                if (!is_whole(recipes[r].name))
                    check_logits(&b[i], a.m, a.r.plan, recipes[r].name, 1);
                test_applied_free(&a);
            }
        ssmq_model_free(m);
    }
    test_backends_close(b, n);
}

/* Each method of the registry, by default: alone, before W8A8 and behind it.  Those that the check refuses, or that have
 * no kernel, are left out; outliers have none at all. */
static void every_method_is_the_same_in_both_modes(void **state)
{
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    ssmq_model   *m = test_drawn_model(configs[0], SEED);
    (void)state;
    for (int32_t k = 0; ssmq_methods[k]; k++)
        for (int32_t i = 0; i < n; i++) {
            const test_step it = {ssmq_methods[k], NULL};
            const test_step orders[][4] = {{it}, {it, {W, NULL}, {A, NULL}}, {{W, NULL}, {A, NULL}, it}};
            int             ran = 0;
            for (int o = 0; o < 3; o++) {
                ssmq_status why;
                if (test_outline(m, orders[o], &why) >= 0) continue;
                test_applied a = test_apply(m, b[i].be, orders[o], SEED);
                if (test_has_kernels(b[i].be, &a)) {
                    check_logits(&b[i], a.m, a.r.plan, ssmq_methods[k]->name, L);
                    ran++;
                }
                test_applied_free(&a);
            }
            if (!ran && ssmq_methods[k] != &ssmq_method_outliers)
                fail_msg("%s has no real mode on %s", ssmq_methods[k]->name, b[i].name);
        }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* ---- half precision --------------------------------------------------------------------- */

/* A fork of a model whose weights are rounded by hand. */
static ssmq_model *rounded(const ssmq_model *base, ssmq_dtype dtype)
{
    ssmq_model *m = ssmq_model_fork(base);
    for (int32_t i = 0; i < m->n_site; i++) {
        ssmq_tensor value;
        if (m->site[i].weight < 0) continue;
        CHECK_OK(ssmq_model_writable(m, m->site[i].weight, &value));
        float *v = value.data;
        for (int64_t k = 0; k < ssmq_tensor_count(&value); k++) {
            uint16_t half;
            ssmq_from_f32(&half, dtype, &v[k], 1);
            ssmq_to_f32(&v[k], &half, dtype, 1);
        }
    }
    return m;
}

/* Weights in half precision are rounded weights, bit for bit, and take two bytes each in real mode. */
static void check_half(const test_backend *b, const ssmq_model *m, const char *options, ssmq_dtype dtype)
{
    const test_step steps[] = {{W, options}, {NULL, NULL}};
    test_applied    a = test_apply(m, b->be, steps, SEED);
    ssmq_model     *by_hand = rounded(m, dtype);
    int32_t         token[B * L];
    test_tokens(token, B * L, m->vocabulary, SEED);
    float *want = test_logits_in(b->be, by_hand, NULL, SSMQ_MODE_FLOAT, token, B, L, L);
    for (int mode = SSMQ_MODE_FAKE; mode <= SSMQ_MODE_REAL; mode++) {
        float *got = test_logits_in(b->be, a.m, a.r.plan, (ssmq_mode)mode, token, B, L, L);
        if (memcmp(got, want, (size_t)(B * L * m->vocabulary) * sizeof *got) != 0)
            fail_msg("%s, %s, mode %s", b->name, options, ssmq_modes[mode]);
        free(got);
    }
    free(want);
    ssmq_model_free(by_hand);
    test_applied_free(&a);
}

static void half_precision_is_rounding(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    for (int c = 0; configs[c]; c++) {
        ssmq_model *m = test_drawn_model(configs[c], SEED);
        for (int32_t i = 0; i < n; i++) {
            check_half(&b[i], m, "{sites: '**', " BF16 "}", SSMQ_BF16);
            check_half(&b[i], m, "{sites: '**', " F16 "}", SSMQ_F16);
        }
        ssmq_model_free(m);
    }
    test_backends_close(b, n);
}

/* Of the head's V x 24 weights: two bytes for each in rows of whole cache lines, and no floats beside them. */
static void half_precision_is_two_bytes(void **state)
{
    static const test_step head[] = {{W, "{sites: head.weight, " BF16 "}"}, {NULL, NULL}};
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 1);
    ssmq_model   *m = test_drawn_model(configs[0], SEED);
    for (int32_t i = 0; i < n; i++) {
        test_applied a = test_apply(m, b[i].be, head, SEED);
        float        row[24] = {0}, logit[128];
        ssmq_exec   *ex;
        assert_in_range(m->vocabulary, 67, 128);
        ssmq_tensor x = SSMQ_TENSOR(row, SSMQ_F32, 1, 24), y = SSMQ_TENSOR(logit, SSMQ_F32, 1, m->vocabulary);
        CHECK_OK(ssmq_exec_open(b[i].be, a.m, a.r.plan, SSMQ_MODE_REAL, &ex));
        CHECK_OK(m->family->head(a.m, ex, &x, &y));
        assert_in_range(ssmq_exec_weight_bytes(ex), m->vocabulary * 24 * 2, m->vocabulary * 64);
        ssmq_exec_close(ex);
        test_applied_free(&a);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* ---- the state ------------------------------------------------------------------------ */

static void check_state(const test_backend *b, const ssmq_model *m, const char *options,
                        ssmq_dtype in_real)
{
    const test_step steps[] = {{W, NULL}, {A, NULL}, {&ssmq_method_state, options}, {NULL, NULL}};
    test_applied    a = test_apply(m, b->be, steps, SEED);
    for (int mode = SSMQ_MODE_FAKE; mode <= SSMQ_MODE_REAL; mode++) {
        ssmq_exec *ex;
        CHECK_OK(ssmq_exec_open(b->be, a.m, a.r.plan, (ssmq_mode)mode, &ex));
        assert_int_equal(ssmq_exec_state_dtype(ex, test_site(m, "layers.1.scan.state")),
                         mode == SSMQ_MODE_REAL ? in_real : SSMQ_F32);
        ssmq_exec_close(ex);
    }
    test_applied_free(&a);
}

/* Real mode keeps it in as few bytes as the plan says; real_is_fake() shows that no number changes
 * by it. */
static void the_state_is_kept_as_it_is_rounded(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    ssmq_model   *m = test_drawn_model(configs[0], SEED);
    const int32_t n = test_backends_open(b, BACKENDS, 1);
    check_state(&b[0], m, "{bits: off}", SSMQ_F32);
    check_state(&b[0], m, "{}", SSMQ_I8);
    check_state(&b[0], m, "{bits: 6, scope: channel}", SSMQ_I8);
    check_state(&b[0], m, "{format: f16}", SSMQ_F16);
    check_state(&b[0], m, "{format: bf16}", SSMQ_BF16);
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* ---- parts ------------------------------------------------------------------------------- */

#define LONG 150        /* tokens, which products of codes take through a layer in two parts */
#define LONG_FLOATS 300 /* the same of floats */

static bool is_whole_or_has_codes(const char *recipe)
{
    return strcmp(recipe, "quamba") == 0 || is_whole(recipe) || strcmp(recipe, "state in bytes") == 0;
}

static bool is_of_floats(const char *recipe)
{
    return strcmp(recipe, "W4A16") == 0 || strcmp(recipe, "W8A16") == 0;
}

/* steps NULL: the model as it is, in float mode. */
static void check_parts(const test_backend *b, const ssmq_model *m, const test_step *steps, const char *recipe,
                        const int32_t *token, int32_t length)
{
    static const test_step none[] = {{0}};
    const size_t           bytes = (size_t)(B * length * m->vocabulary) * sizeof(float);
    test_applied           a = test_apply(m, b->be, steps ? steps : none, SEED);
    const ssmq_plan       *plan = steps ? a.r.plan : NULL;
    float                 *whole = test_logits_seen(b->be, a.m, plan, token, B, length);
    for (ssmq_mode mode = steps ? SSMQ_MODE_FAKE : SSMQ_MODE_FLOAT;
         mode <= (steps ? SSMQ_MODE_REAL : SSMQ_MODE_FLOAT); mode++) {
        float *parts = test_logits_in(b->be, a.m, plan, mode, token, B, length, length);
        if (memcmp(parts, whole, bytes) != 0) fail_msg("%s, %s, %s", b->name, recipe, ssmq_modes[mode]);
        free(parts);
    }
    free(whole);
    test_applied_free(&a);
}

static void check_parts_of(bool (*such)(const char *recipe), int32_t length)
{
    test_backend  b[BACKENDS];
    int32_t       token[B * LONG_FLOATS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    ssmq_model   *m = test_drawn_model(configs[0], SEED);
    test_tokens(token, B * length, m->vocabulary, SEED);
    for (int32_t i = 0; i < n; i++) {
        for (size_t r = 0; r < sizeof recipes / sizeof *recipes; r++)
            if (such(recipes[r].name)) check_parts(&b[i], m, recipes[r].step, recipes[r].name, token, length);
        if (length == LONG_FLOATS) check_parts(&b[i], m, NULL, "none", token, length);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

static void parts_change_no_bit(void **state)
{
    (void)state;
    check_parts_of(is_whole_or_has_codes, LONG);
}

static void parts_of_floats_change_no_bit(void **state)
{
    (void)state;
    check_parts_of(is_of_floats, LONG_FLOATS);
}

/* Of the residual of one token in the second part of the second sequence. */
static void a_bad_value_in_a_part_is_named(void **state)
{
    static const test_step products[] = {{W, "{sites: '**.in_proj.weight'}"},
                                         {A, "{sites: '**.in_proj.in'}"},
                                         {0}};
    (void)state;
    test_backend  b[BACKENDS];
    int32_t       token[B * LONG] = {0};
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    ssmq_model   *m = test_drawn_model(configs[0], SEED);
    token[LONG + 140] = 1;
    for (int32_t i = 0; i < 2 * n; i++) {
        ssmq_backend *be = b[i / 2].be;
        test_applied  a = test_apply(m, be, products, SEED);
        ssmq_tensor   embedding, hidden;
        ssmq_exec    *ex;
        void         *st = NULL;
        int32_t       w = 0;
        while (strcmp(a.m->weight[w].name, "backbone.embedding.weight") != 0) w++;
        CHECK_OK(ssmq_model_writable(a.m, w, &embedding));
        ((float *)embedding.data)[embedding.stride[0] + 3] = INFINITY;
        CHECK_OK(ssmq_exec_open(be, a.m, a.r.plan, i % 2 ? SSMQ_MODE_REAL : SSMQ_MODE_FAKE, &ex));
        CHECK_OK(m->family->state_new(a.m, ex, B, &st));
        CHECK_FAILS(m->family->forward(a.m, ex, &(ssmq_batch){token, B, LONG}, st, &hidden), SSMQ_ERR_NUMERIC,
                    "layers.0.in_proj.in is nan at sequence 1, token 140, channel 3; layer and site are "
                    "the first where a value is not finite");
        m->family->state_free(a.m, ex, st);
        ssmq_exec_close(ex);
        test_applied_free(&a);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* ---- products ---------------------------------------------------------------------------- */

/* M rows of K codes as bytes and as floats. */
static void draw_codes(int64_t n, int8_t *byte, float *value, uint64_t seed)
{
    int32_t *v = malloc((size_t)n * sizeof *v);
    test_tokens(v, (int32_t)n, 256, seed);
    for (int64_t i = 0; i < n; i++) {
        byte[i] = (int8_t)(seed % 3 ? v[i] - 128 : -128); /* or all of them the largest */
        value[i] = byte[i];
    }
    free(v);
}

/* Sums of fewer than 1025 products of codes are whole numbers below 2^24, whatever the order:
 * floats hold them exactly, so that both ways give the same. */
static void whole_numbers_are_float_sums(void **state)
{
    enum { M = 5, N = 21, K_MAX = 1024 };
    static int8_t bx[M * K_MAX], bw[N * K_MAX];
    static float  fx[M * K_MAX], fw[N * K_MAX], y[M * N], z[M * N], bias[N];
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    (void)state;
    for (int i = 0; i < N; i++) bias[i] = 0.37f * (float)(i - 9);
    for (uint64_t seed = 1; seed < 40; seed++) {
        const int64_t K = seed % 3 == 0 ? K_MAX : (int64_t)(1 + seed * 53 % K_MAX);
        draw_codes(M * K, bx, fx, seed);
        draw_codes(N * K, bw, fw, seed * 3 + seed % 2);
        const ssmq_tensor x8 = SSMQ_TENSOR(bx, SSMQ_I8, M, K), w8 = SSMQ_TENSOR(bw, SSMQ_I8, N, K);
        const ssmq_tensor xf = SSMQ_TENSOR(fx, SSMQ_F32, M, K),
                          wf = SSMQ_TENSOR(fw, SSMQ_F32, N, K);
        const ssmq_tensor   tb = SSMQ_TENSOR(bias, SSMQ_F32, N);
        const ssmq_epilogue e = {.scale = 0.0123f, .bias = &tb};
        for (int32_t i = 0; i < n; i++) {
            ssmq_backend *be = b[i].be;
            ssmq_tensor   ty = SSMQ_TENSOR(y, SSMQ_F32, M, N), tz = SSMQ_TENSOR(z, SSMQ_F32, M, N);
            ssmq_packed   packed;
            CHECK_OK(be->ops->linear(be, &ty, &xf, &wf));
            CHECK_OK(be->ops->epilogue(be, &ty, &e));
            CHECK_OK(be->ops->pack_i8(be, &w8, &packed));
            CHECK_OK(be->ops->linear_i8(be, &tz, &x8, &packed, &e));
            be->ops->free(be, packed.data);
            if (memcmp(y, z, sizeof y) != 0) fail_msg("%s, K %d: sums differ", b[i].name, (int)K);
        }
    }
    test_backends_close(b, n);
}

/* ---- zero points of weights --------------------------------------------------------------- */

static const test_step zero_points[][3] = {
    {{W, "{sites: '**.in_proj.weight', symmetric: false, observer: {statistic: minmax}}"}, {A, "{sites: '**.in_proj.in'}"}},
    {{W, "{sites: '**.in_proj.weight', symmetric: false, scope: channel}"},
     {A, "{sites: '**.in_proj.in', symmetric: false, range: dynamic, scope: token}"}},
    {{W, "{sites: '**.in_proj.weight', symmetric: false, bits: 4, scope: group, group: 5}"},
     {A, "{sites: '**.in_proj.in', symmetric: false}"}},
};

/* Codes of both factors are multiplied in whole numbers, which come to the product of the real numbers that they stand
 * for, summed in float64: both values of a term are rounded, then products with a scale, a row's and a column's, or with
 * those of four groups and their sum; a term passes through 8 such roundings at most. */
static void check_zero_points(const test_backend *b, const ssmq_model *m, const test_step *steps)
{
    enum { D = 20, N = 80 };
    test_applied       a = test_apply(m, b->be, steps, SEED);
    const int32_t      site = test_site(m, "layers.0.in_proj.in"), site_w = test_site(m, "layers.0.in_proj.weight");
    float              in[3 * D], y[3 * N];
    ssmq_tensor        x = SSMQ_TENSOR(in, SSMQ_F32, 1, 3, D), real = x, out = SSMQ_TENSOR(y, SSMQ_F32, 1, 3, N);
    float              copy[3 * D];
    const ssmq_tensor *w;
    ssmq_exec         *ex, *other;
    int32_t            token[3 * D];
    int64_t            clamped[N] = {0};
    test_tokens(token, 3 * D, 201, SEED);
    for (int i = 0; i < 3 * D; i++) copy[i] = in[i] = 0.01f * (float)(token[i] - 70);
    CHECK_OK(ssmq_exec_open(b->be, a.m, a.r.plan, SSMQ_MODE_REAL, &ex));
    CHECK_OK(ssmq_exec_open(b->be, a.m, a.r.plan, SSMQ_MODE_FAKE, &other));
    assert_true(ssmq_exec_is_integer(ex, site_w) && ssmq_exec_is_integer(other, site_w));
    CHECK_OK(ssmq_exec_site(ex, site, &x));
    CHECK_OK(ssmq_exec_linear(ex, &out, site, site_w, -1, &x, NULL));
    real = SSMQ_TENSOR(copy, SSMQ_F32, 3, D);
    CHECK_OK(ssmq_exec_recode(other, site, &real, NULL));
    CHECK_OK(ssmq_exec_recode_weight(other, site_w, &w, clamped));
    for (int i = 0; i < 3 * N; i++) {
        double sum = 0, all = 0;
        for (int k = 0; k < D; k++) {
            const double term = (double)copy[i / N * D + k] * (double)((const float *)w->data)[i % N * D + k];
            sum += term;
            all += fabs(term);
        }
        if (!(fabs((double)y[i] - sum) <= 8 * 0x1p-24 * all + 1e-30))
            fail_msg("%s: element %d is %.9g, not %.9g", b->name, i, (double)y[i], sum);
    }
    ssmq_exec_close(other);
    ssmq_exec_close(ex);
    test_applied_free(&a);
}

static void zero_points_of_weights_are_taken_off(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    ssmq_model   *m = test_drawn_model(configs[1], SEED);
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    for (int32_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof zero_points / sizeof *zero_points; k++) check_zero_points(&b[i], m, zero_points[k]);
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* ---- what is refused --------------------------------------------------------------------- */

static const struct {
    test_step   step[4];
    const char *message; /* behind "mode real: " */
} refused[] = {
    {{{W, "{scope: group, group: 2, sites: '**.conv.weight'}"}},
     "layers.0.conv.weight: no integer kernel for this scope"},
    {{{W, "{symmetric: false}"}},
     "layers.0.in_proj.weight: no integer kernel for zero points of weights behind activations in floating point"},
    {{{W, "{bits: 16}"}},
     "layers.0.in_proj.weight: no integer kernel for codes that are not integers of at most 8 "
     "bits"},
    {{{W, "{bits: 9}"}},
     "layers.0.in_proj.weight: no integer kernel for codes that are not integers of at most 8 "
     "bits"},
    {{{W, NULL}, {A, "{bits: 9}"}},
     "layers.0.in_proj.in: no integer kernel for codes that are not integers of at most 8 bits"},
    {{{W, "{format: e4m3}"}},
     "layers.0.in_proj.weight: no integer kernel for codes that are not integers of at most 8 "
     "bits"},
    {{{W, "{product_dtype: f16}"}, {A, NULL}},
     "layers.0.in_proj.weight: no integer kernel for products in half precision"},
    {{{A, "{scope: channel}"}}, "layers.0.in_proj.in: no integer kernel for this scope"},
    {{{A, NULL}},
     "layers.0.in_proj.weight: no kernel for a product of codes, layers.0.in_proj.in, with a "
     "weight in floating "
     "point"},
    {{{W, NULL}, {A, NULL}, {&ssmq_method_state, "{bits: 12}"}},
     "layers.0.scan.state: no integer kernel for codes that are not integers of at most 8 bits"},
    {{{W, "{" BF16 "}"}, {A, NULL}},
     "layers.0.in_proj.weight: no kernel for a product of codes, layers.0.in_proj.in, with a "
     "weight in floating "
     "point"},
    {{{&ssmq_method_outliers, NULL}, {W, "{" BF16 "}"}},
     "layers.0.in_proj.weight: no integer kernel for channels that stay in floating point"},
    {{{&ssmq_method_outliers, NULL}, {W, NULL}, {A, NULL}},
     "layers.0.in_proj.in: no integer kernel for channels that stay in floating point"},
};

static void what_has_no_kernel_is_refused(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    ssmq_model   *m = test_drawn_model(configs[0], SEED);
    const int32_t n = test_backends_open(b, BACKENDS, 1);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        test_applied a = test_apply(m, b[0].be, refused[i].step, SEED);
        ssmq_exec   *ex;
        char         expected[256];
        snprintf(expected, sizeof expected, "mode real: %s", refused[i].message);
        assert_int_equal(ssmq_exec_open(b[0].be, a.m, a.r.plan, SSMQ_MODE_REAL, &ex),
                         SSMQ_ERR_UNSUPPORTED);
        assert_string_equal(ssmq_error_last()->message, expected);
        test_applied_free(&a);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_is_the_same_in_both_modes),
        cmocka_unit_test(real_is_fake),
        cmocka_unit_test(half_precision_is_rounding),
        cmocka_unit_test(half_precision_is_two_bytes),
        cmocka_unit_test(the_state_is_kept_as_it_is_rounded),
        cmocka_unit_test(parts_change_no_bit),
        cmocka_unit_test(parts_of_floats_change_no_bit),
        cmocka_unit_test(a_bad_value_in_a_part_is_named),
        cmocka_unit_test(whole_numbers_are_float_sums),
        cmocka_unit_test(zero_points_of_weights_are_taken_off),
        cmocka_unit_test(what_has_no_kernel_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
