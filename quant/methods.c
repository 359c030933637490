#include "quant/methods.h"

const ssmq_method *const ssmq_methods[] = {
#define X(name) &ssmq_method_##name,
    SSMQ_METHODS(X)
#undef X
    NULL,
};
