/* Means of windows that count by their tokens, those of a document together, against the formulas written
 * out; and a comparison over windows of different lengths. */
#include <math.h>
#include <stdlib.h>
#include "harness/base/rng.h"
#include "harness/base/stats.h"
#include "harness/run/evaluate/compare.h"
#include "tests/support/check.h"

/* Sums here and there are of few values of about 1: equal but for some units in the last place. */
#define NEAR 1e-13

static void near(double a, double b)
{
    if (!(fabs(a - b) <= NEAR * (1 + fabs(b)))) fail_msg("%.17g is not %.17g", a, b);
}

/* 3/2 with rests 1 - 1.5, 5 - 4.5: sqrt(2 / 1 * (0.25 + 0.25)) / 4 = 1 / 4. */
static void test_ratio(void **state)
{
    (void)state;
    const double y[] = {1, 5}, w[] = {1, 3};
    double       ratio, se;
    ssmq_ratio(y, w, 2, &ratio, &se);
    near(ratio, 1.5);
    near(se, 0.25);
    ssmq_ratio(y, w, 1, &ratio, &se);
    near(ratio, 1);
    assert_true(isnan(se));
}

static void test_groups(void **state)
{
    (void)state;
    const double        x[] = {1, 2, 3, 4}, weight[] = {1, 3, 2, 2};
    const int64_t       group[] = {0, 0, 3, 4};
    const ssmq_weighing by = {weight, group};
    double              y[4], w[4], mean, se, ratio, ratio_se;
    assert_int_equal(ssmq_group_sums(x, &by, 4, y, w), 3);
    assert_true(y[0] == 7 && w[0] == 4 && y[1] == 6 && w[1] == 2 && y[2] == 8 && w[2] == 2);
    ssmq_mean_by(x, &by, 4, &mean, &se);
    ssmq_ratio(y, w, 3, &ratio, &ratio_se);
    assert_true(mean == ratio && se == ratio_se && mean == 21.0 / 8);
}

/* Values that count alike and by themselves: the ordinary mean, its error, and the ordinary bootstrap. */
static void test_alike(void **state)
{
    (void)state;
    enum { N = 30 };
    double              x[N], weight[N], mean[3], se[3], low[2], high[2];
    int64_t             group[N];
    const ssmq_weighing none = {0}, by = {weight, group};
    ssmq_rng            r;
    ssmq_rng_init(&r, 1, "weighing");
    for (int i = 0; i < N; i++) {
        x[i] = ssmq_rng_uniform(&r);
        weight[i] = 1;
        group[i] = i;
    }
    ssmq_mean(x, N, &mean[0], &se[0]);
    ssmq_mean_by(x, &none, N, &mean[1], &se[1]);
    ssmq_mean_by(x, &by, N, &mean[2], &se[2]);
    assert_true(mean[0] == mean[1] && se[0] == se[1]);
    near(mean[2], mean[0]);
    near(se[2], se[0]);
    ssmq_bootstrap(x, NULL, N, 500, 3, "a", &low[0], &high[0]);
    ssmq_bootstrap(x, weight, N, 500, 3, "a", &low[1], &high[1]);
    assert_true(low[0] == low[1] && high[0] == high[1] && low[0] < high[0]);
}

/* ---- a comparison ------------------------------------------------------------------------ */

enum { V = 7, MOST = 6, WINDOWS = 5 };
static const int64_t length[WINDOWS] = {6, 2, 4, 1, 6}, document[WINDOWS] = {0, 0, 1, 2, 2};

typedef struct made {
    float   p[MOST][V], q[MOST][V];
    int32_t target[MOST];
} made;

static void make(int w, made *m)
{
    ssmq_rng r;
    ssmq_rng_init(&r, (uint64_t)w, "windows");
    for (int i = 0; i < MOST; i++) {
        m->target[i] = (int32_t)ssmq_rng_below(&r, V);
        for (int v = 0; v < V; v++) {
            m->p[i][v] = (float)(4 * ssmq_rng_uniform(&r));
            m->q[i][v] = m->p[i][v] + (float)ssmq_rng_uniform(&r);
        }
    }
}

static ssmq_comparison *compare(const double *nll, bool resumed)
{
    ssmq_comparison *c = ssmq_comparison_new(MOST), *again = ssmq_comparison_new(MOST);
    ssmq_pool       *pool;
    double           weight[WINDOWS];
    int32_t          subset[WINDOWS] = {0};
    CHECK_OK(ssmq_pool_open(1, &pool));
    for (int w = 0; w < WINDOWS; w++) {
        made m;
        make(w, &m);
        const ssmq_tensor p = SSMQ_TENSOR(m.p, SSMQ_F32, length[w], V),
                          q = SSMQ_TENSOR(m.q, SSMQ_F32, length[w], V);
        ssmq_comparison_rows(c, pool, 0, &p, &q, m.target);
        ssmq_comparison_window(c, length[w], 0.5 * w);
        unsigned char *bytes = ssmq_must_malloc(ssmq_comparison_bytes(length[w]));
        ssmq_comparison_pack(c, w, bytes);
        ssmq_comparison_unpack(again, length[w], bytes);
        free(bytes);
        weight[w] = (double)length[w];
    }
    ssmq_pool_close(pool);
    const ssmq_compare_spec  spec = {.metrics = SSMQ_METRICS_OF_TOKENS, .bootstrap = 200};
    const ssmq_compare_basis basis = {.spec = &spec,
                                      .evaluation = "e",
                                      .window_nll = nll,
                                      .window_subset = subset,
                                      .by = {weight, document}};
    ssmq_comparison_conclude(c, &basis);
    ssmq_comparison_conclude(again, &basis);
    ssmq_comparison_free(resumed ? c : again);
    return resumed ? again : c;
}

static void test_windows(void **state)
{
    (void)state;
    const double nll[WINDOWS] = {0.7, 1, 0.25, 3, 2};
    double       kl = 0, top1 = 0, square = 0, tokens = 0, y[3] = {0}, w[3] = {0}, mean, se;
    for (int k = 0; k < WINDOWS; k++) {
        made m;
        make(k, &m);
        for (int64_t i = 0; i < length[k]; i++, tokens++) {
            const ssmq_compared_token t = ssmq_compare_rows(m.p[i], m.q[i], V, m.target[i]);
            kl += t.kl;
            top1 += t.top1;
            square += t.delta_p * t.delta_p;
        }
        y[document[k]] += (double)length[k] * (nll[k] - 0.5 * k);
        w[document[k]] += (double)length[k];
    }
    ssmq_ratio(y, w, 3, &mean, &se);
    for (int resumed = 0; resumed < 2; resumed++) {
        ssmq_comparison *c = compare(nll, resumed);
        assert_int_equal(c->first[WINDOWS], (int64_t)tokens);
        near(c->all.kl_mean, kl / tokens);
        near(c->all.top1, top1 / tokens);
        near(c->all.delta_p_rms, sqrt(square / tokens));
        near(c->all.ln_ratio, mean);
        near(c->all.ln_ratio_se, se);
        assert_true(c->all.ln_ratio_low < mean && mean < c->all.ln_ratio_high);
        assert_true(c->all.kl_max >= c->all.kl_p99 && c->all.kl_p99 > c->all.kl_median);
        ssmq_comparison_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ratio), cmocka_unit_test(test_groups),
                                       cmocka_unit_test(test_alike), cmocka_unit_test(test_windows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
