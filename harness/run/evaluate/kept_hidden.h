/* What the head of a model reads at the windows of an evaluation, kept for evaluations of the same windows, whose
 * layers then need not run again: half of the time that comparing many recipes with one model takes. */
#pragma once
#include "harness/base/error.h"
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_kept_hidden ssmq_kept_hidden;

/* Keeps the first windows, as many as most_bytes hold. */
ssmq_kept_hidden *ssmq_kept_hidden_new(int64_t most_bytes);
void              ssmq_kept_hidden_free(ssmq_kept_hidden *k); /* accepts NULL */

/* Before each evaluation: windows of at most so many tokens, run so many at a time.  What was kept of others is forgotten:
 * numbers may depend on how many tokens run at a time. */
void ssmq_kept_hidden_begin(ssmq_kept_hidden *k, int64_t window, int64_t piece);
/* Rows first .. first + n of a window, (n, D): a copy, lent until the next call.  False if that window was not kept
 * whole. */
bool ssmq_kept_hidden_get(ssmq_kept_hidden *k, int64_t window, int64_t first, int64_t n, ssmq_tensor *out);
/* Keeps rows (n, D), f32 on the host, of a window of length rows, from its row first on, where there is room.  They
 * come in order; a window that is run again from its first row replaces what it had. */
void ssmq_kept_hidden_put(ssmq_kept_hidden *k, int64_t window, int64_t length, int64_t first,
                          const ssmq_tensor *rows);

#ifdef __cplusplus
}
#endif
