/* Losses rounded as code that computes them in half precision rounds them.  For replication: near 2.5 a mean
 * loss in binary16 has steps of 0.002, in bfloat16 of 0.016. */
#pragma once
#include <stdint.h>
#include "harness/run/experiment/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Logits, contiguous on the host, rounded in place; nothing is done for F32. */
void ssmq_loss_round_logits(ssmq_loss_dtype dtype, ssmq_tensor *logits);

/* The mean of n >= 1 losses, in nats.  F32: of the losses as they are, in float64.  Half precision: each is
 * rounded first, in place, and so is their mean, as cross-entropy on half-precision logits has it, whose sums
 * are wider (quant/quamba-spec.md, 10, trap 17). */
double ssmq_loss_mean(ssmq_loss_dtype dtype, double *loss, int64_t n);

#ifdef __cplusplus
}
#endif
