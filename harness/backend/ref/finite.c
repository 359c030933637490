#include <math.h>
#include "harness/backend/ref/ref.h"
#include "harness/base/assert.h"

ssmq_status ssmq_ref_finite(ssmq_backend *be, const ssmq_tensor *x, int64_t *first)
{
    (void)be;
    const ssmq_tensor r = ssmq_tensor_rows(x);
    SSMQ_ASSERT(x->dtype == SSMQ_F32);
    *first = -1;
    for (int64_t m = 0; m < r.dim[0]; m++)
        for (int64_t i = 0; i < r.dim[1]; i++)
            if (!isfinite(((const float *)r.data)[m * r.stride[0] + i])) {
                *first = m * r.dim[1] + i;
                return SSMQ_OK;
            }
    return SSMQ_OK;
}
