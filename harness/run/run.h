/* The runner: every run of an experiment in its own directory, OUT/NAME/ID/ (harness/store/rundir.h).
 * A run that is finished there is not run again. */
#pragma once
#include "harness/run/experiment/experiment.h"
#include "harness/run/listener.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a run ended: its figures, or why it has none. */
typedef struct ssmq_outcome {
    ssmq_summary summary; /* the arena's                                        */
    ssmq_status  status;  /* OK for "done"                                      */
    bool         skipped; /* it was finished before; the figures are from there */
    bool         other;   /* it was not asked for, or not started any more       */
    const char  *path;    /* its directory                                      */
} ssmq_outcome;

/* What the runner is told by the program, all lent. */
typedef struct ssmq_run_request {
    const char          *out;      /* where results lie, "runs"                                 */
    const char          *cache;    /* what calibration measured, and tokens, lie in it; NULL: not kept */
    const char *const   *argument; /* the command line, for provenance                          */
    int32_t              n_argument;
    const char *const   *variable; /* environment variables that took effect                    */
    int32_t              n_variable;
    const char *const   *only;     /* ids of the runs to run, NULL-terminated; none, NULL: all  */
    int32_t              max_failures; /* no further run is started after so many; 0: any number */
    int32_t              threads;      /* of each run; 0: as the experiment says */
    int32_t              retries;      /* how often a run is tried again that failed for want of something that *
                                        * may be there the next time                                         */
    int32_t              workers;      /* processes that carry runs out (run/workers.h); 0: this one */
    bool                 no_collect;   /* sweep.json, sweep.h5 and sweep.csv are another process's business */
    const ssmq_listener *listener; /* or NULL                                                   */
    void                *context;
    /* Before and after each run; may be NULL. */
    void (*starting)(void *context, const ssmq_run *run, int32_t index, int32_t n);
    void (*ended)(void *context, const ssmq_run *run, const ssmq_outcome *outcome);
    /* A line that the process of a run wrote to standard error; may be NULL. */
    void (*said)(void *context, const ssmq_run *run, const char *line);
} ssmq_run_request;

/* Runs them in order; outcome [e->n_run], in the arena, filled unless a failure is returned before the first run (all are
 * `other` then).  USAGE, with nothing run, for an id in `only` that no run has.  A run that fails is
 * recorded with its reason and does not keep the others from running: then the status is that of the
 * failures if all runs failed with the same one, else NUMERIC (a run failed: exit status 1).  What keeps
 * every run from starting (the model or the calibration samples cannot be had) is returned before the
 * first one does.  STOPPED where the listener's signal ended a run early, which says so in its status, or kept some
 * from starting, which stay queued.  A run that another living process carries out is put off until the others
 * are through, and then taken from there if it is finished; if it is not, it has not failed: its outcome is HELD, and
 * so is the status where no run failed.  Stored results that cannot be believed are made again, with a warning. */
SSMQ_MUST_USE ssmq_status ssmq_experiment_run(const ssmq_experiment *e, const ssmq_catalogue *cat,
                                              const ssmq_run_request *request, ssmq_arena *arena,
                                              ssmq_outcome *outcome);

/* The index of the float run that results of a run are held against (an alarm), which has to have ended before; -1: there
 * is none, or the float model runs beside it. */
int32_t ssmq_waits_for(const ssmq_experiment *e, int32_t run);

/* What the runs came to, from their directories, which other processes have filled: finished, skipped; failed,
 * with the reason; or else `other`. */
SSMQ_MUST_USE ssmq_status ssmq_experiment_look(const ssmq_experiment *e, const ssmq_run_request *request,
                                               ssmq_arena *arena, ssmq_outcome *outcome);
/* The same, adds alarms that runs lack since their float run came later, and rebuilds the files of the sweep; STOPPED if some are `other`, else as ssmq_experiment_run(). */
SSMQ_MUST_USE ssmq_status ssmq_experiment_collect(const ssmq_experiment *e, const ssmq_run_request *request,
                                                  ssmq_arena *arena, ssmq_outcome *outcome);

#ifdef __cplusplus
}
#endif
