/* Statistics of the values at one site of one layer: filled sample by sample, and then read off.
 *
 * The values of a sample are rows x channels x inner: rows are its tokens and inner is 1 at an activation;
 * a state has the N numbers of each channel as inner.  A weight is one sample: the columns of a linear
 * layer's weight are its channels, its rows are what tokens are elsewhere; a weight of the convolution or the
 * scan has a row for each channel, whose numbers are inner.
 *
 * Everything is exact but for the rounding of float64 sums, which are formed in one order, and for quantiles,
 * which are read off histograms.  Nothing depends on the number of threads or, but for sample_absmax and
 * persistence, on how values are cut into samples beyond the rounding of sums.
 *
 * Memory: 512 KiB where a histogram is kept, and for each channel 56 bytes and, for quantiles of channels,
 * 0.9 KiB, 2.7 KiB from 65536 values of a channel on (channel_bins.h); of a state that is looked at by index, 56 bytes
 * for each channel and index. */
#pragma once
#include "harness/backend/backend.h"
#include "harness/contract/method.h"
#include "harness/run/calibrate/channel_bins.h"
#include "harness/run/experiment/collect_spec.h"
#include "harness/tensor/histogram.h"
#include "harness/tensor/moments.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the values of a tensor are laid out. */
typedef struct ssmq_site_shape {
    int64_t     rows; /* of a weight; elsewhere 0: tokens */
    int64_t     channels, inner;
    const char *axes; /* names, "sample,token,channel"; those of a weight have no sample */
} ssmq_site_shape;

ssmq_site_shape ssmq_site_shape_of(const ssmq_model *m, int32_t site);

/* What threads need while they work, shared by all sites. */
typedef struct ssmq_stats_worker ssmq_stats_worker;

typedef struct ssmq_stats_workers {
    ssmq_stats_worker *worker; /* [n] one for each thread of the backend */
    int32_t            n;
    int64_t            rows;   /* numbers of a channel in a block        */
    const struct ssmq_stats_loops *loops;
} ssmq_stats_workers;

/* For sites whose inner is at most so long.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_stats_workers_open(const ssmq_backend *be, int64_t inner,
                                                  ssmq_stats_workers *out);
void                      ssmq_stats_workers_close(ssmq_stats_workers *w);

/* Beyond these a value is clipped: [channels]; NULL: not known. */
typedef struct ssmq_clip_limits {
    double *low, *high;
} ssmq_clip_limits;

typedef struct ssmq_site_stats {
    ssmq_site_shape  shape;
    int64_t          n_rows, n_samples;
    uint64_t         n_values, n_zero, n_nonfinite, n_clipped;
    float           *low, *high;    /* [channels] of finite values; +inf, -inf where there is none     */
    ssmq_moments    *moments;       /* [channels]                                                       */
    ssmq_histogram  *half;          /* [2] negative and other values; NULL: not kept                    */
    bool             with_bins;
    ssmq_channel_bins bins;
    int64_t         *late;          /* by SSMQ_CHANNEL_LANES channels, of the sample under way: rows that are in
                                     * bins; the others wait for the window to grow                     */
    int32_t          n_top;
    uint32_t        *among_top;     /* [channels] samples in which the channel was among the n_top       *
                                     * largest; the lower one of two that are equal, none that is silent */
    float           *sample_absmax; /* [channels] of the sample under way                                */
    ssmq_clip_limits clip;          /* lent; set before the first sample                                 */
    struct ssmq_site_stats *cells;  /* of a state: low, high and moments of each channel and index, which are its *
                                     * channels; NULL: not kept                                          */
} ssmq_site_stats;

/* Bytes behind one for so many rows, before its window grows. */
int64_t ssmq_site_stats_bytes(const ssmq_collect_spec *spec, const ssmq_site_shape *shape, int64_t rows);
/* MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_site_stats_open(const ssmq_collect_spec *spec,
                                               const ssmq_site_shape *shape, ssmq_site_stats *out);
void                      ssmq_site_stats_close(ssmq_site_stats *s);

/* Adds a sample: f32 on the host, whose rows may be strided.  *absmax: its largest magnitude.  MEMORY;
 * UNSUPPORTED after 2^32 - 1 values of a channel. */
SSMQ_MUST_USE ssmq_status ssmq_site_stats_add(ssmq_site_stats *s, ssmq_backend *be,
                                              ssmq_stats_workers *w, const ssmq_tensor *x, float *absmax);

#ifdef __cplusplus
}
#endif
