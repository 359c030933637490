/* Weights as the ops read them. */
#include <math.h>
#include "harness/base/assert.h"
#include "harness/exec/internal.h"

/* A tensor of the backend shaped like t. */
static ssmq_status make(ssmq_exec *ex, const ssmq_tensor *t, ssmq_placed *p)
{
    ssmq_tensor made;
    SSMQ_TRY(ssmq_backend_tensor(ex->be, t->name, SSMQ_F32, t->rank, t->dim, &made));
    p->value = made;
    p->owned = true;
    return SSMQ_OK;
}

/* The model's own tensor where the backend can read it there, else a copy of it. */
static ssmq_status place(ssmq_exec *ex, const ssmq_tensor *t, ssmq_placed *p)
{
    if (t->space == ex->be->ops->space) {
        p->value = *t;
        return SSMQ_OK;
    }
    SSMQ_TRY(make(ex, t, p));
    return ex->be->ops->copy(ex->be, &p->value, t);
}

static const ssmq_tensor *weight_of(const ssmq_exec *ex, int32_t site)
{
    const int32_t weight = ex->model->site[site].weight;
    SSMQ_ASSERT(weight >= 0 && ex->model->weight[weight].value.data != NULL);
    return &ex->model->weight[weight].value;
}

ssmq_status ssmq_exec_plain(ssmq_exec *ex, int32_t weight, const ssmq_tensor **out)
{
    ssmq_placed *p = &ex->weight[weight];
    if (!p->value.data) SSMQ_TRY(place(ex, &ex->model->weight[weight].value, p));
    *out = &p->value;
    return SSMQ_OK;
}

ssmq_status ssmq_exec_codes(ssmq_exec *ex, int32_t site, const ssmq_tensor **out)
{
    ssmq_placed           *p = &ex->site[site];
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    *out = &p->value;
    if (p->value.data) return SSMQ_OK;
    const ssmq_tensor *w = weight_of(ex, site);
    if (!a) return place(ex, w, p);
    SSMQ_TRY(make(ex, w, p));
    SSMQ_TRY(ex->be->ops->copy(ex->be, &p->value, w));
    SSMQ_TRY(ex->be->ops->quantize(ex->be, &p->value, &p->value, &a->spec, &a->params));
    if (ssmq_exec_coded(ex, site)) return SSMQ_OK;
    return ex->be->ops->dequantize(ex->be, &p->value, &p->value, &a->spec, &a->params);
}

ssmq_status ssmq_exec_values(ssmq_exec *ex, int32_t site, const ssmq_tensor **out)
{
    const bool             made = ex->site[site].value.data != NULL;
    const ssmq_assignment *a = ssmq_exec_coded(ex, site);
    SSMQ_TRY(ssmq_exec_codes(ex, site, out));
    ssmq_tensor *value = &ex->site[site].value;
    if (!made && a) SSMQ_TRY(ex->be->ops->dequantize(ex->be, value, value, &a->spec, &a->params));
    return SSMQ_OK;
}

/* The exponential is taken on the host, once, so that every backend scans with the same A. */
ssmq_status ssmq_exec_decay(ssmq_exec *ex, int32_t site, const ssmq_tensor **out)
{
    ssmq_placed           *p = &ex->site[site];
    const ssmq_assignment *a = ssmq_exec_quantised(ex, site);
    if (!p->value.data) {
        const ssmq_tensor *w = weight_of(ex, site);
        const int64_t      n = ssmq_tensor_count(w);
        SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST && ssmq_tensor_contiguous(w));
        SSMQ_TRY(make(ex, w, p));
        SSMQ_TRY(ex->be->ops->copy(ex->be, &p->value, w));
        if (a) {
            SSMQ_TRY(ex->be->ops->quantize(ex->be, &p->value, &p->value, &a->spec, &a->params));
            SSMQ_TRY(ex->be->ops->dequantize(ex->be, &p->value, &p->value, &a->spec, &a->params));
        }
        float *v = p->value.data;
        for (int64_t i = 0; i < n; i++) v[i] = -expf(v[i]);
    }
    *out = &p->value;
    return SSMQ_OK;
}

static float scale_of(const ssmq_assignment *a)
{
    return ((const float *)a->params.scale.data)[0];
}

void ssmq_exec_rescale(const ssmq_exec *ex, int32_t site_x, int32_t site_w, float *scale,
                       ssmq_tensor *channel)
{
    const ssmq_assignment *x = ssmq_exec_coded(ex, site_x), *w = ssmq_exec_coded(ex, site_w);
    *scale = x ? scale_of(x) : 1.0f;
    *channel = (ssmq_tensor){0};
    if (!w) return;
    if (w->spec.scope == SSMQ_SCOPE_TENSOR) *scale *= scale_of(w);
    else *channel = ssmq_tensor_reshape(&w->params.scale, 1, w->params.scale.dim);
}
