#include "harness/base/stats.h"
#include <math.h>
#include <stdlib.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"

/* Adds x to *sum; what rounding lost of it goes to *lost. */
static void add(double *sum, double *lost, double x)
{
    const double t = *sum + x;
    *lost += fabs(*sum) >= fabs(x) ? (*sum - t) + x : (x - t) + *sum;
    *sum = t;
}

double ssmq_sum(const double *x, int64_t n)
{
    double sum = 0, lost = 0;
    for (int64_t i = 0; i < n; i++) add(&sum, &lost, x[i]);
    return sum + lost;
}

void ssmq_mean(const double *x, int64_t n, double *mean, double *se)
{
    SSMQ_ASSERT(n >= 1);
    double squares = 0, lost = 0;
    *mean = ssmq_sum(x, n) / (double)n;
    for (int64_t i = 0; i < n; i++) add(&squares, &lost, (x[i] - *mean) * (x[i] - *mean));
    *se = n > 1 ? sqrt((squares + lost) / (double)(n - 1) / (double)n) : NAN;
}

void ssmq_ratio(const double *y, const double *w, int64_t m, double *ratio, double *se)
{
    SSMQ_ASSERT(m >= 1);
    const double all = ssmq_sum(w, m);
    double       squares = 0, lost = 0;
    *ratio = ssmq_sum(y, m) / all;
    for (int64_t i = 0; i < m; i++) {
        const double rest = y[i] - *ratio * w[i];
        add(&squares, &lost, rest * rest);
    }
    *se = m > 1 ? sqrt((squares + lost) * (double)m / (double)(m - 1)) / all : NAN;
}

int64_t ssmq_group_sums(const double *x, const ssmq_weighing *by, int64_t n, double *y, double *w)
{
    int64_t m = 0;
    double  lost = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || by->group[i] != by->group[i - 1]) {
            if (m > 0) y[m - 1] += lost;
            y[m] = w[m] = lost = 0;
            m++;
        }
        add(&y[m - 1], &lost, by->weight[i] * x[i]);
        w[m - 1] += by->weight[i];
    }
    if (m > 0) y[m - 1] += lost;
    return m;
}

void ssmq_mean_by(const double *x, const ssmq_weighing *by, int64_t n, double *mean, double *se)
{
    if (!by->weight) {
        ssmq_mean(x, n, mean, se);
        return;
    }
    double       *y = ssmq_must_malloc((size_t)n * sizeof *y), *w = ssmq_must_malloc((size_t)n * sizeof *w);
    const int64_t m = ssmq_group_sums(x, by, n, y, w);
    ssmq_ratio(y, w, m, mean, se);
    free(y);
    free(w);
}
