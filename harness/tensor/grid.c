#include "harness/tensor/grid.inc"

const ssmq_grid_loops ssmq_grid_loops_c = LOOPS;

const ssmq_grid_loops *ssmq_grid_loops_best(void)
{
#if defined(__x86_64__) || defined(__i386__)
    if (ssmq_grid_loops_avx512 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return ssmq_grid_loops_avx512;
    if (ssmq_grid_loops_avx2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return ssmq_grid_loops_avx2;
#endif
    return &ssmq_grid_loops_c;
}
