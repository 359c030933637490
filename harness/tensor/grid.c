#include "harness/tensor/grid.inc"

const ssmq_grid_loops ssmq_grid_loops_c = LOOPS;

/* Magnitudes whose differences, and whose parts of a cell in 1, are normal floats. */
#define LEAST 0x1p-90
#define MOST 0x1p+90

ssmq_grid ssmq_grid_of(float low, float high)
{
    const double whole = (double)high - (double)low;
    ssmq_grid    g = {.low = low, .width = whole / SSMQ_GRID_CELLS};
    if (whole > LEAST && whole < MOST) g.per_part = (float)(0x1p10 / g.width);
    return g;
}

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
