/* The points of a sweep on their way to runs, for expand.c: gathered one by one, then put in order, those that
 * resolve to the same run made one, named, and laid out on the grid of the axes. */
#pragma once
#include "harness/run/experiment/loader.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A recipe in a mode at a point of the axes. */
typedef struct ssmq_cell {
    ssmq_run *run;
    int64_t   at;    /* in the grid */
    int32_t   point; /* number of the point, from 0 */
    int32_t   order[4];
} ssmq_cell;

typedef struct ssmq_points {
    ssmq_loader *ld;
    ssmq_cell   *cell; /* those that are not excluded */
    int64_t      n, capacity;
    int64_t      n_cell, excluded; /* all cells of the points, and the excluded ones */
    int64_t      dropped;          /* the excluded ones of modes that quantise, if there are some */
    int32_t      n_point;
    ssmq_yaml   *resolved; /* the experiment at the first point; NULL: none yet */
    const char **model;    /* directories, in the order in which they appear */
    int32_t      n_model;
} ssmq_points;

void ssmq_points_open(ssmq_loader *ld, ssmq_points *out);
/* The point that ld->sweep.at says: run [recipes][modes]; NULL, or NULL in it, where it is excluded. */
void ssmq_points_add(ssmq_points *p, ssmq_run *const *run);
/* The runs and the sweep of the experiment. */
void ssmq_points_finish(ssmq_points *p, ssmq_experiment *e);

#ifdef __cplusplus
}
#endif
