#include "harness/base/glob.h"
#include "harness/contract/method.h"

bool ssmq_selects(const char *const *selectors, const ssmq_site *site)
{
    for (; *selectors; selectors++)
        if (ssmq_glob_match(*selectors, site->name)) return true;
    return false;
}
