/* The upper factor of an inverse. */
#include "quant/solve/cholesky.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/rng.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

/* x x^T / n + ridge on the diagonal, of n by m draws: symmetric, positive definite. */
static double *random_matrix(ssmq_rng *r, int64_t n, int64_t m, double ridge)
{
    double *x = malloc((size_t)(n * m) * sizeof *x), *a = malloc((size_t)(n * n) * sizeof *a);
    for (int64_t i = 0; i < n * m; i++) x[i] = (double)ssmq_rng_below(r, 2001) * 1e-3 - 1;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = i == j ? ridge : 0;
            for (int64_t k = 0; k < m; k++) sum += x[i * m + k] * x[j * m + k] / (double)n;
            a[i * n + j] = sum;
        }
    free(x);
    return a;
}

/* U^T U a is the identity.  With a condition number below 1e4 and n rounding errors of 1.1e-16 in each sum,
 * n * 1e4 * 1e-16 = 1e-10 for n = 100 leaves a factor of ten. */
static void test_inverse(void **state)
{
    (void)state;
    ssmq_rng r;
    ssmq_rng_init(&r, test_seed(5), "test_cholesky");
    for (int64_t n = 1; n <= 100; n += n < 20 ? 1 : 9) {
        double *a = random_matrix(&r, n, n + 3, 0.1), *u = malloc((size_t)(n * n) * sizeof *u);
        memcpy(u, a, (size_t)(n * n) * sizeof *u);
        CHECK_OK(ssmq_inverse_factor(u, n));
        double *inverse = calloc((size_t)(n * n), sizeof *inverse);
        for (int64_t i = 0; i < n; i++) {
            assert_true(u[i * n + i] > 0);
            for (int64_t j = 0; j < i; j++) assert_true(u[i * n + j] == 0);
        }
        for (int64_t k = 0; k < n; k++)
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < n; j++) inverse[i * n + j] += u[k * n + i] * u[k * n + j];
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = 0;
                for (int64_t k = 0; k < n; k++) sum += inverse[i * n + k] * a[k * n + j];
                if (!(fabs(sum - (i == j)) < 1e-9)) fail_msg("n %d: %.3e", (int)n, sum - (i == j));
            }
        free(a);
        free(u);
        free(inverse);
    }
}

static void test_by_hand(void **state)
{
    (void)state;
    double one[] = {4};
    CHECK_OK(ssmq_inverse_factor(one, 1));
    assert_true(one[0] == 0.5);
    /* a = R R^T with R = (2 1; 0 1), so U = R^-1 = (1/2 -1/2; 0 1); what lies below is not read. */
    double two[] = {5, 1, NAN, 1};
    CHECK_OK(ssmq_inverse_factor(two, 2));
    assert_memory_equal(two, ((double[]){0.5, -0.5, 0, 1}), sizeof two);
}

static void test_not_positive_definite(void **state)
{
    (void)state;
    double negative[] = {-1}, zero[] = {0}, nan[] = {NAN}, huge[] = {INFINITY};
    double singular[] = {1, 1, 1, 1};                 /* rank 1 */
    double nearly[] = {1, 1 - 1e-17, 1 - 1e-17, 1};   /* the same in float64 */
    double indefinite[] = {1, 2, 2, 1};
    CHECK_FAILS(ssmq_inverse_factor(negative, 1), SSMQ_ERR_NUMERIC,
                "a matrix is not positive definite at row 0 of 1");
    CHECK_FAILS(ssmq_inverse_factor(zero, 1), SSMQ_ERR_NUMERIC,
                "a matrix is not positive definite at row 0 of 1");
    CHECK_FAILS(ssmq_inverse_factor(nan, 1), SSMQ_ERR_NUMERIC,
                "a matrix is not positive definite at row 0 of 1");
    CHECK_FAILS(ssmq_inverse_factor(huge, 1), SSMQ_ERR_NUMERIC,
                "a matrix is not positive definite at row 0 of 1");
    CHECK_FAILS(ssmq_inverse_factor(singular, 2), SSMQ_ERR_NUMERIC,
                "a matrix is not positive definite at row 0 of 2");
    CHECK_FAILS(ssmq_inverse_factor(nearly, 2), SSMQ_ERR_NUMERIC,
                "a matrix is not positive definite at row 0 of 2");
    CHECK_FAILS(ssmq_inverse_factor(indefinite, 2), SSMQ_ERR_NUMERIC,
                "a matrix is not positive definite at row 0 of 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inverse),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_not_positive_definite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
