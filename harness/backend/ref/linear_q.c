#include <stdlib.h>
#include <string.h>
#include "harness/backend/ref/ref.h"
#include "harness/backend/shape.h"

/* Codes as they are, those of 4 bits one to a byte, and behind them the scales and the zero points, (N, groups) each. */
ssmq_status ssmq_ref_pack_q(ssmq_backend *be, const ssmq_codes *w, ssmq_packed *out)
{
    ssmq_shape_pack_q(w, out);
    const size_t codes = (ssmq_tensor_bytes(w->code) + 3) / 4 * 4;
    const size_t scales = w->scale ? ssmq_tensor_bytes(w->scale) : 0;
    const int64_t groups = ssmq_packed_groups(out), each = w->zero && ssmq_tensor_count(w->zero) > 1;
    out->bytes = codes + scales + (w->zero ? (size_t)(out->N * groups) * sizeof(int32_t) : 0);
    SSMQ_TRY(be->ops->alloc(be, out->bytes, &out->data));
    memcpy(out->data, w->code->data, ssmq_tensor_bytes(w->code));
    if (scales) memcpy((char *)out->data + codes, w->scale->data, scales);
    int32_t *zero = (int32_t *)(void *)((char *)out->data + codes + scales);
    for (int64_t i = 0; w->zero && i < out->N * groups; i++) zero[i] = ((const int32_t *)w->zero->data)[each ? i : 0];
    return SSMQ_OK;
}

static const float *scales_of(const ssmq_packed *w)
{
    return (const float *)((const char *)w->data + (w->N * w->K + 3) / 4 * 4);
}

/* Of a group of row n. */
static int32_t zero_of(const ssmq_packed *w, int64_t n, int64_t g)
{
    const int64_t  groups = ssmq_packed_groups(w);
    const int32_t *zero = (const int32_t *)(const void *)(scales_of(w) + (w->group > 0 ? w->N * groups : 0));
    return w->affine ? zero[n * groups + g] : 0;
}

/* The sum over a group's inputs; a zero point of each factor. */
static int32_t group_sum(const int8_t *x, const int8_t *w, int32_t zero, int32_t zero_w, int64_t begin, int64_t end)
{
    int32_t sum = 0;
    for (int64_t k = begin; k < end; k++) sum += (x[k] - zero) * (w[k] - zero_w);
    return sum;
}

static float row_sum(const ssmq_packed *w, const int8_t *x, int32_t zero, int64_t n)
{
    const int8_t *code = (const int8_t *)w->data + n * w->K;
    const int64_t groups = ssmq_packed_groups(w);
    if (w->group == 0) return (float)group_sum(x, code, zero, zero_of(w, n, 0), 0, w->K);
    float sum = 0;
    for (int64_t g = 0; g < groups; g++) {
        const int64_t begin = g * w->group, end = begin + w->group < w->K ? begin + w->group : w->K;
        sum += (float)group_sum(x, code, zero, zero_of(w, n, g), begin, end) * scales_of(w)[n * groups + g];
    }
    return sum;
}

ssmq_status ssmq_ref_linear_q(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                              const ssmq_packed *w, const ssmq_epilogue *a)
{
    const ssmq_linear_shape s = ssmq_shape_linear_i8(y, x, w, a);
    const int8_t           *px = x->data;
    float                  *py = y->data;
#pragma omp parallel for num_threads(be->threads) schedule(static)
    for (int64_t n = 0; n < s.N; n++)
        for (int64_t m = 0; m < s.M; m++) {
            const int32_t zero = a->zero ? ((const int32_t *)a->zero->data)[m] : 0;
            py[m * s.stride_y + n] = row_sum(w, px + m * s.stride_x, zero, n);
        }
    return ssmq_ref_epilogue(be, y, a);
}

/* Element i of the weight as it was given. */
static float value_at(const ssmq_packed *w, int64_t i)
{
    switch (w->dtype) {
    case SSMQ_F16: return ssmq_f16_to_f32(((const uint16_t *)w->data)[i]);
    case SSMQ_BF16: return ssmq_bf16_to_f32(((const uint16_t *)w->data)[i]);
    default: return (float)((const int8_t *)w->data)[i];
    }
}

ssmq_status ssmq_ref_linear_w(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                              const ssmq_packed *w, const ssmq_epilogue *a)
{
    const int64_t dim[] = {w->N, w->K}, groups = ssmq_packed_groups(w);
    ssmq_tensor   value;
    (void)ssmq_shape_linear_w(y, x, w, a);
    SSMQ_TRY(ssmq_backend_tensor(be, "the values of a weight", SSMQ_F32, 2, dim, &value));
    for (int64_t n = 0; n < w->N; n++)
        for (int64_t k = 0; k < w->K; k++) {
            float v = value_at(w, n * w->K + k);
            if (w->group > 0) v *= scales_of(w)[n * groups + k / w->group];
            ((float *)value.data)[n * w->K + k] = v;
        }
    ssmq_status st = ssmq_ref_linear(be, y, x, &value);
    if (st == SSMQ_OK) st = ssmq_ref_epilogue(be, y, a);
    be->ops->free(be, value.data);
    return st;
}
