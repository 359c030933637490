/* The list `expect`: which runs it is about, what it allows, and every message about it. */
#include <math.h>
#include <string.h>
#include "harness/cli/report_expect.h"
#include "harness/store/score_figures.h"
#include "tests/support/check.h"
#include "tests/support/experiment.h"

#define STEPS "recipe: [{id: r, method: round}, {id: w, method: watch}]\n"
#define SWEEP FAKE STEPS "sweep: {axes: {b: {recipe.r.bits: [8, 4]}}}\n"

static const char *const both[] = {"mode=[fake, float]", NULL};

static void test_which(void **state)
{
    ssmq_experiment *e = experiment_read(*state,
                                         SWEEP "expect:\n"
                                               "  - {evaluation: e, value: 20, tolerance: 1%, source: a, where: {mode: float}}\n"
                                               "  - {evaluation: e, metric: nll, value: -4, tolerance: 5 %, source: b, where: {b: 4, mode: fake}}\n"
                                               "  - {evaluation: e, metric: windows, value: 3, tolerance: 0, source: c}\n"
                                               "  - {evaluation: e, value: 3, tolerance: 0, source: d, where: {b: [8, 4]}}\n",
                                         both);
    static const bool of[4][3] = {
        {true, false, false}, {false, false, true}, {true, true, true}, {false, true, true}};
    static const char *const figure[] = {"ppl", "nll", "windows", "ppl"};
    static const double      tolerance[] = {0.2, 0.2, 0, 0};
    assert_int_equal(e->n_expect, 4);
    assert_int_equal(e->n_run, 3);
    for (int32_t i = 0; i < 4; i++) {
        assert_memory_equal(e->expect[i].of, of[i], 3);
        assert_string_equal(ssmq_score_figures[e->expect[i].figure].name, figure[i]);
        assert_true(fabs(e->expect[i].tolerance - tolerance[i]) < 1e-15);
    }
    assert_string_equal(e->expect[1].source, "b");
    ssmq_experiment_free(e);
}

/* What is expected is no part of what a run is. */
static void test_id(void **state)
{
    ssmq_experiment *x = experiment_read(*state, FLOAT, NULL);
    ssmq_experiment *y = experiment_read(
        *state, FLOAT "expect: [{evaluation: e, value: 1, tolerance: 1, source: s}]\n", NULL);
    assert_string_equal(x->run[0].id, y->run[0].id);
    assert_string_equal(x->run[0].resolved, y->run[0].resolved);
    ssmq_experiment_free(x);
    ssmq_experiment_free(y);
}

static void test_problems(void **state)
{
    static const struct {
        const char *what;
        int         column, width;
        const char *message, *rest;
    } cases[] = {
        {"expect: {}", 9, 1, "expect must be a list of mappings, found a mapping", ""},
        {"expect: [x]", 10, 1, "expect[0] must be a mapping, found the text 'x'", ""},
        {"expect: [{evaluation: e, value: 1, tolerance: 1}]", 10, 1, "expect[0].source is missing", ""},
        {"expect: [{evaluation: e, value: x, tolerance: 1, source: s}]", 33, 1,
         "expect[0].value must be a number, found the text 'x'", ""},
        {"expect: [{evaluation: e, value: 1, tolerance: -1, source: s}]", 47, 2,
         "a tolerance is a number, or a share of the value as '1%'; found the number -1", ""},
        {"expect: [{evaluation: e, value: 1, tolerance: 1 in 9, source: s}]", 47, 6,
         "a tolerance is a number, or a share of the value as '1%'; found the text '1 in 9'", ""},
        {"expect: [{evaluation: e, metric: pl, value: 1, tolerance: 1, source: s}]", 34, 2,
         "no figure has the name 'pl'", "help: did you mean 'ppl'?\n"},
        {"expect: [{evaluation: e, metric: kl_mean, value: 1, tolerance: 1, source: s}]", 34, 7,
         "kl_mean is a figure paired with float, and nothing is compared", "help: add compare: {}\n"},
        {"expect: [{evaluation: wt2, value: 1, tolerance: 1, source: s}]", 23, 3, "no evaluation has the id 'wt2'",
         "help: there are: e\n"},
        {"expect: [{evaluation: e, value: 1, tolerance: 1, source: s, where: {mode: real}}]", 75, 4,
         "expect[0].where: the axis 'mode' has no such value: the text 'real'", "help: there are: fake\n"},
        {"expect: [{evaluation: e, value: 1, tolerance: 1, source: s, wher: {}}]", 61, 4, "unknown key 'wher' in expect[0]",
         "help: did you mean 'where'?\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ssmq_str yaml = {0}, expected = {0};
        ssmq_str_printf(&yaml, "%s%s\n", SWEEP, cases[i].what);
        ssmq_str_printf(&expected, "e.yaml:10:%d: error: %s\n%s\n%*s", cases[i].column, cases[i].message,
                        cases[i].what, cases[i].column, "^");
        for (int k = 1; k < cases[i].width; k++) ssmq_str_puts(&expected, "~");
        ssmq_str_printf(&expected, "\n%s", cases[i].rest);
        experiment_check(*state, ssmq_str_text(&yaml), ssmq_str_text(&expected));
        ssmq_str_free(&yaml);
        ssmq_str_free(&expected);
    }
    experiment_check(*state,
                     FAKE STEPS "sweep: {axes: {b: {recipe.r.bits: [8, 4]}}, exclude: [{b: 4}]}\n"
                                "expect: [{evaluation: e, value: 1, tolerance: 1, source: s, where: {b: 4}}]\n",
                     "e.yaml:10:68: error: no run is like this\n"
                     "expect: [{evaluation: e, value: 1, tolerance: 1, source: s, where: {b: 4}}]\n"
                     "                                                                   ^\n");
}

/* A deviation of just the tolerance is inside; a run without the figure is in no table, and null in JSON. */
static void test_report(void **state)
{
    (void)state;
    const ssmq_evaluation_score score[] = {{.id = "wt2", .score = {.ppl = 20.5}}, {.id = "wt2", .score = {.ppl = 21}}};
    const ssmq_summary          run[] = {
        {.name = "float", .evaluation = &score[0], .n_evaluation = 1},
        {.name = "fake", .evaluation = &score[1], .n_evaluation = 1},
        {.name = "failed"},
    };
    static const bool      of[] = {true, true, true};
    const ssmq_expectation e = {
        .evaluation = "wt2", .value = 20, .tolerance = 0.5, .source = "a paper, 8.1", .of = of};
    const ssmq_rows  rows = {.expect = &e, .n_expect = 1};
    ssmq_str         out = {0};
    ssmq_json_writer w = {.out = &out, .compact = true};
    ssmq_report_expected(run, 3, &rows, &out);
    assert_string_equal(ssmq_str_text(&out),
                        "\nagainst what was expected\n\n"
                        "run    figure   expected  within   got  deviation           source\n"
                        "-----  -------  --------  ------  ----  ---------  -------  ------------\n"
                        "float  wt2 ppl        20     0.5  20.5       +0.5  inside   a paper, 8.1\n"
                        "fake   wt2 ppl        20     0.5    21         +1  OUTSIDE  a paper, 8.1\n");
    assert_int_equal(ssmq_report_outside(run, 3, &rows), 1);
    ssmq_str_clear(&out);
    ssmq_json_begin_object(&w, NULL);
    ssmq_report_put_expected(&w, &run[1], &rows, 1);
    ssmq_report_put_expected(&w, &run[2], &rows, 2);
    ssmq_json_end_object(&w);
    assert_non_null(strstr(ssmq_str_text(&out), "\"got\": 21.0, \"deviation\": 1.0, \"inside\": false"));
    assert_non_null(strstr(ssmq_str_text(&out), "\"got\": null, \"deviation\": null, \"inside\": null"));
    ssmq_str_free(&out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, experiment_setup, experiment_teardown)
    const struct CMUnitTest tests[] = {TEST(test_which), TEST(test_id), TEST(test_problems), TEST(test_report)};
    return cmocka_run_group_tests_name("expect", tests, NULL, NULL);
}
