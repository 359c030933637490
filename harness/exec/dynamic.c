/* Ranges from the live tensor: one for each token, or one for each sequence of the batch. */
#include <math.h>
#include <stdlib.h>
#include "harness/base/assert.h"
#include "harness/exec/internal.h"

/* Scale and zero point of some rows of x; a silent piece gets a scale all the same. */
static void params_of(const ssmq_assignment *a, const ssmq_tensor *rows, float *scale, int32_t *zero)
{
    const float *data = rows->data;
    float        low = 0, high = 0;
    for (int64_t i = 0; i < rows->dim[0]; i++)
        for (int64_t j = 0; j < rows->dim[1]; j++) {
            const float v = data[i * rows->stride[0] + j];
            low = v < low ? v : low;
            high = v > high ? v : high;
        }
    const float most = fmaxf(fmaxf(-low, high), SSMQ_AMAX_MIN) * a->clip_ratio;
    *zero = 0;
    if (a->spec.symmetric) {
        *scale = ssmq_scale(most, ssmq_code_limit(&a->spec), &a->spec);
        return;
    }
    const float least = (float)ssmq_code_min(&a->spec), limit = (float)ssmq_code_max(&a->spec);
    const float width = fmaxf((high - low) * a->clip_ratio, SSMQ_AMAX_MIN);
    *scale = ssmq_scale(width, limit - least, &a->spec);
    *zero = (int32_t)fminf(fmaxf(rintf(least - low * a->clip_ratio / *scale), least), limit);
}

/* x (.., L, C): pieces that share a scale are rows, or all rows of a sequence. */
ssmq_status ssmq_exec_dynamic(ssmq_exec *ex, const ssmq_assignment *a, ssmq_tensor *x,
                              int64_t *clamped)
{
    SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST);
    ssmq_tensor   rows = ssmq_tensor_rows(x);
    const int64_t length = a->spec.scope == SSMQ_SCOPE_TOKEN ? 1 : x->dim[x->rank - 2];
    const int64_t n = rows.dim[0] / length;
    ssmq_qspec    spec = a->spec; /* of one piece */
    spec.scope = SSMQ_SCOPE_TENSOR;
    for (int64_t i = 0; i < n; i++) {
        float              scale;
        int32_t            zero;
        ssmq_tensor        piece = ssmq_tensor_slice(&rows, 0, i * length, length);
        params_of(a, &piece, &scale, &zero);
        const ssmq_qparams p = {
            .scale = ssmq_tensor_of(&scale, SSMQ_F32, 0, NULL),
            .zero = spec.symmetric ? (ssmq_tensor){0} : ssmq_tensor_of(&zero, SSMQ_I32, 0, NULL)};
        if (clamped) ssmq_exec_count_clamped(&piece, &spec, &p, NULL, clamped + i * length);
        SSMQ_TRY(ex->be->ops->quantize(ex->be, &piece, &piece, &spec, &p));
        SSMQ_TRY(ex->be->ops->dequantize(ex->be, &piece, &piece, &spec, &p));
    }
    return SSMQ_OK;
}
