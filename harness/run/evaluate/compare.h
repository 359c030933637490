/* A quantised model paired with the float one: both see the same tokens, and what they make of each
 * target is compared token by token.  No logits are kept: two rows go in, three numbers come out.
 *
 *   kl       sum_v p(v) (ln p(v) - ln q(v)), in nats: p is float's distribution, q the other one
 *   delta_p  q(target) - p(target)
 *   top1     is q's most likely token p's?  The first of several equally likely ones counts.
 *
 * Logits are f32, everything after them float64. */
#pragma once
#include "harness/backend/cpu/pool.h"
#include "harness/base/stats.h"
#include "harness/run/experiment/experiment.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_compared_token {
    double kl; /* >= 0; exactly 0 for equal rows; infinite where q gives nothing to what p gives something */
    double delta_p;
    bool   top1;
} ssmq_compared_token;

/* n >= 1 logits of each, in the order of the vocabulary; 0 <= target < n. */
ssmq_compared_token ssmq_compare_rows(const float *with_float, const float *logits, int64_t n,
                                      int32_t target);

/* ---- an evaluation, window by window ---- */

/* Figures of all windows so far, in the order of the text; token arrays are [first[windows]]. */
typedef struct ssmq_comparison {
    int64_t  targets; /* predicted tokens of a window, at most */
    int64_t  windows, capacity, token_capacity;
    int64_t *first;   /* [windows + 1] where the predicted tokens of each begin               */
    double  *window_nll_float; /* [windows] float's mean loss, nats                           */
    double  *window_kl, *window_delta_p, *window_top1; /* [windows] means over tokens         */
    double  *window_square;    /* [windows] mean of delta_p squared                           */
    float   *token_kl, *token_delta_p;
    uint8_t *token_top1;       /* 0 or 1                                                      */

    ssmq_compare_score  all;
    ssmq_compare_score *subset; /* one for each subset of the data, or NULL                   */

    double *kl, *delta_p; /* [targets] of the window under way */
} ssmq_comparison;

ssmq_comparison *ssmq_comparison_new(int64_t targets); /* of a window, at most */
void             ssmq_comparison_free(ssmq_comparison *c); /* accepts NULL */

/* Rows first .. first + n of the window under way: logits (n, V) of both, on the host, contiguous, and
 * the n targets.  Nothing depends on the number of the pool's threads. */
void ssmq_comparison_rows(ssmq_comparison *c, ssmq_pool *pool, int64_t first,
                          const ssmq_tensor *with_float, const ssmq_tensor *logits,
                          const int32_t *target);
/* The window is complete, with all of its targets: nll is float's mean loss in it, in nats. */
void ssmq_comparison_window(ssmq_comparison *c, int64_t targets, double nll);

/* What a window left here, as bytes of this machine's layout: so many for its targets, those of window w, and added as
 * the next window. */
size_t ssmq_comparison_bytes(int64_t targets);
void   ssmq_comparison_pack(const ssmq_comparison *c, int64_t w, unsigned char *out);
void   ssmq_comparison_unpack(ssmq_comparison *c, int64_t targets, const unsigned char *bytes);

/* What figures are taken from. */
typedef struct ssmq_compare_basis {
    const ssmq_compare_spec *spec;
    const char              *evaluation; /* its id: draws of two evaluations have nothing in common */
    uint64_t                 seed;       /* of the run */
    const double            *window_nll; /* [windows] of the compared model */
    const int32_t           *window_subset; /* [windows] */
    int32_t                  n_subset;
    ssmq_weighing            by; /* [windows] what they count */
} ssmq_compare_basis;

/* Fills all and subset. */
void ssmq_comparison_conclude(ssmq_comparison *c, const ssmq_compare_basis *basis);

/* ---- statistics ---- */

/* The quantile p (0..1) of n >= 1 sorted values, interpolated linearly between the two nearest ranks. */
double ssmq_sorted_quantile(const float *sorted, int64_t n, double p);

/* 95 % interval of the mean of y [n], or of sum y / sum w where w [n] is not NULL: the 2.5 and 97.5 percentile,
 * interpolated linearly, of those of `resamples` samples of n values drawn with replacement (the percentile method of
 * Efron, Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13).  The draws are those of seed and purpose, so that models
 * compared over the same windows share them.  NaN for n < 2 or no resamples. */
void ssmq_bootstrap(const double *y, const double *w, int64_t n, int32_t resamples, uint64_t seed,
                    const char *purpose, double *low, double *high);

#ifdef __cplusplus
}
#endif
