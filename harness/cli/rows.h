/* What the rows of a table of results differ in, from an experiment or from the list that a directory keeps of it. */
#pragma once
#include "harness/run/experiment/experiment.h"
#include "harness/store/frozen.h"
#include "harness/store/runs.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_rows {
    const char *const      *axis;     /* [n_axis] names; recipe and mode are not among them                */
    int32_t                 n_axis;
    const ssmq_axis_value  *value;    /* [n][n_axis]                                                       */
    const char *const      *against;  /* [n] id of the run that a row is held against; NULL: none          */
    bool                    baseline; /* is one given? else rows are held against their float run          */
    const ssmq_expectation *expect;   /* [n_expect] their `of` is [n]                                      */
    int32_t                 n_expect;
} ssmq_rows;

/* Of n runs of an experiment, index[row] each.  Everything is the arena's; e outlives it. */
ssmq_rows ssmq_rows_of_experiment(const ssmq_experiment *e, const int32_t *index, int32_t n, ssmq_arena *arena);
/* Of the n runs of a directory, by its list.  One that the list does not have is held against nothing. */
ssmq_rows ssmq_rows_of_list(const ssmq_frozen *f, const ssmq_stored_run *run, int32_t n, ssmq_arena *arena);

#ifdef __cplusplus
}
#endif
