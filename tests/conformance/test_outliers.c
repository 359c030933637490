/* Channels kept in floating point: exec against the definition, ranges of later steps, refusals. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/calibrate/recipe.h"
#include "quant/methods.h"
#include "quant/observers.h"
#include "quant/select.h"
#include "tests/support/check.h"
#include "tests/support/definition.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"
#include "tests/support/options.h"

#define NB 2
#define L 9
#define SEED 31u
#define BACKENDS 4
#define STEPS_MAX 4

static bool listed(const int32_t *keep, int64_t n, int64_t channel)
{
    for (int64_t i = 0; i < n; i++)
        if (keep[i] == channel) return true;
    return false;
}

static void test_without(void **state)
{
    (void)state;
    float       x[2][6] = {{0, 1, 2, 3, 4, 5}, {10, 11, 12, 13, 14, 15}}, out[12];
    int32_t     at[] = {1, 4, 5};
    ssmq_tensor t = SSMQ_TENSOR(x, SSMQ_F32, 2, 6), keep = SSMQ_TENSOR(at, SSMQ_I32, 3);
    ssmq_tensor rest = ssmq_without(&t, &keep, 0, out);
    assert_int_equal(rest.dim[0], 2);
    assert_int_equal(rest.dim[1], 3);
    assert_memory_equal(out, ((float[]){0, 2, 3, 10, 12, 13}), 6 * sizeof *out);
    const ssmq_tensor group = ssmq_tensor_slice(&t, 1, 2, 3); /* columns 2 .. 4 */
    rest = ssmq_without(&group, &keep, 2, out);
    assert_int_equal(rest.dim[1], 2);
    assert_memory_equal(out, ((float[]){2, 3, 12, 13}), 4 * sizeof *out);
    const ssmq_tensor last = ssmq_tensor_slice(&t, 1, 4, 2);
    assert_int_equal(ssmq_without(&last, &keep, 4, out).dim[1], 0);
}

/* ---- exec against the definition --------------------------------------------------------- */

static const ssmq_qspec activation_specs[] = {
    {.bits = 0},
    {.bits = 6, .symmetric = true},
    {.bits = 6},
    {.bits = 6, .symmetric = true, .dynamic = true},
    {.bits = 6, .dynamic = true, .scope = SSMQ_SCOPE_TOKEN},
};
static const ssmq_qspec weight_specs[] = {
    {.bits = 0},
    {.bits = 4, .symmetric = true},
    {.bits = 4, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 3, .symmetric = true, .scope = SSMQ_SCOPE_GROUP, .group = 4},
};
static const int32_t kept[] = {2, 3, 8};
#define N_KEPT 3

static void check_linear(const test_backend *b, const ssmq_model *m, const ssmq_qspec *sx,
                         const ssmq_qspec *sw)
{
    test_linear   t = {.m = m,
                       .site_x = ssmq_model_site(m, "layers.0.in_proj.in"),
                       .site_w = ssmq_model_site(m, "layers.0.in_proj.weight"),
                       .sequences = NB,
                       .length = L,
                       .keep = kept,
                       .n_keep = N_KEPT};
    const int64_t K = m->site[t.site_x].width, n = NB * L * K;
    float        *x = malloc((size_t)n * sizeof *x);
    int32_t      *noise = malloc((size_t)n * sizeof *noise);
    test_tokens(noise, (int32_t)n, 2001, SEED);
    for (int64_t i = 0; i < n; i++) /* the kept channels are fifty times as large */
        x[i] = (float)(noise[i] - 900) * 1e-3f * (listed(kept, N_KEPT, i % K) ? 50.0f : 1.0f);
    t.x = x;
    const double e = test_linear_error(b->be, &t, sx, sw);
    if (!(e <= (double)(K + 4) * 6e-8))
        fail_msg("%s: activation (%d bits, %s), weight (%d bits, %s): %.2e", b->name, sx->bits,
                 ssmq_scopes[sx->scope], sw->bits, ssmq_scopes[sw->scope], e);
    free(x);
    free(noise);
}

static void test_linear_is_the_definition(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    test_model    t = test_model_new(&test_shapes[0], SEED);
    for (int32_t i = 0; i < n; i++)
        for (size_t x = 0; x < sizeof activation_specs / sizeof *activation_specs; x++)
            for (size_t w = 0; w < sizeof weight_specs / sizeof *weight_specs; w++)
                check_linear(&b[i], t.m, &activation_specs[x], &weight_specs[w]);
    test_model_free(&t);
    test_backends_close(b, n);
}

/* ---- in a recipe ------------------------------------------------------------------------- */

typedef struct applied {
    ssmq_arena        *arena;
    ssmq_model        *m;
    ssmq_recipe_result r;
} applied;

typedef struct step_text {
    const ssmq_method *method;
    const char        *options;
} step_text;

static applied apply(const ssmq_model *base, ssmq_backend *be, const int32_t *token, const step_text *text,
                     int32_t n)
{
    applied            a = {.arena = ssmq_arena_new(), .m = ssmq_model_fork(base)};
    ssmq_step          step[STEPS_MAX];
    const ssmq_sample  sample = {.token = token, .length = L};
    const ssmq_samples samples = {.sample = (ssmq_sample *)(uintptr_t)&sample, .n = 1};
    for (int32_t i = 0; i < n; i++)
        step[i] = (ssmq_step){.id = text[i].method->name,
                              .method = text[i].method,
                              .options = test_options(a.arena, text[i].method->options,
                                                      text[i].method->options_size, text[i].options)};
    const ssmq_recipe recipe = {.step = step, .n_step = n};
    CHECK_OK(ssmq_recipe_apply(&recipe, a.m, be, &samples, SEED, NULL, &a.r));
    return a;
}

static void applied_free(applied *a)
{
    ssmq_recipe_result_free(&a->r);
    ssmq_model_free(a->m);
    ssmq_arena_free(a->arena);
}

typedef struct sight {
    int32_t site;
    float   most[4096]; /* of each channel */
} sight;

static ssmq_status see(void *context, int32_t site, const ssmq_tensor *x)
{
    sight *s = context;
    if (site != s->site) return SSMQ_OK;
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    for (int64_t i = 0; i < rows.dim[0]; i++)
        for (int64_t c = 0; c < rows.dim[1]; c++)
            s->most[c] = fmaxf(s->most[c], fabsf(((float *)rows.data)[i * rows.stride[0] + c]));
    return SSMQ_OK;
}

/* The channels above the threshold are listed, and the range of the others is what later steps use. */
static void test_choice_and_ranges(void **state)
{
    (void)state;
    test_backend    b[BACKENDS];
    const int32_t   n = test_backends_open(b, BACKENDS, 2);
    test_model      t = test_model_new(&test_shapes[1], SEED);
    const step_text recipe[] = {{&ssmq_method_outliers, "{threshold: 1.5}"},
                                {&ssmq_method_activations, NULL}};
    int32_t         token[L];
    test_tokens(token, L, t.m->vocabulary, SEED);
    for (int32_t i = 0; i < n; i++) {
        sight       s = {.site = ssmq_model_site(t.m, "layers.1.in_proj.in")};
        ssmq_exec  *ex;
        ssmq_tensor hidden;
        void       *st = NULL;
        CHECK_OK(ssmq_exec_open(b[i].be, t.m, NULL, SSMQ_MODE_FLOAT, &ex));
        ssmq_exec_probe(ex, (ssmq_probe){.see = see, .context = &s});
        CHECK_OK(t.m->family->state_new(t.m, ex, 1, &st));
        CHECK_OK(t.m->family->forward(t.m, ex, &(ssmq_batch){token, 1, L}, st, &hidden));
        applied                a = apply(t.m, b[i].be, token, recipe, 2);
        const ssmq_assignment *at = &a.r.plan->at[s.site];
        float                  rest = 0;
        int64_t                chosen = 0;
        for (int64_t c = 0; c < t.m->site[s.site].width; c++) {
            const bool above = s.most[c] > 1.5f;
            chosen += above;
            if (!above) rest = fmaxf(rest, s.most[c]);
            assert_int_equal(listed(at->keep.data, at->keep.dim[0], c), above);
        }
        assert_true(chosen > 0 && chosen < t.m->site[s.site].width);
        assert_int_equal(at->keep.dim[0], chosen);
        assert_true(*(const float *)at->params.scale.data == rest / 127);
        t.m->family->state_free(t.m, ex, st);
        ssmq_exec_close(ex);
        applied_free(&a);
    }
    test_model_free(&t);
    test_backends_close(b, n);
}

/* With every channel kept, two bits for linear layers change nothing, bit for bit; with none, all. */
static void test_all_kept_is_float(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
#define LINEAR "sites: \"layers.*.{in_proj,x_proj,dt_proj,out_proj}.{in,weight}\""
    for (const ssmq_random_shape *shape = test_shapes; shape->d_model; shape++) {
        test_model      t = test_model_new(shape, SEED);
        const int64_t   size = L * t.m->vocabulary;
        int32_t         token[L];
        const step_text all[] = {{&ssmq_method_outliers, "{threshold: 0}"},
                                 {&ssmq_method_weights, "{bits: 2, scope: channel, " LINEAR "}"},
                                 {&ssmq_method_activations, "{bits: 2, " LINEAR "}"},
                                 {&ssmq_method_activations, "{bits: 2, sites: \"layers.*.scan.x\"}"}};
        test_tokens(token, L, t.m->vocabulary, SEED);
        for (int32_t i = 0; i < n; i++) {
            applied a = apply(t.m, b[i].be, token, all, 4), none = apply(t.m, b[i].be, token, all + 1, 3);
            float  *want = test_logits(b[i].be, t.m, NULL, token, 1, L, L);
            float  *got = test_logits(b[i].be, a.m, a.r.plan, token, 1, L, L);
            float  *other = test_logits(b[i].be, none.m, none.r.plan, token, 1, L, L);
            assert_memory_equal(got, want, (size_t)size * sizeof *got);
            assert_memory_not_equal(other, want, (size_t)size * sizeof *got);
            free(want);
            free(got);
            free(other);
            applied_free(&a);
            applied_free(&none);
        }
        test_model_free(&t);
    }
    test_backends_close(b, n);
}

/* ---- refusals ---------------------------------------------------------------------------- */

static void *defaults(ssmq_arena *arena, const ssmq_method *method)
{
    return test_options(arena, method->options, method->options_size, NULL);
}

/* A step at its defaults after another. */
static void refuse(const ssmq_model *m, const ssmq_method *first, const ssmq_method *second,
                   const char *message)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_plan  *plan = ssmq_plan_new(m);
    CHECK_OK(first->outline(defaults(arena, first), m, plan));
    CHECK_FAILS(second->outline(defaults(arena, second), m, plan), SSMQ_ERR_CONFIG, message);
    ssmq_plan_free(plan);
    ssmq_arena_free(arena);
}

static void test_order_of_steps(void **state)
{
    (void)state;
    test_model t = test_model_new(&test_shapes[0], SEED);
    refuse(t.m, &ssmq_method_weights, &ssmq_method_outliers,
           "layers.0.in_proj.weight is quantised by an earlier step; outliers have to be found before it");
    refuse(t.m, &ssmq_method_activations, &ssmq_method_outliers,
           "layers.0.in_proj.in is quantised by an earlier step; outliers have to be found before it");
    refuse(t.m, &ssmq_method_outliers, &ssmq_method_hadamard,
           "outliers of layers.0.out_proj.in are kept by an earlier step; a rotation has to come before it");
    refuse(t.m, &ssmq_method_outliers, &ssmq_method_rotate_residual,
           "outliers of layers.0.in_proj.in are kept by an earlier step; a rotation has to come before it");
    refuse(t.m, &ssmq_method_outliers, &ssmq_method_smoothquant,
           "outliers of layers.0.in_proj.in are kept by an earlier step; smoothing has to come before it");
    test_model_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without),           cmocka_unit_test(test_linear_is_the_definition),
        cmocka_unit_test(test_choice_and_ranges), cmocka_unit_test(test_all_kept_is_float),
        cmocka_unit_test(test_order_of_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
