/* Products of codes of 4 and 8 bits with scales by group, widened to 16 bits (linear_i8_avx2.c). */
#include "harness/backend/cpu/includes.inc"

#if defined(__AVX2__)
#include <immintrin.h>

#define TILE_ROWS 4
#define VECTORS 1
#define LANES 8
#define DEPTH 2
#define STORED 0
#define WORK_EACH(p) ((size_t)(TASK_ROWS * (p).depth) * sizeof(int16_t))
#include "harness/backend/cpu/linear_i8.inc"
#include "harness/backend/cpu/linear_q.inc"
#include "harness/backend/cpu/put_avx2.inc"

/* work: the rows as 16-bit numbers, group by group, p->depth each. */
static void row_ready(const product *p, int64_t m, int64_t count, void *work)
{
    int16_t *copy = work;
    for (int64_t i = 0; i < count; i++)
        for (int64_t g = 0; g < p->groups; g++, copy += p->length) {
            const int64_t begin = g * p->group, n = least_of(p->group, p->s.K - begin);
            const int8_t *x = p->x + (m + i) * p->s.stride_x + begin;
            for (int64_t k = 0; k < n; k++) copy[k] = x[k];
            for (int64_t k = n; k < p->length; k++) copy[k] = 0;
        }
}

static inline __m256i two(const int16_t *x)
{
    int32_t v;
    memcpy(&v, x, sizeof v);
    return _mm256_set1_epi32(v);
}

/* Halves of bytes, 0 .. 15, as the codes that they stand for. */
static inline __m256i codes_of(__m128i nibbles)
{
    const __m128i low = _mm_and_si128(nibbles, _mm_set1_epi8(15));
    return _mm256_cvtepi8_epi16(_mm_sub_epi8(low, _mm_set1_epi8(STORED4)));
}

/* The sums of one group for 8 columns. */
static inline __attribute__((always_inline)) void group_sums(int rows, int32_t bits,
                                                             const product *p, const int16_t *x,
                                                             const uint8_t *w,
                                                             __m256i        sum[TILE_ROWS])
{
    for (int64_t k = 0; k < p->length; w += 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i_u *)w);
        const __m256i b0 = bits == 8 ? _mm256_cvtepi8_epi16(bytes) : codes_of(bytes);
        const __m256i b1 = bits == 8 ? b0 : codes_of(_mm_srli_epi16(bytes, 4));
        SSMQ_UNROLL(4)
        for (int r = 0; r < rows; r++) {
            const int16_t *at = x + r * p->depth + k;
            sum[r] = _mm256_add_epi32(sum[r], _mm256_madd_epi16(b0, two(at)));
            if (bits == 4)
                sum[r] = _mm256_add_epi32(sum[r], _mm256_madd_epi16(b1, two(at + DEPTH)));
        }
        k += bits == 8 ? DEPTH : 2 * DEPTH;
    }
}

static inline __attribute__((always_inline)) void tile_of(int rows, int32_t bits, const product *p,
                                                          int64_t m, int64_t i, int64_t n,
                                                          const uint8_t *w, const void *work)
{
    const int16_t *x = (const int16_t *)work + i * p->depth;
    __m256         total[TILE_ROWS];
    SSMQ_UNROLL(4)
    for (int r = 0; r < rows; r++) total[r] = _mm256_setzero_ps();
    for (int64_t g = 0; g < p->groups; g++, x += p->length, w += p->length * LANES * bits / 8) {
        const int64_t at = g * p->columns + n;
        __m256i       sum[TILE_ROWS];
        SSMQ_UNROLL(4)
        for (int r = 0; r < rows; r++) sum[r] = _mm256_setzero_si256();
        group_sums(rows, bits, p, x, w, sum);
        SSMQ_UNROLL(4)
        for (int r = 0; r < rows; r++) {
            if (p->zero)
                sum[r] = _mm256_sub_epi32(
                    sum[r],
                    _mm256_mullo_epi32(_mm256_set1_epi32(p->zero[m + r]),
                                       _mm256_loadu_si256((const __m256i_u *)(p->group_sum + at))));
            if (p->code_zero)
                sum[r] = _mm256_sub_epi32(
                    sum[r],
                    _mm256_mullo_epi32(_mm256_set1_epi32(p->row_sum[(m + r) * p->groups + g]),
                                       _mm256_loadu_si256((const __m256i_u *)(p->code_zero + at))));
            const __m256 v = _mm256_cvtepi32_ps(sum[r]);
            if (!p->group_scale) total[r] = v;
            else
                total[r] =
                    _mm256_add_ps(total[r], _mm256_mul_ps(v, _mm256_loadu_ps(p->group_scale + at)));
        }
    }
    for (int r = 0; r < rows; r++) put(p, m + r, n, total[r]);
}

static inline __attribute__((always_inline)) void tile(int rows, int vectors, const product *p,
                                                       int64_t m, int64_t i, int64_t n,
                                                       const uint8_t *w, const void *work)
{
    (void)vectors;
    if (p->bits == 4) tile_of(rows, 4, p, m, i, n, w, work);
    else tile_of(rows, 8, p, m, i, n, w, work);
}

bool ssmq_cpu_q_avx2(ssmq_backend_ops *ops)
{
    ops->pack_q = pack_q;
    ops->linear_q = linear_q;
    return true;
}
#else
bool ssmq_cpu_q_avx2(ssmq_backend_ops *ops)
{
    (void)ops;
    return false;
}
#endif
