/* The nine quantiles of each channel, which figures by channel are made of. */
#pragma once
#include "analysis/kinds.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_CHANNEL_LEVELS 9
extern const double ssmq_channel_levels[SSMQ_CHANNEL_LEVELS]; /* percent: 0, 0.01, 1, 25, ..., 100 */

typedef struct ssmq_channel_quantiles {
    const double     *value;   /* [n, 9], in the order of the figure            */
    const int64_t    *channel; /* [n]: which channel that is                  */
    int64_t           n;
    int32_t           layer;
    ssmq_figure_range range;
} ssmq_channel_quantiles;

/* Builds a figure with a series for each run: the columns site, layer, whole numbers of the kind, then p0 to p100,
 * scale, clip_low, clip_high, and the kind's real numbers; and what scripts know of all such figures.  before, behind:
 * names, NULL-terminated. */
typedef ssmq_status (*ssmq_channel_rows)(const ssmq_figure_request *rq, const ssmq_figure_run *run,
                                         const char *site, const ssmq_channel_quantiles *q, ssmq_figure *f);
SSMQ_MUST_USE ssmq_status ssmq_channel_quantiles_build(const ssmq_figure_request *rq,
                                                       const char *const *before, const char *const *behind,
                                                       ssmq_channel_rows add_rows, ssmq_figure *f);

#define SSMQ_CHANNEL_COLUMNS (SSMQ_CHANNEL_LEVELS + 3) /* p0 to clip_high */
/* Their cells. */
void   ssmq_channel_quantiles_cells(const double value[SSMQ_CHANNEL_LEVELS], const ssmq_figure_range *range,
                                    ssmq_cell *cell);
/* The largest magnitude of a channel's. */
double ssmq_channel_absmax(const double value[SSMQ_CHANNEL_LEVELS]);

#ifdef __cplusplus
}
#endif
