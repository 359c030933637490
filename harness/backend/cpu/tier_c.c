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

/* As linear_c on the whole weight: how OpenBLAS sums a column up may depend on those beside it. */
static ssmq_status linear_w_c(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                              const ssmq_packed *w, const ssmq_epilogue *a)
{
    const ssmq_linear_shape s = ssmq_shape_linear_w(y, x, w, a);
    ssmq_tensor             value;
    if (s.M < BLAS_ROWS || s.K == 0) return linear_w(be, y, x, w, a);
    SSMQ_TRY(weight_to_floats(be, w, &value));
    ssmq_cpu_linear_blas(be, y, x, &value);
    ssmq_host_free(be, value.data);
    return epilogue(be, y, a);
}

bool ssmq_cpu_tier_c(ssmq_backend_ops *ops, ssmq_cpu_hand_on *hand_on_of)
{
    fill(ops, hand_on_of);
    ops->linear = linear_c;
    ops->linear_w = linear_w_c;
    ops->rows_vary = true;
    return true;
}
