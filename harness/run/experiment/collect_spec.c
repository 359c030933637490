#include "harness/run/experiment/collect_spec.h"
#include <stddef.h>

const char *const ssmq_dump_dtypes[] = {"f32", "f16", "codes", NULL};

bool ssmq_collects(const ssmq_collect_spec *c, const ssmq_site *site)
{
    if (!c->statistics) return false;
    if (c->sites) return ssmq_selects(c->sites, site);
    return site->layer >= 0 && site->kind != SSMQ_SITE_STATE;
}

bool ssmq_dumps(const ssmq_collect_spec *c, const ssmq_site *site)
{
    return c->dump && ssmq_selects(c->dump->sites, site);
}

bool ssmq_collect_needs_samples(const ssmq_collect_spec *c, const ssmq_model *m)
{
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_site *site = &m->site[i];
        if (site->kind != SSMQ_SITE_WEIGHT && (ssmq_collects(c, site) || ssmq_dumps(c, site)))
            return true;
    }
    return false;
}
