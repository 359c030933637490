#include "analysis/rebin.h"
#include <math.h>

#define BISECTIONS 60

void ssmq_linear_edges(double low, double high, int32_t n, double *edge)
{
    for (int32_t i = 0; i <= n; i++) edge[i] = low + (high - low) * i / n;
    edge[n] = high;
}

void ssmq_log_edges(double low, double high, int32_t n, double *edge)
{
    for (int32_t i = 0; i <= n; i++) edge[i] = low * pow(high / low, (double)i / n);
    edge[0] = low;
    edge[n] = high;
}

/* The bin that x lies in; the first or last for what is beyond. */
static int32_t bin_of(double x, const double *edge, int32_t n)
{
    int32_t low = 0, high = n - 1;
    while (low < high) {
        const int32_t middle = (low + high + 1) / 2;
        if (edge[middle] <= x) low = middle;
        else high = middle - 1;
    }
    return low;
}

void ssmq_rebin(double low, double high, double count, const double *edge, int32_t n, double *out)
{
    double left = count, from = low;
    for (int32_t b = bin_of(low, edge, n); b < n - 1 && edge[b + 1] < high; b++) {
        const double part = fmin(left, count * ((edge[b + 1] - from) / (high - low)));
        out[b] += part;
        left -= part;
        from = edge[b + 1];
    }
    out[bin_of(from, edge, n)] += left;
}

int64_t ssmq_pool_begin(int64_t i, int64_t n_pool, int64_t n)
{
    return i * (n / n_pool) + (i < n % n_pool ? i : n % n_pool);
}

/* The share of a sample at or below x. */
static double share_below(const double *value, const double *level, int32_t n_level, double x)
{
    if (x >= value[n_level - 1]) return 100;
    int32_t i = 0;
    while (i < n_level && value[i] <= x) i++;
    if (i == 0) return 0;
    return level[i - 1] + (level[i] - level[i - 1]) * ((x - value[i - 1]) / (value[i] - value[i - 1]));
}

double ssmq_mixed_quantile(const double *value, int64_t n_part, const double *level, int32_t n_level,
                           double p)
{
    double low = INFINITY, high = -INFINITY;
    for (int32_t k = 0; k < n_level && n_part == 1; k++)
        if (level[k] == p) return value[k];
    for (int64_t i = 0; i < n_part; i++) {
        low = fmin(low, value[i * n_level]);
        high = fmax(high, value[i * n_level + n_level - 1]);
    }
    if (p <= 0) return low;
    if (p >= 100) return high;
    for (int step = 0; step < BISECTIONS && low < high; step++) {
        const double middle = low + (high - low) / 2;
        double       share = 0;
        for (int64_t i = 0; i < n_part; i++)
            share += share_below(&value[i * n_level], level, n_level, middle);
        if (share / (double)n_part < p) low = middle;
        else high = middle;
    }
    return high;
}
