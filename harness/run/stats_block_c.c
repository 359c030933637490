#include "harness/run/stats_block.inc"

const ssmq_stats_loops ssmq_stats_loops_c = LOOPS;
