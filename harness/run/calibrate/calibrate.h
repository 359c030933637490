/* Calibration: observers at sites, shown one forward pass per sample.  What each sample gave is kept. */
#pragma once
#include "harness/backend/backend.h"
#include "harness/contract/method.h"
#include "harness/data/dataset.h"
#include "harness/run/calibrate/gram.h"
#include "harness/run/listener.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One observer at one site, filled by ssmq_calibration_run(). */
typedef struct ssmq_observation {
    int32_t              site;
    const ssmq_observer *observer;
    ssmq_qspec           spec;
    int64_t              units;  /* that share a scale: channels under scope channel, else 1         */
    ssmq_range          *value;  /* [n] range in each sample, as measured (before raising)           */
    float               *weight; /* [n] what each sample counted for in high; sum 1                  */
    ssmq_range          *range;  /* [units] all samples combined                                      */
    bool                 raised; /* some sample's range was raised to SSMQ_AMAX_MIN                   */

    /* Of the pass. */
    int32_t     question; /* number of what its statistic is asked, in the pass; -1: it replays */

    /* By channel value and weight are NULL: what samples gave is combined in their order, one after the other
     * unless the way to combine them needs all at once. */
    const struct ssmq_combined *combined; /* known of all samples together, which are then not looked at; or NULL */
    double     *state; /* [2][units] low and high of samples before next, or */
    ssmq_range *all;   /* [n][units]                                         */
    int64_t     next;
} ssmq_observation;

struct ssmq_calibration {
    ssmq_arena        *arena;
    const ssmq_model  *model;
    ssmq_observation **at;     /* [n_observation] in the order they were asked for */
    int32_t            n_observation, capacity;
    ssmq_gram         *gram;   /* [n_gram] in the order they were asked for */
    int32_t            n_gram;
    int64_t            n;      /* samples seen */
    struct ssmq_replay *replay; /* lent; NULL: every sample is run */
    int32_t            batch;   /* samples that run at once where they are equally long; 0: 1 */
    const char        *account; /* after the run: where its numbers come from, for the log */
};

ssmq_calibration *ssmq_calibration_new(const ssmq_model *m);
void              ssmq_calibration_free(ssmq_calibration *c); /* accepts NULL */

/* Runs the model over every sample that the replay does not know, in floating point but with the plan's
 * transforms (rotations, divisions), and shows the watched sites to their observers, without the channels that the plan keeps in
 * floating point (under scope channel, with them).  No number depends on the replay or the batch.  NUMERIC as ssmq_exec_site();
 * MEMORY.
 * Where second moments are asked for, weights are quantised as far as the plan has their scales. */
SSMQ_MUST_USE ssmq_status ssmq_calibration_run(ssmq_calibration *c, ssmq_backend *be,
                                               const ssmq_plan *plan, const ssmq_samples *samples,
                                               const ssmq_listener *listener);

/* The observation of a site under an observer, by its text, for a spec; NULL if it was not watched. */
const ssmq_observation *ssmq_calibration_find(const ssmq_calibration *c, int32_t site,
                                              const char *observer, const ssmq_qspec *spec);

#ifdef __cplusplus
}
#endif
