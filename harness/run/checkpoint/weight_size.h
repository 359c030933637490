/* What the weights of a model take up under a plan. */
#pragma once
#include "harness/contract/method.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is left in floating point is counted as stored in so many bits, whatever the checkpoint has, so that runs of
 * one model are compared by what their recipes do. */
#define SSMQ_FLOAT_BITS 16

typedef struct ssmq_weight_size {
    int64_t parameters; /* of the model; tied ones once                                                           */
    int64_t bytes;      /* codes packed in their bits, 32 bits for each scale and zero point, the rest SSMQ_FLOAT_BITS */
} ssmq_weight_size;

/* plan: NULL in float mode. */
ssmq_weight_size ssmq_weight_size_of(const ssmq_model *m, const ssmq_plan *plan);

#ifdef __cplusplus
}
#endif
