#include "harness/tensor/qspec.h"

const char *ssmq_scope_name(ssmq_scope scope)
{
    static const char *const names[] = {"tensor", "channel", "group", "token"};
    return names[scope];
}

const char *ssmq_rounding_name(ssmq_rounding rounding)
{
    static const char *const names[] = {"half-even", "half-away", "truncate"};
    return names[rounding];
}
