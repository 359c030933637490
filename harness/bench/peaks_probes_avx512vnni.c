#include "harness/backend/cpu/kernels.h"
#include "harness/bench/peaks_probes.h"

#if defined(__AVX512F__) && defined(__AVX512VNNI__)
#include <immintrin.h>

#define CHAINS 12 /* latency 4 times 2 units, and some */

static int32_t products(int64_t rounds)
{
    __m512i       sum[CHAINS];
    const __m512i one = _mm512_set1_epi8(1);
    SSMQ_UNROLL(12)
    for (int i = 0; i < CHAINS; i++) sum[i] = _mm512_set1_epi32(i);
    for (int64_t r = 0; r < rounds; r++) {
        SSMQ_UNROLL(12)
        for (int i = 0; i < CHAINS; i++) /* by hand, as in linear_i8_avx512vnni.c */
            __asm__ volatile("vpdpbusd %1, %1, %0" : "+v"(sum[i]) : "v"(one));
    }
    int32_t total = 0;
    SSMQ_UNROLL(12)
    for (int i = 0; i < CHAINS; i++) total += _mm512_reduce_add_epi32(sum[i]);
    return total;
}

ssmq_peak_i8 ssmq_peak_i8_avx512vnni(void)
{
    return (ssmq_peak_i8){products, CHAINS * 64 * 2};
}
#else
ssmq_peak_i8 ssmq_peak_i8_avx512vnni(void)
{
    return (ssmq_peak_i8){0};
}
#endif
