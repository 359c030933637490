/* A linear layer under a plan by its definition: each number quantised by ssmq_code_value() with
 * the scale of its unit, dequantised, multiplied and summed in float64; channels that are kept, as
 * they are. */
#pragma once
#include "tests/support/forward.h"

typedef struct test_linear {
    const ssmq_model *m;
    int32_t           site_x, site_w; /* activation and weight                        */
    const float      *x;              /* (sequences, length, K)                                  */
    int64_t           sequences, length;
    const int32_t    *keep; /* [n_keep] input channels kept in floating point */
    int64_t           n_keep;
} test_linear;

/* What exec makes of it in mode fake under the two specs, static ranges being those of x and of the
 * weight, against the definition: the largest difference relative to sum |x| |w| of its products.
 * K products and sums and two scalings, each with half a unit in the last place, give (K + 4) *
 * 6e-8 at most. */
double test_linear_error(ssmq_backend *be, const test_linear *t, const ssmq_qspec *sx,
                         const ssmq_qspec *sw);
