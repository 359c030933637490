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

/* A table of 1024 bits in registers. */
typedef struct bits1024 {
    __m512i low, high;
} bits1024;

static inline bits1024 table_of(const uint32_t word[32])
{
    return (bits1024){_mm512_loadu_si512(word), _mm512_loadu_si512(word + 16)};
}

/* Appends those of some whose bins are set in both tables: all wanted ones, and a few others. */
static inline float *append_likely(float *to, __mmask16 some, __m512i bits, bits1024 lower, bits1024 upper)
{
    const __mmask16 in = among(among(some, bits, lower.low, lower.high, 16), bits, upper.low, upper.high, 22);
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(in, bits));
    return to + __builtin_popcount(in);
}

static int64_t pick_likely(const float *x, int64_t n, const ssmq_wanted_bins *w, float *out)
{
    const bits1024  lower = table_of(w->lower), upper = table_of(w->upper);
    const int64_t   whole = n - n % 16;
    const __mmask16 rest = (__mmask16)((1u << (n - whole)) - 1);
    float          *to = out;
    for (int64_t i = 0; i < whole; i += 16)
        to = append_likely(to, 0xffff, _mm512_loadu_si512(x + i), lower, upper);
    if (rest) to = append_likely(to, rest, _mm512_maskz_loadu_epi32(rest, x + whole), lower, upper);
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
