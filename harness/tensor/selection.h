/* Order statistics of many values that lie in parts, which threads may share: counted in fine bins, the
 * bins that hold a wanted rank are known; their values are collected, and ranked by the rest of their
 * bits.  The order in which values are collected changes nothing. */
#pragma once
#include <stdbool.h>
#include "harness/base/error.h"
#include "harness/tensor/fine_bins.h"
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The quantiles at p[0] <= p[1] <= ..., in per cent, of x or of |x|: with v sorted ascending and
 * r = p / 100 * (n - 1), v[floor r] + frac(r) * (v[floor r + 1] - v[floor r]), in f64, rounded to f32.  Where
 * ranks are given in their place, v[rank[0]], v[rank[1]], ...; -0 stands before 0. */
typedef struct ssmq_quantile_list {
    bool           magnitudes;
    int32_t        n;
    const double  *p;    /* [n], or NULL           */
    float         *out;  /* [n]                    */
    const int64_t *rank; /* [n] ascending, from 0  */
} ssmq_quantile_list;

/* Fine bins whose values are wanted. */
typedef struct ssmq_wanted_bins {
    uint32_t set[SSMQ_FINE_BINS / 32]; /* bit (i & 31) of set[i >> 5]: bin i is wanted                  */
    uint32_t mantissa[32];             /* the same by the place in a power: some bin at that place is   */
} ssmq_wanted_bins;

void ssmq_want_bin(ssmq_wanted_bins *w, int32_t bin);

/* Copies those of x (n) whose bins are wanted, in order, and returns how many they are; out has room for
 * n + SSMQ_PICK_ROOM, of which what lies behind is undefined afterwards. */
#define SSMQ_PICK_ROOM 16
typedef int64_t (*ssmq_pick)(const float *x, int64_t n, const ssmq_wanted_bins *w, float *out);
int64_t                ssmq_pick_c(const float *x, int64_t n, const ssmq_wanted_bins *w, float *out);
extern const ssmq_pick ssmq_pick_avx512; /* F, BW, DQ and VL; NULL where the compiler has them not */

typedef struct ssmq_selection ssmq_selection;

/* For one selection after another, so that memory is asked for once: 2 MiB, of which little is touched,
 * and what they collect.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_selection_new(ssmq_selection **out);
void                      ssmq_selection_free(ssmq_selection *s); /* accepts NULL */

/* b: all values, counted, at least one, all finite; coarse: as ssmq_fine_bins_coarse() sets it for each
 * power that they touched, lent until this returns.  b and list are lent until the lists are filled.
 * MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_selection_begin(ssmq_selection *s, const ssmq_fine_bins *b,
                                               const uint32_t *coarse, const ssmq_quantile_list *list,
                                               int32_t n_list);
/* Shown each of the values once, in parts, by any number of threads at once. */
void ssmq_selection_add(ssmq_selection *s, const ssmq_tensor *x, ssmq_pick pick);
/* Once all values have been shown, and before the lists are filled. */
void ssmq_selection_sort(ssmq_selection *s);
/* Fills the entries begin .. end, counted through all lists; threads may share them. */
void ssmq_selection_fill(const ssmq_selection *s, int64_t begin, int64_t end);

#ifdef __cplusplus
}
#endif
