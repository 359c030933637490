/* The ops of a forward pass, carried out as the plan says. */
#include "harness/base/assert.h"
#include "harness/exec/internal.h"

ssmq_status ssmq_exec_embed(ssmq_exec *ex, ssmq_tensor *y, int32_t site_w, const int32_t *token,
                            int64_t n)
{
    const ssmq_tensor *w;
    ex->be->site = site_w;
    SSMQ_TRY(ssmq_exec_values(ex, site_w, &w));
    SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST);
    const ssmq_tensor ids = SSMQ_TENSOR((void *)(uintptr_t)token, SSMQ_I32, n);
    return ex->be->ops->embed(ex->be, y, &ids, w);
}

ssmq_status ssmq_exec_rmsnorm(ssmq_exec *ex, ssmq_tensor *y, ssmq_tensor *residual,
                              const ssmq_tensor *x, int32_t weight, float eps)
{
    const ssmq_tensor *w;
    ex->be->site = -1;
    SSMQ_TRY(ssmq_exec_plain(ex, weight, &w));
    return ex->be->ops->rmsnorm(ex->be, y, residual, x, w, eps);
}

/* y (B, L, N) = x (B, L, K) times w: sequence by sequence where a row could otherwise depend on how many there
 * are, so that a sequence gives the same bits in any batch. */
static ssmq_status product(ssmq_exec *ex, const ssmq_tensor *y, const ssmq_tensor *x, const ssmq_tensor *w)
{
    const bool    apart = ex->be->ops->rows_vary && x->rank == 3 && y->rank == 3;
    const int64_t parts = apart ? x->dim[0] : 1;
    for (int64_t b = 0; b < parts; b++) {
        const ssmq_tensor from = apart ? ssmq_tensor_slice(x, 0, b, 1) : *x;
        const ssmq_tensor to = apart ? ssmq_tensor_slice(y, 0, b, 1) : *y, rows = ssmq_tensor_rows(&from);
        ssmq_tensor       result = ssmq_tensor_rows(&to);
        SSMQ_TRY(ex->be->ops->linear(ex->be, &result, &rows, w));
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

ssmq_status ssmq_exec_linear(ssmq_exec *ex, ssmq_tensor *y, int32_t site_x, int32_t site_w,
                             int32_t bias, const ssmq_tensor *x)
{
    const ssmq_tensor *w;
    ssmq_tensor        channel;
    ssmq_epilogue      e = {0};
    ex->be->site = site_w;
    ssmq_exec_rescale(ex, site_x, site_w, &e.scale, &channel);
    if (channel.data) e.column = &channel;
    if (bias >= 0) SSMQ_TRY(ssmq_exec_plain(ex, bias, &e.bias));
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    ssmq_tensor       result = ssmq_tensor_rows(y);
    if (ssmq_exec_integer(ex, site_x, site_w)) {
        const ssmq_packed *packed;
        ssmq_tensor        codes;
        SSMQ_TRY(ssmq_exec_packed(ex, site_w, &packed));
        SSMQ_TRY(bytes_of(ex, &rows, &codes));
        return ex->be->ops->linear_i8(ex->be, &result, &codes, packed, &e);
    }
    SSMQ_TRY(ssmq_exec_codes(ex, site_w, &w));
    SSMQ_TRY(product(ex, y, x, w));
    if (e.scale == 1.0f && !e.column && !e.bias) return SSMQ_OK;
    return ex->be->ops->epilogue(ex->be, &result, &e);
}

ssmq_status ssmq_exec_conv(ssmq_exec *ex, ssmq_tensor *y, int32_t site_x, int32_t site_w,
                           int32_t bias, const ssmq_tensor *x, ssmq_tensor *state)
{
    ssmq_conv_args a = {.x = x, .state = state};
    ssmq_tensor    channel;
    ex->be->site = site_w;
    SSMQ_TRY(ssmq_exec_codes(ex, site_w, &a.w));
    ssmq_exec_rescale(ex, site_x, site_w, &a.scale, &channel);
    if (channel.data) a.channel = &channel;
    if (bias >= 0) SSMQ_TRY(ssmq_exec_plain(ex, bias, &a.bias));
    return ex->be->ops->conv(ex->be, y, &a);
}
