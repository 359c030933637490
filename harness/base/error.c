#include "harness/base/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local ssmq_error last;

const ssmq_error *ssmq_error_last(void)
{
    return &last;
}

void ssmq_error_clear(void)
{
    memset(&last, 0, sizeof last);
}

int ssmq_status_exit(ssmq_status status)
{
    switch (status) {
    case SSMQ_OK: return 0;
#define X(name, exit_status, text) \
    case SSMQ_ERR_##name: return exit_status;
        SSMQ_ERROR_LIST(X)
#undef X
    }
    return 1;
}

const char *ssmq_status_name(ssmq_status status)
{
    switch (status) {
    case SSMQ_OK: return "OK";
#define X(name, exit_status, text) \
    case SSMQ_ERR_##name: return #name;
        SSMQ_ERROR_LIST(X)
#undef X
    }
    return "UNKNOWN";
}

static void push_frame(const char *file, int line, const char *func)
{
    if (last.depth == SSMQ_ERROR_DEPTH_MAX) return;
    last.trace[last.depth].file = file;
    last.trace[last.depth].line = line;
    last.trace[last.depth].func = func;
    last.depth++;
}

ssmq_status ssmq_fail(ssmq_status status, const char *file, int line, const char *func,
                      const char *format, ...)
{
    /* The arguments may quote the previous message: format before overwriting it. */
    char    message[SSMQ_ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    for (char *c = message; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = ' ';
    last.status = status;
    last.problem = SSMQ_E_NONE;
    last.depth = 0;
    memcpy(last.message, message, sizeof message);
    push_frame(file, line, func);
    return status;
}

ssmq_status ssmq_fail_as(ssmq_problem problem, ssmq_status status)
{
    last.problem = problem;
    return status;
}

ssmq_status ssmq_trace(ssmq_status status, const char *file, int line, const char *func)
{
    push_frame(file, line, func);
    return status;
}
