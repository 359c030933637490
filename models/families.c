#include "models/families.h"

const ssmq_family *const ssmq_families[] = {
#define X(name) &ssmq_family_##name,
    SSMQ_FAMILIES(X)
#undef X
    NULL,
};
