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

typedef struct mse_options {
    int candidates, estimate; /* 0: exact */
} mse_options;

/* The error of a clip range by its definition. */
static double clip_error(const float *x, int64_t n, float clip, const ssmq_qspec *spec)
{
    const float scale = clip / ssmq_code_limit(spec);
    double      error = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = (double)ssmq_code_value(x[i], scale, 0, spec) * (double)scale - (double)x[i];
        error += d * d;
    }
    return error;
}

/* The same where there is a zero point. */
static double affine_error(const float *x, int64_t n, const ssmq_range *clip, const ssmq_qspec *spec)
{
    const float   low = (float)ssmq_code_min(spec), steps = (float)ssmq_code_max(spec) - low;
    const float   scale = (clip->high - clip->low) / steps;
    const int32_t zero = (int32_t)rintf(low - clip->low / scale);
    double        error = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = ((double)ssmq_code_value(x[i], scale, zero, spec) - zero) * (double)scale - (double)x[i];
        error += d * d;
    }
    return error;
}

static double error_of(const float *x, int64_t n, const ssmq_range *clip, const ssmq_qspec *spec)
{
    return spec->symmetric ? clip_error(x, n, clip->high, spec) : affine_error(x, n, clip, spec);
}

/* The least error among 100 candidates. */
static double least_error(const float *x, int64_t n, const ssmq_range *whole, const ssmq_qspec *spec)
{
    double least = INFINITY;
    for (int i = 1; i <= 100; i++) {
        const ssmq_range clip = {whole->low * ((float)i / 100), whole->high * ((float)i / 100)};
        least = fmin(least, error_of(x, n, &clip, spec));
    }
    return least;
}

static ssmq_range whole_of(const float *x, int64_t n, const ssmq_qspec *spec)
{
    ssmq_range whole = {0, 0};
    for (int64_t i = 0; i < n; i++) {
        whole.low = fminf(whole.low, x[i]);
        whole.high = fmaxf(whole.high, x[i]);
    }
    if (spec->symmetric) whole.high = fmaxf(-whole.low, whole.high);
    if (spec->symmetric) whole.low = -whole.high;
    return whole;
}

/* What a value is taken for: the middle of its bin, which is fine within seven powers of two below the largest one's bin
 * and the next multiple of eight bins. */
static float middle_of(float x, float most)
{
    const int32_t bin = ssmq_fine_bin(fabsf(x)), fine = (ssmq_fine_bin(most) + 1 - 7 * 1024) / 8 * 8;
    if (x == 0) return 0;
    return copysignf(bin < fine ? ssmq_fine_bins_middle(bin / 8 * 8, 8) : ssmq_fine_bin_middle(bin), x);
}

/* The search takes one of the best of the 100 candidates, out of bins whether it goes bin by bin or code by code: sums
 * differ in their order, which rounds by less than 1e-9 of them. */
static void check_search(const float *x, int64_t n, const ssmq_qspec *spec)
{
    const ssmq_tensor t = SSMQ_TENSOR((void *)(uintptr_t)x, SSMQ_F32, n);
    const mse_options exact = {100, 0}, estimated = {100, 1};
    const ssmq_range  whole = whole_of(x, n, spec);
    const float       most = fmaxf(-whole.low, whole.high);
    float            *y = malloc((size_t)n * sizeof *y);
    ssmq_range        got;
    CHECK_OK(ssmq_statistic_mse.range(&exact, &t, spec, &got));
    const double least = least_error(x, n, &whole, spec);
    assert_true(error_of(x, n, &got, spec) == least);
    CHECK_OK(ssmq_statistic_mse.range(&estimated, &t, spec, &got));
    for (int64_t i = 0; i < n; i++) y[i] = n > 1024 || n > 4 << spec->bits ? middle_of(x[i], most) : x[i];
    assert_true(error_of(y, n, &got, spec) <= least_error(y, n, &whole, spec) * (1 + 1e-9));
    assert_true(!spec->symmetric || got.low == -got.high);
    print_message("%d bits, %d values: clip at %.2f, its error %.1e above the least\n", (int)spec->bits, (int)n,
                  (double)(got.high / whole.high), error_of(x, n, &got, spec) / least - 1);
    free(y);
}

static void share_backwards(void *by, int64_t n, int64_t grain, ssmq_aid_part part, void *context)
{
    int64_t *parts = by;
    for (int64_t i = (n + grain - 1) / grain - 1; i >= 0; i--, ++*parts)
        part(context, i * grain, (i + 1) * grain < n ? (i + 1) * grain : n, (int32_t)(i % 3));
}

/* Cut into parts that three threads do, in another order: the same range, be the ends and the bins known or not. */
static void test_search_with_aid(void **state)
{
    (void)state;
    enum { L = 1100, C = 200, n = L * C };
    const mse_options options = {100, 1};
    ssmq_fine_bins    bins;
    float            *x = malloc(n * sizeof *x);
    const ssmq_tensor whole = SSMQ_TENSOR(x, SSMQ_F32, L, C), strided = ssmq_tensor_slice(&whole, 1, 3, C - 7);
    CHECK_OK(ssmq_fine_bins_new(&bins));
    for (int i = 0; i < 4; i++) {
        const ssmq_tensor *t = i % 2 ? &strided : &whole;
        const ssmq_qspec   spec = {.bits = 8, .symmetric = i < 2};
        int64_t            parts = 0;
        ssmq_aid           aid = {.threads = 3, .share = share_backwards, .by = &parts};
        ssmq_range         want, got, ends;
        fill(x, n, 43);
        for (int k = 0; k < n; k++) x[k] *= x[k] * x[k];
        CHECK_OK(ssmq_statistic_mse.range(&options, t, &spec, &want));
        CHECK_OK(ssmq_statistic_mse.range_aided(&options, t, &spec, &aid, &got));
        assert_true(got.low == want.low && got.high == want.high);
        assert_int_equal(parts, 3 + 2 + 8); /* counting, sums of both signs, candidates */
        CHECK_OK(ssmq_statistic_minmax.range(NULL, t, &(ssmq_qspec){.bits = 8}, &ends));
        aid.ends = &ends;
        CHECK_OK(ssmq_statistic_mse.range_aided(&options, t, &spec, &aid, &got));
        assert_true(got.low == want.low && got.high == want.high);
        ssmq_fine_bins_add(&bins, t);
        aid.bins = &bins;
        parts = 0;
        CHECK_OK(ssmq_statistic_mse.range_aided(&options, t, &spec, &aid, &got));
        assert_true(got.low == want.low && got.high == want.high);
        assert_int_equal(parts, 2 + 8);
        ssmq_fine_bins_clear(&bins);
    }
    ssmq_fine_bins_free(&bins);
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
        {.bits = 16, .symmetric = true},
        {.bits = 8},
        {.bits = 8, .rounding = SSMQ_ROUNDING_HALF_AWAY},
        {.bits = 8, .symmetric = true, .format = SSMQ_FORMAT_E4M3},
        {.bits = 8, .symmetric = true, .format = SSMQ_FORMAT_E5M2},
        {.bits = 8, .symmetric = true, .quotient_dtype = SSMQ_PRECISION_F16},
    };
    enum { n = 20000 };
    float *x = malloc(n * sizeof *x);
    for (int kind = 0; kind < 3; kind++) { /* few large values; far fewer, much larger; those above 0 only */
        fill(x, n, 41);
        const float end = (float)(1 << 19) * 1e-4f;
        for (int i = 0; i < n; i++) {
            const float u = x[i] / end;
            x[i] = kind == 0 ? u * u * u : u / (1.003f - fabsf(u));
            if (kind == 2 && u < 0) x[i] = 0.3f * u;
        }
        for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
            check_search(x, n, &specs[i]);
            check_search(x, 100, &specs[i]);
            check_search(x, 1025, &specs[i]); /* the fewest that bins are for */
        }
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
