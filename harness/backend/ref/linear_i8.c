#include <string.h>
#include "harness/backend/ref/ref.h"
#include "harness/backend/shape.h"

ssmq_status ssmq_ref_pack_i8(ssmq_backend *be, const ssmq_tensor *w, ssmq_packed *out)
{
    ssmq_shape_pack_i8(w, out);
    out->bytes = ssmq_tensor_bytes(w);
    SSMQ_TRY(be->ops->alloc(be, out->bytes, &out->data));
    memcpy(out->data, w->data, out->bytes);
    return SSMQ_OK;
}

ssmq_status ssmq_ref_linear_i8(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                               const ssmq_packed *w, const ssmq_epilogue *a)
{
    const ssmq_linear_shape s = ssmq_shape_linear_i8(y, x, w, a);
    const int8_t           *px = x->data, *pw = w->data;
    float                  *py = y->data;
#pragma omp parallel for num_threads(be->threads) schedule(static)
    for (int64_t n = 0; n < s.N; n++)
        for (int64_t m = 0; m < s.M; m++) {
            int32_t sum = 0;
            for (int64_t k = 0; k < s.K; k++) sum += px[m * s.stride_x + k] * pw[n * s.K + k];
            py[m * s.stride_y + n] = (float)sum;
        }
    return ssmq_ref_epilogue(be, y, a);
}
