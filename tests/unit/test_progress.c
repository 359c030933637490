/* Progress lines, under a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "harness/cli/progress.h"

typedef struct fixture {
    double         time;
    char          *text;
    size_t         size;
    FILE          *out;
    ssmq_progress *p;
} fixture;

static double fixture_now(void *context)
{
    return ((fixture *)context)->time;
}

static void open_fixture(fixture *f, bool redraw, int32_t width)
{
    *f = (fixture){0};
    f->out = open_memstream(&f->text, &f->size);
    assert_non_null(f->out);
    const ssmq_progress_style style = {f->out, redraw, width, fixture_now, f};
    f->p = ssmq_progress_new(&style);
}

static void assert_output(fixture *f, const char *wanted)
{
    ssmq_progress_free(f->p);
    fclose(f->out);
    assert_string_equal(f->text, wanted);
    free(f->text);
}

static void step(fixture *f, double time, int64_t done, double fraction)
{
    f->time = time;
    ssmq_progress_update(f->p, done, fraction);
}

/* Every 10 s, or 5 % further on and at least 5 s later. */
static void test_plain(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, false, 80);
    ssmq_progress_begin(f.p, "float wt2", "windows");
    step(&f, 4.5, 1, 0.09);  /* too soon        */
    step(&f, 6.0, 2, 0.04);  /* too little      */
    step(&f, 8.0, 4, 0.1);   /* 5 % further     */
    step(&f, 15.0, 5, 0.12); /* neither         */
    step(&f, 18.0, 5, 0.12); /* 10 s later      */
    f.time = 40;
    ssmq_progress_end(f.p);
    assert_output(&f, "float wt2\n"
                      "float wt2   10 %  4 windows  0.50/s  ETA 1:12 min\n"
                      "float wt2   12 %  5 windows  0.28/s  ETA 2:12 min\n"
                      "float wt2: 5 windows in 40 s\n");
}

static void test_unknown_total(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, false, 80);
    ssmq_progress_begin(f.p, "count", "tokens");
    step(&f, 5, 1000, -1);
    step(&f, 10, 123456, -1);
    step(&f, 25, 200000, NAN);
    ssmq_progress_end(f.p);
    assert_output(&f, "count\n"
                      "count  123456 tokens  12346/s\n"
                      "count  200000 tokens  8000/s\n"
                      "count: 200000 tokens in 25 s\n");
}

/* A task in which nothing is counted only says how long it took. */
static void test_no_unit(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, false, 80);
    ssmq_progress_begin(f.p, "loading", "");
    step(&f, 20, 7, 0.5);
    ssmq_progress_end(f.p);
    assert_output(&f, "loading\n"
                      "loading   50 %  ETA 20 s\n"
                      "loading: 20 s\n");
}

#define BLANKS_18 "                  "

/* A shorter line covers the longer one before it; the finished line takes its place. */
static void test_redraw(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, true, 80);
    ssmq_progress_begin(f.p, "t", "w");
    step(&f, 0.05, 1, 0.1); /* too soon */
    step(&f, 1, 1, 0.5);
    step(&f, 2, 2, -1);
    ssmq_progress_end(f.p);
    assert_output(&f, "\rt"
                      "\rt   50 %  1 w  1.00/s  ETA 1.0 s"
                      "\rt  2 w  1.00/s" BLANKS_18 "\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b"
                      "\r              \r"
                      "t: 2 w in 2.0 s\n");
}

/* No line reaches the last column, and characters are not cut in two. */
static void test_narrow(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, true, 10);
    ssmq_progress_begin(f.p, "abcdefg\xe6\xbc\xa2\xe5\xad\x97", "w");
    ssmq_progress_clear(f.p);
    assert_output(&f, "\rabcdefg\xe6\xbc\xa2\r         \r");
}

static void test_odd_values(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, false, 80);
    ssmq_progress_update(f.p, 1, 1); /* before any task: nothing */
    ssmq_progress_end(f.p);
    ssmq_progress_begin(f.p, "two\nlines", "w");
    step(&f, 10, 0, 7);                 /* beyond the end       */
    step(&f, 5000000, 1, 1e-9);         /* years to go          */
    ssmq_progress_begin(f.p, "b", "w"); /* ends the first one */
    assert_output(&f, "two lines\n"
                      "two lines  100 %  0 w  ETA 0.0 s\n"
                      "two lines    0 %  1 w  0.00/s  ETA 1000:00:00 h\n"
                      "two lines: 1 w in 1000:00:00 h\n"
                      "b\n");
}

static void test_null(void **state)
{
    (void)state;
    ssmq_progress_begin(NULL, "t", "w");
    ssmq_progress_update(NULL, 1, 0.5);
    ssmq_progress_end(NULL);
    ssmq_progress_clear(NULL);
    ssmq_progress_free(NULL);
}

static void test_full_device(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full) {
        print_message("skipped: there is no /dev/full to write to\n");
        skip();
    }
    fixture                   f = {0};
    const ssmq_progress_style style = {full, true, 80, fixture_now, &f};
    f.p = ssmq_progress_new(&style);
    ssmq_progress_begin(f.p, "t", "w");
    step(&f, 1, 1, 0.5);
    ssmq_progress_end(f.p);
    ssmq_progress_free(f.p);
    fclose(full);
}

/* What is no terminal gets plain lines, whatever TERM says. */
static void test_style_of_file(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    setenv("TERM", "xterm", 1);
    assert_false(ssmq_progress_style_of(file).redraw);
    fclose(file);
    char  *text = NULL;
    size_t size = 0;
    file = open_memstream(&text, &size); /* has no descriptor at all */
    assert_false(ssmq_progress_style_of(file).redraw);
    fclose(file);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),         cmocka_unit_test(test_unknown_total),
        cmocka_unit_test(test_redraw),        cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_odd_values),    cmocka_unit_test(test_null),
        cmocka_unit_test(test_full_device),   cmocka_unit_test(test_no_unit),
        cmocka_unit_test(test_style_of_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
