/* The directory of one run, OUT/NAME/RUN-ID/, and its status:
 *
 *   source/         the YAML files as given
 *   resolved.yaml   what was run, every default written out
 *   manifest.json   provenance (provenance.h)
 *   status.json     how far it is; replaced as a whole
 *   lease           while a writer lives: its host, process and heartbeat
 *   run.h5          the results (store.h)
 *   summary.json    the numbers that people copy (summary.h)
 *   log.txt
 *   journal.jsonl   what was computed when; until the run is done, with journal.bin and .sums, for going on (journal.h)
 *
 * One directory has one writer.  A writer holds the lease, a file made by exclusive creation, as
 * many file systems of clusters have no working flock(); its time of change is the heartbeat. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* name, as written in files */
#define SSMQ_RUN_STATE_LIST(X)                                    \
    X(QUEUED, "queued")                                           \
    X(RUNNING, "running")                                         \
    X(STOPPED, "stopped")         /* early; can be resumed */     \
    X(DONE, "done")                                               \
    X(FAILED, "failed")                                           \
    X(UNSUPPORTED, "unsupported") /* valid, but not offered */

typedef enum ssmq_run_state {
#define X(name, text) SSMQ_RUN_##name,
    SSMQ_RUN_STATE_LIST(X)
#undef X
} ssmq_run_state;

const char *ssmq_run_state_name(ssmq_run_state state);

/* status.json.  Times are UTC, ISO 8601. */
typedef struct ssmq_run_status {
    const char    *id, *name; /* name: for people, "quamba, fake"                  */
    ssmq_run_state state;
    const char    *reason; /* why it is STOPPED, FAILED or UNSUPPORTED; or NULL    */
    const char    *stage;  /* "calibration", "evaluation wt2"; or NULL             */
    const char    *started, *updated;
} ssmq_run_status;

/* All of *out lives in a.  INPUT, naming file and key, if it is missing or malformed. */
SSMQ_MUST_USE ssmq_status ssmq_run_status_read(const char *path, ssmq_arena *a,
                                               ssmq_run_status *out);

typedef struct ssmq_rundir ssmq_rundir;

/* OUT/NAME/ID, appended to path.  CONFIG if name or id cannot be the name of a folder. */
SSMQ_MUST_USE ssmq_status ssmq_rundir_place(const char *out, const char *name, const char *id,
                                            ssmq_str *path);

/* Is the run in this folder finished: status done, run.h5 and summary.json there? */
bool ssmq_rundir_finished(const char *path);

/* Bytes that this user may still write into a folder, or where it would be made; -1: nobody can tell. */
int64_t ssmq_room_bytes(const char *folder);

/* Makes the folder, checks that it is writable and that need_bytes are free, takes the lease,
 * and removes what a killed writer left unfinished.  A dead process's lease is taken over: at
 * once where it ran on this host, after ten minutes without heartbeat where it ran on another.
 * HELD: another process holds the lease (named).  IO: not writable, or too little room. */
SSMQ_MUST_USE ssmq_status ssmq_rundir_open(const char *path, const char *run_id,
                                           const char *run_name, int64_t need_bytes,
                                           ssmq_rundir **out);
/* The same for a folder that holds runs, OUT/NAME: made, leased, without unfinished files; for its path and files
 * only, as it has no status. */
SSMQ_MUST_USE ssmq_status ssmq_rundir_hold(const char *path, ssmq_rundir **out);
/* Gives the lease back; accepts NULL.  The status stays as it was last set. */
void ssmq_rundir_close(ssmq_rundir *d);

const char *ssmq_rundir_path(const ssmq_rundir *d);
/* PATH/name, for the store and the summary; valid as long as d. */
const char *ssmq_rundir_file(ssmq_rundir *d, const char *name);

/* Replaces the file of that name as a whole. */
SSMQ_MUST_USE ssmq_status ssmq_rundir_write(ssmq_rundir *d, const char *name, const char *text,
                                            size_t n);
/* Writes the n bytes of a file, as they were read, into source/, under its own name; under "2-name", "3-name", ...
 * where a file of another folder has taken that.  IO if it cannot be written. */
SSMQ_MUST_USE ssmq_status ssmq_rundir_write_source(ssmq_rundir *d, const char *path, const char *text, size_t n);
/* Appends a line to log.txt, with the time before it. */
SSMQ_MUST_USE ssmq_status ssmq_rundir_log(ssmq_rundir *d, const char *line);

/* Replaces status.json, and is a heartbeat too.  reason, stage: or NULL. */
SSMQ_MUST_USE ssmq_status ssmq_rundir_set_status(ssmq_rundir *d, ssmq_run_state state,
                                                 const char *reason, const char *stage);
/* To be called now and then while running; does something every 30 s.  IO if the lease was lost:
 * someone took this process for dead, and it must not go on writing. */
SSMQ_MUST_USE ssmq_status ssmq_rundir_beat(ssmq_rundir *d);

#ifdef __cplusplus
}
#endif
