/* The outermost values of a set against sorting, and quantiles out of them against quantiles of all values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/rng.h"
#include "harness/tensor/quantiles.h"
#include "harness/tensor/tail.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static const int64_t sizes[] = {1, 2, 3, 4, 5, 100, 512, 999, 1000, 1001, 1002, 2048, 4001, 70000};
#define SIZES (sizeof sizes / sizeof *sizes)

/* Many equal ones, both zeros, both signs. */
static float *draw(ssmq_rng *r, int64_t n)
{
    float    *x = malloc((size_t)n * sizeof *x);
    const int kind = (int)ssmq_rng_below(r, 3); /* as they come; few different ones; one sign */
    for (int64_t i = 0; i < n; i++) {
        x[i] = (float)((ssmq_rng_uniform(r) - 0.5) * exp(6 * ssmq_rng_uniform(r)));
        if (kind == 1) x[i] = (float)ssmq_rng_below(r, 5) - 2;
        if (kind == 2) x[i] = -fabsf(x[i]);
        if (ssmq_rng_below(r, 9) == 0) x[i] = i % 2 ? -0.0f : 0.0f;
    }
    return x;
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void check_end(const float *x, int64_t n, ssmq_tail_end end, const float *got)
{
    float *sorted = malloc((size_t)n * sizeof *sorted);
    for (int64_t i = 0; i < n; i++) sorted[i] = end == SSMQ_TAIL_MAGNITUDE ? fabsf(x[i]) : x[i];
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    for (int32_t i = 0; i < ssmq_tail_length(n); i++)
        assert_true(got[i] == sorted[end == SSMQ_TAIL_LOW ? i : n - 1 - i]);
    free(sorted);
}

/* Just at the limit, near it, beyond it, and the largest. */
static double level_at(ssmq_rng *r, int i)
{
    static const double fixed[] = {SSMQ_TAIL_FROM, 100, 99.95, 99.999, 99.9000000001};
    return i < 5 ? fixed[i] : SSMQ_TAIL_FROM + (100 - SSMQ_TAIL_FROM) * ssmq_rng_uniform(r);
}

static float of_all(const ssmq_tensor *x, ssmq_tail_end end, double p)
{
    const double             q = end == SSMQ_TAIL_LOW ? 100 - p : p;
    float                    out;
    const ssmq_quantile_list list = {end == SSMQ_TAIL_MAGNITUDE, 1, &q, &out, NULL};
    CHECK_OK(ssmq_quantiles(x, &list, 1));
    return out;
}

static void check_set(ssmq_rng *r, int64_t n)
{
    float            *x = draw(r, n), *value[SSMQ_TAIL_ENDS];
    const ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_F32, n);
    ssmq_tail         tail = {.n = n, .length = ssmq_tail_length(n)};
    for (int e = 0; e < SSMQ_TAIL_ENDS; e++) {
        value[e] = malloc((size_t)tail.length * sizeof *value[e]);
        CHECK_OK(ssmq_tail_of(&t, (ssmq_tail_end)e, value[e]));
        check_end(x, n, (ssmq_tail_end)e, value[e]);
        tail.value[e] = value[e];
    }
    for (int e = 0; e < SSMQ_TAIL_ENDS; e++)
        for (int i = 0; i < 12; i++) {
            const double p = level_at(r, i);
            const float  want = of_all(&t, (ssmq_tail_end)e, p);
            float        got = NAN;
            assert_true(ssmq_tail_quantile(&tail, (ssmq_tail_end)e, p, &got));
            assert_memory_equal(&got, &want, sizeof got);
        }
    for (int e = 0; e < SSMQ_TAIL_ENDS; e++) free(value[e]);
    free(x);
}

static void test_quantiles(void **state)
{
    ssmq_rng r;
    (void)state;
    ssmq_rng_init(&r, test_seed(8), "tails");
    for (size_t i = 0; i < SIZES; i++)
        for (int k = 0; k < (sizes[i] < 10000 ? 20 : 3); k++) check_set(&r, sizes[i]);
}

/* Further inwards, or of an end that is not kept, nothing is known. */
static void test_what_is_not_known(void **state)
{
    enum { n = 10000 };
    float     end[13], got;
    ssmq_tail t = {.n = n, .length = ssmq_tail_length(n), .value = {end}};
    (void)state;
    for (int i = 0; i < 13; i++) end[i] = (float)-i;
    assert_true(t.length <= 13);
    assert_true(ssmq_tail_quantile(&t, SSMQ_TAIL_MAGNITUDE, 99.9, &got));
    assert_false(ssmq_tail_quantile(&t, SSMQ_TAIL_MAGNITUDE, 99.8, &got));
    assert_false(ssmq_tail_quantile(&t, SSMQ_TAIL_HIGH, 99.9, &got));
    assert_false(ssmq_tail_quantile(&t, SSMQ_TAIL_LOW, 99.9, &got));
    t.length = 0;
    assert_false(ssmq_tail_quantile(&t, SSMQ_TAIL_MAGNITUDE, 100, &got));
}

/* Whatever the parts, whose rows may be strided. */
static void test_parts(void **state)
{
    enum { rows = 60, width = 50, n = rows * width };
    ssmq_rng r;
    (void)state;
    ssmq_rng_init(&r, test_seed(9), "parts");
    for (int time = 0; time < 20; time++) {
        float            *x = draw(&r, n), out[8], innermost;
        const ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_F32, rows, width);
        const int64_t     cut = 1 + (int64_t)ssmq_rng_below(&r, width - 1);
        const ssmq_tensor left = ssmq_tensor_slice(&t, 1, 0, cut), right = ssmq_tensor_slice(&t, 1, cut, width - cut);
        assert_true(ssmq_tail_length(n) <= 8);
        for (int e = 0; e < SSMQ_TAIL_ENDS; e++) {
            ssmq_tail_collection     c;
            const int64_t            rank = ssmq_tail_rank((ssmq_tail_end)e, n);
            const ssmq_quantile_list list = {e == SSMQ_TAIL_MAGNITUDE, 1, NULL, &innermost, &rank};
            CHECK_OK(ssmq_quantiles(&t, &list, 1));
            ssmq_tail_begin(&c, (ssmq_tail_end)e, ssmq_tail_length(n), innermost, out);
            ssmq_tail_add(&c, 1, &right);
            ssmq_tail_add(&c, 1, &left);
            ssmq_tail_finish(&c);
            check_end(x, n, (ssmq_tail_end)e, out);
        }
        free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_what_is_not_known),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
