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
