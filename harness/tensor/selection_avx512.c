/* Compiled with the flags of its instruction set: nothing here may run before the CPU has been asked.  Where the
 * compiler does not know the set, it is absent. */
#include "harness/tensor/selection.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include <immintrin.h>
#include <string.h>

/* Appends those of some that are in. */
static inline float *append(float *to, __mmask16 in, __m512i bits)
{
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(in, bits));
    return to + __builtin_popcount(in);
}

static inline __mmask16 test_bit(__mmask16 some, __m512i word, __m512i bin)
{
    const __m512i bit = _mm512_and_si512(bin, _mm512_set1_epi32(31));
    return _mm512_mask_test_epi32_mask(some, _mm512_srlv_epi32(word, bit), _mm512_set1_epi32(1));
}

/* Those whose bin's place in its power is one of the wanted: all of these, and a few others.  Its 1024
 * bits are in two registers. */
static inline __mmask16 likely(__mmask16 some, __m512i bits, __m512i low, __m512i high)
{
    const __m512i word = _mm512_permutex2var_epi32(low, _mm512_srli_epi32(bits, SSMQ_FINE_SHIFT + 5), high);
    return test_bit(some, word, _mm512_srli_epi32(bits, SSMQ_FINE_SHIFT));
}

static int64_t pick_likely(const float *x, int64_t n, const ssmq_wanted_bins *w, float *out)
{
    const __m512i   low = _mm512_loadu_si512(w->mantissa), high = _mm512_loadu_si512(w->mantissa + 16);
    const int64_t   whole = n - n % 16;
    const __mmask16 rest = (__mmask16)((1u << (n - whole)) - 1);
    float          *to = out;
    for (int64_t i = 0; i < whole; i += 16) {
        const __m512i bits = _mm512_loadu_si512(x + i);
        to = append(to, likely(0xffff, bits, low, high), bits);
    }
    if (rest) {
        const __m512i bits = _mm512_maskz_loadu_epi32(rest, x + whole);
        to = append(to, likely(rest, bits, low, high), bits);
    }
    return to - out;
}

/* In place: what is appended has been read before. */
static int64_t pick_wanted(float *x, int64_t n, const ssmq_wanted_bins *w)
{
    float *to = x;
    for (int64_t i = 0; i < n; i += 16) {
        const __mmask16 some = (__mmask16)(n - i < 16 ? (1u << (n - i)) - 1 : 0xffff);
        const __m512i   bits = _mm512_maskz_loadu_epi32(some, x + i);
        const __m512i   bin = _mm512_srli_epi32(bits, SSMQ_FINE_SHIFT);
        const __m512i   word = _mm512_i32gather_epi32(_mm512_srli_epi32(bin, 5), w->set, 4);
        to = append(to, test_bit(some, word, bin), bits);
    }
    return to - x;
}

static int64_t pick(const float *x, int64_t n, const ssmq_wanted_bins *w, float *out)
{
    return pick_wanted(out, pick_likely(x, n, w, out), w);
}

const ssmq_pick ssmq_pick_avx512 = pick;
#else
const ssmq_pick ssmq_pick_avx512 = NULL;
#endif
