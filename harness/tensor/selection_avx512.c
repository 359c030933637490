/* Compiled with the flags of its instruction set: nothing here may run before the CPU has been asked.  Where the
 * compiler does not know the set, it is absent. */
#include "harness/tensor/selection.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include <immintrin.h>
#include <string.h>

/* Those of some whose ten bits from shift on are set in a table of 1024 bits. */
static inline __mmask16 among(__mmask16 some, __m512i bits, __m512i low, __m512i high, unsigned shift)
{
    const __m512i word = _mm512_permutex2var_epi32(low, _mm512_srli_epi32(bits, shift + 5), high);
    const __m512i bit = _mm512_and_si512(_mm512_srli_epi32(bits, shift), _mm512_set1_epi32(31));
    return _mm512_mask_test_epi32_mask(some, _mm512_srlv_epi32(word, bit), _mm512_set1_epi32(1));
}

/* Those whose bins are set in both tables: all wanted ones, and a few others. */
static int64_t pick_likely(const float *x, int64_t n, const ssmq_wanted_bins *w, float *out)
{
    const __m512i lower[2] = {_mm512_loadu_si512(w->lower), _mm512_loadu_si512(w->lower + 16)};
    const __m512i upper[2] = {_mm512_loadu_si512(w->upper), _mm512_loadu_si512(w->upper + 16)};
    float        *to = out;
    for (int64_t i = 0; i < n; i += 16) {
        const __mmask16 some = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : (__mmask16)0xffff;
        const __m512i   bits = _mm512_maskz_loadu_epi32(some, x + i);
        const __mmask16 in =
            among(among(some, bits, lower[0], lower[1], 16), bits, upper[0], upper[1], 22);
        _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(in, bits));
        to += __builtin_popcount(in);
    }
    return to - out;
}

static int64_t pick(const float *x, int64_t n, const ssmq_wanted_bins *w, float *out)
{
    const int64_t likely = pick_likely(x, n, w, out);
    return ssmq_pick_c(out, likely, w, out);
}

const ssmq_pick ssmq_pick_avx512 = pick;
#else
const ssmq_pick ssmq_pick_avx512 = NULL;
#endif
