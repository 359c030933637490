#include <stdlib.h>
#include <string.h>
#include "harness/run/experiment/observer_option.h"
#include "tests/support/check.h"
#include "tests/support/fake_catalogue.h"
#include "tests/support/problems.h"

typedef struct fixture {
    ssmq_arena         *arena;
    ssmq_option_context cx;
    ssmq_origin         origin;
    const ssmq_yaml    *given;
    fake_round          o;
    bool                fine;
} fixture;

static void start(fixture *f, const char *text)
{
    *f = (fixture){.arena = ssmq_arena_new()};
    f->cx = (ssmq_option_context){.arena = f->arena,
                                  .diag = ssmq_diag_new(),
                                  .user = &fake_catalogue,
                                  .observer_read = ssmq_observer_read,
                                  .observer_tree = ssmq_observer_tree};
    f->origin = (ssmq_origin){.name = "o.yaml", .text = text, .length = strlen(text)};
    f->given = ssmq_yaml_parse(f->arena, &f->origin, 0, f->cx.diag);
    assert_non_null(f->given);
}

/* The options of the fake method `round` from a mapping. */
static void read_round(fixture *f, const char *text)
{
    start(f, text);
    f->fine = ssmq_options_known(&f->cx, fake_round_options, NULL, f->given, "step");
    f->fine = ssmq_options_read(&f->cx, fake_round_options, f->given, "step", &f->o) && f->fine;
}

static void finish(fixture *f)
{
    ssmq_diag_free(f->cx.diag);
    ssmq_arena_free(f->arena);
}

static const char *problems(fixture *f)
{
    ssmq_str text = {0};
    problems_render(f->cx.diag, &text);
    const char *copy = ssmq_arena_strdup(f->arena, ssmq_str_text(&text));
    ssmq_str_free(&text);
    return copy;
}

static void check_problem(const char *text, const char *expected)
{
    fixture f;
    read_round(&f, text);
    assert_string_equal(problems(&f), expected);
    assert_false(f.fine);
    finish(&f);
}

static void check_printed(const char *text, const char *expected)
{
    fixture  f;
    ssmq_str out = {0};
    read_round(&f, text);
    assert_string_equal(problems(&f), "");
    assert_true(f.fine);
    ssmq_yaml_print(ssmq_options_tree(&f.cx, fake_round_options, &f.o, f.given),
                    (ssmq_yaml_style){.view = SSMQ_YAML_SHOWN}, &out);
    assert_string_equal(ssmq_str_text(&out), expected);
    ssmq_str_free(&out);
    finish(&f);
}

/* ---- values ---------------------------------------------------------------------------- */

static void test_defaults(void **state)
{
    fixture f;
    (void)state;
    read_round(&f, "{}");
    assert_true(f.fine);
    assert_true(f.origin.used == false);
    assert_string_equal(f.o.sites[0], "layers.**");
    assert_null(f.o.sites[1]);
    assert_int_equal(f.o.bits, 8);
    assert_int_equal(f.o.scope, 0);
    assert_false(f.o.careful);
    assert_true(f.o.factor == 1);
    assert_null(f.o.label);
    assert_string_equal(f.o.observer.statistic->name, "absmax");
    assert_null(f.o.observer.across);
    assert_string_equal(f.o.observer.text, "{\"statistic\": \"absmax\"}");
    finish(&f);
    check_printed("{}", "sites: layers.**\nbits: 8\nscope: tensor\ncareful: false\nfactor: 1\n"
                        "observer:\n  statistic: absmax\n");
}

static void test_given(void **state)
{
    fixture f;
    (void)state;
    read_round(&f,
               "{sites: [a, 'b.{c,d}'], bits: 0x10, scope: channel, careful: True, factor: 2.5e1,"
               " label: no, observer: {statistic: quantile, p: 99.999}}");
    assert_string_equal(problems(&f), "");
    assert_true(f.origin.used);
    assert_string_equal(f.o.sites[1], "b.{c,d}");
    assert_int_equal(f.o.bits, 16);
    assert_int_equal(f.o.scope, 1);
    assert_true(f.o.careful);
    assert_true(f.o.factor == 25);
    assert_string_equal(f.o.label, "no");
    assert_true(((const fake_quantile *)f.o.observer.statistic_options)->p == 99.999);
    assert_string_equal(f.o.observer.text, "{\"statistic\": \"quantile\", \"p\": 99.999}");
    finish(&f);
    check_printed(
        "{factor: 0x10, bits: off, sites: [a], label: '8'}",
        "sites: a\nbits: \"off\"\nscope: tensor\ncareful: false\nfactor: 16\nlabel: \"8\"\n"
        "observer:\n  statistic: absmax\n");
    check_printed("{factor: 0.625}", "sites: layers.**\nbits: 8\nscope: tensor\ncareful: false\n"
                                     "factor: 0.625\nobserver:\n  statistic: absmax\n");
    check_printed(
        "{sites: [a, b?], factor: 999.9999999999}",
        "sites: [a, \"b?\"]\nbits: 8\nscope: tensor\ncareful: false\nfactor: 999.9999999999\n"
        "observer:\n  statistic: absmax\n");
}

/* What is printed reads back to the same. */
static void test_printed_again(void **state)
{
    static const char *const texts[] = {
        "{bits: off}", "{label: 'true', factor: 0.7}",
        "{sites: ['*', '**.{a,b}'], observer: {statistic: quantile, p: 1e2}}"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fixture  f;
        ssmq_str out = {0};
        read_round(&f, texts[i]);
        ssmq_yaml_print(ssmq_options_tree(&f.cx, fake_round_options, &f.o, f.given),
                        (ssmq_yaml_style){.view = SSMQ_YAML_SHOWN}, &out);
        check_printed(ssmq_str_text(&out), ssmq_str_text(&out));
        ssmq_str_free(&out);
        finish(&f);
    }
}

/* ---- problems -------------------------------------------------------------------------- */

static void test_keys(void **state)
{
    (void)state;
    check_problem("{bit: 4}", "o.yaml:1:2: error: unknown key 'bit' in step\n{bit: 4}\n ^~~\n"
                              "help: did you mean 'bits'?\n");
    check_problem("{colour: 4}",
                  "o.yaml:1:2: error: unknown key 'colour' in step\n{colour: 4}\n ^~~~~~\n"
                  "help: allowed here: sites, bits, scope, careful, factor, label, observer\n");
}

static void test_wrong_types(void **state)
{
    (void)state;
    check_problem("{careful: yes}",
                  "o.yaml:1:11: error: step.careful must be true or false, found the text 'yes'\n"
                  "{careful: yes}\n          ^~~\nhelp: write 'true'\n");
    check_problem("{careful: off}",
                  "o.yaml:1:11: error: step.careful must be true or false, found the text 'off'\n"
                  "{careful: off}\n          ^~~\nhelp: write 'false'\n");
    check_problem("{careful: 1}",
                  "o.yaml:1:11: error: step.careful must be true or false, found the "
                  "number 1\n{careful: 1}\n          ^\n");
    check_problem("{careful: 'yes'}",
                  "o.yaml:1:11: error: step.careful must be true or false, found the "
                  "text 'yes'\n{careful: 'yes'}\n          ^~~~~\n");
    check_problem("{bits: eight}",
                  "o.yaml:1:8: error: step.bits must be 2 to 16 or off, found the text 'eight'\n"
                  "{bits: eight}\n       ^~~~~\n");
    check_problem("{bits: '8'}",
                  "o.yaml:1:8: error: step.bits must be 2 to 16 or off, found the text '8'\n"
                  "{bits: '8'}\n       ^~~\nhelp: leave out the quotes\n");
    check_problem("{bits: 8.0}",
                  "o.yaml:1:8: error: step.bits must be 2 to 16 or off, found the number "
                  "8.0\n{bits: 8.0}\n       ^~~\n");
    check_problem("{bits: }", "o.yaml:1:8: error: step.bits must be 2 to 16 or off, found nothing\n"
                              "{bits: }\n       ^\n");
    check_problem("{factor: [1]}",
                  "o.yaml:1:10: error: step.factor must be a number, found a list\n"
                  "{factor: [1]}\n         ^\n");
    check_problem("{label: {a: b}}",
                  "o.yaml:1:9: error: step.label must be a text, found a mapping\n"
                  "{label: {a: b}}\n        ^\n");
    check_problem("{observer: absmax}",
                  "o.yaml:1:12: error: step.observer must be a mapping, found the text 'absmax'\n"
                  "{observer: absmax}\n           ^~~~~~\n");
}

static void test_ranges(void **state)
{
    (void)state;
    check_problem("{bits: 40}", "o.yaml:1:8: error: step.bits is 40; allowed: 2 to 16 or off\n"
                                "{bits: 40}\n       ^~\n");
    check_problem("{bits: 99999999999999999999}",
                  "o.yaml:1:8: error: step.bits is 99999999999999999999; allowed: 2 to 16 or off\n"
                  "{bits: 99999999999999999999}\n       ^~~~~~~~~~~~~~~~~~~~\n");
    check_problem("{bits: 08}", "o.yaml:1:8: error: step.bits is a number with a leading zero: 08\n"
                                "{bits: 08}\n       ^~\n");
    check_problem("{factor: 01.5}",
                  "o.yaml:1:10: error: step.factor is a number with a leading zero: 01.5\n"
                  "{factor: 01.5}\n         ^~~~\n");
    check_problem("{factor: .nan}",
                  "o.yaml:1:10: error: step.factor is .nan; allowed: 0.5 to 1000\n"
                  "{factor: .nan}\n         ^~~~\n");
    check_problem("{factor: .inf}",
                  "o.yaml:1:10: error: step.factor is .inf; allowed: 0.5 to 1000\n"
                  "{factor: .inf}\n         ^~~~\n");
    check_problem(
        "{scope: tenser}",
        "o.yaml:1:9: error: step.scope must be one of tensor, channel, found the text 'tenser'\n"
        "{scope: tenser}\n        ^~~~~~\nhelp: did you mean 'tensor'?\n");
    check_problem("{scope: 1}",
                  "o.yaml:1:9: error: step.scope must be one of tensor, channel, found the "
                  "number 1\n{scope: 1}\n        ^\n");
}

static void test_selectors(void **state)
{
    (void)state;
    check_problem("{sites: []}", "o.yaml:1:9: error: step.sites is an empty list\n"
                                 "{sites: []}\n        ^\n");
    check_problem("{sites: 'a.{b'}",
                  "o.yaml:1:9: error: step.sites: 'a.{b' is no selector: this '{' is not "
                  "closed (character 3)\n{sites: 'a.{b'}\n        ^~~~~~\n");
    check_problem("{sites: [a, 3]}",
                  "o.yaml:1:13: error: step.sites must be a selector or a list of them, "
                  "found the number 3\n{sites: [a, 3]}\n            ^\n");
    check_problem("{sites: {a: b}}",
                  "o.yaml:1:9: error: step.sites must be a selector or a list of them, "
                  "found a mapping\n{sites: {a: b}}\n        ^\n");
}

/* All problems of a mapping at once. */
static void test_several(void **state)
{
    fixture f;
    (void)state;
    read_round(&f, "{bits: 1, scop: x, careful: 2, factor: 0}");
    assert_int_equal(ssmq_diag_errors(f.cx.diag), 4);
    finish(&f);
}

static void test_missing(void **state)
{
    static const ssmq_option table[] = {
        {"must", 0, SSMQ_OPTION_INT, NULL, 0, 9, NULL, "has to be there"}, {0}};
    int     value = 7;
    fixture f;
    (void)state;
    start(&f, "a: {b: 1}");
    assert_false(ssmq_options_read(&f.cx, table, ssmq_yaml_get(f.given, "a"), "a", &value));
    assert_string_equal(problems(&f), "o.yaml:1:4: error: a.must is missing\na: {b: 1}\n   ^\n");
    assert_int_equal(value, 7);
    finish(&f);
}

static void test_empty_defaults(void **state)
{
    static const char *const words[] = {"x", "y", NULL};
    struct {
        int                number, choice;
        const char *const *list;
    } o = {0};
    const ssmq_option table[] = {
        {"number", (size_t)((char *)&o.number - (char *)&o), SSMQ_OPTION_INT, "", 0, 9, NULL, ""},
        {"choice", (size_t)((char *)&o.choice - (char *)&o), SSMQ_OPTION_CHOICE, "", 0, 0, words,
         ""},
        {"list", (size_t)((char *)&o.list - (char *)&o), SSMQ_OPTION_LIST, "", 0, 0, NULL, ""},
        {0},
    };
    fixture  f;
    ssmq_str out = {0};
    (void)state;
    start(&f, "{}");
    assert_true(ssmq_options_read(&f.cx, table, NULL, "", &o));
    assert_int_equal(o.number, -1);
    assert_int_equal(o.choice, -1);
    assert_null(o.list);
    ssmq_yaml_print(ssmq_options_tree(&f.cx, table, &o, NULL), (ssmq_yaml_style){0}, &out);
    assert_string_equal(ssmq_str_text(&out), "{}\n");
    ssmq_str_free(&out);
    finish(&f);
}

static void test_names(void **state)
{
    static const struct {
        const char *text;
        bool        plain, dotted;
    } cases[] = {{"a", true, true},     {"A-b_9", true, true},      {"p99.9", false, true},
                 {"9", true, true},     {"''", false, false},       {"a b", false, false},
                 {".a", false, false},  {"-a", false, false},       {"a/b", false, false},
                 {"..", false, false},  {"\xc3\xa9", false, false}, {"~", false, false},
                 {"[a]", false, false}, {"_", true, true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        start(&f, cases[i].text);
        assert_int_equal(ssmq_option_name(&f.cx, f.given, "name", false), cases[i].plain);
        assert_int_equal(ssmq_option_name(&f.cx, f.given, "name", true), cases[i].dotted);
        finish(&f);
    }
}

/* ---- sizes ----------------------------------------------------------------------------- */

typedef struct one_size {
    int64_t size;
} one_size;

static const ssmq_option with_size[] = {
    {"size", 0, SSMQ_OPTION_SIZE, "4GiB", 1024, 0x1p40, NULL, ""},
    {0},
};

static void check_size(const char *text, int64_t bytes, const char *printed)
{
    fixture  f;
    one_size o = {0};
    ssmq_str out = {0};
    start(&f, text);
    assert_true(ssmq_options_read(&f.cx, with_size, f.given, "s", &o));
    assert_int_equal(o.size, bytes);
    ssmq_yaml_print(ssmq_options_tree(&f.cx, with_size, &o, NULL), (ssmq_yaml_style){0}, &out);
    assert_string_equal(ssmq_str_text(&out), printed);
    ssmq_str_free(&out);
    finish(&f);
}

static void refuse_size(const char *text, const char *expected)
{
    fixture  f;
    one_size o = {0};
    start(&f, text);
    assert_false(ssmq_options_read(&f.cx, with_size, f.given, "s", &o));
    assert_string_equal(problems(&f), expected);
    finish(&f);
}

static void test_sizes(void **state)
{
    (void)state;
    check_size("{}", (int64_t)4 << 30, "size: \"4GiB\"\n");
    check_size("{size: 3KiB}", 3072, "size: \"3KiB\"\n");
    check_size("{size: 1048576}", 1 << 20, "size: \"1MiB\"\n");
    check_size("{size: 1025}", 1025, "size: 1025\n");
    check_size("{size: 1024GiB}", (int64_t)1 << 40, "size: \"1024GiB\"\n");
    refuse_size("{size: 4GB}", "o.yaml:1:8: error: s.size must be a size, such as 512MiB or 4GiB, "
                               "found the text '4GB'\n{size: 4GB}\n       ^~~\n");
    refuse_size("{size: 1.5GiB}",
                "o.yaml:1:8: error: s.size must be a size, such as 512MiB or 4GiB, "
                "found the text '1.5GiB'\n{size: 1.5GiB}\n       ^~~~~~\n");
    refuse_size("{size: 9999999999999GiB}",
                "o.yaml:1:8: error: s.size must be a size, such as 512MiB or 4GiB, found the text "
                "'9999999999999GiB'\n{size: 9999999999999GiB}\n       ^~~~~~~~~~~~~~~~\n");
    refuse_size("{size: 1000}", "o.yaml:1:8: error: s.size is 1000; allowed: 1KiB to 1024GiB\n"
                                "{size: 1000}\n       ^~~~\n");
    refuse_size("{size: -1KiB}",
                "o.yaml:1:8: error: s.size must be a size, such as 512MiB or 4GiB, "
                "found the text '-1KiB'\n{size: -1KiB}\n       ^~~~~\n");
}

/* ---- observers ------------------------------------------------------------------------- */

typedef struct one_observer {
    ssmq_observer observer;
} one_observer;

static const ssmq_option with_across[] = {
    {"observer", 0, SSMQ_OPTION_OBSERVER, "{statistic: quantile, p: 99, across: max}", 0, 0, NULL,
     ""},
    {0},
};

static void check_observer(const char *text, const char *json, const char *expected)
{
    fixture      f;
    one_observer o = {0};
    start(&f, text);
    const bool fine = ssmq_options_read(&f.cx, with_across, f.given, "s", &o);
    assert_string_equal(problems(&f), expected);
    assert_int_equal(fine, json != NULL);
    if (json) assert_string_equal(o.observer.text, json);
    finish(&f);
}

/* What is left out comes from the default, the options of a part together with the part. */
static void test_observer_defaults(void **state)
{
    (void)state;
    check_observer("{}", "{\"statistic\": \"quantile\", \"p\": 99, \"across\": \"max\"}", "");
    check_observer("observer: {}", "{\"statistic\": \"quantile\", \"p\": 99, \"across\": \"max\"}",
                   "");
    check_observer("observer: {p: 98}",
                   "{\"statistic\": \"quantile\", \"p\": 98, \"across\": \"max\"}", "");
    check_observer("observer: {statistic: absmax}",
                   "{\"statistic\": \"absmax\", \"across\": \"max\"}", "");
    check_observer("observer: {across: ema}",
                   "{\"statistic\": \"quantile\", \"p\": 99, \"across\": \"ema\", \"rate\": 0.01}",
                   "");
    check_observer("observer: {statistic: quantile, p: 50, across: ema, rate: 0.5}",
                   "{\"statistic\": \"quantile\", \"p\": 50, \"across\": \"ema\", \"rate\": 0.5}",
                   "");
}

static void test_observer_problems(void **state)
{
    (void)state;
    check_observer("observer: {statistic: quantile}", NULL,
                   "o.yaml:1:11: error: s.observer.p is missing\n"
                   "observer: {statistic: quantile}\n          ^\n");
    check_observer(
        "observer: {statistic: absmx}", NULL,
        "o.yaml:1:23: error: s.observer.statistic must be one of absmax, quantile, found the text "
        "'absmx'\nobserver: {statistic: absmx}\n                      ^~~~~\n"
        "help: did you mean 'absmax'?\n");
    check_observer("observer: {statistic: absmax, p: 99}", NULL,
                   "o.yaml:1:31: error: unknown key 'p' in s.observer\n"
                   "observer: {statistic: absmax, p: 99}\n                              ^\n"
                   "help: allowed here: statistic, across\n");
    check_observer(
        "observer: {statstic: quantile, acros: ema}", NULL,
        "o.yaml:1:12: error: unknown key 'statstic' in s.observer\n"
        "observer: {statstic: quantile, acros: ema}\n           ^~~~~~~~\n"
        "help: did you mean 'statistic'?\n"
        "o.yaml:1:32: error: unknown key 'acros' in s.observer\n"
        "observer: {statstic: quantile, acros: ema}\n                               ^~~~~\n"
        "help: did you mean 'across'?\n");
    check_observer("observer: {across: ema, rate: 2}", NULL,
                   "o.yaml:1:31: error: s.observer.rate is 2; allowed: 0 to 1\n"
                   "observer: {across: ema, rate: 2}\n                              ^\n");
    check_problem(
        "{observer: {across: max}}",
        "o.yaml:1:13: error: step.observer takes no 'across': there is one sample, nothing to "
        "combine\n{observer: {across: max}}\n            ^~~~~~\n");
}

static void test_percent(void **state)
{
    (void)state;
    check_observer("observer: {p: 0.999}",
                   "{\"statistic\": \"quantile\", \"p\": 0.999, \"across\": \"max\"}",
                   "o.yaml:1:15: warning: s.observer.p is in per cent, found 0.999\n"
                   "observer: {p: 0.999}\n              ^~~~~\nhelp: did you mean 99.9?\n");
    check_observer("observer: {p: 0}",
                   "{\"statistic\": \"quantile\", \"p\": 0, \"across\": \"max\"}",
                   "o.yaml:1:15: warning: s.observer.p is in per cent, found 0\n"
                   "observer: {p: 0}\n              ^\n");
    check_observer("observer: {p: 1.01}",
                   "{\"statistic\": \"quantile\", \"p\": 1.01, \"across\": \"max\"}", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_given),
        cmocka_unit_test(test_printed_again),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_selectors),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_empty_defaults),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_observer_defaults),
        cmocka_unit_test(test_observer_problems),
        cmocka_unit_test(test_percent),
    };
    return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
