/* How many rows of logits are computed at once: equal parts of a piece, within their limit. */
#include "harness/run/evaluate/eval_ppl.h"
#include "tests/support/check.h"

static int64_t block_of(int64_t vocabulary)
{
    const ssmq_model m = {.vocabulary = vocabulary};
    return ssmq_eval_block(&m);
}

static void test_equal_blocks(void **state)
{
    (void)state;
    assert_int_equal(block_of(256), SSMQ_EVAL_PIECE);
    assert_int_equal(block_of((8 << 20) / SSMQ_EVAL_PIECE), SSMQ_EVAL_PIECE);
    assert_int_equal(block_of((8 << 20) / SSMQ_EVAL_PIECE + 1), SSMQ_EVAL_PIECE / 2);
    assert_int_equal(block_of(50280), 128); /* 166 would fit, and leave 14 for a fourth pass over the head */
    assert_int_equal(block_of(100 << 20), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_equal_blocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
