/* Reading an experiment on behalf of a subcommand: problems go to stderr with their places. */
#pragma once
#include "harness/base/option.h"
#include "harness/run/experiment/experiment.h"

/* The row `--set` of a subcommand that reads experiments; its options have `const char *const *set`. */
#define SSMQ_OPTION_SET(type) \
    {"set", offsetof(type, set), SSMQ_OPTION_LIST, "", 0, 0, NULL, "KEY=VALUE: replaces a value, VALUE in YAML"}

/* path: the YAML file, or a snapshot, of which nothing can be set (USAGE).  set: NULL-terminated KEY=VALUE texts,
 * or NULL.  Statuses as ssmq_experiment_read(). */
SSMQ_MUST_USE ssmq_status ssmq_command_read(const char *path, const char *const *set,
                                            const ssmq_catalogue *cat, ssmq_experiment **out);
/* As ssmq_experiment_outline(); USAGE for a snapshot, which holds sums of the model. */
SSMQ_MUST_USE ssmq_status ssmq_command_outline(const char *path, const char *const *set,
                                               const ssmq_catalogue *cat, ssmq_experiment **out);
