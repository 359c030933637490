/* Products of codes with VNNI, which multiplies bytes without and with a sign and adds four of them to a
 * sum of 32 bits without saturating in between.  So the weight's codes are packed plus 128, and 128 times
 * the sum of a row of x is taken off beforehand. */
#include "harness/backend/cpu/includes.inc"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VNNI__)
#include <immintrin.h>

#define TILE_ROWS 6
#define VECTORS 4
#define LANES 16
#define DEPTH 4
#define STORED 128
#include "harness/backend/cpu/linear_i8.inc"
#include "harness/backend/cpu/put_avx512.inc"

/* Mask of the first n bytes of a vector, n >= 0. */
static inline __mmask64 first(int64_t n)
{
    return n >= 64 ? ~0ull : (1ull << n) - 1;
}

/* work: for each row what its sums start from, -128 times the sum of its codes; then the rows themselves, one
 * behind the other, with zeros past K. */
static void row_ready(const product *p, int64_t m, int64_t count, void *work)
{
    int32_t *start = work;
    int8_t  *copy = (int8_t *)(start + TASK_ROWS);
    for (int64_t i = 0; i < count; i++, copy += p->depth) {
        const int8_t *x = p->x + (m + i) * p->s.stride_x;
        __m512i       sum = _mm512_setzero_si512();
        int64_t       k = 0;
        for (; k + 64 <= p->s.K; k += 64) {
            const __m512i v = _mm512_loadu_si512(x + k);
            sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), v);
            _mm512_storeu_si512(copy + k, v);
        }
        if (k < p->depth) {
            const __m512i v = _mm512_maskz_loadu_epi8(first(p->s.K - k), x + k);
            sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), v);
            _mm512_mask_storeu_epi8(copy + k, first(p->depth - k), v);
        }
        start[i] = -STORED * _mm512_reduce_add_epi32(sum);
    }
}

/* By hand: gcc 12 gives the sum of its own function another register than it came in, and moves and spills the sums
 * of a tile in the loop. */
static inline __m512i add_products(__m512i sum, __m512i w, __m512i x)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
    return sum;
}

static inline __m512i start_of(const void *work, int64_t i)
{
    return _mm512_set1_epi32(((const int32_t *)work)[i]);
}

static inline const char *rows_of(const product *p, const void *work, int64_t i)
{
    return (const char *)((const int32_t *)work + TASK_ROWS) + i * p->depth;
}

static inline __m512 result_of(__m512i sum)
{
    return _mm512_cvtepi32_ps(sum);
}

#define ROW_BYTES(p) (p)->depth
#include "harness/backend/cpu/tile_avx512.inc"

static ssmq_status pack(ssmq_backend *be, const ssmq_tensor *w, ssmq_packed *out)
{
    return pack_all(be, &(ssmq_codes){.code = w, .bits = 8}, out);
}

static ssmq_status linear_i8(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                             const ssmq_packed *w, const ssmq_epilogue *a)
{
    product p = product_of(y, x, w, a);
    return run(be, &p, TASK_ROWS * (sizeof(int32_t) + (size_t)p.depth), y, a->to);
}

bool ssmq_cpu_i8_avx512vnni(ssmq_backend_ops *ops)
{
    ops->pack_i8 = pack;
    ops->linear_i8 = linear_i8;
    return true;
}
#else
bool ssmq_cpu_i8_avx512vnni(ssmq_backend_ops *ops)
{
    (void)ops;
    return false;
}
#endif
