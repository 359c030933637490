/* Triangular factors in float64, in place, in a fixed order of sums: the same bits on every run. */
#pragma once
#include <stdint.h>
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* a (n, n), row by row, symmetric and positive definite, of which the upper triangle is read.  Becomes the
 * upper triangular U with U^T U = a^-1 (below the diagonal: 0).  NUMERIC if a is not positive definite to
 * working precision; MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_inverse_factor(double *a, int64_t n);

#ifdef __cplusplus
}
#endif
