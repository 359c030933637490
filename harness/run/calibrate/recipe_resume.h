/* What a step that works layer by layer decided of a layer before the run was killed. */
#pragma once
#include "harness/contract/method.h"
#include "harness/run/listener.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Takes scales, zero points and codes of the weights of plan->layer that plan->step assigned; false: they are
 * not known. */
bool ssmq_layer_take(const ssmq_listener *l, ssmq_plan *plan);
/* Keeps them, once the step has been applied.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_layer_keep(const ssmq_listener *l, const ssmq_plan *plan);

#ifdef __cplusplus
}
#endif
