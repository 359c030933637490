/* The ops of a forward pass, carried out as the plan says. */
#include "harness/base/assert.h"
#include "harness/exec/internal.h"

/* The residual stream to half precision, in place. */
static ssmq_status to_half(ssmq_exec *ex, ssmq_tensor *residual)
{
    float              one = 1;
    const ssmq_qspec   spec = {.format = SSMQ_FORMAT_F16, .bits = 16, .symmetric = true};
    const ssmq_qparams params = {.scale = ssmq_tensor_of(&one, SSMQ_F32, 0, NULL)};
    return ex->be->ops->quantize(ex->be, residual, residual, &spec, &params);
}

/* The addition alone, and then in half precision. */
static ssmq_status add_in_half(ssmq_exec *ex, ssmq_tensor *y, ssmq_tensor *residual, const ssmq_tensor *x,
                               const ssmq_tensor *w, float eps)
{
    if (x) SSMQ_TRY(ex->be->ops->rmsnorm(ex->be, y, residual, x, w, eps, NULL));
    return to_half(ex, residual);
}

ssmq_status ssmq_exec_rmsnorm(ssmq_exec *ex, ssmq_tensor *y, ssmq_tensor *residual,
                              const ssmq_tensor *x, int32_t weight, float eps, const ssmq_exec_to *to)
{
    const ssmq_tensor *w;
    ssmq_arrivals      a;
    ssmq_handing      *handing = ssmq_exec_depart(ex, to, y, &a);
    const bool         in_half = ex->plan && ex->plan->departures.f16_residual;
    ex->be->site = -1;
    SSMQ_TRY(ssmq_exec_plain(ex, weight, &w));
    if (in_half) SSMQ_TRY(add_in_half(ex, y, residual, x, w, eps));
    SSMQ_TRY(ex->be->ops->rmsnorm(ex->be, y, residual, in_half ? NULL : x, w, eps, handing));
    return ssmq_exec_arrive(ex, to, handing, &a);
}

/* A product of floats: with w, or with packed codes. */
typedef struct factor {
    const ssmq_tensor   *w; /* NULL: packed */
    const ssmq_packed   *packed;
    const ssmq_epilogue *e; /* with packed  */
} factor;

/* y (B, L, N) = x (B, L, K) times w: sequence by sequence where a row could otherwise depend on how
 * many there are, so that a sequence gives the same bits in any batch. */
static ssmq_status product(ssmq_exec *ex, const ssmq_tensor *y, const ssmq_tensor *x,
                           const factor *f)
{
    const ssmq_backend_ops *ops = ex->be->ops;
    const bool              apart = ops->rows_vary && x->rank == 3 && y->rank == 3;
    const int64_t           parts = apart ? x->dim[0] : 1;
    for (int64_t b = 0; b < parts; b++) {
        const ssmq_tensor from = apart ? ssmq_tensor_slice(x, 0, b, 1) : *x;
        const ssmq_tensor to = apart ? ssmq_tensor_slice(y, 0, b, 1) : *y,
                          rows = ssmq_tensor_rows(&from);
        ssmq_tensor result = ssmq_tensor_rows(&to);
        if (f->w) SSMQ_TRY(ops->linear(ex->be, &result, &rows, f->w));
        else SSMQ_TRY(ops->linear_w(ex->be, &result, &rows, f->packed, f->e));
    }
    return SSMQ_OK;
}

/* The rows of x, codes carried in floats or bytes already, as bytes. */
static ssmq_status bytes_of(ssmq_exec *ex, const ssmq_tensor *rows, ssmq_tensor *out)
{
    *out = *rows;
    if (rows->dtype == SSMQ_I8) return SSMQ_OK;
    const int64_t M = rows->dim[0], K = rows->dim[1], wide = (K + 3) / 4;
    ssmq_tensor   room;
    SSMQ_TRY(ssmq_exec_scratch(ex, SSMQ_EXEC_SLOT_CODES, 2, (const int64_t[]){M, wide}, &room));
    *out = SSMQ_TENSOR(room.data, SSMQ_I8, M, K);
    out->stride[0] = wide * (int64_t)sizeof(float);
    float              one = 1; /* a scale of 1 carries integers over */
    const ssmq_qspec   plain = {.bits = 8, .symmetric = true};
    const ssmq_qparams p = {.scale = ssmq_tensor_of(&one, SSMQ_F32, 0, NULL)};
    return ex->be->ops->quantize(ex->be, out, rows, &plain, &p);
}

/* The product of codes of rows with a packed weight. */
static ssmq_status codes_product(ssmq_exec *ex, ssmq_tensor *result, int32_t site_x, int32_t site_w,
                                 const ssmq_tensor *rows, ssmq_epilogue *e)
{
    const ssmq_assignment *a = ssmq_exec_rowwise(ex, site_x);
    const ssmq_packed     *packed;
    ssmq_tensor            codes;
    ssmq_quantiser         by;
    if (a) {
        by = ssmq_exec_by_rows(a, &ex->live[site_x]);
        e->row = &by.params.scale;
        if (by.params.zero.data) e->zero = &by.params.zero;
    }
    SSMQ_TRY(ssmq_exec_packed(ex, site_w, &packed));
    SSMQ_TRY(bytes_of(ex, rows, &codes));
    const bool whole = packed->bits == 8 && packed->group == 0 && !packed->zeros && !packed->affine;
    return (whole ? ex->be->ops->linear_i8 : ex->be->ops->linear_q)(ex->be, result, &codes, packed,
                                                                    e);
}

static ssmq_status bf16_product(ssmq_exec *ex, ssmq_tensor *result, int32_t site_w, const ssmq_tensor *rows,
                                const ssmq_epilogue *e)
{
    const ssmq_packed *packed;
    SSMQ_TRY(ssmq_exec_packed(ex, site_w, &packed));
    return ex->be->ops->linear_bf16(ex->be, result, rows, packed, e);
}

/* Does a product of floats read a weight that is packed? */
static bool by_linear_w(const ssmq_exec *ex, int32_t site_w)
{
    if (ex->mode != SSMQ_MODE_REAL) return false;
    return ssmq_exec_half(ex, site_w) || (ssmq_exec_packable(ex, site_w) && ex->plan->at[site_w].spec.symmetric);
}

/* Whatever comes last of a product hands its result on. */
static ssmq_status multiply(ssmq_exec *ex, ssmq_tensor *y, int32_t site_x, int32_t site_w,
                            const ssmq_tensor *x, ssmq_epilogue *e)
{
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    ssmq_tensor       result = ssmq_tensor_rows(y);
    factor            f = {.e = e};
    if (ssmq_exec_integer(ex, site_x, site_w)) return codes_product(ex, &result, site_x, site_w, &rows, e);
    if (ssmq_exec_bf16(ex, site_x, site_w)) return bf16_product(ex, &result, site_w, &rows, e);
    if (by_linear_w(ex, site_w)) {
        SSMQ_TRY(ssmq_exec_packed(ex, site_w, &f.packed));
        return product(ex, y, x, &f);
    }
    SSMQ_TRY(ssmq_exec_codes(ex, site_w, &f.w));
    SSMQ_TRY(product(ex, y, x, &f));
    if (ex->model->streams && !ex->site[site_w].owned)
        ssmq_model_forget(ex->model, ex->model->site[site_w].weight);
    if (e->scale == 1.0f && !e->column && !e->bias && !e->to) return SSMQ_OK;
    return ex->be->ops->epilogue(ex->be, &result, e);
}

/* Is there an op behind a product of floats anyway, or one that does it all? */
static bool hands_on(const ssmq_exec *ex, int32_t site_x, int32_t site_w, const ssmq_epilogue *e)
{
    if (ssmq_exec_integer(ex, site_x, site_w) || ssmq_exec_bf16(ex, site_x, site_w)) return true;
    if (ex->be->ops->rows_vary) return false; /* sequence by sequence */
    if (by_linear_w(ex, site_w)) return true;
    return e->scale != 1.0f || e->column || e->bias;
}

ssmq_status ssmq_exec_linear(ssmq_exec *ex, ssmq_tensor *y, int32_t site_x, int32_t site_w,
                             int32_t bias, const ssmq_tensor *x, const ssmq_exec_to *to)
{
    ssmq_tensor   channel;
    ssmq_epilogue e = {0};
    ssmq_arrivals a;
    ex->be->site = site_w;
    ssmq_exec_rescale(ex, site_x, site_w, &e.scale, &channel);
    if (channel.data) e.column = &channel;
    if (bias >= 0) SSMQ_TRY(ssmq_exec_bias(ex, bias, &e.bias));
    if (hands_on(ex, site_x, site_w, &e)) e.to = ssmq_exec_depart(ex, to, y, &a);
    SSMQ_TRY(multiply(ex, y, site_x, site_w, x, &e));
    return ssmq_exec_arrive(ex, to, e.to, &a);
}

ssmq_status ssmq_exec_conv(ssmq_exec *ex, ssmq_tensor *y, int32_t site_x, int32_t site_w,
                           int32_t bias, const ssmq_tensor *x, ssmq_tensor *state,
                           const ssmq_exec_to *to)
{
    ssmq_arrivals  arrivals;
    ssmq_conv_args a = {.x = x, .state = state, .to = ssmq_exec_depart(ex, to, y, &arrivals)};
    ssmq_tensor    channel;
    ex->be->site = site_w;
    SSMQ_TRY(ssmq_exec_codes(ex, site_w, &a.w));
    ssmq_exec_rescale(ex, site_x, site_w, &a.scale, &channel);
    if (channel.data) a.channel = &channel;
    if (bias >= 0) SSMQ_TRY(ssmq_exec_bias(ex, bias, &a.bias));
    SSMQ_TRY(ex->be->ops->conv(ex->be, y, &a));
    return ssmq_exec_arrive(ex, to, a.to, &arrivals);
}
