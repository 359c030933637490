/* The directory of one run looked through: what is damaged, and what a person may want to know. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_finding {
    bool        damage; /* else only worth a word */
    const char *file;   /* in the directory       */
    const char *message;
} ssmq_finding;

typedef struct ssmq_run_check {
    const char   *path; /* the directory                            */
    const char   *id;   /* as its status says, else its name        */
    const char   *state; /* as its status says; "unknown"           */
    ssmq_finding *finding;
    int32_t       n, capacity;
    int32_t       damaged; /* findings that are damage */
} ssmq_run_check;

/* Reads every file of it; everything is the arena's.  HDF5 files are read in a child process. */
void ssmq_run_check_all(const char *path, ssmq_arena *arena, ssmq_run_check *out);

/* The same of the sweep.h5 that lies beside runs: whether it can be read. */
void ssmq_sweep_check(const char *path, ssmq_arena *arena, ssmq_run_check *out);

/* The same of a cache: of its files the sums that they end in; false if there is no such folder. */
bool ssmq_cache_check(const char *cache, ssmq_arena *arena, ssmq_run_check *out);

#ifdef __cplusplus
}
#endif
