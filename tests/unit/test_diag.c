#include <string.h>
#include "harness/base/diag.h"
#include "tests/support/check.h"
#include "tests/support/problems.h"

static ssmq_origin origin(const char *name, const char *text)
{
    return (ssmq_origin){.name = name, .text = text, .length = strlen(text)};
}

static ssmq_place place(ssmq_origin *o, const char *at, size_t length)
{
    return (ssmq_place){o, (size_t)(strstr(o->text, at) - o->text), length};
}

static void check_render(ssmq_diag *d, const char *expected)
{
    ssmq_str text = {0};
    problems_render(d, &text);
    assert_string_equal(ssmq_str_text(&text), expected);
    ssmq_str_free(&text);
    ssmq_diag_free(d);
}

static void test_one(void **state)
{
    (void)state;
    ssmq_origin o = origin("a.yaml", "one: 1\ntwo: [3, 45]\n");
    ssmq_diag  *d = ssmq_diag_new();
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, place(&o, "45", 2), "write 4", "%d is too much",
                  45);
    assert_int_equal(ssmq_diag_errors(d), 1);
    assert_int_equal(ssmq_diag_warnings(d), 0);
    check_render(d, "a.yaml:2:10: error: 45 is too much\n"
                    "two: [3, 45]\n"
                    "         ^~\n"
                    "help: write 4\n");
}

static void test_numbers(void **state)
{
    (void)state;
    ssmq_origin o = origin("a.yaml", "x");
    ssmq_diag  *d = ssmq_diag_new();
    ssmq_str    text = {0};
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_UNKNOWN_KEY, place(&o, "x", 1), "y?", "x it is");
    ssmq_diag_warn(d, SSMQ_E_PER_CENT, (ssmq_place){0}, NULL, "and this");
    (void)!SSMQ_FAIL(INPUT, "one");
    ssmq_diag_failure(d, SSMQ_ERR_INPUT, SSMQ_E_MODEL, (ssmq_place){0}, "");
    (void)!SSMQ_REFUSE(CONFIG, STEP_ORDER, "two");
    ssmq_diag_failure(d, SSMQ_ERR_CONFIG, SSMQ_E_REFUSED, (ssmq_place){0}, "at u");
    assert_int_equal(ssmq_error_last()->status, SSMQ_OK);
    ssmq_diag_render(d, &text);
    assert_string_equal(ssmq_str_text(&text), "a.yaml:1:1: error: x it is [E203]\nx\n^\nhelp: y?\n"
                                              "warning: and this [W901]\n"
                                              "error: one [E503]\n"
                                              "error: at u: two [E518]\n");
    ssmq_str_free(&text);
    ssmq_diag_free(d);
}

static void test_no_place_and_warning(void **state)
{
    (void)state;
    ssmq_origin o = origin("a.yaml", "x");
    ssmq_diag  *d = ssmq_diag_new();
    ssmq_diag_add(d, SSMQ_ERR_INPUT, SSMQ_E_RANGE, (ssmq_place){0}, NULL, "b.yaml: missing");
    ssmq_diag_warn(d, SSMQ_E_PER_CENT, place(&o, "x", 1), "y?", "x it is");
    assert_int_equal(ssmq_diag_warnings(d), 1);
    assert_int_equal(ssmq_diag_status(d), SSMQ_ERR_INPUT);
    check_render(d, "error: b.yaml: missing\n"
                    "a.yaml:1:1: warning: x it is\nx\n^\nhelp: y?\n");
}

static void test_notes(void **state)
{
    (void)state;
    ssmq_origin top = origin("top.yaml", "include: mid.yaml\n");
    ssmq_origin mid = origin("mid.yaml", "a: 1\nrecipe: low.yaml\n");
    ssmq_origin low = origin("low.yaml", "- b\n");
    ssmq_origin set = origin("--set", "recipe=low.yaml");
    mid.parent = &top, mid.parent_offset = 9;
    low.parent = &mid, low.parent_offset = 13;
    set.set = 2;
    ssmq_diag *d = ssmq_diag_new();
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, place(&low, "b", 1), NULL, "bad");
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, place(&set, "low", 3), NULL, "bad too");
    low.parent = &set, low.parent_offset = 7;
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, place(&low, "b", 1), NULL, "and this");
    check_render(d, "low.yaml:1:3: error: bad\n- b\n  ^\n"
                    "note: included from mid.yaml:2:9\n"
                    "note: included from top.yaml:1:10\n"
                    "--set:1:8: error: bad too\nrecipe=low.yaml\n       ^~~\n"
                    "note: set by --set #2\n"
                    "low.yaml:1:3: error: and this\n- b\n  ^\n"
                    "note: included from --set:1:8\n"
                    "note: set by --set #2\n");
}

/* Columns count characters; the caret stands under what a terminal shows. */
static void test_widths(void **state)
{
    (void)state;
    ssmq_origin tabs = origin("t", "\tkey:\tx\n");
    ssmq_origin wide =
        origin("w", "\xe6\x97\xa5\xe6\x9c\xac: \xc3\xa9x y\n"); /* two wide, e acute */
    ssmq_origin mark = origin("m", "e\xcc\x81: z\n");           /* combining accent  */
    ssmq_origin bad = origin("b", "a\x1b[1m\xff z\n");
    ssmq_diag  *d = ssmq_diag_new();
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, place(&tabs, "x", 1), NULL, "m");
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, place(&wide, "x", 1), NULL, "m");
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, (ssmq_place){&wide, 0, 6}, NULL, "m");
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, place(&mark, "z", 1), NULL, "m");
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, place(&bad, "z", 1), NULL, "a\nb\x1b");
    check_render(d, "t:1:7: error: m\n\tkey:\tx\n\t    \t^\n"
                    "w:1:6: error: m\n\xe6\x97\xa5\xe6\x9c\xac: \xc3\xa9x y\n       ^\n"
                    "w:1:1: error: m\n\xe6\x97\xa5\xe6\x9c\xac: \xc3\xa9x y\n^~~~\n"
                    "m:1:5: error: m\ne\xcc\x81: z\n   ^\n"
                    "b:1:8: error: a b \na?[1m? z\n       ^\n");
}

/* At the ends of lines and of the text, with each kind of line break. */
static void test_ends(void **state)
{
    (void)state;
    ssmq_origin crlf = origin("c", "a\r\nbc\r\n");
    ssmq_origin cr = origin("r", "a\rb\rc");
    ssmq_origin empty = origin("e", "");
    ssmq_diag  *d = ssmq_diag_new();
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, (ssmq_place){&crlf, 4, 1}, NULL, "m");
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, (ssmq_place){&crlf, 5, 9}, NULL, "m");
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, (ssmq_place){&crlf, 7, 0}, NULL, "m");
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, (ssmq_place){&cr, 4, 1}, NULL, "m");
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, (ssmq_place){&empty, 0, 0}, NULL, "m");
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, (ssmq_place){&empty, 99, 9}, NULL, "n");
    check_render(d, "c:2:2: error: m\nbc\n ^\n"
                    "c:2:3: error: m\nbc\n  ^\n"
                    "c:3:1: error: m\n\n^\n"
                    "r:3:1: error: m\nc\n^\n"
                    "e:1:1: error: m\n\n^\n"
                    "e:1:1: error: n\n\n^\n");
}

/* Of a long line, the part around the caret. */
static void test_long_line(void **state)
{
    (void)state;
    char text[1001], expected[600];
    memset(text, 'x', sizeof text - 1);
    text[1000] = '\0';
    text[500] = 'Y';
    ssmq_origin o = origin("l", text);
    ssmq_diag  *d = ssmq_diag_new();
    ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, (ssmq_place){&o, 500, 3}, NULL, "m");
    snprintf(expected, sizeof expected, "l:1:501: error: m\n...%.60sY%.99s...\n   %60s^~~\n", text,
             text, "");
    check_render(d, expected);
}

static void test_limit_and_repeats(void **state)
{
    (void)state;
    ssmq_origin o = origin("a", "x\n");
    ssmq_diag  *d = ssmq_diag_new();
    for (int i = 0; i < 25; i++)
        for (int twice = 0; twice < 2; twice++)
            if (i < SSMQ_DIAG_MAX - 1 || twice == 0)
                ssmq_diag_add(d, SSMQ_ERR_CONFIG, SSMQ_E_RANGE, place(&o, "x", 1), NULL,
                              "problem %d", i);
    assert_int_equal(ssmq_diag_errors(d), 25);
    ssmq_str text = {0};
    problems_render(d, &text);
    assert_non_null(strstr(ssmq_str_text(&text), "a:1:1: error: problem 19\n"));
    assert_null(strstr(ssmq_str_text(&text), "problem 20"));
    assert_true(ssmq_str_ends(ssmq_str_text(&text), "5 more errors are not shown\n"));
    ssmq_str_free(&text);
    ssmq_diag_free(d);
}

static void test_status(void **state)
{
    (void)state;
    static const struct {
        ssmq_status a, b, both;
    } cases[] = {
        {SSMQ_ERR_INPUT, SSMQ_ERR_INPUT, SSMQ_ERR_INPUT},
        {SSMQ_ERR_UNSUPPORTED, SSMQ_ERR_UNSUPPORTED, SSMQ_ERR_UNSUPPORTED},
        {SSMQ_ERR_INPUT, SSMQ_ERR_CONFIG, SSMQ_ERR_CONFIG},
        {SSMQ_ERR_UNSUPPORTED, SSMQ_ERR_INPUT, SSMQ_ERR_CONFIG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ssmq_diag *d = ssmq_diag_new();
        assert_int_equal(ssmq_diag_status(d), SSMQ_OK);
        ssmq_diag_warn(d, SSMQ_E_PER_CENT, (ssmq_place){0}, NULL, "only a warning");
        assert_int_equal(ssmq_diag_status(d), SSMQ_OK);
        ssmq_diag_add(d, cases[i].a, SSMQ_E_RANGE, (ssmq_place){0}, NULL, "one");
        assert_int_equal(ssmq_diag_status(d), cases[i].a);
        ssmq_diag_add(d, cases[i].b, SSMQ_E_RANGE, (ssmq_place){0}, NULL, "two");
        assert_int_equal(ssmq_diag_status(d), cases[i].both);
        ssmq_diag_free(d);
    }
    ssmq_diag_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_no_place_and_warning),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_limit_and_repeats),
        cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests_name("diag", tests, NULL, NULL);
}
