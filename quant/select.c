#include "quant/select.h"
#include <math.h>
#include <string.h>

bool ssmq_takes(const ssmq_method *method, const char *const *selectors, const ssmq_site *site)
{
    if (!(method->kinds & 1u << site->kind)) return false;
    if (method->op && strcmp(method->op, site->op) != 0) return false;
    return ssmq_selects(selectors, site);
}

void ssmq_assign(ssmq_plan *plan, int32_t site, const ssmq_qspec *spec,
                 const ssmq_observer *observer)
{
    ssmq_assignment *a = &plan->at[site];
    a->spec = *spec;
    a->params = (ssmq_qparams){0};
    a->step = plan->step;
    a->observer = observer->text;
    a->raised = false;
}

ssmq_status ssmq_scale_of_range(const ssmq_site *site, float range, const ssmq_qspec *spec,
                                ssmq_tensor scale, int64_t at, ssmq_tensor *out)
{
    const float value = range / (float)ssmq_code_max(spec);
    if (!(value > 0) || !isfinite(value))
        return SSMQ_FAIL(NUMERIC, "%s: a range of %g gives no scale", site->name, (double)range);
    ((float *)scale.data)[at] = value;
    *out = scale;
    return SSMQ_OK;
}

ssmq_status ssmq_weight_params(ssmq_plan *plan, int32_t site, const ssmq_observer *observer)
{
    const ssmq_model  *m = plan->model;
    const ssmq_tensor *w = &m->weight[m->site[site].weight].value;
    ssmq_assignment   *a = &plan->at[site];
    const bool         rows = a->spec.scope == SSMQ_SCOPE_CHANNEL && w->rank > 1;
    const int64_t      n = rows ? w->dim[0] : 1;
    ssmq_tensor        scale = ssmq_plan_scales(plan, rows ? n : 0);
    a->spec.scope = rows ? SSMQ_SCOPE_CHANNEL : SSMQ_SCOPE_TENSOR;
    for (int64_t i = 0; i < n; i++) {
        const ssmq_tensor sample = rows ? ssmq_tensor_slice(w, 0, i, 1) : *w;
        float             range = 0;
        SSMQ_TRY(observer->statistic->range(observer->statistic_options, &sample, &range));
        if (observer->statistic->floor && range < SSMQ_AMAX_MIN) {
            range = SSMQ_AMAX_MIN;
            a->raised = true;
        }
        SSMQ_TRY(ssmq_scale_of_range(&m->site[site], range, &a->spec, scale, i, &a->params.scale));
    }
    return SSMQ_OK;
}
