#include <math.h>
#include "harness/backend/ref/ref.h"
#include "harness/backend/shape.h"
#include "harness/base/assert.h"

ssmq_status ssmq_ref_nll(ssmq_backend *be, ssmq_tensor *loss, const ssmq_tensor *logits,
                         const ssmq_tensor *target)
{
    (void)be;
    const ssmq_tensor r = ssmq_shape_nll(loss, logits, target);
    const int32_t    *id = target->data;
    for (int64_t m = 0; m < r.dim[0]; m++) {
        const float *row = (const float *)r.data + m * r.stride[0];
        SSMQ_ASSERT(id[m] >= 0 && id[m] < r.dim[1]);
        float max = row[0];
        for (int64_t v = 1; v < r.dim[1]; v++)
            if (row[v] > max) max = row[v];
        double sum = 0;
        for (int64_t v = 0; v < r.dim[1]; v++) sum += exp((double)row[v] - (double)max);
        ((double *)loss->data)[m] = log(sum) - ((double)row[id[m]] - (double)max);
    }
    return SSMQ_OK;
}
