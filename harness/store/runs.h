/* Finished and unfinished runs as they lie on disk, for subcommands that only read. */
#pragma once
#include "harness/base/arena.h"
#include "harness/store/rundir.h"
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_stored_run {
    const char     *path; /* its directory */
    ssmq_run_status status;
    ssmq_summary    summary;  /* of a run that wrote none: what status.json says, no evaluations */
    ssmq_json       manifest; /* root NULL: the run wrote none                                 */
    int32_t         place;    /* in the frozen list beside it; -1: not in it                   */
} ssmq_stored_run;

typedef struct ssmq_stored {
    bool             sweep; /* the directory holds runs, and is not one itself */
    ssmq_stored_run *run;   /* in the order in which they started (at once: of the frozen list) */
    int32_t          n;
    int32_t          damaged; /* of them, of which nothing is known but that: status "damaged", and the reason */
} ssmq_stored;

/* Reads a run's directory (or the run.h5 in it), or one that holds runs.  *out is the arena's, but
 * for the manifests: ssmq_stored_close().  INPUT if there is no run, DAMAGED if a file of one
 * that stands alone cannot be read back: among others it keeps none of them from being read. */
SSMQ_MUST_USE ssmq_status ssmq_stored_open(const char *path, ssmq_arena *arena, ssmq_stored *out);
void                      ssmq_stored_close(ssmq_stored *s);
/* For whoever reads more than summaries: runs among others that are done, but whose run.h5 is missing or no file of theirs,
 * are damaged too. */
void ssmq_stored_look_at_results(ssmq_stored *s, ssmq_arena *arena);
/* For whoever has shown the others: DAMAGED where one of several runs is, with what is wrong with the first. */
SSMQ_MUST_USE ssmq_status ssmq_stored_whole(const ssmq_stored *s);
/* The same of directories whose results other processes have read [n]. */
SSMQ_MUST_USE ssmq_status ssmq_stored_check(const char *const *path, int32_t n);

#ifdef __cplusplus
}
#endif
