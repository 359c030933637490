/* What becomes of an op's result: by the op itself while it works it out, where that is possible. */
#include "harness/base/assert.h"
#include "harness/exec/internal.h"

/* Backends without the op encode do everything one after another. */
static bool by_the_op(const ssmq_exec *ex, int32_t site, const ssmq_assignment *a)
{
    if (!ex->be->ops->encode || ex->probe.see) return false;
    if (a) return ssmq_exec_at_once(ex, site, a) && !a->rotate && ssmq_exec_coded(ex, site);
    return ex->mode == SSMQ_MODE_FLOAT || !(ex->plan->at[site].divide.data || ex->plan->at[site].rotate);
}

ssmq_handing *ssmq_exec_depart(ssmq_exec *ex, const ssmq_exec_to *to, const ssmq_tensor *y,
                               ssmq_arrivals *out)
{
    out->handing.n = 0;
    for (int32_t i = 0; to && to[i].x; i++) {
        const ssmq_assignment *a = ssmq_exec_quantised(ex, to[i].site);
        const ssmq_tensor     *x = to[i].x;
        const int32_t          n = out->handing.n;
        if (n == SSMQ_HANDED_MAX || !by_the_op(ex, to[i].site, a)) continue;
        out->entry[n] = i;
        out->q[n] = a && ex->mode == SSMQ_MODE_REAL ? ssmq_exec_bytes_in(x) : *x;
        if (a)
            out->encode[n] = (ssmq_encode_args){
                .factor = a->divide.data ? &a->inverse : NULL, .spec = &a->spec, .params = &a->params};
        out->handing.part[n] = (ssmq_handed){.begin = (const float *)x->data - (const float *)y->data,
                                             .q = &out->q[n],
                                             .encode = a ? &out->encode[n] : NULL};
        out->handing.n = n + 1;
    }
    return out->handing.n > 0 ? &out->handing : NULL;
}

ssmq_status ssmq_exec_arrive(ssmq_exec *ex, const ssmq_exec_to *to, const ssmq_handing *handing,
                             const ssmq_arrivals *a)
{
    for (int32_t i = 0, n = 0; to && to[i].x; i++) {
        if (!handing || n == handing->n || a->entry[n] != i) {
            SSMQ_TRY(ssmq_exec_site(ex, to[i].site, to[i].x));
            continue;
        }
        const ssmq_handed *part = &handing->part[n++];
        if (part->first >= 0) return ssmq_exec_not_finite(ex, to[i].site, to[i].x, part->first, part->value);
        *to[i].x = *part->q;
        if (part->encode && ex->probe.codes)
            SSMQ_TRY(ex->probe.codes(ex->probe.context, to[i].site, to[i].x));
    }
    return SSMQ_OK;
}
