/* What the runs of an experiment share: one load, one tokenizer, one set of samples, one backend; each
 * made when it is first asked for. */
#pragma once
#include "harness/data/checkpoint.h"
#include "harness/run/experiment.h"
#include "harness/run/listener.h"
#include "harness/run/replay.h"
#include "harness/store/provenance.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_session {
    const ssmq_experiment *e;
    const ssmq_catalogue  *cat;
    const ssmq_listener  *listener; /* may be NULL */
    ssmq_arena           *arena;
    ssmq_model           *base;
    ssmq_checkpoint      *checkpoint;
    ssmq_tokenizer       *tokenizer;
    ssmq_samples          samples;
    ssmq_backend         *be;
    const char           *cache;  /* folder of what calibration measured; NULL: it is not kept, not even *
                                   * from run to run; set before the first run is prepared              */
    ssmq_replay          *replay; /* NULL: no run calibrates, or cache is                                */
} ssmq_session;

void ssmq_session_open(const ssmq_experiment *e, const ssmq_catalogue *cat,
                       const ssmq_listener *listener, ssmq_session *out);
void ssmq_session_close(ssmq_session *s);

/* Makes everything ready that a run needs; all runs of an experiment have the same model, tokenizer,
 * calibration and backend.  INPUT, UNSUPPORTED, MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_session_prepare(ssmq_session *s, const ssmq_run *run);

/* The files that decide a run's numbers, with the sums and sizes that its id stands for, in a fixed order;
 * the arena's.  Returns how many. */
int32_t ssmq_session_files(ssmq_session *s, const ssmq_run *run, const ssmq_input_file **file);

#ifdef __cplusplus
}
#endif
