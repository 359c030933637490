/* Who is told how far a run is; the runner itself prints nothing. */
#pragma once
#include <stdint.h>
#include "harness/base/log.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Every function may be NULL. */
typedef struct ssmq_listener {
    void           *context;
    const ssmq_log *log; /* may be NULL */
    void (*begin)(void *context, const char *task, const char *unit);
    /* fraction of the whole task, 0..1, negative where it is not known */
    void (*update)(void *context, int64_t done, double fraction);
    void (*end)(void *context);
} ssmq_listener;

static inline void ssmq_tell_begin(const ssmq_listener *l, const char *task, const char *unit)
{
    if (l && l->begin) l->begin(l->context, task, unit);
}

static inline void ssmq_tell_update(const ssmq_listener *l, int64_t done, double fraction)
{
    if (l && l->update) l->update(l->context, done, fraction);
}

static inline void ssmq_tell_end(const ssmq_listener *l)
{
    if (l && l->end) l->end(l->context);
}

#ifdef __cplusplus
}
#endif
