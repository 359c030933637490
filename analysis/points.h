/* Figures of the runs of a table, one of each, for the kinds that are of whole sweeps. */
#pragma once
#include "analysis/kinds.h"

#ifdef __cplusplus
extern "C" {
#endif

/* From the least to the largest, from which on a metric without negative values is drawn on a logarithmic axis. */
#define SSMQ_POINTS_LOG_FROM 20

/* What is drawn of a run: a figure of an evaluation, or how far the run is from its baseline. */
typedef struct ssmq_metric_of {
    const char *name;       /* "ppl"                                    */
    const char *label;      /* of an axis, "perplexity"                 */
    int32_t     figure, se; /* of ssmq_score_figures; -1: none      */
} ssmq_metric_of;

/* The metric that --metric names, else this one; USAGE, with those that there are, if it is none. */
SSMQ_MUST_USE ssmq_status ssmq_points_metric(const ssmq_figure_request *rq, const char *fallback,
                                             ssmq_metric_of *out);

typedef struct ssmq_point {
    double value, se; /* NaN: none                                                    */
    bool   noise;     /* within 2 standard errors of the baseline, where that is what is drawn */
} ssmq_point;

/* Of the table's first column.  A run that is held against nothing differs from its baseline by nothing. */
ssmq_point ssmq_point_of(const ssmq_comparison *c, int32_t run, const ssmq_metric_of *metric);

/* Of each run what tells it from the others, "rot=true p=99", or the label that was given; [n_run], the
 * arena's. USAGE if there are labels for other than all runs with figures. */
SSMQ_MUST_USE ssmq_status ssmq_points_names(const ssmq_figure_request *rq, const char *const **out);

/* The same without one axis (-1: none): what is left tells curves apart.  "" if nothing. */
const char *ssmq_point_rest(const ssmq_comparison *c, int32_t run, int32_t axis, ssmq_arena *arena);

/* "wt2", and how it was measured, unless --title says otherwise. */
void ssmq_points_title(const ssmq_figure_request *rq, ssmq_figure *f);

/* The next row of the figure, of this run of the table. */
ssmq_cell *ssmq_points_row(ssmq_figure *f, const ssmq_comparison *c, int32_t run);

#ifdef __cplusplus
}
#endif
