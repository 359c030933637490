#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/yaml.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"
#include "tests/support/problems.h"

typedef struct fixture {
    ssmq_arena *arena;
    ssmq_diag  *diag;
    ssmq_origin origin;
} fixture;

static fixture set_up(const char *text, size_t n)
{
    fixture f = {.arena = ssmq_arena_new(), .diag = ssmq_diag_new()};
    /* Exactly as long as it is, with the final 0, so that AddressSanitizer sees a step beyond. */
    f.origin =
        (ssmq_origin){.name = "t.yaml", .text = ssmq_arena_strndup(f.arena, text, n), .length = n};
    return f;
}

static void tear_down(fixture *f)
{
    ssmq_diag_free(f->diag);
    ssmq_arena_free(f->arena);
}

/* The text as JSON. */
static void check_tree(const char *text, const char *json)
{
    fixture          f = set_up(text, strlen(text));
    const ssmq_yaml *tree = ssmq_yaml_parse(f.arena, &f.origin, 0, f.diag);
    ssmq_str         found = {0};
    problems_render(f.diag, &found);
    assert_string_equal(ssmq_str_text(&found), "");
    assert_non_null(tree);
    ssmq_yaml_json(tree, &found);
    assert_string_equal(ssmq_str_text(&found), json);
    ssmq_str_free(&found);
    tear_down(&f);
}

static void check_bytes(const char *text, size_t n, bool tree_left, const char *expected)
{
    fixture          f = set_up(text, n);
    const ssmq_yaml *tree = ssmq_yaml_parse(f.arena, &f.origin, 0, f.diag);
    ssmq_str         found = {0};
    problems_render(f.diag, &found);
    assert_string_equal(ssmq_str_text(&found), expected);
    assert_int_equal(tree != NULL, tree_left);
    ssmq_str_free(&found);
    tear_down(&f);
}

static void check_problem(const char *text, const char *expected)
{
    check_bytes(text, strlen(text), false, expected);
}

/* A problem after which there is a tree all the same. */
static void check_lesser(const char *text, const char *expected)
{
    check_bytes(text, strlen(text), true, expected);
}

static void test_trees(void **state)
{
    (void)state;
    check_tree("a: 1\nb: [x, 'y', \"z\\n\"]\nc: {d: e}\n",
               "{\"a\": 1, \"b\": [\"x\", \"y\", \"z\\n\"], \"c\": {\"d\": \"e\"}}");
    check_tree("", "null");
    check_tree("# only a comment\n", "null");
    check_tree("---\na: ~\n...\n", "{\"a\": null}");
    check_tree("[TRUE, 0, -1.5e3, 1., .5, +1, 007, 0x1F, .inf, Null]",
               "[true, 0, -1.5e3, \"1.\", \".5\", \"+1\", \"007\", \"0x1F\", \".inf\", null]");
    check_tree("\"\\N \\L \\P \\u007f \\uFEFF \\\\ \\\" \\r\"",
               "\"\\u0085 \\u2028 \\u2029 \\u007f \\ufeff \\\\ \\\" \\u000d\"");
    check_tree("? \n: a\n", "{\"\": \"a\"}");
    check_tree("\xef\xbb\xbf"
               "a: b\n",
               "{\"a\": \"b\"}");
    check_tree("a: |\n  one\n  two\nb: >\n  one\n  two\n",
               "{\"a\": \"one\\ntwo\\n\", \"b\": \"one two\\n\"}");
    check_tree("a: &x [1, 2]\nb: *x\nc: *x\n", "{\"a\": [1, 2], \"b\": [1, 2], \"c\": [1, 2]}");
    check_tree("a: &x 1\nb: &x 2\nc: *x\n", "{\"a\": 1, \"b\": 2, \"c\": 2}");
    check_tree("? a\n: b\n", "{\"a\": \"b\"}");
    check_tree("- \xc3\xa9\n- 2001-01-01\n- 12:30\n", "[\"\xc3\xa9\", \"2001-01-01\", \"12:30\"]");
    check_tree("'<<': 1\n", "{\"<<\": 1}"); /* quoted: a key like any other */
}

/* ---- problems -------------------------------------------------------------------------- */

static void test_syntax(void **state)
{
    (void)state;
    check_problem(
        "a: [1, 2\nb: 3\n",
        "t.yaml:2:2: error: not valid YAML: did not find expected ',' or ']' while parsing a flow "
        "sequence\nb: 3\n ^\n");
    check_problem(
        "a: 1\n\tb: 2\n",
        "t.yaml:2:1: error: not valid YAML: found a tab character that violates indentation "
        "while scanning a plain scalar\n\tb: 2\n^\n"
        "help: indent with spaces: YAML allows no tabs there\n");
    check_problem(
        "a:\n\t- b\n",
        "t.yaml:2:1: error: not valid YAML: found character that cannot start any token while "
        "scanning for the next token\n\t- b\n^\n"
        "help: indent with spaces: YAML allows no tabs there\n");
    check_problem(
        "a: @b\n",
        "t.yaml:1:4: error: not valid YAML: found character that cannot start any token while "
        "scanning for the next token\na: @b\n   ^\n"
        "help: text that starts with this character must be quoted\n");
    check_problem(
        "a: b: c\n",
        "t.yaml:1:5: error: not valid YAML: mapping values are not allowed in this context\n"
        "a: b: c\n    ^\n"
        "help: text that holds a colon and a space must be quoted; entries of one mapping are "
        "indented equally\n");
    check_problem(
        "a: *.x\n",
        "t.yaml:1:5: error: not valid YAML: did not find expected alphabetic or numeric character "
        "while scanning an alias\na: *.x\n    ^\nhelp: text that starts with '*' must be quoted\n");
    check_problem("a: 'x\n",
                  "t.yaml:2:1: error: not valid YAML: found unexpected end of stream while "
                  "scanning a quoted scalar\n\n^\n");
}

static void test_encoding(void **state)
{
    (void)state;
    /* libyaml reports these at line 1, column 1, or not at all. */
    check_problem("a: \xc3\xa9\nb: x\xffy\n",
                  "t.yaml:2:5: error: the byte 0xff is not valid UTF-8\nb: x?y\n    ^\n");
    check_problem("a: \xc3\n", "t.yaml:1:4: error: the byte 0xc3 is not valid UTF-8\na: ?\n   ^\n");
    check_problem("\xff\xfe"
                  "a",
                  "t.yaml:1:1: error: the byte 0xff is not valid UTF-8\n??a\n^\n");
    check_bytes("a: x\0y\n", 7, false, "t.yaml:1:5: error: a NUL character\na: x?y\n    ^\n");
    check_lesser("a: \"x\\0y\"\n",
                 "t.yaml:1:4: error: a NUL character in a text\na: \"x\\0y\"\n   ^~~~~~\n");
    check_problem(
        "a: \xc3\xa9\nb: x\x01y\n",
        "t.yaml:2:5: error: not valid YAML: control characters are not allowed\nb: x?y\n    ^\n");
}

static void test_refused(void **state)
{
    (void)state;
    check_lesser("a: 1\nb: {c: 1, d: 2, c: 3}\na: 2\n",
                 "t.yaml:2:17: error: duplicate key 'c': it stands on line 2 already\n"
                 "b: {c: 1, d: 2, c: 3}\n                ^\n"
                 "t.yaml:3:1: error: duplicate key 'a': it stands on line 1 already\na: 2\n^\n");
    check_lesser("x: &x {a: 1}\ny:\n  <<: *x\n  b: 2\n",
                 "t.yaml:3:3: error: the merge key '<<' is not accepted\n  <<: *x\n  ^~\n"
                 "help: put what is shared into a file of its own and name it under 'include'\n");
    check_lesser("[a, b]: 1\n",
                 "t.yaml:1:1: error: a key must be a scalar, not a list\n[a, b]: 1\n^\n");
    check_lesser("{a: 1}: 1\n",
                 "t.yaml:1:1: error: a key must be a scalar, not a mapping\n{a: 1}: 1\n^\n");
    check_lesser("a: 1\n---\nb: 2\n",
                 "t.yaml:2:1: error: a second document starts here; a file holds one\n---\n^~~\n");
    check_lesser("a: !!str 1\n",
                 "t.yaml:1:4: error: the tag 'tag:yaml.org,2002:str' is not accepted\n"
                 "a: !!str 1\n   ^~~~~~~\nhelp: quote a scalar to make it text\n");
    check_lesser("a: !x {}\n", "t.yaml:1:4: error: the tag '!x' is not accepted\n"
                               "a: !x {}\n   ^\nhelp: quote a scalar to make it text\n");
}

static void test_aliases(void **state)
{
    (void)state;
    check_problem("a: *b\n", "t.yaml:1:4: error: no anchor '&b' stands before this\na: *b\n   ^~\n"
                             "help: text that starts with '*' must be quoted\n");
    check_problem("a: &a [1, *a]\n",
                  "t.yaml:1:11: error: the alias '*a' stands inside what it refers to\n"
                  "a: &a [1, *a]\n          ^~\n");
    check_problem("a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                  "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                  "e: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
                  "t.yaml:5:5: error: aliases stand for more than 10000 nodes\n"
                  "e: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n    ^~\n");
}

/* n times text, then rest. */
static char *repeat(const char *text, size_t n, const char *rest)
{
    const size_t length = strlen(text);
    char        *all = ssmq_must_malloc(n * length + strlen(rest) + 1);
    for (size_t i = 0; i < n; i++) memcpy(all + i * length, text, length);
    strcpy(all + n * length, rest);
    return all;
}

/* The message of the first problem, without its place; NULL where there is none. */
static void check_limit(char *text, const char *message)
{
    fixture          f = set_up(text, strlen(text));
    const ssmq_yaml *tree = ssmq_yaml_parse(f.arena, &f.origin, 0, f.diag);
    ssmq_str         found = {0};
    problems_render(f.diag, &found);
    if (message) {
        assert_null(tree);
        if (!strstr(ssmq_str_text(&found), message))
            fail_msg("'%s' is not in '%.300s'", message, ssmq_str_text(&found));
    } else {
        assert_non_null(tree);
    }
    ssmq_str_free(&found);
    tear_down(&f);
    free(text);
}

static void test_limits(void **state)
{
    (void)state;
    char closing[66] = "";
    memset(closing, ']', 64);
    check_limit(repeat("[", 64, closing), NULL);
    check_limit(repeat("[", 65, ""), "t.yaml:1:65: error: nested more than 64 deep\n");
    check_limit(repeat("[", 500000, ""), "t.yaml:1:65: error: nested more than 64 deep\n");
    check_limit(repeat("- ", 100, "a"), "t.yaml:1:129: error: nested more than 64 deep\n");
    check_limit(repeat("- a\n", 10000, ""), NULL);
    check_limit(repeat("- a\n", 10001, ""),
                "t.yaml:10001:3: error: a list of more than 10000 entries\n");
    check_limit(repeat("- &a b\n", 1001, ""), "t.yaml:1001:3: error: more than 1000 anchors\n");
    check_limit(repeat("- &a b\n- *a\n", 1000, ""), NULL);

    char *text = ssmq_must_malloc(400000), *at = text;
    for (int i = 0; i < 10001; i++) at += sprintf(at, "k%d: v\n", i);
    check_limit(text, "t.yaml:10001:9: error: a mapping of more than 10000 entries\n");

    /* Through an alias: 60 deep, referred to 5 deep. */
    text = repeat("[", 60, "");
    char *tail = repeat("]", 60, "\nb: [[[[[*x]]]]]\n");
    char *both = ssmq_must_malloc(strlen(text) + strlen(tail) + 8);
    sprintf(both, "a: &x %s%s", text, tail);
    free(text);
    free(tail);
    check_limit(both, "t.yaml:2:9: error: nested more than 64 deep\n");
}

static void test_open(void **state)
{
    scratch     *s = *state;
    ssmq_arena  *arena = ssmq_arena_new();
    ssmq_diag   *diag = ssmq_diag_new();
    const char  *path = scratch_write(s, "a.yaml", "a: 1\n", 5);
    char        *big = repeat("#", SSMQ_YAML_BYTES_MAX + 1, "");
    ssmq_origin *o = ssmq_origin_open(arena, path, (ssmq_place){0}, diag);
    assert_non_null(o);
    assert_int_equal(o->length, 5);
    assert_string_equal(o->name, path);
    assert_non_null(ssmq_origin_open(arena, scratch_write(s, "full", big, SSMQ_YAML_BYTES_MAX),
                                     (ssmq_place){0}, diag));
    assert_non_null(
        ssmq_origin_open(arena, scratch_write(s, "empty", "", 0), (ssmq_place){0}, diag));
    assert_int_equal(ssmq_diag_errors(diag), 0);

    const ssmq_place from = {o, 3, 1};
    const char      *over = scratch_write(s, "over", big, SSMQ_YAML_BYTES_MAX + 1);
    assert_null(ssmq_origin_open(arena, over, from, diag));
    assert_int_equal(ssmq_diag_status(diag), SSMQ_ERR_CONFIG);
    assert_null(ssmq_origin_open(arena, scratch_path(s, "none"), from, diag));
    assert_null(ssmq_origin_open(arena, s->path, from, diag));
    ssmq_str    found = {0};
    const char *expected = ssmq_arena_printf(
        arena,
        "%s:1:4: error: %s: 1048577 bytes is over the limit of 1048576\na: 1\n   ^\n"
        "%s:1:4: error: %s/none: No such file or directory\na: 1\n   ^\n"
        "%s:1:4: error: %s: not a regular file (Is a directory)\na: 1\n   ^\n",
        path, over, path, s->path, path, s->path);
    problems_render(diag, &found);
    assert_string_equal(ssmq_str_text(&found), expected);
    ssmq_str_free(&found);
    ssmq_diag_free(diag);
    ssmq_arena_free(arena);
    free(big);
}

/* ---- types ----------------------------------------------------------------------------- */

static void test_types(void **state)
{
    static const struct {
        ssmq_yaml_type type;
        const char    *texts[24];
    } cases[] = {
        {SSMQ_YAML_NULL, {"", "~", "null", "Null", "NULL"}},
        {SSMQ_YAML_BOOL, {"true", "True", "TRUE", "false", "False", "FALSE"}},
        {SSMQ_YAML_INT, {"0", "-1", "+12", "0o17", "0x1F", "007", "99999999999999999999"}},
        {SSMQ_YAML_REAL,
         {"1.", ".5", "1.5", "-1.5e3", "1e-5", "+1E+5", ".inf", "-.INF", "+.Inf", ".nan"}},
        {SSMQ_YAML_TEXT,
         {"yes", "no", "on", "off", "y", "tRUE",  "1_000", "0b1",   "0o8",   "0x", "-0x1",
          ".",   "1e", "e5", "+",   "-", "+.nan", ".e1",   "1.5.2", "12:30", "0o", "1 2"}},
    };
    (void)state;
    ssmq_arena *arena = ssmq_arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int j = 0; cases[i].texts[j]; j++) {
            const char *text = cases[i].texts[j];
            if (ssmq_yaml_type_of(ssmq_yaml_scalar(arena, text, false)) != cases[i].type)
                fail_msg("'%s' is not of type %d", text, (int)cases[i].type);
            assert_int_equal(ssmq_yaml_type_of(ssmq_yaml_scalar(arena, text, true)),
                             SSMQ_YAML_TEXT);
        }
    }
    ssmq_arena_free(arena);
}

static void test_values(void **state)
{
    (void)state;
    ssmq_arena *a = ssmq_arena_new();
    assert_true(ssmq_yaml_bool(ssmq_yaml_scalar(a, "True", false)));
    assert_false(ssmq_yaml_bool(ssmq_yaml_scalar(a, "FALSE", false)));
    assert_int_equal(ssmq_yaml_int(ssmq_yaml_scalar(a, "-12", false)), -12);
    assert_int_equal(ssmq_yaml_int(ssmq_yaml_scalar(a, "0o17", false)), 15);
    assert_int_equal(ssmq_yaml_int(ssmq_yaml_scalar(a, "0x1f", false)), 31);
    assert_true(ssmq_yaml_int(ssmq_yaml_scalar(a, "99999999999999999999", false)) == INT64_MAX);
    assert_true(ssmq_yaml_real(ssmq_yaml_scalar(a, "0x10", false)) == 16);
    assert_true(ssmq_yaml_real(ssmq_yaml_scalar(a, "99.999", false)) == 99.999);
    assert_true(ssmq_yaml_real(ssmq_yaml_scalar(a, "+7", false)) == 7);
    assert_true(ssmq_yaml_real(ssmq_yaml_scalar(a, "0", false)) == 0);
    assert_true(isinf(ssmq_yaml_real(ssmq_yaml_scalar(a, "+.inf", false))));
    assert_true(ssmq_yaml_real(ssmq_yaml_scalar(a, "-.inf", false)) < 0);
    assert_true(isnan(ssmq_yaml_real(ssmq_yaml_scalar(a, ".nan", false))));
    assert_string_equal(ssmq_yaml_found(a, ssmq_yaml_scalar(a, "x", false)), "the text 'x'");
    assert_string_equal(ssmq_yaml_found(a, ssmq_yaml_scalar(a, "8", true)), "the text '8'");
    assert_string_equal(ssmq_yaml_found(a, ssmq_yaml_scalar(a, "8", false)), "the number 8");
    assert_string_equal(ssmq_yaml_found(a, ssmq_yaml_scalar(a, "", false)), "nothing");
    assert_string_equal(ssmq_yaml_found(a, ssmq_yaml_new(a, SSMQ_YAML_LIST)), "a list");
    assert_string_equal(ssmq_yaml_found(a, ssmq_yaml_new(a, SSMQ_YAML_MAP)), "a mapping");
    char *long_text = repeat("\xc3\xa9", 31, "");
    assert_string_equal(
        ssmq_yaml_found(a, ssmq_yaml_scalar(a, long_text, false)),
        "the text '\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
        "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
        "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
        "\xc3\xa9...'");
    free(long_text);
    ssmq_arena_free(a);
}

/* ---- printing -------------------------------------------------------------------------- */

static void test_print(void **state)
{
    static const char text[] = "a: {b: [1, x, 'yes'], c: {}, d: []}\n"
                               "e: [{f: 1, g: [h]}, {i: {j: ~}}, [k, [l]]]\n"
                               "m: \"two\\nlines\"\ns: '8'\no: ''\np: layers.*.scan.x\nq: 'a: b'\n";
    static const char block[] =
        "a:\n  b: [1, x, \"yes\"]\n  c: {}\n  d: []\n"
        "e:\n  - f: 1\n    g: [h]\n  - i:\n      j: ~\n  - - k\n    - [l]\n"
        "m: \"two\\nlines\"\ns: \"8\"\no: \"\"\np: layers.*.scan.x\nq: \"a: b\"\n";
    (void)state;
    fixture  f = set_up(text, sizeof text - 1);
    ssmq_str once = {0}, twice = {0};
    ssmq_yaml_print(ssmq_yaml_parse(f.arena, &f.origin, 0, f.diag),
                    (ssmq_yaml_style){.view = SSMQ_YAML_SHOWN}, &once);
    assert_string_equal(ssmq_str_text(&once), block);
    f.origin = (ssmq_origin){.name = "again", .text = once.data, .length = once.length};
    ssmq_yaml_print(ssmq_yaml_parse(f.arena, &f.origin, 0, f.diag),
                    (ssmq_yaml_style){.view = SSMQ_YAML_SHOWN}, &twice);
    assert_string_equal(ssmq_str_text(&twice), block);
    ssmq_str_free(&once);
    ssmq_str_free(&twice);
    tear_down(&f);
}

static void test_views_and_origins(void **state)
{
    (void)state;
    fixture     f = set_up("a: 1\nb: [2]\n", 12);
    ssmq_origin set = {.name = "--set", .text = "c=1", .length = 3, .set = 4};
    ssmq_yaml  *map = ssmq_yaml_copy(f.arena, ssmq_yaml_parse(f.arena, &f.origin, 0, f.diag));
    ssmq_yaml  *shown = ssmq_yaml_scalar(f.arena, "s", true),
              *hashed = ssmq_yaml_scalar(f.arena, "h", true);
    shown->view = SSMQ_YAML_SHOWN;
    shown->place.source = &set;
    hashed->view = SSMQ_YAML_HASHED;
    ssmq_yaml_put(f.arena, map, "c", shown);
    ssmq_yaml_put(f.arena, map, "c", hashed);
    ssmq_yaml_put(f.arena, map, "d", ssmq_yaml_scalar(f.arena, "5", false));
    ssmq_str text = {0};
    ssmq_yaml_print(map, (ssmq_yaml_style){.view = SSMQ_YAML_HASHED}, &text);
    assert_string_equal(ssmq_str_text(&text), "a: 1\nb: [2]\nc: h\nd: 5\n");
    ssmq_str_clear(&text);
    ssmq_yaml_print(map, (ssmq_yaml_style){.view = SSMQ_YAML_SHOWN, .origins = true}, &text);
    assert_string_equal(ssmq_str_text(&text),
                        "a: 1                                            # t.yaml:1\n"
                        "b: [2]                                          # t.yaml:2\n"
                        "c: s                                            # --set #4\n"
                        "d: 5                                            # default\n");
    ssmq_str_free(&text);
    tear_down(&f);
}

/* ---- damaged text ---------------------------------------------------------------------- */

static const char whole[] =
    "# \xc3\xa9\nssmq: 1\na: &x {b: [1, 2.5, true], 'c': \"\\u00e9\\n\"}\nd: *x\r\n"
    "e:\n  - {f: g}\n  - |\n    text\n    more\n  - >-\n    folded\n  - ? k\n    : v\n...\n";

/* Whatever comes in: a tree, or problems, and no crash; a tree prints and reads back to the same.
 */
static void test_fuzz(void **state)
{
    static const char pieces[][4] = {"[",   "{",  "}",        "]",    ":",  "- ", "*x", "&x", "!",
                                     "|",   ">",  "\n",       "\r",   "\t", "'",  "\"", "%",  "@",
                                     "---", "<<", "\xc2\x85", "\xff", "#",  ",",  "?",  "\\"};
    ssmq_rng          r;
    (void)state;
    ssmq_rng_init(&r, test_seed(20240611), "yaml");
    for (int round = 0; round < 5000; round++) {
        const blob original = {.data = (uint8_t *)(uintptr_t)whole, .size = sizeof whole - 1};
        blob       b = blob_damaged(&original, 0, original.size, &r);
        if (b.size > 4 && ssmq_rng_below(&r, 2)) {
            const char *piece = pieces[ssmq_rng_below(&r, sizeof pieces / sizeof *pieces)];
            memcpy(b.data + ssmq_rng_below(&r, b.size - 3), piece, strlen(piece));
        }
        fixture          f = set_up((const char *)b.data, b.size);
        const ssmq_yaml *tree = ssmq_yaml_parse(f.arena, &f.origin, 0, f.diag);
        ssmq_str         once = {0}, twice = {0};
        problems_render(f.diag, &once);
        assert_true(tree || ssmq_diag_errors(f.diag) > 0);
        ssmq_str_clear(&once);
        if (tree && ssmq_diag_errors(f.diag) == 0) {
            ssmq_yaml_print(tree, (ssmq_yaml_style){.origins = true}, &once);
            f.origin = (ssmq_origin){.name = "t.yaml", .text = once.data, .length = once.length};
            const ssmq_yaml *again = ssmq_yaml_parse(f.arena, &f.origin, 0, f.diag);
            assert_non_null(again);
            ssmq_str first = {0};
            ssmq_yaml_json(tree, &first);
            ssmq_yaml_json(again, &twice);
            assert_string_equal(ssmq_str_text(&first), ssmq_str_text(&twice));
            ssmq_str_free(&first);
        }
        ssmq_str_free(&once);
        ssmq_str_free(&twice);
        tear_down(&f);
        blob_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_limits),
        cmocka_unit_test_setup_teardown(test_open, scratch_setup, scratch_teardown),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_views_and_origins),
        cmocka_unit_test(test_fuzz),
    };
    return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
