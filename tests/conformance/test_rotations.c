/* Rotations: random signs, the residual stream turned in the weights, and both together (QuaRot). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/tensor/hadamard.h"
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/steps.h"

#define SEED 6u
#define BACKENDS 4
#define TIED                                                                                  \
    "{\"d_model\": 24, \"n_layer\": 2, \"vocab_size\": 40, \"ssm_cfg\": {\"d_state\": 5}}"
#define BIASED                                                                                \
    "{\"model_type\": \"mamba\", \"hidden_size\": 20, \"num_hidden_layers\": 2, "             \
    "\"vocab_size\": 33, \"state_size\": 3, \"conv_kernel\": 3, \"use_bias\": true, "         \
    "\"tie_word_embeddings\": false}"
#define ODD "{\"d_model\": 22, \"n_layer\": 1, \"vocab_size\": 8}"

static const char *const configs[] = {TIED, BIASED, NULL};

/* Norm gains, biases, tied and untied heads: the float function stays.  A transform costs a few roundings
 * of each product: the bound is that of test_methods.c. */
static void test_float_function(void **state)
{
    const ssmq_method *had = &ssmq_method_hadamard, *residual = &ssmq_method_rotate_residual;
    const test_step    cases[][4] = {
        {{had, "{signs: random}"}, {0}},
        {{had, "{sites: [layers.*.in_proj.in, head.in], signs: random}"}, {0}},
        {{residual, NULL}, {0}},
        {{residual, "{signs: random}"}, {0}},
        {{residual, "{signs: random}"}, {had, "{sites: [layers.*.{in,out}_proj.in, head.in]}"}, {0}},
        {{had, NULL}, {residual, NULL}, {0}},
        {{&ssmq_method_smoothquant, NULL}, {residual, "{signs: random}"}, {had, "{signs: random}"}, {0}},
        {{residual, "{signs: random}"},
            {&ssmq_method_smoothquant, "{sites: [layers.*.in_proj.in, head.in]}"},
            {0}},
    };
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    (void)state;
    for (int k = 0; configs[k]; k++) {
        ssmq_model *m = test_drawn_model(configs[k], SEED);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            for (int32_t j = 0; j < n; j++) {
                test_applied a = test_apply(m, b[j].be, cases[i], SEED);
                const double d = test_changed(b[j].be, m, &a);
                if (!(d <= 1e-5))
                    fail_msg("model %d, recipe %d on %s changed the logits by %.1e", k, (int)i, b[j].name,
                             d);
                test_applied_free(&a);
            }
        ssmq_model_free(m);
    }
    test_backends_close(b, n);
}

/* ---- signs ----------------------------------------------------------------------------- */

static const float *signs_at(const test_applied *a, const char *site)
{
    const ssmq_tensor *t = &a->r.plan->at[test_site(a->m, site)].signs;
    assert_non_null(t->data);
    return t->data;
}

/* +1 and -1 of each about as many; the same for a seed, others for another seed and at another site. */
static void test_signs(void **state)
{
    test_backend    b[BACKENDS];
    const int32_t   n = test_backends_open(b, BACKENDS, 2);
    ssmq_model     *m = test_drawn_model(TIED, SEED);
    const test_step all[] = {{&ssmq_method_hadamard, "{signs: random}"}, {0}};
    const test_step one[] = {{&ssmq_method_hadamard, "{signs: random, sites: layers.1.out_proj.in}"}, {0}};
    const char     *site = "layers.1.out_proj.in";
    (void)state;
    test_applied    a = test_apply(m, b[0].be, all, SEED), same = test_apply(m, b[0].be, one, SEED);
    test_applied    other = test_apply(m, b[0].be, all, SEED + 1);
    int             minus = 0;
    for (int c = 0; c < 48; c++) {
        const float s = signs_at(&a, site)[c];
        assert_true(s == 1 || s == -1);
        minus += s < 0;
    }
    assert_in_range(minus, 8, 40); /* 4.6 standard deviations around 24 */
    assert_memory_equal(signs_at(&a, site), signs_at(&same, site), 48 * sizeof(float));
    assert_memory_not_equal(signs_at(&a, site), signs_at(&other, site), 48 * sizeof(float));
    assert_memory_not_equal(signs_at(&a, site), signs_at(&a, "layers.0.out_proj.in"), 48 * sizeof(float));
    test_applied_free(&a);
    test_applied_free(&same);
    test_applied_free(&other);
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* x (n, K): each row times signs (NULL: none), turned. */
static float *turned(const float *x, int64_t n, int64_t K, const float *sign)
{
    float        *y = malloc((size_t)(n * K) * sizeof *y), scratch[64];
    ssmq_hadamard h;
    CHECK_OK(ssmq_hadamard_find(K, &h));
    assert_true(K <= 64);
    for (int64_t i = 0; i < n * K; i++) y[i] = sign ? x[i] * sign[i % K] : x[i];
    for (int64_t i = 0; i < n; i++) ssmq_hadamard_apply(&h, y + i * K, scratch);
    return y;
}

/* Weight rows and the live tensor: signs first, then H. */
static void test_signs_before_the_transform(void **state)
{
    test_backend    b[BACKENDS];
    const int32_t   n = test_backends_open(b, BACKENDS, 2);
    ssmq_model     *m = test_drawn_model(TIED, SEED);
    const test_step steps[] = {{&ssmq_method_hadamard, "{signs: random}"}, {0}};
    (void)state;
    for (int32_t j = 0; j < n; j++) {
        test_applied a = test_apply(m, b[j].be, steps, SEED);
        const float *sign = signs_at(&a, "layers.0.out_proj.in");
        float       *w = turned(test_weight(m, "layers.0.out_proj.weight"), 24, 48, sign);
        float       *y = test_seen(b[j].be, m, NULL, 0, "layers.0.out_proj.in");
        float       *want = turned(y, TEST_LENGTH, 48, sign);
        float       *got = test_seen(b[j].be, a.m, a.r.plan, 0, "layers.0.out_proj.in");
        assert_memory_equal(test_weight(a.m, "layers.0.out_proj.weight"), w, 24 * 48 * sizeof(float));
        assert_true(test_apart(got, want, TEST_LENGTH * 48) <= 1e-6);
        free(w);
        free(y);
        free(want);
        free(got);
        test_applied_free(&a);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* weight_dtype f16: each turned weight is the half-precision number nearest to what it is without. */
static void test_half_weights(void **state)
{
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    ssmq_model   *m = test_drawn_model(TIED, SEED);
    const char   *site = "layers.1.out_proj.weight";
    (void)state;
    test_applied  wide = test_apply(m, b[0].be, (test_step[]){{&ssmq_method_hadamard, NULL}, {0}}, SEED);
    test_applied  half = test_apply(
        m, b[0].be, (test_step[]){{&ssmq_method_hadamard, "{weight_dtype: f16}"}, {0}}, SEED);
    const float  *w = test_weight(wide.m, site), *h = test_weight(half.m, site);
    for (int64_t i = 0; i < 24 * 48; i++)
        assert_true(h[i] == ssmq_f16_to_f32(ssmq_f32_to_f16(w[i])));
    test_applied_free(&wide);
    test_applied_free(&half);
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* ---- the residual stream --------------------------------------------------------------- */

/* Everything that the rotation says: gains 1, embedding rows turned, what in_proj reads is Q times the
 * norm's output without its gain; nothing in the plan; the base model untouched. */
static void test_residual(void **state)
{
    test_backend    b[BACKENDS];
    const int32_t   n = test_backends_open(b, BACKENDS, 2);
    ssmq_model     *m = test_drawn_model(TIED, SEED);
    const test_step steps[] = {{&ssmq_method_rotate_residual, NULL}, {0}};
    const int32_t   in = test_site(m, "layers.1.in_proj.in"), norm = m->site[in].fold;
    const float    *gain = m->weight[norm].value.data;
    (void)state;
    for (int32_t j = 0; j < n; j++) {
        test_applied a = test_apply(m, b[j].be, steps, SEED);
        float       *rows = turned(test_weight(m, "embedding.weight"), 40, 24, NULL);
        float       *x = test_seen(b[j].be, m, NULL, 0, "layers.1.in_proj.in");
        for (int64_t i = 0; i < TEST_LENGTH * 24; i++) x[i] /= gain[i % 24];
        float *want = turned(x, TEST_LENGTH, 24, NULL);
        float *got = test_seen(b[j].be, a.m, a.r.plan, 0, "layers.1.in_proj.in");
        for (int c = 0; c < 24; c++) assert_true(((float *)a.m->weight[norm].value.data)[c] == 1);
        assert_memory_equal(test_weight(a.m, "embedding.weight"), rows, 40 * 24 * sizeof(float));
        assert_true(test_weight(a.m, "head.weight") != test_weight(a.m, "embedding.weight"));
        assert_true(test_weight(m, "head.weight") == test_weight(m, "embedding.weight"));
        assert_true(test_apart(got, want, TEST_LENGTH * 24) <= 1e-5);
        assert_int_equal(a.r.plan->residual, 24);
        for (int32_t i = 0; i < m->n_site; i++) assert_int_equal(a.r.plan->at[i].rotate, 0);
        free(rows);
        free(x);
        free(want);
        free(got);
        test_applied_free(&a);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* The recipe QuaRot-SSM in 8 bits is carried out, and 16 bits of it are nearly float. */
static void test_quarot(void **state)
{
    const test_step eight[] = {{&ssmq_method_rotate_residual, "{signs: random}"},
                               {&ssmq_method_hadamard, NULL},
                               {&ssmq_method_weights, NULL},
                               {&ssmq_method_activations, NULL},
                               {0}};
    const test_step sixteen[] = {eight[0], eight[1], {&ssmq_method_weights, "{bits: 16}"},
                                 {&ssmq_method_activations, "{bits: 16}"}, {0}};
    test_backend    b[BACKENDS];
    const int32_t   n = test_backends_open(b, BACKENDS, 2);
    ssmq_model     *m = test_drawn_model(BIASED, SEED);
    (void)state;
    for (int32_t j = 0; j < n; j++) {
        test_applied a = test_apply(m, b[j].be, eight, SEED), c = test_apply(m, b[j].be, sixteen, SEED);
        const double coarse = test_changed(b[j].be, m, &a), fine = test_changed(b[j].be, m, &c);
        assert_true(coarse > 1e-4 && coarse < 0.2);
        assert_true(fine < coarse / 16);
        test_applied_free(&a);
        test_applied_free(&c);
    }
    ssmq_model_free(m);
    test_backends_close(b, n);
}

/* ---- refusals -------------------------------------------------------------------------- */

#define BEFORE " by an earlier step; a rotation of the residual stream has to come before it"

static void test_refusals(void **state)
{
    const ssmq_method *had = &ssmq_method_hadamard, *residual = &ssmq_method_rotate_residual;
    const ssmq_method *weights = &ssmq_method_weights, *activations = &ssmq_method_activations;
    ssmq_model        *m = test_drawn_model(TIED, SEED), *odd = test_drawn_model(ODD, SEED);
    (void)state;
    test_refused(odd, (test_step[]){{residual, NULL}, {0}}, SSMQ_ERR_UNSUPPORTED,
                 "the residual stream cannot be rotated: there is no Hadamard matrix here for dimension "
                 "22 (known: 2^k and 12, 20, 28, 36, 40, 52, 60, 108, "
                 "140, 156 and 172 times 2^k)");
    test_refused(m, (test_step[]){{residual, NULL}, {residual, "{signs: random}"}, {0}}, SSMQ_ERR_CONFIG,
                 "the residual stream is already rotated");
    static const char *const touched[] = {"embedding.weight", "layers.1.in_proj.weight",
                                          "layers.0.out_proj.weight", "head.weight"};
    for (size_t i = 0; i < sizeof touched / sizeof *touched; i++) {
        char options[64], message[160];
        snprintf(options, sizeof options, "{sites: %s}", touched[i]);
        snprintf(message, sizeof message, "%s is quantised" BEFORE, touched[i]);
        test_refused(m, (test_step[]){{weights, options}, {residual, NULL}, {0}}, SSMQ_ERR_CONFIG,
                     message);
    }
    test_refused(m, (test_step[]){{activations, "{sites: head.in}"}, {residual, NULL}, {0}},
                 SSMQ_ERR_CONFIG, "head.in is quantised" BEFORE);
    test_refused(m, (test_step[]){{had, "{sites: layers.1.in_proj.in}"}, {residual, NULL}, {0}},
                 SSMQ_ERR_CONFIG, "layers.1.in_proj.in is rotated at run time" BEFORE);
    ssmq_model_free(m);
    ssmq_model_free(odd);
}

/* Found when the experiment is checked, before any factor is known. */
static void test_refuses_division(void **state)
{
    ssmq_model *m = test_drawn_model(TIED, SEED);
    (void)state;
    test_refused(m,
                 (test_step[]){{&ssmq_method_smoothquant, "{fold: false}"},
                               {&ssmq_method_rotate_residual, NULL},
                               {0}},
                 SSMQ_ERR_CONFIG, "layers.0.in_proj.in is divided at run time" BEFORE);
    ssmq_model_free(m);
}

/* A family that does not say what reads its stream is not guessed at. */
static void test_undeclared(void **state)
{
    ssmq_model *m = test_drawn_model(TIED, SEED);
    (void)state;
    m->residual = (ssmq_residual){0};
    test_refused(m, (test_step[]){{&ssmq_method_rotate_residual, NULL}, {0}}, SSMQ_ERR_UNSUPPORTED,
                 "family 'mamba' does not say what reads its residual stream");
    ssmq_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float_function),
        cmocka_unit_test(test_signs),
        cmocka_unit_test(test_signs_before_the_transform),
        cmocka_unit_test(test_half_weights),
        cmocka_unit_test(test_residual),
        cmocka_unit_test(test_quarot),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refuses_division),
        cmocka_unit_test(test_undeclared),
    };
    return cmocka_run_group_tests_name("rotations", tests, NULL, NULL);
}
