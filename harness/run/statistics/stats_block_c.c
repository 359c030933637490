#include "harness/run/statistics/stats_block.inc"

const ssmq_stats_loops ssmq_stats_loops_c = LOOPS;
