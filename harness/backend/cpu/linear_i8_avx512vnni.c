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

static inline __m512i four(const int8_t *x)
{
    int32_t v;
    memcpy(&v, x, sizeof v);
    return _mm512_set1_epi32(v);
}

/* In the order of the op epilogue, operation by operation. */
static inline void put(const product *p, int64_t m, int64_t n, __m512i sum)
{
    const int64_t   left = p->s.N - n;
    const __mmask16 part = (__mmask16)(left >= 16 ? 0xffffu : (1u << left) - 1);
    __m512          v = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(p->scale));
    if (p->column) v = _mm512_mul_ps(v, _mm512_maskz_loadu_ps(part, p->column + n));
    if (p->row) v = _mm512_mul_ps(v, _mm512_set1_ps(p->row[m]));
    if (p->bias) v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(part, p->bias + n));
    _mm512_mask_storeu_ps(place(p, m, n), part, v);
}

/* Vector v of a row of packed codes, if the block has it. */
static inline __m512i vector_of(const uint8_t *w, int v, int vectors)
{
    return v < vectors ? _mm512_loadu_si512(w + v * 64) : _mm512_setzero_si512();
}

/* sum + w x, four bytes at a time.  As an instruction by hand: gcc 12 gives the sum of its own function another
 * register than it came in, and moves and spills the sums of a tile in the loop. */
static inline __m512i add_products(__m512i sum, __m512i w, __m512i x)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
    return sum;
}

/* Written out over the vectors: arrays that are walked by loops in loops end up in memory. */
static inline __attribute__((always_inline)) void tile(int rows, int vectors, const product *p,
                                                       int64_t m, int64_t i, int64_t n,
                                                       const uint8_t *w, const void *work)
{
    const int32_t *start = (const int32_t *)work + i;
    const int64_t  depth = p->depth;
    const int8_t  *x = (const int8_t *)((const int32_t *)work + TASK_ROWS) + i * depth;
    /* Every step of k fetches a line of the next block, each tile another one of a vector's place. */
    const int64_t  ahead = vectors * LANES * depth + i / TILE_ROWS % vectors * 64;
    __m512i        sum[TILE_ROWS][VECTORS];
    SSMQ_UNROLL(8)
    for (int r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = sum[r][2] = sum[r][3] = _mm512_set1_epi32(start[r]);
    for (int64_t k = 0; k < depth; k += DEPTH, w += vectors * 64) {
        const __m512i b0 = _mm512_loadu_si512(w), b1 = vector_of(w, 1, vectors);
        const __m512i b2 = vector_of(w, 2, vectors), b3 = vector_of(w, 3, vectors);
        if (rows == TILE_ROWS) __builtin_prefetch(w + ahead, 0, 2);
        SSMQ_UNROLL(8)
        for (int r = 0; r < rows; r++) {
            const __m512i a = four(x + r * depth + k);
            sum[r][0] = add_products(sum[r][0], b0, a);
            if (vectors > 1) sum[r][1] = add_products(sum[r][1], b1, a);
            if (vectors > 2) sum[r][2] = add_products(sum[r][2], b2, a);
            if (vectors > 3) sum[r][3] = add_products(sum[r][3], b3, a);
        }
    }
    SSMQ_UNROLL(8)
    for (int r = 0; r < rows; r++) {
        put(p, m + r, n, sum[r][0]);
        if (vectors > 1) put(p, m + r, n + LANES, sum[r][1]);
        if (vectors > 2) put(p, m + r, n + 2 * LANES, sum[r][2]);
        if (vectors > 3) put(p, m + r, n + 3 * LANES, sum[r][3]);
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
