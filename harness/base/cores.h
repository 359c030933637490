/* Which processors this process may use, and how they are shared out. */
#pragma once
#include <stdint.h>
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_CORES_MAX 1024 /* beyond it (glibc's cpu_set_t), processors are not seen */

typedef struct ssmq_cores {
    int32_t n;
    int32_t at[SSMQ_CORES_MAX]; /* the system's numbers, ascending */
} ssmq_cores;

/* Those that the process may use: its affinity, which cpusets and schedulers narrow.  At least one. */
void ssmq_cores_allowed(ssmq_cores *out);
/* Part k of `parts` of them: parts are disjoint, are all of them together, and differ by at most one.
 * 1 <= parts <= all->n. */
void ssmq_cores_part(const ssmq_cores *all, int32_t parts, int32_t k, ssmq_cores *out);
/* Binds the calling thread, and what it starts from now on.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_cores_bind(const ssmq_cores *c);

#ifdef __cplusplus
}
#endif
