/* Counts of values by the upper 19 bits of a float: its sign, exponent and ten bits of the mantissa, so that a bin is at
 * most 1/1024 of its lower end wide.  Eight of them are a bin of tensor/histogram.h with its sign. */
#pragma once
#include <stdbool.h>
#include <string.h>
#include "harness/base/error.h"
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_FINE_SHIFT 13
#define SSMQ_FINE_SIGN (1 << 18) /* what the bin of a negative value is more than that of its magnitude */
#define SSMQ_FINE_BINS (2 * SSMQ_FINE_SIGN)

/* Those of a sign and exponent. */
#define SSMQ_FINE_POWER 1024
#define SSMQ_FINE_POWERS (SSMQ_FINE_BINS / SSMQ_FINE_POWER)

/* 2 MiB, of which only what values fall into is ever touched. */
typedef struct ssmq_fine_bins {
    uint32_t *count;     /* [SSMQ_FINE_BINS] by bits(x) >> SSMQ_FINE_SHIFT; at most 2^32 - 1 in all     */
    int32_t   low, high; /* bits of the smallest magnitude above 0, of the largest; low > high: none is */
} ssmq_fine_bins;

/* An empty one.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_fine_bins_new(ssmq_fine_bins *out);
void                      ssmq_fine_bins_free(ssmq_fine_bins *b); /* accepts a zeroed one */

/* Counts x, f32 on the host, finite. */
void ssmq_fine_bins_add(ssmq_fine_bins *b, const ssmq_tensor *x);
void ssmq_fine_bins_clear(ssmq_fine_bins *b);

/* Bins may hold values only where this is true of their power. */
static inline bool ssmq_fine_bins_touched(const ssmq_fine_bins *b, int32_t power)
{
    const int32_t exponent = power & (SSMQ_FINE_POWERS / 2 - 1);
    return exponent == 0 || (exponent >= b->low >> 23 && exponent <= b->high >> 23);
}

/* Has b hold what from counted too: the ends first, then each power, for which threads may share them. */
void ssmq_fine_bins_reach(ssmq_fine_bins *b, const ssmq_fine_bins *from);
void ssmq_fine_bins_merge(ssmq_fine_bins *b, const ssmq_fine_bins *from, int32_t power);
/* Sets the bins of a power in count [SSMQ_SIGNED_BINS], as ssmq_count_bins() would have. */
void ssmq_fine_bins_coarse(const ssmq_fine_bins *b, int32_t power, uint32_t *count);

/* The bin of a magnitude; that of infinity is behind all others. */
static inline int32_t ssmq_fine_bin(float magnitude)
{
    uint32_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    return (int32_t)(bits >> SSMQ_FINE_SHIFT);
}

/* The middle of a bin of magnitudes, and of so many from it on, a power of two that divides the bin. */
static inline float ssmq_fine_bins_middle(int32_t bin, int32_t n)
{
    const uint32_t bits = ((uint32_t)bin << SSMQ_FINE_SHIFT) + ((uint32_t)n << (SSMQ_FINE_SHIFT - 1));
    float          x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float ssmq_fine_bin_middle(int32_t bin)
{
    return ssmq_fine_bins_middle(bin, 1);
}

/* Lowers *low to the smallest bits of magnitudes above 0, raises *high to the largest.  Plainly compiled, for AVX2
 * and for AVX-512: all give the same. */
typedef void (*ssmq_magnitude_ends)(const float *x, int64_t n, int32_t *low, int32_t *high);
void                             ssmq_magnitude_ends_c(const float *x, int64_t n, int32_t *low, int32_t *high);
extern const ssmq_magnitude_ends ssmq_magnitude_ends_avx2;   /* NULL where the compiler has no such instructions */
extern const ssmq_magnitude_ends ssmq_magnitude_ends_avx512;

#ifdef __cplusplus
}
#endif
