#include "harness/backend/cpu/kernels.h"
#include "harness/bench/peaks_probes.h"

#if defined(__AVX512F__) && defined(__AVX512BF16__)
#include <immintrin.h>

#define CHAINS 12 /* latency 6 times 2 units */

static float products(int64_t rounds)
{
    __m512        sum[CHAINS];
    const __m512i one = _mm512_set1_epi16(0x3f80);
    SSMQ_UNROLL(12)
    for (int i = 0; i < CHAINS; i++) sum[i] = _mm512_set1_ps((float)i);
    for (int64_t r = 0; r < rounds; r++) {
        SSMQ_UNROLL(12)
        for (int i = 0; i < CHAINS; i++) /* by hand, as in linear_bf16_avx512bf16.c */
            __asm__ volatile("vdpbf16ps %1, %1, %0" : "+v"(sum[i]) : "v"(one));
    }
    float total = 0;
    SSMQ_UNROLL(12)
    for (int i = 0; i < CHAINS; i++) total += _mm512_reduce_add_ps(sum[i]);
    return total;
}

ssmq_peak_bf16 ssmq_peak_bf16_avx512bf16(void)
{
    return (ssmq_peak_bf16){products, CHAINS * 32 * 2};
}
#else
ssmq_peak_bf16 ssmq_peak_bf16_avx512bf16(void)
{
    return (ssmq_peak_bf16){0};
}
#endif
