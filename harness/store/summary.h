/* summary.json, the numbers that people copy out of a run, and the same run as `ssmq run
 * --format json` prints it.  A number that is not finite is null, with "<key>_nonfinite": "nan",
 * "inf" or "-inf" beside it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Dialect lm-eval: the same losses for each word and byte of the text; standard errors are over documents. */
#define SSMQ_TEXT_FIELDS(X)  \
    X(word_ppl, "")          \
    X(word_ppl_se, "")       \
    X(byte_ppl, "")          \
    X(byte_ppl_se, "")       \
    X(bits_per_byte, "bit")  \
    X(bits_per_byte_se, "bit")

#define SSMQ_TEXT_COUNTS(X) X(documents, "document") X(words, "word") X(bytes, "byte")

typedef struct ssmq_text_score {
#define X(field, unit) int64_t field;
    SSMQ_TEXT_COUNTS(X) /* documents 0: of another dialect, and nothing below is there */
#undef X
#define X(field, unit) double field;
    SSMQ_TEXT_FIELDS(X)
#undef X
} ssmq_text_score;

/* A perplexity with what it is over. */
typedef struct ssmq_score {
    double  ppl;    /* exp(nll)                                       */
    double  ppl_se; /* its standard error over windows, of lm-eval over documents */
    double  nll;    /* mean loss of a token, in nats                  */
    int64_t windows, tokens;
    ssmq_text_score text;
} ssmq_score;

/* Paired with another model over the same tokens (harness/run/evaluate/compare.h): field, which metric it belongs
 * to (an index into ssmq_metrics; -1: none, always there), unit.  Standard errors and the interval are over
 * windows, quantiles over tokens. */
#define SSMQ_COMPARE_FIELDS(X)  \
    X(ln_ratio, -1, "nat")      \
    X(ln_ratio_se, -1, "nat")   \
    X(ln_ratio_low, -1, "nat")  \
    X(ln_ratio_high, -1, "nat") \
    X(kl_mean, 0, "nat")        \
    X(kl_se, 0, "nat")          \
    X(kl_median, 0, "nat")      \
    X(kl_p90, 0, "nat")         \
    X(kl_p99, 0, "nat")         \
    X(kl_p999, 0, "nat")        \
    X(kl_max, 0, "nat")         \
    X(delta_p_mean, 1, "")      \
    X(delta_p_rms, 1, "")       \
    X(top1, 2, "")

typedef struct ssmq_compare_score {
    const char *against; /* "float"; NULL: nothing was compared        */
    uint32_t    metrics; /* bit 1 << metric: its fields are there      */
#define X(field, metric, unit) double field;
    SSMQ_COMPARE_FIELDS(X)
#undef X
} ssmq_compare_score;

typedef struct ssmq_subset_score {
    const char        *name;
    ssmq_score         score;
    ssmq_compare_score compare;
} ssmq_subset_score;

typedef struct ssmq_evaluation_score {
    const char              *id;
    ssmq_score               score;
    ssmq_compare_score       compare;
    const char              *dialect; /* "gptq"; two of them are never compared */
    int64_t                  window;  /* tokens                                 */
    const char              *loss_dtype; /* "f32", "f16"; NULL: runs from before there was a choice, f32 */
    int64_t                  state_reset; /* tokens of a window after which states begin anew; 0: never */
    const ssmq_subset_score *subset;
    int32_t                  n_subset;
} ssmq_evaluation_score;

/* Errors of a site in all its layers together (harness/run/evaluate/site_error.h): field, the metric it belongs to. */
#define SSMQ_SITE_FIELDS(X) \
    X(sqnr_db, 3)           \
    X(mse, 4)               \
    X(cosine, 5)            \
    X(rel_l2, 6)            \
    X(max_err, 7)           \
    X(bias, 8)              \
    X(clip_rate, 9)

typedef struct ssmq_site_score {
    const char *site;    /* without "layers.N."              */
    const char *input;   /* "clean", "propagated"            */
    int32_t     layers;  /* that were measured               */
    uint32_t    metrics; /* bit 1 << metric: its fields are there */
#define X(field, metric) double field;
    SSMQ_SITE_FIELDS(X)
#undef X
    int32_t worst_layer; /* the one with the lowest SQNR; -1: outside the layers */
    double  worst_sqnr_db;
} ssmq_site_score;

typedef struct ssmq_site_scores {
    const char            *evaluation; /* on whose text; NULL: none were measured */
    int64_t                windows;
    const ssmq_site_score *score;
    int32_t                n;
} ssmq_site_scores;

/* A recipe of which only some units quantise (harness/run/evaluate/sensitivity.h): field, unit, what it is. */
#define SSMQ_SENSITIVITY_FIELDS(X)                                                                   \
    X(ppl, "", "perplexity")                                                                         \
    X(ln_ratio, "nat", "difference in log-perplexity from float")                                    \
    X(ln_ratio_se, "nat", "paired standard error of ln_ratio over windows")                          \
    X(kl_mean, "nat", "mean divergence from float")                                                  \
    X(kl_se, "nat", "standard error of kl_mean over windows")                                        \
    X(damage, "nat",                                                                                 \
      "what the unit costs in log-perplexity: alone, from float; left out, from there to all units") \
    X(damage_se, "nat", "paired standard error of damage over windows")

typedef struct ssmq_sensitivity_figures {
#define X(field, unit, long_name) double field;
    SSMQ_SENSITIVITY_FIELDS(X)
#undef X
} ssmq_sensitivity_figures;

typedef struct ssmq_unit_score {
    const char              *unit;
    ssmq_sensitivity_figures on, off; /* only it quantises; all but it do */
} ssmq_unit_score;

typedef struct ssmq_sensitivity_scores {
    const char              *evaluation; /* on whose text; NULL: not measured */
    int64_t                  windows;
    const char              *by;         /* what a unit is: "site", "layer", ... */
    bool                     has_on, has_off;
    ssmq_sensitivity_figures all; /* all units quantise: the recipe itself; damage is from float */
    const ssmq_unit_score   *unit; /* [n] in the order of the model's sites */
    int32_t                  n;
} ssmq_sensitivity_scores;

/* Two steps of a recipe: mean losses in nats with both, with each and without them; what both cost less what
 * each costs, with its paired standard error over windows. */
typedef struct ssmq_interaction_score {
    const char *a, *b; /* ids */
    double      both, only_a, only_b, neither, ln_ppl, ln_ppl_se;
} ssmq_interaction_score;

typedef struct ssmq_interaction_scores {
    const char                   *evaluation; /* NULL: none were measured */
    int64_t                       windows;
    const ssmq_interaction_score *pair;
    int32_t                       n;
} ssmq_interaction_scores;

/* What a run costs (harness/run/profile/profile.h), medians; they never repeat.  NaN: not measured. */
#define SSMQ_SPEED_FIELDS(X)   \
    X(ttft_ms)                 \
    X(tpot_ms)                 \
    X(ttlt_ms)                 \
    X(prefill_tokens_per_s)    \
    X(perplexity_tokens_per_s) \
    X(prefill_of_floor)        \
    X(decode_of_floor)         \
    X(size_bytes)

typedef struct ssmq_speed_score {
    const char *id;
#define X(field) double field;
    SSMQ_SPEED_FIELDS(X)
#undef X
} ssmq_speed_score;

/* Something about a run's numbers that a person ought to look at; the numbers stand all the same. */
typedef struct ssmq_alarm {
    const char *event;      /* "scale of zero": what a program looks for */
    const char *evaluation; /* or NULL */
    const char *site;       /* or NULL */
    const char *message;    /* the figures behind it, for people */
} ssmq_alarm;

typedef struct ssmq_summary {
    const char *id, *name;
    const char *mode;   /* "float", "fake", "real"                   */
    const char *recipe; /* its name; NULL: none, or it has none      */
    const char *status; /* "done", "failed", ... (rundir.h)          */
    const char *reason; /* of any status but "done"; or NULL         */
    const ssmq_evaluation_score *evaluation;
    int32_t                      n_evaluation;
    const ssmq_speed_score      *speed;
    int32_t                      n_speed;
    ssmq_site_scores             sites;
    ssmq_sensitivity_scores      sensitivity;
    ssmq_interaction_scores      interactions;
    const ssmq_alarm            *alarm;
    int32_t                      n_alarm;
    int64_t                      parameters, weight_bytes; /* harness/run/checkpoint/weight_size.h; 0: not known */
} ssmq_summary;

/* Replaces path as a whole; IO. */
SSMQ_MUST_USE ssmq_status ssmq_summary_write(const ssmq_summary *s, const char *path);
/* All of *out lives in a.  INPUT, naming file and key, if it is missing or malformed. */
SSMQ_MUST_USE ssmq_status ssmq_summary_read(const char *path, ssmq_arena *a, ssmq_summary *out);

/* What stands in an element of "runs" of `ssmq run --format json`. */
void ssmq_summary_put_fields(ssmq_json_writer *w, const ssmq_summary *s);

/* A real number, or null and the sibling key that says which non-finite value it is. */
void ssmq_summary_put_real(ssmq_json_writer *w, const char *key, double value);

#ifdef __cplusplus
}
#endif
