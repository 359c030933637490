/* What an experiment would take, told before anything is loaded: which runs are finished, and how long, how much
 * memory and how much room the others need, from runs like them that are finished in the same folder. */
#pragma once
#include "harness/run/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssmq_run_due { SSMQ_DUE_FINISHED, SSMQ_DUE_TO_RUN, SSMQ_DUE_UNSUPPORTED } ssmq_run_due;
extern const char *const ssmq_run_dues[]; /* "finished", "to run", "unsupported", NULL */

/* Of a finished run what it took; of one to run the median of its like: finished runs of this experiment with the same
 * model, mode, evaluations, comparison and collection, whatever their recipes.  -1, NAN: not known. */
typedef struct ssmq_forecast_run {
    ssmq_run_due due;
    double       seconds; /* wall time, with the threads and on the host that it had then */
    int64_t      disk;    /* bytes of its folder's results                                */
    int64_t      memory;  /* bytes at its peak                                            */
    bool         computed; /* memory is no measurement: see ssmq_forecast_make()          */
    int32_t      like;    /* how many runs that is from                                   */
} ssmq_forecast_run;

typedef struct ssmq_forecast {
    ssmq_forecast_run *run;   /* [e->n_run] */
    int32_t            n[3];  /* runs of each ssmq_run_due */
    double             seconds; /* of those to run, all together; NAN: of none of them it is known */
    int32_t            unknown; /* of how many of those to run the time is not known               */
    int64_t            disk, memory; /* of those to run: sum and maximum of what is known; -1     */
} ssmq_forecast;

/* OUT/NAME is where the runs lie or will lie.  Memory that was never measured is computed: weights in f32, once more
 * for a recipe that may rewrite them all, a block of logits for each model that runs, and what is dumped; states,
 * activations, what calibration holds and the program itself come on top.  All of *out is the arena's.  INPUT, UNSUPPORTED: the model. */
SSMQ_MUST_USE ssmq_status ssmq_forecast_make(const ssmq_experiment *e, const ssmq_catalogue *cat, const char *out,
                                             ssmq_arena *arena, ssmq_forecast *f);

#ifdef __cplusplus
}
#endif
