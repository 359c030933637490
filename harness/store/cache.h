/* What runs share, in .ssmq-cache/KIND/DIGEST.EXTENSION: told from what dead writers left there. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_cache_file {
    const char *path, *kind; /* kind: its folder's name, "calibration"                                */
    int64_t     bytes;
    int64_t     used;        /* last time that a run used it, or wrote it: seconds since 1970         */
    bool        unfinished;  /* under the name of its writer (own_name.h)                              */
    bool        written;     /* unfinished, and its writer may live                                    */
} ssmq_cache_file;

/* All files of a cache, by name; none where there is no such folder.  The arena's.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_cache_files(const char *cache, ssmq_arena *arena, ssmq_cache_file **out, int32_t *n);

/* Notes that a file was used, where that can be noted. */
void ssmq_cache_used(const char *path);

/* Removes a file, unless it was used since it was listed; *removed: is it gone?  IO. */
SSMQ_MUST_USE ssmq_status ssmq_cache_remove(const ssmq_cache_file *f, bool *removed);

#ifdef __cplusplus
}
#endif
