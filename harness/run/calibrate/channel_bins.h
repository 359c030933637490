/* Histograms of every channel of a site, coarse enough to keep one for each: eight bins to a power of two and
 * sign, over as many powers of two below the largest magnitude as matter.  The bin of x is the upper 12 bits
 * of the float, as in harness/tensor/histogram.h it is the upper 16; all magnitudes below the window are one bin.
 *
 * Counts are of 16 bits, so that as few lines of memory as may be are moved for each sample; before one of them could
 * overflow, all of its channels are added to counts of 32 bits. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Powers of two in the window when it is made: the smallest magnitude that is told from zero is 2^-25 of the
 * largest one of the first sample. */
#define SSMQ_CHANNEL_OCTAVES 28

typedef struct ssmq_channel_bins {
    int64_t   channels;
    int32_t   base;    /* upper 12 bits, without the sign, of the smallest magnitude in the window */
    int32_t   wide;    /* bins of a sign; 0: nothing but zeros so far                              */
    uint16_t *recent;  /* [channels][2 * wide + 1], from the most negative bin to the most positive; NULL: no window */
    uint32_t *count;   /* the same: what recent held before; NULL while total fits recent           */
    int32_t  *pending; /* [channels / SSMQ_CHANNEL_LANES, rounded up] values of a channel in recent, at most */
    uint32_t *moved;   /* the same: how often recent was added to count                    */
    int64_t   total;   /* values of a channel that there may be                                     */
} ssmq_channel_bins;

/* Bytes behind one of so many channels with so many values each, before its window grows. */
int64_t ssmq_channel_bins_bytes(int64_t channels, int64_t values);

/* Before as many more values of each channel are counted.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_channel_bins_expect(ssmq_channel_bins *b, int64_t values);

/* An empty one with the window and the tables of another one, which are to be copied to it.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_channel_bins_reopen(ssmq_channel_bins *b, int32_t base, int32_t wide, int64_t total);

/* Makes the window, or moves its end up, so that it holds magnitudes up to absmax, finite.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_channel_bins_reach(ssmq_channel_bins *b, float absmax);
void                      ssmq_channel_bins_free(ssmq_channel_bins *b);

/* Channels that are counted side by side. */
#define SSMQ_CHANNEL_LANES 16
#define SSMQ_CHANNEL_SHIFT 20 /* bits of a float that do not choose its bin: eight bins to an octave */

static inline int64_t ssmq_channel_bins_stride(const ssmq_channel_bins *b)
{
    return 2 * (int64_t)b->wide + 1;
}

/* Of channels that are counted side by side. */
static inline int64_t ssmq_channel_bins_groups(const ssmq_channel_bins *b)
{
    return (b->channels + SSMQ_CHANNEL_LANES - 1) / SSMQ_CHANNEL_LANES;
}

/* Where the count of a value is, behind the one around zero of its channel. */
static inline int32_t ssmq_channel_bin(const ssmq_channel_bins *b, float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const int32_t above = ((bits & INT32_MAX) >> SSMQ_CHANNEL_SHIFT) - b->base + 1;
    const int32_t k = above > 0 ? above : 0, sign = bits >> 31; /* -1: negative */
    return (k ^ sign) - sign;
}

/* Does the window hold magnitudes up to absmax? */
bool ssmq_channel_bins_holds(const ssmq_channel_bins *b, float absmax);

/* Grows whenever something in count changes but its place, of which wide tells. */
int64_t ssmq_channel_bins_moved(const ssmq_channel_bins *b);

/* Room for n more values, up to UINT16_MAX and no more than expected, of each of the SSMQ_CHANNEL_LANES channels from
 * first on, a multiple of as many.  Threads may do it for different ones. */
void ssmq_channel_bins_room(ssmq_channel_bins *b, int64_t first, int64_t n);

/* Counts x (n, SSMQ_CHANNEL_LANES), the values of so many lanes' channels from the first one on: finite, none
 * beyond the window.  There is room for them. */
void ssmq_channel_bins_add(ssmq_channel_bins *b, int64_t first, int64_t lanes, const float *x, int64_t n);

/* The quantiles of a channel's n values, of which low and high are the smallest and the largest:
 * rank p / 100 * (n - 1) between neighbours, a bin's values spread evenly over it; so 0 and 100 are exact and
 * the others off by less than a bin, 1/8 of the magnitude.  p ascending, in per cent; n = 0: NaN.
 * error: how far the exact ones may be away, at most. */
void ssmq_channel_bins_quantiles(const ssmq_channel_bins *b, int64_t channel, uint64_t n, float low,
                                 float high, const double *p, int32_t n_p, float *out, float *error);

#ifdef __cplusplus
}
#endif
