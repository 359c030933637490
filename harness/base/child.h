/* Work that may crash or never end, done in a process of its own. */
#pragma once
#include "harness/base/error.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the child ended; signal 0: by itself. */
typedef struct ssmq_child_end {
    int signal;
} ssmq_child_end;

/* Calls work in a child process, for at most cpu_s seconds of processor time, and appends what it put
 * into its out; nothing is appended where it was ended by a signal.  The child shares no memory with
 * the caller, but files that were open.  IO: there is no process to be had. */
SSMQ_MUST_USE ssmq_status ssmq_child_call(void (*work)(const void *context, ssmq_str *out),
                                          const void *context, int cpu_s, ssmq_str *out,
                                          ssmq_child_end *end);

#ifdef __cplusplus
}
#endif
