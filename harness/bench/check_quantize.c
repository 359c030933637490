/* The quantiser: equal bits, for every scope, rounding, width and zero point. */
#include <math.h>
#include "harness/bench/kernel_checks.h"

typedef struct quantize_args {
    ssmq_qspec   spec;
    ssmq_qparams params;
    int64_t      M, C;
    bool         bytes; /* codes in i8, not f32 */
} quantize_args;

static ssmq_status draw_args(ssmq_draw *d, quantize_args *a)
{
    a->M = ssmq_draw_int(d, 1, 12);
    a->C = ssmq_draw_int(d, 0, 1) ? ssmq_draw_int(d, 1, 70) : ssmq_draw_int(d, 1, 400);
    a->bytes = ssmq_draw_int(d, 0, 1);
    a->spec = (ssmq_qspec){.bits = (int32_t)ssmq_draw_int(d, 2, a->bytes ? 8 : 16),
                           .symmetric = ssmq_draw_int(d, 0, 1),
                           .scope = (ssmq_scope)ssmq_draw_int(d, 0, 3),
                           .group = (int32_t)ssmq_draw_int(d, 1, 40),
                           .rounding = (ssmq_rounding)ssmq_draw_int(d, 0, 2),
                           .quotient_dtype = (ssmq_precision)ssmq_draw_int(d, 0, 1),
                           .product_dtype = (ssmq_precision)ssmq_draw_int(d, 0, 1)};
    if (!a->bytes && ssmq_draw_int(d, 0, 3) == 0) {
        a->spec.format = (ssmq_format)ssmq_draw_int(d, SSMQ_FORMAT_E4M3, SSMQ_FORMAT_BF16);
        a->spec.bits = ssmq_format_half(a->spec.format) ? 16 : 8;
        a->spec.symmetric = true;
    }
    const int64_t groups = (a->C + a->spec.group - 1) / a->spec.group;
    const bool    rows = ssmq_draw_int(d, 0, 1);
    int64_t       dim[2] = {a->M, 1};
    int32_t       rank = rows ? 2 : 1;
    if (a->spec.scope == SSMQ_SCOPE_TENSOR) rank = 0;
    else if (a->spec.scope == SSMQ_SCOPE_CHANNEL && !rows) dim[0] = a->C;
    else if (a->spec.scope == SSMQ_SCOPE_GROUP && rows) dim[1] = groups;
    else if (a->spec.scope == SSMQ_SCOPE_GROUP) dim[0] = groups;
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_F32, rank, dim, &a->params.scale));
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_I32, rank, dim, &a->params.zero));
    const int32_t reach = 1 << (a->spec.bits - 1);
    for (int64_t i = 0; i < ssmq_tensor_count(&a->params.scale); i++) {
        /* Powers of two give exact halves, where the roundings differ; small ones products that are
         * subnormal in half precision, large ones such as overflow. */
        static const float special[] = {0.25f, 0.25f, 0x1p-20f, 5.9604645e-8f, 700.0f};
        ((float *)a->params.scale.data)[i] = ssmq_draw_int(d, 0, 1) ? special[ssmq_draw_int(d, 0, 4)]
                                                                    : ssmq_draw_real(d, 0.01f, 0.3f);
        ((int32_t *)a->params.zero.data)[i] = (int32_t)ssmq_draw_int(d, -reach, reach - 1);
    }
    if (a->spec.symmetric) a->params.zero.data = NULL;
    return SSMQ_OK;
}

/* A float next to half-way between two codes under one of the scales: there x times the reciprocal of
 * the scale often rounds to another code than x divided by it. */
static float near_half(ssmq_draw *d, const ssmq_tensor *scale)
{
    const float s = ((const float *)scale->data)[ssmq_draw_int(d, 0, ssmq_tensor_count(scale) - 1)];
    const float x = s * ((float)ssmq_draw_int(d, -20, 20) + 0.5f);
    const int64_t way = ssmq_draw_int(d, -1, 1);
    return way ? nextafterf(x, way > 0 ? INFINITY : -INFINITY) : x;
}

/* Values with what may go wrong among them. */
static ssmq_status draw_values(ssmq_draw *d, const quantize_args *a, ssmq_tensor *x)
{
    static const float special[] = {NAN,    INFINITY, -INFINITY, 0.0f,      -0.0f,   0.125f, -0.125f,
                                    0.375f, -0.375f,  1e30f,     -3.4e38f,  1e-42f,  2.9e6f, -2.1e6f,
                                    65520.0f, -65519.99f, 65504.0f, 0x1p-25f, 0x1.8p-24f, -0x1.000002p-25f};
    SSMQ_TRY(ssmq_draw_tensor(d, 2, (const int64_t[]){a->M, a->C}, -8, 8, x));
    const ssmq_tensor r = ssmq_tensor_rows(x);
    for (int64_t i = 0; i < a->M * a->C; i++) {
        float *p = (float *)r.data + i / a->C * r.stride[0] + i % a->C;
        if (ssmq_draw_int(d, 0, 9) == 0)
            *p = special[ssmq_draw_int(d, 0, sizeof special / sizeof *special - 1)];
        else if (ssmq_draw_int(d, 0, 3) == 0)
            *p = (float)ssmq_draw_int(d, -64, 64) * 0.125f;
        else if (ssmq_draw_int(d, 0, 1))
            *p = near_half(d, &a->params.scale);
    }
    return SSMQ_OK;
}

ssmq_status ssmq_kernel_check_quantize(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d,
                                       bool exact)
{
    (void)exact;
    quantize_args a;
    ssmq_tensor   x, q1, q2;
    SSMQ_TRY(draw_args(d, &a));
    SSMQ_TRY(draw_values(d, &a, &x));
    const int64_t dim[] = {a.M, a.C};
    const bool    in_place = !a.bytes && ssmq_draw_int(d, 0, 1);
    if (in_place) {
        SSMQ_TRY(ssmq_draw_copy(d, &x, &q1));
        SSMQ_TRY(ssmq_draw_copy(d, &x, &q2));
    } else {
        SSMQ_TRY(ssmq_draw_zero(d, a.bytes ? SSMQ_I8 : SSMQ_F32, 2, dim, &q1));
        SSMQ_TRY(ssmq_draw_zero(d, a.bytes ? SSMQ_I8 : SSMQ_F32, 2, dim, &q2));
    }
    SSMQ_TRY(be->ops->quantize(be, &q1, in_place ? &q1 : &x, &a.spec, &a.params));
    SSMQ_TRY(other->ops->quantize(other, &q2, in_place ? &q2 : &x, &a.spec, &a.params));
    return ssmq_draw_compare("quantize", &q1, &q2, NULL);
}

ssmq_status ssmq_kernel_check_dequantize(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d,
                                         bool exact)
{
    (void)exact;
    quantize_args a;
    ssmq_tensor   x, q, y, z;
    SSMQ_TRY(draw_args(d, &a));
    const float reach = ssmq_draw_int(d, 0, 1) ? 8 : 90000; /* the wide one gives large scales codes too */
    SSMQ_TRY(ssmq_draw_tensor(d, 2, (const int64_t[]){a.M, a.C}, -reach, reach, &x));
    const int64_t dim[] = {a.M, a.C};
    SSMQ_TRY(ssmq_draw_zero(d, a.bytes ? SSMQ_I8 : SSMQ_F32, 2, dim, &q));
    SSMQ_TRY(other->ops->quantize(other, &q, &x, &a.spec, &a.params));
    SSMQ_TRY(ssmq_draw_copy(d, &x, &y));
    SSMQ_TRY(ssmq_draw_copy(d, &x, &z));
    SSMQ_TRY(be->ops->dequantize(be, &y, &q, &a.spec, &a.params));
    SSMQ_TRY(other->ops->dequantize(other, &z, &q, &a.spec, &a.params));
    return ssmq_draw_compare("dequantize", &y, &z, NULL);
}
