/* The accumulators of a pass under way, kept now and then, so that a run that is killed or stopped goes on behind a
 * sample and not at the first one.
 *
 * Keeping them takes as long as writing them: 16 MiB for a layer of mamba-130m with everything on.  It is done
 * after the first sample of a pass, and then after a sample, but not before 20 times as long has passed as the last
 * time took: a twentieth of the time, and a kill loses no more than that and a sample.  A signal that asks to end
 * loses nothing. */
#pragma once
#include "harness/run/listener.h"
#include "harness/run/statistics/site_stats.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of a site. */
typedef struct ssmq_watched {
    bool            statistics; /* are there any? */
    ssmq_site_stats stats;
    float          *sample_absmax; /* [samples] */
} ssmq_watched;

typedef struct ssmq_collect_sums {
    const ssmq_listener *listener;
    ssmq_watched        *at;         /* [end] lent; those from first on are of the pass */
    int32_t              first, end;
    int64_t              kept;       /* samples that are in what was kept   */
    double               ended, cost; /* of the last time, monotonic seconds */
} ssmq_collect_sums;

/* Fills freshly opened statistics with those of the first *samples samples, 0: none are kept.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_collect_sums_take(ssmq_collect_sums *s, int64_t *samples);
/* The first so many samples are done; now: keep them in any case.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_collect_sums_keep(ssmq_collect_sums *s, int64_t samples, bool now);

#ifdef __cplusplus
}
#endif
