/* The parts of a calibration, for calibrate*.c only: what is known already (calibrate_ranges.c), the forward
 * pass over the samples that are not (calibrate_pass.c), and ranges out of both. */
#pragma once
#include "harness/run/calibrate/calibrate.h"
#include "harness/run/calibrate/replay.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_calibration_work {
    ssmq_calibration    *c;
    const ssmq_plan     *plan;
    ssmq_backend        *be;
    const ssmq_samples  *samples;
    const ssmq_listener *listener;
    ssmq_pass           *pass;
    ssmq_pass_sample   **slot;     /* [samples->n] of the pass                                     */
    bool                *recorded; /* [n_site] is the site watched by a statistic that replays?    */
    ssmq_wanted         *wanted;   /* [n_site] what its records are to hold                        */
    int64_t             *todo;     /* [n_todo] samples to be run, ascending                        */
    int64_t              n_todo;
    char                 order[SSMQ_SHA256_HEX]; /* of the samples' digests, in order              */
    ssmq_histogram      *half;     /* [2] scratch                                                  */
    ssmq_range         **shown;    /* [n_observation] by channel, of the samples under way, for the journal: *
                                    * [batch][units]; NULL: none, or nothing is kept                      */
    char                 tag[17];  /* what the journal knows the pass by                           */
} ssmq_calibration_work;

/* Finds the samples in the pass and fills in todo and c->account. */
void ssmq_calibration_look_up(ssmq_calibration_work *w);
/* Runs the samples of todo and measures what is watched.  NUMERIC; MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_calibration_forward(ssmq_calibration_work *w);
/* Ranges of all samples, and together, once all samples are known. */
void ssmq_calibration_conclude(ssmq_calibration_work *w);

/* The same samples after a kill (calibrate_resume.c): takes those of todo, from the first on, that the journal
 * knows; returns how many.  Only where there is a replay, which knows the pass.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_calibration_resume(ssmq_calibration_work *w, int64_t *n);
/* Keeps the n samples of todo, from first on, that ran together.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_calibration_keep(ssmq_calibration_work *w, int64_t first, int64_t n);

static inline int64_t ssmq_calibration_batch(const ssmq_calibration *c)
{
    return c->batch > 1 ? c->batch : 1;
}

/* Where an observation's ranges by channel of sample number at of todo stand in w->shown, which is not NULL. */
static inline ssmq_range *ssmq_calibration_shown(const ssmq_calibration_work *w, int32_t observation, int64_t at)
{
    return w->shown[observation] + at % ssmq_calibration_batch(w->c) * w->c->at[observation]->units;
}

/* The range of a channel in a sample is combined with those of the samples before. */
void ssmq_observation_fold(ssmq_observation *o, int64_t sample, int64_t unit, ssmq_range r, bool *raised);
/* What a range by channel, or one that comes from the tensor only, is known by. */
const char *ssmq_observation_question(const ssmq_calibration *c, const ssmq_observation *o);
/* The magnitude of an end of a range, raised where the statistic asks for it. */
ssmq_range ssmq_observation_raised(const ssmq_observation *o, ssmq_range r, bool *raised);

#ifdef __cplusplus
}
#endif
