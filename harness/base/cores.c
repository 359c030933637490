#include "harness/base/cores.h"
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/assert.h"

void ssmq_cores_allowed(ssmq_cores *out)
{
    cpu_set_t set;
    out->n = 0;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (int32_t i = 0; i < SSMQ_CORES_MAX; i++)
            if (CPU_ISSET((size_t)i, &set)) out->at[out->n++] = i;
    if (out->n > 0) return;
    const long online = sysconf(_SC_NPROCESSORS_ONLN); /* a machine of more than SSMQ_CORES_MAX */
    out->n = online < 1 ? 1 : online > SSMQ_CORES_MAX ? SSMQ_CORES_MAX : (int32_t)online;
    for (int32_t i = 0; i < out->n; i++) out->at[i] = i;
}

void ssmq_cores_part(const ssmq_cores *all, int32_t parts, int32_t k, ssmq_cores *out)
{
    SSMQ_ASSERT(parts >= 1 && parts <= all->n && k >= 0 && k < parts);
    const int32_t begin = (int32_t)((int64_t)all->n * k / parts);
    const int32_t end = (int32_t)((int64_t)all->n * (k + 1) / parts);
    out->n = end - begin;
    memcpy(out->at, all->at + begin, (size_t)out->n * sizeof *out->at);
}

ssmq_status ssmq_cores_bind(const ssmq_cores *c)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int32_t i = 0; i < c->n; i++) CPU_SET((size_t)c->at[i], &set);
    if (sched_setaffinity(0, sizeof set, &set) == 0) return SSMQ_OK;
    return SSMQ_FAIL(IO, "%d processors from %d on cannot be bound to: %s", c->n, c->at[0], strerror(errno));
}
