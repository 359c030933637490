/* What other commands take of `ssmq run`. */
#pragma once
#include <stdio.h>
#include "harness/run/experiment/experiment.h"

/* `ssmq run` in so many processes; set NULL-terminated or NULL. */
SSMQ_MUST_USE ssmq_status ssmq_run_local(const char *file, const char *const *set, const char *folder, int workers,
                                         bool cache, const ssmq_catalogue *cat, FILE *out);
