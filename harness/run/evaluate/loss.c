#include "harness/base/assert.h"
#include "harness/base/stats.h"
#include "harness/run/evaluate/loss.h"
#include "harness/tensor/dtype.h"

const char *const ssmq_loss_dtypes[] = {"f32", "f16", "bf16", NULL};

static float rounded(ssmq_loss_dtype dtype, float x)
{
    switch (dtype) {
    case SSMQ_LOSS_F16: return ssmq_f16_to_f32(ssmq_f32_to_f16(x));
    case SSMQ_LOSS_BF16: return ssmq_bf16_to_f32(ssmq_f32_to_bf16(x));
    default: return x;
    }
}

void ssmq_loss_round_logits(ssmq_loss_dtype dtype, ssmq_tensor *logits)
{
    if (dtype == SSMQ_LOSS_F32) return;
    SSMQ_ASSERT(logits->space == SSMQ_SPACE_HOST && ssmq_tensor_contiguous(logits));
    float        *v = logits->data;
    const int64_t n = ssmq_tensor_count(logits);
    for (int64_t i = 0; i < n; i++) v[i] = rounded(dtype, v[i]);
}

double ssmq_loss_mean(ssmq_loss_dtype dtype, double *loss, int64_t n)
{
    if (dtype == SSMQ_LOSS_F32) return ssmq_sum(loss, n) / (double)n;
    for (int64_t i = 0; i < n; i++) loss[i] = (double)rounded(dtype, (float)loss[i]);
    return (double)rounded(dtype, (float)(ssmq_sum(loss, n) / (double)n));
}
