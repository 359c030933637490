#include "harness/tensor/hadamard.h"
#include "harness/backend/host.h"
#include "harness/backend/ref/ref.h"
#include "harness/backend/shape.h"

ssmq_status ssmq_ref_hadamard(ssmq_backend *be, ssmq_tensor *x, const ssmq_tensor *signs)
{
    const ssmq_tensor r = ssmq_shape_hadamard(x, signs);
    const int64_t     n = r.dim[1];
    const float      *sign = signs ? signs->data : NULL;
    ssmq_hadamard     h;
    SSMQ_TRY(ssmq_hadamard_find(n, &h));
    void *scratch;
    SSMQ_TRY(ssmq_host_alloc(be, (size_t)n * sizeof(float), &scratch));
    for (int64_t m = 0; m < r.dim[0]; m++) {
        float *row = (float *)r.data + m * r.stride[0];
        if (sign)
            for (int64_t i = 0; i < n; i++) row[i] *= sign[i];
        ssmq_hadamard_apply(&h, row, scratch);
    }
    ssmq_host_free(be, scratch);
    return SSMQ_OK;
}
