/* Statuses: what kind of failure, for the caller to act on, and the exit status of a
 * program that ends with it.  The message and the trace, for a person, are kept per
 * thread (ssmq_error_last). */
#pragma once
#include <stddef.h>
#include "harness/base/problems.h"

#ifdef __cplusplus
extern "C" {
#endif

/* name, exit status of a program that ends with it, what it means */
#define SSMQ_ERROR_LIST(X)                                                             \
    X(NUMERIC,      1, "a result is not finite, or a solve did not succeed")           \
    X(USAGE,        2, "the command line asks for something wrong")                    \
    X(CONFIG,       3, "the experiment asks for something wrong")                      \
    X(UNSUPPORTED,  3, "valid, but this backend, family or method does not offer it")  \
    X(INPUT,        4, "an input is missing, malformed or has another hash")           \
    X(IO,           5, "a file or a directory could not be written or read")           \
    X(MEMORY,       5, "host or device memory ran out")                                \
    X(DEVICE,       5, "a device library reported a failure")                          \
    X(GATE,         6, "a gate was not met")                                           \
    X(DAMAGED,      7, "stored results are damaged")                                   \
    X(STOPPED,     75, "stopped early; can be resumed")                                \
    X(HELD,        75, "another living process is at it")

typedef enum ssmq_status {
    SSMQ_OK,
#define X(name, exit_status, text) SSMQ_ERR_##name,
    SSMQ_ERROR_LIST(X)
#undef X
} ssmq_status;

#define SSMQ_ERROR_MESSAGE_MAX 1024
#define SSMQ_ERROR_DEPTH_MAX 16

typedef struct ssmq_error {
    ssmq_status  status;
    ssmq_problem problem; /* of a configuration, which has a number; 0: it has none */
    char        message[SSMQ_ERROR_MESSAGE_MAX]; /* one line: what was expected, found, and where */
    int         depth;                           /* frames in trace, innermost first              */
    struct {
        const char *file, *func;
        int         line;
    } trace[SSMQ_ERROR_DEPTH_MAX];
} ssmq_error;

/* The last failure in this thread; valid until the next one.  Never NULL. */
const ssmq_error *ssmq_error_last(void);

/* Forgets the last failure of this thread: for a caller that has dealt with it. */
void ssmq_error_clear(void);

/* Exit status of a program that ends with this status (0 for SSMQ_OK). */
int ssmq_status_exit(ssmq_status status);

/* Name of a status as written in messages and files, "CONFIG"; "OK" for SSMQ_OK. */
const char *ssmq_status_name(ssmq_status status);

/* Records a failure with its message and first frame; returns status.  Line breaks and control
 * characters in the message become spaces, so that a message is one line whatever it quotes. */
ssmq_status ssmq_fail(ssmq_status status, const char *file, int line, const char *func,
                      const char *format, ...) __attribute__((format(printf, 5, 6), cold));

/* Gives the failure under way its number; returns status. */
ssmq_status ssmq_fail_as(ssmq_problem problem, ssmq_status status) __attribute__((cold));

/* Adds a frame to the failure under way; returns status. */
ssmq_status ssmq_trace(ssmq_status status, const char *file, int line, const char *func)
    __attribute__((cold));

#define SSMQ_MUST_USE __attribute__((warn_unused_result))

/* return SSMQ_FAIL(CONFIG, "group %d does not divide K = %lld", group, k); */
#define SSMQ_FAIL(name, ...) ssmq_fail(SSMQ_ERR_##name, __FILE__, __LINE__, __func__, __VA_ARGS__)

/* The same for what a configuration asks: return SSMQ_REFUSE(CONFIG, STEP_AGAIN, "%s is ...",
 * name); */
#define SSMQ_REFUSE(name, problem, ...) ssmq_fail_as(SSMQ_E_##problem, SSMQ_FAIL(name, __VA_ARGS__))

/* Calls; on failure adds this frame to the trace and returns the same status. */
#define SSMQ_TRY(call)                                                            \
    do {                                                                          \
        const ssmq_status st_ = (call);                                           \
        if (st_ != SSMQ_OK) return ssmq_trace(st_, __FILE__, __LINE__, __func__); \
    } while (0)

/* The same for functions with something to release: sets st and jumps to done. */
#define SSMQ_TRY_DONE(st, call)                                      \
    do {                                                             \
        (st) = (call);                                               \
        if ((st) != SSMQ_OK) {                                       \
            ssmq_trace((st), __FILE__, __LINE__, __func__);          \
            goto done;                                               \
        }                                                            \
    } while (0)

#ifdef __cplusplus
}
#endif
