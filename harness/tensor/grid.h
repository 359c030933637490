/* Values to the cells of an even grid, for histograms that need one: loops compiled plainly, for AVX2 and for
 * AVX-512.  All give the same bits, so which of them runs depends on the processor alone. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_GRID_PIECE 64   /* values that are sorted into cells at a time */
#define SSMQ_GRID_CELLS 8192

/* As many cells from low on, each width wide. */
typedef struct ssmq_grid {
    float  low;
    double width;
    float  per_part; /* 2^-10 of a cell in 1, rounded; 0: beyond what floats are exact enough for */
} ssmq_grid;

/* low < high, both finite. */
ssmq_grid ssmq_grid_of(float low, float high);

/* The cell of a value in the grid's range, or the nearest one: (x - low) / width in f64, rounded down. */
static inline int32_t ssmq_grid_cell(const ssmq_grid *g, float x)
{
    const double at = ((double)x - (double)g->low) / g->width;
    return at < SSMQ_GRID_CELLS - 1 ? (at > 0 ? (int32_t)at : 0) : SSMQ_GRID_CELLS - 1;
}

typedef struct ssmq_grid_loops {
    /* Raises *above to the largest bits of n values, *below to the largest with the sign turned, as signed
     * integers: of values above 0 and below it, the bits of the largest magnitude. */
    void (*extremes)(const float *x, int64_t n, int32_t *above, int32_t *below);
    /* The cells of SSMQ_GRID_PIECE values, all in the range; but for those so near to an end of a cell that they need
     * ssmq_grid_cell(): they are copied to rest, which has room for a piece and 16 more, and their cell is
     * SSMQ_GRID_CELLS.  Returns how many they are: a few in a hundred at most, unless values are equal. */
    int32_t (*cells)(const float *x, const ssmq_grid *g, int32_t *cell, float *rest);
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
