#include "harness/backend/ref/ref.h"

/* Columns of y, whose values are looked at and then become codes. */
static ssmq_status hand_on_part(ssmq_backend *be, const ssmq_tensor *y, ssmq_handed *part)
{
    const ssmq_encode_args *a = part->encode;
    const ssmq_epilogue     e = {.scale = 1, .column = a ? a->factor : NULL};
    ssmq_tensor x = ssmq_tensor_slice(y, y->rank - 1, part->begin, part->q->dim[part->q->rank - 1]);
    SSMQ_TRY(ssmq_ref_finite(be, &x, &part->first));
    if (part->first >= 0) {
        const ssmq_tensor rows = ssmq_tensor_rows(&x);
        const int64_t     C = rows.dim[1];
        part->value = ((const float *)rows.data)[part->first / C * rows.stride[0] + part->first % C];
        return SSMQ_OK;
    }
    if (!a) return SSMQ_OK;
    if (a->factor) SSMQ_TRY(ssmq_ref_epilogue(be, &x, &e));
    return ssmq_ref_quantize(be, part->q, &x, a->spec, a->params);
}

ssmq_status ssmq_ref_hand_on(ssmq_backend *be, const ssmq_tensor *y, ssmq_handing *to)
{
    for (int32_t i = 0; to && i < to->n; i++) SSMQ_TRY(hand_on_part(be, y, &to->part[i]));
    return SSMQ_OK;
}
