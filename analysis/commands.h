/* The subcommands that make figures of finished runs. */
#pragma once
#include "harness/base/command.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const ssmq_command ssmq_command_export, ssmq_command_plot;

/* Both, NULL-terminated, in the order of the help page. */
extern const ssmq_command *const ssmq_figure_commands[];

#ifdef __cplusplus
}
#endif
