#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "harness/base/log.h"
#include "harness/base/str.h"

static void collect(void *context, const char *line, size_t n)
{
    ssmq_str_append(context, line, n);
}

static ssmq_log log_to(ssmq_str *out, ssmq_log_level level)
{
    return (ssmq_log){.level = level, .sink = collect, .context = out};
}

static void test_line(void **state)
{
    (void)state;
    ssmq_str       out = {0};
    const ssmq_log log = log_to(&out, SSMQ_LOG_INFO);
    SSMQ_LOG_LINE(&log, INFO, "run finished", SSMQ_LOG_T("id", "4f1c09ab2e77d05c"),
                  SSMQ_LOG_I("windows", 8), SSMQ_LOG_R("seconds", 1.5));
    assert_string_equal(ssmq_str_text(&out), "level=info event=\"run finished\" "
                                             "id=4f1c09ab2e77d05c windows=8 seconds=1.5\n");
    ssmq_str_free(&out);
}

/* A line stays one line, and its fields can be told apart, whatever the texts hold. */
static void test_quoting(void **state)
{
    (void)state;
    ssmq_str       out = {0};
    const ssmq_log log = log_to(&out, SSMQ_LOG_DEBUG);
    SSMQ_LOG_LINE(&log, ERROR, "e", SSMQ_LOG_T("empty", ""), SSMQ_LOG_T("quote", "a\"b\\c"),
                  SSMQ_LOG_T("lines", "x\ny\x1b[2J"), SSMQ_LOG_T("equals", "k=v"),
                  SSMQ_LOG_T("null", NULL), SSMQ_LOG_T("utf8", "Größe"));
    assert_string_equal(ssmq_str_text(&out),
                        "level=error event=e empty=\"\" quote=\"a\\\"b\\\\c\" lines=\"x y [2J\" "
                        "equals=\"k=v\" null=null utf8=Größe\n");
    ssmq_str_free(&out);
}

static void test_levels(void **state)
{
    (void)state;
    ssmq_str       out = {0};
    const ssmq_log log = log_to(&out, SSMQ_LOG_WARNING), silent = {.level = SSMQ_LOG_DEBUG};
    SSMQ_LOG_LINE(&log, INFO, "left out", SSMQ_LOG_I("n", 1));
    SSMQ_LOG_LINE(&log, DEBUG, "left out", SSMQ_LOG_I("n", 2));
    SSMQ_LOG_LINE(&log, WARNING, "kept", SSMQ_LOG_I("n", 3));
    SSMQ_LOG_LINE(&log, ERROR, "kept", SSMQ_LOG_I("n", 4));
    SSMQ_LOG_LINE(&silent, ERROR, "nowhere", SSMQ_LOG_I("n", 5));
    SSMQ_LOG_LINE(NULL, ERROR, "nowhere", SSMQ_LOG_I("n", 6));
    assert_string_equal(ssmq_str_text(&out),
                        "level=warning event=kept n=3\nlevel=error event=kept n=4\n");
    ssmq_str_free(&out);
}

static void test_level_names(void **state)
{
    (void)state;
    ssmq_log_level level = SSMQ_LOG_ERROR;
    for (int i = 0; ssmq_log_levels[i]; i++) {
        assert_true(ssmq_log_level_of(ssmq_log_levels[i], &level));
        assert_int_equal(level, i);
    }
    assert_false(ssmq_log_level_of("verbose", &level));
    assert_false(ssmq_log_level_of("", &level));
    assert_int_equal(level, SSMQ_LOG_DEBUG);
}

static void test_dated(void **state)
{
    (void)state;
    ssmq_str out = {0};
    ssmq_log log = log_to(&out, SSMQ_LOG_INFO);
    log.dated = true;
    SSMQ_LOG_LINE(&log, INFO, "x", SSMQ_LOG_I("n", 1));
    const char *text = ssmq_str_text(&out);
    assert_true(ssmq_str_starts(text, "time=2"));
    assert_string_equal(text + strlen("time=2026-01-31T23:59:59"), "Z level=info event=x n=1\n");
    ssmq_str_free(&out);
}

/* Nothing to be done about a log that cannot be written; nothing may break either. */
static void test_full_file(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full) {
        print_message("skipped: there is no /dev/full to write to\n");
        skip();
    }
    ssmq_log log = {.level = SSMQ_LOG_INFO, .sink = ssmq_log_to_file, .context = full};
    SSMQ_LOG_LINE(&log, INFO, "x", SSMQ_LOG_I("n", 1));
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),   cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_levels), cmocka_unit_test(test_level_names),
        cmocka_unit_test(test_dated),  cmocka_unit_test(test_full_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
