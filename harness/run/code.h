/* Which code it is that computes: results of one are not taken for those of another. */
#pragma once
#include "harness/base/arena.h"
#include "harness/base/build.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The commit; of one that was changed, and where none is known, with the sum of the program's file, which alone tells.
 * The arena's. */
const char *ssmq_code_of(const ssmq_build *build, const char *program, ssmq_arena *arena);

/* The same for keys of what runs share: "" where the version of the numbers (SSMQ_NUMERICS_VERSION) is enough, as each commit says
 * itself whether it changes them. */
const char *ssmq_code_key(const ssmq_build *build, const char *program, ssmq_arena *arena);

#define SSMQ_THIS_PROGRAM "/proc/self/exe"

#ifdef __cplusplus
}
#endif
