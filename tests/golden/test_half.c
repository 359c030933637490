/* Quantisation and losses in half precision, number for number those of an independent emulation
 * (tests/golden/half).  Every comparison is of equal values: half precision leaves no room for another. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/evaluate/loss.h"
#include "quant/observers.h"
#include "quant/select.h"
#include "tests/support/catalogue.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/options.h"
#include "tests/support/steps.h"

#define BACKENDS 4
#define MODEL "{\"d_model\": 16, \"n_layer\": 1, \"vocab_size\": 8}"
#define HALF "scale_dtype: f16, quotient_dtype: f16, product_dtype: f16"

static const ssmq_qspec half_spec = {.bits = 8,
                                     .symmetric = true,
                                     .scale_dtype = SSMQ_PRECISION_F16,
                                     .quotient_dtype = SSMQ_PRECISION_F16,
                                     .product_dtype = SSMQ_PRECISION_F16};

static json_t *expected(void)
{
    json_error_t e;
    json_t      *root = json_load_file("tests/golden/half/expected.json", 0, &e);
    if (!root) fail_msg("expected.json: %s", e.text);
    return root;
}

static float half_at(const json_t *list, int64_t i)
{
    const json_t *v = json_is_array(list) ? json_array_get(list, (size_t)i) : list;
    return ssmq_f16_to_f32((uint16_t)json_integer_value(v));
}

/* The numbers of a list of half-precision ones; to be freed. */
static float *halves(const json_t *list, int64_t *n)
{
    *n = (int64_t)json_array_size(list);
    float *v = malloc((size_t)*n * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < *n; i++) v[i] = half_at(list, i);
    return v;
}

static const char *name_of(const json_t *c)
{
    return json_string_value(json_object_get(c, "name"));
}

/* Codes and products of x under a scale, on every backend. */
static void check_codes(const json_t *c, float scale, const test_backend *b, int32_t backends)
{
    const json_t *code = json_object_get(c, "code"), *product = json_object_get(c, "product");
    int64_t       n;
    float        *x = halves(json_object_get(c, "x"), &n);
    float        *q = malloc((size_t)n * sizeof *q), *back = malloc((size_t)n * sizeof *back);
    if (scale != half_at(json_object_get(c, "scale"), 0))
        fail_msg("%s: scale %a, not %a", name_of(c), (double)scale,
                 (double)half_at(json_object_get(c, "scale"), 0));
    const ssmq_qparams p = {.scale = ssmq_tensor_of(&scale, SSMQ_F32, 0, NULL)};
    const ssmq_tensor  tx = SSMQ_TENSOR(x, SSMQ_F32, 1, n);
    ssmq_tensor        tq = SSMQ_TENSOR(q, SSMQ_F32, 1, n), tb = SSMQ_TENSOR(back, SSMQ_F32, 1, n);
    for (int32_t k = 0; k < backends; k++) {
        CHECK_OK(b[k].be->ops->quantize(b[k].be, &tq, &tx, &half_spec, &p));
        CHECK_OK(b[k].be->ops->dequantize(b[k].be, &tb, &tq, &half_spec, &p));
        for (int64_t i = 0; i < n; i++) {
            const float want = (float)json_integer_value(json_array_get(code, (size_t)i));
            if (q[i] != want || back[i] != half_at(product, i))
                fail_msg("%s on %s, %a: code %g and %a, not %g and %a", name_of(c), b[k].name,
                         (double)x[i], (double)q[i], (double)back[i], (double)want,
                         (double)half_at(product, i));
        }
    }
    free(x);
    free(q);
    free(back);
}

/* A weight with these values and zeros: the scale that the step gives it. */
static float scale_of_weight(const json_t *c, ssmq_backend *be)
{
    ssmq_model *m = test_drawn_model(MODEL, 1);
    const char *site = "layers.0.in_proj.weight";
    float      *w = (float *)(uintptr_t)test_weight(m, site);
    int64_t     n;
    float      *x = halves(json_object_get(c, "x"), &n);
    assert_in_range(n, 1, 16 * 64);
    memset(w, 0, 16 * 64 * sizeof *w);
    memcpy(w, x, (size_t)n * sizeof *w);
    test_applied a = test_apply(
        m, be,
        (test_step[]){{&ssmq_method_weights, "{sites: layers.0.in_proj.weight, " HALF "}"}, {0}}, 1);
    const float scale = ((const float *)a.r.plan->at[test_site(m, site)].params.scale.data)[0];
    free(x);
    test_applied_free(&a);
    ssmq_model_free(m);
    return scale;
}

static void test_absmax(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    json_t       *root = expected();
    json_t       *cases = json_object_get(root, "absmax");
    assert_int_equal(json_array_size(cases), 7);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        check_codes(c, scale_of_weight(c, b[0].be), b, n);
    }
    json_decref(root);
    test_backends_close(b, n);
}

/* The ranges of the samples by the exact quantile, joined by the running average: the scale. */
static float scale_of_samples(const json_t *c, ssmq_arena *arena)
{
    const ssmq_statistic *quantile = &ssmq_statistic_quantile;
    const ssmq_across    *ema = &ssmq_across_ema;
    const json_t         *samples = json_object_get(c, "samples");
    const char *p = ssmq_arena_printf(arena, "{p: %.17g}", json_number_value(json_object_get(c, "p")));
    const char *rate =
        ssmq_arena_printf(arena, "{rate: %.17g}", json_number_value(json_object_get(c, "rate")));
    const void *how = test_options(arena, quantile->options, quantile->options_size, p);
    float       high[8], weight[8];
    int64_t     n = (int64_t)json_array_size(samples);
    assert_in_range(n, 1, 8);
    for (int64_t i = 0; i < n; i++) {
        int64_t    length;
        float     *x = halves(json_array_get(samples, (size_t)i), &length);
        ssmq_range r;
        const ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_F32, 1, length);
        CHECK_OK(quantile->range(how, &t, &half_spec, &r));
        high[i] = r.high;
        free(x);
    }
    const float      all = ema->combine(test_options(arena, ema->options, ema->options_size, rate), high,
                                        n, weight);
    const ssmq_range range = {-all, all};
    int32_t          zero;
    return ssmq_scale_of_range(&range, &half_spec, &zero);
}

static void test_percentile(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    ssmq_arena   *arena = ssmq_arena_new();
    json_t       *root = expected();
    json_t       *cases = json_object_get(root, "percentile");
    assert_int_equal(json_array_size(cases), 3);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        check_codes(c, scale_of_samples(c, arena), b, n);
    }
    json_decref(root);
    ssmq_arena_free(arena);
    test_backends_close(b, n);
}

static void test_loss(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    json_t       *root = expected();
    const json_t *c = json_object_get(root, "loss"), *logits = json_object_get(c, "logits");
    const int64_t windows = json_integer_value(json_object_get(c, "windows"));
    const int64_t targets = json_integer_value(json_object_get(c, "targets"));
    const int64_t V = json_integer_value(json_object_get(c, "vocabulary"));
    float         row[64 * 64];
    int32_t       target[64];
    double        loss[64];
    assert_true(targets <= 64 && V <= 64);
    for (int64_t w = 0; w < windows; w++) {
        for (int64_t i = 0; i < targets * V; i++)
            row[i] = (float)json_real_value(json_array_get(logits, (size_t)(w * targets * V + i)));
        for (int64_t i = 0; i < targets; i++)
            target[i] = (int32_t)json_integer_value(
                json_array_get(json_object_get(c, "target"), (size_t)(w * targets + i)));
        ssmq_tensor       rows = SSMQ_TENSOR(row, SSMQ_F32, targets, V);
        ssmq_tensor       out = SSMQ_TENSOR(loss, SSMQ_F64, targets);
        const ssmq_tensor ids = SSMQ_TENSOR(target, SSMQ_I32, targets);
        ssmq_loss_round_logits(SSMQ_LOSS_F16, &rows);
        for (int32_t k = 0; k < n; k++) {
            CHECK_OK(b[k].be->ops->nll(b[k].be, &out, &rows, &ids));
            const double mean = ssmq_loss_mean(SSMQ_LOSS_F16, loss, targets);
            assert_true(mean == (double)half_at(json_object_get(c, "mean"), w));
            for (int64_t i = 0; i < targets; i++)
                assert_true(loss[i] ==
                            (double)half_at(json_object_get(c, "token"), w * targets + i));
        }
    }
    json_decref(root);
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absmax),
        cmocka_unit_test(test_percentile),
        cmocka_unit_test(test_loss),
    };
    return cmocka_run_group_tests_name("half", tests, NULL, NULL);
}
