/* How much memory a run takes at its peak, computed from shapes, with nothing loaded. */
#pragma once
#include "harness/run/experiment/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes, when it holds most: while it calibrates, the copies that steps rewrite and a sample's activations; or after,
 * the weights as its mode reads them, once more what it is compared with, and for each model a block of logits, the
 * activations of a layer and the states, and what comparing keeps; what is dumped, and what this process takes by itself, which has read the
 * experiment.  What calibration keeps comes on top.  *model: described before, for the next call to use again, or NULL; the caller's to free.
 * INPUT, UNSUPPORTED: the model. */
SSMQ_MUST_USE ssmq_status ssmq_run_memory(const ssmq_catalogue *cat, const ssmq_run *run, ssmq_model **model,
                                          int64_t *bytes);

#ifdef __cplusplus
}
#endif
