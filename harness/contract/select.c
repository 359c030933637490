#include <string.h>
#include "harness/base/glob.h"
#include "harness/contract/method.h"

int64_t ssmq_site_channels(const ssmq_site *site)
{
    return site->kind == SSMQ_SITE_STATE ? site->rows : site->width;
}

bool ssmq_selects(const char *const *selectors, const ssmq_site *site)
{
    for (; *selectors; selectors++)
        if (ssmq_glob_match(*selectors, site->name)) return true;
    return false;
}

bool ssmq_method_takes(const ssmq_method *m, const ssmq_site *site)
{
    if (m->linear && !site->linear) return false;
    return (m->kinds & 1u << site->kind) && (!m->op || strcmp(m->op, site->op) == 0);
}
