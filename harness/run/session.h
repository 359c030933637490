/* What the runs of an experiment share: a load, a tokenizer, a set of samples, a backend for all runs that want
 * the same; each made when it is first asked for.  Of models only the one that is in use is kept. */
#pragma once
#include "harness/data/checkpoint.h"
#include "harness/run/calibrate/replay.h"
#include "harness/run/evaluate/hidden_cache.h"
#include "harness/run/evaluate/texts.h"
#include "harness/run/experiment/experiment.h"
#include "harness/run/listener.h"
#include "harness/store/provenance.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_session {
    const ssmq_experiment *e;
    const ssmq_catalogue  *cat;
    const ssmq_listener  *listener; /* may be NULL */
    ssmq_arena           *arena;
    const char           *cache;  /* folder of what calibration measured, of tokens and of the float model's hidden    *
                                   * states; NULL: none is kept, and only tokens from run to run; set before a run is *
                                   * prepared                                                                         */
    int32_t               threads; /* in place of each run's own; 0: that one's */
    /* What the run that was prepared last works with: */
    ssmq_model           *base;
    ssmq_checkpoint      *checkpoint;
    ssmq_texts           *texts;     /* of all runs, with this one's tokenizer                     */
    ssmq_samples          samples;   /* lent; n 0: it does not calibrate                           */
    ssmq_backend         *be;
    ssmq_replay          *replay;    /* NULL: the run does not calibrate; without a cache its own  */
    ssmq_hidden_cache    *hidden;    /* NULL: nobody is compared with the float model, or cache is */
    /* Everything there is (session.c): */
    const char            *model;    /* the directory that base is of */
    struct ssmq_held      *held;
    const char            *code;     /* NULL: not asked for yet */
} ssmq_session;

void ssmq_session_open(const ssmq_experiment *e, const ssmq_catalogue *cat,
                       const ssmq_listener *listener, ssmq_session *out);
void ssmq_session_close(ssmq_session *s);

/* Makes everything ready that a run needs, which is to be asked for right before it.  What other runs made ready
 * is used again.  INPUT, UNSUPPORTED, MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_session_prepare(ssmq_session *s, const ssmq_run *run);

/* Is a run compared with float, or another one of the experiment with what this float run computes? */
bool ssmq_session_shares_float(const ssmq_experiment *e, const ssmq_run *run);

/* What the code is, for keys of what runs share (code.h). */
const char *ssmq_session_code(ssmq_session *s);

/* The files that decide a run's numbers, with the sums and sizes that its id stands for, in a fixed order;
 * the arena's.  Returns how many. */
int32_t ssmq_session_files(ssmq_session *s, const ssmq_run *run, const ssmq_input_file **file);

#ifdef __cplusplus
}
#endif
