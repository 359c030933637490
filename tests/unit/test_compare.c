/* Figures of a model paired with float: against the formulas in long double, against figures worked
 * out by hand, and for any number of threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/rng.h"
#include "harness/base/stats.h"
#include "harness/run/evaluate/compare.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

/* Rounding of a sum of n terms is at most n 2^-53 of it (n = 4096: 5e-13); logits here are
 * below 60. */
#define SUM_BOUND 1e-11

static void fill(float *x, int64_t n, float range, ssmq_rng *r)
{
    for (int64_t i = 0; i < n; i++) x[i] = range * (float)(2 * ssmq_rng_uniform(r) - 1);
}

/* ---- one token ------------------------------------------------------------------------- */

static long double log_softmax(const float *x, int64_t n, int64_t at)
{
    long double top = (long double)x[0], sum = 0;
    for (int64_t i = 0; i < n; i++) top = fmaxl(top, (long double)x[i]);
    for (int64_t i = 0; i < n; i++) sum += expl((long double)x[i] - top);
    return (long double)x[at] - top - logl(sum);
}

static void check_row(const float *p, const float *q, int64_t n, int32_t target)
{
    long double kl = 0;
    int64_t     best_p = 0, best_q = 0;
    for (int64_t i = 0; i < n; i++) {
        const long double ln_p = log_softmax(p, n, i);
        kl += expl(ln_p) * (ln_p - log_softmax(q, n, i));
        if (p[i] > p[best_p]) best_p = i;
        if (q[i] > q[best_q]) best_q = i;
    }
    const long double delta = expl(log_softmax(q, n, target)) - expl(log_softmax(p, n, target));
    const ssmq_compared_token got = ssmq_compare_rows(p, q, n, target);
    assert_true(fabsl((long double)got.kl - kl) <= SUM_BOUND);
    assert_true(fabsl((long double)got.delta_p - delta) <= SUM_BOUND);
    assert_int_equal(got.top1, best_p == best_q);
}

static void test_rows(void **state)
{
    static const int64_t sizes[] = {1, 2, 3, 17, 300};
    ssmq_rng             r;
    float                p[300], q[300];
    (void)state;
    ssmq_rng_init(&r, test_seed(1), "rows");
    for (int i = 0; i < 60; i++) {
        const int64_t n = sizes[i % 5];
        fill(p, n, i < 30 ? 1 : 25, &r);
        fill(q, n, i < 30 ? 1 : 25, &r);
        if (i % 3 == 0) /* near each other, as those of a model and its quantised form are */
            for (int64_t k = 0; k < n; k++) q[k] = p[k] + 1e-3F * q[k];
        check_row(p, q, n, (int32_t)ssmq_rng_below(&r, (uint64_t)n));
    }
}

/* A row and itself: exactly nothing between them. */
static void test_equal_rows(void **state)
{
    ssmq_rng r;
    float    p[4096];
    (void)state;
    ssmq_rng_init(&r, test_seed(2), "equal");
    for (int i = 0; i < 20; i++) {
        fill(p, 4096, (float)(1 << i % 6), &r);
        const ssmq_compared_token got = ssmq_compare_rows(p, p, 4096, i);
        assert_true(got.kl == 0 && got.delta_p == 0 && got.top1);
    }
}

static void test_special_rows(void **state)
{
    (void)state;
    const float p[] = {2, 2, 1}, q[] = {1, 2, 2}, gone[] = {2, 2, -INFINITY};
    /* p's first token is the first of two equally likely ones, q's is the second. */
    assert_false(ssmq_compare_rows(p, q, 3, 0).top1);
    assert_true(ssmq_compare_rows(p, p, 3, 2).top1);
    /* Nothing where p has something is infinitely far; the other way round is not. */
    assert_true(isinf(ssmq_compare_rows(p, gone, 3, 0).kl));
    const double kl = ssmq_compare_rows(gone, p, 3, 0).kl;
    assert_true(fabs(kl - log((2 + exp(-1)) / 2)) < 1e-14);
    /* Two tokens, probabilities 1/2 and 1/2 against 3/4 and 1/4. */
    const float               even[] = {5, 5}, odd[] = {logf(3), 0};
    const ssmq_compared_token got = ssmq_compare_rows(even, odd, 2, 0);
    assert_true(fabs(got.kl - 0.5 * log(4.0 / 3)) < 1e-7); /* logf(3) is good to 6e-8 */
    assert_true(fabs(got.delta_p - 0.25) < 1e-7);
}

/* ---- statistics ------------------------------------------------------------------------ */

static void test_quantiles(void **state)
{
    (void)state;
    const float one[] = {7}, some[] = {1, 2, 4, 8, 16};
    const float ends[] = {0, INFINITY, INFINITY};
    assert_true(ssmq_sorted_quantile(one, 1, 0) == 7 && ssmq_sorted_quantile(one, 1, 0.999) == 7);
    assert_true(ssmq_sorted_quantile(some, 5, 0) == 1);
    assert_true(ssmq_sorted_quantile(some, 5, 0.5) == 4);
    assert_true(ssmq_sorted_quantile(some, 5, 1) == 16);
    assert_true(fabs(ssmq_sorted_quantile(some, 5, 0.9) - 12.8) < 1e-12); /* rank 3.6 */
    assert_true(isinf(ssmq_sorted_quantile(ends, 3, 0.9)));
}

static void test_bootstrap(void **state)
{
    ssmq_rng r;
    double   x[40], low[3], high[3], mean, se;
    (void)state;
    ssmq_rng_init(&r, test_seed(3), "bootstrap");
    for (int i = 0; i < 40; i++) x[i] = 5 + ssmq_rng_uniform(&r) + ssmq_rng_uniform(&r);
    ssmq_mean(x, 40, &mean, &se);
    ssmq_bootstrap(x, NULL, 40, 4000, 9, "a", &low[0], &high[0]);
    ssmq_bootstrap(x, NULL, 40, 4000, 9, "a", &low[1], &high[1]);
    ssmq_bootstrap(x, NULL, 40, 4000, 9, "b", &low[2], &high[2]);
    assert_true(low[0] == low[1] && high[0] == high[1]);
    assert_true(low[0] != low[2] && high[0] != high[2]);
    /* A mean of 40 values is near normal: 1.96 standard errors on either side, the se of the
     * resampled means being sqrt(39 / 40) of se; 4000 resamples give those ends to some 4 % of an
     * se (one sigma). */
    assert_true(fabs((mean - low[0]) / se - 1.935) < 0.2);
    assert_true(fabs((high[0] - mean) / se - 1.935) < 0.2);
    ssmq_bootstrap(x, NULL, 1, 4000, 9, "a", &low[0], &high[0]);
    assert_true(isnan(low[0]) && isnan(high[0]));
    ssmq_bootstrap(x, NULL, 40, 0, 9, "a", &low[0], &high[0]);
    assert_true(isnan(low[0]) && isnan(high[0]));
    for (int i = 0; i < 40; i++) x[i] = -0.25; /* no spread, no width */
    ssmq_bootstrap(x, NULL, 40, 100, 9, "a", &low[0], &high[0]);
    assert_true(low[0] == -0.25 && high[0] == -0.25);
}

/* ---- windows --------------------------------------------------------------------------- */

#define V 50
#define TARGETS 37
#define WINDOWS 20 /* more than the first room for them */

typedef struct made {
    float   p[WINDOWS][TARGETS][V], q[WINDOWS][TARGETS][V];
    int32_t target[WINDOWS][TARGETS];
    double loss[WINDOWS][TARGETS], nll[WINDOWS]; /* float's of each token; the other's of windows */
    int32_t subset[WINDOWS];
} made;

static made *make(uint64_t seed)
{
    made    *m = ssmq_must_malloc(sizeof *m);
    ssmq_rng r;
    ssmq_rng_init(&r, seed, "windows");
    fill(&m->p[0][0][0], (int64_t)WINDOWS * TARGETS * V, 3, &r);
    fill(&m->q[0][0][0], (int64_t)WINDOWS * TARGETS * V, 3, &r);
    for (int w = 0; w < WINDOWS; w++) {
        m->subset[w] = w % 3 == 0;
        m->nll[w] = 3 + ssmq_rng_uniform(&r);
        for (int i = 0; i < TARGETS; i++) {
            m->target[w][i] = (int32_t)ssmq_rng_below(&r, V);
            m->loss[w][i] = 4 * ssmq_rng_uniform(&r);
        }
    }
    return m;
}

/* In pieces of some rows, with some threads. */
static ssmq_comparison *compare(made *m, const ssmq_compare_spec *spec, int64_t piece, int threads)
{
    ssmq_comparison *c = ssmq_comparison_new(TARGETS);
    ssmq_pool       *pool;
    CHECK_OK(ssmq_pool_open(threads, &pool));
    for (int w = 0; w < WINDOWS; w++) {
        for (int64_t i = 0; i < TARGETS; i += piece) {
            const int64_t     n = TARGETS - i < piece ? TARGETS - i : piece;
            const ssmq_tensor p = SSMQ_TENSOR(m->p[w][i], SSMQ_F32, n, V);
            const ssmq_tensor q = SSMQ_TENSOR(m->q[w][i], SSMQ_F32, n, V);
            ssmq_comparison_rows(c, pool, i, &p, &q, m->target[w] + i);
        }
        ssmq_comparison_window(c, TARGETS, ssmq_sum(m->loss[w], TARGETS) / TARGETS);
    }
    ssmq_pool_close(pool);
    const ssmq_compare_basis basis = {.spec = spec,
                                      .evaluation = "e",
                                      .seed = 4,
                                      .window_nll = m->nll,
                                      .window_subset = m->subset,
                                      .n_subset = 2};
    ssmq_comparison_conclude(c, &basis);
    return c;
}

static void near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-6 * (1 + fabs(b))))
        fail_msg("%.12g is not %.12g", a, b); /* f32 tokens */
}

/* Every figure from the tokens of the windows of a subset (-1: all), in the plainest way. */
static void check_score(const made *m, int32_t subset, const ssmq_compare_score *f)
{
    double  kl = 0, delta = 0, square = 0, same = 0, ratio = 0, square_ratio = 0, most = 0;
    double  square_kl = 0;
    int64_t n = 0;
    for (int w = 0; w < WINDOWS; w++) {
        if (subset >= 0 && m->subset[w] != subset) continue;
        double float_nll = 0, window_kl = 0;
        for (int i = 0; i < TARGETS; i++) {
            const ssmq_compared_token t =
                ssmq_compare_rows(m->p[w][i], m->q[w][i], V, m->target[w][i]);
            window_kl += t.kl / TARGETS;
            delta += t.delta_p / TARGETS;
            square += t.delta_p * t.delta_p / TARGETS;
            same += (double)t.top1 / TARGETS;
            float_nll += m->loss[w][i] / TARGETS;
            most = fmax(most, t.kl);
        }
        kl += window_kl;
        square_kl += window_kl * window_kl;
        ratio += m->nll[w] - float_nll;
        square_ratio += (m->nll[w] - float_nll) * (m->nll[w] - float_nll);
        n++;
    }
    const double N = (double)n;
    near(f->kl_mean, kl / N);
    near(f->kl_se, sqrt((square_kl - kl * kl / N) / (N - 1) / N));
    near(f->kl_max, most);
    near(f->delta_p_mean, delta / N);
    near(f->delta_p_rms, sqrt(square / N));
    near(f->top1, same / N);
    near(f->ln_ratio, ratio / N);
    near(f->ln_ratio_se, sqrt((square_ratio - ratio * ratio / N) / (N - 1) / N));
    assert_true(f->ln_ratio_low < f->ln_ratio && f->ln_ratio < f->ln_ratio_high);
    assert_true(f->kl_median < f->kl_p90 && f->kl_p90 < f->kl_p99 && f->kl_p99 < f->kl_p999 &&
                f->kl_p999 <= f->kl_max);
}

static void test_windows(void **state)
{
    const ssmq_compare_spec spec = {.metrics = 7, .bootstrap = 500};
    made                   *m = make(test_seed(5));
    ssmq_comparison        *c = compare(m, &spec, TARGETS, 1);
    (void)state;
    assert_int_equal(c->windows, WINDOWS);
    check_score(m, -1, &c->all);
    for (int32_t i = 0; i < 2; i++) check_score(m, i, &c->subset[i]);
    assert_string_equal(c->all.against, "float");
    ssmq_comparison_free(c);
    free(m);
}

/* Bytes of figures and tokens do not depend on pieces and threads. */
static void test_pieces(void **state)
{
    const ssmq_compare_spec spec = {.metrics = 7, .bootstrap = 100};
    made                   *m = make(test_seed(6));
    ssmq_comparison        *a = compare(m, &spec, TARGETS, 1), *b = compare(m, &spec, 5, 3);
    const size_t            tokens = WINDOWS * TARGETS;
    (void)state;
    assert_memory_equal(&a->all, &b->all, sizeof a->all);
    assert_memory_equal(a->window_kl, b->window_kl, WINDOWS * sizeof *a->window_kl);
    assert_memory_equal(a->token_kl, b->token_kl, tokens * sizeof *a->token_kl);
    assert_memory_equal(a->token_delta_p, b->token_delta_p, tokens * sizeof *a->token_delta_p);
    assert_memory_equal(a->token_top1, b->token_top1, tokens);
    ssmq_comparison_free(a);
    ssmq_comparison_free(b);
    free(m);
}

/* What was not asked for is missing. */
static void test_metrics(void **state)
{
    const ssmq_compare_spec spec = {.metrics = 1u << SSMQ_METRIC_TOP1};
    made                   *m = make(test_seed(7));
    ssmq_comparison        *c = compare(m, &spec, TARGETS, 1);
    (void)state;
    assert_true(isnan(c->all.kl_mean) && isnan(c->all.kl_max) && isnan(c->all.delta_p_rms));
    assert_true(isnan(c->all.ln_ratio_low)); /* no resamples */
    assert_true(isfinite(c->all.top1) && isfinite(c->all.ln_ratio_se));
    ssmq_comparison_free(c);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),         cmocka_unit_test(test_equal_rows),
        cmocka_unit_test(test_special_rows), cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_bootstrap),    cmocka_unit_test(test_windows),
        cmocka_unit_test(test_pieces),       cmocka_unit_test(test_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
