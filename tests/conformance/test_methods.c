/* What every method promises; the suite runs over the registry, so adding a method adds its tests. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/run/calibrate/recipe.h"
#include "quant/methods.h"
#include "quant/select.h"
#include "tests/support/catalogue.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"
#include "tests/support/options.h"

#define L 24
#define N_SAMPLES 3
#define BACKENDS 4
#define SEED 7u

/* Random token sequences as calibration samples. */
typedef struct test_samples {
    int32_t      token[N_SAMPLES][L];
    ssmq_sample  sample[N_SAMPLES];
    ssmq_samples all;
} test_samples;

static void samples_new(test_samples *s, const ssmq_model *m)
{
    for (int32_t i = 0; i < N_SAMPLES; i++) {
        test_tokens(s->token[i], L, m->vocabulary, SEED + (uint64_t)i);
        s->sample[i] = (ssmq_sample){.token = s->token[i], .length = L - i, .document = i};
    }
    s->all = (ssmq_samples){.sample = s->sample, .n = N_SAMPLES};
}

/* One method with some options applied to a fork of a model. */
typedef struct applied {
    ssmq_model        *m;
    ssmq_recipe_result r;
} applied;

static applied apply_one(const ssmq_method *method, const void *options, const ssmq_model *base,
                         ssmq_backend *be)
{
    test_samples samples;
    samples_new(&samples, base);
    const ssmq_step   step = {.id = method->name, .method = method, .options = options};
    const ssmq_recipe recipe = {.step = &step, .n_step = 1};
    applied           a = {.m = ssmq_model_fork(base)};
    CHECK_OK(ssmq_recipe_apply(&recipe, a.m, be, &samples.all, SEED, NULL, &a.r));
    return a;
}

static void applied_free(applied *a)
{
    ssmq_recipe_result_free(&a->r);
    ssmq_model_free(a->m);
}

/* ---- option tables --------------------------------------------------------------------- */

static void check_table(const ssmq_option *table, const char *owner)
{
    for (const ssmq_option *o = table; o->name; o++) {
        assert_true(o->help && o->help[0]);
        for (const ssmq_option *p = o + 1; p->name; p++)
            if (strcmp(o->name, p->name) == 0) fail_msg("%s has two options '%s'", owner, o->name);
        assert_false(strcmp(o->name, "id") == 0 || strcmp(o->name, "method") == 0 ||
                     strcmp(o->name, "enabled") == 0);
        if (o->type == SSMQ_OPTION_CHOICE) assert_non_null(o->choices);
        if (o->type == SSMQ_OPTION_INT || o->type == SSMQ_OPTION_REAL) assert_true(o->min <= o->max);
    }
}

/* A method has an option `sites` and kinds of sites, or neither. */
static void check_sites_option(const ssmq_method *m)
{
    const ssmq_option *sites = m->options;
    while (sites->name && strcmp(sites->name, "sites") != 0) sites++;
    if (m->sites == SSMQ_METHOD_NO_SITES) {
        assert_true(!sites->name && !m->kinds && !m->op && !m->linear);
        return;
    }
    assert_true(m->kinds != 0);
    assert_true(sites->name && sites->type == SSMQ_OPTION_SITES && sites->offset == m->sites);
}

static void test_tables(void **state)
{
    (void)state;
    ssmq_arena *arena = ssmq_arena_new();
    for (int32_t i = 0; ssmq_methods[i]; i++) {
        const ssmq_method *m = ssmq_methods[i];
        assert_true(m->name && m->help && m->source && m->outline && m->apply);
        check_table(m->options, m->name);
        check_sites_option(m);
        test_options(arena, m->options, m->options_size, NULL);
        assert_true(!m->needs_data == !m->observe && (!m->transforms || m->needs_data));
        for (int32_t j = i + 1; ssmq_methods[j]; j++)
            assert_string_not_equal(m->name, ssmq_methods[j]->name);
    }
    ssmq_arena_free(arena);
}

/* ---- plans ----------------------------------------------------------------------------- */

static bool same_scale(const ssmq_tensor *a, const ssmq_tensor *b)
{
    if (!a->data || !b->data) return !a->data && !b->data;
    if (ssmq_tensor_count(a) != ssmq_tensor_count(b) || a->rank != b->rank) return false;
    return memcmp(a->data, b->data, ssmq_tensor_bytes(a)) == 0;
}

static void check_same(const applied *a, const applied *b)
{
    for (int32_t i = 0; i < a->m->n_site; i++) {
        const ssmq_assignment *p = &a->r.plan->at[i], *q = &b->r.plan->at[i];
        assert_int_equal(p->spec.bits, q->spec.bits);
        assert_int_equal(p->rotate, q->rotate);
        if (!same_scale(&p->smooth, &q->smooth) || !same_scale(&p->signs, &q->signs))
            fail_msg("%s: two applications gave two transforms", a->m->site[i].name);
        if (!same_scale(&p->keep, &q->keep) || !same_scale(&p->codes, &q->codes))
            fail_msg("%s: two applications gave two choices", a->m->site[i].name);
        if (!same_scale(&p->params.scale, &q->params.scale))
            fail_msg("%s: two applications gave two scales", a->m->site[i].name);
    }
    for (int32_t w = 0; w < a->m->n_weight; w++) {
        const ssmq_tensor *x = &a->m->weight[w].value, *y = &b->m->weight[w].value;
        assert_memory_equal(x->data, y->data, ssmq_tensor_bytes(x));
    }
}

static void check_assignment(const ssmq_model *m, const ssmq_plan *plan, int32_t i)
{
    const ssmq_assignment *a = &plan->at[i];
    const ssmq_site       *s = &m->site[i];
    if (a->rotate) assert_int_equal(a->rotate, s->width);
    if (a->smooth.data) assert_int_equal(ssmq_tensor_count(&a->smooth), s->width);
    if (a->divide.data) assert_true(a->divide.data == a->smooth.data && a->inverse.data != NULL);
    if (a->spec.bits == 0 || a->spec.dynamic) return;
    assert_in_range(a->spec.bits, 2, 16);
    assert_non_null(a->params.scale.data);
    const int64_t n = ssmq_tensor_count(&a->params.scale);
    if (a->spec.scope == SSMQ_SCOPE_TENSOR) assert_int_equal(n, 1);
    else assert_int_equal(n, s->weight < 0 ? ssmq_site_channels(s) : m->weight[s->weight].value.dim[0]);
    for (int64_t j = 0; j < n; j++) {
        const float scale = ((const float *)a->params.scale.data)[j];
        assert_true(scale > 0 && isfinite(scale));
    }
}

/* Valid, repeatable, and nowhere but at the sites that the selector names. */
static void check_plan(const ssmq_method *method, const char *text, const ssmq_model *base,
                       ssmq_backend *be)
{
    ssmq_arena              *arena = ssmq_arena_new();
    const void              *options = test_options(arena, method->options, method->options_size, text);
    static const char *const none[] = {NULL};
    const char *const       *selectors = none;
    if (method->sites != SSMQ_METHOD_NO_SITES)
        selectors = *(const char *const *const *)(const void *)((const char *)options + method->sites);
    applied a = apply_one(method, options, base, be), b = apply_one(method, options, base, be);
    int32_t touched = 0;
    check_same(&a, &b);
    for (int32_t i = 0; i < base->n_site; i++) {
        const ssmq_assignment *at = &a.r.plan->at[i];
        check_assignment(a.m, a.r.plan, i);
        if (at->spec.bits == 0 && at->rotate == 0 && !at->smooth.data && !at->keep.data) continue;
        touched++;
        if (!ssmq_takes(method, selectors, &base->site[i]))
            fail_msg("%s touched %s", method->name, base->site[i].name);
    }
    /* Departures are asked for one by one; tests/conformance/test_fake_real.c sees to each. */
    assert_true(touched > 0 || a.r.plan->residual > 0 || method == &ssmq_method_departures);
    applied_free(&a);
    applied_free(&b);
    ssmq_arena_free(arena);
}

static void test_plans(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    test_model    t = test_model_new(&test_shapes[0], SEED);
    for (int32_t i = 0; ssmq_methods[i]; i++)
        for (int32_t j = 0; j < n; j++) {
            check_plan(ssmq_methods[i], NULL, t.m, b[j].be);
            if (ssmq_methods[i]->sites != SSMQ_METHOD_NO_SITES)
                check_plan(ssmq_methods[i], "{sites: layers.1.**}", t.m, b[j].be);
        }
    test_model_free(&t);
    test_backends_close(b, n);
}

/* ---- float function -------------------------------------------------------------------- */

static double difference(const float *a, const float *b, int64_t n)
{
    double most = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= most)) most = d;
        if (fabs((double)b[i]) > size) size = fabs((double)b[i]);
    }
    return most / size;
}

/* Differences of a method's outputs from the float model's, at the default options. */
static double effect(const ssmq_method *method, const char *text, const ssmq_model *base,
                     ssmq_backend *be)
{
    ssmq_arena *arena = ssmq_arena_new();
    const void *options = test_options(arena, method->options, method->options_size, text);
    applied     a = apply_one(method, options, base, be);
    int32_t     token[L];
    test_tokens(token, L, base->vocabulary, SEED); /* the first sample: nothing is clipped */
    float       *before = test_logits(be, base, NULL, token, 1, L, L);
    float       *after = test_logits(be, a.m, a.r.plan, token, 1, L, L);
    const double d = difference(after, before, L * base->vocabulary);
    free(before);
    free(after);
    applied_free(&a);
    ssmq_arena_free(arena);
    return d;
}

/* Rotating costs a few roundings of each product: 1e-5 covers three layers of width 80. */
static void test_keeps_float(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    for (const ssmq_random_shape *s = test_shapes; s->d_model; s++) {
        test_model t = test_model_new(s, SEED);
        for (int32_t i = 0; ssmq_methods[i]; i++)
            for (int32_t j = 0; ssmq_methods[i]->keeps_float && j < n; j++) {
                const double d = effect(ssmq_methods[i], NULL, t.m, b[j].be);
                if (!(d <= 1e-5))
                    fail_msg("%s on %s changed the logits by %.1e", ssmq_methods[i]->name, b[j].name, d);
            }
        test_model_free(&t);
    }
    test_backends_close(b, n);
}

/* Sixteen bits of everything are nearly float, two bits are not: the plan is really carried out.
 * A relative step of 2^-16 at each of about 20 sites in each layer: 5e-3 is generous. */
static void test_bits_act(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    for (const ssmq_random_shape *s = test_shapes; s->d_model; s++) {
        test_model t = test_model_new(s, SEED);
        for (int32_t i = 0; i < n; i++) {
            assert_true(effect(&ssmq_method_weights, "{bits: 16}", t.m, b[i].be) < 5e-3);
            assert_true(effect(&ssmq_method_weights, "{bits: 2}", t.m, b[i].be) > 1e-2);
            assert_true(effect(&ssmq_method_weights, "{bits: 16, scope: channel}", t.m, b[i].be) < 5e-3);
            assert_true(effect(&ssmq_method_activations, "{bits: 16}", t.m, b[i].be) < 5e-3);
            assert_true(effect(&ssmq_method_activations, "{bits: 2}", t.m, b[i].be) > 1e-2);
            assert_true(effect(&ssmq_method_weights, "{sites: [embedding.weight, head.weight]}", t.m,
                               b[i].be) > 1e-4);
            assert_true(effect(&ssmq_method_activations, "{sites: head.in}", t.m, b[i].be) > 1e-4);
            assert_true(effect(&ssmq_method_activations, "{sites: head.in, bits: 16}", t.m, b[i].be) <
                        1e-3);
        }
        test_model_free(&t);
    }
    test_backends_close(b, n);
}

/* Every number format, scope and kind of range is carried out: the logits change and stay finite.  What
 * each comes to, number by number, is the matter of test_exec.c. */
static void test_formats_and_scopes(void **state)
{
    (void)state;
    static const struct {
        const ssmq_method *method;
        const char        *options;
    } cases[] = {
        {&ssmq_method_weights, "{format: e4m3}"},
        {&ssmq_method_weights, "{format: e5m2}"},
        {&ssmq_method_weights, "{scope: channel, symmetric: false}"},
        {&ssmq_method_weights, "{symmetric: false, observer: {statistic: minmax}}"},
        {&ssmq_method_weights, "{observer: {statistic: mse}}"},
        {&ssmq_method_weights, "{scope: group, group: 2, sites: layers.*.in_proj.weight}"},
        {&ssmq_method_activations, "{format: e4m3}"},
        {&ssmq_method_activations, "{format: e5m2}"},
        {&ssmq_method_activations, "{scope: channel}"},
        {&ssmq_method_activations, "{symmetric: false, observer: {statistic: minmax, across: max}}"},
        {&ssmq_method_activations, "{observer: {statistic: mse, across: mean}}"},
        {&ssmq_method_activations, "{observer: {statistic: quantile, p: 99.9, across: median}}"},
        {&ssmq_method_activations, "{range: dynamic}"},
        {&ssmq_method_activations, "{range: dynamic, scope: token, symmetric: false}"},
        {&ssmq_method_activations, "{range: dynamic, clip_ratio: 0.9}"},
        {&ssmq_method_weights, "{scale_dtype: f16, quotient_dtype: f16, product_dtype: f16}"},
        {&ssmq_method_weights, "{rounding: truncate}"},
        {&ssmq_method_activations, "{scale_dtype: f16, quotient_dtype: f16, product_dtype: f16}"},
        {&ssmq_method_activations, "{rounding: half-away, range: dynamic, scale_dtype: f16}"},
        {&ssmq_method_activations, "{observer: {statistic: mse, across: max}, scale_dtype: f16}"},
        {&ssmq_method_weights, "{format: bf16, bits: 16}"},
        {&ssmq_method_weights, "{format: f16, bits: 16}"},
        {&ssmq_method_activations, "{format: bf16, bits: 16}"},
        {&ssmq_method_activations, "{format: f16, bits: 16}"},
        {&ssmq_method_hadamard, "{weight_dtype: f16}"},
        {&ssmq_method_state, "{bits: 4}"},
        {&ssmq_method_state, "{scope: channel}"},
        {&ssmq_method_state, "{format: e4m3, scope: channel}"},
        {&ssmq_method_state, "{format: e5m2}"},
        {&ssmq_method_state, "{format: bf16}"},
        {&ssmq_method_state, "{observer: {statistic: quantile, p: 99.9, across: mean}}"},
    };
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    for (const ssmq_random_shape *s = test_shapes; s->d_model; s++) {
        test_model t = test_model_new(s, SEED);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            for (int32_t j = 0; j < n; j++) {
                const double d = effect(cases[i].method, cases[i].options, t.m, b[j].be);
                if (!(d > 1e-5 && isfinite(d)))
                    fail_msg("%s %s on %s: logits differ by %.3g", cases[i].method->name,
                             cases[i].options, b[j].name, d);
            }
        test_model_free(&t);
    }
    test_backends_close(b, n);
}

static void refuse(const ssmq_method *method, const ssmq_model *m, const char *text, const char *message)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_plan  *plan = ssmq_plan_new(m);
    const void *options = test_options(arena, method->options, method->options_size, text);
    CHECK_FAILS(method->outline(options, m, plan), SSMQ_ERR_CONFIG, message);
    ssmq_plan_free(plan);
    ssmq_arena_free(arena);
}

/* Options that contradict each other. */
static void test_contradictions(void **state)
{
    (void)state;
    test_model t = test_model_new(&test_shapes[0], SEED);
    refuse(&ssmq_method_weights, t.m, "{scope: group}",
           "weights: scope group and a group above 0 go together");
    refuse(&ssmq_method_weights, t.m, "{group: 8}",
           "weights: scope group and a group above 0 go together");
    refuse(&ssmq_method_weights, t.m, "{scope: group, group: 5, sites: layers.0.in_proj.weight}",
           "layers.0.in_proj.weight: group 5 does not divide its 16 inputs");
    refuse(&ssmq_method_weights, t.m, "{format: e4m3, bits: 4}",
           "weights: the format e4m3 has 8 bits, not 4");
    refuse(&ssmq_method_activations, t.m, "{format: e5m2, symmetric: false}",
           "activations: the format e5m2 has no zero point; it is symmetric");
    refuse(&ssmq_method_weights, t.m, "{format: e4m3, rounding: half-away}",
           "weights: the format e4m3 is rounded half-even, not half-away");
    refuse(&ssmq_method_activations, t.m, "{format: e5m2, rounding: truncate}",
           "activations: the format e5m2 is rounded half-even, not truncate");
    refuse(&ssmq_method_activations, t.m, "{scope: token}",
           "activations: scope token needs range dynamic: calibration does not see the tokens to come");
    refuse(&ssmq_method_activations, t.m, "{scope: channel, range: dynamic}",
           "activations: scope channel needs range static");
    refuse(&ssmq_method_state, t.m, "{format: f16, bits: 8}", "state: the format f16 has 16 bits, not 8");
    refuse(&ssmq_method_state, t.m, "{format: e4m3, bits: 16}",
           "state: the format e4m3 has 8 bits, not 16");
    refuse(&ssmq_method_state, t.m, "{format: f16, scope: channel}",
           "state: the format f16 has no scale; scope channel says nothing");
    refuse(&ssmq_method_state, t.m, "{format: bf16, scope: channel}",
           "state: the format bf16 has no scale; scope channel says nothing");
    refuse(&ssmq_method_weights, t.m, "{format: bf16}", "weights: the format bf16 has 16 bits, not 8");
    refuse(&ssmq_method_weights, t.m, "{format: bf16, bits: 16, scope: channel}",
           "weights: the format bf16 has no scale; scope channel says nothing");
    refuse(&ssmq_method_weights, t.m, "{format: f16, bits: 16, scale_dtype: f16}",
           "weights: the format f16 has no scale; scale_dtype, quotient_dtype and product_dtype say nothing");
    refuse(&ssmq_method_activations, t.m, "{format: f16, bits: 16, scope: token, range: dynamic}",
           "activations: the format f16 has no scale; scope token says nothing");
    refuse(&ssmq_method_activations, t.m, "{format: bf16, bits: 16, range: dynamic}",
           "activations: the format bf16 has no range; range dynamic and clip_ratio say nothing");
    refuse(&ssmq_method_activations, t.m, "{format: bf16, bits: 16, clip_ratio: 0.9}",
           "activations: the format bf16 has no range; range dynamic and clip_ratio say nothing");
    refuse(&ssmq_method_activations, t.m, "{format: bf16, bits: 16, symmetric: false}",
           "activations: the format bf16 has no zero point; it is symmetric");
    test_model_free(&t);
}

/* ---- refusals -------------------------------------------------------------------------- */

static ssmq_status outline_one(const ssmq_method *method, const ssmq_model *m, ssmq_plan *plan)
{
    ssmq_arena       *arena = ssmq_arena_new();
    const void       *options = test_options(arena, method->options, method->options_size, NULL);
    const ssmq_status st = method->outline(options, m, plan);
    ssmq_arena_free(arena);
    return st;
}

static void test_hadamard_refuses(void **state)
{
    (void)state;
    const ssmq_random_shape odd = {.d_model = 22, .n_layer = 1, .vocab_size = 8};
    test_model              t = test_model_new(&odd, SEED);
    ssmq_plan              *plan = ssmq_plan_new(t.m);
    CHECK_FAILS(outline_one(&ssmq_method_hadamard, t.m, plan), SSMQ_ERR_UNSUPPORTED,
                "layers.0.out_proj.in cannot be rotated: there is no Hadamard matrix here for dimension "
                "44 (known: 2^k and 12, 20, 28, 36, 40, 52, 60, 108, "
                 "140, 156 and 172 times 2^k)");
    ssmq_plan_free(plan);
    test_model_free(&t);

    t = test_model_new(&test_shapes[0], SEED);
    plan = ssmq_plan_new(t.m);
    CHECK_OK(outline_one(&ssmq_method_hadamard, t.m, plan));
    CHECK_FAILS(outline_one(&ssmq_method_hadamard, t.m, plan), SSMQ_ERR_CONFIG,
                "layers.0.out_proj.in is already rotated");
    ssmq_plan_free(plan);
    plan = ssmq_plan_new(t.m);
    CHECK_OK(outline_one(&ssmq_method_weights, t.m, plan));
    CHECK_FAILS(outline_one(&ssmq_method_hadamard, t.m, plan), SSMQ_ERR_CONFIG,
                "layers.0.out_proj.weight is quantised by an earlier step; a rotation has to come before "
                "it");
    ssmq_plan_free(plan);
    test_model_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),      cmocka_unit_test(test_plans),
        cmocka_unit_test(test_keeps_float), cmocka_unit_test(test_bits_act),
        cmocka_unit_test(test_formats_and_scopes), cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_hadamard_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
