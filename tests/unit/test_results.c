#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>
#include "harness/cli/report.h"
#include "harness/cli/results.h"
#include "harness/store/score_figures.h"

static void test_table(void **state)
{
    (void)state;
    const ssmq_evaluation_score floats[] = {{.id = "wt2", .score = {.ppl = 72.18, .ppl_se = 5.904}}};
    const ssmq_evaluation_score naive[] = {{.id = "wt2", .score = {.ppl = 267.3, .ppl_se = NAN}},
                                           {.id = "pile", .score = {.ppl = 1.5e7, .ppl_se = 12}}};
    const ssmq_summary          run[] = {
        {.id = "aa", .name = "float", .mode = "float", .status = "done", .evaluation = floats,
                  .n_evaluation = 1},
        {.id = "bb", .name = "fake naive", .mode = "fake", .status = "done", .evaluation = naive,
                  .n_evaluation = 2},
        {.id = "cc", .name = "fake quamba", .mode = "fake", .status = "failed",
                  .reason = "layers.3.scan.x: NaN at token 7"},
    };
    ssmq_str out = {0};
    ssmq_results_table(run, 3, NULL, &out);
    assert_string_equal(
        ssmq_str_text(&out),
        "run          id  status  wt2 ppl    se   to float  pile ppl     se  to float\n"
        "-----------  --  ------  -------  ----  ---------  --------  -----  --------\n"
        "float        aa  done      72.18  5.90          -         -      -         -\n"
        "fake naive   bb  done     267.30     -  +270.32 %   1.5e+07  12.00         -\n"
        "fake quamba  cc  failed        -     -          -         -      -         -\n"
        "\n"
        "fake quamba: layers.3.scan.x: NaN at token 7\n");
    ssmq_str_free(&out);
}

/* Axes stand in columns; each run is held against its own baseline, which may be float, none or not among the rows. */
static void test_sweep_table(void **state)
{
    (void)state;
    const ssmq_evaluation_score e[] = {{.id = "wt2", .score = {.ppl = 50, .ppl_se = 1}},
                                       {.id = "wt2", .score = {.ppl = 100, .ppl_se = 1}},
                                       {.id = "wt2", .score = {.ppl = 75, .ppl_se = 1}}};
    const ssmq_summary run[] = {
        {.id = "aa", .name = "float", .mode = "float", .status = "done", .evaluation = &e[0], .n_evaluation = 1},
        {.id = "bb", .name = "fake q p=99", .mode = "fake", .recipe = "q", .status = "done", .evaluation = &e[1],
         .n_evaluation = 1},
        {.id = "cc", .name = "fake q p=100", .mode = "fake", .recipe = "q", .status = "done", .evaluation = &e[2],
         .n_evaluation = 1},
    };
    static const char *const axis[] = {"p"}, *const to_float[] = {NULL, "aa", "aa"},
                             *const to_other[] = {NULL, "cc", NULL};
    const ssmq_axis_value    value[] = {{.number = NAN}, {"99", 99, false}, {"100", 100, false}};
    ssmq_rows                rows = {.axis = axis, .n_axis = 1, .value = value, .against = to_float};
    ssmq_str                 out = {0};
    ssmq_results_table(run, 3, &rows, &out);
    assert_string_equal(ssmq_str_text(&out), "run       p  id  status  wt2 ppl    se   to float\n"
                                             "------  ---  --  ------  -------  ----  ---------\n"
                                             "float     -  aa  done      50.00  1.00          -\n"
                                             "fake q   99  bb  done     100.00  1.00  +100.00 %\n"
                                             "fake q  100  cc  done      75.00  1.00   +50.00 %\n");
    ssmq_str_clear(&out);
    rows.against = to_other;
    rows.baseline = true;
    ssmq_results_table(run, 3, &rows, &out);
    assert_non_null(strstr(ssmq_str_text(&out), "to baseline\n"));
    assert_non_null(strstr(ssmq_str_text(&out), "100.00  1.00     +33.33 %\n"));
    assert_non_null(strstr(ssmq_str_text(&out), "75.00  1.00            -\n"));
    ssmq_str_clear(&out);
    ssmq_results_table(run, 2, &rows, &out);
    assert_non_null(strstr(ssmq_str_text(&out), "100.00  1.00            -\n"));
    ssmq_str_free(&out);
}

/* Figures paired with float, and alarms that say the same of several sites. */
static void test_report(void **state)
{
    (void)state;
    const ssmq_evaluation_score e[] = {
        {.id = "wt2", .dialect = "gptq", .window = 64, .score = {.ppl = 20, .ppl_se = 1, .windows = 3},
         .compare = {.against = "float", .metrics = 7, .ln_ratio = -0.0125, .ln_ratio_se = 0.002,
                     .ln_ratio_low = -0.0162, .ln_ratio_high = -0.0083, .kl_mean = 0.081234,
                     .kl_se = 0.00213, .top1 = 0.78804}},
        {.id = "one", .dialect = "gptq", .window = 64, .score = {.ppl = 20, .ppl_se = NAN, .windows = 1},
         .compare = {.against = "float", .ln_ratio = 0.5, .ln_ratio_se = NAN, .ln_ratio_low = NAN,
                     .ln_ratio_high = NAN, .kl_mean = NAN, .kl_se = NAN, .top1 = NAN}}};
    const ssmq_alarm alarm[] = {
        {.event = "scale of zero", .site = "layers.0.x", .message = "raised"},
        {.event = "scale of zero", .site = "layers.1.x", .message = "raised"},
        {.event = "scale of zero", .site = "layers.2.x", .message = "raised"},
        {.event = "better than float", .evaluation = "wt2", .message = "by much"}};
    const ssmq_summary run = {.id = "aa", .name = "fake", .mode = "fake", .status = "done",
                              .evaluation = e, .n_evaluation = 2, .alarm = alarm, .n_alarm = 4};
    ssmq_str out = {0};
    ssmq_report_text(&run, 1, NULL, &out);
    const char *below = strstr(ssmq_str_text(&out), "against float");
    assert_non_null(below);
    assert_string_equal(
        below,
        "against float, over the same tokens\n\n"
        "run   evaluation  KL, nat      se  top-1, %  delta ln ppl       se  95 % interval\n"
        "----  ----------  -------  ------  --------  ------------  -------  --------------------\n"
        "fake  wt2         0.08123  0.0021     78.80      -0.01250  0.00200  -0.01620 to -0.00830\n"
        "fake  one               -       -         -      +0.50000        -  -\n"
        "\nalarms\n\n"
        "fake: scale of zero: layers.0.x and 2 other sites: raised\n"
        "fake: better than float: wt2: by much\n");
    ssmq_str_free(&out);
}

static void test_ppl_text(void **state)
{
    (void)state;
    static const struct {
        double      value;
        const char *text;
    } cases[] = {
        {72.1849, "72.18"}, {0.1, "0.10"},         {0.012346, "0.01235"}, {0, "0"},
        {99999, "99999.00"}, {123456, "1.235e+05"}, {INFINITY, "inf"},     {NAN, "-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[SSMQ_PPL_TEXT];
        ssmq_ppl_text(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_nothing(void **state)
{
    (void)state;
    ssmq_str out = {0};
    ssmq_results_table(NULL, 0, NULL, &out);
    assert_string_equal(ssmq_str_text(&out), "run  id  status\n---  --  ------\n");
    ssmq_str_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_sweep_table),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_ppl_text),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
