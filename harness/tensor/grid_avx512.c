/* Compiled with the flags of its instruction set where the compiler has it. */
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include <immintrin.h>
#include "harness/tensor/grid.h"

#define PARTS 1024 /* of a cell: together 2^23 */
#define CLOSE 2

/* In f32: the difference, per_part and the product are rounded by 2^-24 of up to 2^23 parts each, in all by 1.5 parts.
 * Without a branch on values: behind stores that wait it would be dear where it is guessed wrong. */
static int32_t grid_cells(const float *restrict x, const ssmq_grid *restrict g, int32_t *restrict cell,
                          float *restrict rest)
{
    const __m512  low = _mm512_set1_ps(g->low), per_part = _mm512_set1_ps(g->per_part);
    const __m512i close = _mm512_set1_epi32(CLOSE), within = _mm512_set1_epi32(PARTS - 1);
    const __mmask16 all = g->per_part > 0 ? 0 : 0xffff;
    int32_t         n = 0;
    for (int i = 0; i < SSMQ_GRID_PIECE; i += 16) {
        const __m512    v = _mm512_loadu_ps(x + i);
        const __m512i   at = _mm512_cvttps_epi32(_mm512_mul_ps(_mm512_sub_ps(v, low), per_part));
        const __m512i   part = _mm512_and_si512(_mm512_add_epi32(at, close), within);
        const __mmask16 near = all | _mm512_cmplt_epi32_mask(part, _mm512_set1_epi32(2 * CLOSE));
        const __m512i   k = _mm512_srai_epi32(at, 10);
        _mm512_storeu_si512(cell + i, _mm512_mask_mov_epi32(k, near, _mm512_set1_epi32(SSMQ_GRID_CELLS)));
        _mm512_storeu_ps(rest + n, _mm512_maskz_compress_ps(near, v));
        n += __builtin_popcount(near);
    }
    return n;
}

#define GRID_CELLS grid_cells
#include "harness/tensor/grid.inc"

static const ssmq_grid_loops         loops = LOOPS;
const ssmq_grid_loops *const ssmq_grid_loops_avx512 = &loops;
#else
#include "harness/tensor/grid.h"

const ssmq_grid_loops *const ssmq_grid_loops_avx512 = NULL;
#endif
