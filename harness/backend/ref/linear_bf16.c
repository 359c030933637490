#include <float.h>
#include <math.h>
#include <string.h>
#include "harness/backend/ref/ref.h"
#include "harness/backend/shape.h"

static float flushed(float v)
{
    return fabsf(v) < FLT_MIN ? copysignf(0, v) : v;
}

/* Does the exact sum, whose nearest float is FLT_MIN or less, round to less with 24 bits and any exponent?
 * Where it is so small and not 0, neither its terms nor the smaller factor are large: they can be moved up
 * without overflow. */
static bool is_tiny(float sum, float x, float w)
{
    const float up = 0x1p64f, small = fabsf(x) < fabsf(w) ? x : w, large = fabsf(x) < fabsf(w) ? w : x;
    return fabsf(fmaf(small * up, large, sum * up)) < FLT_MIN * up;
}

float ssmq_ref_bf16_add(float sum, float x, float w)
{
    x = flushed(x), w = flushed(w);
    const float next = fmaf(x, w, sum);
    if (next == 0 || !(fabsf(next) <= FLT_MIN)) return next;
    return is_tiny(sum, x, w) ? copysignf(0, next) : next;
}

ssmq_status ssmq_ref_pack_bf16(ssmq_backend *be, const ssmq_tensor *w, ssmq_packed *out)
{
    ssmq_shape_pack_bf16(w, out);
    out->bytes = ssmq_tensor_bytes(w);
    SSMQ_TRY(be->ops->alloc(be, out->bytes, &out->data));
    memcpy(out->data, w->data, out->bytes);
    return SSMQ_OK;
}

/* Element k of K bfloat16 numbers; 0 past the end. */
static float value_at(const uint16_t *w, int64_t k, int64_t K)
{
    return k < K ? ssmq_bf16_to_f32(w[k]) : 0;
}

ssmq_status ssmq_ref_linear_bf16(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x, const ssmq_packed *w,
                                 const ssmq_epilogue *a)
{
    const ssmq_linear_shape s = ssmq_shape_linear_bf16(y, x, w, a);
    float                  *py = y->data;
#pragma omp parallel for num_threads(be->threads) schedule(static)
    for (int64_t n = 0; n < s.N; n++)
        for (int64_t m = 0; m < s.M; m++) {
            const float    *row = (const float *)x->data + m * s.stride_x;
            const uint16_t *weight = (const uint16_t *)w->data + n * s.K;
            float           sum = 0;
            for (int64_t k = 0; k < s.K; k += 2) {
                sum = ssmq_ref_bf16_add(sum, k + 1 < s.K ? row[k + 1] : 0, value_at(weight, k + 1, s.K));
                sum = ssmq_ref_bf16_add(sum, row[k], value_at(weight, k, s.K));
            }
            py[m * s.stride_y + n] = sum;
        }
    return ssmq_ref_epilogue(be, y, a);
}
