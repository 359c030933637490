/* Compiled with the flags of its instruction set where the compiler has it. */
#if defined(__AVX2__)
#include "harness/tensor/grid.inc"

static const ssmq_grid_loops          loops = LOOPS;
const ssmq_grid_loops *const ssmq_grid_loops_avx2 = &loops;
#else
#include "harness/tensor/grid.h"

const ssmq_grid_loops *const ssmq_grid_loops_avx2 = 0;
#endif
