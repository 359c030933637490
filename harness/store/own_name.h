/* Names of files that one process writes until they are whole, in a folder where several may write the same:
 * PATH.HOST.PID. */
#pragma once
#include <stdbool.h>
#include "harness/base/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

/* This process's name for a path; nothing of the name is there afterwards, nor with ".part" behind it. */
const char *ssmq_own_name(ssmq_arena *arena, const char *path);
/* Is a file of this name one that a process of this host was writing; and does that process live? */
bool ssmq_own_name_is_here(const char *name);
bool ssmq_own_name_lives(const char *name);
/* Removes what processes of this host that no longer live left in a folder under such names; what cannot be
 * removed stays. */
void ssmq_own_names_sweep(const char *folder);

#ifdef __cplusplus
}
#endif
