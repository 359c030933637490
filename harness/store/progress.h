/* How far the stage of a run is, told from its journal alone. */
#pragma once
#include <stdint.h>
#include "harness/base/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_run_progress {
    int64_t done;  /* pieces of the stage, such as windows; 0: none, or not known */
    int64_t total; /* -1: not known                                               */
    int64_t eta_s; /* of the stage, at the rate since it was begun or resumed; -1: not known */
} ssmq_run_progress;

/* What folder/journal.jsonl says of the stage (NULL: nothing); whatever is wrong with the file, it says less. */
ssmq_run_progress ssmq_progress_of(const char *folder, const char *stage, ssmq_arena *arena);

/* Seconds since 1970 of "2026-11-21T09:53:03Z"; -1 if it is no such text. */
int64_t ssmq_utc_seconds(const char *utc);

#ifdef __cplusplus
}
#endif
