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

/* Wherever the largest lies, a second one behind it, rows of every length; a whole row of one value. */
static void the_first_of_the_largest(void **state)
{
    float logit[70];
    (void)state;
    for (int32_t n = 1; n <= 70; n++)
        for (int32_t at = 0; at < n; at++) {
            for (int32_t i = 0; i < n; i++) logit[i] = i == at || i == n - 1 ? -1.0f : -2.0f - (float)((7 * i) % 5);
            assert_int_equal(ssmq_most_likely(logit, n), at);
            for (int32_t i = 0; i < n; i++) logit[i] = -INFINITY;
            assert_int_equal(ssmq_most_likely(logit, n), 0);
        }
}

/* Of many candidates, some of them equal, the draw is the one of all in order, under every limit. */
static void many_are_drawn_in_order(void **state)
{
    enum { MANY = 1000 };
    static const ssmq_sampling cases[] = {
        {.repetition_penalty = 1, .temperature = 1, .top_p = 1},
        {.repetition_penalty = 1, .temperature = 3, .top_p = 1, .top_k = 17},
        {.repetition_penalty = 1, .temperature = 2, .top_p = 0.9, .top_k = 400},
        {.repetition_penalty = 1, .temperature = 1, .top_p = 0.95},
        {.repetition_penalty = 1, .temperature = 1, .top_p = 1, .min_p = 0.02},
        {.repetition_penalty = 1, .temperature = 1, .top_p = 0.8, .min_p = 0.3},
    };
    float          logit[MANY];
    int32_t        order[MANY];
    ssmq_candidate room[MANY];
    ssmq_rng       rng, same;
    (void)state;
    ssmq_rng_init(&rng, 9, "logits");
    for (int32_t i = 0; i < MANY; i++) logit[i] = 0.125f * (float)ssmq_rng_below(&rng, 80);
    for (int32_t i = 0; i < MANY; i++) { /* by insertion: equals stay in the order of their ids */
        int32_t at = i;
        for (; at > 0 && logit[order[at - 1]] < logit[i]; at--) order[at] = order[at - 1];
        order[at] = i;
    }
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const ssmq_sampling *s = &cases[k];
        double               share_of[MANY], all = 0, left = 0;
        int32_t              n = s->top_k ? s->top_k : MANY, m = 0;
        for (int32_t i = 0; i < n; i++) share_of[i] = exp(((double)logit[order[i]] - (double)logit[order[0]]) / s->temperature);
        for (int32_t i = 0; i < n; i++) all += share_of[i];
        while (m < n && (m == 0 || (left < s->top_p * all * (1 - 1e-12) && share_of[m] >= s->min_p))) left += share_of[m++];
        ssmq_rng_init(&rng, 5, "test");
        ssmq_rng_init(&same, 5, "test");
        for (int i = 0; i < 1000; i++) {
            const double  u = ssmq_rng_uniform(&same);
            const int32_t got = ssmq_sample_token(s, logit, MANY, NULL, 0, &rng, room);
            double        sum = 0;
            int32_t       at = 0;
            while (at < m - 1 && (sum += share_of[at]) <= u * left) at++;
            if (got == order[at]) continue;
            /* sums in another order differ in their last places */
            const bool near = fabs(sum - u * left) < 1e-12 * left;
            if (!near) fail_msg("case %zu, draw %d: token %d, %d expected", k, i, got, order[at]);
        }
    }
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
        cmocka_unit_test(the_first_of_the_largest), cmocka_unit_test(many_are_drawn_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
