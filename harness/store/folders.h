/* The runs that a path names, found without reading them. */
#pragma once
#include "harness/base/arena.h"
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Directories of runs, NULL-terminated, sorted by name, the arena's: path itself if it is one (or a
 * run.h5), else those in it, else those in its folders.  A run has a status.json or a run.h5, or is named by
 * 16 hex digits.  INPUT if there is none. */
SSMQ_MUST_USE ssmq_status ssmq_run_folders(const char *path, ssmq_arena *arena,
                                           const char *const **out);

#ifdef __cplusplus
}
#endif
