/* The subcommands that only read finished runs, in the order of the help page. */
#pragma once
#include "harness/base/command.h"

#ifdef __cplusplus
extern "C" {
#endif

/* To add one: write analysis/NAME.c, add a line here. */
#define SSMQ_ANALYSIS_COMMANDS(X) \
    X(status)                     \
    X(compare)                    \
    X(diff)                       \
    X(verify)                     \
    X(gc)                         \
    X(report)                     \
    X(export)                     \
    X(plot)

#define X(name) extern const ssmq_command ssmq_command_##name;
SSMQ_ANALYSIS_COMMANDS(X)
#undef X

#ifdef __cplusplus
}
#endif
