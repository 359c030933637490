#include "harness/backend/ref/ref.h"
#include "harness/backend/shape.h"

ssmq_status ssmq_ref_epilogue(ssmq_backend *be, ssmq_tensor *y, const ssmq_epilogue *a)
{
    const ssmq_tensor r = ssmq_shape_epilogue(y, a);
    const float      *column = a->column ? a->column->data : NULL;
    const float      *row = a->row ? a->row->data : NULL;
    const float      *bias = a->bias ? a->bias->data : NULL;
    for (int64_t m = 0; m < r.dim[0]; m++)
        for (int64_t n = 0; n < r.dim[1]; n++) {
            float *at = (float *)r.data + m * r.stride[0] + n;
            float  v = *at * a->scale;
            if (column) v *= column[n];
            if (row) v *= row[m];
            if (bias) v += bias[n];
            *at = v;
        }
    return ssmq_ref_hand_on(be, y, a->to);
}
