/* Finished runs as figures read them: the runs that a command line names, and arrays of their sites. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/option.h"
#include "harness/store/sealed.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_figure_run {
    ssmq_sealed *results;   /* run.h5 */
    const char  *folder;    /* that it lies in */
    const char  *started;   /* UTC; "" where that is not known */
    int32_t      place;     /* in the frozen list beside it; -1: not in it */
    bool         in_folder; /* not named itself, but found in a folder of runs */
    const char  *id, *mode, *recipe;
    const char  *config_sha; /* SHA-256 of what the run id is a hash of: /meta/resolved_config */
    const char  *label;      /* in legends: the recipe, "float", or the one given */
} ssmq_figure_run;

typedef struct ssmq_figure_runs {
    ssmq_figure_run *run;
    int32_t          n;
} ssmq_figure_runs;

/* Opens every run that a path names: a run's directory, its run.h5, or a directory that holds runs (its
 * finished ones, float first, then as they started, those at once as their frozen list has them).  label:
 * NULL-terminated, one for each run, or none.  INPUT: no run, unfinished, or of another schema; DAMAGED;
 * USAGE: labels do not fit.  On success the caller closes; texts are the arena's. */
SSMQ_MUST_USE ssmq_status ssmq_figure_runs_open(const char *const *path, int32_t n, const char *const *label,
                                                ssmq_arena *arena, ssmq_figure_runs *out);
void                      ssmq_figure_runs_close(ssmq_figure_runs *runs);

/* What a figure needs of a file, and how an experiment comes to have it. */
typedef struct ssmq_figure_need {
    const char *what;    /* "histogram"                                        */
    const char *dataset; /* below the site's group: "hist"                     */
    const char *setting; /* "collect: {statistics: {histogram: floatbits16}}"  */
} ssmq_figure_need;

/* The dataset's path, "/sites/scan.x/hist", the arena's.  INPUT, with the setting that makes it, if the run
 * has none; with the nearest name or all names, if it has no such site but others. */
SSMQ_MUST_USE ssmq_status ssmq_figure_dataset(const ssmq_figure_run *run, const char *site,
                                              const ssmq_figure_need *need, ssmq_arena *arena,
                                              const char **out);

/* Sites that have a dataset (NULL: all), in the order of the file, NULL-terminated, the arena's. */
SSMQ_MUST_USE ssmq_status ssmq_figure_sites(const ssmq_figure_run *run, const char *dataset,
                                            ssmq_arena *arena, const char *const **out);
/* INPUT: "FILE: no WHAT: add SETTING to the experiment". */
ssmq_status ssmq_figure_lacks(const ssmq_figure_run *run, const char *what, const char *setting);

/* "dataset" of a site if the run has it, else NULL; nothing is wrong with that. */
const char *ssmq_figure_optional(const ssmq_figure_run *run, const char *site, const char *dataset,
                                 ssmq_arena *arena);

/* Numbers of the layers along the first axis of a dataset: the scale "layer" beside it. */
SSMQ_MUST_USE ssmq_status ssmq_figure_layers(const ssmq_figure_run *run, const char *dataset,
                                             ssmq_arena *arena, double **out, int64_t *n);
/* Where a layer stands along it; layer -1: the only one there is.  INPUT, with what there is. */
SSMQ_MUST_USE ssmq_status ssmq_figure_layer_index(const ssmq_figure_run *run, const char *dataset,
                                                  int32_t layer, ssmq_arena *arena, int64_t *index,
                                                  int32_t *found);

/* All of one layer: the dataset's other axes, flattened.  The arena's. */
SSMQ_MUST_USE ssmq_status ssmq_figure_slice(const ssmq_figure_run *run, const char *dataset, int64_t index,
                                            ssmq_arena *arena, double **out, int64_t *n);
/* Checks that a dataset has these axes (-1: any length). */
SSMQ_MUST_USE ssmq_status ssmq_figure_check_axes(const ssmq_figure_run *run, const char *dataset,
                                                 int32_t rank, const int64_t *dim);

/* How a site's values become codes in a layer; NaN where it is left in floating point, has scales for
 * parts of it, or ranges of its own for each tensor. */
typedef struct ssmq_figure_range {
    double scale;
    double clip_low, clip_high; /* the real numbers of the lowest and the highest code */
} ssmq_figure_range;
SSMQ_MUST_USE ssmq_status ssmq_figure_range_of(const ssmq_figure_run *run, const char *site, int32_t layer,
                                               ssmq_arena *arena, ssmq_figure_range *out);

#ifdef __cplusplus
}
#endif
