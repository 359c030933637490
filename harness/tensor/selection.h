/* Order statistics of many values that lie in parts, which threads may share: counted by the upper half of their
 * bits, the bins that hold a wanted rank are known; their values are collected, and ranked by the lower half.
 * The order in which values are collected changes nothing. */
#pragma once
#include <stdbool.h>
#include "harness/base/error.h"
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bins of values with their sign: bits(x) >> 16, so 0x8000 more for negative ones than for their magnitude. */
#define SSMQ_SIGNED_BINS 65536

/* Most bins are empty, in long runs: bit (i & 63) of set[i >> 6] tells whether block i of them is not. */
#define SSMQ_BIN_BLOCK 64
#define SSMQ_BIN_BLOCKS (SSMQ_SIGNED_BINS / SSMQ_BIN_BLOCK)
typedef struct ssmq_bin_blocks {
    uint64_t set[SSMQ_BIN_BLOCKS / 64];
} ssmq_bin_blocks;

static inline bool ssmq_block_filled(const ssmq_bin_blocks *b, int32_t i)
{
    return b->set[i >> 6] >> (i & 63) & 1;
}

/* Adds the values of x, f32 on the host, to count [SSMQ_SIGNED_BINS]; at most 2^32 - 1 values in all. */
void ssmq_count_bins(const ssmq_tensor *x, uint32_t *count);
/* Moves the counts of from to to; from is zero afterwards. */
void ssmq_move_bins(uint32_t *to, uint32_t *from);
/* The blocks of count that hold values. */
void ssmq_find_blocks(const uint32_t *count, ssmq_bin_blocks *out);
/* With the blocks of count: how many bins hold values; unless bin is NULL, which, ascending. */
int32_t ssmq_filled_bins(const uint32_t *count, const ssmq_bin_blocks *b, uint16_t *bin);
/* All bins are zero afterwards. */
void ssmq_clear_bins(uint32_t *count, const ssmq_bin_blocks *b);

/* The quantiles at p[0] <= p[1] <= ..., in per cent, of x or of |x|: with v sorted ascending and
 * r = p / 100 * (n - 1), v[floor r] + frac(r) * (v[floor r + 1] - v[floor r]), in f64, rounded to f32.  Where
 * ranks are given in their place, v[rank[0]], v[rank[1]], ...; -0 stands before 0. */
typedef struct ssmq_quantile_list {
    bool           magnitudes;
    int32_t        n;
    const double  *p;    /* [n], or NULL           */
    float         *out;  /* [n]                    */
    const int64_t *rank; /* [n] ascending, from 0  */
} ssmq_quantile_list;

/* Bins whose values are wanted. */
typedef struct ssmq_wanted_bins {
    uint8_t  bin[SSMQ_SIGNED_BINS]; /* 0 or 1                                                            */
    /* For the lower ten bits of a bin, and for the upper ten: bit (i & 31) of [..][i >> 5] is set if one of the
     * bins that have i there is wanted. */
    uint32_t lower[32], upper[32];
} ssmq_wanted_bins;

void ssmq_want_bin(ssmq_wanted_bins *w, int32_t bin);

/* Copies those of x (n) whose bins are wanted, in order, and returns how many they are; out has room for
 * n + SSMQ_PICK_ROOM, of which what lies behind is undefined afterwards. */
#define SSMQ_PICK_ROOM 16
typedef int64_t (*ssmq_pick)(const float *x, int64_t n, const ssmq_wanted_bins *w, float *out);
int64_t                ssmq_pick_c(const float *x, int64_t n, const ssmq_wanted_bins *w, float *out);
extern const ssmq_pick ssmq_pick_avx512; /* F, BW, DQ and VL; NULL where the compiler has them not */

typedef struct ssmq_selection ssmq_selection;

/* For one selection after another, so that memory is asked for once: about 2 MiB, and what they collect.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_selection_new(ssmq_selection **out);
void                      ssmq_selection_free(ssmq_selection *s); /* accepts NULL */

/* count: as ssmq_count_bins() filled it for all values, at least one, all finite, and its blocks.  It and list are
 * lent until the lists are filled.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_selection_begin(ssmq_selection *s, const uint32_t *count, const ssmq_bin_blocks *b,
                                               const ssmq_quantile_list *list, int32_t n_list);
/* Shown each of the values once, in parts, by any number of threads at once. */
void ssmq_selection_add(ssmq_selection *s, const ssmq_tensor *x, ssmq_pick pick);
/* Once all values have been shown, and before the lists are filled. */
void ssmq_selection_sort(ssmq_selection *s);
/* Fills the entries begin .. end, counted through all lists; threads may share them. */
void ssmq_selection_fill(const ssmq_selection *s, int64_t begin, int64_t end);

#ifdef __cplusplus
}
#endif
