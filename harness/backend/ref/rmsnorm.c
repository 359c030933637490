#include <math.h>
#include "harness/backend/ref/ref.h"
#include "harness/backend/shape.h"

ssmq_status ssmq_ref_rmsnorm(ssmq_backend *be, ssmq_tensor *y, ssmq_tensor *residual,
                             const ssmq_tensor *x, const ssmq_tensor *w, float eps, ssmq_handing *to)
{
    const ssmq_tensor ry = ssmq_shape_rmsnorm(y, residual, x, w);
    const ssmq_tensor rr = ssmq_tensor_rows(residual);
    const ssmq_tensor rx = x ? ssmq_tensor_rows(x) : rr;
    const float      *weight = w->data;
    const int64_t     D = ry.dim[1];
    for (int64_t m = 0; m < ry.dim[0]; m++) {
        float *out = (float *)ry.data + m * ry.stride[0], *res = (float *)rr.data + m * rr.stride[0];
        const float *add = (const float *)rx.data + m * rx.stride[0];
        if (x)
            for (int64_t i = 0; i < D; i++) res[i] += add[i];
        double sum = 0; /* squares of floats may be beyond float */
        for (int64_t i = 0; i < D; i++) sum += (double)res[i] * (double)res[i];
        const float rms = (float)sqrt(sum / (double)D + (double)eps);
        for (int64_t i = 0; i < D; i++) out[i] = res[i] / rms * weight[i];
    }
    return ssmq_ref_hand_on(be, y, to);
}
