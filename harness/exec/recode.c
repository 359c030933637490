/* What the readers of a site see, for those who measure what quantisation does there. */
#include <stdlib.h>
#include "harness/backend/shape.h"
#include "harness/base/assert.h"
#include "harness/exec/internal.h"

/* Is channel c the next of those kept?  Channels are asked for in ascending order. */
static bool is_kept(const ssmq_tensor *keep, int64_t *next, int64_t c)
{
    if (!keep || *next >= keep->dim[0] || ((const int32_t *)keep->data)[*next] != c) return false;
    ++*next;
    return true;
}

void ssmq_exec_count_clamped(const ssmq_tensor *x, const ssmq_qspec *spec, const ssmq_qparams *p,
                             const ssmq_tensor *keep, int64_t *clamped)
{
    const ssmq_tensor    rows = ssmq_tensor_rows(x);
    const ssmq_scale_map map = ssmq_shape_scales(&rows, spec, p);
    for (int64_t m = 0; m < rows.dim[0]; m++) {
        const float *row = (const float *)rows.data + m * rows.stride[0];
        int64_t      next = 0;
        for (int64_t c = 0; c < rows.dim[1]; c++) {
            if (is_kept(keep, &next, c)) continue;
            const int64_t which = m * map.by_row + c / map.group;
            const int32_t zero = map.zero ? map.zero[which] : 0;
            clamped[m] += ssmq_code_clamped(row[c], map.scale[which], zero, spec);
        }
    }
}

ssmq_quantiser ssmq_exec_quantiser(const ssmq_exec *ex, int32_t site)
{
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    SSMQ_ASSERT(a);
    if (a->spec.dynamic) return ssmq_exec_by_rows(a, &ex->live[site]);
    return (ssmq_quantiser){.spec = a->spec, .params = a->params};
}

/* x to codes and back. */
static ssmq_status there_and_back(ssmq_exec *ex, const ssmq_assignment *a, ssmq_tensor *x,
                                  int64_t *clamped)
{
    ssmq_live      live = {0};
    ssmq_quantiser q = {.spec = a->spec, .params = a->params};
    if (a->spec.dynamic) {
        ssmq_exec_find(ex, a, x, &live);
        q = ssmq_exec_by_rows(a, &live);
    }
    if (clamped) ssmq_exec_count_clamped(x, &q.spec, &q.params, NULL, clamped);
    ssmq_status st = ex->be->ops->quantize(ex->be, x, x, &q.spec, &q.params);
    if (st == SSMQ_OK) st = ex->be->ops->dequantize(ex->be, x, x, &q.spec, &q.params);
    ssmq_live_free(&live);
    return st;
}

/* x (L, E, N), the state of each token by itself; room [E]. */
static ssmq_status recode_states(ssmq_exec *ex, const ssmq_assignment *a, ssmq_tensor *x,
                                 int64_t *room, int64_t *clamped)
{
    for (int64_t t = 0; t < x->dim[0]; t++) {
        ssmq_tensor one = ssmq_tensor_slice(x, 0, t, 1);
        for (int64_t e = 0; e < x->dim[1]; e++) room[e] = 0;
        SSMQ_TRY(there_and_back(ex, a, &one, clamped ? room : NULL));
        for (int64_t e = 0; clamped && e < x->dim[1]; e++) clamped[t] += room[e];
    }
    return SSMQ_OK;
}

ssmq_status ssmq_exec_recode(ssmq_exec *ex, int32_t site, ssmq_tensor *x, int64_t *clamped)
{
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    SSMQ_ASSERT(ex->model->site[site].kind != SSMQ_SITE_WEIGHT);
    if (!a) return SSMQ_OK;
    if (ex->model->site[site].kind == SSMQ_SITE_STATE) {
        int64_t          *room = ssmq_must_malloc((size_t)(x->dim[1] + 1) * sizeof *room);
        const ssmq_status st = recode_states(ex, a, x, room, clamped);
        free(room);
        return st;
    }
    const ssmq_tensor *keep = ssmq_plan_keep(ex->plan, site);
    ssmq_tensor        kept;
    if (!keep) return there_and_back(ex, a, x, clamped);
    SSMQ_TRY(ssmq_exec_take_out(ex, keep, x, &kept));
    SSMQ_TRY(there_and_back(ex, a, x, clamped)); /* zeros in their place clamp nowhere */
    ssmq_exec_put_back(keep, &kept, x);
    return SSMQ_OK;
}

ssmq_status ssmq_exec_recode_weight(ssmq_exec *ex, int32_t site, const ssmq_tensor **out,
                                    int64_t *clamped)
{
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    const ssmq_site       *s = &ex->model->site[site];
    SSMQ_ASSERT(s->kind == SSMQ_SITE_WEIGHT && !ex->site[site].value.data);
    if (a)
        ssmq_exec_count_clamped(ssmq_model_value(ex->model, s->weight), &a->spec, &a->params,
                                ssmq_plan_keep(ex->plan, site), clamped);
    return ssmq_exec_values(ex, site, out);
}
