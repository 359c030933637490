#include "harness/run/checkpoint/weight_size.h"

#define SCALE_BITS 32

/* Columns that stay in floating point, and codes for the others. */
static int64_t coded_bits(const ssmq_plan *plan, int32_t site, int64_t values)
{
    const ssmq_assignment *a = &plan->at[site];
    const ssmq_tensor     *keep = ssmq_plan_keep(plan, site);
    const int64_t          width = plan->model->site[site].width;
    const int64_t          kept = keep && width > 0 ? values / width * ssmq_tensor_count(keep) : 0;
    int64_t                scales = 0;
    if (a->params.scale.data) scales += ssmq_tensor_count(&a->params.scale);
    if (a->params.zero.data) scales += ssmq_tensor_count(&a->params.zero);
    return (values - kept) * a->spec.bits + kept * SSMQ_FLOAT_BITS + scales * SCALE_BITS;
}

/* Each site that quantises the weight has codes of its own; the floats are there if some site, or none, reads
 * them. */
static int64_t weight_bits(const ssmq_model *m, const ssmq_plan *plan, int32_t weight)
{
    const ssmq_weight *w = &m->weight[weight];
    int64_t            values = 1, bits = 0;
    bool               coded = false, plain = false;
    for (int32_t i = 0; i < w->rank; i++) values *= w->dim[i];
    for (int32_t i = 0; plan && i < m->n_site; i++) {
        if (m->site[i].kind != SSMQ_SITE_WEIGHT || m->site[i].weight != weight) continue;
        const bool is = plan->at[i].spec.bits > 0;
        if (is) bits += coded_bits(plan, i, values);
        coded = coded || is;
        plain = plain || !is;
    }
    if ((plain || !coded) && w->tied_to < 0) bits += values * SSMQ_FLOAT_BITS;
    return bits;
}

ssmq_weight_size ssmq_weight_size_of(const ssmq_model *m, const ssmq_plan *plan)
{
    ssmq_weight_size size = {0};
    int64_t          bits = 0;
    for (int32_t i = 0; i < m->n_weight; i++) {
        int64_t values = m->weight[i].tied_to < 0;
        for (int32_t k = 0; k < m->weight[i].rank; k++) values *= m->weight[i].dim[k];
        size.parameters += values;
        bits += weight_bits(m, plan, i);
    }
    size.bytes = (bits + 7) / 8;
    return size;
}
