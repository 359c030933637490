/* A results file as a run leaves it, made by calling every function of harness/store/store.h. */
#pragma once
#include "harness/store/store.h"

#define EXAMPLE_LAYERS 4
#define EXAMPLE_SAMPLES 3
#define EXAMPLE_WINDOWS 5

/* Fills an open store; seals nothing. */
SSMQ_MUST_USE ssmq_status example_store_fill(ssmq_store *s);
/* Creates, fills and seals; discards on failure. */
SSMQ_MUST_USE ssmq_status example_store_write(const char *path);
