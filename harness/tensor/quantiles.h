/* Exact quantiles of a tensor, any number of them out of two passes: the first counts values by the upper
 * half of their bits, the second collects those of the bins that hold a wanted rank. */
#pragma once
#include "harness/base/error.h"
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bins of values with their sign: bits(x) >> 16, so 0x8000 more for negative ones than for their magnitude. */
#define SSMQ_SIGNED_BINS 65536

/* Adds the values of x, f32 on the host, to count [SSMQ_SIGNED_BINS]; at most 2^32 - 1 values in all. */
void ssmq_count_bins(const ssmq_tensor *x, uint32_t *count);

/* The quantiles at p[0] <= p[1] <= ..., in per cent, of x or of |x|: with v sorted ascending and
 * r = p / 100 * (n - 1), v[floor r] + frac(r) * (v[floor r + 1] - v[floor r]), in f64, rounded to f32.  Where
 * ranks are given in their place, v[rank[0]], v[rank[1]], ... */
typedef struct ssmq_quantile_list {
    bool           magnitudes;
    int32_t        n;
    const double  *p;    /* [n], or NULL           */
    float         *out;  /* [n]                    */
    const int64_t *rank; /* [n] ascending, from 0  */
} ssmq_quantile_list;

/* Fills all lists from x: f32 on the host, finite, not empty, any shape that ssmq_tensor_rows() takes.
 * count: as ssmq_count_bins() filled it for x, or NULL.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_quantiles(const ssmq_tensor *x, const uint32_t *count,
                                         const ssmq_quantile_list *list, int32_t n_list);

#ifdef __cplusplus
}
#endif
