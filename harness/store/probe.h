/* What results need of a folder and of the system, tried out: for `ssmq doctor`. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_probe {
    const char *name;   /* "rename over a file" */
    bool        works;
    bool        needed; /* without it no run can be written */
    const char *detail; /* the system's reason, or a figure; "" */
} ssmq_probe;

#define SSMQ_PROBE_MAX 16

/* Tries folder, or its nearest parent where it does not exist yet; nothing stays behind.  Returns how many
 * probes there are; texts are the arena's. */
int32_t ssmq_probe_folder(const char *folder, ssmq_arena *arena, ssmq_probe out[SSMQ_PROBE_MAX]);

/* HDF5 as it was built: threads, compression; a file made, written and read back in memory. */
int32_t ssmq_probe_hdf5(ssmq_arena *arena, ssmq_probe out[SSMQ_PROBE_MAX]);

#ifdef __cplusplus
}
#endif
