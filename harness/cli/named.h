/* What subcommands without an experiment have in common: things by name, a model made ready. */
#pragma once
#include "harness/run/checkpoint/ready.h"

/* The backend of a name.  USAGE if there is none. */
SSMQ_MUST_USE ssmq_status ssmq_backend_named(const char *name, const ssmq_catalogue *cat,
                                             const ssmq_backend_ops **out);
/* The threads that an option asks for; 0: one for each core. */
int32_t ssmq_threads_of(int option);
/* As ssmq_ready_open(), with the problems of the recipe on standard error. */
SSMQ_MUST_USE ssmq_status ssmq_ready_told(const ssmq_ready_request *r, const ssmq_catalogue *cat,
                                          ssmq_arena *arena, ssmq_ready *out);
/* Makes a directory of --out, which may be there but must be empty.  USAGE, IO. */
SSMQ_MUST_USE ssmq_status ssmq_empty_directory(const char *path);
