/* The registry of methods.  To add one: write quant/<name>.c, add one line here. */
#pragma once
#include "harness/contract/method.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_METHODS(X) \
    X(weights)          \
    X(activations)      \
    X(smoothquant)      \
    X(hadamard)         \
    X(rotate_residual)  \
    X(state)            \
    X(outliers)         \
    X(gptq)             \
    X(departures)

#define X(name) extern const ssmq_method ssmq_method_##name;
SSMQ_METHODS(X)
#undef X

extern const ssmq_method *const ssmq_methods[]; /* NULL-terminated */

#ifdef __cplusplus
}
#endif
