/* A quantisation method decides; it never runs arithmetic at inference.  It rewrites float
 * weights and fills a plan.  exec carries the plan out, in fake or in real arithmetic, so both
 * share this one definition. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/error.h"
#include "harness/base/option.h"
#include "harness/contract/model.h"
#include "harness/tensor/fine_bins.h"
#include "harness/tensor/histogram.h"
#include "harness/tensor/qspec.h"
#include "harness/tensor/tail.h"

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
    ssmq_tensor  smooth;     /* ACTIVATION, f32 (C): what its channels are divided by on account of  *
                              * smoothing, here (divide) or, folded, in the weight before it         */
    int64_t      rotate;     /* ACTIVATION: size of the Hadamard transform applied next; 0: none */
    ssmq_tensor  signs;      /* with rotate, f32 (C), +1 or -1: multiplied before it            */
    ssmq_tensor  codes;      /* WEIGHT, i8, shaped as its values: solved by the method, or stored; absent: nearest */
    const uint8_t *nibbles;  /* in place of codes, stored: those of 4 bits (tensor/nibbles.h); or NULL  */
    ssmq_tensor  keep;       /* ACTIVATION, i32, ascending: channels that stay in floating point, and  *
                              * with them the columns of the weights that multiply them; data not NULL *
                              * and none listed: a step will choose them                              */
    int32_t      step;       /* index of the step that assigned spec; -1: none                  */
    const char  *observer;   /* what found the range, as compact JSON; NULL: none               */
    bool         raised;     /* the range was raised to SSMQ_AMAX_MIN: "scale of zero"          */
    int32_t      share;      /* departures: the first of the sites that it has one scale with, the largest of theirs; *
                              * -1: none                                                        */
    bool         unclamped;  /* departures: its codes wrap around (ssmq_qspec.wraps)            */
} ssmq_assignment;

/* What the original real kernels do otherwise than the simulation (quant/quamba-spec.md, 3.10), beside what
 * assignments say. */
typedef struct ssmq_departures {
    bool real_only;    /* all of it is so in real mode, and is not in fake mode           */
    bool int8_biases;  /* biases are rounded to 8 bits, with a scale for each tensor      */
    bool f16_residual; /* the residual stream is rounded to half precision where it is added to */
} ssmq_departures;

typedef struct ssmq_plan {
    const ssmq_model *model;
    ssmq_arena       *arena; /* owns scales and texts             */
    ssmq_assignment  *at;    /* [model->n_site]                   */
    int32_t           step;  /* the step being applied, for at[]  */
    int32_t           layer; /* of a layerwise step: the one under way; -1: what is outside of them */
    uint64_t          seed;  /* of the run: what a method draws at random depends on it and on what it *
                              * is drawn for                                                          */
    ssmq_departures departures;
    int64_t residual;        /* size of the Hadamard transform that the residual stream was rotated by, *
                              * in the weights; 0: none                                                */
} ssmq_plan;

ssmq_plan *ssmq_plan_new(const ssmq_model *m);
void       ssmq_plan_free(ssmq_plan *p); /* accepts NULL */
/* The same plan with sites left in floating point where quantised [n_site] is false, which then share no
 * scale, all else (transforms, channels that are kept) as it is; tensors are lent by p, which must outlive
 * it. */
ssmq_plan *ssmq_plan_masked(const ssmq_plan *p, const bool *quantised);
/* The plan as a mode carries it out: departures put into scales and specs, or left out.  Tensors are lent by p,
 * which must outlive it. */
ssmq_plan *ssmq_plan_in_mode(const ssmq_plan *p, bool real);
/* A zeroed tensor owned by the plan. */
ssmq_tensor ssmq_plan_tensor(ssmq_plan *p, ssmq_dtype dtype, int32_t rank, const int64_t *dim);

/* The range of a tensor: symmetric ranges are those of |x|, with low = -high. */
typedef struct ssmq_range {
    float low, high;
} ssmq_range;

/* What calibration keeps of a sample at a site, or of a channel of it, so that the ranges of other observers need no
 * new forward pass.  Of a channel n_level is 0 and half NULL. */
typedef struct ssmq_record {
    float                 low, high; /* smallest and largest value                                */
    int32_t               n_level;
    const double         *level;     /* [n_level] ascending, in per cent                          */
    const float          *magnitude; /* [n_level] exact quantiles of |x|                          */
    const ssmq_range     *value;     /* [n_level] those of x at 100 - level and at level; or NULL */
    const ssmq_histogram *half;      /* [2] the negative values, the others; or NULL              */
    ssmq_tail             tail;      /* the outermost values                                      */
} ssmq_record;

/* A part of a loop 0 .. n, as backend/backend.h has it. */
typedef void (*ssmq_aid_part)(void *context, int64_t begin, int64_t end, int32_t worker);

/* What a statistic that takes long may use; none of it changes a result. */
typedef struct ssmq_aid {
    const ssmq_range *ends; /* the smallest and the largest value; NULL: not known */
    const ssmq_fine_bins *bins; /* all values, counted; NULL: they are not */
    int32_t           threads;
    void (*share)(void *by, int64_t n, int64_t grain, ssmq_aid_part part, void *context);
    void *by;               /* for share */
} ssmq_aid;

/* The share of one thread. */
static inline void ssmq_share_alone(void *by, int64_t n, int64_t grain, ssmq_aid_part part, void *context)
{
    (void)by;
    (void)grain;
    if (n > 0) part(context, 0, n, 0);
}

/* An observer is a statistic of each sample, and how the samples are combined. */
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

    /* The same range, bit for bit, with the help of other threads; NULL: it takes no help. */
    ssmq_status (*range_aided)(const void *options, const ssmq_tensor *x, const ssmq_qspec *spec,
                               const ssmq_aid *aid, ssmq_range *out);
    /* Would it read the bins of its aid?  NULL: never. */
    bool (*bins)(const void *options);

    /* The same range out of a record, bit for bit; false: it lacks what is needed.  NULL: the range comes
     * from the tensor only, and is kept for the same options and spec. */
    bool (*replay)(const void *options, const ssmq_record *r, const ssmq_qspec *spec, ssmq_range *out);
    /* Does replay read the histogram?  NULL: never. */
    bool (*histogram)(const void *options);
} ssmq_statistic;

typedef struct ssmq_across {
    const char        *name;   /* "max", "ema" */
    const char        *source;
    const ssmq_option *options;
    size_t             options_size;
    /* n >= 1 values in the order of the samples to one; weight[n]: what each counted for (sum 1). */
    float (*combine)(const void *options, const float *value, int64_t n, float *weight);

    /* The same value, bit for bit, one sample at a time: state, which starts as 0, takes sample i; the result
     * after n.  For ranges by channel, of which not all samples' are kept.  NULL, both: it needs them all. */
    void (*add)(const void *options, double *state, float value, int64_t i);
    float (*result)(const void *options, double state, int64_t n);
} ssmq_across;

typedef struct ssmq_observer {
    const ssmq_statistic *statistic;
    const void           *statistic_options;
    const ssmq_across    *across; /* NULL for weights: one sample */
    const void           *across_options;
    const char           *text;    /* the resolved observer as compact JSON           */
    const char           *measure; /* its statistic alone, likewise; NULL: as text    */
} ssmq_observer;

/* What was observed, by site and observer; filled by one pass over the samples. */
typedef struct ssmq_calibration ssmq_calibration;

/* Before the pass: asks for an observer at an activation or state site, for a spec of scope tensor or
 * channel; the observer must outlive c. */
void ssmq_calibration_watch(ssmq_calibration *c, int32_t site, const ssmq_observer *observer,
                            const ssmq_qspec *spec);
/* After it: the range of all samples together, one for each unit that shares a scale (a channel under
 * scope channel, else 1).  What was not watched is our mistake (asserted).  *raised is set where a
 * sample's range was raised to SSMQ_AMAX_MIN, else left alone. */
const ssmq_range *ssmq_calibration_range(const ssmq_calibration *c, int32_t site,
                                         const ssmq_observer *observer, const ssmq_qspec *spec,
                                         bool *raised);

/* For sites, below: the method works on the model as a whole, has no SITES option and kinds 0. */
#define SSMQ_METHOD_NO_SITES SIZE_MAX

/* The same for a sum of products: asks for X^T X of an activation site, X being the rows of all tokens of
 * all samples, as the weights behind it multiply them. */
void ssmq_calibration_watch_gram(ssmq_calibration *c, int32_t site);
/* (C, C) f64, row by row; what was not watched is our mistake (asserted). */
const double *ssmq_calibration_gram(const ssmq_calibration *c, int32_t site);

typedef struct ssmq_method {
    const char        *name;        /* as written in YAML                                    */
    const char        *help;        /* one line                                              */
    const char        *source;      /* paper, section or equation; where it departs from it  */
    const ssmq_option *options;
    size_t             options_size;
    size_t             sites;       /* offset of the SITES option, or SSMQ_METHOD_NO_SITES   */
    uint32_t           kinds;       /* bit 1 << ssmq_site_kind for each kind of site it takes */
    const char        *op;          /* only sites of this op; NULL: any                      */
    bool               linear;      /* only activations that a linear layer's weight multiplies */
    bool               keeps_float; /* apply() leaves the float model's outputs unchanged    */
    bool               transforms;  /* needs data, and what it does shows in activations: later *
                                     * steps observe in a pass of their own                  */

    /* Needs data; observe and apply are called for each layer in turn, then for what is outside of them
     * (plan->layer), and see to its sites only.  The samples of a layer's pass run through weights that
     * are quantised as far as the plan says how; activations stay in floating point.  apply() writes nothing but
     * params, codes and raised of the layer's weights. */
    bool layerwise;

    /* Writes into the plan what this step decides from shapes alone (specs, rotations), after those
     * of earlier steps; refuses, with a reason, what cannot work.  Weights may not be loaded; where a model
     * is not at hand, m has no sites, so that only rules between options are left. */
    ssmq_status (*outline)(const void *options, const ssmq_model *m, ssmq_plan *plan);

    /* Does a step with these options need calibration samples?  NULL: never, and observe is NULL. */
    bool (*needs_data)(const void *options);
    /* Of a method whose option `observer` is about weights: does a step with these options use it?  NULL:
     * where it needs data. */
    bool (*ranges_weights)(const void *options);
    /* After outline: says which sites to watch, for the specs in the plan. */
    void (*observe)(const void *options, const ssmq_plan *plan, ssmq_calibration *c);

    /* After outline: rewrites weights and fills in what needs weights or data (scales).  c is NULL
     * where no data are needed. */
    ssmq_status (*apply)(const void *options, ssmq_model *m, const ssmq_calibration *c,
                         ssmq_plan *plan);
} ssmq_method;

/* The channels that stay in floating point at a site: those kept there, of a weight those kept at its input,
 * which are its columns.  NULL: none. */
const ssmq_tensor *ssmq_plan_keep(const ssmq_plan *p, int32_t site);
/* The rows of x (M, C) without the channels of keep that lie in [first, first + C), counted from first,
 * copied to out, which has room for them all: (M, C'), C' may be 0. */
ssmq_tensor ssmq_without(const ssmq_tensor *x, const ssmq_tensor *keep, int64_t first, float *out);

/* How many scales a site has under scope channel: those of its last axis, of a state those of its rows. */
int64_t ssmq_site_channels(const ssmq_site *site);

/* Is a site of the kind that a method works on, whatever is selected? */
bool ssmq_method_takes(const ssmq_method *m, const ssmq_site *site);

/* Does a selector or list of selectors (NULL-terminated) name this site? */
bool ssmq_selects(const char *const *selectors, const ssmq_site *site);

#ifdef __cplusplus
}
#endif
