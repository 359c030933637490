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

/* sum y / sum w of m >= 1 observations, w >= 0 and not all 0, and its standard error by the delta method (Cochran,
 * Sampling Techniques, 1977, 2.11): sqrt(m / (m - 1) sum (y - ratio w)^2) / sum w, NaN for m = 1; for equal w that
 * of a mean. */
void ssmq_ratio(const double *y, const double *w, int64_t m, double *ratio, double *se);

/* What values are counted by in their mean: each alike and by itself; or, where weight is set, with its weight, and
 * those of one group, which follow each other, as one observation. */
typedef struct ssmq_weighing {
    const double  *weight; /* [n] > 0, or NULL */
    const int64_t *group;  /* [n]              */
} ssmq_weighing;

/* The groups of n weighted values as observations: sums of weight * x into y, of weight into w; returns how many. */
int64_t ssmq_group_sums(const double *x, const ssmq_weighing *by, int64_t n, double *y, double *w);
/* Mean of n >= 1 values so counted, and its standard error: ssmq_mean() or ssmq_ratio(). */
void ssmq_mean_by(const double *x, const ssmq_weighing *by, int64_t n, double *mean, double *se);

#ifdef __cplusplus
}
#endif
