/* Products of codes of 4 and 8 bits with scales by group, with VNNI (linear_i8_avx512vnni.c): codes
 * of 4 bits are packed plus 8, so that they have no sign either. */
#include "harness/backend/cpu/includes.inc"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VNNI__)
#include <immintrin.h>

#define TILE_ROWS 6
#define VECTORS 2
#define LANES 16
#define DEPTH 4
#define STORED 128
#define WORK_EACH(p) (TASK_ROWS * ((size_t)(p).groups * sizeof(int32_t) + (size_t)(p).depth))
#include "harness/backend/cpu/linear_i8.inc"
#include "harness/backend/cpu/linear_q.inc"
#include "harness/backend/cpu/put_avx512.inc"

/* Mask of the first n bytes of a vector, n >= 0. */
static inline __mmask64 first(int64_t n)
{
    return n >= 64 ? ~0ull : n > 0 ? (1ull << n) - 1 : 0;
}

/* work: for each row and group what its sums start from, minus the stored offset times the sum of
 * its codes; then the rows themselves, group by group, with zeros past the end of each. */
static void row_ready(const product *p, int64_t m, int64_t count, void *work)
{
    int32_t      *start = work;
    int8_t       *copy = (int8_t *)(start + TASK_ROWS * p->groups);
    const int32_t offset = p->bits == 4 ? STORED4 : STORED;
    for (int64_t i = 0; i < count; i++)
        for (int64_t g = 0; g < p->groups; g++, copy += p->length) {
            const int64_t begin = g * p->group, n = least_of(p->group, p->s.K - begin);
            const int8_t *x = p->x + (m + i) * p->s.stride_x + begin;
            __m512i       sum = _mm512_setzero_si512();
            for (int64_t k = 0; k < p->length; k += 64) {
                const __m512i v = _mm512_maskz_loadu_epi8(first(n - k), x + k);
                sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), v);
                _mm512_mask_storeu_epi8(copy + k, first(p->length - k), v);
            }
            *start++ = -offset * _mm512_reduce_add_epi32(sum);
        }
}

static inline __m512i four(const int8_t *x)
{
    int32_t v;
    memcpy(&v, x, sizeof v);
    return _mm512_set1_epi32(v);
}

/* As an instruction by hand: linear_i8_avx512vnni.c says why. */
static inline __m512i add_products(__m512i sum, __m512i w, __m512i x)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
    return sum;
}

/* The sums of one group. */
static inline __attribute__((always_inline)) void group_sums(int rows, int vectors, int32_t bits,
                                                             const product *p, const int8_t *x,
                                                             const uint8_t *w,
                                                             __m512i        sum[TILE_ROWS][VECTORS])
{
    const __m512i half = _mm512_set1_epi8(15);
    for (int64_t k = 0; k < p->length; w += vectors * 64) {
        const __m512i v0 = _mm512_loadu_si512(w),
                      v1 = vectors > 1 ? _mm512_loadu_si512(w + 64) : v0;
        const __m512i a0 = bits == 8 ? v0 : _mm512_and_si512(v0, half);
        const __m512i a1 = bits == 8 ? v1 : _mm512_and_si512(v1, half);
        const __m512i b0 = _mm512_and_si512(_mm512_srli_epi16(v0, 4), half);
        const __m512i b1 = _mm512_and_si512(_mm512_srli_epi16(v1, 4), half);
        SSMQ_UNROLL(8)
        for (int r = 0; r < rows; r++) {
            const __m512i q = four(x + r * p->depth + k);
            sum[r][0] = add_products(sum[r][0], a0, q);
            if (vectors > 1) sum[r][1] = add_products(sum[r][1], a1, q);
            if (bits == 8) continue;
            const __m512i next = four(x + r * p->depth + k + DEPTH);
            sum[r][0] = add_products(sum[r][0], b0, next);
            if (vectors > 1) sum[r][1] = add_products(sum[r][1], b1, next);
        }
        k += bits == 8 ? DEPTH : 2 * DEPTH;
    }
}

/* The sum of group g of one row for 16 columns from at on, added to the total of the groups before. */
static inline __m512 with_group(const product *p, int64_t m, int64_t g, int64_t at, __m512i sum, __m512 total)
{
    if (p->zero)
        sum = _mm512_sub_epi32(sum, _mm512_mullo_epi32(_mm512_set1_epi32(p->zero[m]),
                                                       _mm512_loadu_si512(p->group_sum + at)));
    if (p->code_zero)
        sum = _mm512_sub_epi32(sum, _mm512_mullo_epi32(_mm512_set1_epi32(p->row_sum[m * p->groups + g]),
                                                       _mm512_loadu_si512(p->code_zero + at)));
    const __m512 v = _mm512_cvtepi32_ps(sum);
    if (!p->group_scale) return v;
    return _mm512_add_ps(total, _mm512_mul_ps(v, _mm512_loadu_ps(p->group_scale + at)));
}

static inline __attribute__((always_inline)) void tile_of(int rows, int vectors, int32_t bits,
                                                          const product *p, int64_t m, int64_t i,
                                                          int64_t n, const uint8_t *w,
                                                          const void *work)
{
    const int32_t *start = (const int32_t *)work + i * p->groups;
    const int8_t  *x =
        (const int8_t *)((const int32_t *)work + TASK_ROWS * p->groups) + i * p->depth;
    __m512 total[TILE_ROWS][VECTORS];
    SSMQ_UNROLL(8)
    for (int r = 0; r < rows; r++) total[r][0] = total[r][1] = _mm512_setzero_ps();
    for (int64_t g = 0; g < p->groups;
         g++, x += p->length, w += vectors * p->length * LANES * bits / 8) {
        const int64_t at = g * p->columns + n;
        __m512i       sum[TILE_ROWS][VECTORS];
        SSMQ_UNROLL(8)
        for (int r = 0; r < rows; r++)
            sum[r][0] = sum[r][1] = _mm512_set1_epi32(start[r * p->groups + g]);
        group_sums(rows, vectors, bits, p, x, w, sum);
        SSMQ_UNROLL(8)
        for (int r = 0; r < rows; r++) {
            total[r][0] = with_group(p, m + r, g, at, sum[r][0], total[r][0]);
            if (vectors > 1) total[r][1] = with_group(p, m + r, g, at + LANES, sum[r][1], total[r][1]);
        }
    }
    SSMQ_UNROLL(8)
    for (int r = 0; r < rows; r++) {
        put(p, m + r, n, total[r][0]);
        if (vectors > 1) put(p, m + r, n + LANES, total[r][1]);
    }
}

static inline __attribute__((always_inline)) void tile(int rows, int vectors, const product *p,
                                                       int64_t m, int64_t i, int64_t n,
                                                       const uint8_t *w, const void *work)
{
    if (p->bits == 4) tile_of(rows, vectors, 4, p, m, i, n, w, work);
    else tile_of(rows, vectors, 8, p, m, i, n, w, work);
}

bool ssmq_cpu_q_avx512vnni(ssmq_backend_ops *ops)
{
    ops->pack_q = pack_q;
    ops->linear_q = linear_q;
    return true;
}
#else
bool ssmq_cpu_q_avx512vnni(ssmq_backend_ops *ops)
{
    (void)ops;
    return false;
}
#endif
