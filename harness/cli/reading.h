/* Reading an experiment on behalf of a subcommand: problems go to stderr with their places. */
#pragma once
#include "harness/run/experiment.h"

/* path: the YAML file, or a snapshot, of which nothing can be set (USAGE).  set: NULL-terminated KEY=VALUE texts, or NULL.  Statuses as ssmq_experiment_read(). */
SSMQ_MUST_USE ssmq_status ssmq_command_read(const char *path, const char *const *set,
                                            const ssmq_catalogue *cat, ssmq_experiment **out);
