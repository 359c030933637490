/* What runs will take, from shortened runs: of each one that is due a few windows and samples are
 * carried out, in order and in a process of its own, and what grows with their number is multiplied
 * up. */
#pragma once
#include "harness/run/experiment/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_trial {
    bool    done;    /* the rest is known                           */
    double  seconds; /* of the whole run                            */
    int64_t memory;  /* bytes, of the process up to and with it     */
    int64_t disk;    /* bytes of its results                        */
    int64_t journal; /* bytes besides, while it runs                */
    int64_t cached;  /* bytes that it adds to the cache of calibration and tokens, after those before it */
} ssmq_trial;

/* due [e->n_run]; out [e->n_run].  No run is begun once budget_s seconds have passed, and twice
 * that, in processor time of each thread, ends them all.  *spent_s: seconds that it took.  Results
 * lie in a folder under $TMPDIR (/tmp), which is removed. IO: there is no such folder.  What a
 * trial fails with is not reported: then it is not done. */
SSMQ_MUST_USE ssmq_status ssmq_trials_run(const ssmq_experiment *e, const ssmq_catalogue *cat,
                                          const bool *due, int budget_s, ssmq_trial *out,
                                          double *spent_s);

#ifdef __cplusplus
}
#endif
