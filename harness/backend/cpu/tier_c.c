/* The tier that runs anywhere: vectors of four floats as the compiler finds them, and OpenBLAS, which
 * chooses its own kernels, for products of many rows. */
#include "harness/backend/cpu/includes.inc"
#include "harness/backend/cpu/vec_c.inc"
#include "harness/backend/cpu/ops.inc"

/* From here on OpenBLAS is faster than the dot products of op_linear.inc.  A row of the result may
 * therefore differ in its last bits between decoding and prefill on this tier. */
#define BLAS_ROWS 8

static ssmq_status linear_c(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                            const ssmq_tensor *w)
{
    const ssmq_linear_shape s = ssmq_shape_linear(y, x, w);
    if (s.M < BLAS_ROWS || s.K == 0) return linear(be, y, x, w);
    ssmq_cpu_linear_blas(be, y, x, w);
    return SSMQ_OK;
}

bool ssmq_cpu_tier_c(ssmq_backend_ops *ops)
{
    fill(ops);
    ops->linear = linear_c;
    ops->rows_vary = true;
    return true;
}
