#include "harness/contract/method.h"

const ssmq_tensor *ssmq_plan_keep(const ssmq_plan *p, int32_t site)
{
    const ssmq_site *s = &p->model->site[site];
    const int32_t    at = s->kind == SSMQ_SITE_WEIGHT ? s->input : site;
    return at >= 0 && p->at[at].keep.data && p->at[at].keep.dim[0] > 0 ? &p->at[at].keep : NULL;
}

ssmq_tensor ssmq_without(const ssmq_tensor *x, const ssmq_tensor *keep, int64_t first, float *out)
{
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    const int32_t    *channel = keep->data;
    int64_t           begin = 0;
    while (begin < keep->dim[0] && channel[begin] < first) begin++;
    int64_t n = 0; /* written */
    for (int64_t m = 0; m < rows.dim[0]; m++) {
        const float *from = (const float *)rows.data + m * rows.stride[0];
        int64_t      next = begin;
        for (int64_t c = 0; c < rows.dim[1]; c++) {
            if (next < keep->dim[0] && channel[next] == first + c) next++;
            else out[n++] = from[c];
        }
    }
    const int64_t M = rows.dim[0];
    return SSMQ_TENSOR(out, SSMQ_F32, M, M ? n / M : 0);
}
