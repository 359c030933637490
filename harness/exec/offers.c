/* What a backend can carry out of a plan, in which mode. */
#include "harness/exec/exec.h"

/* May channels be kept in floating point there?  A step may still have to choose which. */
static bool keeps(const ssmq_plan *plan, int32_t site)
{
    const int32_t input = plan->model->site[site].input;
    return plan->at[site].keep.data || (input >= 0 && plan->at[input].keep.data);
}

/* Why a site has no integer kernel; NULL: it has one. */
static const char *obstacle(const ssmq_plan *plan, int32_t site)
{
    const ssmq_assignment *a = &plan->at[site];
    const bool             weight = plan->model->site[site].kind == SSMQ_SITE_WEIGHT;
    if (plan->model->site[site].kind == SSMQ_SITE_STATE) return "the state";
    if (!ssmq_qspec_bytes(&a->spec)) return "codes that are not integers of at most 8 bits";
    if (!a->spec.symmetric) return "zero points";
    if (a->spec.dynamic) return "dynamic ranges";
    if (a->spec.product_dtype != SSMQ_PRECISION_F32) return "products in half precision";
    if (keeps(plan, site)) return "channels that stay in floating point";
    if (plan->model->site[site].width > SSMQ_PRODUCT_MAX) return "sums of so many products";
    if (a->spec.scope == SSMQ_SCOPE_TENSOR) return NULL;
    return weight && a->spec.scope == SSMQ_SCOPE_CHANNEL ? NULL : "this scope";
}

/* Is one factor of a product quantised, the other not? */
static bool halved(const ssmq_plan *plan, int32_t site)
{
    const ssmq_site *s = &plan->model->site[site];
    if (s->kind != SSMQ_SITE_WEIGHT || s->input < 0 || !plan->model->site[s->input].linear) return false;
    return (plan->at[site].spec.bits == 0) != (plan->at[s->input].spec.bits == 0);
}

ssmq_status ssmq_exec_offers(const ssmq_backend_ops *ops, const ssmq_model *m, const ssmq_plan *plan,
                             ssmq_mode mode, int32_t *site)
{
    if (mode != SSMQ_MODE_REAL) return SSMQ_OK;
    for (*site = 0; *site < m->n_site; ++*site) {
        const ssmq_site *s = &m->site[*site];
        const char      *why = plan->at[*site].spec.bits ? obstacle(plan, *site) : NULL;
        if (plan->at[*site].spec.bits && !ops->linear_i8)
            return SSMQ_REFUSE(UNSUPPORTED, NO_KERNEL,
                               "mode real: %s: the backend '%s' has no integer kernels", s->name,
                               ops->name);
        if (why)
            return SSMQ_REFUSE(UNSUPPORTED, NO_KERNEL, "mode real: %s: no integer kernel for %s",
                               s->name, why);
        if (halved(plan, *site))
            return SSMQ_REFUSE(
                UNSUPPORTED, NO_KERNEL,
                "mode real: %s: no integer kernel for a product of which only one factor, "
                "%s or %s, is quantised",
                s->name, s->name, m->site[s->input].name);
    }
    return SSMQ_OK;
}
