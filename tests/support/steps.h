/* Recipes as tests write them, applied to small models whose every weight matters: norm gains and biases too,
 * which models before training have at 1 and 0. */
#pragma once
#include "harness/run/calibrate/recipe.h"

typedef struct test_step {
    const ssmq_method *method; /* NULL ends a list           */
    const char        *options; /* as in YAML; NULL: defaults */
} test_step;

#define TEST_SAMPLES 3
#define TEST_LENGTH 24 /* tokens of the first sample; the others are shorter by one each */

/* Weights drawn from a seed in the shape that a config.json says; freed by ssmq_model_free(). */
ssmq_model *test_drawn_model(const char *config, uint64_t seed);
/* For it: one of either kind of checkpoint, the other with biases and a head of its own. */
#define TEST_CONFIGS 2
extern const char *const test_configs[TEST_CONFIGS];

/* The tokens of a sample, [TEST_LENGTH]. */
void test_sample(const ssmq_model *m, int32_t sample, int32_t *token);

/* A recipe carried out on a fork of a model. */
typedef struct test_applied {
    ssmq_model        *m;
    ssmq_recipe_result r;
    ssmq_arena        *arena;
} test_applied;

/* Applies the steps, at most 10; any failure fails the test. */
test_applied test_apply(const ssmq_model *base, ssmq_backend *be, const test_step *steps, uint64_t seed);
void         test_applied_free(test_applied *a);

/* The same, but a failure is returned, and *out is left alone. */
ssmq_status test_try(const ssmq_model *base, ssmq_backend *be, const test_step *steps, uint64_t seed,
                     test_applied *out);

/* The same with so many samples at once. */
ssmq_status test_try_batched(const ssmq_model *base, ssmq_backend *be, const test_step *steps, uint64_t seed,
                             int32_t batch, test_applied *out);

/* Has the plan a kernel for all that it asks for in real mode?  UNSUPPORTED is the only way to say no. */
bool test_has_kernels(ssmq_backend *be, const test_applied *a);

/* Outlines the steps in order: which one fails, and how; -1 and OK: none does. */
int32_t test_outline(const ssmq_model *m, const test_step *steps, ssmq_status *status);

/* Outlines the steps in order, as a check of an experiment does: the last fails so, the others succeed. */
void test_refused(const ssmq_model *m, const test_step *steps, ssmq_status status, const char *message);

/* What a probe sees at an activation site while a sample runs, (length, width); plan NULL: float mode. */
float *test_seen(ssmq_backend *be, const ssmq_model *m, const ssmq_plan *plan, int32_t sample,
                 const char *site);
/* Largest difference of the first sample's logits from the unchanged model's in float mode, relative to the
 * largest logit. */
double test_changed(ssmq_backend *be, const ssmq_model *base, const test_applied *a);

/* max |a - b| / max |b| over n values. */
double test_apart(const float *a, const float *b, int64_t n);

/* The index of a site that there is, and the values of a weight site. */
int32_t      test_site(const ssmq_model *m, const char *name);
const float *test_weight(const ssmq_model *m, const char *site);
