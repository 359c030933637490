/* Products of bfloat16 numbers without an instruction of their own: as floats, by two fused multiply-adds,
 * with subnormal numbers taken as zeros as that instruction does. */
#include "harness/backend/cpu/includes.inc"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

#define TILE_ROWS 4
#define VECTORS 2
#define LANES 8
#define WORK_EACH(p) ((size_t)(TASK_ROWS * (p).depth) * sizeof(float))
#include "harness/backend/cpu/linear_bf16.inc"
#include "harness/backend/cpu/put_avx2.inc"

#define FLUSH 0x8040u /* of MXCSR: subnormal results are zero, subnormal operands too */

/* work: the rows, p->depth floats each. */
static void row_ready(const product *p, int64_t m, int64_t count, void *work)
{
    float *copy = work;
    for (int64_t i = 0; i < count; i++, copy += p->depth) {
        memcpy(copy, p->x + (m + i) * p->s.stride_x, (size_t)p->s.K * sizeof *copy);
        if (p->s.K < p->depth) copy[p->s.K] = 0;
    }
}

static inline __m256 odd(const uint8_t *w)
{
    const __m256i pair = _mm256_loadu_si256((const __m256i_u *)w);
    return _mm256_castsi256_ps(_mm256_and_si256(pair, _mm256_set1_epi32((int32_t)0xffff0000u)));
}

static inline __m256 even(const uint8_t *w)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_loadu_si256((const __m256i_u *)w), 16));
}

/* Keeps a sum on its side of a change of MXCSR, which no compiler sees it depend on. */
#define HOLD(sum) __asm__ volatile("" : "+x"(sum))

static inline __attribute__((always_inline)) void tile(int rows, int vectors, const product *p, int64_t m,
                                                       int64_t i, int64_t n, const uint8_t *w,
                                                       const void *work)
{
    const float   *x = (const float *)work + i * p->depth;
    const unsigned before = _mm_getcsr();
    __m256         sum[TILE_ROWS][VECTORS];
    _mm_setcsr(before | FLUSH);
    SSMQ_UNROLL(4)
    for (int r = 0; r < rows; r++) {
        sum[r][0] = sum[r][1] = _mm256_setzero_ps();
        HOLD(sum[r][0]);
        HOLD(sum[r][1]);
    }
    for (int64_t k = 0; k < p->depth; k += 2, w += vectors * 32) {
        const uint8_t *w1 = w + (vectors > 1 ? 32 : 0);
        const __m256   odd0 = odd(w), even0 = even(w), odd1 = odd(w1), even1 = even(w1);
        SSMQ_UNROLL(4)
        for (int r = 0; r < rows; r++) {
            const __m256 first = _mm256_set1_ps(x[r * p->depth + k + 1]);
            const __m256 second = _mm256_set1_ps(x[r * p->depth + k]);
            sum[r][0] = _mm256_fmadd_ps(second, even0, _mm256_fmadd_ps(first, odd0, sum[r][0]));
            if (vectors > 1)
                sum[r][1] = _mm256_fmadd_ps(second, even1, _mm256_fmadd_ps(first, odd1, sum[r][1]));
        }
    }
    SSMQ_UNROLL(4)
    for (int r = 0; r < rows; r++) {
        HOLD(sum[r][0]);
        HOLD(sum[r][1]);
    }
    _mm_setcsr(before);
    SSMQ_UNROLL(4)
    for (int r = 0; r < rows; r++) {
        HOLD(sum[r][0]);
        HOLD(sum[r][1]);
        put(p, m + r, n, sum[r][0]);
        if (vectors > 1) put(p, m + r, n + LANES, sum[r][1]);
    }
}

bool ssmq_cpu_bf16_avx2(ssmq_backend_ops *ops)
{
    ops->pack_bf16 = pack_bf16;
    ops->linear_bf16 = linear_bf16;
    return true;
}
#else
bool ssmq_cpu_bf16_avx2(ssmq_backend_ops *ops)
{
    (void)ops;
    return false;
}
#endif
