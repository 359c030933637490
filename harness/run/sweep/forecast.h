/* What an experiment would take, told before anything is loaded: which runs are finished, and how long, how much
 * memory and how much room the others need, from runs like them that are finished in the same folder. */
#pragma once
#include "harness/run/experiment/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssmq_run_due { SSMQ_DUE_FINISHED, SSMQ_DUE_TO_RUN, SSMQ_DUE_TO_RESUME, SSMQ_DUE_UNSUPPORTED, SSMQ_DUES } ssmq_run_due;
extern const char *const ssmq_run_dues[]; /* "finished", "to run", "to resume", "unsupported", NULL */

/* Of a finished run what it took; of one to run the median of its like: finished runs of this experiment with the same
 * model, mode, evaluations, comparison and collection, whatever their recipes.  -1, NAN: not known. */
typedef struct ssmq_forecast_run {
    ssmq_run_due due;
    double       seconds; /* wall time, with the threads and on the host that it had then */
    int64_t      disk;    /* bytes of its folder's results                                */
    int64_t      journal; /* bytes besides, while it runs                                 */
    int64_t      memory;  /* bytes at its peak                                            */
    bool         computed; /* memory is no measurement: see ssmq_forecast_make()          */
    bool         tried;    /* it is all from a trial (harness/run/sweep/trial.h)                 */
    int32_t      like;    /* how many runs that is from                                   */
    int32_t      texts, stored; /* texts that it reads; those whose tokens are in the cache */
    int64_t      hidden;  /* bytes that it adds to the cache of what the float model's head reads: of runs that share that, *
                           * the first's */
    int64_t      samples; /* that calibration has kept of the model before any step; -1: it does not calibrate */
} ssmq_forecast_run;

/* Is it to be carried out? */
bool ssmq_forecast_due(const ssmq_forecast_run *r);
/* Do two runs see the same windows, and measure the same speeds? */
bool ssmq_forecast_same_evaluations(const ssmq_run *a, const ssmq_run *b);

typedef struct ssmq_forecast {
    ssmq_forecast_run *run;   /* [e->n_run] */
    int32_t            n[SSMQ_DUES]; /* runs of each ssmq_run_due */
    double             seconds; /* of those to run, all together; NAN: of none of them it is known */
    int32_t            unknown; /* of how many of those to run the time is not known               */
    int64_t            disk;    /* of those to run: the sum of what is known; -1                   */
    int64_t            journal, memory; /* likewise, of as many as run at once: the largest        */
    int64_t            hidden;  /* bytes that are added to the cache, likewise */
    int64_t            cached;  /* of calibration and tokens, by trials: added to the cache too     */
    int64_t            free;    /* bytes that this user may still write where results will lie; -1  */
    int32_t            tried;   /* trials that were carried out, which took trial_s */
    double             trial_s;
} ssmq_forecast;

typedef struct ssmq_forecast_request {
    const char *out, *cache; /* OUT/NAME is where the runs lie or will lie; cache NULL: there is none */
    int         workers;     /* runs at once, at least 1 */
    int         trial_s;     /* runs of which nothing is known are tried, for about so long; 0: they are not */
} ssmq_forecast_request;

/* What the runs that are due write at most at one time, as far as it is known. */
int64_t ssmq_forecast_room(const ssmq_forecast *f);

/* Memory that was never measured is computed: the weights that lie in memory, once more what a step rewrites or the
 * run is compared with, a block of logits and the activations of a layer for each model, what is dumped, and what
 * this process takes by itself.  All of *out is the arena's.  INPUT, UNSUPPORTED: the model.  IO: no trials. */
SSMQ_MUST_USE ssmq_status ssmq_forecast_make(const ssmq_experiment *e, const ssmq_catalogue *cat,
                                             const ssmq_forecast_request *request, ssmq_arena *arena,
                                             ssmq_forecast *f);

#ifdef __cplusplus
}
#endif
