/* Codes of a weight, column by column, each column's error spread over those that are still open.
 * Source: Optimal Brain Quantization, arXiv:2208.11580, equation 3, in the order and by the factor of GPTQ,
 * arXiv:2210.17323, section 3. */
#pragma once
#include "harness/contract/method.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_columns {
    const ssmq_tensor *w;       /* (N, K) f32                                                         */
    const double      *hessian; /* (K, K): X^T X of the inputs, or a multiple of it                   */
    const ssmq_qspec  *spec;    /* int, 2 to 8 bits; scope tensor, channel or group                   */
    ssmq_qparams      *params;  /* scales of the whole weight or its rows; of groups, (N, groups): for *
                                 * the solver to fill in, from the group as it has become when its     *
                                 * first column is reached                                             */
    const ssmq_tensor *keep;    /* i32: columns that stay in floating point, without error; or NULL    */
    double             damping; /* of the mean of the Hessian's diagonal, added to it                  */
    bool               by_size; /* columns in the order of the diagonal, the largest first             */
} ssmq_columns;

/* codes (N, K) i8; 0 where columns are kept.  A column whose inputs are all 0 gets the nearest codes.  *raised
 * is set where the range of a group was raised to SSMQ_AMAX_MIN.  NUMERIC if the Hessian, damped, is not
 * positive definite; MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_columns_solve(const ssmq_columns *a, int8_t *codes, bool *raised);

#ifdef __cplusplus
}
#endif
