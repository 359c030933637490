#include "harness/backend/ref/ref.h"
#include "harness/backend/shape.h"

ssmq_status ssmq_ref_dequantize(ssmq_backend *be, ssmq_tensor *x, const ssmq_tensor *q,
                                const ssmq_qspec *s, const ssmq_qparams *p)
{
    (void)be;
    ssmq_shape_quantize(q, x, s);
    const ssmq_tensor    rq = ssmq_tensor_rows(q), rx = ssmq_tensor_rows(x);
    const ssmq_scale_map map = ssmq_shape_scales(&rx, s, p);
    for (int64_t m = 0; m < rx.dim[0]; m++)
        for (int64_t c = 0; c < rx.dim[1]; c++) {
            const int64_t which = m * map.by_row + c / map.group, at = m * rq.stride[0] + c;
            const float   code = q->dtype == SSMQ_I8 ? (float)((const int8_t *)rq.data)[at]
                                                     : ((const float *)rq.data)[at];
            const float   zero = map.zero ? (float)map.zero[which] : 0.0f;
            ((float *)rx.data)[m * rx.stride[0] + c] = ssmq_product(code, zero, map.scale[which], s);
        }
    return SSMQ_OK;
}
