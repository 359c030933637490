#include <stddef.h>
#include "harness/backend/cpu/kernels.h"
#include "harness/bench/peaks_probes.h"

#if defined(__AVX2__) && defined(__FMA__)
#include "harness/backend/cpu/vec_avx2.inc"
#include "harness/bench/peaks_kernel.inc"

bool ssmq_peak_probes_avx2(ssmq_peak_probes *out)
{
    *out = (ssmq_peak_probes){fma_chains, read_all, CHAINS * VEC * 2};
    return true;
}

static int32_t sum_of(__m256i v)
{
    int32_t part[8], total = 0;
    _mm256_storeu_si256((__m256i_u *)part, v);
    for (int j = 0; j < 8; j++) total += part[j];
    return total;
}

#define SUMS 6 /* one addition a cycle each */

/* Numbers of 16 bits multiplied and added in pairs, then added to the sums. */
static int32_t products(int64_t rounds)
{
    __m256i sum[SUMS], x = _mm256_set1_epi16(3);
    int32_t total = 0;
    SSMQ_UNROLL(6)
    for (int i = 0; i < SUMS; i++) sum[i] = _mm256_set1_epi32(i);
    for (int64_t r = 0; r < rounds; r++) {
        SSMQ_UNROLL(6)
        for (int i = 0; i < SUMS; i++) {
            __asm__ volatile("" : "+x"(x)); /* another one, as far as the compiler knows */
            sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(x, x));
        }
    }
    SSMQ_UNROLL(6)
    for (int i = 0; i < SUMS; i++) total += sum_of(sum[i]);
    return total;
}

ssmq_peak_i8 ssmq_peak_i8_avx2(void)
{
    return (ssmq_peak_i8){products, SUMS * 16 * 2};
}
#else
ssmq_peak_i8 ssmq_peak_i8_avx2(void)
{
    return (ssmq_peak_i8){0};
}

bool ssmq_peak_probes_avx2(ssmq_peak_probes *out)
{
    (void)out;
    return false;
}
#endif
