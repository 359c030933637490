/* What the runs of an experiment differ in: axes, and which run each of their points is.  The first two axes are
 * always `recipe` and `mode`; those of the key `sweep` follow. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/json.h"
#include "harness/base/yaml.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_AXIS_RECIPE 0
#define SSMQ_AXIS_MODE 1
#define SSMQ_AXES_MAX 16      /* with recipe and mode */
#define SSMQ_POINTS_MAX 10000 /* that are expanded: recipes x modes x axes, zipped ones once */
#define SSMQ_GRID_MAX 1000000 /* cells of the grid: zipped axes are axes of their own there   */

typedef struct ssmq_axis {
    const char              *name;
    int32_t                  n;
    const char *const       *label; /* [n] values as people read them, all different       */
    const ssmq_yaml *const  *value; /* [n] scalars where all of them are, else what is given */
} ssmq_axis;

typedef struct ssmq_sweep {
    const ssmq_axis *axis;
    int32_t          n_axis;   /* >= 2 */
    const int32_t   *run;      /* [n_grid] over all axes, the last one fastest: an index into the       *
                                * experiment's runs; -1: excluded, or off the diagonal of zipped axes   */
    int64_t          n_grid;
    int64_t          excluded; /* points that `exclude` drops, not counting float */
    bool             baseline; /* is one given? */
    /* Of each run: */
    const int32_t     *value;    /* [n_run][n_axis] an index; SSMQ_EVERY, SSMQ_SEVERAL                     */
    const char *const *label;    /* [n_run][n_axis] for people; NULL for SSMQ_EVERY                        */
    const int32_t     *in_float; /* [n_run] the float run at the same points; -1: none, or several         */
    const int32_t     *against;  /* [n_run] the run of the baseline that it is compared with, likewise;    *
                                  * without a baseline the float run                                       */
} ssmq_sweep;

#define SSMQ_EVERY (-1)   /* it is the same run for all values of the axis */
#define SSMQ_SEVERAL (-2) /* ... for some of them                          */

/* A value that is known from elsewhere, which runs are held against. */
typedef struct ssmq_expectation {
    const char *evaluation;
    int32_t     figure;    /* index into ssmq_score_figures          */
    double      value;
    double      tolerance; /* absolute                         */
    const char *source;    /* where the value is from          */
    const bool *of;        /* [n_run] which runs it is about   */
} ssmq_expectation;

/* "axes": {"p": 99.9, "rot": true}: what a run has on the axes behind recipe and mode; null: the same run for all of
 * its values; a text that lists them where it is the same for several. */
void ssmq_sweep_put_axes(ssmq_json_writer *w, const ssmq_sweep *s, int32_t run);
/* A value of an axis as JSON has it: a number, true or false where it is one, else the label. */
void ssmq_axis_put_value(ssmq_json_writer *w, const char *key, const ssmq_axis *axis, int32_t index);

#ifdef __cplusplus
}
#endif
