/* Everything that an experiment may pick by name.  Filled in main(), the only place that sees the
 * registries of quant/ and models/; tests fill their own. */
#pragma once
#include "harness/backend/backend.h"
#include "harness/contract/method.h"
#include "harness/contract/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_catalogue {
    const ssmq_backend_ops *const *backends; /* each list is NULL-terminated */
    const ssmq_family *const      *families;
    const ssmq_method *const      *methods;
    const ssmq_statistic *const   *statistics;
    const ssmq_across *const      *across;
    const char *const             *random_names; /* shapes known by name */
    /* Writes a checkpoint of one of them, with random weights, into a directory that is there.  IO. */
    ssmq_status (*random_model)(const char *directory, const char *shape, ssmq_dtype dtype, uint64_t seed);
} ssmq_catalogue;

#ifdef __cplusplus
}
#endif
