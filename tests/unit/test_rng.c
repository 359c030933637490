#include <string.h>
#include "harness/base/rng.h"
#include "tests/support/check.h"

/* Known answers of Random123's kat_vectors, philox4x32 with 10 rounds. */
static void test_block(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        ssmq_philox4x32(known[i].counter, known[i].key, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

/* Computed with Python's hashlib and integers. */
static void test_stream(void **state)
{
    (void)state;
    ssmq_rng r;
    ssmq_rng_init(&r, 42, "calibration");
    assert_int_equal(ssmq_rng_next(&r), 0xbdcbc9c1f6b8c778u);
    assert_int_equal(ssmq_rng_next(&r), 0xb3595519473167e8u);
    assert_int_equal(ssmq_rng_next(&r), 0xa24bbab96cd5aa11u);
}

static void test_purposes(void **state)
{
    (void)state;
    ssmq_rng a, b, c;
    ssmq_rng_init(&a, 1, "one");
    ssmq_rng_init(&b, 1, "two");
    ssmq_rng_init(&c, 2, "one");
    const uint64_t x = ssmq_rng_next(&a);
    assert_int_not_equal(x, ssmq_rng_next(&b));
    assert_int_not_equal(x, ssmq_rng_next(&c));
}

/* 60,000 draws: each of the six is expected 10,000 times with a standard deviation of 91.3; six of
 * those are allowed.  The draws are always the same, so this cannot fail by chance. */
static void test_below(void **state)
{
    (void)state;
    ssmq_rng r;
    int      count[6] = {0};
    ssmq_rng_init(&r, 7, "dice");
    for (int i = 0; i < 60000; i++) {
        const uint64_t x = ssmq_rng_below(&r, 6);
        assert_in_range(x, 0, 5);
        count[x]++;
    }
    for (int i = 0; i < 6; i++) assert_in_range(count[i], 10000 - 548, 10000 + 548);
    assert_int_equal(ssmq_rng_below(&r, 1), 0);
    for (int i = 0; i < 100; i++) assert_true(ssmq_rng_below(&r, UINT64_MAX) < UINT64_MAX);
}

static void test_uniform(void **state)
{
    (void)state;
    ssmq_rng r;
    double   sum = 0;
    ssmq_rng_init(&r, 7, "uniform");
    for (int i = 0; i < 10000; i++) {
        const double x = ssmq_rng_uniform(&r);
        assert_true(x >= 0 && x < 1);
        sum += x;
    }
    /* mean 0.5, standard error 1 / sqrt(12 * 10000) = 0.0029; six of those */
    assert_true(sum / 10000 > 0.4827 && sum / 10000 < 0.5173);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block),    cmocka_unit_test(test_stream),
        cmocka_unit_test(test_purposes), cmocka_unit_test(test_below),
        cmocka_unit_test(test_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
