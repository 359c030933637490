/* Where a run stands, told from its directory alone, whatever state that is in. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/json.h"
#include "harness/store/lease.h"
#include "harness/store/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_overview {
    const char *path, *id, *name;
    const char *status;           /* of status.json; "unreadable"; "damaged": done without a summary */
    const char *mode, *recipe;    /* of a run that has a summary; or NULL */
    const char *reason, *stage;   /* or NULL; why it is unreadable, damaged */
    const char *started, *updated; /* UTC; or NULL */
    int64_t     age_s;            /* since updated; -1: unknown */
    int64_t     started_s;        /* since 1970; -1: unknown    */
    ssmq_run_progress progress;   /* of the stage, of a run that is not done */
    int32_t     place;            /* in the list of the sweep; -1: in none */
    const char *log;              /* last line of log.txt, or NULL */
    bool        held;             /* there is a lease */
    ssmq_lease_holder holder;
    bool        killed;           /* says running, but nobody is */
} ssmq_overview;

/* Those of all runs that a path names (folders.h), in the order in which they started (at once: of the list), then those that a
 * sweep.json in it lists and that have not begun ("queued"); *out is the arena's.
 * INPUT if there are none. */
SSMQ_MUST_USE ssmq_status ssmq_overview_all(const char *path, ssmq_arena *arena, ssmq_overview **out,
                                            int32_t *n);

/* "running", "killed", ...: the status for people. */
const char *ssmq_overview_state(const ssmq_overview *v);

/* An object: id, name, status, mode, recipe, directory, reason, stage, started, updated, age_s, log, progress, lease. */
void ssmq_overview_put(ssmq_json_writer *w, const ssmq_overview *v);

/* "12 s", "3 min", "5 h", "8 d"; "-" for -1. */
#define SSMQ_AGE_TEXT 24
void ssmq_age_text(int64_t seconds, char text[SSMQ_AGE_TEXT]);

#ifdef __cplusplus
}
#endif
