#include "tests/support/catalogue.h"
#include "models/families.h"
#include "quant/methods.h"
#include "quant/observers.h"

const ssmq_catalogue test_catalogue = {
    .backends = ssmq_backends,
    .families = ssmq_families,
    .methods = ssmq_methods,
    .statistics = ssmq_statistics,
    .across = ssmq_across_list,
};
