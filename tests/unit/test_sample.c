/* Sampling: what each setting leaves to draw from, and what a number of the generator draws. */
#include <math.h>
#include <stdlib.h>
#include "harness/run/generate/sample.h"
#include "tests/support/check.h"

#define N 6
#define DRAWS 20000

static const ssmq_sampling plain = {.repetition_penalty = 1, .temperature = 1, .top_p = 1};
/* Probabilities 0.4, 0.3, 0.15, 0.1, 0.05 and next to nothing, not in order. */
static const double share[N] = {0.1, 0.4, 1e-30, 0.3, 0.05, 0.15};

static void logits_of(float logit[N])
{
    for (int i = 0; i < N; i++) logit[i] = (float)log(share[i]) + 2.0f;
}

/* The token that a number u of [0, 1) stands for: probabilities side by side, the largest first, the lower id of two
 * that are equal.  *near: u is so close to an edge that the rounding of logits, 2^-24 of 70, may decide. */
static int expected(const double want[N], double u, bool *near)
{
    bool   used[N] = {false};
    double sum = 0;
    int    at = -1;
    *near = false;
    for (int k = 0; k < N; k++) {
        int most = -1;
        for (int i = 0; i < N; i++)
            if (!used[i] && (most < 0 || want[i] > want[most])) most = i;
        used[most] = true;
        sum += want[most];
        if (want[most] > 0 && fabs(u - sum) < 1e-5) *near = true;
        if (at < 0 && u < sum) at = most;
    }
    return at < 0 ? 1 : at;
}

/* Every single draw is the one that the generator's number stands for under the probabilities wanted. */
static void check_draws(const ssmq_sampling *s, const int32_t *seen, int64_t n_seen, const double want[N])
{
    float          logit[N];
    ssmq_candidate room[N];
    ssmq_rng       rng, same;
    int            skipped = 0, drawn[N] = {0};
    logits_of(logit);
    ssmq_rng_init(&rng, 5, "test");
    ssmq_rng_init(&same, 5, "test");
    for (int i = 0; i < DRAWS; i++) {
        bool          near;
        const int     token = expected(want, ssmq_rng_uniform(&same), &near);
        const int32_t got = ssmq_sample_token(s, logit, N, seen, n_seen, &rng, room);
        drawn[got]++;
        skipped += near;
        if (got != token && !near) fail_msg("draw %d: token %d, %d expected", i, got, token);
    }
    assert_true(skipped < DRAWS / 1000);
    for (int i = 0; i < N; i++) assert_int_equal(drawn[i] > 0, want[i] > 1e-20);
}

static void draws_follow_the_model(void **state)
{
    (void)state;
    check_draws(&plain, NULL, 0, share);
    ssmq_sampling s = plain;
    s.temperature = 0.5; /* squares the probabilities */
    double square[N], total = 0;
    for (int i = 0; i < N; i++) total += share[i] * share[i];
    for (int i = 0; i < N; i++) square[i] = share[i] * share[i] / total;
    check_draws(&s, NULL, 0, square);
}

static void each_limit_acts(void **state)
{
    ssmq_sampling s = plain;
    (void)state;
    s.top_k = 2;
    check_draws(&s, NULL, 0, (const double[N]){0, 0.4 / 0.7, 0, 0.3 / 0.7, 0, 0});
    s = plain;
    s.top_p = 0.71; /* 0.4 + 0.3 is not enough */
    check_draws(&s, NULL, 0, (const double[N]){0, 0.4 / 0.85, 0, 0.3 / 0.85, 0, 0.15 / 0.85});
    s = plain;
    s.min_p = 0.26; /* of 0.4: 0.104 */
    check_draws(&s, NULL, 0, (const double[N]){0, 0.4 / 0.85, 0, 0.3 / 0.85, 0, 0.15 / 0.85});
    s = plain;
    s.top_k = 3;
    s.top_p = 0.8; /* of 0.85: 0.68, which the first two have */
    check_draws(&s, NULL, 0, (const double[N]){0, 0.4 / 0.7, 0, 0.3 / 0.7, 0, 0});
    s.top_p = 0; /* at least one is left */
    check_draws(&s, NULL, 0, (const double[N]){0, 1, 0, 0, 0, 0});
}

static void temperature_0_is_greedy(void **state)
{
    ssmq_sampling  s = plain;
    const float    tie[3] = {1, 3, 3};
    ssmq_candidate room[N];
    ssmq_rng       rng;
    (void)state;
    s.temperature = 0;
    check_draws(&s, NULL, 0, (const double[N]){0, 1, 0, 0, 0, 0});
    ssmq_rng_init(&rng, 1, "test");
    assert_int_equal(ssmq_sample_token(&s, tie, 3, NULL, 0, &rng, room), 1);
}

static void repetition_is_penalised_once(void **state)
{
    static const int32_t seen[] = {1, 1, 1, 99, -1};
    ssmq_sampling        s = plain;
    float                logit[N];
    double               weight[N], total = 0;
    (void)state;
    s.repetition_penalty = 1.5;
    logits_of(logit);
    assert_true(logit[1] > 0 && logit[4] < 0);
    for (int i = 0; i < N; i++) weight[i] = exp(i == 1 ? (double)logit[i] / 1.5 : (double)logit[i]);
    for (int i = 0; i < N; i++) total += weight[i];
    for (int i = 0; i < N; i++) weight[i] /= total;
    check_draws(&s, seen, 5, weight);
    const int32_t negative[] = {4};
    total = 0;
    for (int i = 0; i < N; i++) weight[i] = exp(i == 4 ? (double)logit[i] * 1.5 : (double)logit[i]);
    for (int i = 0; i < N; i++) total += weight[i];
    for (int i = 0; i < N; i++) weight[i] /= total;
    check_draws(&s, negative, 1, weight);
}

/* Another seed draws others; the same one the same. */
static void the_seed_decides(void **state)
{
    float          logit[N];
    ssmq_candidate room[N];
    ssmq_rng       a, b, c;
    int            differ = 0;
    (void)state;
    logits_of(logit);
    ssmq_rng_init(&a, 1, "test");
    ssmq_rng_init(&b, 1, "test");
    ssmq_rng_init(&c, 2, "test");
    for (int i = 0; i < 100; i++) {
        const int32_t token = ssmq_sample_token(&plain, logit, N, NULL, 0, &a, room);
        assert_int_equal(ssmq_sample_token(&plain, logit, N, NULL, 0, &b, room), token);
        differ += ssmq_sample_token(&plain, logit, N, NULL, 0, &c, room) != token;
    }
    assert_true(differ > 0);
}

/* So that a generation's draws do not shift with its settings. */
static void one_number_a_token(void **state)
{
    ssmq_sampling  s = plain;
    float          logit[N];
    ssmq_candidate room[N];
    ssmq_rng       a, b;
    (void)state;
    logits_of(logit);
    ssmq_rng_init(&a, 3, "test");
    ssmq_rng_init(&b, 3, "test");
    s.temperature = 0;
    ssmq_sample_token(&s, logit, N, NULL, 0, &a, room);
    ssmq_sample_token(&plain, logit, N, NULL, 0, &b, room);
    assert_true(ssmq_rng_next(&a) == ssmq_rng_next(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_follow_the_model),   cmocka_unit_test(each_limit_acts),
        cmocka_unit_test(temperature_0_is_greedy),  cmocka_unit_test(repetition_is_penalised_once),
        cmocka_unit_test(one_number_a_token),       cmocka_unit_test(the_seed_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
