/* The accumulators of a pass under way, kept after every sample, so that a run that is killed goes on behind the last
 * one that was done.  Sites that are neighbours make a part of the file (harness/store/sums.h); threads write different parts. */
#pragma once
#include "harness/run/listener.h"
#include "harness/run/statistics/site_stats.h"
#include "harness/store/sums.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of a site. */
typedef struct ssmq_watched {
    bool            statistics; /* are there any? */
    int64_t         known;      /* samples that are in them from before; the others are to be shown */
    ssmq_site_stats stats;
    float          *sample_absmax; /* [samples] */
} ssmq_watched;

/* Is this sample still to be shown to it? */
static inline bool ssmq_watches(const ssmq_watched *w, int64_t sample)
{
    return w->statistics && sample >= w->known;
}

/* Zeroed memory is one that keeps nothing. */
typedef struct ssmq_collect_sums {
    ssmq_backend   *be;
    ssmq_watched   *at;    /* [end] lent; those from first on are of the pass */
    int32_t        *begin; /* [parts + 1] the first site of each part         */
    int32_t         parts, most; /* most: sites of a part */
    ssmq_sums      *file;
    ssmq_sums_room *room;  /* [be->threads] */
    double          synced, cost; /* the last time: when it ended, how long it took; monotonic seconds */
} ssmq_collect_sums;

/* For freshly opened statistics of the sites first .. end - 1; fills those in that were kept.  *samples: so many are in
 * all of them.  Where nothing is kept *out is zeroed.  MEMORY, IO. */
SSMQ_MUST_USE ssmq_status ssmq_collect_sums_open(const ssmq_listener *l, ssmq_backend *be, ssmq_watched *at,
                                                 int32_t first, int32_t end, ssmq_collect_sums *out,
                                                 int64_t *samples);
/* The first so many samples are done.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_collect_sums_keep(ssmq_collect_sums *s, int64_t samples);
void                      ssmq_collect_sums_close(ssmq_collect_sums *s);

#ifdef __cplusplus
}
#endif
