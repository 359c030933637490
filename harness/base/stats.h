/* Sums in a fixed order, means and their standard errors, in float64. */
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The sum of n values, compensated (Neumaier 1974), in order. */
double ssmq_sum(const double *x, int64_t n);

/* Mean of n >= 1 values, and its standard error s / sqrt(n), s^2 = sum (x - mean)^2 / (n - 1); the
 * latter is NaN for n = 1. */
void ssmq_mean(const double *x, int64_t n, double *mean, double *se);

#ifdef __cplusplus
}
#endif
