/* summary.json: what is written is what is read; numbers that are not finite; damaged files. */
#include <math.h>
#include <string.h>
#include "harness/store/summary.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static const ssmq_subset_score subsets[] = {
    {.name = "Wikipedia (en)",
     .score = {.ppl = 12.5, .ppl_se = 0.25, .nll = 2.5257286443082556, .windows = 3,
               .tokens = 6141},
     .compare = {.against = "float", .metrics = 4, .ln_ratio = 0.25, .ln_ratio_se = NAN,
                 .ln_ratio_low = NAN, .ln_ratio_high = NAN, .top1 = 0.5}},
    {.name = "größer",
     .score = {.ppl = INFINITY, .ppl_se = NAN, .nll = 800, .windows = 1, .tokens = 2047}},
};

static const ssmq_alarm alarms[] = {
    {.event = "scale of zero", .site = "layers.3.scan.x", .message = "raised to 1e-05"},
    {.event = "better than float", .evaluation = "wt2", .message = "by \"1\" nat"},
};

static const ssmq_evaluation_score evaluations[] = {
    {.id = "wt2", .dialect = "gptq", .window = 2048,
     .score = {.ppl = 20.609, .ppl_se = 0.1, .nll = 3.0257, .windows = 8, .tokens = 16376},
     .compare = {.against = "float", .metrics = 7, .ln_ratio = 0.125, .ln_ratio_se = 0.01,
                 .ln_ratio_low = 0.1, .ln_ratio_high = 0.15, .kl_mean = 0.2, .kl_se = 0.001,
                 .kl_median = 0.1, .kl_p90 = 0.5, .kl_p99 = 1, .kl_p999 = 2, .kl_max = INFINITY,
                 .delta_p_mean = -0.01, .delta_p_rms = 0.02, .top1 = 0.875}},
    {.id = "pile.sample", .dialect = "disjoint", .window = 512, .loss_dtype = "f16", .state_reset = 64, .subset = subsets, .n_subset = 2,
     .score = {.ppl = NAN, .ppl_se = INFINITY, .nll = -INFINITY, .windows = 4, .tokens = 8188}},
};

static const ssmq_summary summary = {
    .id = "4f1c09ab2e77d05c",
    .name = "quamba, fake",
    .mode = "fake",
    .recipe = "quamba",
    .status = "failed",
    .reason = "layers.3.scan.x is not finite",
    .evaluation = evaluations,
    .n_evaluation = 2,
    .alarm = alarms,
    .n_alarm = 2,
};

static void same_real(double a, double b)
{
    assert_true(isnan(a) ? isnan(b) : a == b);
}

static void same_score(const ssmq_score *a, const ssmq_score *b)
{
    same_real(a->ppl, b->ppl);
    same_real(a->ppl_se, b->ppl_se);
    same_real(a->nll, b->nll);
    assert_int_equal(a->windows, b->windows);
    assert_int_equal(a->tokens, b->tokens);
}

static void same_text(const char *a, const char *b)
{
    assert_int_equal(!a, !b);
    if (a) assert_string_equal(a, b);
}

/* Fields of metrics that were not asked for come back as NaN. */
static void same_compare(const ssmq_compare_score *got, const ssmq_compare_score *want)
{
    same_text(got->against, want->against);
    assert_int_equal(got->metrics, want->metrics);
    if (!want->against) return;
#define X(field, metric, unit)                                                 \
    same_real(got->field, (metric) < 0 || want->metrics >> ((metric) & 31) & 1 \
                              ? want->field                                    \
                              : (double)NAN);
    SSMQ_COMPARE_FIELDS(X)
#undef X
}

static void test_round_trip(void **state)
{
    const scratch *s = *state;
    const char    *path = scratch_path(s, "summary.json");
    ssmq_summary   got;
    CHECK_OK(ssmq_summary_write(&summary, path));
    CHECK_OK(ssmq_summary_read(path, s->a, &got));
    assert_string_equal(got.id, summary.id);
    assert_string_equal(got.name, summary.name);
    assert_string_equal(got.mode, summary.mode);
    assert_string_equal(got.recipe, summary.recipe);
    assert_string_equal(got.status, summary.status);
    assert_string_equal(got.reason, summary.reason);
    assert_int_equal(got.n_evaluation, 2);
    for (int i = 0; i < 2; i++) {
        const ssmq_evaluation_score *e = &got.evaluation[i];
        assert_string_equal(e->id, evaluations[i].id);
        assert_string_equal(e->dialect, evaluations[i].dialect);
        assert_string_equal(e->loss_dtype ? e->loss_dtype : "",
                            evaluations[i].loss_dtype ? evaluations[i].loss_dtype : "");
        assert_int_equal(e->window, evaluations[i].window);
        assert_int_equal(e->state_reset, evaluations[i].state_reset);
        same_score(&e->score, &evaluations[i].score);
        same_compare(&e->compare, &evaluations[i].compare);
        assert_int_equal(e->n_subset, evaluations[i].n_subset);
        for (int k = 0; k < e->n_subset; k++) {
            assert_string_equal(e->subset[k].name, subsets[k].name);
            same_score(&e->subset[k].score, &subsets[k].score);
            same_compare(&e->subset[k].compare, &subsets[k].compare);
        }
    }
    assert_int_equal(got.n_alarm, 2);
    for (int i = 0; i < 2; i++) {
        same_text(got.alarm[i].event, alarms[i].event);
        same_text(got.alarm[i].evaluation, alarms[i].evaluation);
        same_text(got.alarm[i].site, alarms[i].site);
        same_text(got.alarm[i].message, alarms[i].message);
    }
}

static void test_nothing_evaluated(void **state)
{
    const scratch     *s = *state;
    const char        *path = scratch_path(s, "empty.json");
    const ssmq_summary none = {.id = "1", .name = "float", .mode = "float", .status = "done"};
    ssmq_summary       got;
    CHECK_OK(ssmq_summary_write(&none, path));
    CHECK_OK(ssmq_summary_read(path, s->a, &got));
    assert_int_equal(got.n_evaluation, 0);
    assert_null(got.recipe);
    assert_null(got.reason);
}

static void test_run_as_json(void **state)
{
    (void)state;
    ssmq_summary     one = summary;
    ssmq_str         text = {0};
    ssmq_json_writer w = {.out = &text, .compact = true};
    one.recipe = NULL;
    ssmq_json_begin_object(&w, NULL);
    ssmq_summary_put_fields(&w, &one);
    ssmq_json_end_object(&w);
    assert_string_equal(
        ssmq_str_text(&text),
        "{\"id\": \"4f1c09ab2e77d05c\", \"name\": \"quamba, fake\", \"mode\": \"fake\", "
        "\"recipe\": null, \"status\": \"failed\", "
        "\"reason\": \"layers.3.scan.x is not finite\", \"evaluations\": {"
        "\"wt2\": {\"ppl\": 20.609, \"ppl_se\": 0.1, \"nll\": 3.0257, \"windows\": 8, "
        "\"tokens\": 16376, \"compare\": {\"against\": \"float\", \"ln_ratio\": 0.125, "
        "\"ln_ratio_se\": 0.01, \"ln_ratio_low\": 0.1, \"ln_ratio_high\": 0.15, "
        "\"kl_mean\": 0.2, \"kl_se\": 0.001, \"kl_median\": 0.1, \"kl_p90\": 0.5, "
        "\"kl_p99\": 1.0, \"kl_p999\": 2.0, \"kl_max\": null, \"kl_max_nonfinite\": \"inf\", "
        "\"delta_p_mean\": -0.01, \"delta_p_rms\": 0.02, \"top1\": 0.875}}, "
        "\"pile.sample\": {\"ppl\": null, \"ppl_nonfinite\": \"nan\", \"ppl_se\": null, "
        "\"ppl_se_nonfinite\": \"inf\", \"nll\": null, \"nll_nonfinite\": \"-inf\", "
        "\"windows\": 4, \"tokens\": 8188}}, \"alarms\": ["
        "{\"event\": \"scale of zero\", \"evaluation\": null, "
        "\"site\": \"layers.3.scan.x\", \"message\": \"raised to 1e-05\"}, "
        "{\"event\": \"better than float\", \"evaluation\": \"wt2\", \"site\": null, "
        "\"message\": \"by \\\"1\\\" nat\"}]}");
    ssmq_str_free(&text);
}

static void check_refused(const scratch *s, const char *text, const char *message)
{
    const char  *path = scratch_write(s, "bad.json", text, strlen(text));
    ssmq_summary got = {0};
    CHECK_FAILS(ssmq_summary_read(path, s->a, &got), SSMQ_ERR_INPUT,
                ssmq_arena_printf(s->a, "%s: %s", path, message));
    assert_null(got.id);
}

#define HEAD "{\"id\": \"1\", \"name\": \"n\", \"mode\": \"fake\", \"status\": \"done\""

#define SCORED                                                            \
    HEAD ", \"evaluations\": {\"a\": {\"ppl\": 1, \"ppl_se\": 1, \"nll\": 1, "  \
         "\"windows\": 1, \"tokens\": 1, \"dialect\": \"d\", \"window\": 1, "

static void test_malformed(void **state)
{
    const scratch *s = *state;
    check_refused(s, "{}", "the key 'id' is missing");
    check_refused(s, "[]", "not a JSON object");
    check_refused(s, HEAD "}", "'evaluations' is missing");
    check_refused(s, HEAD ", \"evaluations\": []}", "'evaluations' is not an object");
    check_refused(s, HEAD ", \"evaluations\": {\"a\": 1}}", "the key 'ppl' is missing");
    check_refused(s, HEAD ", \"evaluations\": {\"a\": {\"ppl\": \"x\"}}}",
                  "'ppl' is a string, not a number");
    check_refused(s,
                  HEAD ", \"evaluations\": {\"a\": {\"ppl\": null, \"ppl_nonfinite\": \"big\"}}}",
                  "'ppl_nonfinite' is 'big', not 'nan', 'inf' or '-inf'");
    check_refused(s, HEAD ", \"evaluations\": {\"a\": {\"ppl\": 1, \"ppl_se\": 1, \"nll\": 1, "
                          "\"windows\": -1}}}",
                  "'windows' is -1, not within 0 to 9223372036854775807");
    check_refused(s, HEAD ", \"evaluations\": {\"a\": {\"ppl\": 1, \"ppl_se\": 1, \"nll\": 1, "
                          "\"windows\": 1, \"tokens\": 1, \"dialect\": \"d\", \"window\": 1, "
                          "\"subsets\": 3}}}",
                  "'subsets' of 'a' is not an array");
    check_refused(s, SCORED "\"compare\": 1}}}", "'compare' is not an object");
    check_refused(s, SCORED "\"compare\": {\"against\": \"float\"}}}}",
                  "the key 'ln_ratio' is missing");
    check_refused(s, HEAD ", \"evaluations\": {}, \"alarms\": {}}", "'alarms' is not an array");
    check_refused(s, HEAD ", \"evaluations\": {}, \"alarms\": [{}]}", "the key 'event' is missing");
}

/* Cut short anywhere, and with bytes changed: read or refused, and nothing else. */
static void test_damaged(void **state)
{
    const scratch *s = *state;
    const char    *path = scratch_path(s, "whole.json");
    ssmq_rng       random;
    ssmq_rng_init(&random, test_seed(3), "damage");
    CHECK_OK(ssmq_summary_write(&summary, path));
    blob b = blob_read(path);
    for (size_t n = 0; n + 2 < b.size; n++) { /* the last two bytes are "}" and a line break */
        ssmq_summary got;
        path = scratch_write(s, "cut.json", b.data, n);
        assert_int_equal(ssmq_summary_read(path, s->a, &got), SSMQ_ERR_INPUT);
    }
    for (int i = 0; i < 500; i++) {
        ssmq_summary got;
        blob         bad = blob_damaged(&b, 0, b.size, &random);
        path = scratch_write(s, "damaged.json", bad.data, bad.size);
        const ssmq_status st = ssmq_summary_read(path, s->a, &got);
        assert_true(st == SSMQ_OK || st == SSMQ_ERR_INPUT);
        blob_free(&bad);
    }
    blob_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_nothing_evaluated),
        cmocka_unit_test(test_run_as_json), cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
