/* What measures records: all threads of a backend, on the sequences of a batch or on parts of them. */
#pragma once
#include "harness/backend/backend.h"
#include "harness/run/calibrate/record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_recorder ssmq_recorder;

/* be is lent.  Memory: 4.5 MiB a thread, and 2 MiB for each sequence measured at once; of both only what
 * values fall into is touched, about a quarter.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_recorder_new(ssmq_backend *be, ssmq_recorder **out);
void                      ssmq_recorder_free(ssmq_recorder *r); /* accepts NULL */

/* The records of the sequences of x (B, L, ...), f32 on the host, none of them empty: out [B], which the caller frees.
 * They depend neither on the threads nor on the batch.  NUMERIC: a value is not finite.  MEMORY.  After an error
 * out is undefined. */
SSMQ_MUST_USE ssmq_status ssmq_recorder_measure(ssmq_recorder *r, const ssmq_tensor *x, const ssmq_wanted *w,
                                                ssmq_kept **out);
/* The values of a sequence, counted, where that was wanted; lent until the next are measured. */
const ssmq_fine_bins *ssmq_recorder_bins(const ssmq_recorder *r, int32_t sequence);

#ifdef __cplusplus
}
#endif
