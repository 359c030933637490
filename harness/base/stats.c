#include "harness/base/stats.h"
#include <math.h>
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
