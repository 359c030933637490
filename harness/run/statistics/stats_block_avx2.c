/* Compiled with -mavx2 where the compiler has it. */
#if defined(__AVX2__)
#include "harness/run/statistics/stats_block.inc"

static const ssmq_stats_loops          loops = LOOPS;
const ssmq_stats_loops *const ssmq_stats_loops_avx2 = &loops;
#else
#include "harness/run/statistics/stats_block.h"

const ssmq_stats_loops *const ssmq_stats_loops_avx2 = NULL;
#endif
