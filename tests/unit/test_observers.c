/* Statistics against their definitions, and the ways to combine samples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "quant/observers.h"
#include "tests/support/check.h"
#include "tests/support/options.h"

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The definition, by sorting. */
static double sorted_quantile(const float *x, int64_t n, double p)
{
    float *v = malloc((size_t)n * sizeof *v);
    for (int64_t i = 0; i < n; i++) v[i] = fabsf(x[i]);
    qsort(v, (size_t)n, sizeof *v, by_value);
    const double  r = p / 100 * (double)(n - 1);
    const int64_t k = (int64_t)floor(r);
    const double  low = v[k], high = v[k + 1 < n ? k + 1 : k];
    free(v);
    return low + (r - (double)k) * (high - low);
}

static float range_of(const ssmq_statistic *s, const char *options, const ssmq_tensor *x)
{
    ssmq_arena *arena = ssmq_arena_new();
    const ssmq_qspec spec = {.bits = 8, .symmetric = true};
    ssmq_range       range;
    CHECK_OK(s->range(test_options(arena, s->options, s->options_size, options), x, &spec, &range));
    assert_true(range.low == -range.high);
    ssmq_arena_free(arena);
    return range.high;
}

static void fill(float *x, int64_t n, unsigned seed)
{
    print_message("seed %u\n", seed);
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)((int32_t)seed >> 12) * 1e-4f;
        if (seed % 7 == 0) x[i] = 0.5f; /* equal values */
    }
}

static void test_quantile(void **state)
{
    (void)state;
    static const char *const options[] = {"{p: 0}", "{p: 37.5}", "{p: 50}", "{p: 99}", "{p: 99.999}",
                                          "{p: 100}"};
    static const double      p[] = {0, 37.5, 50, 99, 99.999, 100};
    static const int64_t     sizes[] = {1, 2, 3, 10, 1001, 20000, 100000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        float *x = malloc((size_t)sizes[s] * sizeof *x);
        fill(x, sizes[s], (unsigned)s + 1);
        const ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_F32, sizes[s]);
        for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
            const double want = sorted_quantile(x, sizes[s], p[i]);
            const float  got = range_of(&ssmq_statistic_quantile, options[i], &t);
            assert_true(fabs(got - want) <= 1e-7 * want); /* one rounding to float */
        }
        assert_true(range_of(&ssmq_statistic_quantile, "{p: 100}", &t) ==
                    range_of(&ssmq_statistic_absmax, NULL, &t));
        free(x);
    }
}

/* With a zero point: p and 100 - p of the values themselves; in few and in many values. */
static void test_quantile_of_signed_values(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 1001, 50000};
    const ssmq_qspec     spec = {.bits = 8};
    ssmq_arena          *arena = ssmq_arena_new();
    const ssmq_statistic *s = &ssmq_statistic_quantile;
    const void *options = test_options(arena, s->options, s->options_size, "{p: 97.5}");
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const int64_t n = sizes[k];
        float        *x = malloc((size_t)n * sizeof *x);
        ssmq_range    got;
        fill(x, n, (unsigned)k + 20);
        const ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_F32, n);
        CHECK_OK(s->range(options, &t, &spec, &got));
        qsort(x, (size_t)n, sizeof *x, by_value);
        for (int end = 0; end < 2; end++) {
            const double  r = (end ? 97.5 : 2.5) / 100 * (double)(n - 1);
            const int64_t i = (int64_t)r;
            const double  low = x[i], high = x[i + 1 < n ? i + 1 : i];
            const double  want = low + (r - (double)i) * (high - low);
            assert_true(fabs((double)(end ? got.high : got.low) - want) <= 1e-7 * fabs(want));
        }
        free(x);
    }
    ssmq_arena_free(arena);
}

/* Out of the histogram: within 1/128 of the exact one, bins being no wider; the ends are exact. */
static void test_estimated_quantile(void **state)
{
    (void)state;
    static const char *const exact[] = {"{p: 50}", "{p: 99}", "{p: 99.99}", "{p: 100}"};
    static const char *const estimated[] = {
        "{p: 50, estimate: floatbits16}", "{p: 99, estimate: floatbits16}",
        "{p: 99.99, estimate: floatbits16}", "{p: 100, estimate: floatbits16}"};
    enum { n = 60000 };
    float *x = malloc(n * sizeof *x);
    fill(x, n, 31);
    const ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_F32, n);
    for (int i = 0; i < 4; i++) {
        const float want = range_of(&ssmq_statistic_quantile, exact[i], &t);
        const float got = range_of(&ssmq_statistic_quantile, estimated[i], &t);
        assert_true(fabsf(got - want) <= want / 128);
        if (i == 3) assert_true(got == want);
    }
    free(x);
}

/* Sorted, reversed and constant inputs are where a selection goes wrong or slow. */
static void test_quantile_of_special_orders(void **state)
{
    (void)state;
    enum { n = 40000 };
    float *x = malloc(n * sizeof *x);
    for (int kind = 0; kind < 6; kind++) {
        const ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_F32, kind < 3 ? n : 5000); /* many, and few */
        for (int i = 0; i < n; i++) x[i] = kind % 3 == 0 ? (float)i : kind % 3 == 1 ? (float)(n - i) : 3.0f;
        const double want = sorted_quantile(x, t.dim[0], 99.9);
        assert_true(fabs(range_of(&ssmq_statistic_quantile, "{p: 99.9}", &t) - want) <= 1e-7 * want);
    }
    free(x);
}

/* ---- least squared error --------------------------------------------------------------- */

/* The error of a clip range by its definition: each of 8192 bins at its middle, through the quantiser. */
static double clip_error(const uint32_t *count, float most, float clip, const ssmq_qspec *spec)
{
    const double width = 2 * (double)most / 8192;
    const float  scale = clip / ssmq_code_limit(spec);
    double       error = 0;
    for (int i = 0; i < 8192; i++) {
        const double x = -(double)most + (i + 0.5) * width;
        const double d = (double)ssmq_code_value((float)x, scale, 0, spec) * (double)scale - x;
        error += d * d * count[i];
    }
    return error;
}

/* The search takes one of the best of the 100 candidates, whether it goes bin by bin or code by code; the sums
 * differ in their order, which rounds by less than 1e-9 of them. */
static void check_search(const float *x, int64_t n, const ssmq_qspec *spec)
{
    static uint32_t   count[8192];
    const ssmq_tensor t = SSMQ_TENSOR((void *)(uintptr_t)x, SSMQ_F32, n);
    const int         candidates = 100;
    ssmq_range        got;
    float             most = 0;
    double            least = INFINITY;
    for (int64_t i = 0; i < n; i++) most = fmaxf(most, fabsf(x[i]));
    memset(count, 0, sizeof count);
    for (int64_t i = 0; i < n; i++) {
        const double at = ((double)x[i] + (double)most) / (2 * (double)most / 8192);
        count[at < 8191 ? (int)at : 8191]++;
    }
    for (int i = 1; i <= 100; i++) least = fmin(least, clip_error(count, most, most * ((float)i / 100), spec));
    CHECK_OK(ssmq_statistic_mse.range(&candidates, &t, spec, &got));
    assert_true(clip_error(count, most, got.high, spec) <= least * (1 + 1e-9));
    assert_true(got.low == -got.high);
}

static void share_backwards(void *by, int64_t n, int64_t grain, ssmq_aid_part part, void *context)
{
    int64_t *parts = by;
    for (int64_t i = (n + grain - 1) / grain - 1; i >= 0; i--, ++*parts)
        part(context, i * grain, (i + 1) * grain < n ? (i + 1) * grain : n, (int32_t)(i % 3));
}

/* Cut into parts that three threads do, in another order: the same range, be the ends known or not. */
static void test_search_with_aid(void **state)
{
    (void)state;
    enum { L = 300, C = 200, n = L * C };
    const int         candidates = 100;
    float            *x = malloc(n * sizeof *x);
    const ssmq_tensor whole = SSMQ_TENSOR(x, SSMQ_F32, L, C), strided = ssmq_tensor_slice(&whole, 1, 3, C - 7);
    for (int i = 0; i < 4; i++) {
        const ssmq_tensor *t = i % 2 ? &strided : &whole;
        const ssmq_qspec   spec = {.bits = 8, .symmetric = i < 2};
        int64_t            parts = 0;
        ssmq_aid           aid = {.threads = 3, .share = share_backwards, .by = &parts};
        ssmq_range         want, got, ends;
        fill(x, n, 43);
        for (int k = 0; k < n; k++) x[k] *= x[k] * x[k];
        CHECK_OK(ssmq_statistic_mse.range(&candidates, t, &spec, &want));
        CHECK_OK(ssmq_statistic_mse.range_aided(&candidates, t, &spec, &aid, &got));
        assert_true(got.low == want.low && got.high == want.high);
        assert_int_equal(parts, 3 + 25);
        CHECK_OK(ssmq_statistic_minmax.range(NULL, t, &(ssmq_qspec){.bits = 8}, &ends));
        aid.ends = &ends;
        CHECK_OK(ssmq_statistic_mse.range_aided(&candidates, t, &spec, &aid, &got));
        assert_true(got.low == want.low && got.high == want.high);
    }
    free(x);
}

static void test_search(void **state)
{
    (void)state;
    static const ssmq_qspec specs[] = {
        {.bits = 2, .symmetric = true},
        {.bits = 4, .symmetric = true},
        {.bits = 8, .symmetric = true},
        {.bits = 8, .symmetric = true, .rounding = SSMQ_ROUNDING_TRUNCATE},
        {.bits = 12, .symmetric = true},
        {.bits = 8, .symmetric = true, .format = SSMQ_FORMAT_E4M3},
    };
    enum { n = 40000 };
    float *x = malloc(n * sizeof *x);
    fill(x, n, 41);
    for (int i = 0; i < n; i++) x[i] *= x[i] * x[i]; /* few large ones */
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        check_search(x, n, &specs[i]);
        check_search(x, 100, &specs[i]); /* fewer bins than codes */
    }
    free(x);
}

/* A slice of the last axis: only its own elements count. */
static void test_slices(void **state)
{
    (void)state;
    float             x[] = {1, -2, 900, 3, 4, 900, -5, 0.5f, 900};
    const ssmq_tensor all = SSMQ_TENSOR(x, SSMQ_F32, 1, 3, 3);
    const ssmq_tensor part = ssmq_tensor_slice(&all, 2, 0, 2);
    assert_true(range_of(&ssmq_statistic_absmax, NULL, &part) == 5);
    assert_true(range_of(&ssmq_statistic_quantile, "{p: 80}", &part) == 4);
}

static void test_across(void **state)
{
    (void)state;
    const float value[] = {2, 8, 4, 8};
    float       weight[4];
    assert_true(ssmq_across_max.combine(NULL, value, 4, weight) == 8);
    assert_true(weight[0] == 0 && weight[1] == 1 && weight[2] == 0 && weight[3] == 0);

    ssmq_arena *arena = ssmq_arena_new();
    const void *o = test_options(arena, ssmq_across_ema.options, ssmq_across_ema.options_size,
                                 "{rate: 0.25}");
    /* 2 -> 3.5 -> 3.625 -> 4.71875, by hand */
    assert_true(fabs(ssmq_across_ema.combine(o, value, 4, weight) - 4.71875) < 1e-6);
    double sum = 0, mean = 0;
    for (int i = 0; i < 4; i++) {
        sum += (double)weight[i];
        mean += (double)weight[i] * (double)value[i];
    }
    assert_true(fabs(sum - 1) < 1e-6 && fabs(mean - 4.71875) < 1e-6);
    assert_true(fabs(weight[0] - 0.421875) < 1e-7); /* 0.75^3 */
    ssmq_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantile),
        cmocka_unit_test(test_quantile_of_signed_values),
        cmocka_unit_test(test_estimated_quantile),
        cmocka_unit_test(test_quantile_of_special_orders),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_search_with_aid),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_across),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
