/* Where results and what runs share lie: what a flag names, else the environment, else the default.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/option.h"

/* The row `--out` of a subcommand that starts runs; its options have `const char *out`. */
#define SSMQ_OPTION_OUT(type)                                       \
    {"out", offsetof(type, out), SSMQ_OPTION_TEXT, "", 0, 0, NULL, \
     "directory for results, OUT/NAME/RUN-ID/; else that of SSMQ_RUNS, else runs"}

typedef struct ssmq_places {
    const char *out;   /* "runs"                                                        */
    const char *cache; /* ".ssmq-cache" beside the sweeps that share it; NULL: there is none */
    const char *variable[3]; /* [n_variable] of the environment that took effect, SSMQ_LOG too */
    int32_t     n_variable;
} ssmq_places;

/* out: what --out names, NULL where it is not given; cache: is one wanted?  USAGE for an empty
 * --out. */
SSMQ_MUST_USE ssmq_status ssmq_places_find(const char *out, bool cache, ssmq_arena *arena,
                                           ssmq_places *places);
