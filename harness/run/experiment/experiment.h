/* An experiment is what the YAML says; a run is one point of it, fully resolved, named by the hash
 * of what it resolves to.  Reading checks everything that can be checked without running: keys,
 * types, ranges, selectors, shapes, files; every problem is reported at its place, not just the
 * first. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/diag.h"
#include "harness/base/hash.h"
#include "harness/base/str.h"
#include "harness/data/dataset.h"
#include "harness/exec/exec.h"
#include "harness/run/experiment/catalogue.h"
#include "harness/run/experiment/collect_spec.h"
#include "harness/run/experiment/sweep.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_SCHEMA_VERSION 1 /* of the YAML: the value of its key `ssmq` */

/* Raised whenever a change of the code changes numbers that runs give: part of every run's id, so
 * that results from before the change are not taken for those from after it. */
#define SSMQ_NUMERICS_VERSION 5

#define SSMQ_RUN_ID 17 /* characters of a run id, with the final 0 */

/* One enabled step of a recipe. */
typedef struct ssmq_step {
    const char        *id;      /* unique in its recipe */
    const ssmq_method *method;
    const void        *options; /* method->options_size bytes, as method->options says */
} ssmq_step;

typedef struct ssmq_recipe {
    const char      *name;     /* NULL: the experiment's only one, under `recipe` */
    const ssmq_step *step;     /* the enabled ones, in order */
    int32_t          n_step;
    bool             observes; /* some step needs calibration */
} ssmq_recipe;

/* Which samples calibration sees (ssmq_samples_read). */
typedef struct ssmq_calibration_spec {
    ssmq_data   data;
    ssmq_select select;
    int64_t     count;  /* documents */
    int64_t     length; /* tokens, at most */
    uint64_t    seed;   /* SAMPLED; 0 in FIRST */
    int32_t     batch;  /* samples that run at once; no number depends on it */
} ssmq_calibration_spec;

typedef enum ssmq_task { SSMQ_TASK_PERPLEXITY, SSMQ_TASK_PROFILE } ssmq_task;
extern const char *const ssmq_tasks[]; /* "perplexity", "profile", NULL; indexed by ssmq_task */

/* What logits and losses are rounded to; F32: logits are f32, losses and their sums f64. */
typedef enum ssmq_loss_dtype { SSMQ_LOSS_F32, SSMQ_LOSS_F16, SSMQ_LOSS_BF16 } ssmq_loss_dtype;
extern const char *const ssmq_loss_dtypes[]; /* "f32", "f16", "bf16", NULL; indexed by ssmq_loss_dtype */

typedef struct ssmq_evaluation {
    const char *id;      /* unique in the experiment */
    ssmq_task   task;
    ssmq_data   data;
    int         dialect; /* an ssmq_dialect */
    /* disjoint: the documents that these samples are from are left out; NULL: the data have none of them */
    const struct ssmq_calibration_spec *without;
    const char *prefix;  /* lm-eval: text of the token before each document; else NULL */
    int64_t     window;  /* tokens, >= 2 */
    int64_t     limit;   /* windows, of lm-eval documents (of each subset); 0: all */
    ssmq_loss_dtype loss_dtype;
    int64_t     state_reset; /* tokens of a window after which states begin anew, and so on; 0: never */
} ssmq_evaluation;

/* An evaluation of task profile: what the run's model costs to run (harness/run/profile/profile.h). */
typedef struct ssmq_profile_spec {
    const char *id;                      /* as of an evaluation, unique among both */
    int         batch, prompt, generate; /* sequences; tokens of each              */
    int         repeat, warmup;
} ssmq_profile_spec;

/* What a quantised model is compared in: of each predicted token, and of each site. */
typedef enum ssmq_metric {
    SSMQ_METRIC_KL,
    SSMQ_METRIC_DELTA_P,
    SSMQ_METRIC_TOP1,
    SSMQ_METRIC_SQNR,
    SSMQ_METRIC_MSE,
    SSMQ_METRIC_COSINE,
    SSMQ_METRIC_REL_L2,
    SSMQ_METRIC_MAX_ERR,
    SSMQ_METRIC_BIAS,
    SSMQ_METRIC_CLIP_RATE,
} ssmq_metric;
extern const char *const ssmq_metrics[]; /* "kl", "delta-p", ..., NULL; indexed by ssmq_metric */
#define SSMQ_METRICS_OF_TOKENS ((1u << SSMQ_METRIC_SQNR) - 1) /* bits; the others are of sites */

/* What reaches a site when its error is measured (harness/run/evaluate/site_error.h). */
typedef enum ssmq_error_input { SSMQ_INPUT_CLEAN, SSMQ_INPUT_PROPAGATED, SSMQ_INPUTS } ssmq_error_input;
extern const char *const ssmq_error_inputs[]; /* "clean", "propagated", NULL */

/* Which of a recipe's units are evaluated by themselves, and what a unit is (harness/run/evaluate/sensitivity.h). */
typedef enum ssmq_sensitivity_mode {
    SSMQ_SENSITIVITY_OFF,
    SSMQ_SENSITIVITY_EACH_ON,
    SSMQ_SENSITIVITY_EACH_OFF,
    SSMQ_SENSITIVITY_BOTH,
} ssmq_sensitivity_mode;
typedef enum ssmq_unit_kind {
    SSMQ_UNIT_SITE,
    SSMQ_UNIT_SITE_LAYER,
    SSMQ_UNIT_LAYER,
    SSMQ_UNIT_WEIGHT,
    SSMQ_UNIT_STEP,
} ssmq_unit_kind;
extern const char *const ssmq_sensitivity_modes[]; /* "off", "each-on", "each-off", "both", NULL */
extern const char *const ssmq_unit_kinds[]; /* "site", "site-layer", "layer", "weight", "step", NULL */

typedef struct ssmq_step_pair {
    const char *a, *b; /* ids of steps */
} ssmq_step_pair;

/* What runs beside a quantised model, over the same tokens. */
typedef enum ssmq_baseline { SSMQ_AGAINST_FLOAT, SSMQ_AGAINST_FAKE } ssmq_baseline;
extern const char *const ssmq_baselines[]; /* "float", "fake", NULL; indexed by ssmq_baseline */

typedef struct ssmq_compare_spec {
    uint32_t against;    /* bit 1 << ssmq_baseline for each; what follows up to `interaction` is of the comparison *
                          * with float, but for evaluation and windows, which both have                            */
    uint32_t metrics;    /* bit 1 << ssmq_metric for each                                       */
    int32_t  bootstrap;  /* resamples of the windows for an interval; 0: none                   */
    bool     tokens;     /* keep the figures of every token                                     */
    uint32_t inputs;     /* bit 1 << ssmq_error_input for each, of the metrics of sites         */
    double   clip_limit; /* clip rate of a site above which there is an alarm, in per cent      */
    /* The text of errors at sites, sensitivity, interactions, and of the comparison with fake. */
    int32_t  evaluation; /* index into the run's evaluations */
    int64_t  windows;    /* of it, as its limit; 0: all      */
    ssmq_sensitivity_mode sensitivity;
    ssmq_unit_kind        by;
    const ssmq_step_pair *interaction; /* those whose steps a recipe does not have do not concern it */
    int32_t               n_interaction;
} ssmq_compare_spec;

typedef struct ssmq_run {
    char               id[SSMQ_RUN_ID];       /* 16 hex digits: same id, same run */
    const char        *name;                  /* for people: "float", "fake quamba p=99.9" */
    ssmq_mode          mode;
    const ssmq_recipe *recipe;                /* NULL in float mode */
    const ssmq_calibration_spec *calibration; /* NULL where nobody looks at samples: no step of the
                                               * recipe observes, and nothing is collected from them */
    const ssmq_evaluation       *evaluation;
    int32_t                      n_evaluation;
    const ssmq_profile_spec     *profile;
    int32_t                      n_profile;
    const ssmq_compare_spec     *compare;     /* NULL: not compared; always so in float mode */
    const ssmq_collect_spec     *collect;     /* NULL: nothing is collected */
    int64_t                      dump_bytes;  /* that dump.h5 takes at most; 0: there is none */
    const ssmq_backend_ops      *backend;
    const void                  *backend_options;
    int32_t                      threads;     /* >= 1; not part of the id */
    int64_t                      keep_hidden; /* bytes in the cache, likewise  */
    int64_t                      keep_ranges; /* bytes by channel of a calibration pass, likewise */
    uint64_t                     seed;
    const char                  *model;       /* directory, as the process may open it */
    const char                  *tokenizer;   /* file; NULL where all data of the run are tokens */
    const char                  *resolved;    /* YAML, every default written out, paths as given */
    const char                  *canonical;   /* what is hashed: sums of files, no names or paths */
    const char                  *unsupported; /* why it cannot run, and is recorded only; NULL: it can */
} ssmq_run;

/* How a cluster is to carry the runs out (run/launch.h); part of no run's id. */
typedef struct ssmq_launch_spec {
    const char *partition, *account, *qos, *time; /* NULL: the cluster's default */
    int64_t     memory;                           /* bytes; 0: likewise */
    int         cpus;
    int         warn;     /* seconds before the limit */
    int         resubmit; /* times */
    const char *const *options; /* NULL-terminated */
} ssmq_launch_spec;

/* A file whose content decides numbers, as it was when it was hashed. */
typedef struct ssmq_input {
    const char *path;
    char        digest[7 + SSMQ_SHA256_HEX]; /* "sha256:...", empty until hashed */
    int64_t     bytes, changed_ns;           /* size, and time of the last change          */
    int64_t     status_ns;                   /* of that, or of its name, owner and the like */
    uint64_t    inode;                       /* which file bore the name                   */
} ssmq_input;

/* A YAML file as it was read: for copies beside the results. */
typedef struct ssmq_experiment_file {
    const char *path;
    const char *text;
    size_t      length;
} ssmq_experiment_file;

typedef struct ssmq_experiment {
    const char     *path;             /* as given */
    const char     *snapshot;         /* the snapshot that it was read from; NULL: from its own files */
    bool            no_model;         /* ssmq_experiment_outline() */
    const char     *name;
    const char     *question;         /* NULL: not asked */
    const ssmq_run *run;              /* model by model: float first, then each mode for each recipe,  *
                                       * each at every point of the axes                               */
    int32_t         n_run;
    ssmq_sweep      sweep;            /* what runs differ in; every experiment has recipe and mode */
    ssmq_launch_spec launch;
    const ssmq_expectation *expect;   /* values that runs are held against; not part of any id */
    int32_t                 n_expect;
    const ssmq_experiment_file *file; /* the file, then its includes and recipe files */
    int32_t                     n_file;
    const ssmq_input *const *input; /* every file that a run id stands for */
    int32_t n_input;
    const char *const *override;      /* KEY=VALUE of each --set, in order */
    int32_t            n_override;
    struct ssmq_yaml  *resolved;      /* the experiment with every default, and where from */
    ssmq_arena        *arena;         /* owns all of it */
} ssmq_experiment;

/* Reads path and what it includes, then sets override[i] ("KEY=VALUE", KEY dotted, VALUE in YAML)
 * in order, checks everything, and expands the runs; runs nothing.  Reads the model's config and
 * the tables of its weight files, and hashes every input file.
 *
 * A sweep is expanded as a whole: every point is read and checked before there is a run.
 *
 * Problems and warnings go to diag; the failure's own message only counts them.  CONFIG for
 * problems with what is asked, UNSUPPORTED where all of them are valid but not offered, INPUT where
 * all of them are files that are missing or unreadable.  Warnings may be in diag on success too. */
SSMQ_MUST_USE ssmq_status ssmq_experiment_read(const char *path, const char *const *override,
                                               int32_t n_override, const ssmq_catalogue *cat,
                                               ssmq_diag *diag, ssmq_experiment **out);
/* The same where the model is on another machine: nothing in its directory is looked at, so what depends on it is
 * not checked, runs have no ids (e->no_model), and none of it can be carried out. */
SSMQ_MUST_USE ssmq_status ssmq_experiment_outline(const char *path, const char *const *override, int32_t n_override,
                                                  const ssmq_catalogue *cat, ssmq_diag *diag, ssmq_experiment **out);
void                      ssmq_experiment_free(ssmq_experiment *e); /* accepts NULL */

/* The most that dump.h5 of any run takes; *n_run: how many runs have one. */
int64_t ssmq_experiment_dump_bytes(const ssmq_experiment *e, int32_t *n_run);

/* INPUT, naming the first, if a file is no longer the one that was hashed. */
SSMQ_MUST_USE ssmq_status ssmq_experiment_unchanged(const ssmq_experiment *e);

/* The resolved experiment as YAML, of a sweep its first point, with where each value came from behind it as
 * a comment ("# FILE:LINE", "# --set #1", "# default"), then its runs with their ids, what was excluded, and what was
 * not checked, as comments too. */
void ssmq_experiment_print(const ssmq_experiment *e, ssmq_str *out);

#ifdef __cplusplus
}
#endif
