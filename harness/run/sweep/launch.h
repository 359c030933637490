/* The runs of an experiment as jobs of Slurm: a script that carries out one run, of a snapshot of the experiment,
 * and the jobs that it is submitted as. */
#pragma once
#include "harness/run/run.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_launch_request {
    const char    *program;  /* this program's file */
    const char    *snapshot; /* absolute (run/snapshot.h) */
    const char    *out;      /* directory of results, absolute */
    bool           cache;
    int32_t        array_limit; /* runs at once; 0: any number */
    const int32_t *run;      /* [n_run] indices into e->run, ascending: those that are to be carried out */
    int32_t        n_run;
} ssmq_launch_request;

#define SSMQ_LAUNCH_JOBS 3

/* One job: `sbatch OPTION... SCRIPT ARGUMENT`. */
typedef struct ssmq_launch_job {
    const char *what;      /* for people: "2 float runs"              */
    const char *array;     /* "1,3-8%4"; NULL: none                   */
    bool        after;     /* it begins when the job before has ended */
    const char *argument;  /* of the script: "run", "collect"         */
    int32_t     n_run;
} ssmq_launch_job;

/* The script; and the jobs in their order: float runs, if others are held against them, all other runs, and
 * what collects.  Returns how many.  Texts are the arena's. */
void    ssmq_launch_script(const ssmq_experiment *e, const ssmq_launch_request *r, ssmq_str *out);
int32_t ssmq_launch_jobs(const ssmq_experiment *e, const ssmq_launch_request *r, ssmq_arena *arena,
                         ssmq_launch_job job[SSMQ_LAUNCH_JOBS]);

#ifdef __cplusplus
}
#endif
