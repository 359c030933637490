/* Exact quantiles of a tensor, any number of them out of two passes: the first counts values in fine
 * bins, the second collects those of the bins that hold a wanted rank (selection.h). */
#pragma once
#include "harness/tensor/selection.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fills all lists from x: f32 on the host, finite, not empty, any shape that ssmq_tensor_rows() takes.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_quantiles(const ssmq_tensor *x, const ssmq_quantile_list *list, int32_t n_list);

#ifdef __cplusplus
}
#endif
