/* Shares of the floor of a profile, each repetition against the rates beside it, against the formulas written out. */
#include <math.h>
#include "harness/base/arena.h"
#include "harness/run/profile/profile.h"
#include "tests/support/check.h"

/* A quotient or two here and there. */
#define NEAR 1e-14

static void near(double a, double b)
{
    if (!(fabs(a - b) <= NEAR * fabs(b))) fail_msg("%.17g is not %.17g", a, b);
}

static void test_timing(void **state)
{
    (void)state;
    ssmq_arena       *arena = ssmq_arena_new();
    const double      sample[] = {3, 1, 10, 2};
    const ssmq_timing four = ssmq_timing_of(arena, sample, 4), three = ssmq_timing_of(arena, sample, 3);
    assert_true(four.n == 4 && four.min == 1 && four.median == 2.5 && four.max == 10);
    assert_true(three.n == 3 && three.min == 1 && three.median == 3 && three.max == 10);
    assert_true(four.sample == sample && sample[0] == 3 && sample[3] == 2);
    ssmq_arena_free(arena);
}

/* Two sequences of eight tokens; of a token, in the units of the rates: layers 4 + 2, head 1; a step reads 60. */
static ssmq_profile example(ssmq_arena *arena, const double time[3], const double read[3], const double rate[3],
                            const double none[3])
{
    return (ssmq_profile){.request = {.batch = 2, .prompt = 8},
                          .ttft = ssmq_timing_of(arena, time, 3),
                          .tpot = ssmq_timing_of(arena, time, 3),
                          .perplexity = ssmq_timing_of(arena, time, 3),
                          .read = ssmq_timing_of(arena, read, 3),
                          .f32 = ssmq_timing_of(arena, rate, 3),
                          .i8 = ssmq_timing_of(arena, none, 3),
                          .bf16 = ssmq_timing_of(arena, rate, 3),
                          .layers = {.i8 = 4e9, .f32 = 2e9},
                          .head = {.bf16 = 1e9},
                          .step_bytes = 60e9};
}

/* Without a rate for whole numbers they count as floats.  A prefill: 2 (8 * 6 + 1) = 98 units of work, with all logits
 * 2 * 8 * 7 = 112; a step: 60 read or 14 worked, whichever is longer. */
static void test_shares(void **state)
{
    (void)state;
    ssmq_arena  *arena = ssmq_arena_new();
    const double none[] = {0, 0, 0}, time[] = {10, 40, 20}, rate[] = {20, 4, 7}, read[] = {15, 3, 100};
    ssmq_profile p = example(arena, time, read, rate, none);
    ssmq_profile_compare(&p, arena);
    /* 98 / 20 / 10 = 0.49, 98 / 4 / 40 = 0.6125, 98 / 7 / 20 = 0.7 */
    near(p.of_floor.prefill, 98.0 / 4 / 40);
    near(p.of_floor.perplexity, 112.0 / 4 / 40);
    /* 60 / 15 / 10 = 0.4, 60 / 3 / 40 = 0.5; the last is bound by work: 14 / 7 / 20 = 0.1 */
    near(p.of_floor.decode, 60.0 / 15 / 10);
    assert_true(p.machine.read == 15 && p.machine.f32 == 7 && p.machine.i8 == 0 && p.machine.bf16 == 7);
    near(p.floor.ttft, 98.0 / 7);
    near(p.floor.perplexity, 112.0 / 7);
    near(p.floor.tpot, 60.0 / 15);
    p.tpot.n = 0;
    ssmq_profile_compare(&p, arena);
    assert_true(isnan(p.of_floor.decode));
    ssmq_arena_free(arena);
}

/* A machine that is slower by half in one repetition than in the next, and times with it: the same share in each. */
static void test_states(void **state)
{
    (void)state;
    ssmq_arena  *arena = ssmq_arena_new();
    const double time[] = {10, 20, 20}, rate[] = {40, 20, 20}, whole[] = {80, 40, 40};
    ssmq_profile p = example(arena, time, rate, rate, whole);
    ssmq_profile_compare(&p, arena);
    /* 2 (8 (4 / 80 + 2 / 40) + 1 / 40) / 10, and 60 / 40 / 10 */
    near(p.of_floor.prefill, 0.165);
    near(p.of_floor.decode, 0.15);
    near(p.floor.tpot, 3);
    ssmq_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_timing), cmocka_unit_test(test_shares),
                                       cmocka_unit_test(test_states)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
