/* What becomes of an op's result while it is worked out: equal bits to the ops that it stands for, one after
 * another. */
#include <math.h>
#include <string.h>
#include "harness/bench/kernel_checks.h"

#define PARTS 3

/* An op with what it reads, to be run twice. */
typedef struct run_of {
    enum { RMSNORM, EPILOGUE, LINEAR_I8, LINEAR_Q, LINEAR_W, LINEAR_BF16, CONV, SCAN, N_OP } op;
    ssmq_tensor t[8];
    ssmq_packed packed;
    float       scale;
} run_of;

static const char *const op_names[N_OP] = {"rmsnorm",  "epilogue",    "linear_i8", "linear_q",
                                           "linear_w", "linear_bf16", "conv",      "scan"};

static ssmq_status run(ssmq_backend *be, run_of *r, ssmq_tensor *y, ssmq_tensor *state, ssmq_handing *to)
{
    const ssmq_tensor  *t = r->t;
    const ssmq_epilogue e = {.scale = r->scale, .column = &t[1], .bias = &t[2], .to = to};
    switch (r->op) {
    case RMSNORM: return be->ops->rmsnorm(be, y, state, &t[0], &t[1], 1e-5f, to);
    case EPILOGUE: return be->ops->epilogue(be, y, &e);
    case LINEAR_I8: return be->ops->linear_i8(be, y, &t[0], &r->packed, &e);
    case LINEAR_Q: return be->ops->linear_q(be, y, &t[0], &r->packed, &e);
    case LINEAR_W: return be->ops->linear_w(be, y, &t[0], &r->packed, &e);
    case LINEAR_BF16: return be->ops->linear_bf16(be, y, &t[0], &r->packed, &e);
    case CONV:
        return be->ops->conv(
            be, y,
            &(ssmq_conv_args){.x = &t[0], .w = &t[3], .bias = &t[2], .scale = 1, .state = state, .to = to});
    default:
        return be->ops->scan(be, y,
                             &(ssmq_scan_args){.x = &t[0],
                                               .dt = &t[3],
                                               .A = &t[4],
                                               .Bm = &t[5],
                                               .Cm = &t[6],
                                               .D = &t[2],
                                               .z = &t[7],
                                               .h = state,
                                               .to = to});
    }
}

static ssmq_status draw_weight(ssmq_draw *d, ssmq_backend *be, run_of *r, int64_t N, int64_t K)
{
    ssmq_tensor w;
    if (r->op == LINEAR_BF16) {
        SSMQ_TRY(ssmq_draw_zero(d, SSMQ_BF16, 2, (const int64_t[]){N, K}, &w));
        for (int64_t i = 0; i < N * K; i++)
            ((uint16_t *)w.data)[i] = ssmq_f32_to_bf16(ssmq_draw_real(d, -8, 8));
        return be->ops->pack_bf16(be, &w, &r->packed);
    }
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_I8, 2, (const int64_t[]){N, K}, &w));
    for (int64_t i = 0; i < N * K; i++) ((int8_t *)w.data)[i] = (int8_t)ssmq_draw_int(d, -8, 7);
    if (r->op == LINEAR_I8) return be->ops->pack_i8(be, &w, &r->packed);
    return be->ops->pack_q(be, &(ssmq_codes){.code = &w, .bits = 4, .floats = r->op == LINEAR_W}, &r->packed);
}

/* y (B, L, C), and what is read and written beside it. */
static ssmq_status draw_op(ssmq_draw *d, ssmq_backend *be, run_of *r, const int64_t y[3], ssmq_tensor *state)
{
    const int64_t C = y[2], K = ssmq_draw_int(d, 1, 70), N = ssmq_draw_int(d, 1, 20),
                  W = ssmq_draw_int(d, 2, 4);
    const int64_t x[] = {y[0], y[1], r->op >= LINEAR_I8 && r->op <= LINEAR_BF16 ? K : C},
                  bn[] = {y[0], y[1], N};
    const int64_t h[] = {y[0], r->op == SCAN ? C : r->op == CONV ? W - 1 : y[1], r->op == SCAN ? N : C};
    const bool    codes = r->op == LINEAR_I8 || r->op == LINEAR_Q;
    r->scale = ssmq_draw_real(d, 0.001f, 0.01f);
    SSMQ_TRY(codes ? ssmq_draw_codes(d, 3, x, &r->t[0]) : ssmq_draw_tensor(d, 3, x, -2, 2, &r->t[0]));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &C, 0.1f, 2, &r->t[1]));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &C, -2, 2, &r->t[2]));
    SSMQ_TRY(ssmq_draw_dense(d, 3, h, -2, 2, state));
    if (x[2] == K && r->op != CONV && r->op != SCAN && r->op != RMSNORM && r->op != EPILOGUE)
        SSMQ_TRY(draw_weight(d, be, r, C, K));
    if (r->op == CONV) SSMQ_TRY(ssmq_draw_dense(d, 2, (const int64_t[]){C, W}, -1, 1, &r->t[3]));
    if (r->op != SCAN) return SSMQ_OK;
    SSMQ_TRY(ssmq_draw_tensor(d, 3, y, -6, 2, &r->t[3]));
    SSMQ_TRY(ssmq_draw_tensor(d, 2, (const int64_t[]){C, N}, -16, 0, &r->t[4]));
    SSMQ_TRY(ssmq_draw_tensor(d, 3, bn, -2, 2, &r->t[5]));
    SSMQ_TRY(ssmq_draw_tensor(d, 3, bn, -2, 2, &r->t[6]));
    return ssmq_draw_tensor(d, 3, y, -4, 4, &r->t[7]);
}

/* Parts of y's columns, in their order, with gaps now and then, and how each is handed on. */
typedef struct parts {
    ssmq_handing     handing;
    ssmq_encode_args encode[PARTS];
    ssmq_qspec       spec[PARTS];
    ssmq_qparams     params[PARTS];
    float            scale[PARTS];
    ssmq_tensor      x[PARTS], q[PARTS], factor[PARTS];
} parts;

static ssmq_tensor front_of(const ssmq_tensor *x)
{
    ssmq_tensor q = *x;
    q.dtype = SSMQ_I8;
    for (int32_t i = 0; i < q.rank - 1; i++) q.stride[i] *= (int64_t)sizeof(float);
    return q;
}

static ssmq_status draw_part(ssmq_draw *d, parts *p, int i, const ssmq_tensor *y, int64_t begin,
                             int64_t count)
{
    static const ssmq_rounding roundings[] = {SSMQ_ROUNDING_HALF_EVEN, SSMQ_ROUNDING_HALF_AWAY};
    p->x[i] = ssmq_tensor_slice(y, 2, begin, count);
    p->q[i] = ssmq_draw_int(d, 0, 1) ? front_of(&p->x[i]) : p->x[i];
    p->scale[i] = ssmq_draw_real(d, 0.01f, 0.1f);
    p->spec[i] =
        (ssmq_qspec){.bits = ssmq_draw_int(d, 0, 2) ? 8 : 4,
                     .symmetric = true,
                     .rounding = roundings[ssmq_draw_int(d, 0, 3) == 0],
                     .quotient_dtype = ssmq_draw_int(d, 0, 3) ? SSMQ_PRECISION_F32 : SSMQ_PRECISION_F16};
    p->params[i] = (ssmq_qparams){.scale = ssmq_tensor_of(&p->scale[i], SSMQ_F32, 0, NULL)};
    SSMQ_TRY(ssmq_draw_dense(d, 1, &count, 0.5f, 2, &p->factor[i]));
    p->encode[i] = (ssmq_encode_args){.factor = ssmq_draw_int(d, 0, 1) ? &p->factor[i] : NULL,
                                      .spec = &p->spec[i],
                                      .params = &p->params[i]};
    const bool floats = ssmq_draw_int(d, 0, 3) == 0;
    if (floats) p->q[i] = p->x[i];
    p->handing.part[i] =
        (ssmq_handed){.begin = begin, .q = &p->q[i], .encode = floats ? NULL : &p->encode[i], .first = -2};
    return SSMQ_OK;
}

static ssmq_status draw_parts(ssmq_draw *d, parts *p, const ssmq_tensor *y)
{
    int64_t at = 0;
    p->handing.n = 0;
    for (int i = 0; i < PARTS && at < y->dim[2]; i++) {
        const int64_t begin = ssmq_draw_int(d, 0, 1) ? at : ssmq_draw_int(d, at, y->dim[2] - 1);
        const int64_t count =
            ssmq_draw_int(d, 0, 1) ? y->dim[2] - begin : ssmq_draw_int(d, 1, y->dim[2] - begin);
        SSMQ_TRY(draw_part(d, p, i, y, begin, count));
        p->handing.n = i + 1;
        at = begin + count;
    }
    return SSMQ_OK;
}

static ssmq_status compare_rows(const char *op, const ssmq_tensor *got, const ssmq_tensor *want)
{
    const ssmq_tensor r = ssmq_tensor_rows(got), s = ssmq_tensor_rows(want);
    const int64_t     size = ssmq_dtype_bits(r.dtype) / 8;
    for (int64_t m = 0; m < r.dim[0]; m++) {
        const ssmq_tensor a = ssmq_tensor_of((char *)r.data + m * r.stride[0] * size, r.dtype, 1, &r.dim[1]);
        const ssmq_tensor b = ssmq_tensor_of((char *)s.data + m * s.stride[0] * size, r.dtype, 1, &r.dim[1]);
        SSMQ_TRY(ssmq_draw_compare(op, &a, &b, NULL));
    }
    return SSMQ_OK;
}

/* Columns of want, values, become what those of got have become. */
static ssmq_status check_part(ssmq_backend *other, const char *op, const ssmq_handed *h, ssmq_tensor *want)
{
    int64_t first;
    SSMQ_TRY(other->ops->finite(other, want, &first));
    if (first != h->first)
        return SSMQ_FAIL(NUMERIC, "%s, handed on: element %lld is said not to be finite, not %lld", op,
                         (long long)h->first, (long long)first);
    if (first >= 0) {
        const ssmq_tensor rows = ssmq_tensor_rows(want);
        const float       v =
            ((const float *)rows.data)[first / rows.dim[1] * rows.stride[0] + first % rows.dim[1]];
        if (isnan(v) ? isnan(h->value) : v == h->value) return SSMQ_OK;
        return SSMQ_FAIL(NUMERIC, "%s, handed on: %g stood there, not %g", op, (double)v, (double)h->value);
    }
    if (!h->encode) return compare_rows(op, h->q, want);
    const ssmq_epilogue e = {.scale = 1, .column = h->encode->factor};
    if (e.column) SSMQ_TRY(other->ops->epilogue(other, want, &e));
    ssmq_tensor q = h->q->dtype == SSMQ_I8 ? front_of(want) : *want;
    SSMQ_TRY(other->ops->quantize(other, &q, want, h->encode->spec, h->encode->params));
    return compare_rows(op, h->q, &q);
}

static ssmq_status check_result(ssmq_backend *other, const char *op, const parts *p, const ssmq_tensor *got,
                                const ssmq_tensor *want)
{
    int64_t at = 0;
    for (int32_t i = 0; i <= p->handing.n; i++) {
        const ssmq_handed *h = &p->handing.part[i];
        const int64_t      begin = i < p->handing.n ? h->begin : got->dim[2];
        const ssmq_tensor  a = ssmq_tensor_slice(got, 2, at, begin - at),
                          b = ssmq_tensor_slice(want, 2, at, begin - at);
        if (begin > at) SSMQ_TRY(compare_rows(op, &a, &b));
        if (i == p->handing.n) break;
        ssmq_tensor columns = ssmq_tensor_slice(want, 2, begin, h->q->dim[2]);
        SSMQ_TRY(check_part(other, op, h, &columns));
        at = begin + h->q->dim[2];
    }
    return SSMQ_OK;
}

static ssmq_status check_drawn(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, run_of *r)
{
    static const int64_t widths[] = {1, 16, 63, 80, 130, 300};
    int64_t     dim[] = {ssmq_draw_int(d, 1, 3), ssmq_draw_int(d, 1, 9), widths[ssmq_draw_int(d, 0, 5)]};
    ssmq_tensor   y, z, state, before;
    parts       p;
    if (ssmq_draw_large(d, &dim[1], &dim[2])) dim[0] = 1;
    SSMQ_TRY(ssmq_draw_tensor(d, 3, dim, -5, 5, &y));
    SSMQ_TRY(draw_op(d, be, r, dim, &state));
    if (ssmq_draw_int(d, 0, 4) == 0) /* a column that is not finite, but for rmsnorm, which has no bias */
        ((float *)r->t[2].data)[ssmq_draw_int(d, 0, dim[2] - 1)] = ssmq_draw_int(d, 0, 1) ? -INFINITY : NAN;
    if (r->op == EPILOGUE && ssmq_draw_int(d, 0, 4) == 0) /* or an element */
        ((float *)y.data)[ssmq_draw_int(d, 0, dim[0] - 1) * y.stride[0] +
                          ssmq_draw_int(d, 0, dim[1] - 1) * y.stride[1] + ssmq_draw_int(d, 0, dim[2] - 1)] =
            INFINITY;
    SSMQ_TRY(draw_parts(d, &p, &y));
    SSMQ_TRY(ssmq_draw_copy(d, &y, &z));
    SSMQ_TRY(ssmq_draw_copy(d, &state, &before));
    SSMQ_TRY(run(be, r, &y, &state, &p.handing));
    SSMQ_TRY(run(be, r, &z, &before, NULL));
    SSMQ_TRY(ssmq_draw_compare(op_names[r->op], &state, &before, NULL));
    return check_result(other, op_names[r->op], &p, &y, &z);
}

/* The op alone is the same backend's, which the other cases compare; what is done with its result is other's.
 */
ssmq_status ssmq_kernel_check_handed(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    (void)exact;
    for (int op = 0; op < N_OP; op++) {
        run_of            r = {.op = op};
        const ssmq_status st = check_drawn(be, other, d, &r);
        be->ops->free(be, r.packed.data);
        ssmq_draw_free(d);
        if (st != SSMQ_OK) return st;
    }
    return SSMQ_OK;
}
