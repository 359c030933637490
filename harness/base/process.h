/* A program run beside this one, of which only what it writes to standard error is heard. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "harness/base/cores.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_process {
    pid_t pid;
    int   fd; /* its standard error, to be read; never blocks */
} ssmq_process;

/* argument: NULL-terminated, the program's path first.  It runs on these processors, in a process group of its own, so that
 * a terminal's signals reach it only through this process; SIGTERM is sent to it where this one dies.  Standard
 * input and output are /dev/null.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_process_start(const char *const *argument, const ssmq_cores *cores,
                                             ssmq_process *out);
/* Runs a program, found by PATH, to its end; what it writes to standard output is appended to out, its standard error is this process's.
 * *status: its exit status, 127 where there is no such program, 128 and more where a signal ended it.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_process_output(const char *const *argument, ssmq_str *out, int *status);
/* Waits for its end; as waitpid() tells it. */
int ssmq_process_end(ssmq_process *p);

/* "SIGSEGV (Segmentation fault)"; lent until the next call. */
const char *ssmq_signal_text(int signal);

#ifdef __cplusplus
}
#endif
