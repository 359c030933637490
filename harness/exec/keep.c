/* Channels that stay in floating point while the rest of their tensor is quantised.
 *
 * The product is simulated: what is quantised is handed on dequantised beside what is not, and one product
 * in floating point reads both.  Its value is the sum of the two products of the decomposition, codes times
 * codes and float times float (arXiv:2208.07339, equation 8), but for the rounding of float sums. */
#include "harness/base/assert.h"
#include "harness/exec/internal.h"

/* Element j of keep's list in row m of x, rows. */
static float *element(const ssmq_tensor *rows, const ssmq_tensor *keep, int64_t m, int64_t j)
{
    return (float *)rows->data + m * rows->stride[0] + ((const int32_t *)keep->data)[j];
}

ssmq_status ssmq_exec_take_out(ssmq_exec *ex, const ssmq_tensor *keep, ssmq_tensor *x,
                               ssmq_tensor *kept)
{
    SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST);
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    const int64_t     n = keep->dim[0];
    SSMQ_TRY(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_KEPT, 2, (const int64_t[]){rows.dim[0], n}, kept));
    for (int64_t m = 0; m < rows.dim[0]; m++)
        for (int64_t j = 0; j < n; j++) {
            float *at = element(&rows, keep, m, j);
            ((float *)kept->data)[m * n + j] = *at;
            *at = 0;
        }
    return SSMQ_OK;
}

void ssmq_exec_put_back(const ssmq_tensor *keep, const ssmq_tensor *kept, ssmq_tensor *x)
{
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    const int64_t     n = keep->dim[0];
    for (int64_t m = 0; m < rows.dim[0]; m++)
        for (int64_t j = 0; j < n; j++)
            *element(&rows, keep, m, j) = ((const float *)kept->data)[m * n + j];
}
