/* Units of a plan, and the steps that leave one in floating point: applied behind the recipe they give the plan
 * with the unit masked. */
#include <stdlib.h>
#include "harness/run/evaluate/units.h"
#include "quant/methods.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/steps.h"

#define CONFIG                                                                                \
    "{\"d_model\": 24, \"n_layer\": 2, \"vocab_size\": 40, \"ssm_cfg\": {\"d_state\": 5}}"

/* Layer 0's in_proj has a step of its own, layer 1's scan.x is left in floating point. */
static const test_step steps[] = {
    {&ssmq_method_weights, "{sites: ['layers.*.{in,out}_proj.weight', head.weight]}"},
    {&ssmq_method_gptq, "{sites: layers.0.in_proj.weight}"},
    {&ssmq_method_activations, "{sites: layers.0.scan.x}"},
    {&ssmq_method_state, NULL},
    {0}};

static ssmq_recipe recipe_of(ssmq_step *step)
{
    int32_t n = 0;
    for (; steps[n].method; n++)
        step[n] = (ssmq_step){.id = steps[n].method->name, .method = steps[n].method};
    return (ssmq_recipe){.step = step, .n_step = n};
}

/* Each unit as "NAME: its steps", one after the other. */
static void check_units(const test_applied *a, ssmq_unit_kind kind, const char *expected)
{
    ssmq_step         step[8];
    const ssmq_recipe recipe = recipe_of(step);
    ssmq_arena       *arena = ssmq_arena_new();
    const ssmq_units  u = ssmq_units_of(a->r.plan, &recipe, kind, arena);
    ssmq_str          text = {0};
    for (int32_t i = 0; i < u.n; i++) {
        ssmq_str_printf(&text, "%s\n", u.at[i].name);
        ssmq_unit_steps(&u.at[i], a->r.plan, "f", &text);
    }
    assert_string_equal(ssmq_str_text(&text), expected);
    ssmq_str_free(&text);
    ssmq_arena_free(arena);
}

static void test_names_and_steps(void **state)
{
    test_backend  b[4];
    const int32_t n = test_backends_open(b, 4, 1);
    ssmq_model   *base = test_drawn_model(CONFIG, 3);
    test_applied  a = test_apply(base, b[n - 1].be, steps, 3);
    (void)state;
    check_units(&a, SSMQ_UNIT_SITE,
                "in_proj.weight\n"
                "- {id: f-weights, method: weights, sites: [\"layers.*.in_proj.weight\"], bits: off}\n"
                "scan.x\n"
                "- {id: f-activations, method: activations, sites: [\"layers.*.scan.x\"], bits: off}\n"
                "scan.state\n"
                "- {id: f-state, method: state, sites: [\"layers.*.scan.state\"], bits: off}\n"
                "out_proj.weight\n"
                "- {id: f-weights, method: weights, sites: [\"layers.*.out_proj.weight\"], bits: off}\n"
                "head.weight\n"
                "- {id: f-weights, method: weights, sites: [\"head.weight\"], bits: off}\n");
    check_units(&a, SSMQ_UNIT_WEIGHT,
                "in_proj.weight\n"
                "- {id: f-weights, method: weights, sites: [\"layers.*.in_proj.weight\"], bits: off}\n"
                "out_proj.weight\n"
                "- {id: f-weights, method: weights, sites: [\"layers.*.out_proj.weight\"], bits: off}\n"
                "head.weight\n"
                "- {id: f-weights, method: weights, sites: [\"head.weight\"], bits: off}\n");
    /* scan.x is quantised in layer 0 only, so "layers.*" says the same; the state is in layer 1 too. */
    check_units(&a, SSMQ_UNIT_LAYER,
                "layers.0\n"
                "- {id: f-weights, method: weights, sites: [\"layers.0.in_proj.weight\", "
                "\"layers.0.out_proj.weight\"], bits: off}\n"
                "- {id: f-activations, method: activations, sites: [\"layers.*.scan.x\"], bits: off}\n"
                "- {id: f-state, method: state, sites: [\"layers.0.scan.state\"], bits: off}\n"
                "layers.1\n"
                "- {id: f-weights, method: weights, sites: [\"layers.1.in_proj.weight\", "
                "\"layers.1.out_proj.weight\"], bits: off}\n"
                "- {id: f-state, method: state, sites: [\"layers.1.scan.state\"], bits: off}\n"
                "head.weight\n"
                "- {id: f-weights, method: weights, sites: [\"head.weight\"], bits: off}\n");
    check_units(&a, SSMQ_UNIT_STEP,
                "gptq\n"
                "- {id: f-weights, method: weights, sites: [\"layers.0.in_proj.weight\"], bits: off}\n"
                "activations\n"
                "- {id: f-activations, method: activations, sites: [\"layers.*.scan.x\"], bits: off}\n"
                "state\n"
                "- {id: f-state, method: state, sites: [\"layers.*.scan.state\"], bits: off}\n"
                "weights\n"
                "- {id: f-weights, method: weights, sites: [\"layers.*.out_proj.weight\", "
                "\"layers.1.in_proj.weight\", \"head.weight\"], bits: off}\n");
    test_applied_free(&a);
    ssmq_model_free(base);
    test_backends_close(b, n);
}

/* All off is the float model, exactly; what is off already makes no difference. */
static void test_masks(void **state)
{
    test_backend  b[4];
    const int32_t n = test_backends_open(b, 4, 1);
    ssmq_model   *base = test_drawn_model(CONFIG, 3);
    int32_t       token[TEST_LENGTH];
    (void)state;
    test_sample(base, 0, token);
    for (int32_t i = 0; i < n; i++) {
        test_applied a = test_apply(base, b[i].be, steps, 3);
        const size_t bytes = (size_t)(TEST_LENGTH * base->vocabulary) * sizeof(float);
        bool         on[64];
        float       *logits[4];
        for (int k = 0; k < 2; k++) { /* none; all that are quantised, which are not all sites */
            for (int32_t s = 0; s < base->n_site; s++) on[s] = k == 1 && a.r.plan->at[s].spec.bits > 0;
            ssmq_plan *masked = ssmq_plan_masked(a.r.plan, on);
            logits[k] = test_logits(b[i].be, a.m, masked, token, 1, TEST_LENGTH, TEST_LENGTH);
            ssmq_plan_free(masked);
        }
        logits[2] = test_logits(b[i].be, base, NULL, token, 1, TEST_LENGTH, TEST_LENGTH);
        logits[3] = test_logits(b[i].be, a.m, a.r.plan, token, 1, TEST_LENGTH, TEST_LENGTH);
        assert_memory_equal(logits[0], logits[2], bytes);
        assert_memory_equal(logits[1], logits[3], bytes);
        assert_memory_not_equal(logits[0], logits[1], bytes);
        for (int k = 0; k < 4; k++) free(logits[k]);
        test_applied_free(&a);
    }
    ssmq_model_free(base);
    test_backends_close(b, n);
}

static float scale_in_fake(const ssmq_plan *plan, int32_t site)
{
    ssmq_plan  *fake = ssmq_plan_in_mode(plan, false);
    const float scale = *(const float *)fake->at[site].params.scale.data;
    ssmq_plan_free(fake);
    return scale;
}

/* Of two sites with one scale, the larger, each has its own where the other is off. */
static void test_masks_of_shared_scales(void **state)
{
    static const test_step shared[] = {
        {&ssmq_method_activations, NULL}, {&ssmq_method_departures, "{shared_xz: true}"}, {0}};
    test_backend  b[4];
    const int32_t n = test_backends_open(b, 4, 1);
    ssmq_model   *base = test_drawn_model(CONFIG, 3);
    test_applied  a = test_apply(base, b[0].be, shared, 3);
    const int32_t pair[] = {test_site(base, "layers.0.conv.in"), test_site(base, "layers.0.gate.z")};
    float         own[2], both[2];
    (void)state;
    for (int k = 0; k < 2; k++) {
        bool on[64];
        for (int32_t s = 0; s < base->n_site; s++) on[s] = s != pair[1 - k] && a.r.plan->at[s].spec.bits > 0;
        ssmq_plan *masked = ssmq_plan_masked(a.r.plan, on);
        own[k] = scale_in_fake(masked, pair[k]);
        both[k] = scale_in_fake(a.r.plan, pair[k]);
        assert_true(own[k] == *(const float *)a.r.plan->at[pair[k]].params.scale.data);
        ssmq_plan_free(masked);
    }
    assert_true(own[0] != own[1] && both[0] == both[1]);
    test_applied_free(&a);
    ssmq_model_free(base);
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_steps),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_masks_of_shared_scales),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
