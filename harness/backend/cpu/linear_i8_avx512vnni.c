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

/* work: for each row what its sums start from, -128 times the sum of its codes. */
static void row_ready(const product *p, int64_t m, int64_t count, void *work)
{
    int32_t *start = work;
    for (int64_t i = 0; i < count; i++) {
        const int8_t *x = p->x + (m + i) * p->s.stride_x;
        __m512i       sum = _mm512_setzero_si512();
        for (int64_t k = 0; k < p->s.K; k += 64) {
            const __mmask64 part = p->s.K - k >= 64 ? ~0ull : (1ull << (p->s.K - k)) - 1;
            sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), _mm512_maskz_loadu_epi8(part, x + k));
        }
        start[i] = -STORED * _mm512_reduce_add_epi32(sum);
    }
}

static inline __m512i four(const int8_t *x)
{
    int32_t v;
    memcpy(&v, x, sizeof v);
    return _mm512_set1_epi32(v);
}

/* The last one to three codes of a row, and zeros. */
static inline __m512i fewer(const int8_t *x, int64_t n)
{
    int8_t last[4] = {0};
    for (int64_t i = 0; i < n; i++) last[i] = x[i];
    return four(last);
}

/* In the order of the op epilogue, operation by operation. */
static inline void put(const product *p, int64_t m, int64_t n, __m512i sum)
{
    const int64_t   left = p->s.N - n;
    const __mmask16 part = left >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << left) - 1);
    __m512          v = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(p->scale));
    if (p->column) v = _mm512_mul_ps(v, _mm512_maskz_loadu_ps(part, p->column + n));
    if (p->row) v = _mm512_mul_ps(v, _mm512_set1_ps(p->row[m]));
    if (p->bias) v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(part, p->bias + n));
    _mm512_mask_storeu_ps(p->y + m * p->s.stride_y + n, part, v);
}

static inline __attribute__((always_inline)) void tile(int rows, int vectors, const product *p,
                                                       int64_t m, int64_t i, int64_t n,
                                                       const uint8_t *w, const void *work)
{
    const int8_t  *x = p->x + m * p->s.stride_x;
    const int32_t *start = (const int32_t *)work + i;
    __m512i        sum[TILE_ROWS][VECTORS], b[VECTORS];
    int64_t        k = 0;
    SSMQ_UNROLL(8)
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) sum[r][v] = _mm512_set1_epi32(start[r]);
    for (; k + DEPTH <= p->s.K; k += DEPTH, w += vectors * 64) {
        SSMQ_UNROLL(4)
        for (int v = 0; v < vectors; v++) b[v] = _mm512_loadu_si512(w + v * 64);
        SSMQ_UNROLL(8)
        for (int r = 0; r < rows; r++) {
            const __m512i a = four(x + r * p->s.stride_x + k);
            SSMQ_UNROLL(4)
            for (int v = 0; v < vectors; v++) sum[r][v] = _mm512_dpbusd_epi32(sum[r][v], b[v], a);
        }
    }
    if (k < p->s.K)
        for (int r = 0; r < rows; r++) {
            const __m512i a = fewer(x + r * p->s.stride_x + k, p->s.K - k);
            for (int v = 0; v < vectors; v++)
                sum[r][v] = _mm512_dpbusd_epi32(sum[r][v], _mm512_loadu_si512(w + v * 64), a);
        }
    SSMQ_UNROLL(8)
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) put(p, m + r, n + v * LANES, sum[r][v]);
}

static ssmq_status linear_i8(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                             const ssmq_packed *w, const ssmq_epilogue *a)
{
    return run(be, y, x, w, a, TASK_ROWS * sizeof(int32_t));
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
