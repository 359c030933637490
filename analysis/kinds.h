/* Kinds of figures: what each reads and how it becomes a table.  To add one: a file with a const
 * ssmq_figure_kind, a line in the list below, a gnuplot script in analysis/figures/. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "analysis/comparison.h"
#include "analysis/figure.h"
#include "analysis/read.h"
#include "harness/base/option.h"

#ifdef __cplusplus
extern "C" {
#endif

/* name in C, name, what it shows */
#define SSMQ_FIGURE_KINDS(X)                                                           \
    X(histogram, "histogram", "density of a site's values, with step and clip points") \
    X(channels, "channels", "quantiles of each channel as bands")                      \
    X(boxes, "boxes", "a box for each group of channels")                              \
    X(surface, "surface", "|x| over tokens and channels, from a dump")                 \
    X(layers, "layers", "one number of each layer")                                    \
    X(samples, "samples", "what each calibration sample gave and counted for")         \
    X(tokens, "tokens", "error against the position in the window")                    \
    X(heat, "heat", "signal-to-noise ratio by layer and site")                         \
    X(states, "states", "the recurrent state by layer and index, or by channel and index") \
    X(sensitivity, "sensitivity", "each unit alone quantised, and alone left out")     \
    X(interactions, "interactions", "what two steps do beyond what each does")         \
    X(windows, "windows", "loss of each window, and against float")                    \
    X(kl, "kl", "how many tokens diverge from float by how much")                      \
    X(outliers, "outliers", "top channels, their share of the norm and persistence")   \
    X(fake_real, "fake-real", "share of codes that differ between the modes")          \
    X(profile, "profile", "time of each operator beside its bound") \
    X(sweep, "sweep", "a metric over one axis of a sweep, a line for each of the others") \
    X(pareto, "pareto", "size of the weights against what they cost, and the front") \
    X(ablation, "ablation", "a bar for each run: how far it is from its baseline")

#define SSMQ_FIGURE_KIND_HELP(name, word, help) " " word " (" help "),"
#define SSMQ_FIGURE_HELP \
    "KIND is" SSMQ_FIGURE_KINDS(SSMQ_FIGURE_KIND_HELP) " each of one run or several laid side by side"

/* The options of all kinds; those that were not given are NULL, empty, -1 or false. */
typedef struct ssmq_figure_options {
    const char *const *site;
    int                layer;
    int                log; /* index into ssmq_figure_logs */
    int                bins;
    int                groups;
    int                sample;
    int                top;
    int                points;
    int                input; /* index into ssmq_figure_inputs */
    bool               sort;
    const char        *quantity;
    const char        *axis, *metric, *evaluation;
    const char *const *label;
    const char        *title;
} ssmq_figure_options;

extern const char *const ssmq_figure_logs[];   /* "none", "x", "y", "xy" */
extern const char *const ssmq_figure_inputs[]; /* "clean", "propagated"  */
enum { SSMQ_LOG_AXIS_NONE, SSMQ_LOG_AXIS_X, SSMQ_LOG_AXIS_Y, SSMQ_LOG_AXIS_XY };

/* Their lines in the option table of a command, whose struct begins with ssmq_figure_options. */
#define SSMQ_FIGURE_OPTION(field, of_type) \
    .name = #field, .offset = offsetof(ssmq_figure_options, field), .type = SSMQ_OPTION_##of_type
/* clang-format off */
#define SSMQ_FIGURE_OPTION_LINES                                                                        \
    {SSMQ_FIGURE_OPTION(site, LIST), .fallback = "",                                                    \
     .help = "scan.x, out_proj.in, ... (several for layers, tokens and heat; all by default)"},                 \
    {SSMQ_FIGURE_OPTION(layer, INT), .fallback = "", .min = 0, .max = 1e6,                              \
     .help = "number of the layer"},                                                                    \
    {SSMQ_FIGURE_OPTION(log, CHOICE), .fallback = "", .choices = ssmq_figure_logs,                      \
     .help = "logarithmic axes (histogram: y by default, tokens: of mse and rel_l2)"},                                             \
    {SSMQ_FIGURE_OPTION(bins, INT), .fallback = "", .min = 2, .max = 4096,                              \
     .help = "histogram: bins over both signs, 128 by default"},                                        \
    {SSMQ_FIGURE_OPTION(groups, INT), .fallback = "", .min = 1, .max = 4096,                            \
     .help = "boxes: groups of neighbouring channels, 32 by default"},                                  \
    {SSMQ_FIGURE_OPTION(sort, BOOL), .fallback = "false",                                               \
     .help = "channels, boxes: by falling absmax, each run on its own"},                                \
    {SSMQ_FIGURE_OPTION(sample, INT), .fallback = "", .min = 0, .max = 1e6,                             \
     .help = "surface: the sample of the dump, 0 by default"},                                          \
    {SSMQ_FIGURE_OPTION(quantity, TEXT), .fallback = "",                                                \
     .help = "layers: absmax (default), kurtosis, scale, clip_rate, sqnr_db, abs_quantile@99.9, or any dataset of one "    \
             "number a layer; tokens: rel_l2 (default), mse, sqnr_db, growth; heat: sqnr_db (default); states: absmax (default), "  \
             "rms, kurtosis, ...; sensitivity: a metric; pareto: bytes (default), bits, latency"}, \
    {SSMQ_FIGURE_OPTION(axis, TEXT), .fallback = "",                                                    \
     .help = "sweep: the axis to the right (default: the first with several numbers)"},                 \
    {SSMQ_FIGURE_OPTION(metric, TEXT), .fallback = "",                                                  \
     .help = "sweep, pareto, ablation: ppl (default of sweep and pareto), change (of perplexity against the baseline, " \
             "per cent), difference (of log-perplexity, nat; default of ablation), nll, kl_mean, top1, ...; " \
             "windows: difference (default), nll, kl, delta_p, top1; kl: kl (default), delta_p"},   \
    {SSMQ_FIGURE_OPTION(evaluation, TEXT), .fallback = "",                                              \
     .help = "sweep, pareto, ablation, windows, kl: id of an evaluation (default: the first)"},                      \
    {SSMQ_FIGURE_OPTION(input, CHOICE), .fallback = "", .choices = ssmq_figure_inputs,                  \
     .help = "heat, layers, tokens: errors of a site's own quantiser, or with those before it"},                \
    {SSMQ_FIGURE_OPTION(top, INT), .fallback = "", .min = 1, .max = 4096,                               \
     .help = "sensitivity: the worst units (in pictures 24 by default); outliers: the top channels of " \
             "a layer (all that are stored by default); profile: operators of a phase (in pictures 12)"},             \
    {SSMQ_FIGURE_OPTION(points, INT), .fallback = "", .min = 0, .max = 1e6,                             \
     .help = "channels, surface, states: at most so many points along an axis, neighbours pooled by their "     \
             "maximum; 0: all (default: 256, 64 and 128 in pictures, all in csv and json)"},                 \
    {SSMQ_FIGURE_OPTION(label, LIST), .fallback = "",                                                   \
     .help = "what legends call a run, in the order of the runs (default: the recipe)"},                \
    {SSMQ_FIGURE_OPTION(title, TEXT), .fallback = "",                                                   \
     .help = "above the figure (default: site and layer; \"\" for none)"}
/* clang-format on */

/* One bit for each option that not every kind takes. */
enum {
    SSMQ_TAKES_SITE = 1 << 0,
    SSMQ_TAKES_LAYER = 1 << 1,
    SSMQ_TAKES_LOG = 1 << 2,
    SSMQ_TAKES_BINS = 1 << 3,
    SSMQ_TAKES_GROUPS = 1 << 4,
    SSMQ_TAKES_SORT = 1 << 5,
    SSMQ_TAKES_SAMPLE = 1 << 6,
    SSMQ_TAKES_QUANTITY = 1 << 7,
    SSMQ_TAKES_INPUT = 1 << 8,
    SSMQ_TAKES_TOP = 1 << 9,
    SSMQ_TAKES_POINTS = 1 << 10,
    SSMQ_TAKES_AXIS = 1 << 11,
    SSMQ_TAKES_METRIC = 1 << 12, /* and evaluation */
};

typedef struct ssmq_figure_request {
    const ssmq_figure_options *o;
    const ssmq_figure_run     *run;
    int32_t                    n_run;
    const ssmq_comparison     *table; /* of a kind that is of whole sweeps, in place of the runs */
    bool                       picture; /* to be drawn: what would not be seen may be pooled */
    ssmq_arena                *arena;
} ssmq_figure_request;

typedef struct ssmq_figure_kind {
    const char *name;
    uint32_t    takes; /* options beside label and title */
    bool     of_sweeps;     /* it is of the runs' figures in a table, not of their run.h5 */
    bool     against_float; /* in which all are held against float, if there is one such run */
    /* Fills a figure of this kind, whose arena and kind are set. */
    ssmq_status (*build)(const ssmq_figure_request *rq, ssmq_figure *f);
} ssmq_figure_kind;

#define X(name, word, help) extern const ssmq_figure_kind ssmq_figure_kind_##name;
SSMQ_FIGURE_KINDS(X)
#undef X
extern const ssmq_figure_kind *const ssmq_figure_kinds[]; /* NULL-terminated */

/* Reads the runs, checks the options, builds.  name: of the kind; path[n]: the runs.  The figure is to be
 * freed on success. */
SSMQ_MUST_USE ssmq_status ssmq_figure_build(const char *name, const ssmq_figure_options *o,
                                            const char *const *path, int32_t n, bool picture,
                                            ssmq_arena *arena, ssmq_figure *out);

/* ---- what kinds share ------------------------------------------------------------------- */

/* The one site that a figure is of, without "layers.N.", and the layer; USAGE if --site names none while
 * the runs have several with the dataset, or names several.  A site that names its layer sets it. */
typedef struct ssmq_figure_subject {
    const char *site;
    int32_t     layer; /* -1: not given */
} ssmq_figure_subject;
SSMQ_MUST_USE ssmq_status ssmq_figure_subject_of(const ssmq_figure_request *rq, const ssmq_figure_need *need,
                                                 ssmq_figure_subject *out);
/* The same where the sites to choose from are known: NULL-terminated. */
SSMQ_MUST_USE ssmq_status ssmq_figure_subject_among(const ssmq_figure_request *rq, const char *const *sites,
                                                    ssmq_figure_subject *out);
/* "scan.x, layer 3", unless --title says otherwise. */
void ssmq_figure_title(const ssmq_figure_request *rq, ssmq_figure *f, const char *site, int32_t layer);

/* Which colour of analysis/figures/style.gp a run has: 1, grey, if it is a float run, else one of its own. */
int ssmq_figure_colour(const ssmq_figure_request *rq, int32_t run);

/* The next row of a figure: run and run_id, which all tables begin with, are filled in; returns the cells
 * of the kind's own columns. */
ssmq_cell *ssmq_figure_run_row(ssmq_figure *f, const ssmq_figure_run *run);

#ifdef __cplusplus
}
#endif
