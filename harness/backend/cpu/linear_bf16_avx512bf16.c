/* Products of bfloat16 numbers with AVX512_BF16, which multiplies pairs of them and adds both products to a
 * sum. */
#include "harness/backend/cpu/includes.inc"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512BF16__)
#include <immintrin.h>

#define TILE_ROWS 6
#define VECTORS 4
#define LANES 16
#define WORK_EACH(p) ((size_t)(TASK_ROWS * (p).depth) * sizeof(uint16_t))
#include "harness/backend/cpu/linear_bf16.inc"
#include "harness/backend/cpu/put_avx512.inc"

/* Mask of the first n elements of a vector of 16, or all. */
static inline __mmask16 first(int64_t n)
{
    return (__mmask16)(n >= 16 ? 0xffffu : (1u << n) - 1);
}

/* work: the rows as bfloat16 numbers, which are the upper halves of floats, p->depth each. */
static void row_ready(const product *p, int64_t m, int64_t count, void *work)
{
    uint16_t *copy = work;
    for (int64_t i = 0; i < count; i++, copy += p->depth) {
        const float *x = p->x + (m + i) * p->s.stride_x;
        for (int64_t k = 0; k < p->depth; k += 16) {
            const __mmask16 part = p->s.K - k > 0 ? first(p->s.K - k) : 0, room = first(p->depth - k);
            const __m512i   v = _mm512_maskz_loadu_epi32(part, x + k);
            _mm512_mask_cvtepi32_storeu_epi16(copy + k, room, _mm512_srli_epi32(v, 16));
        }
    }
}

/* By hand, as in linear_i8_avx512vnni.c. */
static inline __m512i add_products(__m512i sum, __m512i w, __m512i x)
{
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
    return sum;
}

static inline __m512i start_of(const void *work, int64_t i)
{
    (void)work, (void)i;
    return _mm512_setzero_si512();
}

static inline const char *rows_of(const product *p, const void *work, int64_t i)
{
    return (const char *)((const uint16_t *)work + i * p->depth);
}

static inline __m512 result_of(__m512i sum)
{
    return _mm512_castsi512_ps(sum);
}

#define ROW_BYTES(p) ((p)->depth * (int64_t)sizeof(uint16_t))
#include "harness/backend/cpu/tile_avx512.inc"

bool ssmq_cpu_bf16_avx512bf16(ssmq_backend_ops *ops)
{
    ops->pack_bf16 = pack_bf16;
    ops->linear_bf16 = linear_bf16;
    return true;
}
#else
bool ssmq_cpu_bf16_avx512bf16(ssmq_backend_ops *ops)
{
    (void)ops;
    return false;
}
#endif
