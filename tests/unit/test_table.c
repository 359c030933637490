#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "harness/base/table.h"

static void assert_table(ssmq_table *t, const char *wanted)
{
    ssmq_str out = {0};
    ssmq_table_print(t, &out);
    assert_string_equal(ssmq_str_text(&out), wanted);
    ssmq_str_free(&out);
    ssmq_table_free(t);
}

#define ROW(t, ...) ssmq_table_row((t), (const char *const[]){__VA_ARGS__})

static void test_alignment(void **state)
{
    (void)state;
    ssmq_table *t = ssmq_table_new(3, (const char *const[]){"run", "ppl", "status"});
    ROW(t, "float", "72.18", "done");
    ROW(t, "naive fake", "267.3", "done");
    ROW(t, "x", "-", "failed");
    assert_table(t, "run           ppl  status\n"
                    "----------  -----  ------\n"
                    "float       72.18  done\n"
                    "naive fake  267.3  done\n"
                    "x               -  failed\n");
}

/* One cell that is no number puts the whole column to the left. */
static void test_mixed_column(void **state)
{
    (void)state;
    ssmq_table *t = ssmq_table_new(2, (const char *const[]){"key", "value"});
    ROW(t, "1e-5", "8");
    ROW(t, "+7.4 %", "off");
    ROW(t, "-inf", NULL);
    assert_table(t, "   key  value\n"
                    "------  -----\n"
                    "  1e-5  8\n"
                    "+7.4 %  off\n"
                    "  -inf\n");
}

/* Widths count columns of the terminal, not bytes or code points: accents combine, ideographs are
 * two wide. */
static void test_unicode(void **state)
{
    (void)state;
    ssmq_table *t = ssmq_table_new(2, (const char *const[]){"name", "b"});
    ROW(t, "Größe", "x");
    ROW(t, "e\xcc\x81", "x");
    ROW(t, "\xe6\xbc\xa2\xe5\xad\x97", "x");
    assert_table(t, "name   b\n"
                    "-----  -\n"
                    "Größe  x\n"
                    "e\xcc\x81      x\n"
                    "\xe6\xbc\xa2\xe5\xad\x97   x\n");
}

static void test_control_characters(void **state)
{
    (void)state;
    ssmq_table *t = ssmq_table_new(2, (const char *const[]){"a", "b"});
    ROW(t, "two\nlines\t\x1b[31m", "y");
    assert_table(t, "a                b\n"
                    "---------------  -\n"
                    "two lines  [31m  y\n");
}

static void test_empty(void **state)
{
    (void)state;
    assert_table(ssmq_table_new(2, (const char *const[]){"a", NULL}), "a\n-\n");
}

static void test_many_rows(void **state)
{
    (void)state;
    ssmq_table *t = ssmq_table_new(1, (const char *const[]){"n"});
    for (int i = 0; i < 1000; i++) ROW(t, i == 999 ? "last" : "x");
    ssmq_str out = {0};
    ssmq_table_print(t, &out);
    assert_int_equal(out.length, 2 + 5 + 999 * 2 + 5);
    assert_true(ssmq_str_ends(ssmq_str_text(&out), "x\nlast\n"));
    ssmq_str_free(&out);
    ssmq_table_free(t);
}

static void test_width(void **state)
{
    (void)state;
    assert_int_equal(ssmq_text_width(""), 0);
    assert_int_equal(ssmq_text_width("abc"), 3);
    assert_int_equal(ssmq_text_width("\xff\xfe"), 2); /* not UTF-8: a column for each byte */
    assert_int_equal(ssmq_text_width("\xe6\xbc"), 2); /* a character cut short             */
}

static void test_fit(void **state)
{
    (void)state;
    assert_int_equal(ssmq_text_fit("abc", 2), 2);
    assert_int_equal(ssmq_text_fit("abc", 9), 3);
    assert_int_equal(ssmq_text_fit("abc", 0), 0);
    assert_int_equal(ssmq_text_fit("\xe6\xbc\xa2x", 1), 0); /* half an ideograph does not fit */
    assert_int_equal(ssmq_text_fit("\xe6\xbc\xa2x", 2), 3);
    assert_int_equal(ssmq_text_fit("abc", -5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alignment), cmocka_unit_test(test_mixed_column),
        cmocka_unit_test(test_unicode),   cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_empty),     cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_width),     cmocka_unit_test(test_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
