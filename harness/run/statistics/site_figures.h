/* The statistics of a site of one layer, read off: what stays of ssmq_site_stats. */
#pragma once
#include "harness/base/arena.h"
#include "harness/run/statistics/site_stats.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of each channel: what box and percentile figures need. */
#define SSMQ_CHANNEL_QUANTILES 9
extern const double ssmq_channel_quantile[SSMQ_CHANNEL_QUANTILES]; /* in per cent, ascending */

typedef struct ssmq_channel_figures { /* [channels] each; NaN where no value is finite */
    float *absmax, *min, *max, *mean, *var, *kurtosis;
    float *quantile;       /* [channels][SSMQ_CHANNEL_QUANTILES]        */
    float *quantile_error; /* how far the exact ones may be away, at most */
} ssmq_channel_figures;

/* Of a state by index, and of each channel and index; NaN where no value is finite. */
typedef struct ssmq_state_figures {
    float *absmax, *min, *max, *mean, *var, *kurtosis; /* [states]           */
    float *cell_absmax, *cell_mean, *cell_var;         /* [channels][states] */
} ssmq_state_figures;

/* The channels with the largest magnitudes, the largest first. */
typedef struct ssmq_top_figures {
    int32_t  n;
    int32_t *channel;
    float   *absmax;
    float   *share;       /* of the site's squared norm                                */
    float   *persistence; /* share of samples in which it was among the n largest ones */
} ssmq_top_figures;

typedef struct ssmq_site_figures {
    int32_t              site;
    ssmq_site_shape      shape;
    int64_t              n_tokens, n_samples; /* of a weight 0 */
    uint64_t             n_values, n_zero, n_nonfinite, n_clipped;
    bool                 clip_known;
    double               absmax, min, max;    /* of finite values; NaN where there is none */
    ssmq_moments         moments;
    double              *abs_quantile, *quantile;             /* [spec's n_quantile]                    */
    double              *abs_quantile_error, *quantile_error; /* how far the exact ones may be away     */
    int32_t              first_bin, n_bin;    /* bins of ssmq_histogram; what lies outside is empty     */
    uint64_t            *hist, *hist_neg;     /* [n_bin] values from 0 up; magnitudes of negative values */
    ssmq_channel_figures channel;             /* NULLs where not asked for                              */
    ssmq_state_figures   state;
    ssmq_top_figures     top;
    float               *sample_absmax;       /* [n_samples]; NULL of a weight                          */
} ssmq_site_figures;

/* All arrays are the arena's.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_site_figures_of(const ssmq_site_stats *s, const ssmq_collect_spec *spec,
                                               ssmq_arena *arena, ssmq_site_figures *out);

#ifdef __cplusplus
}
#endif
