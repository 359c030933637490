#include <stddef.h>
#include "harness/backend/cpu/kernels.h"
#include "harness/bench/peaks_probes.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && \
    defined(__AVX512VL__)
#include "harness/backend/cpu/vec_avx512.inc"
#include "harness/bench/peaks_kernel.inc"

bool ssmq_peak_probes_avx512(ssmq_peak_probes *out)
{
    *out = (ssmq_peak_probes){fma_chains, read_all, CHAINS * VEC * 2};
    return true;
}
#else
bool ssmq_peak_probes_avx512(ssmq_peak_probes *out)
{
    (void)out;
    return false;
}
#endif
