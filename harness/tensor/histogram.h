/* A histogram of magnitudes in bins of equal relative width, made of the bits of a float: the bin of x is
 * bits(|x|) >> 16, the exponent and seven bits of the mantissa, so that bins need no range chosen
 * before, are the same everywhere and add up.  A bin is at most 1/128 of its lower end wide. */
#pragma once
#include <string.h>
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_HISTOGRAM_BINS 32768

/* Zeroed memory is an empty one.  256 KiB: not for the stack. */
typedef struct ssmq_histogram {
    uint64_t count[SSMQ_HISTOGRAM_BINS]; /* finite values                                   */
    uint64_t n;                          /* their sum                                       */
    uint64_t n_nonfinite;                /* infinite and NaN, in no bin                     */
    float    low, high;                  /* smallest and largest magnitude; 0 where n is 0  */
} ssmq_histogram;

/* Which values are counted: negative ones are those below zero; zero, of either sign, is not. */
typedef enum ssmq_half { SSMQ_HALF_BOTH, SSMQ_HALF_NEGATIVE, SSMQ_HALF_NONNEGATIVE } ssmq_half;

/* The bin of a magnitude. */
static inline int32_t ssmq_histogram_bin(float magnitude)
{
    int32_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    return bits >> 16;
}

/* A bin holds the magnitudes from its low end up to, without it, its high end, which is the next one's low
 * end: exact, in f64 because the last finite bin ends at 2^128.  Bins from 32640 on are always empty. */
double ssmq_histogram_bin_low(int32_t bin);
double ssmq_histogram_bin_high(int32_t bin);

/* Bins of values with their sign: bits(x) >> 16, so 0x8000 more for negative ones than for their
 * magnitudes. */
#define SSMQ_SIGNED_BINS (2 * SSMQ_HISTOGRAM_BINS)

/* Adds the values of x, f32 on the host, to count [SSMQ_SIGNED_BINS]; at most 2^32 - 1 values in all. */
void ssmq_count_bins(const ssmq_tensor *x, uint32_t *count);

/* Adds the magnitudes of x, f32 on the host, any shape that ssmq_tensor_rows() takes. */
void ssmq_histogram_add(ssmq_histogram *h, const ssmq_tensor *x, ssmq_half half);
/* Adds what another one counted: the same as if its values had been added here. */
void ssmq_histogram_merge(ssmq_histogram *h, const ssmq_histogram *from);

/* The p-quantile, p in per cent, of the magnitudes that were counted, at least one: with these sorted
 * ascending and r = p / 100 * (n - 1), the value at rank r, linearly between its neighbours.  The values of a
 * bin are taken to be spread evenly over it; the smallest and the largest are known, so p = 0 and 100
 * are exact.  error, unless NULL: how far the exact quantile can be away. */
double ssmq_histogram_quantile(const ssmq_histogram *h, double p, double *error);
/* The same of both halves' magnitudes together, and of signed values; at least one value in the two. */
double ssmq_histogram_folded_quantile(const ssmq_histogram *negative, const ssmq_histogram *nonnegative,
                                      double p, double *error);
double ssmq_histogram_signed_quantile(const ssmq_histogram *negative, const ssmq_histogram *nonnegative,
                                      double p, double *error);

#ifdef __cplusplus
}
#endif
