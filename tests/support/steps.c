#include "tests/support/steps.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/rng.h"
#include "models/families.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"
#include "tests/support/options.h"

#define STEPS_MAX 10

/* ---- models ---------------------------------------------------------------------------- */

static float within(ssmq_rng *r, double low, double high)
{
    return (float)(low + (high - low) * ssmq_rng_uniform(r));
}

/* Ranges that keep a forward pass finite and every weight felt. */
static void fill(const ssmq_weight *w, ssmq_tensor *t, ssmq_rng *r)
{
    const int64_t n = ssmq_tensor_count(t), last = t->dim[t->rank - 1];
    float        *v = t->data;
    for (int64_t i = 0; i < n; i++) {
        if (strstr(w->name, "A_log")) v[i] = logf((float)(i % last + 1));
        else if (strstr(w->name, "norm")) v[i] = within(r, 0.3, 2);
        else if (strstr(w->name, "dt_proj.bias")) v[i] = within(r, -4, -2);
        else if (t->rank == 1) v[i] = within(r, -0.5, 1);
        else v[i] = within(r, -1, 1) * (float)sqrt(3.0 / (double)last);
    }
}

ssmq_model *test_drawn_model(const char *config, uint64_t seed)
{
    ssmq_json   json;
    ssmq_model *m;
    ssmq_rng    r;
    CHECK_OK(ssmq_json_parse("(drawn)", config, strlen(config), &json));
    CHECK_OK(ssmq_model_describe(ssmq_families, "(drawn)", &json, &m));
    ssmq_json_close(&json);
    ssmq_rng_init(&r, seed, "drawn model");
    for (int32_t i = 0; i < m->n_weight; i++) {
        ssmq_weight *w = &m->weight[i];
        ssmq_tensor  t;
        if (w->tied_to >= 0) {
            w->value.data = m->weight[w->tied_to].value.data; /* lent, as a loaded model's is */
            continue;
        }
        CHECK_OK(ssmq_model_own(m, i, &t));
        fill(w, &t, &r);
    }
    return m;
}

void test_sample(const ssmq_model *m, int32_t sample, int32_t *token)
{
    test_tokens(token, TEST_LENGTH, m->vocabulary, 100 + (uint64_t)sample);
}

int32_t test_site(const ssmq_model *m, const char *name)
{
    const int32_t site = ssmq_model_site(m, name);
    if (site < 0) fail_msg("there is no site %s", name);
    return site;
}

const float *test_weight(const ssmq_model *m, const char *site)
{
    return m->weight[m->site[test_site(m, site)].weight].value.data;
}

/* ---- recipes --------------------------------------------------------------------------- */

ssmq_status test_try_batched(const ssmq_model *base, ssmq_backend *be, const test_step *steps, uint64_t seed,
                             int32_t batch, test_applied *out)
{
    test_applied a = {.m = ssmq_model_fork(base), .arena = ssmq_arena_new()};
    int32_t      token[TEST_SAMPLES][TEST_LENGTH];
    ssmq_sample  sample[TEST_SAMPLES];
    ssmq_step    step[STEPS_MAX];
    ssmq_recipe  recipe = {.step = step};
    for (int32_t i = 0; i < TEST_SAMPLES; i++) {
        test_sample(base, i, token[i]);
        sample[i] = (ssmq_sample){.token = token[i], .length = TEST_LENGTH - i, .document = i};
    }
    for (; steps[recipe.n_step].method; recipe.n_step++) {
        const test_step *s = &steps[recipe.n_step];
        assert_true(recipe.n_step < STEPS_MAX);
        step[recipe.n_step] = (ssmq_step){
            .id = s->method->name,
            .method = s->method,
            .options = test_options(a.arena, s->method->options, s->method->options_size, s->options)};
    }
    const ssmq_samples            samples = {.sample = sample, .n = TEST_SAMPLES};
    const ssmq_calibration_source source = {.samples = &samples, .batch = batch};
    const ssmq_status             st = ssmq_recipe_replay(&recipe, a.m, be, &source, seed, NULL, &a.r);
    if (st == SSMQ_OK) *out = a;
    else test_applied_free(&a);
    return st;
}

ssmq_status test_try(const ssmq_model *base, ssmq_backend *be, const test_step *steps, uint64_t seed,
                     test_applied *out)
{
    return test_try_batched(base, be, steps, seed, 1, out);
}

test_applied test_apply(const ssmq_model *base, ssmq_backend *be, const test_step *steps, uint64_t seed)
{
    test_applied a;
    CHECK_OK(test_try(base, be, steps, seed, &a));
    return a;
}

void test_applied_free(test_applied *a)
{
    ssmq_recipe_result_free(&a->r);
    ssmq_model_free(a->m);
    ssmq_arena_free(a->arena);
}

bool test_has_kernels(ssmq_backend *be, const test_applied *a)
{
    ssmq_exec        *ex;
    const ssmq_status st = ssmq_exec_open(be, a->m, a->r.plan, SSMQ_MODE_REAL, &ex);
    if (st == SSMQ_OK) ssmq_exec_close(ex);
    else assert_int_equal(st, SSMQ_ERR_UNSUPPORTED);
    return st == SSMQ_OK;
}

int32_t test_outline(const ssmq_model *m, const test_step *steps, ssmq_status *status)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_plan  *plan = ssmq_plan_new(m);
    *status = SSMQ_OK;
    for (; steps[plan->step].method; plan->step++) {
        const test_step *s = &steps[plan->step];
        const void *options = test_options(arena, s->method->options, s->method->options_size, s->options);
        *status = s->method->outline(options, m, plan);
        if (*status != SSMQ_OK) break;
    }
    const int32_t failed = *status == SSMQ_OK ? -1 : plan->step;
    ssmq_plan_free(plan);
    ssmq_arena_free(arena);
    return failed;
}

void test_refused(const ssmq_model *m, const test_step *steps, ssmq_status status, const char *message)
{
    ssmq_status   st;
    const int32_t failed = test_outline(m, steps, &st);
    if (failed >= 0 && steps[failed + 1].method) CHECK_OK(st);
    CHECK_FAILS(st, status, message);
}

/* ---- forward --------------------------------------------------------------------------- */

typedef struct eye {
    int32_t site;
    float  *seen;
} eye;

static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x)
{
    eye *e = context;
    if (site != e->site) return SSMQ_OK;
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    for (int64_t i = 0; i < rows.dim[0]; i++)
        memcpy(e->seen + i * rows.dim[1], (const float *)rows.data + i * rows.stride[0],
               (size_t)rows.dim[1] * sizeof(float));
    return SSMQ_OK;
}

float *test_seen(ssmq_backend *be, const ssmq_model *m, const ssmq_plan *plan, int32_t sample,
                 const char *site)
{
    eye         e = {.site = test_site(m, site)};
    ssmq_exec  *ex;
    void       *state = NULL;
    ssmq_tensor hidden;
    int32_t     token[TEST_LENGTH];
    test_sample(m, sample, token);
    e.seen = calloc((size_t)(TEST_LENGTH * m->site[e.site].width), sizeof *e.seen);
    assert_non_null(e.seen);
    CHECK_OK(ssmq_exec_open(be, m, plan, plan ? SSMQ_MODE_FAKE : SSMQ_MODE_FLOAT, &ex));
    ssmq_exec_probe(ex, (ssmq_probe){.see = see, .context = &e});
    CHECK_OK(m->family->state_new(m, ex, 1, &state));
    CHECK_OK(m->family->forward(m, ex, &(ssmq_batch){token, 1, TEST_LENGTH - sample}, state, &hidden));
    m->family->state_free(m, ex, state);
    ssmq_exec_close(ex);
    return e.seen;
}

double test_apart(const float *a, const float *b, int64_t n)
{
    double most = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= most)) most = d; /* a NaN stays */
        if (fabs((double)b[i]) > size) size = fabs((double)b[i]);
    }
    return most / size;
}

double test_changed(ssmq_backend *be, const ssmq_model *base, const test_applied *a)
{
    int32_t token[TEST_LENGTH];
    test_sample(base, 0, token);
    float *before = test_logits(be, base, NULL, token, 1, TEST_LENGTH, TEST_LENGTH);
    float *after = test_logits(be, a->m, a->r.plan, token, 1, TEST_LENGTH, TEST_LENGTH);
    const double d = test_apart(after, before, TEST_LENGTH * base->vocabulary);
    free(before);
    free(after);
    return d;
}

const char *const test_configs[TEST_CONFIGS] = {
    "{\"d_model\": 24, \"n_layer\": 2, \"vocab_size\": 40, \"ssm_cfg\": {\"d_state\": 5}}",
    "{\"model_type\": \"mamba\", \"hidden_size\": 20, \"num_hidden_layers\": 2, \"vocab_size\": 32, "
    "\"state_size\": 4, \"conv_kernel\": 3, \"time_step_rank\": 4, \"use_bias\": true, "
    "\"tie_word_embeddings\": false}",
};
