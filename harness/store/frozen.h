/* sweep.json, the frozen list of an experiment's runs, for subcommands that only read. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a run has on an axis. */
typedef struct ssmq_axis_value {
    const char *label;  /* as people read it; NULL: the run is the same for all values of the axis */
    double      number; /* NaN: it is none; true is 1, false 0                                     */
    bool        flag;   /* it is true or false                                                     */
} ssmq_axis_value;

typedef struct ssmq_frozen_axis {
    const char            *name;
    const ssmq_axis_value *value; /* [n] in the order of the experiment */
    int32_t                n;
} ssmq_frozen_axis;

typedef struct ssmq_frozen_run {
    const char            *id, *name, *mode;
    const char            *recipe;      /* its name; NULL: none, or it has none         */
    const ssmq_axis_value *value;       /* [n_axis]                                      */
    const char            *against;     /* id of the run that it is held against; or NULL */
    const char            *unsupported; /* why it cannot be run; or NULL                  */
} ssmq_frozen_run;

/* A value that is known from elsewhere. */
typedef struct ssmq_frozen_expectation {
    const char *evaluation, *metric;
    const char *source; /* or NULL */
    double      value, tolerance; /* absolute                      */
    const bool *of;               /* [n_run] which runs it is about */
} ssmq_frozen_expectation;

typedef struct ssmq_frozen {
    const char                    *name;
    const char                    *question; /* or NULL */
    const ssmq_frozen_axis        *axis;     /* those of the sweep; recipe and mode are not among them */
    int32_t                        n_axis;
    bool                           baseline; /* is one given? else runs are held against float         */
    const ssmq_frozen_run         *run;
    int32_t                        n_run;
    const ssmq_frozen_expectation *expect;
    int32_t                        n_expect;
} ssmq_frozen;

/* FOLDER/sweep.json; everything is the arena's.  *there is false, and the status OK, if there is none.  DAMAGED,
 * naming the file, if it cannot be read back. */
SSMQ_MUST_USE ssmq_status ssmq_frozen_read(const char *folder, ssmq_arena *arena, ssmq_frozen *out, bool *there);

/* As ssmq_frozen_read(), for the order of runs alone: an empty list where there is none that can be read. */
ssmq_frozen ssmq_frozen_order(const char *folder, ssmq_arena *arena);

/* Index of the run of this id; -1: none. */
int32_t ssmq_frozen_find(const ssmq_frozen *f, const char *id);

/* The value as JSON has it: a number, true or false, a text, or null. */
void ssmq_axis_value_put(ssmq_json_writer *w, const char *key, const ssmq_axis_value *v);

#ifdef __cplusplus
}
#endif
