/* Values in fine bins against plain counting, and each compilation of the loop that finds their ends. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include "harness/base/rng.h"
#include "harness/tensor/fine_bins.h"
#include "harness/tensor/histogram.h"
#include "tests/support/check.h"

enum { L = 9, C = 3001, N = L * C };

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Over many powers of two, or few; both zeros; subnormal numbers, or none. */
static void draw(float *x, uint64_t seed)
{
    ssmq_rng  r;
    const int wide = (int)(seed % 3) * 20;
    ssmq_rng_init(&r, seed, "fine bins");
    for (int i = 0; i < N; i++) {
        const int    kind = (int)ssmq_rng_below(&r, 10);
        const double u = ssmq_rng_uniform(&r), v = ssmq_rng_uniform(&r) - 0.5;
        x[i] = kind == 0 ? 0.0f : kind == 1 ? -0.0f : (float)(v * exp(wide * (u - 0.5)));
        if (kind == 2 && seed % 2) x[i] = (float)v * 0x1p-140f;
    }
}

static void add_plainly(const ssmq_tensor *x, uint32_t *count)
{
    for (int64_t i = 0; i < x->dim[0]; i++)
        for (int64_t j = 0; j < x->dim[1]; j++)
            count[bits_of(((const float *)x->data)[i * x->stride[0] + j]) >> SSMQ_FINE_SHIFT]++;
}

static void expect_coarse(const ssmq_fine_bins *b, const ssmq_tensor *x, const ssmq_tensor *other)
{
    uint32_t *got = calloc(SSMQ_SIGNED_BINS, sizeof *got), *want = calloc(SSMQ_SIGNED_BINS, sizeof *want);
    for (int32_t p = 0; p < SSMQ_FINE_POWERS; p++)
        if (ssmq_fine_bins_touched(b, p)) ssmq_fine_bins_coarse(b, p, got);
    ssmq_count_bins(x, want);
    ssmq_count_bins(other, want);
    assert_memory_equal(got, want, SSMQ_SIGNED_BINS * sizeof *got);
    free(got);
    free(want);
}

static void expect_empty(const ssmq_fine_bins *b)
{
    for (int32_t i = 0; i < SSMQ_FINE_BINS; i++) assert_int_equal(b->count[i], 0);
    assert_true(b->low > b->high);
}

/* As if one had counted it all, power by power in any order. */
static void expect_merged(const ssmq_tensor *x, const ssmq_tensor *other, const ssmq_fine_bins *all)
{
    ssmq_fine_bins one, two;
    CHECK_OK(ssmq_fine_bins_new(&one));
    CHECK_OK(ssmq_fine_bins_new(&two));
    ssmq_fine_bins_add(&one, x);
    ssmq_fine_bins_add(&two, other);
    ssmq_fine_bins_reach(&one, &two);
    for (int32_t p = SSMQ_FINE_POWERS - 1; p >= 0; p--)
        if (ssmq_fine_bins_touched(&one, p)) ssmq_fine_bins_merge(&one, &two, p);
    assert_memory_equal(one.count, all->count, SSMQ_FINE_BINS * sizeof *one.count);
    assert_true(one.low == all->low && one.high == all->high);
    ssmq_fine_bins_free(&one);
    ssmq_fine_bins_free(&two);
}

/* Whole and strided: counted, at once or merged, in eights, and empty again. */
static void test_counts(void **state)
{
    (void)state;
    float          *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y);
    uint32_t       *want = malloc(SSMQ_FINE_BINS * sizeof *want);
    ssmq_fine_bins  all;
    CHECK_OK(ssmq_fine_bins_new(&all));
    for (uint64_t seed = 1; seed <= 6; seed++) {
        draw(x, seed);
        draw(y, seed + 7);
        const ssmq_tensor whole = SSMQ_TENSOR(x, SSMQ_F32, L, C), other = SSMQ_TENSOR(y, SSMQ_F32, L, C);
        const ssmq_tensor some = ssmq_tensor_slice(&other, 1, 2, C - 5);
        memset(want, 0, SSMQ_FINE_BINS * sizeof *want);
        add_plainly(&whole, want);
        add_plainly(&some, want);
        ssmq_fine_bins_add(&all, &whole);
        ssmq_fine_bins_add(&all, &some);
        assert_memory_equal(all.count, want, SSMQ_FINE_BINS * sizeof *want);
        expect_coarse(&all, &whole, &some);
        expect_merged(&whole, &some, &all);
        ssmq_fine_bins_clear(&all);
        expect_empty(&all);
    }
    ssmq_fine_bins_free(&all);
    free(x);
    free(y);
    free(want);
}

/* Zeros only, of either sign. */
static void test_zeros(void **state)
{
    (void)state;
    float             x[5] = {0.0f, -0.0f, -0.0f, 0.0f, -0.0f};
    const ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_F32, 5);
    ssmq_fine_bins    b;
    CHECK_OK(ssmq_fine_bins_new(&b));
    ssmq_fine_bins_add(&b, &t);
    assert_true(b.low > b.high && b.count[0] == 2 && b.count[SSMQ_FINE_SIGN] == 3);
    expect_coarse(&b, &t, &(ssmq_tensor){.dtype = SSMQ_F32, .rank = 2, .dim = {0, 0}, .stride = {0, 1}});
    ssmq_fine_bins_clear(&b);
    expect_empty(&b);
    ssmq_fine_bins_free(&b);
}

/* At every length of a row, with what was known before. */
static void check_ends(ssmq_magnitude_ends ends, const float *x)
{
    for (int n = 0; n < 200; n++) {
        int32_t low = 0x3f000000, high = 0x3e000000, want_low = low, want_high = high; /* 0.5 and 0.125 */
        for (int i = 0; i < n; i++) {
            const int32_t bits = (int32_t)(bits_of(x[i]) & INT32_MAX);
            if (bits > 0 && bits < want_low) want_low = bits;
            if (bits > want_high) want_high = bits;
        }
        ends(x, n, &low, &high);
        assert_true(low == want_low && high == want_high);
    }
}

static void test_ends(void **state)
{
    (void)state;
    float *x = malloc(N * sizeof *x);
    for (uint64_t seed = 1; seed <= 6; seed++) {
        draw(x, seed);
        for (int i = 0; i < 200; i += 200 - (int)seed) x[i] = -FLT_MAX;
        check_ends(ssmq_magnitude_ends_c, x);
#if defined(__x86_64__)
        if (ssmq_magnitude_ends_avx2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            check_ends(ssmq_magnitude_ends_avx2, x);
        if (ssmq_magnitude_ends_avx512 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
            check_ends(ssmq_magnitude_ends_avx512, x);
#endif
    }
    free(x);
}

/* A bin's middle is in it, as far from either end; so is that of eight. */
static void test_middles(void **state)
{
    (void)state;
    for (int32_t bin = 8; bin < ssmq_fine_bin(INFINITY) - 8; bin += 8) {
        const float low = ssmq_fine_bins_middle(bin, 0), high = ssmq_fine_bins_middle(bin + 1, 0);
        const float end = ssmq_fine_bins_middle(bin + 8, 0);
        assert_true(ssmq_fine_bin(low) == bin && ssmq_fine_bin(end) == bin + 8);
        assert_true((double)ssmq_fine_bin_middle(bin) == ((double)low + (double)high) / 2);
        assert_true((double)ssmq_fine_bins_middle(bin, 8) == ((double)low + (double)end) / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_zeros),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_middles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
