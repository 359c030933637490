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
    ssmq_wanted_channels *channels; /* [n_site] the same by channel                                */
    int64_t             *todo;     /* [n_todo] samples to be run, ascending                        */
    int64_t              n_todo;
    char                 order[SSMQ_SHA256_HEX]; /* of the samples' digests, in order              */
    ssmq_histogram      *half;     /* [2] scratch                                                  */
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

static inline bool ssmq_observation_by_channel(const ssmq_observation *o)
{
    return o->spec.scope == SSMQ_SCOPE_CHANNEL;
}

/* Is it measured of the samples that run?  Not where it is known of all of them together. */
static inline bool ssmq_observation_asks_channels(const ssmq_observation *o)
{
    return ssmq_observation_by_channel(o) && !o->combined;
}

/* Are records by channel made at a site? */
bool ssmq_calibration_records_channels(const ssmq_calibration *c, int32_t site);
/* The ranges by channel of the samples before end that were not yet, combined with those before them; units
 * begin .. end_unit, which threads may share.  All these samples are known.  *raised is set where a range was. */
void ssmq_observation_fold(const ssmq_calibration_work *w, ssmq_observation *o, int64_t end, int64_t begin,
                           int64_t end_unit, bool *raised);
/* What a sample gave by channel is dropped if the pass is to hold no more. */
void ssmq_calibration_limit(ssmq_calibration_work *w, int64_t sample);
/* Has a sample, known or just measured, the ranges of an observation by channel? */
bool ssmq_observation_has(const ssmq_calibration_work *w, const ssmq_observation *o, int64_t sample);
/* What an observation asks of a sample, as text. */
const char *ssmq_observation_question(const ssmq_calibration *c, const ssmq_observation *o);

#ifdef __cplusplus
}
#endif
