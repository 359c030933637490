/* Arithmetic of figures: counts moved from bins to other bins, neighbours pooled, distributions mixed. */
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* n bins of equal width from low to high > low, or of equal ratio where 0 < low: n + 1 edges, of which the
 * first and the last are exact. */
void ssmq_linear_edges(double low, double high, int32_t n, double *edge);
void ssmq_log_edges(double low, double high, int32_t n, double *edge);

/* Spreads a count that lies evenly over [low, high] on n bins with ascending edges; what is beyond the
 * first or last edge goes into the first or last bin.  What the bins gain is the count, up to the
 * rounding of one addition a bin. */
void ssmq_rebin(double low, double high, double count, const double *edge, int32_t n, double *out);

/* n things in n_pool pools of neighbours, equal in size within 1: the first of pool i; i = n_pool gives n. */
int64_t ssmq_pool_begin(int64_t i, int64_t n_pool, int64_t n);

/* A quantile, as level of p in 0..100, of n_part equally large samples put together, of each of which n_level
 * quantiles are known: value[part, level], level ascending from 0 to 100.  Between known quantiles a
 * sample is taken to be spread evenly.  Exact for n_part = 1 and at the levels 0 and 100. */
double ssmq_mixed_quantile(const double *value, int64_t n_part, const double *level, int32_t n_level,
                           double p);

#ifdef __cplusplus
}
#endif
