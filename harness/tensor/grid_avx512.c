/* Compiled with the flags of its instruction set where the compiler has it. */
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include "harness/tensor/grid.inc"

static const ssmq_grid_loops          loops = LOOPS;
const ssmq_grid_loops *const ssmq_grid_loops_avx512 = &loops;
#else
#include "harness/tensor/grid.h"

const ssmq_grid_loops *const ssmq_grid_loops_avx512 = 0;
#endif
