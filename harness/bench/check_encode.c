/* What a site does in one pass: equal bits to the ops that it stands for, one after another. */
#include <math.h>
#include "harness/bench/kernel_checks.h"

static ssmq_status one_by_one(ssmq_backend *be, ssmq_tensor *q, ssmq_tensor *x, const ssmq_encode_args *a,
                              int64_t *first)
{
    SSMQ_TRY(be->ops->finite(be, x, first));
    if (*first >= 0) return SSMQ_OK;
    const ssmq_epilogue e = {.scale = 1, .column = a->factor};
    if (a->factor) SSMQ_TRY(be->ops->epilogue(be, x, &e));
    if (a->rotate) SSMQ_TRY(be->ops->hadamard(be, x, a->signs));
    return be->ops->quantize(be, q, x, a->spec, a->params);
}

/* Codes in the front of the rows of x. */
static ssmq_tensor front_of(const ssmq_tensor *x)
{
    ssmq_tensor q = *x;
    q.dtype = SSMQ_I8;
    for (int32_t i = 0; i < q.rank - 1; i++) q.stride[i] *= (int64_t)sizeof(float);
    return q;
}

static ssmq_status compare_rows(const ssmq_tensor *a, const ssmq_tensor *b)
{
    const ssmq_tensor r = ssmq_tensor_rows(a), s = ssmq_tensor_rows(b);
    const int64_t     size = ssmq_dtype_bits(r.dtype) / 8;
    for (int64_t m = 0; m < r.dim[0]; m++) {
        const ssmq_tensor got = ssmq_tensor_of((char *)r.data + m * r.stride[0] * size, r.dtype, 1, &r.dim[1]);
        const ssmq_tensor want = ssmq_tensor_of((char *)s.data + m * s.stride[0] * size, r.dtype, 1, &r.dim[1]);
        SSMQ_TRY(ssmq_draw_compare("encode", &got, &want, NULL));
    }
    return SSMQ_OK;
}

/* The same as other does it one by one, or the same backend where other would rotate by other sums. */
ssmq_status ssmq_kernel_check_encode(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    static const int64_t widths[] = {12, 40, 48, 64, 160, 768, 1536};
    const bool           rotate = ssmq_draw_int(d, 0, 1), bytes = ssmq_draw_int(d, 0, 1);
    const int64_t        C = rotate ? widths[ssmq_draw_int(d, 0, 6)] : ssmq_draw_int(d, 1, 90);
    const int64_t        dim[] = {ssmq_draw_int(d, 1, 5), ssmq_draw_int(d, 1, 9), C};
    float                scale = ssmq_draw_real(d, 0.01f, 0.1f);
    const ssmq_qspec     spec = {.bits = 8, .symmetric = true};
    const ssmq_qparams   params = {.scale = ssmq_tensor_of(&scale, SSMQ_F32, 0, NULL)};
    ssmq_tensor          x, z, factor, signs;
    int64_t              first, want;
    (void)exact;
    if (!be->ops->encode) return SSMQ_OK;
    SSMQ_TRY(ssmq_draw_tensor(d, 3, dim, -8, 8, &x));
    if (ssmq_draw_int(d, 0, 9) == 0) /* the first of those that are not finite */
        for (int i = 0; i < 3; i++)
            ((float *)x.data)[ssmq_draw_int(d, 0, dim[0] - 1) * x.stride[0] +
                              ssmq_draw_int(d, 0, dim[1] - 1) * x.stride[1] + ssmq_draw_int(d, 0, C - 1)] =
                i ? INFINITY : NAN;
    SSMQ_TRY(ssmq_draw_copy(d, &x, &z));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &C, 0.5f, 2, &factor));
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_F32, 1, &C, &signs));
    for (int64_t i = 0; i < C; i++) ((float *)signs.data)[i] = ssmq_draw_int(d, 0, 1) ? 1.0f : -1.0f;
    const ssmq_encode_args a = {.factor = ssmq_draw_int(d, 0, 1) ? &factor : NULL,
                                .rotate = rotate,
                                .signs = rotate && ssmq_draw_int(d, 0, 1) ? &signs : NULL,
                                .spec = &spec,
                                .params = &params};
    ssmq_tensor            q = bytes ? front_of(&x) : x, r = bytes ? front_of(&z) : z;
    SSMQ_TRY(be->ops->encode(be, &q, &x, &a, &first));
    SSMQ_TRY(one_by_one(other, &r, &z, &a, &want));
    if (first != want)
        return SSMQ_FAIL(NUMERIC, "encode: element %lld is not finite, said %s tier %s; it is %lld",
                         (long long)first, be->ops->name, be->tier, (long long)want);
    return first < 0 ? compare_rows(&q, &r) : SSMQ_OK;
}
