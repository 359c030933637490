/* Ops on codes of 8 bits: equal bits, on every backend, to what the definition or floats give. */
#include "harness/bench/kernel_checks.h"

static ssmq_status draw_epilogue(ssmq_draw *d, int64_t M, int64_t N, ssmq_tensor t[3], ssmq_epilogue *a)
{
    SSMQ_TRY(ssmq_draw_dense(d, 1, &N, 0.1f, 2, &t[0]));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &M, 0.1f, 2, &t[1]));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &N, -5, 5, &t[2]));
    *a = (ssmq_epilogue){.scale = ssmq_draw_real(d, 0.001f, 0.1f),
                         .column = ssmq_draw_int(d, 0, 1) ? &t[0] : NULL,
                         .row = ssmq_draw_int(d, 0, 1) ? &t[1] : NULL,
                         .bias = ssmq_draw_int(d, 0, 1) ? &t[2] : NULL};
    return SSMQ_OK;
}

/* One product, packed for the backend that runs it. */
static ssmq_status product_of(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                              const ssmq_tensor *w, const ssmq_epilogue *a)
{
    ssmq_packed packed;
    SSMQ_TRY(be->ops->pack_i8(be, w, &packed));
    const ssmq_status st = be->ops->linear_i8(be, y, x, &packed, a);
    be->ops->free(be, packed.data);
    return st;
}

/* Extreme codes now and then, whose sums are the largest. */
static void to_extremes(ssmq_draw *d, ssmq_tensor *t)
{
    const ssmq_tensor r = ssmq_tensor_rows(t);
    const int8_t      code = ssmq_draw_int(d, 0, 1) ? -128 : 127;
    for (int64_t m = 0; m < r.dim[0]; m++)
        for (int64_t i = 0; i < r.dim[1]; i++) ((int8_t *)r.data)[m * r.stride[0] + i] = code;
}

ssmq_status ssmq_kernel_check_linear_i8(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    static const int64_t columns[] = {1, 8, 16, 17, 48, 63, 64, 65, 80, 130, 300};
    int64_t              M = ssmq_draw_int(d, 1, 17), N = columns[ssmq_draw_int(d, 0, 10)];
    const bool           large = ssmq_draw_large(d, &M, &N);
    const int64_t K = large || ssmq_draw_int(d, 0, 1) ? ssmq_draw_int(d, 1, 70) : ssmq_draw_int(d, 700, 1700);
    ssmq_tensor          x, w, y, z, t[3];
    ssmq_epilogue        a;
    (void)exact;
    SSMQ_TRY(ssmq_draw_codes(d, 2, (const int64_t[]){M, K}, &x));
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_I8, 2, (const int64_t[]){N, K}, &w));
    for (int64_t i = 0; i < N * K; i++) ((int8_t *)w.data)[i] = (int8_t)ssmq_draw_int(d, -128, 127);
    if (ssmq_draw_int(d, 0, 4) == 0) to_extremes(d, &x);
    if (ssmq_draw_int(d, 0, 4) == 0) to_extremes(d, &w);
    SSMQ_TRY(ssmq_draw_tensor(d, 2, (const int64_t[]){M, N}, 5, 6, &y));
    SSMQ_TRY(ssmq_draw_copy(d, &y, &z));
    SSMQ_TRY(draw_epilogue(d, M, N, t, &a));
    SSMQ_TRY(product_of(be, &y, &x, &w, &a));
    SSMQ_TRY(product_of(other, &z, &x, &w, &a));
    return ssmq_draw_compare("linear_i8", &y, &z, NULL);
}

/* The same codes as floats, times a scale and a factor for each channel (NULL: none). */
static ssmq_status as_floats(ssmq_draw *d, const ssmq_tensor *code, float scale,
                             const ssmq_tensor *channel, ssmq_tensor *out)
{
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_F32, code->rank, code->dim, out));
    const ssmq_tensor r = ssmq_tensor_rows(code);
    float            *to = out->data;
    for (int64_t m = 0; m < r.dim[0]; m++)
        for (int64_t i = 0; i < r.dim[1]; i++) {
            float v = (float)((const int8_t *)r.data)[m * r.stride[0] + i] * scale;
            if (channel) v *= ((const float *)channel->data)[i];
            *to++ = v;
        }
    return SSMQ_OK;
}

/* other is not asked: floats on the same backend are, which the other checks compare. */
ssmq_status ssmq_kernel_check_conv_i8(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    const int64_t B = ssmq_draw_int(d, 1, 3), L = ssmq_draw_int(d, 1, 12), E = ssmq_draw_int(d, 1, 150);
    const int64_t W = ssmq_draw_int(d, 2, 4);
    ssmq_tensor   code, x, w, bias, s1, s2, y, z;
    (void)other, (void)exact;
    SSMQ_TRY(ssmq_draw_codes(d, 3, (const int64_t[]){B, L, E}, &code));
    SSMQ_TRY(as_floats(d, &code, 1, NULL, &x));
    SSMQ_TRY(ssmq_draw_dense(d, 2, (const int64_t[]){E, W}, -1, 1, &w));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &E, -1, 1, &bias));
    SSMQ_TRY(ssmq_draw_dense(d, 3, (const int64_t[]){B, W - 1, E}, -100, 100, &s1));
    SSMQ_TRY(ssmq_draw_copy(d, &s1, &s2));
    SSMQ_TRY(ssmq_draw_dense(d, 3, (const int64_t[]){B, L, E}, 5, 6, &y));
    SSMQ_TRY(ssmq_draw_copy(d, &y, &z));
    ssmq_conv_args a = {.x = &code, .w = &w, .bias = &bias, .scale = 0.01f, .state = &s1};
    SSMQ_TRY(be->ops->conv(be, &y, &a));
    a.x = &x;
    a.state = &s2;
    SSMQ_TRY(be->ops->conv(be, &z, &a));
    SSMQ_TRY(ssmq_draw_compare("conv of codes, state", &s1, &s2, NULL));
    return ssmq_draw_compare("conv of codes", &y, &z, NULL);
}

enum { X, DT, BM, CM, Z, INPUTS };

/* The inputs of a scan, some as codes, and the same as floats; *a is of the former. */
static ssmq_status draw_inputs(ssmq_draw *d, const int64_t dim[INPUTS][3], const ssmq_tensor *channel,
                               ssmq_tensor code[INPUTS], ssmq_tensor value[INPUTS], ssmq_scan_args *a)
{
    float *const scale[INPUTS] = {&a->scale.x, &a->scale.dt, &a->scale.Bm, &a->scale.Cm, &a->scale.z};
    for (int i = 0; i < INPUTS; i++) {
        *scale[i] = ssmq_draw_real(d, 0.005f, 0.05f);
        if (ssmq_draw_int(d, 0, 3) == 0) { /* in floating point here and there */
            SSMQ_TRY(ssmq_draw_tensor(d, 3, dim[i], -2, 2, &value[i]));
            code[i] = value[i];
            continue;
        }
        SSMQ_TRY(ssmq_draw_codes(d, 3, dim[i], &code[i]));
        SSMQ_TRY(as_floats(d, &code[i], *scale[i], i == X ? channel : NULL, &value[i]));
    }
    a->x = &code[X], a->dt = &code[DT], a->Bm = &code[BM], a->Cm = &code[CM];
    a->z = ssmq_draw_int(d, 0, 2) ? &code[Z] : NULL;
    return SSMQ_OK;
}

ssmq_status ssmq_kernel_check_scan_i8(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    const int64_t  B = ssmq_draw_int(d, 1, 3), L = ssmq_draw_int(d, 0, 3) ? ssmq_draw_int(d, 1, 20) : 1;
    const int64_t  E = ssmq_draw_int(d, 0, 3) ? ssmq_draw_int(d, 1, 150) : ssmq_draw_int(d, 130, 300);
    const int64_t  N = ssmq_draw_int(d, 0, 2) ? ssmq_draw_int(d, 1, 64) : 16;
    const int64_t  dim[INPUTS][3] = {{B, L, E}, {B, L, E}, {B, L, N}, {B, L, N}, {B, L, E}};
    ssmq_tensor    code[INPUTS], value[INPUTS], A, D, channel, h1, h2, y, z;
    ssmq_scan_args a = {0};
    (void)other, (void)exact;
    SSMQ_TRY(ssmq_draw_tensor(d, 2, (const int64_t[]){E, N}, -16, 0, &A));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &E, -1, 1, &D));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &E, 0.5f, 2, &channel));
    SSMQ_TRY(ssmq_draw_dense(d, 3, (const int64_t[]){B, E, N}, -2, 2, &h1));
    SSMQ_TRY(ssmq_draw_copy(d, &h1, &h2));
    SSMQ_TRY(ssmq_draw_dense(d, 3, (const int64_t[]){B, L, E}, 5, 6, &y));
    SSMQ_TRY(ssmq_draw_copy(d, &y, &z));
    a.channel = ssmq_draw_int(d, 0, 1) ? &channel : NULL;
    SSMQ_TRY(draw_inputs(d, dim, a.channel, code, value, &a));
    a.A = &A, a.D = &D, a.h = &h1;
    SSMQ_TRY(be->ops->scan(be, &y, &a));
    ssmq_scan_args f = {.x = &value[X], .dt = &value[DT], .Bm = &value[BM], .Cm = &value[CM],
                        .A = &A, .D = &D, .h = &h2, .z = a.z ? &value[Z] : NULL};
    SSMQ_TRY(be->ops->scan(be, &z, &f));
    SSMQ_TRY(ssmq_draw_compare("scan of codes, state", &h1, &h2, NULL));
    return ssmq_draw_compare("scan of codes", &y, &z, NULL);
}

/* Codes that take the front of the rows of what they are of. */
ssmq_status ssmq_kernel_check_quantize_in_place(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d,
                                                bool exact)
{
    const int64_t      dim[] = {ssmq_draw_int(d, 1, 9), ssmq_draw_int(d, 1, 9), ssmq_draw_int(d, 1, 90)};
    float              scale = ssmq_draw_real(d, 0.01f, 0.1f);
    const ssmq_qspec   spec = {.bits = 8, .symmetric = true};
    const ssmq_qparams params = {.scale = ssmq_tensor_of(&scale, SSMQ_F32, 0, NULL)};
    ssmq_tensor        x, apart;
    (void)exact;
    SSMQ_TRY(ssmq_draw_tensor(d, 3, dim, -8, 8, &x));
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_I8, 3, dim, &apart));
    SSMQ_TRY(other->ops->quantize(other, &apart, &x, &spec, &params));
    ssmq_tensor front = x;
    front.dtype = SSMQ_I8;
    front.stride[0] *= (int64_t)sizeof(float);
    front.stride[1] *= (int64_t)sizeof(float);
    SSMQ_TRY(be->ops->quantize(be, &front, &x, &spec, &params));
    const ssmq_tensor rows = ssmq_tensor_rows(&front), want = ssmq_tensor_rows(&apart);
    for (int64_t m = 0; m < rows.dim[0]; m++) {
        const ssmq_tensor got = ssmq_tensor_of((int8_t *)rows.data + m * rows.stride[0], SSMQ_I8, 1, &dim[2]);
        const ssmq_tensor row = ssmq_tensor_of((int8_t *)want.data + m * dim[2], SSMQ_I8, 1, &dim[2]);
        SSMQ_TRY(ssmq_draw_compare("quantize in place", &got, &row, NULL));
    }
    return SSMQ_OK;
}
