/* Products of codes without VNNI: the bytes are widened to 16 bits, where products of pairs and their sums
 * are exact.  (The instruction that multiplies bytes directly saturates sums of two products.) */
#include "harness/backend/cpu/includes.inc"

#if defined(__AVX2__)
#include <immintrin.h>

#define TILE_ROWS 4
#define VECTORS 2
#define LANES 8
#define DEPTH 2
#define STORED 0
#include "harness/backend/cpu/linear_i8.inc"
#include "harness/backend/cpu/put_avx2.inc"

/* work: the rows as 16-bit numbers, p->depth each. */
static void row_ready(const product *p, int64_t m, int64_t count, void *work)
{
    int16_t *copy = work;
    for (int64_t i = 0; i < count; i++) {
        const int8_t *x = p->x + (m + i) * p->s.stride_x;
        for (int64_t k = 0; k < p->s.K; k++) copy[i * p->depth + k] = x[k];
        for (int64_t k = p->s.K; k < p->depth; k++) copy[i * p->depth + k] = 0;
    }
}

static inline __m256i two(const int16_t *x)
{
    int32_t v;
    memcpy(&v, x, sizeof v);
    return _mm256_set1_epi32(v);
}

static inline __m256i wide(const uint8_t *w)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i_u *)w));
}

static inline __attribute__((always_inline)) void tile(int rows, int vectors, const product *p,
                                                       int64_t m, int64_t i, int64_t n,
                                                       const uint8_t *w, const void *work)
{
    const int16_t *x = (const int16_t *)work + i * p->depth;
    __m256i        sum[TILE_ROWS][VECTORS];
    SSMQ_UNROLL(4)
    for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = _mm256_setzero_si256();
    int64_t k = 0;
    do { /* with a test before it, gcc 12 keeps each sum in two registers */
        const __m256i b0 = wide(w), b1 = vectors > 1 ? wide(w + 16) : b0;
        SSMQ_UNROLL(4)
        for (int r = 0; r < rows; r++) {
            const __m256i a = two(x + r * p->depth + k);
            sum[r][0] = _mm256_add_epi32(sum[r][0], _mm256_madd_epi16(b0, a));
            if (vectors > 1) sum[r][1] = _mm256_add_epi32(sum[r][1], _mm256_madd_epi16(b1, a));
        }
        k += DEPTH, w += vectors * 16;
    } while (k < p->depth);
    SSMQ_UNROLL(4)
    for (int r = 0; r < rows; r++) {
        put(p, m + r, n, _mm256_cvtepi32_ps(sum[r][0]));
        if (vectors > 1) put(p, m + r, n + LANES, _mm256_cvtepi32_ps(sum[r][1]));
    }
}

static ssmq_status pack(ssmq_backend *be, const ssmq_tensor *w, ssmq_packed *out)
{
    return pack_all(be, &(ssmq_codes){.code = w, .bits = 8}, out);
}

static ssmq_status linear_i8(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                             const ssmq_packed *w, const ssmq_epilogue *a)
{
    product p = product_of(y, x, w, a);
    return run(be, &p, (size_t)(TASK_ROWS * p.depth) * sizeof(int16_t), y, a->to);
}

bool ssmq_cpu_i8_avx2(ssmq_backend_ops *ops)
{
    ops->pack_i8 = pack;
    ops->linear_i8 = linear_i8;
    return true;
}
#else
bool ssmq_cpu_i8_avx2(ssmq_backend_ops *ops)
{
    (void)ops;
    return false;
}
#endif
