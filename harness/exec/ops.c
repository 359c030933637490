/* The ops of a forward pass, carried out as the plan says. */
#include "harness/base/assert.h"
#include "harness/exec/internal.h"

ssmq_status ssmq_exec_embed(ssmq_exec *ex, ssmq_tensor *y, int32_t site_w, const int32_t *token,
                            int64_t n)
{
    const ssmq_tensor *w;
    SSMQ_TRY(ssmq_exec_values(ex, site_w, &w));
    SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST);
    const ssmq_tensor ids = SSMQ_TENSOR((void *)(uintptr_t)token, SSMQ_I32, n);
    return ex->be->ops->embed(ex->be, y, &ids, w);
}

ssmq_status ssmq_exec_rmsnorm(ssmq_exec *ex, ssmq_tensor *y, ssmq_tensor *residual,
                              const ssmq_tensor *x, int32_t weight, float eps)
{
    const ssmq_tensor *w;
    SSMQ_TRY(ssmq_exec_plain(ex, weight, &w));
    return ex->be->ops->rmsnorm(ex->be, y, residual, x, w, eps);
}

ssmq_status ssmq_exec_linear(ssmq_exec *ex, ssmq_tensor *y, int32_t site_x, int32_t site_w,
                             int32_t bias, const ssmq_tensor *x)
{
    const ssmq_tensor *w;
    ssmq_tensor        channel;
    ssmq_epilogue      e = {0};
    SSMQ_TRY(ssmq_exec_codes(ex, site_w, &w));
    ssmq_exec_rescale(ex, site_x, site_w, &e.scale, &channel);
    if (channel.data) e.column = &channel;
    if (bias >= 0) SSMQ_TRY(ssmq_exec_plain(ex, bias, &e.bias));
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    ssmq_tensor       result = ssmq_tensor_rows(y);
    SSMQ_TRY(ex->be->ops->linear(ex->be, &result, &rows, w));
    if (e.scale == 1.0f && !e.column && !e.bias) return SSMQ_OK;
    return ex->be->ops->epilogue(ex->be, &result, &e);
}

ssmq_status ssmq_exec_conv(ssmq_exec *ex, ssmq_tensor *y, int32_t site_x, int32_t site_w,
                           int32_t bias, const ssmq_tensor *x, ssmq_tensor *state)
{
    ssmq_conv_args a = {.x = x, .state = state};
    ssmq_tensor    channel;
    SSMQ_TRY(ssmq_exec_codes(ex, site_w, &a.w));
    ssmq_exec_rescale(ex, site_x, site_w, &a.scale, &channel);
    if (channel.data) a.channel = &channel;
    if (bias >= 0) SSMQ_TRY(ssmq_exec_plain(ex, bias, &a.bias));
    return ex->be->ops->conv(ex->be, y, &a);
}
