/* Which runs differ by more than noise: mean losses paired window by window. */
#pragma once
#include <stdbool.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/stats.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A difference counts where it is more than so many of its paired standard errors over windows. */
#define SSMQ_NOISE_SE 2

/* The dialect whose windows count by their tokens, those of a document together. */
#define SSMQ_BY_DOCUMENT "lm-eval"

/* What two runs of an evaluation need to be paired: the losses of the same windows. */
typedef struct ssmq_losses {
    const double *nll; /* [n] */
    int64_t       n;
    const char   *digest; /* of the tokens */
    ssmq_weighing by;     /* dialect lm-eval: tokens of the windows, and their documents */
} ssmq_losses;

/* An evaluation's losses from a run.h5, in the arena.  DAMAGED. */
SSMQ_MUST_USE ssmq_status ssmq_losses_read(const char *results, const char *evaluation,
                                           ssmq_arena *arena, ssmq_losses *out);
/* Mean of a - b over windows, counted as a's, and its standard error; false if they are not of the same tokens in the same
 * windows. */
bool ssmq_losses_pair(const ssmq_losses *a, const ssmq_losses *b, ssmq_arena *arena, double *mean,
                      double *se);

typedef struct ssmq_finished_run {
    const ssmq_summary *summary;
    const char         *directory; /* that holds its run.h5 */
} ssmq_finished_run;

/* The same of a run; DAMAGED too if its run.h5 is not that of the run, so that HDF5 does not see it. */
SSMQ_MUST_USE ssmq_status ssmq_losses_of(const ssmq_finished_run *run, const char *evaluation, ssmq_arena *arena,
                                         ssmq_losses *out);

/* Another quantised run against the best. */
typedef struct ssmq_rival {
    const char *name;
    double      ln_ratio, se; /* its mean loss less the best's; paired standard error over windows */
    const char *reason;       /* why the two cannot be paired; NULL: they can */
} ssmq_rival;

typedef struct ssmq_ranking {
    const char *best;  /* of the quantised runs; NULL: fewer than two have the evaluation */
    ssmq_rival *rival; /* [n] in the order of the runs */
    int32_t     n;
} ssmq_ranking;

/* The quantised runs of an evaluation against the one with the lowest mean loss, window by window: losses
 * are read back from their results.  In the arena. */
ssmq_ranking ssmq_rank(const ssmq_finished_run *run, int32_t n, const char *evaluation,
                       ssmq_arena *arena);

#ifdef __cplusplus
}
#endif
