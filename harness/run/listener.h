/* Who is told how far a run is, may ask it to end early, and keeps what it has computed; the runner itself prints
 * nothing. */
#pragma once
#include <stdint.h>
#include "harness/base/error.h"
#include "harness/base/interrupt.h"
#include "harness/base/log.h"
#include "harness/store/journal.h"

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
    const volatile sig_atomic_t *signal; /* other than 0: one that asks to end early (base/interrupt.h) */
    ssmq_journal *journal; /* of the run under way, for resume.h; NULL: nothing is kept */
    const char   *part;    /* what stages there are part of, "sensitivity only layer 3"; NULL: the run */
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

/* STOPPED if it is to end early: asked between windows, samples and the like, where nothing that was computed is
 * lost. */
SSMQ_MUST_USE static inline ssmq_status ssmq_may_go_on(const ssmq_listener *l)
{
    const int signal = l && l->signal ? *l->signal : 0;
    return signal ? SSMQ_FAIL(STOPPED, "stopped by %s", ssmq_interrupt_name(signal)) : SSMQ_OK;
}

static inline const volatile sig_atomic_t *ssmq_signal_of(const ssmq_listener *l)
{
    return l ? l->signal : NULL;
}

#ifdef __cplusplus
}
#endif
