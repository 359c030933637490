/* Sampling: what each setting leaves to draw from, and how often it is drawn. */
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

static void count(const ssmq_sampling *s, const int32_t *seen, int64_t n_seen, int drawn[N])
{
    float          logit[N];
    ssmq_candidate room[N];
    ssmq_rng       rng;
    logits_of(logit);
    ssmq_rng_init(&rng, 5, "test");
    for (int i = 0; i < N; i++) drawn[i] = 0;
    for (int i = 0; i < DRAWS; i++)
        drawn[ssmq_sample_token(s, logit, N, seen, n_seen, &rng, room)]++;
}

/* Within five standard deviations of a binomial. */
static void check_shares(const int drawn[N], const double want[N])
{
    for (int i = 0; i < N; i++) {
        const double mean = DRAWS * want[i], sd = sqrt(mean * (1 - want[i]));
        if (fabs(drawn[i] - mean) > 5 * sd + 1e-9)
            fail_msg("token %d: drawn %d times, %.0f expected", i, drawn[i], mean);
    }
}

static void draws_follow_the_model(void **state)
{
    int drawn[N];
    (void)state;
    count(&plain, NULL, 0, drawn);
    check_shares(drawn, share);
    ssmq_sampling s = plain;
    s.temperature = 0.5; /* squares the probabilities */
    double square[N], total = 0;
    for (int i = 0; i < N; i++) total += share[i] * share[i];
    for (int i = 0; i < N; i++) square[i] = share[i] * share[i] / total;
    count(&s, NULL, 0, drawn);
    check_shares(drawn, square);
}

static void each_limit_acts(void **state)
{
    ssmq_sampling s = plain;
    int           drawn[N];
    (void)state;
    s.top_k = 2;
    count(&s, NULL, 0, drawn);
    check_shares(drawn, (const double[N]){0, 0.4 / 0.7, 0, 0.3 / 0.7, 0, 0});
    s = plain;
    s.top_p = 0.71; /* 0.4 + 0.3 is not enough */
    count(&s, NULL, 0, drawn);
    check_shares(drawn, (const double[N]){0, 0.4 / 0.85, 0, 0.3 / 0.85, 0, 0.15 / 0.85});
    s = plain;
    s.min_p = 0.26; /* of 0.4: 0.104 */
    count(&s, NULL, 0, drawn);
    check_shares(drawn, (const double[N]){0, 0.4 / 0.85, 0, 0.3 / 0.85, 0, 0.15 / 0.85});
    s = plain;
    s.top_k = 3;
    s.top_p = 0.8; /* of 0.85: 0.68, which the first two have */
    count(&s, NULL, 0, drawn);
    check_shares(drawn, (const double[N]){0, 0.4 / 0.7, 0, 0.3 / 0.7, 0, 0});
    s.top_p = 0; /* at least one is left */
    count(&s, NULL, 0, drawn);
    assert_int_equal(drawn[1], DRAWS);
}

static void temperature_0_is_greedy(void **state)
{
    ssmq_sampling  s = plain;
    const float    tie[3] = {1, 3, 3};
    ssmq_candidate room[N];
    ssmq_rng       rng;
    int            drawn[N];
    (void)state;
    s.temperature = 0;
    count(&s, NULL, 0, drawn);
    assert_int_equal(drawn[1], DRAWS);
    ssmq_rng_init(&rng, 1, "test");
    assert_int_equal(ssmq_sample_token(&s, tie, 3, NULL, 0, &rng, room), 1);
}

static void repetition_is_penalised_once(void **state)
{
    static const int32_t seen[] = {1, 1, 1, 99, -1};
    ssmq_sampling        s = plain;
    float                logit[N];
    double               weight[N], total = 0;
    int                  drawn[N];
    (void)state;
    s.repetition_penalty = 1.5;
    logits_of(logit);
    assert_true(logit[1] > 0 && logit[4] < 0);
    for (int i = 0; i < N; i++) weight[i] = exp(i == 1 ? (double)logit[i] / 1.5 : (double)logit[i]);
    for (int i = 0; i < N; i++) total += weight[i];
    for (int i = 0; i < N; i++) weight[i] /= total;
    count(&s, seen, 5, drawn);
    check_shares(drawn, weight);
    const int32_t negative[] = {4};
    total = 0;
    for (int i = 0; i < N; i++) weight[i] = exp(i == 4 ? (double)logit[i] * 1.5 : (double)logit[i]);
    for (int i = 0; i < N; i++) total += weight[i];
    for (int i = 0; i < N; i++) weight[i] /= total;
    count(&s, negative, 1, drawn);
    check_shares(drawn, weight);
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
        cmocka_unit_test(one_number_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
