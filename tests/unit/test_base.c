/* The base layer: statuses, arenas, strings, files, hashes, JSON, sums. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/arena.h"
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "harness/base/stats.h"
#include "tests/support/check.h"

/* ---- statuses -------------------------------------------------------------------------- */

static ssmq_status inner(void)
{
    return SSMQ_FAIL(INPUT, "a %s\nof %d lines", "message", 2);
}

static ssmq_status outer(void)
{
    SSMQ_TRY(inner());
    return SSMQ_OK;
}

static void test_errors(void **state)
{
    (void)state;
    CHECK_FAILS(outer(), SSMQ_ERR_INPUT, "a message of 2 lines");
    const ssmq_error *e = ssmq_error_last();
    assert_int_equal(e->depth, 2);
    assert_string_equal(e->trace[0].func, "inner");
    assert_string_equal(e->trace[1].func, "outer");
    /* A message may quote the one before it. */
    const ssmq_status st = SSMQ_FAIL(IO, "wrapped: %s", ssmq_error_last()->message);
    assert_int_equal(st, SSMQ_ERR_IO);
    assert_string_equal(ssmq_error_last()->message, "wrapped: a message of 2 lines");
    ssmq_error_clear();
    assert_string_equal(ssmq_error_last()->message, "");
}

static void test_exit_statuses(void **state)
{
    (void)state;
    static const struct {
        ssmq_status status;
        const char *name;
        int         code;
    } want[] = {{SSMQ_OK, "OK", 0},
                {SSMQ_ERR_NUMERIC, "NUMERIC", 1},
                {SSMQ_ERR_USAGE, "USAGE", 2},
                {SSMQ_ERR_CONFIG, "CONFIG", 3},
                {SSMQ_ERR_UNSUPPORTED, "UNSUPPORTED", 3},
                {SSMQ_ERR_INPUT, "INPUT", 4},
                {SSMQ_ERR_IO, "IO", 5},
                {SSMQ_ERR_MEMORY, "MEMORY", 5},
                {SSMQ_ERR_DEVICE, "DEVICE", 5},
                {SSMQ_ERR_GATE, "GATE", 6},
                {SSMQ_ERR_DAMAGED, "DAMAGED", 7},
                {SSMQ_ERR_STOPPED, "STOPPED", 75},
                {SSMQ_ERR_HELD, "HELD", 75}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_string_equal(ssmq_status_name(want[i].status), want[i].name);
        assert_int_equal(ssmq_status_exit(want[i].status), want[i].code);
    }
}

/* ---- memory and strings ---------------------------------------------------------------- */

static void test_arena(void **state)
{
    (void)state;
    ssmq_arena *a = ssmq_arena_new();
    for (size_t n = 0; n < 300; n++) {
        unsigned char *p = ssmq_arena_alloc(a, n * n);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n * n; i += 97) assert_int_equal(p[i], 0);
        memset(p, 0xff, n * n);
    }
    assert_string_equal(ssmq_arena_printf(a, "%d-%s", 7, "x"), "7-x");
    assert_string_equal(ssmq_arena_strndup(a, "abcdef", 3), "abc");
    ssmq_arena_free(a);
    ssmq_arena_free(NULL);
}

static void test_strings(void **state)
{
    (void)state;
    ssmq_str s = {0};
    assert_string_equal(ssmq_str_text(&s), "");
    for (int i = 0; i < 1000; i++) ssmq_str_printf(&s, "%d,", i % 10);
    assert_int_equal(s.length, 2000);
    ssmq_str_clear(&s);
    ssmq_str_append(&s, "a\0b", 3);
    assert_int_equal(s.length, 3);
    ssmq_str_free(&s);
    assert_int_equal(ssmq_str_distance("statstic", "statistic"), 1);
    assert_int_equal(ssmq_str_distance("", "abc"), 3);
    const char *const words[] = {"statistic", "across", "rate", NULL};
    assert_string_equal(ssmq_str_nearest("statstic", words), "statistic");
    assert_string_equal(ssmq_str_nearest("rat", words), "rate");
    assert_null(ssmq_str_nearest("xyz", words));
    assert_null(ssmq_str_nearest("a", words));
    assert_true(ssmq_str_starts("layers.0", "layers.") && !ssmq_str_starts("lay", "layers"));
    assert_true(ssmq_str_ends("x.zst", ".zst") && !ssmq_str_ends("zst", ".zst"));
}

/* ---- files ----------------------------------------------------------------------------- */

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void test_files(void **state)
{
    (void)state;
    ssmq_str text = {0};
    CHECK_OK(ssmq_file_write(in_folder("f"), "hello", 5));
    CHECK_OK(ssmq_file_read(in_folder("f"), 5, &text));
    assert_string_equal(ssmq_str_text(&text), "hello");
    CHECK_FAILS_WITH(ssmq_file_read(in_folder("f"), 4, &text), SSMQ_ERR_INPUT,
                     "5 bytes is over the limit of 4");
    assert_int_not_equal(access(in_folder("f.part"), F_OK), 0);
    CHECK_FAILS_WITH(ssmq_file_read(in_folder("none"), 4, &text), SSMQ_ERR_INPUT,
                     "none: No such file or directory");
    CHECK_FAILS_WITH(ssmq_file_read(folder, 4, &text), SSMQ_ERR_INPUT, "not a regular file");
    CHECK_FAILS_WITH(ssmq_file_write(in_folder("none/f"), "x", 1), SSMQ_ERR_IO,
                     "none/f.part: No such file or directory");
    CHECK_OK(ssmq_make_directory(in_folder("a/b/c")));
    CHECK_OK(ssmq_make_directory(in_folder("a/b/c")));
    CHECK_FAILS_WITH(ssmq_make_directory(in_folder("f/x")), SSMQ_ERR_IO, "f");
    ssmq_str_free(&text);
}

static void test_paths(void **state)
{
    (void)state;
    static const char *const beside[][3] = {{"exp/a.yaml", "../b", "exp/../b"},
                                            {"a.yaml", "b", "b"},
                                            {"/x/a.yaml", "b", "/x/b"},
                                            {"/a.yaml", "b", "/b"},
                                            {"exp/a.yaml", "/b", "/b"}};
    static const char *const folders[][2] = {{"a/b", "a"}, {"a/b/", "a"}, {"a", "."}, {"/a", "/"},
                                             {"/", "/"}};
    ssmq_str s = {0};
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        ssmq_str_clear(&s);
        ssmq_path_beside(beside[i][0], beside[i][1], &s);
        assert_string_equal(ssmq_str_text(&s), beside[i][2]);
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        ssmq_str_clear(&s);
        ssmq_path_folder(folders[i][0], &s);
        assert_string_equal(ssmq_str_text(&s), folders[i][1]);
    }
    ssmq_str_free(&s);
}

/* FIPS 180-4's example, and a file. */
static void test_hash(void **state)
{
    (void)state;
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char              hex[SSMQ_SHA256_HEX];
    ssmq_sha256_of("abc", 3, hex);
    assert_string_equal(hex, abc);
    CHECK_OK(ssmq_file_write(in_folder("abc"), "abc", 3));
    CHECK_OK(ssmq_sha256_file(in_folder("abc"), hex));
    assert_string_equal(hex, abc);
    ssmq_sha256 *h = ssmq_sha256_new();
    ssmq_sha256_add(h, "a", 1);
    ssmq_sha256_add(h, "bc", 2);
    ssmq_sha256_finish(h, hex);
    assert_string_equal(hex, abc);
}

/* ---- JSON ------------------------------------------------------------------------------ */

static ssmq_status parse(const char *text, ssmq_json *out)
{
    return ssmq_json_parse("c.json", text, strlen(text), out);
}

static void test_json_reading(void **state)
{
    (void)state;
    ssmq_json   j;
    int64_t     n = 5;
    const char *text = NULL;
    CHECK_FAILS_WITH(parse("{\"a\": }", &j), SSMQ_ERR_INPUT, "c.json:1:7: not valid JSON");
    CHECK_FAILS_WITH(parse("{\"a\": 1, \"a\": 2}", &j), SSMQ_ERR_INPUT, "duplicate");
    CHECK_FAILS(parse("[]", &j), SSMQ_ERR_INPUT, "c.json: not a JSON object");
    CHECK_OK(parse("{\"a\": {\"b\": 7, \"n\": null, \"l\": [1, 2]}, \"t\": \"x\", \"r\": 1.5}", &j));
    CHECK_OK(ssmq_json_int(&j, "a.b", true, 0, 10, &n));
    assert_int_equal(n, 7);
    n = 5;
    CHECK_OK(ssmq_json_int(&j, "a.n", false, 0, 10, &n));
    assert_int_equal(n, 5);
    CHECK_FAILS(ssmq_json_int(&j, "a.c", true, 0, 10, &n), SSMQ_ERR_INPUT,
                "c.json: the key 'a.c' is missing");
    CHECK_FAILS(ssmq_json_int(&j, "a.b", true, 0, 6, &n), SSMQ_ERR_INPUT,
                "c.json: 'a.b' is 7, not within 0 to 6");
    CHECK_FAILS(ssmq_json_int(&j, "r", true, 0, 6, &n), SSMQ_ERR_INPUT,
                "c.json: 'r' is a real number, not an integer");
    CHECK_FAILS(ssmq_json_text(&j, "a", true, &text), SSMQ_ERR_INPUT,
                "c.json: 'a' is an object, not a string");
    CHECK_OK(ssmq_json_text(&j, "t", true, &text));
    assert_string_equal(text, "x");
    assert_true(ssmq_json_has(&j, "a.b") && !ssmq_json_has(&j, "a.n") && ssmq_json_is_text(&j, "t"));
    assert_int_equal(ssmq_json_size(&j, "a.l"), 2);
    ssmq_json_close(&j);
}

static void test_json_writing(void **state)
{
    (void)state;
    ssmq_str         s = {0};
    ssmq_json_writer w = {.out = &s};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_text(&w, "text", "a\"\\\n\x01");
    ssmq_json_put_real(&w, "real", 0.1);
    ssmq_json_put_real(&w, "nan", NAN);
    ssmq_json_begin_array(&w, "list");
    ssmq_json_put_int(&w, NULL, -3);
    ssmq_json_put_bool(&w, NULL, true);
    ssmq_json_put_null(&w, NULL);
    ssmq_json_end_array(&w);
    ssmq_json_begin_object(&w, "empty");
    ssmq_json_end_object(&w);
    ssmq_json_end_object(&w);
    assert_string_equal(ssmq_str_text(&s), "{\n"
                                           "  \"text\": \"a\\\"\\\\\\n\\u0001\",\n"
                                           "  \"real\": 0.1,\n"
                                           "  \"nan\": null,\n"
                                           "  \"list\": [\n"
                                           "    -3,\n"
                                           "    true,\n"
                                           "    null\n"
                                           "  ],\n"
                                           "  \"empty\": {}\n"
                                           "}\n");
    ssmq_str_free(&s);
}

static void test_real_text(void **state)
{
    (void)state;
    static const struct {
        double      value;
        const char *text;
    } want[] = {{0, "0.0"},          {1, "1.0"},     {-2.5, "-2.5"},    {0.1, "0.1"},
                {1e300, "1e+300"},   {NAN, "nan"},   {INFINITY, "inf"}, {99.999, "99.999"},
                {1.0 / 3, "0.3333333333333333"},
                {100, "100.0"},      {-1e6, "-1000000.0"}, {1e15, "1e+15"}, {2048.5, "2048.5"}};
    char text[SSMQ_REAL_TEXT];
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        ssmq_real_text(want[i].value, text);
        assert_string_equal(text, want[i].text);
    }
}

/* ---- sums ------------------------------------------------------------------------------ */

static void test_sums(void **state)
{
    (void)state;
    const double cancels[] = {1, 1e100, 1, -1e100};
    assert_true(ssmq_sum(cancels, 4) == 2);
    const double x[] = {2, 4, 4, 6};
    double       mean, se;
    ssmq_mean(x, 4, &mean, &se);
    assert_true(mean == 4 && fabs(se - sqrt(8.0 / 3 / 4)) < 1e-15);
    ssmq_mean(x, 1, &mean, &se);
    assert_true(mean == 2 && isnan(se));
}

static int make_folder(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/ssmq-base-XXXXXX", base ? base : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"f", "abc", "a/b/c", "a/b", "a"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) remove(in_folder(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),       cmocka_unit_test(test_exit_statuses),
        cmocka_unit_test(test_arena),        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_files),        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_hash),         cmocka_unit_test(test_json_reading),
        cmocka_unit_test(test_json_writing), cmocka_unit_test(test_real_text),
        cmocka_unit_test(test_sums),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
