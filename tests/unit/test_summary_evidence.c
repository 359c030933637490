/* The parts of summary.json that say where a loss comes from: what is written is read back, and damage is
 * refused. */
#include <math.h>
#include <string.h>
#include "harness/store/summary.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

#define HEAD "{\"id\": \"1\", \"name\": \"n\", \"mode\": \"fake\", \"status\": \"done\", \"evaluations\": {}"

static const ssmq_site_score sites[] = {
    {.site = "scan.x", .input = "clean", .layers = 8, .metrics = 0x3f8, .sqnr_db = 29.5, .mse = 1e-5,
     .cosine = 0.999, .rel_l2 = 0.03, .max_err = 2, .bias = -1e-6, .clip_rate = 0.01,
     .worst_layer = 3, .worst_sqnr_db = 17.25},
    {.site = "head.in", .input = "propagated", .layers = 1, .metrics = 0x028, .sqnr_db = INFINITY,
     .cosine = NAN, .worst_layer = -1, .worst_sqnr_db = INFINITY},
};

static const ssmq_unit_score units[] = {
    {.unit = "scan.x", .on = {.ppl = 20, .ln_ratio = 0.5, .ln_ratio_se = NAN, .kl_mean = INFINITY, .kl_se = NAN,
                              .damage = 0.5, .damage_se = NAN},
     .off = {.ppl = 12, .ln_ratio = 0.1, .ln_ratio_se = 0.01, .kl_mean = 0.2, .kl_se = 0.02, .damage = 0.4,
             .damage_se = 0.03}},
    {.unit = "layers.3", .on = {.ppl = 2}, .off = {.ppl = 3}},
};
static const ssmq_interaction_score pairs[] = {
    {.a = "rot", .b = "u", .both = 4, .only_a = 4.5, .only_b = 4.25, .neither = 5, .ln_ppl = 0.25, .ln_ppl_se = NAN},
};

static const ssmq_summary summary = {
    .id = "4f1c09ab2e77d05c",
    .name = "fake quamba",
    .mode = "fake",
    .status = "done",
    .sites = {.evaluation = "wt2", .windows = 4, .score = sites, .n = 2},
    .sensitivity = {.evaluation = "wt2", .windows = 3, .by = "site", .has_on = true, .has_off = true,
                    .all = {.ppl = 30, .ln_ratio = 1}, .unit = units, .n = 2},
    .interactions = {.evaluation = "pile", .windows = 5, .pair = pairs, .n = 1},
};

static void same_real(double a, double b)
{
    assert_true(isnan(a) ? isnan(b) : a == b);
}

static void test_sites(void **state)
{
    const scratch *s = *state;
    const char    *path = scratch_path(s, "summary.json");
    ssmq_summary   got;
    CHECK_OK(ssmq_summary_write(&summary, path));
    CHECK_OK(ssmq_summary_read(path, s->a, &got));
    assert_string_equal(got.sites.evaluation, "wt2");
    assert_int_equal(got.sites.windows, 4);
    assert_int_equal(got.sites.n, 2);
    for (int i = 0; i < 2; i++) {
        const ssmq_site_score *a = &got.sites.score[i], *b = &sites[i];
        assert_string_equal(a->site, b->site);
        assert_string_equal(a->input, b->input);
        assert_true(a->layers == b->layers && a->metrics == b->metrics);
        assert_int_equal(a->worst_layer, b->worst_layer);
        same_real(a->worst_sqnr_db, b->worst_sqnr_db);
#define X(field, metric) same_real(a->field, b->metrics >> (metric) & 1 ? b->field : (double)NAN);
        SSMQ_SITE_FIELDS(X)
#undef X
    }
}

static void same_figures(const ssmq_sensitivity_figures *a, const ssmq_sensitivity_figures *b)
{
#define X(field, unit, long_name) same_real(a->field, b->field);
    SSMQ_SENSITIVITY_FIELDS(X)
#undef X
}

static void test_sensitivity(void **state)
{
    const scratch *s = *state;
    const char    *path = scratch_path(s, "summary.json");
    ssmq_summary   some = summary, got;
    CHECK_OK(ssmq_summary_write(&summary, path));
    CHECK_OK(ssmq_summary_read(path, s->a, &got));
    assert_string_equal(got.sensitivity.evaluation, "wt2");
    assert_string_equal(got.sensitivity.by, "site");
    assert_true(got.sensitivity.windows == 3 && got.sensitivity.n == 2);
    assert_true(got.sensitivity.has_on && got.sensitivity.has_off);
    same_figures(&got.sensitivity.all, &summary.sensitivity.all);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(got.sensitivity.unit[i].unit, units[i].unit);
        same_figures(&got.sensitivity.unit[i].on, &units[i].on);
        same_figures(&got.sensitivity.unit[i].off, &units[i].off);
    }
    some.sensitivity.has_on = false; /* what was not measured is not written */
    CHECK_OK(ssmq_summary_write(&some, path));
    CHECK_OK(ssmq_summary_read(path, s->a, &got));
    assert_true(!got.sensitivity.has_on && got.sensitivity.has_off);
    assert_true(isnan(got.sensitivity.unit[0].on.ppl) && got.sensitivity.unit[0].off.ppl == 12);
}

static void test_interactions(void **state)
{
    const scratch *s = *state;
    const char    *path = scratch_path(s, "summary.json");
    ssmq_summary   got;
    CHECK_OK(ssmq_summary_write(&summary, path));
    CHECK_OK(ssmq_summary_read(path, s->a, &got));
    assert_string_equal(got.interactions.evaluation, "pile");
    assert_true(got.interactions.windows == 5 && got.interactions.n == 1);
    const ssmq_interaction_score *a = &got.interactions.pair[0], *b = &pairs[0];
    assert_string_equal(a->a, b->a);
    assert_string_equal(a->b, b->b);
    assert_true(a->both == b->both && a->only_a == b->only_a && a->only_b == b->only_b);
    assert_true(a->neither == b->neither && a->ln_ppl == b->ln_ppl && isnan(a->ln_ppl_se));
}

/* Infinities are null with a flag beside them. */
static void test_as_json(void **state)
{
    ssmq_str         text = {0};
    ssmq_json_writer w = {.out = &text, .compact = true};
    (void)state;
    ssmq_json_begin_object(&w, NULL);
    ssmq_summary_put_fields(&w, &summary);
    ssmq_json_end_object(&w);
    const char *const expected =
        "{\"site\": \"head.in\", \"input\": \"propagated\", \"layers\": 1, \"sqnr_db\": null, "
        "\"sqnr_db_nonfinite\": \"inf\", \"cosine\": null, \"cosine_nonfinite\": \"nan\", "
        "\"worst_layer\": -1, \"worst_sqnr_db\": null, \"worst_sqnr_db_nonfinite\": \"inf\"}]}";
    if (!strstr(ssmq_str_text(&text), expected)) fail_msg("%s", ssmq_str_text(&text));
    ssmq_str_free(&text);
}

static void check_refused(const scratch *s, const char *text, const char *message)
{
    ssmq_summary got;
    const char  *path = scratch_write(s, "bad.json", text, strlen(text));
    CHECK_FAILS_WITH(ssmq_summary_read(path, s->a, &got), SSMQ_ERR_INPUT, message);
}

static void test_damaged(void **state)
{
    const scratch *s = *state;
    check_refused(s, HEAD ", \"site_errors\": 3}", "'site_errors' is neither an object nor an array");
    check_refused(s, HEAD ", \"site_errors\": {}}", "the key 'evaluation' is missing");
    check_refused(s, HEAD ", \"site_errors\": {\"evaluation\": \"e\", \"windows\": 1, \"sites\": [{}]}}",
                  "the key 'site' is missing");
    check_refused(s,
                  HEAD ", \"site_errors\": {\"evaluation\": \"e\", \"windows\": 1, \"sites\": "
                       "[{\"site\": \"x\", \"input\": \"clean\", \"layers\": 1, \"worst_layer\": -2}]}}",
                  "worst_layer");
    check_refused(s, HEAD ", \"sensitivity\": []}", "the key 'evaluation' is missing");
    check_refused(s, HEAD ", \"interactions\": {\"evaluation\": \"e\", \"windows\": 1, \"pairs\": [{\"steps\": [\"a\"]}]}}",
                  "'steps' of an interaction are not two texts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sites, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_sensitivity, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_interactions, scratch_setup, scratch_teardown),
        cmocka_unit_test(test_as_json),
        cmocka_unit_test_setup_teardown(test_damaged, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
