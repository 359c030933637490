/* Signals that ask a program to end.  The first of SIGINT, SIGTERM and SIGUSR1 (which batch systems send some
 * time before a job's limit) is only noted, so that work comes to a point from which it can go on.  A SIGINT a
 * tenth of a second or more behind it, a key pressed again, ends the program at once.  SIGTERM and SIGUSR1 stay
 * noted however often they come: batch systems send them to a process, to its group and once more at the limit,
 * and have SIGKILL for those that do not end. */
#pragma once
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From now on they are noted; a signal that was ignored stays so. */
void ssmq_interrupt_catch(void);
/* The signal that was noted, 0: none yet.  Constant; what it points to changes at any time. */
const volatile sig_atomic_t *ssmq_interrupt_signal(void);
/* "SIGTERM". */
const char *ssmq_interrupt_name(int signal);

#ifdef __cplusplus
}
#endif
