/* Mean and central moments of many values, in pieces that can be put together. */
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of n values: their mean and the sums of (x - mean)^k.  Zeroed: of none. */
typedef struct ssmq_moments {
    uint64_t n;
    double   mean, s2, s3, s4;
} ssmq_moments;

/* Adds what another one holds, as if its values had been here too: P. Pebay, SAND2008-6212, equations 2.1,
 * 3.1 and so on for pairs of sets.  Errors are those of float64 on the spread, whatever the offset. */
void ssmq_moments_merge(ssmq_moments *to, const ssmq_moments *from);

/* The k-th central moment, k = 2, 3, 4: the mean of (x - mean)^k; NaN of no values. */
double ssmq_moments_central(const ssmq_moments *m, int k);
/* m4 / m2^2: 3 for a normal distribution; NaN where all values are equal. */
double ssmq_moments_kurtosis(const ssmq_moments *m);
/* The sum of x^2. */
double ssmq_moments_squares(const ssmq_moments *m);

#ifdef __cplusplus
}
#endif
