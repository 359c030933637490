/* Several processes that want the same file of the cache: whoever holds its lease, PATH.lease, makes it. */
#pragma once
#include "harness/run/listener.h"
#include "harness/store/lease.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Does a living process hold the lease? */
bool ssmq_turn_held(const char *lease);
/* Until none does.  task: what the listener is told.  STOPPED. */
SSMQ_MUST_USE ssmq_status ssmq_turn_wait(const char *lease, const char *task, const ssmq_listener *listener);

#ifdef __cplusplus
}
#endif
