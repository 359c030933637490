/* What a backend can carry out of a plan, in which mode. */
#include "harness/exec/exec.h"

/* May channels be kept in floating point there?  A step may still have to choose which. */
static bool keeps(const ssmq_plan *plan, int32_t site)
{
    const int32_t input = plan->model->site[site].input;
    return plan->at[site].keep.data || (input >= 0 && plan->at[input].keep.data);
}

static bool is_linear(const ssmq_plan *plan, int32_t site)
{
    const int32_t input = plan->model->site[site].input;
    return input >= 0 && plan->model->site[input].linear;
}

static const char *obstacle_of_weight(const ssmq_plan *plan, int32_t site)
{
    const ssmq_qspec *s = &plan->at[site].spec;
    if (!s->symmetric && is_linear(plan, site)) {
        const ssmq_qspec *x = &plan->at[plan->model->site[site].input].spec;
        if (!ssmq_qspec_bytes(x)) return "zero points of weights behind activations in floating point";
        if (plan->model->site[site].width > SSMQ_PRODUCT_MAX / 2) return "sums of so many products";
    }
    return s->scope == SSMQ_SCOPE_GROUP && !is_linear(plan, site) ? "this scope" : NULL;
}

/* Why a site has no integer kernel; NULL: it has one. */
static const char *obstacle(const ssmq_plan *plan, int32_t site)
{
    const ssmq_qspec *s = &plan->at[site].spec;
    if (ssmq_qspec_half(s)) return keeps(plan, site) ? "channels that stay in floating point" : NULL;
    if (!ssmq_qspec_bytes(s)) return "codes that are not integers of at most 8 bits";
    if (s->product_dtype != SSMQ_PRECISION_F32) return "products in half precision";
    if (keeps(plan, site)) return "channels that stay in floating point";
    if (plan->model->site[site].width > SSMQ_PRODUCT_MAX) return "sums of so many products";
    if (plan->model->site[site].kind == SSMQ_SITE_WEIGHT) return obstacle_of_weight(plan, site);
    if (plan->model->site[site].kind == SSMQ_SITE_STATE) return NULL;
    return s->scope == SSMQ_SCOPE_TENSOR || s->scope == SSMQ_SCOPE_TOKEN ? NULL : "this scope";
}

/* Has a site codes that are multiplied in whole numbers? */
static bool is_whole(const ssmq_qspec *s)
{
    return s->bits > 0 && !ssmq_qspec_half(s);
}

/* Has an activation such codes, and the weight that multiplies it none? */
static bool halved(const ssmq_plan *plan, int32_t site)
{
    return is_linear(plan, site) && !is_whole(&plan->at[site].spec) &&
           is_whole(&plan->at[plan->model->site[site].input].spec);
}

ssmq_status ssmq_exec_offers(const ssmq_backend_ops *ops, const ssmq_model *m, const ssmq_plan *plan,
                             ssmq_mode mode, int32_t *site)
{
    if (mode != SSMQ_MODE_REAL) return SSMQ_OK;
    for (*site = 0; *site < m->n_site; ++*site) {
        const ssmq_site *s = &m->site[*site];
        const char      *why = plan->at[*site].spec.bits ? obstacle(plan, *site) : NULL;
        if (plan->at[*site].spec.bits && !ops->linear_q)
            return SSMQ_REFUSE(UNSUPPORTED, NO_KERNEL,
                               "mode real: %s: the backend '%s' has no integer kernels", s->name,
                               ops->name);
        if (why)
            return SSMQ_REFUSE(UNSUPPORTED, NO_KERNEL, "mode real: %s: no integer kernel for %s",
                               s->name, why);
        if (halved(plan, *site))
            return SSMQ_REFUSE(
                UNSUPPORTED, NO_KERNEL,
                "mode real: %s: no kernel for a product of codes, %s, with a weight in floating point",
                s->name, m->site[s->input].name);
    }
    return SSMQ_OK;
}
