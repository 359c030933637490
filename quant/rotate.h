/* Helpers of methods that rotate: random signs, and weights through a Hadamard transform. */
#pragma once
#include "harness/contract/method.h"
#include "harness/tensor/hadamard.h"

#ifdef __cplusplus
extern "C" {
#endif

/* n draws of +1 or -1 into sign: the same for equal seeds and purposes ("hadamard layers.0.out_proj.in"),
 * independent of each other for different ones. */
void ssmq_draw_signs(uint64_t seed, const char *purpose, float *sign, int64_t n);

/* Turns every vector that lies along an axis of a weight (rank 1 or 2): v becomes H (sign v) / sqrt(n).
 * sign: NULL for none.  The axis has length h->n.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_rotate_weight(ssmq_model *m, int32_t weight, int32_t axis,
                                             const ssmq_hadamard *h, const float *sign);

#ifdef __cplusplus
}
#endif
