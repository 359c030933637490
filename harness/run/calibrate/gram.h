/* Second moments of activations: X^T X over the rows of all tokens of all samples. */
#pragma once
#include "harness/backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_gram {
    int32_t     site;
    int64_t     width; /* C                                                          */
    double     *sum;   /* (C, C), while memory is held                               */
    ssmq_tensor piece; /* (C, C) f32 of the backend: of one sample                   */
    ssmq_tensor turned; /* (C, L) f32 of the backend: its rows, channel by channel   */
} ssmq_gram;

/* Memory for samples of up to length tokens, and a sum of 0.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_gram_begin(ssmq_gram *g, ssmq_backend *be, int64_t length);
/* Adds a sample x (.., C): products in f32 by the backend, so the same for any number of threads; the sum
 * over samples in f64. */
SSMQ_MUST_USE ssmq_status ssmq_gram_add(ssmq_gram *g, ssmq_backend *be, const ssmq_tensor *x);
/* Returns the memory of the pass; the sum stays. */
void ssmq_gram_end(ssmq_gram *g, ssmq_backend *be);
void ssmq_gram_free(ssmq_gram *g);

#ifdef __cplusplus
}
#endif
