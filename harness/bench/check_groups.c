/* Products of codes of 4 and 8 bits with scales by group and zero points: equal bits on every
 * backend; with floats, where the weight may be in half precision, equal to the product of the values that the
 * codes stand for, on the same backend. */
#include "harness/bench/kernel_checks.h"

typedef struct drawn {
    int64_t     M, N, K, groups;
    ssmq_tensor code, scale, value; /* value: of the weight, as floats */
    ssmq_tensor zero;               /* of its groups                   */
    ssmq_codes  w;
} drawn;

static int64_t draw_group(ssmq_draw *d, int64_t K)
{
    static const int64_t group[] = {0, 32, 64, 128, 1, 7, 16};
    const int64_t        g = group[ssmq_draw_int(d, 0, 6)];
    return g > K ? K : g;
}

/* Numbers of half precision with what is at the ends of their range among them. */
static ssmq_status draw_halves(ssmq_draw *d, drawn *t)
{
    static const uint16_t special[] = {0, 0x8000, 1, 0x8001, 0x3ff, 0x400, 0x7bff, 0x3c00};
    const ssmq_dtype      dtype = ssmq_draw_int(d, 0, 1) ? SSMQ_BF16 : SSMQ_F16;
    t->w.bits = 16;
    t->w.group = 0;
    SSMQ_TRY(ssmq_draw_zero(d, dtype, 2, (const int64_t[]){t->N, t->K}, &t->code));
    for (int64_t i = 0; i < t->N * t->K; i++) {
        const float v = ssmq_draw_real(d, -2, 2);
        uint16_t   *at = (uint16_t *)t->code.data + i;
        ssmq_from_f32(at, dtype, &v, 1);
        if (ssmq_draw_int(d, 0, 19) == 0 && dtype == SSMQ_F16) *at = special[ssmq_draw_int(d, 0, 7)];
    }
    return SSMQ_OK;
}

static float value_at(const drawn *t, int64_t i)
{
    float v;
    if (t->w.bits < 16) return (float)((const int8_t *)t->code.data)[i];
    ssmq_to_f32(&v, (const uint16_t *)t->code.data + i, t->code.dtype, 1);
    return v;
}

/* K: inner sizes of small models (12 2^k, 40 2^k) and any others. */
static ssmq_status draw_weight(ssmq_draw *d, bool floats, drawn *t)
{
    static const int64_t columns[] = {1, 8, 16, 17, 31, 33, 64, 65, 80, 130, 300};
    static const int64_t inner[] = {12,   24, 48, 96,  192, 384, 768,
                                    1536, 40, 80, 160, 320, 640, 1280};
    t->M = ssmq_draw_int(d, 0, 1) ? ssmq_draw_int(d, 1, 17) : 1; /* one has kernels of its own */
    t->N = columns[ssmq_draw_int(d, 0, 10)];
    if (ssmq_draw_large(d, &t->M, &t->N)) t->K = ssmq_draw_int(d, 1, 200);
    else t->K = ssmq_draw_int(d, 0, 1) ? inner[ssmq_draw_int(d, 0, 13)] : ssmq_draw_int(d, 1, 900);
    t->w = (ssmq_codes){.code = &t->code,
                        .bits = ssmq_draw_int(d, 0, 1) ? 4 : 8,
                        .group = draw_group(d, t->K),
                        .floats = floats,
                        .zeros = !floats && ssmq_draw_int(d, 0, 1)};
    if (floats && ssmq_draw_int(d, 0, 2) == 0) return draw_halves(d, t);
    const int32_t limit = t->w.bits == 4 ? 8 : 128;
    const bool    extreme = ssmq_draw_int(d, 0, 4) == 0;
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_I8, 2, (const int64_t[]){t->N, t->K}, &t->code));
    for (int64_t i = 0; i < t->N * t->K; i++)
        ((int8_t *)t->code.data)[i] =
            (int8_t)(extreme ? -limit : ssmq_draw_int(d, -limit, limit - 1));
    if (t->w.group == 0) return SSMQ_OK;
    t->groups = (t->K + t->w.group - 1) / t->w.group;
    t->w.scale = &t->scale;
    return ssmq_draw_dense(d, 2, (const int64_t[]){t->N, t->groups}, 0.01f, 0.1f, &t->scale);
}

/* Zero points of the weight: none, one, or one for each group. */
static ssmq_status draw_zeros(ssmq_draw *d, drawn *t)
{
    const int64_t how = ssmq_draw_int(d, 0, 2), limit = t->w.bits == 4 ? 8 : 128;
    const int64_t n = how == 1 ? 1 : t->N * (t->groups > 0 ? t->groups : 1);
    if (how == 0) return SSMQ_OK;
    t->w.zero = &t->zero;
    return ssmq_draw_index(d, n, (int32_t)-limit, (int32_t)limit - 1, &t->zero);
}

static ssmq_status draw_result(ssmq_draw *d, const drawn *t, ssmq_tensor *y, ssmq_tensor *z,
                               ssmq_tensor e[3], ssmq_epilogue *a)
{
    SSMQ_TRY(ssmq_draw_tensor(d, 2, (const int64_t[]){t->M, t->N}, 5, 6, y));
    SSMQ_TRY(ssmq_draw_copy(d, y, z));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &t->N, 0.1f, 2, &e[0]));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &t->M, 0.1f, 2, &e[1]));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &t->N, -5, 5, &e[2]));
    *a = (ssmq_epilogue){.scale = ssmq_draw_real(d, 0.001f, 0.1f),
                         .column = ssmq_draw_int(d, 0, 1) ? &e[0] : NULL,
                         .row = ssmq_draw_int(d, 0, 1) ? &e[1] : NULL,
                         .bias = ssmq_draw_int(d, 0, 1) ? &e[2] : NULL};
    return SSMQ_OK;
}

static ssmq_status product_of(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                              const ssmq_codes *w, const ssmq_epilogue *a)
{
    ssmq_packed packed;
    SSMQ_TRY(be->ops->pack_q(be, w, &packed));
    const ssmq_status st = w->floats ? be->ops->linear_w(be, y, x, &packed, a)
                                     : be->ops->linear_q(be, y, x, &packed, a);
    be->ops->free(be, packed.data);
    return st;
}

ssmq_status ssmq_kernel_check_linear_q(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d,
                                       bool exact)
{
    drawn         t = {0};
    ssmq_tensor   x, y, z, zero, e[3];
    ssmq_epilogue a;
    (void)exact;
    SSMQ_TRY(draw_weight(d, false, &t));
    SSMQ_TRY(draw_zeros(d, &t));
    SSMQ_TRY(ssmq_draw_codes(d, 2, (const int64_t[]){t.M, t.K}, &x));
    SSMQ_TRY(ssmq_draw_index(d, t.M, -128, 127, &zero));
    SSMQ_TRY(draw_result(d, &t, &y, &z, e, &a));
    if (t.w.zeros) a.zero = &zero;
    SSMQ_TRY(product_of(be, &y, &x, &t.w, &a));
    SSMQ_TRY(product_of(other, &z, &x, &t.w, &a));
    return ssmq_draw_compare("linear_q", &y, &z, NULL);
}

/* other is not asked: the product of floats on the same backend is, which other checks compare. */
ssmq_status ssmq_kernel_check_linear_w(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d,
                                       bool exact)
{
    drawn         t = {0};
    ssmq_tensor   x, y, z, e[3];
    ssmq_epilogue a;
    (void)exact, (void)other;
    SSMQ_TRY(draw_weight(d, true, &t));
    SSMQ_TRY(ssmq_draw_tensor(d, 2, (const int64_t[]){t.M, t.K}, -2, 2, &x));
    SSMQ_TRY(draw_result(d, &t, &y, &z, e, &a));
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_F32, 2, (const int64_t[]){t.N, t.K}, &t.value));
    for (int64_t i = 0; i < t.N * t.K; i++) {
        float v = value_at(&t, i);
        if (t.w.group > 0)
            v *= ((const float *)t.scale.data)[i / t.K * t.groups + i % t.K / t.w.group];
        ((float *)t.value.data)[i] = v;
    }
    SSMQ_TRY(product_of(be, &y, &x, &t.w, &a));
    SSMQ_TRY(be->ops->linear(be, &z, &x, &t.value));
    SSMQ_TRY(be->ops->epilogue(be, &z, &a));
    return ssmq_draw_compare("linear_w", &y, &z, NULL);
}
