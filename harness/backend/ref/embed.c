#include "harness/tensor/dtype.h"
#include "harness/backend/ref/ref.h"
#include "harness/backend/shape.h"
#include "harness/base/assert.h"

ssmq_status ssmq_ref_embed(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *token,
                           const ssmq_tensor *w)
{
    (void)be;
    const ssmq_tensor r = ssmq_shape_embed(y, token, w);
    const int32_t    *id = token->data;
    if (r.dim[1] == 0) return SSMQ_OK;
    for (int64_t m = 0; m < r.dim[0]; m++) {
        SSMQ_ASSERT(id[m] >= 0 && id[m] < w->dim[0]);
        const char *row = (const char *)w->data + id[m] * w->stride[0] * ssmq_dtype_bits(w->dtype) / 8;
        ssmq_to_f32((float *)r.data + m * r.stride[0], row, w->dtype, r.dim[1]);
    }
    return SSMQ_OK;
}
