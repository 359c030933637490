#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>
#include "harness/cli/results.h"

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
    ssmq_results_table(run, 3, &out);
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
    ssmq_results_table(NULL, 0, &out);
    assert_string_equal(ssmq_str_text(&out), "run  id  status\n---  --  ------\n");
    ssmq_str_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_ppl_text),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
