#include "harness/backend/ref/ref.h"
#include "harness/backend/shape.h"

ssmq_status ssmq_ref_linear(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                            const ssmq_tensor *w)
{
    const ssmq_linear_shape s = ssmq_shape_linear(y, x, w);
    const float            *px = x->data, *pw = w->data;
    float                  *py = y->data;
    /* Over the rows of w, so that decoding, M = 1, is shared out too. */
#pragma omp parallel for num_threads(be->threads) schedule(static)
    for (int64_t n = 0; n < s.N; n++)
        for (int64_t m = 0; m < s.M; m++) {
            const float *a = px + m * s.stride_x, *b = pw + n * s.stride_w;
            float        sum = 0;
            for (int64_t k = 0; k < s.K; k++) sum += a[k] * b[k];
            py[m * s.stride_y + n] = sum;
        }
    return SSMQ_OK;
}
