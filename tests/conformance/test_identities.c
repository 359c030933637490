/* What must hold whatever the weights: transforms keep the float function at every size there is a Hadamard
 * matrix for, alone and stacked; 16 bits of everything are float within their rounding; percentile 100 is the
 * largest value; a plan gives the same numbers in pieces, and leaves the float model alone.
 *
 * Shapes and weights are drawn from a seed that a failure names; SSMQ_TEST_SEED draws others. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/rng.h"
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/options.h"
#include "tests/support/steps.h"

#define BACKENDS 4
#define U 6e-8 /* half a unit in the last place, relative */

static uint64_t seed_of_run(void)
{
    const char *given = getenv("SSMQ_TEST_SEED");
    return given ? strtoull(given, NULL, 10) : 11;
}

/* A model of these widths with the rest of its shape drawn. */
static ssmq_model *draw_model(ssmq_arena *arena, ssmq_rng *r, int64_t d_model, int64_t expand, uint64_t seed)
{
    const char *config = ssmq_arena_printf(
        arena,
        "{\"d_model\": %d, \"n_layer\": %d, \"vocab_size\": %d, \"tie_embeddings\": %s, \"ssm_cfg\": "
        "{\"d_state\": %d, \"d_conv\": %d, \"expand\": %d, \"dt_rank\": %d}}",
        (int)d_model, 1 + (int)ssmq_rng_below(r, 3), 9 + (int)ssmq_rng_below(r, 60),
        ssmq_rng_below(r, 2) ? "true" : "false", 1 + (int)ssmq_rng_below(r, 20),
        2 + (int)ssmq_rng_below(r, 3), (int)expand, 1 + (int)ssmq_rng_below(r, 7));
    return test_drawn_model(config, seed);
}

/* ---- the float function ---------------------------------------------------------------- */

static const test_step transforms[][5] = {
    {{&ssmq_method_hadamard, NULL}, {0}},
    {{&ssmq_method_hadamard, "{signs: random}"}, {0}},
    {{&ssmq_method_rotate_residual, NULL}, {0}},
    {{&ssmq_method_rotate_residual, "{signs: random}"}, {0}},
    {{&ssmq_method_smoothquant, "{}"}, {0}},
    {{&ssmq_method_smoothquant, "{fold: false}"}, {0}},
    {{&ssmq_method_rotate_residual, "{signs: random}"}, {&ssmq_method_hadamard, "{signs: random}"}, {0}},
    {{&ssmq_method_smoothquant, "{}"},
     {&ssmq_method_rotate_residual, "{signs: random}"},
     {&ssmq_method_hadamard, "{signs: random, sites: [layers.*.out_proj.in, layers.*.in_proj.in, head.in]}"},
     {0}},
    {{&ssmq_method_rotate_residual, NULL},
     {&ssmq_method_smoothquant, "{alpha: 0.7}"},
     {&ssmq_method_hadamard, "{signs: random}"},
     {&ssmq_method_outliers, "{threshold: 1}"},
     {0}},
};

/* A sum of n products has an error of at most n U of the sum of its sizes, before and after the transform, and so have
 * the transform's own n; a layer has four products of a width up to E, and a factor of 4 covers what gate and scan make
 * of it.  A wrong sign or entry changes logits by parts in ten. */
static double float_bound(const ssmq_model *m)
{
    const double E = (double)m->site[test_site(m, "layers.0.out_proj.in")].width;
    return 4 * 4 * m->n_layer * E * U;
}

static void test_float_function(void **state)
{
    /* d_model; d_inner is it times 1 or 2, so every factor of Appendix A is met bare and doubled. */
    static const int64_t sizes[] = {4, 8, 64, 12, 48, 20, 28, 36, 40, 52, 60, 108, 140, 156, 172};
    test_backend         b[BACKENDS];
    const int32_t        n = test_backends_open(b, BACKENDS, 1);
    const uint64_t       seed = seed_of_run();
    ssmq_rng             r;
    double               most = 0;
    (void)state;
    ssmq_rng_init(&r, seed, "sizes");
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        ssmq_arena *arena = ssmq_arena_new();
        ssmq_model *m = draw_model(arena, &r, sizes[s], 1 + (int64_t)ssmq_rng_below(&r, 2), seed + s);
        for (size_t i = 0; i < sizeof transforms / sizeof *transforms; i++) {
            const test_backend *on = &b[ssmq_rng_below(&r, (uint64_t)n)];
            test_applied        a = test_apply(m, on->be, transforms[i], seed);
            const double        d = test_changed(on->be, m, &a) / float_bound(m);
            if (!(d <= 1))
                fail_msg("seed %llu, d_model %d, transforms %d on %s: %.2g of the bound",
                         (unsigned long long)seed, (int)sizes[s], (int)i, on->name, d);
            if (d > most) most = d;
            test_applied_free(&a);
        }
        ssmq_model_free(m);
        ssmq_arena_free(arena);
    }
    print_message("largest difference: %.2g of the bound\n", most);
    test_backends_close(b, n);
}

/* ---- sixteen bits ---------------------------------------------------------------------- */

/* Everything that has codes, with every scope and kind of range. */
static const struct {
    const char *weights, *activations, *state;
} everything[] = {
    {"scope: tensor", "scope: tensor", "scope: tensor"},
    {"scope: channel", "scope: channel", "scope: channel"},
    {"scope: tensor, symmetric: false", "scope: tensor, symmetric: false", "scope: channel"},
    {"scope: channel, symmetric: false", "range: dynamic", "scope: tensor"},
    {"scope: channel", "range: dynamic, symmetric: false", "scope: tensor"},
    {"scope: tensor", "range: dynamic, scope: token", "scope: channel"},
    {"scope: channel", "range: dynamic, scope: token, symmetric: false", "scope: tensor"},
    {"observer: {statistic: mse, candidates: 8}", "observer: {statistic: mse, candidates: 8, across: max}", "scope: tensor"},
    {"scope: channel, observer: {statistic: quantile, p: 100}",
     "observer: {statistic: quantile, p: 100, across: max}", "scope: channel"},
};
#define N_EVERYTHING ((int)(sizeof everything / sizeof *everything))

static double changed_by_bits(ssmq_arena *arena, const ssmq_model *m, ssmq_backend *be, int which, int bits)
{
    static const char *const weights = "{sites: ['layers.**', embedding.weight, head.weight], bits: %d, %s}";
    const test_step          steps[] = {
        {&ssmq_method_weights, ssmq_arena_printf(arena, weights, bits, everything[which].weights)},
        {&ssmq_method_activations,
                  ssmq_arena_printf(arena, "{sites: ['layers.**', head.in], bits: %d, %s}", bits,
                                    everything[which].activations)},
        {&ssmq_method_state, ssmq_arena_printf(arena, "{bits: %d, %s}", bits, everything[which].state)},
        {0}};
    test_applied a = test_apply(m, be, steps, 1);
    const double d = test_changed(be, m, &a);
    test_applied_free(&a);
    return d;
}

/* A code of 16 bits is off by at most 2^-16 of its range.  In a layer there are 16 tensors with codes, 4 outside, and the
 * state is rounded after each token; a range is up to 16 times what its values usually are.  And the error is that of the
 * steps and of nothing else: 16 bits have 1/16 of that of 12, give or take a factor of 5 by which two sums of random signs
 * differ. */
static void test_sixteen_bits(void **state)
{
    test_backend   b[BACKENDS];
    const int32_t  n = test_backends_open(b, BACKENDS, 1);
    const uint64_t seed = seed_of_run();
    ssmq_rng       r;
    (void)state;
    ssmq_rng_init(&r, seed, "sixteen bits");
    for (int i = 0; i < N_EVERYTHING; i++)
        for (int32_t j = 0; j < n; j++) {
            ssmq_arena  *arena = ssmq_arena_new();
            ssmq_model  *m = draw_model(arena, &r, 4 + (int64_t)ssmq_rng_below(&r, 40), 2, seed);
            const double fine = changed_by_bits(arena, m, b[j].be, i, 16);
            const double coarse = changed_by_bits(arena, m, b[j].be, i, 12);
            const double bound = (20 + TEST_LENGTH) * 16 * 0x1p-16 * m->n_layer;
            if (!(fine <= bound) || !(fine <= coarse / 3) || !(fine > 0))
                fail_msg("seed %llu, weights {%s}, activations {%s} on %s: 16 bits change logits by %.1e, 12 by %.1e",
                         (unsigned long long)seed, everything[i].weights, everything[i].activations,
                         b[j].name, fine, coarse);
            ssmq_model_free(m);
            ssmq_arena_free(arena);
        }
    test_backends_close(b, n);
}

/* ---- percentile 100 -------------------------------------------------------------------- */

static void same_scales(const test_applied *a, const test_applied *b)
{
    int32_t n = 0;
    for (int32_t i = 0; i < a->m->n_site; i++) {
        const ssmq_tensor *x = &a->r.plan->at[i].params.scale, *y = &b->r.plan->at[i].params.scale;
        if (!x->data && !y->data) continue;
        assert_int_equal(ssmq_tensor_bytes(x), ssmq_tensor_bytes(y));
        if (memcmp(x->data, y->data, ssmq_tensor_bytes(x)) != 0)
            fail_msg("%s: percentile 100 is not the largest value", a->m->site[i].name);
        n++;
    }
    assert_true(n >= 17); /* 7 weights, 9 activations and the state of a layer */
}

/* Of weights, activations and states, per tensor and per channel: equal scales, equal logits, bit for bit. */
static void test_percentile_100(void **state)
{
    static const char *const scopes[] = {"tensor", "channel"};
    static const char *const statistics[] = {"absmax", "quantile, p: 100"};
    test_backend             b[BACKENDS];
    const int32_t            n = test_backends_open(b, BACKENDS, 1);
    const uint64_t           seed = seed_of_run();
    ssmq_arena              *arena = ssmq_arena_new();
    ssmq_rng                 r;
    (void)state;
    ssmq_rng_init(&r, seed, "percentile 100");
    for (int s = 0; s < 2; s++)
        for (int32_t j = 0; j < n; j++) {
            ssmq_model  *m = draw_model(arena, &r, 4 + (int64_t)ssmq_rng_below(&r, 30), 2, seed);
            test_applied a[2];
            for (int k = 0; k < 2; k++) {
                const char *weights = ssmq_arena_printf(arena, "{scope: %s, observer: {statistic: %s}}",
                                                        scopes[s], statistics[k]);
                const char *others = ssmq_arena_printf(
                    arena, "{scope: %s, observer: {statistic: %s, across: max}}", scopes[s], statistics[k]);
                a[k] = test_apply(m, b[j].be,
                                  (test_step[]){{&ssmq_method_weights, weights},
                                                {&ssmq_method_activations, others},
                                                {&ssmq_method_state, others},
                                                {0}},
                                  1);
            }
            same_scales(&a[0], &a[1]);
            assert_true(test_changed(b[j].be, m, &a[0]) == test_changed(b[j].be, m, &a[1]));
            test_applied_free(&a[0]);
            test_applied_free(&a[1]);
            ssmq_model_free(m);
        }
    ssmq_arena_free(arena);
    test_backends_close(b, n);
}

/* ---- every method ---------------------------------------------------------------------- */

/* Its logits with default options, whole and in pieces; equal but for the order of sums where the method leaves all in
 * floating point, close where it does not: a code next to a border may fall on its other side. */
static void check_pieces(const test_backend *b, const ssmq_method *method, const test_applied *a)
{
    const double bound = method->keeps_float ? 1e-5 : 0.1;
    int32_t      token[TEST_LENGTH];
    test_sample(a->m, 0, token);
    const int64_t n = TEST_LENGTH * a->m->vocabulary;
    float *whole = test_logits(b->be, a->m, a->r.plan, token, 1, TEST_LENGTH, TEST_LENGTH);
    float *parts = test_logits(b->be, a->m, a->r.plan, token, 1, TEST_LENGTH, 7);
    for (int64_t i = 0; i < n; i++) assert_true(isfinite(whole[i]));
    const double d = test_apart(parts, whole, n);
    if (!(d <= bound)) fail_msg("%s on %s: pieces of 7 tokens differ by %.1e", method->name, b->name, d);
    free(whole);
    free(parts);
}

static void test_every_method(void **state)
{
    /* There is a Hadamard matrix for each of these and for twice each. */
    static const int64_t sizes[] = {4, 10, 12, 14, 16, 18, 20, 24, 26, 30};
    test_backend         b[BACKENDS];
    const int32_t        n = test_backends_open(b, BACKENDS, 1);
    const uint64_t       seed = seed_of_run();
    ssmq_rng             r;
    (void)state;
    ssmq_rng_init(&r, seed, "every method");
    for (int32_t i = 0; ssmq_methods[i]; i++)
        for (int32_t j = 0; j < n; j++) {
            ssmq_arena   *arena = ssmq_arena_new();
            const int64_t d_model = 2 * sizes[ssmq_rng_below(&r, sizeof sizes / sizeof *sizes)];
            ssmq_model   *m = draw_model(arena, &r, d_model, 2, seed);
            int32_t       token[TEST_LENGTH];
            test_sample(m, 0, token);
            float        *before = test_logits(b[j].be, m, NULL, token, 1, TEST_LENGTH, TEST_LENGTH);
            test_applied  a = test_apply(m, b[j].be, (test_step[]){{ssmq_methods[i], NULL}, {0}}, seed);
            float        *after = test_logits(b[j].be, m, NULL, token, 1, TEST_LENGTH, TEST_LENGTH);
            assert_memory_equal(before, after, (size_t)(TEST_LENGTH * m->vocabulary) * sizeof *before);
            check_pieces(&b[j], ssmq_methods[i], &a);
            const double d = test_changed(b[j].be, m, &a);
            if (ssmq_methods[i]->keeps_float && !(d <= float_bound(m)))
                fail_msg("seed %llu, %s on %s: the float function changes by %.1e", (unsigned long long)seed,
                         ssmq_methods[i]->name, b[j].name, d);
            free(before);
            free(after);
            test_applied_free(&a);
            ssmq_model_free(m);
            ssmq_arena_free(arena);
        }
    test_backends_close(b, n);
}

/* A recipe whose steps are all left out is the float model, bit for bit. */
static void test_no_steps(void **state)
{
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 1);
    ssmq_arena   *arena = ssmq_arena_new();
    ssmq_rng      r;
    (void)state;
    ssmq_rng_init(&r, seed_of_run(), "no steps");
    for (int32_t j = 0; j < n; j++) {
        ssmq_model  *m = draw_model(arena, &r, 12, 2, 1);
        test_applied a = test_apply(m, b[j].be, (test_step[]){{0}}, 1);
        assert_true(test_changed(b[j].be, m, &a) == 0);
        test_applied_free(&a);
        ssmq_model_free(m);
    }
    ssmq_arena_free(arena);
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float_function), cmocka_unit_test(test_sixteen_bits),
        cmocka_unit_test(test_percentile_100), cmocka_unit_test(test_every_method),
        cmocka_unit_test(test_no_steps),
    };
    return cmocka_run_group_tests_name("identities", tests, NULL, NULL);
}
