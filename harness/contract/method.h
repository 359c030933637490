/* A quantisation method decides; it never runs arithmetic at inference.  It rewrites float
 * weights and fills a plan.  exec carries the plan out, in fake or in real arithmetic, so both
 * share this one definition. */
#pragma once
#include <stdbool.h>
#include "harness/base/error.h"
#include "harness/base/option.h"
#include "harness/contract/model.h"
#include "harness/tensor/qspec.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What happens at one site.  A tensor whose data is NULL is absent. */
typedef struct ssmq_assignment {
    ssmq_qspec   spec;       /* bits == 0: left in floating point                               */
    ssmq_qparams params;     /* absent where the range is dynamic                               */
    float        clip_ratio; /* what a dynamic range is multiplied with; in params already      */
    ssmq_tensor  divide;     /* ACTIVATION, f32 (C): divided by before all else, its inverse    */
    ssmq_tensor  inverse;    /* beside it; the scan, whose weights did not absorb it, undoes it */
    int64_t      rotate;     /* ACTIVATION: size of the Hadamard transform applied next; 0: none */
    ssmq_tensor  signs;      /* with rotate, f32 (C), +1 or -1: multiplied before it            */
    int32_t      step;       /* index of the step that assigned spec; -1: none                  */
    const char  *observer;   /* what found the range, as compact JSON; NULL: none               */
    bool         raised;     /* the range was raised to SSMQ_AMAX_MIN: "scale of zero"          */
} ssmq_assignment;

typedef struct ssmq_plan {
    const ssmq_model *model;
    ssmq_arena       *arena; /* owns scales and texts             */
    ssmq_assignment  *at;    /* [model->n_site]                   */
    int32_t           step;  /* the step being applied, for at[]  */
} ssmq_plan;

ssmq_plan *ssmq_plan_new(const ssmq_model *m);
void       ssmq_plan_free(ssmq_plan *p); /* accepts NULL */
/* A zeroed tensor owned by the plan. */
ssmq_tensor ssmq_plan_tensor(ssmq_plan *p, ssmq_dtype dtype, int32_t rank, const int64_t *dim);

/* The range of a tensor: symmetric ranges are those of |x|, with low = -high. */
typedef struct ssmq_range {
    float low, high;
} ssmq_range;

/* An observer is a statistic of each sample, and how the samples are combined.  What each sample
 * gave is kept and stored, so that another percentile, combination or sample count needs no
 * new forward pass. */
typedef struct ssmq_statistic {
    const char        *name;   /* "absmax", "quantile" */
    const char        *source;
    const ssmq_option *options;
    size_t             options_size;
    bool               floor;  /* its range is raised to SSMQ_AMAX_MIN, sample by sample     */

    const char        *dataset;     /* of high in the store, below sample/: "absmax"         */
    const char        *dataset_low; /* of low, where it is not -high: "min"; or NULL         */
    /* The value on the datasets' axis `quantile`, in per cent; NULL: they have no such axis. */
    double (*quantile)(const void *options);

    /* The range of one sample under a spec: x f32 on the host, all its tokens, rows may be strided,
     * finite, not empty.  MEMORY. */
    ssmq_status (*range)(const void *options, const ssmq_tensor *x, const ssmq_qspec *spec,
                         ssmq_range *out);
} ssmq_statistic;

typedef struct ssmq_across {
    const char        *name;   /* "max", "ema" */
    const char        *source;
    const ssmq_option *options;
    size_t             options_size;
    /* n >= 1 values in the order of the samples to one; weight[n]: what each counted for (sum 1). */
    float (*combine)(const void *options, const float *value, int64_t n, float *weight);
} ssmq_across;

typedef struct ssmq_observer {
    const ssmq_statistic *statistic;
    const void           *statistic_options;
    const ssmq_across    *across; /* NULL for weights: one sample */
    const void           *across_options;
    const char           *text;   /* the resolved observer as compact JSON */
} ssmq_observer;

/* What was observed, by site and observer; filled by one pass over the samples. */
typedef struct ssmq_calibration ssmq_calibration;

/* Before the pass: asks for an observer at an activation site, for a spec of scope tensor or channel;
 * the observer must outlive c. */
void ssmq_calibration_watch(ssmq_calibration *c, int32_t site, const ssmq_observer *observer,
                            const ssmq_qspec *spec);
/* After it: the range of all samples together, one for each unit that shares a scale (a channel under
 * scope channel, else 1).  What was not watched is our mistake (asserted).  *raised is set where a
 * sample's range was raised to SSMQ_AMAX_MIN, else left alone. */
const ssmq_range *ssmq_calibration_range(const ssmq_calibration *c, int32_t site,
                                         const ssmq_observer *observer, const ssmq_qspec *spec,
                                         bool *raised);

typedef struct ssmq_method {
    const char        *name;        /* as written in YAML                                    */
    const char        *help;        /* one line                                              */
    const char        *source;      /* paper, section or equation; where it departs from it  */
    const ssmq_option *options;
    size_t             options_size;
    size_t             sites;       /* offset of the SITES option                            */
    uint32_t           kinds;       /* bit 1 << ssmq_site_kind for each kind of site it takes */
    const char        *op;          /* only sites of this op; NULL: any                      */
    bool               keeps_float; /* apply() leaves the float model's outputs unchanged    */

    /* Writes into the plan what this step decides from shapes alone (specs, rotations), after those
     * of earlier steps; refuses, with a reason, what cannot work.  Weights may not be loaded. */
    ssmq_status (*outline)(const void *options, const ssmq_model *m, ssmq_plan *plan);

    /* Does a step with these options need calibration samples?  NULL: never, and observe is NULL. */
    bool (*needs_data)(const void *options);
    /* After outline: says which sites to watch, for the specs in the plan. */
    void (*observe)(const void *options, const ssmq_plan *plan, ssmq_calibration *c);

    /* After outline: rewrites weights and fills in what needs weights or data (scales).  c is NULL
     * where no data are needed. */
    ssmq_status (*apply)(const void *options, ssmq_model *m, const ssmq_calibration *c,
                         ssmq_plan *plan);
} ssmq_method;

/* Does a selector or list of selectors (NULL-terminated) name this site? */
bool ssmq_selects(const char *const *selectors, const ssmq_site *site);

#ifdef __cplusplus
}
#endif
