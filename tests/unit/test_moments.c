/* Moments put together from pieces, against sums in two passes over all values. */
#include <math.h>
#include <stdlib.h>
#include "harness/base/rng.h"
#include "harness/tensor/moments.h"
#include "tests/support/check.h"

#define N 5000

static ssmq_moments one(double x)
{
    return (ssmq_moments){.n = 1, .mean = x};
}

/* The sums of (x - mean)^k in the widest format there is. */
static void two_pass(const double *x, int64_t n, long double *mean, long double s[5])
{
    *mean = 0;
    for (int64_t i = 0; i < n; i++) *mean += (long double)x[i];
    *mean /= (long double)n;
    for (int k = 2; k <= 4; k++) s[k] = 0;
    for (int64_t i = 0; i < n; i++) {
        const long double d = (long double)x[i] - *mean;
        s[2] += d * d;
        s[3] += d * d * d;
        s[4] += d * d * d * d;
    }
}

/* Values of spread 1 around an offset, put together in pieces of changing length.  A value is exact to
 * offset * 2^-53, and so is each of the at most N differences of means that go into a sum: errors relative
 * to the sums of |d|^k, all of order N, of at most k * offset * 2^-53 per merge. */
static void test_pieces(void **state)
{
    static const double offsets[] = {0, 1, -1e3, 1e6, -1e9};
    static double       x[N];
    (void)state;
    for (size_t o = 0; o < sizeof offsets / sizeof *offsets; o++) {
        ssmq_rng     rng;
        ssmq_moments all = {0}, piece = {0};
        long double  mean, s[5];
        ssmq_rng_init(&rng, 7, "moments");
        for (int i = 0; i < N; i++) x[i] = offsets[o] - log(1 - ssmq_rng_uniform(&rng)); /* skewed */
        for (int i = 0, length = 1, left = 1; i < N; i++) {
            const ssmq_moments next = one(x[i]);
            ssmq_moments_merge(&piece, &next);
            if (--left > 0 && i + 1 < N) continue;
            ssmq_moments_merge(&all, &piece);
            piece = (ssmq_moments){0};
            length = length * 3 % 101;
            left = length;
        }
        two_pass(x, N, &mean, s);
        const double eps = (fabs(offsets[o]) + 10) * 0x1p-53 * N;
        assert_int_equal(all.n, N);
        assert_true(fabs(all.mean - (double)mean) <= eps);
        assert_true(fabs(all.s2 - (double)s[2]) <= 2 * eps * (double)s[2]);
        assert_true(fabs(all.s3 - (double)s[3]) <= 3 * eps * (double)s[4]);
        assert_true(fabs(all.s4 - (double)s[4]) <= 4 * eps * (double)s[4]);
    }
}

static void test_few(void **state)
{
    ssmq_moments       m = {0};
    const ssmq_moments none = {0}, two = one(2), five = one(5);
    (void)state;
    assert_true(isnan(ssmq_moments_central(&m, 2)) && isnan(ssmq_moments_kurtosis(&m)));
    ssmq_moments_merge(&m, &none);
    assert_int_equal(m.n, 0);
    ssmq_moments_merge(&m, &two);
    assert_true(m.n == 1 && m.mean == 2 && ssmq_moments_central(&m, 2) == 0);
    assert_true(isnan(ssmq_moments_kurtosis(&m)) && ssmq_moments_squares(&m) == 4);
    ssmq_moments_merge(&m, &five);
    ssmq_moments_merge(&m, &none);
    assert_true(m.n == 2 && m.mean == 3.5 && ssmq_moments_central(&m, 2) == 2.25);
    assert_true(ssmq_moments_central(&m, 3) == 0 && ssmq_moments_central(&m, 4) == 5.0625);
    assert_true(ssmq_moments_kurtosis(&m) == 1 && ssmq_moments_squares(&m) == 29);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pieces), cmocka_unit_test(test_few)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
