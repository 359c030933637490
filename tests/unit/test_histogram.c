/* The float-bit histogram: its bins, what it counts, and quantiles against sorted values. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/rng.h"
#include "harness/tensor/histogram.h"
#include "tests/support/check.h"

static ssmq_histogram *empty(void)
{
    ssmq_histogram *h = calloc(1, sizeof *h);
    assert_non_null(h);
    return h;
}

static int32_t bin_of(float x)
{
    ssmq_histogram   *h = empty();
    const ssmq_tensor t = SSMQ_TENSOR(&x, SSMQ_F32, 1);
    int32_t           bin = 0;
    ssmq_histogram_add(h, &t, SSMQ_HALF_BOTH);
    assert_int_equal(h->n, 1);
    while (!h->count[bin]) bin++;
    free(h);
    return bin;
}

/* A value lies in its bin, the ends of a bin in it and in the next, and bins leave no gap. */
static void test_bins(void **state)
{
    (void)state;
    static const float values[] = {0, FLT_TRUE_MIN, FLT_MIN, 1e-5f, 0.99f, 1, 1.0078125f, -3, 448, FLT_MAX};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const int32_t bin = bin_of(values[i]);
        const double  x = fabs((double)values[i]);
        assert_true(ssmq_histogram_bin_low(bin) <= x && x < ssmq_histogram_bin_high(bin));
    }
    for (int32_t bin = 0; bin < 0x7f80; bin += 97) {
        const float low = (float)ssmq_histogram_bin_low(bin);
        assert_true((double)low == ssmq_histogram_bin_low(bin)); /* the ends are floats */
        assert_int_equal(bin_of(low), bin);
        if (bin > 0) assert_int_equal(bin_of(nextafterf(low, 0)), bin - 1);
        if (bin >= 128) /* of a normal number: at most 1/128 of the lower end wide */
            assert_true((ssmq_histogram_bin_high(bin) - (double)low) * 128 <= (double)low);
    }
    assert_true(ssmq_histogram_bin_high(0x7f7f) == ldexp(1, 128));
}

/* Only the elements of a slice count; halves are disjoint; what is not finite is in no bin. */
static void test_what_is_counted(void **state)
{
    (void)state;
    float             x[] = {1, -2, 900, -0.0f, NAN, 900, -INFINITY, 5, 900};
    const ssmq_tensor all = SSMQ_TENSOR(x, SSMQ_F32, 1, 3, 3);
    const ssmq_tensor part = ssmq_tensor_slice(&all, 2, 0, 2);
    ssmq_histogram   *both = empty(), *negative = empty(), *rest = empty();
    ssmq_histogram_add(both, &part, SSMQ_HALF_BOTH);
    ssmq_histogram_add(negative, &part, SSMQ_HALF_NEGATIVE);
    ssmq_histogram_add(rest, &part, SSMQ_HALF_NONNEGATIVE);
    assert_int_equal(both->n, 4);
    assert_int_equal(both->n_nonfinite, 2);
    assert_true(both->low == 0 && both->high == 5);
    assert_int_equal(negative->n, 1);
    assert_true(negative->low == 2 && negative->high == 2);
    assert_int_equal(rest->n, 3); /* -0 is not below zero */
    assert_int_equal(negative->n_nonfinite + rest->n_nonfinite, 2);
    ssmq_histogram_merge(negative, rest);
    assert_memory_equal(negative, both, sizeof *both);
    free(both);
    free(negative);
    free(rest);
}

/* ---- quantiles ------------------------------------------------------------------------- */

static float gaussian(ssmq_rng *r)
{
    const double u = 1 - ssmq_rng_uniform(r), v = ssmq_rng_uniform(r);
    return (float)(sqrt(-2 * log(u)) * cos(2 * 3.14159265358979 * v));
}

static float laplace(ssmq_rng *r) /* every ten thousandth value 100 times as large */
{
    const double u = 1 - ssmq_rng_uniform(r), sign = ssmq_rng_below(r, 2) ? 1 : -1;
    return (float)(-log(u) * sign * (ssmq_rng_below(r, 10000) == 0 ? 100 : 1));
}

static float log_normal(ssmq_rng *r)
{
    return expf(2 * gaussian(r));
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double sorted_quantile(const float *v, int64_t n, double p)
{
    const double  r = p / 100 * (double)(n - 1);
    const int64_t k = (int64_t)r;
    const double  low = v[k], high = v[k + 1 < n ? k + 1 : k];
    return low + (r - (double)k) * (high - low);
}

static const double levels[] = {0, 0.01, 1, 25, 50, 75, 90, 99, 99.9, 99.99, 99.999, 100};

static ssmq_histogram *half_of(const ssmq_tensor *t, ssmq_half half)
{
    ssmq_histogram *h = empty();
    ssmq_histogram_add(h, t, half);
    return h;
}

/* The exact quantile is within the error that comes with the estimate, which is at most a bin, so at most
 * 1/128 of the value. */
static void check_magnitudes(const float *x, float *v, int64_t n)
{
    const ssmq_tensor t = SSMQ_TENSOR((void *)(uintptr_t)x, SSMQ_F32, n);
    ssmq_histogram   *h = half_of(&t, SSMQ_HALF_BOTH), *negative = half_of(&t, SSMQ_HALF_NEGATIVE),
                   *rest = half_of(&t, SSMQ_HALF_NONNEGATIVE);
    for (int64_t i = 0; i < n; i++) v[i] = fabsf(x[i]);
    qsort(v, (size_t)n, sizeof *v, by_value);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        double       error = -1;
        const double want = sorted_quantile(v, n, levels[i]);
        const double got = ssmq_histogram_quantile(h, levels[i], &error);
        assert_true(fabs(got - want) <= error && error <= want / 128);
        assert_true(got >= (double)v[0] && got <= (double)v[n - 1]);
        if (i == 0 || levels[i] == 100) assert_true(got == want && error == 0);
        assert_true(ssmq_histogram_folded_quantile(negative, rest, levels[i], NULL) == got);
    }
    free(h);
    free(negative);
    free(rest);
}

static void check_signed(const float *x, float *v, int64_t n)
{
    const ssmq_tensor t = SSMQ_TENSOR((void *)(uintptr_t)x, SSMQ_F32, n);
    ssmq_histogram *negative = half_of(&t, SSMQ_HALF_NEGATIVE), *rest = half_of(&t, SSMQ_HALF_NONNEGATIVE);
    memcpy(v, x, (size_t)n * sizeof *v);
    qsort(v, (size_t)n, sizeof *v, by_value);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        double       error = -1;
        const double want = sorted_quantile(v, n, levels[i]);
        const double got = ssmq_histogram_signed_quantile(negative, rest, levels[i], &error);
        assert_true(fabs(got - want) <= error);
        if (i == 0 || levels[i] == 100) assert_true(got == want && error == 0);
    }
    free(negative);
    free(rest);
}

static void test_quantiles(void **state)
{
    (void)state;
    enum { n = 200000 };
    static float (*const law[])(ssmq_rng *) = {gaussian, laplace, log_normal};
    float *x = malloc(n * sizeof *x), *v = malloc(n * sizeof *v);
    for (size_t k = 0; k < 3; k++) {
        ssmq_rng rng;
        ssmq_rng_init(&rng, k + 1, "histogram test");
        for (int64_t i = 0; i < n; i++) x[i] = law[k](&rng);
        check_magnitudes(x, v, n);
        check_magnitudes(x, v, 1);
        check_magnitudes(x, v, 2);
        check_magnitudes(x, v, 77);
        check_signed(x, v, n);
        check_signed(x, v, 1);
        check_signed(x, v, 77);
    }
    free(x);
    free(v);
}

/* In any pieces and any order, a histogram is the same. */
static void test_merging(void **state)
{
    (void)state;
    enum { n = 5000 };
    float    x[n];
    ssmq_rng rng;
    ssmq_rng_init(&rng, 4, "histogram test");
    for (int i = 0; i < n; i++) x[i] = laplace(&rng);
    const ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_F32, n);
    ssmq_histogram   *whole = empty(), *sum = empty(), *piece = empty();
    ssmq_histogram_add(whole, &t, SSMQ_HALF_BOTH);
    ssmq_histogram_merge(sum, piece); /* an empty one changes nothing */
    for (int64_t end = n; end > 0;) {
        const int64_t     length = 1 + (int64_t)ssmq_rng_below(&rng, (uint64_t)end);
        const ssmq_tensor part = ssmq_tensor_slice(&t, 0, end - length, length);
        memset(piece, 0, sizeof *piece);
        ssmq_histogram_add(piece, &part, SSMQ_HALF_BOTH);
        ssmq_histogram_merge(sum, piece);
        end -= length;
    }
    assert_memory_equal(sum, whole, sizeof *whole);
    free(whole);
    free(sum);
    free(piece);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bins),
        cmocka_unit_test(test_what_is_counted),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_merging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
