/* Reading stored results at arm's length. */
#pragma once
#include "harness/base/error.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Calls make in a process of its own and appends the text that it made to out; its status and message are
 * those of make.  HDF5 1.10 ends in a segmentation fault on some damaged files: where the process is killed
 * the status is DAMAGED, with the n paths that were read.  MEMORY if it ran out, IO if no process is to be
 * had. */
SSMQ_MUST_USE ssmq_status ssmq_guard(ssmq_status (*make)(const void *context, ssmq_str *out),
                                     const void *context, const char *const *path, int n, ssmq_str *out);

#ifdef __cplusplus
}
#endif
