/* The loops over blocks of values, for harness/run/statistics/site_stats.c only: compiled plainly, for AVX2 and for AVX-512.
 * Each lane is worked on by itself, in one order, so all give the same bits. */
#pragma once
#include "harness/run/calibrate/channel_bins.h"
#include "harness/tensor/moments.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_STATS_LANES SSMQ_CHANNEL_LANES

/* Of each lane of a block. */
typedef struct ssmq_block_looks {
    float   low[SSMQ_STATS_LANES], high[SSMQ_STATS_LANES];
    float   least[2][SSMQ_STATS_LANES]; /* smallest magnitude of negative values, of others; inf: none */
    int32_t zero[SSMQ_STATS_LANES];     /* values that are 0 */
} ssmq_block_looks;

/* Blocks are (n, SSMQ_STATS_LANES), finite, without -0. */
typedef struct ssmq_stats_loops {
    /* n rows, stride apart, of SSMQ_STATS_LANES values to a block, with 0 in place of -0.  Are all finite?  Meanwhile
     * soon (bytes) is fetched, which will be written to. */
    bool (*pack)(const float *x, int64_t stride, int64_t n, float *block, const void *soon, int64_t bytes);
    void (*look)(const float *v, int64_t n, ssmq_block_looks *out);
    /* out [SSMQ_STATS_LANES], n > 0. */
    void (*moments)(const float *v, int64_t n, ssmq_moments *out);
    /* As ssmq_channel_bins_add() of all lanes. */
    void (*bins)(ssmq_channel_bins *b, int64_t first, const float *v, int64_t n);
} ssmq_stats_loops;

extern const ssmq_stats_loops ssmq_stats_loops_c;
/* NULL where the compiler has no such instructions. */
extern const ssmq_stats_loops *const ssmq_stats_loops_avx2;
extern const ssmq_stats_loops *const ssmq_stats_loops_avx512; /* F, BW, DQ and VL */

#ifdef __cplusplus
}
#endif
