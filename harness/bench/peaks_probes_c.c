#include <stddef.h>
#include "harness/backend/cpu/kernels.h"
#include "harness/bench/peaks_probes.h"

#include "harness/backend/cpu/vec_c.inc"
#include "harness/bench/peaks_kernel.inc"

bool ssmq_peak_probes_c(ssmq_peak_probes *out)
{
    *out = (ssmq_peak_probes){fma_chains, read_all, CHAINS * VEC * 2};
    return true;
}
