/* Values to the cells of an even grid, for histograms that need one: loops compiled plainly, for AVX2 and for
 * AVX-512.  All give the same bits, so which of them runs depends on the processor alone. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_GRID_PIECE 64   /* values that are sorted into cells at a time */
#define SSMQ_GRID_CELLS 8192 /* at most */

typedef struct ssmq_grid_loops {
    /* Raises *above to the largest bits of n values, *below to the largest with the sign turned, as signed
     * integers: of values above 0 and below it, the bits of the largest magnitude. */
    void (*extremes)(const float *x, int64_t n, int32_t *above, int32_t *below);
    /* The cells (x - low) * per_cell, rounded down, of SSMQ_GRID_PIECE values in a grid of no more than
     * SSMQ_GRID_CELLS that holds them.  False if one is so near to the end of its cell, by 2^-17 of it, that a
     * division in place of the product may put it into the next: then cell is of no use. */
    bool (*cells)(const float *x, double low, double per_cell, int32_t *cell);
} ssmq_grid_loops;

extern const ssmq_grid_loops ssmq_grid_loops_c;
/* NULL where the compiler has no such instructions. */
extern const ssmq_grid_loops *const ssmq_grid_loops_avx2;
extern const ssmq_grid_loops *const ssmq_grid_loops_avx512; /* F, BW, DQ and VL */

/* The widest that this processor runs. */
const ssmq_grid_loops *ssmq_grid_loops_best(void);

#ifdef __cplusplus
}
#endif
