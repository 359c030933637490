/* The subcommands of the program `ssmq`, and what they share. */
#pragma once
#include "harness/base/command.h"
#include "harness/base/log.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The registry.  To add a subcommand: write harness/cli/<name>.c, add one line here. */
#define SSMQ_COMMANDS(X) \
    X(run)               \
    X(check)             \
    X(explain)           \
    X(plan)              \
    X(launch)            \
    X(list)              \
    X(show)              \
    X(quantize)          \
    X(generate)          \
    X(chat)              \
    X(profile)           \
    X(bench)             \
    X(model)             \
    X(schema)            \
    X(doctor)

#define X(name) extern const ssmq_command ssmq_command_##name;
SSMQ_COMMANDS(X)
#undef X

/* A log to stderr at the level that the environment variable SSMQ_LOG names ("warning" where it is
 * not set).  USAGE if it names none. */
SSMQ_MUST_USE ssmq_status ssmq_command_log(ssmq_log *out);

#ifdef __cplusplus
}
#endif
