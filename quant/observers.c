#include "quant/observers.h"

const ssmq_statistic *const ssmq_statistics[] = {
#define X(name) &ssmq_statistic_##name,
    SSMQ_STATISTICS(X)
#undef X
    NULL,
};

const ssmq_across *const ssmq_across_list[] = {
#define X(name) &ssmq_across_##name,
    SSMQ_ACROSS(X)
#undef X
    NULL,
};
