/* Sharing processors out: parts are disjoint, together all of them, and equal but for one. */
#include "harness/base/cores.h"
#include "tests/support/check.h"

/* What a batch system may leave: numbers with gaps. */
static ssmq_cores some(int32_t n)
{
    ssmq_cores c = {.n = n};
    for (int32_t i = 0; i < n; i++) c.at[i] = 3 * i + i % 2;
    return c;
}

static void test_parts(void **state)
{
    (void)state;
    for (int32_t n = 1; n <= 67; n++) {
        const ssmq_cores all = some(n);
        for (int32_t parts = 1; parts <= n; parts++) {
            int32_t next = 0;
            for (int32_t k = 0; k < parts; k++) {
                ssmq_cores part;
                ssmq_cores_part(&all, parts, k, &part);
                assert_true(part.n == n / parts || part.n == n / parts + 1);
                for (int32_t i = 0; i < part.n; i++) assert_int_equal(part.at[i], all.at[next++]);
            }
            assert_int_equal(next, n);
        }
    }
}

static void test_odd(void **state)
{
    (void)state;
    const ssmq_cores five = {.n = 5, .at = {0, 2, 3, 7, 9}};
    ssmq_cores       part;
    ssmq_cores_part(&five, 2, 0, &part);
    assert_int_equal(part.n, 2);
    assert_int_equal(part.at[1], 2);
    ssmq_cores_part(&five, 2, 1, &part);
    assert_int_equal(part.n, 3);
    assert_int_equal(part.at[0], 3);
    assert_int_equal(part.at[2], 9);
}

static void test_bound(void **state)
{
    (void)state;
    ssmq_cores before, last, now;
    ssmq_cores_allowed(&before);
    assert_true(before.n >= 1);
    ssmq_cores_part(&before, before.n, before.n - 1, &last);
    CHECK_OK(ssmq_cores_bind(&last));
    ssmq_cores_allowed(&now);
    assert_int_equal(now.n, 1);
    assert_int_equal(now.at[0], before.at[before.n - 1]);
    CHECK_OK(ssmq_cores_bind(&before));
    const ssmq_cores none = {0};
    CHECK_FAILS(ssmq_cores_bind(&none), SSMQ_ERR_IO, "0 processors from 0 on cannot be bound to: Invalid argument");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts), cmocka_unit_test(test_odd),
                                       cmocka_unit_test(test_bound)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
