/* Compiled with the flags of its instruction set where the compiler has it. */
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define QUAD 16
#include "harness/run/statistics/stats_block.inc"

static const ssmq_stats_loops          loops = LOOPS;
const ssmq_stats_loops *const ssmq_stats_loops_avx512 = &loops;
#else
#include "harness/run/statistics/stats_block.h"

const ssmq_stats_loops *const ssmq_stats_loops_avx512 = NULL;
#endif
