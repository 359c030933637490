/* Evaluations of task profile that were finished before the run was killed. */
#pragma once
#include "harness/run/profile/profile.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One that the journal knows; false: it is to be measured.  Its request is left to the caller; all else is the arena's. */
bool ssmq_profile_take(const ssmq_listener *l, const char *id, ssmq_arena *arena, ssmq_profile *p);
/* Keeps one that was measured.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_profile_keep(const ssmq_listener *l, const char *id, const ssmq_profile *p);

#ifdef __cplusplus
}
#endif
