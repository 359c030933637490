/* The parts of reading an experiment, for the files in this folder only.  YAML files are merged
 * (merge.c), the sections are read into a draft (read_*.c), the draft is checked against the model
 * (check_model.c), and becomes runs (resolve.c).  Every step reports to the loader's diag and goes
 * on where it can. */
#pragma once
#include "harness/base/hash.h"
#include "harness/base/option.h"
#include "harness/run/experiment/experiment.h"
#include "harness/run/sweep/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_FILES_MAX 200  /* YAML files of one experiment           */
#define SSMQ_STEPS_MAX 1000 /* steps, recipes, evaluations: of a list */

/* Notes size, times of change and inode of the file at in->path.  INPUT. */
SSMQ_MUST_USE ssmq_status ssmq_input_mark(ssmq_input *in);
/* All that is noted, as text: a file whose text is another is another file. */
#define SSMQ_INPUT_MARK 96
void ssmq_input_mark_text(const ssmq_input *in, char text[SSMQ_INPUT_MARK]);

/* A data set where it is used, read from its mapping, in place or under its name. */
typedef struct ssmq_data_draft {
    ssmq_data        data; /* file: as the process may open it */
    const ssmq_yaml *given;
} ssmq_data_draft;

typedef struct ssmq_step_draft {
    const char        *id;
    const ssmq_method *method;
    void              *options;
    bool               enabled;
    const ssmq_yaml   *given;
    const char        *path; /* for messages, "recipes.quamba.u" */
} ssmq_step_draft;

typedef struct ssmq_recipe_draft {
    const char      *name;  /* NULL: the only one */
    const ssmq_yaml *key;   /* what to point at */
    ssmq_step_draft *step;
    int32_t          n_step;
    ssmq_recipe     *final; /* the enabled steps */
    const char      *unsupported[3]; /* by mode: why it cannot run; where that is recorded, not refused */
} ssmq_recipe_draft;

typedef struct ssmq_calibration_draft {
    int select, count, length, seed, batch; /* as the option table reads them; seed -1: run.seed */
    ssmq_data_draft  data;
    const ssmq_yaml *given;          /* NULL: the experiment has none */
} ssmq_calibration_draft;

typedef struct ssmq_evaluation_draft {
    const char      *id;
    int              task, dialect, window, limit, loss_dtype, state_reset;
    const char      *prefix; /* NULL: of another dialect than lm-eval */
    ssmq_data_draft  data;
    const ssmq_yaml *given;
} ssmq_evaluation_draft;

typedef struct ssmq_profile_draft {
    ssmq_profile_spec spec;
    int               task;
    const ssmq_yaml  *given;
} ssmq_profile_draft;

typedef struct ssmq_compare_draft {
    int              bootstrap, windows, sensitivity, by;
    bool             tokens;
    double           clip_limit;
    const char      *evaluation;      /* NULL: the first                   */
    int32_t          evaluation_index;
    uint32_t         against, metrics, inputs; /* bits, as in ssmq_compare_spec */
    ssmq_step_pair  *interaction;
    const ssmq_yaml **interaction_given; /* [n_interaction] */
    int32_t          n_interaction;
    const ssmq_yaml *given;           /* NULL: nothing is compared         */
} ssmq_compare_draft;

typedef struct ssmq_statistics_draft {
    bool             on, moments, channels, states;
    int              top_channels, histogram; /* histogram: an ssmq_histogram_kind      */
    double          *quantile;                /* [n_quantile], ascending                */
    int32_t          n_quantile;
    const ssmq_yaml *given, *quantiles_given; /* or NULL                                */
} ssmq_statistics_draft;

typedef struct ssmq_dump_draft {
    const char *const *sites;
    int                samples, tokens, dtype;
    int64_t            limit;
    const ssmq_yaml   *given; /* NULL: nothing is dumped */
} ssmq_dump_draft;

typedef struct ssmq_collect_draft {
    const char *const    *sites; /* NULL: the default */
    ssmq_statistics_draft statistics;
    ssmq_dump_draft       dump;
    const ssmq_yaml      *given;         /* NULL: nothing is collected                      */
    bool                  needs_samples; /* this and the next: known after the model was seen */
    int64_t               dump_bytes;    /* that dump.h5 takes at most                      */
} ssmq_collect_draft;

typedef struct ssmq_draft {
    const ssmq_yaml *name, *question;                /* scalars; question may be NULL */
    struct {
        const char      *path, *tokenizer;           /* as given; tokenizer NULL: the directory's */
        const char      *directory, *tokenizer_file; /* as the process may open them */
        const ssmq_yaml *given;                      /* NULL: there is no checkpoint to look at */
    } model;
    ssmq_calibration_draft calibration;
    ssmq_mode              mode[3];
    const ssmq_yaml       *mode_given[3];
    int32_t                n_mode;
    ssmq_recipe_draft     *recipe;
    int32_t                n_recipe;
    ssmq_evaluation_draft *evaluation;
    int32_t                n_evaluation;
    ssmq_profile_draft    *profile;      /* the evaluations of that task */
    int32_t                n_profile;
    ssmq_compare_draft     compare;
    ssmq_collect_draft     collect;
    struct {
        int                     seed, threads;       /* threads 0: all */
        int64_t                 keep_hidden;         /* bytes */
        int64_t                 keep_ranges;         /* bytes */
        const ssmq_yaml        *given;               /* or NULL */
        const ssmq_backend_ops *backend;
        void                   *backend_options;
        const ssmq_yaml        *backend_given;       /* its mapping or name, or NULL */
    } run;
} ssmq_draft;

/* ---- sweeps ------------------------------------------------------------------------------ */

/* One of the paths that an axis sets. */
typedef struct ssmq_axis_path {
    const ssmq_yaml  *key;  /* as it is written */
    ssmq_yaml *const *part; /* [n_part] */
    int32_t           n_part;
    const ssmq_yaml  *list; /* its values */
} ssmq_axis_path;

typedef struct ssmq_axis_draft {
    const char      *name;
    const ssmq_yaml *key;
    ssmq_axis_path  *path; /* [n_path]; none: recipe, mode */
    int32_t          n_path, n;
    const char     **label;       /* [n] */
    const ssmq_yaml **value;      /* [n] */
    int32_t          moves_with;  /* the first axis of its zip; itself */
} ssmq_axis_draft;

/* What some of the axes are to be: an entry of `exclude`, a `baseline`, a `where`. */
typedef struct ssmq_choice {
    const ssmq_yaml *given;
    bool           **allows; /* [n_axis][n of the axis]; NULL: any value */
    int64_t          met;    /* points at which it held */
} ssmq_choice;

typedef struct ssmq_sweep_draft {
    ssmq_axis_draft  axis[SSMQ_AXES_MAX]; /* recipe, mode, then the sweep's */
    int32_t          n_axis;
    ssmq_choice *exclude;
    int32_t          n_exclude;
    ssmq_choice *baseline;            /* or NULL */
    bool             record;              /* what is not offered becomes a run that says so */
    const ssmq_yaml *given;               /* NULL: there is no sweep */
    int32_t          at[SSMQ_AXES_MAX];   /* the point that is being read: its values' indices */
} ssmq_sweep_draft;

typedef struct ssmq_expect_draft {
    const ssmq_yaml *given;
    ssmq_choice      where;
    ssmq_expectation spec;
} ssmq_expect_draft;

/* A file that something included, to be used. */
typedef struct ssmq_included {
    ssmq_origin *source;
    ssmq_place   place; /* where it is named */
} ssmq_included;

typedef struct ssmq_loader {
    ssmq_arena           *arena;
    ssmq_diag            *diag;
    const ssmq_catalogue *cat;
    const ssmq_snapshot    *snapshot; /* files are taken from there; NULL: they are read */
    bool                  no_model; /* what lies in the model's directory is not looked at */
    ssmq_option_context   options;
    ssmq_yaml            *root; /* everything merged; a mapping */
    ssmq_origin          *file[SSMQ_FILES_MAX];
    ssmq_yaml            *tree[SSMQ_FILES_MAX]; /* of each; NULL: it had none */
    int32_t               n_file;
    ssmq_included         included[SSMQ_FILES_MAX];
    int32_t               n_included;
    ssmq_input          **input;
    int32_t               n_input, input_capacity;
    ssmq_draft            draft;
    ssmq_sweep_draft      sweep;
    ssmq_expect_draft    *expect;
    int32_t               n_expect;
    struct {                          /* what points have in common, kept between them */
        const char      *directory;   /* of the model; NULL: none yet */
        ssmq_model      *model;
        const ssmq_yaml *model_given[2]; /* without and with its tokenizer */
        ssmq_yaml       *model_tree[2];
        const char      *tokenizer_file; /* of the tokenizer */
        ssmq_tokenizer  *tokenizer;
    } kept;
} ssmq_loader;

#define SSMQ_REPORT(ld, problem, node, help, ...) \
    ssmq_diag_add((ld)->diag, SSMQ_ERR_CONFIG, SSMQ_E_##problem, (node)->place, (help), __VA_ARGS__)

/* ---- experiment.c ---- */

/* An empty one, the arena's. */
ssmq_loader *ssmq_loader_new(ssmq_arena *arena, const ssmq_catalogue *cat, ssmq_diag *diag);
/* Releases what is not the arena's. */
void         ssmq_loader_close(ssmq_loader *ld);

/* As ssmq_experiment_read(), of the files of a snapshot. */
SSMQ_MUST_USE ssmq_status ssmq_experiment_read_snapshot(const ssmq_snapshot *f, const ssmq_catalogue *cat,
                                                      ssmq_diag *diag, ssmq_experiment **out);

/* ---- merge.c --------------------------------------------------------------------------- */

/* Reads the file and what it includes into ld->root.  False if there were problems. */
bool        ssmq_loader_read(ssmq_loader *ld, const char *path);
/* Sets KEY=VALUE, the n-th (from 1), in ld->root, which stays as it was where that is reported. */
void        ssmq_loader_override(ssmq_loader *ld, const char *text, int32_t n);
/* The keys between the dots of a scalar, each at its place; NULL (reported) if one is empty. */
ssmq_yaml **ssmq_loader_split(ssmq_loader *ld, const ssmq_yaml *whole, int32_t *count);
/* Sets the value at the dotted key in ld->root; false if a problem was reported. */
bool        ssmq_loader_set(ssmq_loader *ld, ssmq_yaml *const *part, int32_t n, ssmq_yaml *value);
/* A YAML file named by a scalar: its tree, NULL if there were problems. */
ssmq_yaml  *ssmq_loader_file(ssmq_loader *ld, const ssmq_yaml *name);
/* Reports included files of which nothing was used. */
void        ssmq_loader_unused(ssmq_loader *ld);
/* The path that a scalar names, as seen from the file it stands in. */
const char *ssmq_loader_path(ssmq_loader *ld, const ssmq_yaml *name);

/* ---- read_experiment.c, read_compare.c, read_collect.c, read_recipe.c, read_data.c ------- */

/* ld->root to ld->draft. */
void        ssmq_loader_draft(ssmq_loader *ld);
/* The mapping `compare`, after the modes. */
void        ssmq_loader_compare(ssmq_loader *ld, const ssmq_yaml *given);
/* What a run in this mode is compared with: bits, as in ssmq_compare_spec; 0: with nothing. */
uint32_t    ssmq_loader_against(const ssmq_draft *d, ssmq_mode mode);
/* The mapping `collect`; and what it asks of a run, in the arena, NULL for nothing. */
void                     ssmq_loader_collect(ssmq_loader *ld, const ssmq_yaml *given);
const ssmq_collect_spec *ssmq_loader_collect_spec(ssmq_loader *ld);
/* A list of steps, or the name of a file that holds one. */
void        ssmq_loader_recipe(ssmq_loader *ld, const ssmq_yaml *given, const char *path,
                               ssmq_recipe_draft *out);
bool        ssmq_loader_data(ssmq_loader *ld, const ssmq_yaml *given, const char *path,
                             ssmq_data_draft *out);
void        ssmq_loader_data_names(ssmq_loader *ld);
bool        ssmq_loader_model(ssmq_loader *ld, const ssmq_yaml *given);
/* Does the evaluation leave out documents that calibration takes?  Sums files. */
bool        ssmq_loader_leaves_out(ssmq_loader *ld, const ssmq_evaluation_draft *e);
/* What in the draft needs a tokenizer: an evaluation's id, "calibration" (looked at where
 * calibrated is set), or NULL. */
const char *ssmq_loader_reads_text(const ssmq_loader *ld, bool calibrated);

/* A calibration would be used: some run is not float and some enabled step observes. */
bool ssmq_loader_observes(const ssmq_loader *ld);

/* Reports a scalar that names a file which is missing or unreadable. */
bool ssmq_loader_exists(ssmq_loader *ld, const char *path, const ssmq_yaml *name);

/* ---- check_model.c --------------------------------------------------------------------- */

/* Sites, shapes and order of all steps, and the tokenizer, against the described model. */
void ssmq_loader_check(ssmq_loader *ld);
/* Reports each selector that names no site that the method (NULL: anybody) takes, where it stands in given,
 * a selector or a list; fallback: the place where nothing is given.  False if there was one. */
bool ssmq_loader_check_selectors(ssmq_loader *ld, const ssmq_model *model, const ssmq_method *method,
                                 const char *const *selector, const ssmq_yaml *given,
                                 const ssmq_yaml *fallback, const char *path);

/* ---- check_collect.c ------------------------------------------------------------------- */

/* The sites of `collect`, what it needs, and the size of the dump, against the described model. */
void ssmq_loader_check_collect(ssmq_loader *ld, const ssmq_model *model);
/* Has every site that is dumped as codes codes under this plan?  plan NULL: float.  Reports the first that
 * has not, with the reason; run: what the message calls the run. */
void ssmq_loader_check_codes(ssmq_loader *ld, const ssmq_model *model, const ssmq_plan *plan,
                             const char *run);

/* ---- read_sweep.c, choice.c ---------------------------------------------------------- */

/* The mapping `sweep`, the recipes and the modes to ld->sweep. */
void ssmq_loader_sweep(ssmq_loader *ld);

/* A mapping of axes (by name or path) to a value or a list of values, path in messages; *out is without
 * problems where it returns true. */
bool ssmq_choice_read(ssmq_loader *ld, const ssmq_yaml *given, const char *path, ssmq_choice *out);
/* Does it hold at these values of the axes? */
bool ssmq_choice_holds(const ssmq_loader *ld, const ssmq_choice *a, const int32_t *at);
bool ssmq_loader_same_value(ssmq_loader *ld, const ssmq_yaml *a, const ssmq_yaml *b);

/* ---- read_expect.c ----------------------------------------------------------------------- */

/* The list `expect`, when the axes are known. */
void ssmq_loader_expect(ssmq_loader *ld);
/* launch, into the experiment; what is not given has its default (read_launch.c). */
void ssmq_loader_launch(ssmq_loader *ld, ssmq_experiment *e);
/* What is expected of which runs, when these are known. */
void ssmq_loader_expected(ssmq_loader *ld, ssmq_experiment *e);

/* ---- expand.c ---------------------------------------------------------------------------- */

/* Reads and checks every point of the sweep (without one there is a single point), and then makes them runs. */
void ssmq_loader_expand(ssmq_loader *ld, ssmq_experiment *e);
/* Is this recipe in this mode dropped at the point that is being read? */
bool ssmq_loader_excluded(ssmq_loader *ld, int32_t recipe, ssmq_mode mode);
/* What to point at for a problem with a node: the value of an axis that stands in it, else itself. */
const ssmq_yaml *ssmq_loader_blame(const ssmq_loader *ld, const ssmq_yaml *node);

/* ---- resolve.c, tree.c ------------------------------------------------------------------ */

/* The runs of the draft, which is free of problems: cell [n_recipe or 1][n_mode], in the arena; NULL: excluded.
 * A float run stands in the cells of all recipes. */
void ssmq_loader_runs(ssmq_loader *ld, ssmq_run **cell);

/* What a run resolves to; recipe NULL: float.  Files as paths for SHOWN and sums for HASHED. */
ssmq_yaml  *ssmq_run_tree(ssmq_loader *ld, ssmq_mode mode, const ssmq_recipe_draft *recipe,
                          bool calibrated, ssmq_yaml *model);
/* The whole experiment: all modes, all recipes with all steps. */
ssmq_yaml  *ssmq_experiment_tree(ssmq_loader *ld);
/* The model's mapping with its files hashed (what cannot be read is reported), the tokenizer only
 * if it is needed. */
ssmq_yaml  *ssmq_model_tree(ssmq_loader *ld, bool tokenizer);
/* "sha256:..." of a file's content; NULL (reported at name) if it cannot be read. */
const char *ssmq_loader_digest(ssmq_loader *ld, const char *path, const ssmq_yaml *name);

/* ---- schema.c -------------------------------------------------------------------------- */

/* The tables of the mappings of an experiment, as options structs of the drafts above.  A step's, a
 * backend's and an observer's come from the catalogue. */
extern const ssmq_option ssmq_schema_model[];
extern const ssmq_option ssmq_schema_data[];        /* ssmq_data_options      */
extern const ssmq_option ssmq_schema_calibration[]; /* ssmq_calibration_draft */
extern const ssmq_option ssmq_schema_evaluation[];  /* ssmq_evaluation_draft  */
extern const ssmq_option ssmq_schema_profile[];     /* ssmq_profile_draft     */
extern const ssmq_option ssmq_schema_compare[];     /* ssmq_compare_draft     */
extern const ssmq_option ssmq_schema_collect[];     /* ssmq_collect_draft     */
extern const ssmq_option ssmq_schema_statistics[];  /* ssmq_statistics_draft  */
extern const ssmq_option ssmq_schema_dump[];        /* ssmq_dump_draft        */
extern const ssmq_option ssmq_schema_run[];         /* ssmq_run_options       */
extern const ssmq_option ssmq_schema_step[];        /* ssmq_step_options      */
extern const ssmq_option ssmq_schema_sweep[];       /* ssmq_sweep_options     */

typedef enum ssmq_histogram_kind {
    SSMQ_HISTOGRAM_OFF,
    SSMQ_HISTOGRAM_FLOATBITS16, /* harness/tensor/histogram.h */
} ssmq_histogram_kind;

typedef struct ssmq_model_options {
    const char *path, *tokenizer;
} ssmq_model_options;
typedef struct ssmq_data_options {
    const char *file, *subset;
    int         format;
} ssmq_data_options;
typedef struct ssmq_run_options {
    int     seed, threads;
    int64_t keep_hidden, keep_ranges;
} ssmq_run_options;
extern const ssmq_option ssmq_schema_expect[]; /* ssmq_expect_options */
typedef struct ssmq_expect_options {
    const char *evaluation, *metric, *tolerance, *source;
    double      value;
} ssmq_expect_options;
extern const ssmq_option ssmq_schema_launch[]; /* ssmq_launch_spec */
typedef struct ssmq_sweep_options {
    int unsupported;
} ssmq_sweep_options;
typedef struct ssmq_step_options {
    const char *id, *method;
    bool        enabled;
} ssmq_step_options;

/* A key of the top as the reference and the JSON Schema explain it. */
typedef struct ssmq_schema_key {
    const char *name;
    const char *value;    /* what it may be, as Markdown     */
    const char *fallback; /* NULL: required; "": may be left out */
    const char *help;
} ssmq_schema_key;
extern const ssmq_schema_key ssmq_schema_top[]; /* reference.c; ends with {0} */

/* Keys of the top, NULL-terminated. */
extern const char *const ssmq_schema_keys[];

#ifdef __cplusplus
}
#endif
