/* Recipes of up to eight steps of any methods, with options drawn from their tables.  One that the check
 * takes is carried out; its numbers are finite, the same in both modes where there are kernels, at once and
 * in pieces, and the same for any batch of samples and number of threads; a site that is masked is one that a
 * step behind leaves in floating point; transforms alone keep the float function.
 *
 * Each recipe is drawn from a seed of its own, which a failure names; SSMQ_TEST_SEED begins with another, and
 * SSMQ_TEST_RECIPES draws so many. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/drawn.h"
#include "tests/support/forward.h"
#include "tests/support/steps.h"

#define BACKENDS 4
#define DRAWN 6 /* steps that are drawn at most */
#define STEPS (DRAWN + 2)
#define TRIES 4

typedef struct counts {
    int refused, kept, real, no_scale;
} counts;

static uint64_t given(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : fallback;
}

static const char *text_of(ssmq_arena *arena, const test_step *steps)
{
    const char *text = "";
    for (; steps->method; steps++)
        text = ssmq_arena_printf(arena, "%s- %s %s\n", text, steps->method->name, steps->options);
    return text;
}

/* ---- drawing --------------------------------------------------------------------------- */

static void check_refusal(ssmq_status st, const char *text)
{
    if (st != SSMQ_ERR_CONFIG && st != SSMQ_ERR_UNSUPPORTED)
        fail_msg("the check ends with %s:\n%s", ssmq_status_name(st), text);
    const char *why = ssmq_error_last()->message;
    if (strlen(why) < 20 || strchr(why, '\n')) fail_msg("the reason is '%s':\n%s", why, text);
}

/* A step of a method that the check takes behind those before it, its options drawn again where they are
 * refused. */
static bool draw_step(ssmq_arena *arena, ssmq_rng *r, const ssmq_model *m, const ssmq_method *method,
                      test_step *steps, int at, counts *c)
{
    for (int i = 0; i < TRIES; i++) {
        ssmq_status st;
        steps[at] = (test_step){method, test_drawn_options(arena, r, method, m)};
        if (test_outline(m, steps, &st) < 0) return true;
        check_refusal(st, text_of(arena, steps));
        c->refused++;
    }
    steps[at] = (test_step){0};
    return false;
}

/* Steps that the check takes, [STEPS + 1], ended; half of the recipes have all in 8 bits in their middle. */
static void draw_recipe(ssmq_arena *arena, ssmq_rng *r, const ssmq_model *m, test_step *steps, counts *c)
{
    const int  n = 1 + (int)ssmq_rng_below(r, DRAWN);
    const bool bytes = ssmq_rng_below(r, 2) == 0;
    int        all = 0, taken = 0;
    while (ssmq_methods[all]) all++;
    memset(steps, 0, (STEPS + 1) * sizeof *steps);
    for (int i = 0; i < n; i++) {
        taken += draw_step(arena, r, m, ssmq_methods[ssmq_rng_below(r, (uint64_t)all)], steps, taken, c);
        if (!bytes || i != n / 2) continue;
        steps[taken++] = (test_step){&ssmq_method_weights, "{}"};
        steps[taken++] = (test_step){&ssmq_method_activations, "{}"};
    }
}

/* ---- what holds ------------------------------------------------------------------------ */

static float *logits_of(const test_applied *a, ssmq_backend *be, ssmq_mode mode, int32_t piece)
{
    int32_t token[TEST_LENGTH];
    test_sample(a->m, 1, token);
    return test_logits_in(be, a->m, a->r.plan, mode, token, 1, TEST_LENGTH, piece);
}

/* What is compared has as many bits, and none may be a NaN. */
static void check_equal(const float *got, const float *want, int64_t n, const char *what, const char *text)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0 || !isfinite(want[i]))
            fail_msg("%s: logit %d is %.9g, not %.9g:\n%s", what, (int)i, (double)got[i], (double)want[i],
                     text);
}

/* A departure in real mode alone is what was asked for; its numbers are finite. */
static void check_real(const test_applied *a, ssmq_backend *be, const char *text, counts *c)
{
    static const int32_t piece[] = {TEST_LENGTH, 5};
    if (!test_has_kernels(be, a)) return;
    for (int i = 0; i < 2; i++) {
        float *fake = logits_of(a, be, SSMQ_MODE_FAKE, piece[i]),
              *real = logits_of(a, be, SSMQ_MODE_REAL, piece[i]);
        check_equal(real, a->r.plan->departures.real_only ? real : fake, TEST_LENGTH * a->m->vocabulary,
                    i ? "real mode, in pieces" : "real mode", text);
        free(fake);
        free(real);
    }
    c->real++;
}

/* A sum of n products, and a transform of n numbers, has an error of n halves of a unit in the last place of
 * its sizes; a layer has four products, and each step may transform their inputs.  A wrong sign changes
 * logits by parts in ten. */
static void check_float(const test_applied *a, const ssmq_model *base, ssmq_backend *be,
                        const test_step *steps, const char *text, counts *c)
{
    const double bound = DRAWN * 4 * base->n_layer * 48 * 6e-8;
    for (const test_step *s = steps; s->method; s++)
        if (!s->method->keeps_float || strstr(s->options, "weight_dtype: f16")) return;
    const double d = test_changed(be, base, a);
    if (!(d <= bound)) fail_msg("transforms change the logits by %.2g:\n%s", d, text);
    c->kept++;
}

/* The method whose option `bits: off` leaves such a site in floating point. */
static const ssmq_method *switch_of(ssmq_site_kind kind)
{
    return kind == SSMQ_SITE_WEIGHT  ? &ssmq_method_weights
           : kind == SSMQ_SITE_STATE ? &ssmq_method_state
                                     : &ssmq_method_activations;
}

/* A site that is masked in the plan is one that a step behind the recipe leaves in floating point. */
static void check_mask(ssmq_arena *arena, ssmq_rng *r, const ssmq_model *base, const test_applied *a,
                       ssmq_backend *be, const test_step *steps, const char *text)
{
    test_step behind[STEPS + 2] = {{0}};
    bool     *on = SSMQ_ARENA_ARRAY(arena, bool, base->n_site);
    int32_t   off = -1, seen = 0, n = 0;
    for (int32_t i = 0; i < base->n_site; i++) {
        on[i] = a->r.plan->at[i].spec.bits > 0;
        if (on[i] && ssmq_rng_below(r, (uint64_t)++seen) == 0) off = i;
    }
    if (off < 0) return;
    on[off] = false;
    for (; steps[n].method; n++) behind[n] = steps[n];
    behind[n] = (test_step){switch_of(base->site[off].kind),
                            ssmq_arena_printf(arena, "{sites: %s, bits: off}", base->site[off].name)};
    test_applied other = test_apply(base, be, behind, 1);
    test_applied masked = {.m = a->m, .r = {.plan = ssmq_plan_masked(a->r.plan, on)}};
    float       *want = logits_of(&other, be, SSMQ_MODE_FAKE, TEST_LENGTH),
          *got = logits_of(&masked, be, SSMQ_MODE_FAKE, TEST_LENGTH);
    check_equal(got, want, TEST_LENGTH * base->vocabulary, base->site[off].name, text);
    free(want);
    free(got);
    ssmq_plan_free(masked.r.plan);
    test_applied_free(&other);
}

/* In half precision a scale may become 0, which depends on weights and samples, not on the experiment. */
static bool has_no_scale(ssmq_status st, const char *text)
{
    return st == SSMQ_ERR_NUMERIC && strstr(ssmq_error_last()->message, "gives no scale") &&
           strstr(text, "scale_dtype: f16");
}

static void try_recipe(ssmq_arena *arena, ssmq_rng *r, const ssmq_model *m, ssmq_backend *be,
                       ssmq_backend *two, const test_step *steps, const char *text, counts *c)
{
    test_applied      a, again;
    const ssmq_status st = test_try(m, be, steps, 1, &a);
    if (has_no_scale(st, text)) {
        c->no_scale++;
        return;
    }
    if (st != SSMQ_OK) fail_msg("passes the check, then: %s:\n%s", ssmq_error_last()->message, text);
    check_real(&a, be, text, c);
    check_float(&a, m, be, steps, text, c);
    check_mask(arena, r, m, &a, be, steps, text);
    CHECK_OK(test_try_batched(m, two, steps, 1, TEST_SAMPLES, &again));
    float *alone = logits_of(&a, be, SSMQ_MODE_FAKE, TEST_LENGTH),
          *at_once = logits_of(&again, two, SSMQ_MODE_FAKE, TEST_LENGTH);
    check_equal(at_once, alone, TEST_LENGTH * m->vocabulary, "samples at once, two threads", text);
    free(alone);
    free(at_once);
    test_applied_free(&again);
    test_applied_free(&a);
}

static void test_drawn(void **state)
{
    test_backend   b[BACKENDS], two[BACKENDS];
    const int32_t  n = test_backends_open(b, BACKENDS, 1);
    const uint64_t seed = given("SSMQ_TEST_SEED", 5), recipes = given("SSMQ_TEST_RECIPES", 150);
    counts         c = {0};
    (void)state;
    assert_int_equal(test_backends_open(two, BACKENDS, 2), n);
    for (uint64_t i = 0; i < recipes; i++) {
        ssmq_arena *arena = ssmq_arena_new();
        test_step   steps[STEPS + 1];
        ssmq_rng    r;
        ssmq_rng_init(&r, seed + i, "recipe");
        ssmq_model   *m = test_drawn_model(test_configs[i % TEST_CONFIGS], seed);
        const int32_t on = (int32_t)ssmq_rng_below(&r, (uint64_t)n);
        draw_recipe(arena, &r, m, steps, &c);
        try_recipe(arena, &r, m, b[on].be, two[on].be, steps,
                   ssmq_arena_printf(arena, "SSMQ_TEST_SEED=%d SSMQ_TEST_RECIPES=1, on %s\n%s",
                                     (int)(seed + i), b[on].name, text_of(arena, steps)),
                   &c);
        ssmq_model_free(m);
        ssmq_arena_free(arena);
    }
    print_message(
        "seed %d: %d recipes, %d steps refused; %d in both modes, %d of transforms, %d without a scale\n",
        (int)seed, (int)recipes, c.refused, c.real, c.kept, c.no_scale);
    if (recipes > 1) assert_true(c.refused > 0 && c.real > 0 && c.kept > 0);
    test_backends_close(b, n);
    test_backends_close(two, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_drawn)};
    return cmocka_run_group_tests_name("drawn recipes", tests, NULL, NULL);
}
