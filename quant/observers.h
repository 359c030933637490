/* The registries of what an observer is made of: statistics of a sample, and ways to combine the
 * samples.  To add one: write quant/observers/<name>.c, add one line here. */
#pragma once
#include "harness/contract/method.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_STATISTICS(X) \
    X(absmax)              \
    X(minmax)              \
    X(quantile)            \
    X(mse)

#define SSMQ_ACROSS(X) \
    X(max)             \
    X(mean)            \
    X(median)          \
    X(ema)

#define X(name) extern const ssmq_statistic ssmq_statistic_##name;
SSMQ_STATISTICS(X)
#undef X
#define X(name) extern const ssmq_across ssmq_across_##name;
SSMQ_ACROSS(X)
#undef X

extern const ssmq_statistic *const ssmq_statistics[];  /* NULL-terminated */
extern const ssmq_across *const    ssmq_across_list[]; /* NULL-terminated */

#ifdef __cplusplus
}
#endif
