#include "analysis/commands.h"

const ssmq_command *const ssmq_figure_commands[] = {&ssmq_command_export, &ssmq_command_plot, NULL};
