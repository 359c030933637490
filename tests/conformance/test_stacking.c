/* Steps in any order: every ordered pair and triple of methods, under options drawn for each, either is refused
 * when an experiment is checked, with a reason, or runs.  Nothing crashes, fails later, or gives a NaN.
 *
 * Options and shapes are drawn from a seed that a failure names; SSMQ_TEST_SEED draws others. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/rng.h"
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/steps.h"

#define BACKENDS 4
#define VARIANTS 9

/* Options of each method that between them take every branch of its outline; groups divide every input of the
 * models below. */
static const struct {
    const ssmq_method *method;
    const char        *options[VARIANTS];
} variants[] = {
    {&ssmq_method_weights,
     {"{}", "{bits: 4, scope: channel}", "{bits: off}", "{symmetric: false, observer: {statistic: mse}}",
      "{sites: layers.*.out_proj.weight, scope: group, group: 4}", "{sites: [embedding.weight, head.weight]}",
      "{format: e4m3}", "{format: bf16, bits: 16}", "{scale_dtype: f16, quotient_dtype: f16, product_dtype: f16}"}},
    {&ssmq_method_activations,
     {"{}", "{range: dynamic, scope: token}", "{bits: off}", "{scope: channel}", "{sites: head.in}",
      "{symmetric: false, observer: {statistic: minmax, across: median}}", "{range: dynamic}",
      "{format: e5m2, sites: layers.*.scan.x}"}},
    {&ssmq_method_smoothquant,
     {"{}", "{fold: false}", "{alpha: 0}", "{alpha: 1}", "{sites: layers.0.in_proj.in}",
      "{sites: [head.in, layers.*.out_proj.in]}"}},
    {&ssmq_method_hadamard,
     {"{}", "{signs: random}", "{sites: layers.*.in_proj.in}", "{sites: head.in}", "{weight_dtype: f16}"}},
    {&ssmq_method_rotate_residual, {"{}", "{signs: random}"}},
    {&ssmq_method_state,
     {"{}", "{bits: off}", "{format: f16}", "{scope: channel, bits: 4}", "{format: e4m3, sites: layers.0.scan.state}"}},
    {&ssmq_method_outliers,
     {"{}", "{threshold: 0}", "{threshold: 1}", "{sites: layers.*.out_proj.in, threshold: 0.5}",
      "{sites: head.in, threshold: 1}"}},
    {&ssmq_method_gptq,
     {"{}", "{bits: 8, scope: tensor}", "{act_order: true}", "{symmetric: false, bits: 2}",
      "{sites: layers.*.out_proj.weight, scope: group, group: 4, act_order: true}", "{sites: head.weight}",
      "{sites: layers.1.in_proj.weight, damping: 1}"}},
    {&ssmq_method_departures,
     {"{}", "{shared_xz: true}", "{shared_dt_bc: true}", "{int8_biases: true}", "{f16_residual: true}",
      "{no_clamp: true}", "{int8_biases: true, f16_residual: true, modes: real}"}},
};
#define N_VARIED ((int)(sizeof variants / sizeof *variants))

typedef struct counts {
    int run, refused;
} counts;

static uint64_t seed_of_run(void)
{
    const char *given = getenv("SSMQ_TEST_SEED");
    return given ? strtoull(given, NULL, 10) : 3;
}

static int n_methods(void)
{
    int n = 0;
    while (ssmq_methods[n]) n++;
    return n;
}

/* A method that has no variants here is drawn as it is by default. */
static test_step draw_step(ssmq_rng *r, int method)
{
    int n = 0, at = 0;
    while (at < N_VARIED && variants[at].method != ssmq_methods[method]) at++;
    if (at == N_VARIED) return (test_step){ssmq_methods[method], "{}"};
    while (n < VARIANTS && variants[at].options[n]) n++;
    return (test_step){variants[at].method, variants[at].options[ssmq_rng_below(r, (uint64_t)n)]};
}

static const char *recipe_text(ssmq_arena *arena, const test_step *steps)
{
    const char *text = "";
    for (; steps->method; steps++)
        text = ssmq_arena_printf(arena, "%s%s%s %s", text, *text ? "; " : "", steps->method->name,
                                 steps->options);
    return text;
}

static bool finite_logits(ssmq_backend *be, const test_applied *a)
{
    int32_t token[TEST_LENGTH];
    test_sample(a->m, 1, token);
    float *logits = test_logits(be, a->m, a->r.plan, token, 1, TEST_LENGTH, TEST_LENGTH);
    bool   fine = true;
    for (int64_t i = 0; i < TEST_LENGTH * a->m->vocabulary; i++) fine = fine && isfinite(logits[i]);
    free(logits);
    return fine;
}

/* Steps in this order, as a check of an experiment outlines them, then as a run applies them. */
static void try_recipe(const ssmq_model *m, const test_backend *b, const test_step *steps, counts *c)
{
    ssmq_arena   *arena = ssmq_arena_new();
    const char   *text = recipe_text(arena, steps);
    ssmq_status   checked;
    test_applied  a;
    const int32_t failed = test_outline(m, steps, &checked);
    if (failed >= 0) {
        if (checked != SSMQ_ERR_CONFIG && checked != SSMQ_ERR_UNSUPPORTED)
            fail_msg("%s: the check ends with %s", text, ssmq_status_name(checked));
        if (strlen(ssmq_error_last()->message) < 20)
            fail_msg("%s: the reason is '%s'", text, ssmq_error_last()->message);
        c->refused++;
    } else {
        const ssmq_status st = test_try(m, b->be, steps, 1, &a);
        if (st != SSMQ_OK)
            fail_msg("%s on %s passes the check, then: %s", text, b->name, ssmq_error_last()->message);
        if (!finite_logits(b->be, &a)) fail_msg("%s on %s: logits are not finite", text, b->name);
        test_applied_free(&a);
        c->run++;
    }
    ssmq_arena_free(arena);
}

static void test_pairs(void **state)
{
    test_backend   b[BACKENDS];
    const int32_t  n = test_backends_open(b, BACKENDS, 1);
    const uint64_t seed = seed_of_run();
    ssmq_rng       r;
    counts         c = {0};
    (void)state;
    ssmq_rng_init(&r, seed, "pairs");
    for (int k = 0; k < TEST_CONFIGS; k++) {
        ssmq_model *m = test_drawn_model(test_configs[k], seed);
        for (int first = 0; first < n_methods(); first++)
            for (int second = 0; second < n_methods(); second++) {
                const test_step steps[] = {draw_step(&r, first), draw_step(&r, second), {0}};
                for (int32_t j = 0; j < n; j++) try_recipe(m, &b[j], steps, &c);
            }
        ssmq_model_free(m);
    }
    print_message("seed %llu: %d ran, %d refused\n", (unsigned long long)seed, c.run, c.refused);
    assert_true(c.run > 0 && c.refused > 0);
    test_backends_close(b, n);
}

static void test_triples(void **state)
{
    test_backend   b[BACKENDS];
    const int32_t  n = test_backends_open(b, BACKENDS, 1);
    const uint64_t seed = seed_of_run();
    ssmq_model    *m[TEST_CONFIGS];
    ssmq_rng       r;
    counts         c = {0};
    (void)state;
    ssmq_rng_init(&r, seed, "triples");
    for (int k = 0; k < TEST_CONFIGS; k++) m[k] = test_drawn_model(test_configs[k], seed + 1);
    const int all = n_methods();
    for (int i = 0; i < all * all * all; i++) {
        const test_step steps[] = {draw_step(&r, i % all), draw_step(&r, i / all % all),
                                   draw_step(&r, i / all / all), {0}};
        const int32_t   on = (int32_t)ssmq_rng_below(&r, (uint64_t)n);
        try_recipe(m[ssmq_rng_below(&r, TEST_CONFIGS)], &b[on], steps, &c);
    }
    print_message("seed %llu: %d ran, %d refused\n", (unsigned long long)seed, c.run, c.refused);
    assert_true(c.run > 0 && c.refused > 0);
    for (int k = 0; k < TEST_CONFIGS; k++) ssmq_model_free(m[k]);
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_triples),
    };
    return cmocka_run_group_tests_name("stacking", tests, NULL, NULL);
}
