#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "harness/cli/parse.h"

typedef struct options {
    const char        *out;
    const char *const *set;
    const char *const *sites;
    int                format, limit;
    double             rate;
    bool               fast, model;
} options;

static const char *const formats[] = {"text", "json", NULL};

#define OPT(field) .name = #field, .offset = offsetof(options, field)
static const ssmq_option table[] = {
    {OPT(out), .type = SSMQ_OPTION_TEXT, .fallback = "", .help = "where results go"},
    {OPT(set), .type = SSMQ_OPTION_LIST, .fallback = "",
     .help = "KEY=VALUE that is set over what the file says, in the order of the command line"},
    {OPT(sites), .type = SSMQ_OPTION_SITES, .fallback = "layers.**", .help = "selectors"},
    {OPT(format), .type = SSMQ_OPTION_CHOICE, .fallback = "text", .choices = formats,
     .help = "how to print"},
    {OPT(limit), .type = SSMQ_OPTION_INT, .fallback = "8", .min = 1, .max = 100, .help = "windows"},
    {OPT(rate), .type = SSMQ_OPTION_REAL, .fallback = "0.5", .min = 0, .max = 1, .help = "a rate"},
    {OPT(fast), .type = SSMQ_OPTION_BOOL, .fallback = "false", .help = "fast"},
    {OPT(model), .type = SSMQ_OPTION_BOOL, .fallback = "true", .help = "leave the model out"},
    {0},
};

static const ssmq_command command = {"try", "FILE", "tries things", table, sizeof(options), NULL, NULL, NULL};

typedef struct fixture {
    ssmq_arena    *arena;
    ssmq_arguments a;
} fixture;

static int set_up(void **state)
{
    fixture *f = ssmq_must_malloc(sizeof *f);
    *f = (fixture){.arena = ssmq_arena_new()};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    ssmq_arena_free(f->arena);
    free(f);
    return 0;
}

static int count(const char *const *v)
{
    int n = 0;
    while (v[n]) n++;
    return n;
}

static ssmq_status parse(fixture *f, const ssmq_command *c, const char *const *argument)
{
    return ssmq_arguments_parse(c, count(argument), argument, f->arena, &f->a);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const options *parsed(fixture *f, const char *const *argument)
{
    assert_int_equal(parse(f, &command, argument), SSMQ_OK);
    assert_false(f->a.help);
    return f->a.options;
}

static void assert_refused(fixture *f, const char *const *argument, const char *message)
{
    assert_int_equal(parse(f, &command, argument), SSMQ_ERR_USAGE);
    assert_string_equal(ssmq_error_last()->message, message);
}

static void test_defaults(void **state)
{
    fixture       *f = *state;
    const options *o = parsed(f, ARGS("a.yaml"));
    assert_null(o->out);
    assert_int_equal(count(o->set), 0);
    assert_int_equal(count(o->sites), 1);
    assert_string_equal(o->sites[0], "layers.**");
    assert_int_equal(o->format, 0);
    assert_int_equal(o->limit, 8);
    assert_true(o->rate == 0.5);
    assert_false(o->fast);
    assert_true(o->model);
    assert_int_equal(f->a.n_operand, 1);
    assert_string_equal(f->a.operand[0], "a.yaml");
}

/* Order never matters, and both forms mean the same. */
static void test_forms(void **state)
{
    fixture           *f = *state;
    const char *const *lines[] = {
        ARGS("--out", "d", "--format=json", "--limit", "3", "--rate=1e-1", "--fast", "--no-model",
             "x"),
        ARGS("x", "--fast=true", "--no-model", "--rate", ".1", "--limit=+3", "--format", "json",
             "--out=d"),
        ARGS("--model=false", "--limit=3", "x", "--out=d", "--fast", "--format=json", "--rate=0.1"),
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const options *o = parsed(f, lines[i]);
        assert_string_equal(o->out, "d");
        assert_int_equal(o->format, 1);
        assert_int_equal(o->limit, 3);
        assert_true(o->rate == 0.1);
        assert_true(o->fast);
        assert_false(o->model);
        assert_string_equal(f->a.operand[0], "x");
    }
}

static void test_lists(void **state)
{
    fixture       *f = *state;
    const options *o = parsed(f, ARGS("--set", "a=1", "x", "--set=b=2", "--set=", "--sites=p.*"));
    assert_int_equal(count(o->set), 3);
    assert_string_equal(o->set[0], "a=1");
    assert_string_equal(o->set[1], "b=2");
    assert_string_equal(o->set[2], "");
    assert_int_equal(count(o->sites), 1); /* in the place of the default */
    assert_string_equal(o->sites[0], "p.*");
}

static void test_end_of_options(void **state)
{
    fixture *f = *state;
    parsed(f, ARGS("--", "--out"));
    assert_string_equal(f->a.operand[0], "--out");
    parsed(f, ARGS("-"));
    assert_string_equal(f->a.operand[0], "-");
    const options *o = parsed(f, ARGS("--out=--json", "x"));
    assert_string_equal(o->out, "--json");
    o = parsed(f, ARGS("--out", "-", "x"));
    assert_string_equal(o->out, "-");
    assert_refused(f, ARGS("x", "--", "--help"),
                   "'--help' is one operand too many for 'ssmq try FILE'");
}

static void test_help_wins(void **state)
{
    fixture *f = *state;
    assert_int_equal(parse(f, &command, ARGS("--nonsense", "--help")), SSMQ_OK);
    assert_true(f->a.help);
    assert_int_equal(parse(f, &command, ARGS("-h")), SSMQ_OK);
    assert_true(f->a.help);
}

static void test_unknown(void **state)
{
    fixture *f = *state;
    assert_refused(f, ARGS("--foramt=json", "x"),
                   "unknown option '--foramt' of 'ssmq try'; did you mean '--format'?");
    assert_refused(f, ARGS("x", "--zzz", "y"),
                   "unknown option '--zzz' of 'ssmq try'; see 'ssmq try --help'");
    /* no abbreviations: a later option could make them mean something else */
    assert_refused(f, ARGS("x", "--form", "json"),
                   "unknown option '--form' of 'ssmq try'; did you mean '--format'?");
    assert_refused(f, ARGS("x", "--no-out"),
                   "unknown option '--no-out' of 'ssmq try'; see 'ssmq try --help'");
    assert_refused(f, ARGS("x", "--=3"),
                   "unknown option '--' of 'ssmq try'; see 'ssmq try --help'");
    assert_refused(f, ARGS("x", "-o"),
                   "unknown option '-o' of 'ssmq try'; options begin with '--'");
}

static void test_repeated(void **state)
{
    fixture *f = *state;
    assert_refused(f, ARGS("--out=a", "x", "--out", "b"), "option '--out' stands more than once");
    assert_refused(f, ARGS("--fast", "x", "--no-fast"), "option '--fast' stands more than once");
}

static void test_values(void **state)
{
    fixture *f = *state;
    assert_refused(f, ARGS("x", "--out"), "option '--out' has no value");
    assert_refused(f, ARGS("x", "--out", "--fast"), "option '--out' has no value");
    assert_refused(f, ARGS("x", "--format=xml"),
                   "option '--format' is 'xml', not one of text, json");
    assert_refused(f, ARGS("x", "--limit=ten"), "option '--limit' is 'ten', not a whole number");
    assert_refused(f, ARGS("x", "--limit="), "option '--limit' is '', not a whole number");
    assert_refused(f, ARGS("x", "--limit= 3"), "option '--limit' is ' 3', not a whole number");
    assert_refused(f, ARGS("x", "--limit=3.0"), "option '--limit' is '3.0', not a whole number");
    assert_refused(f, ARGS("x", "--limit=0"), "option '--limit' is 0, not within 1 to 100");
    assert_refused(f, ARGS("x", "--limit=99999999999999999999"),
                   "option '--limit' is 99999999999999999999, not within 1 to 100");
    assert_refused(f, ARGS("x", "--rate=nan"), "option '--rate' is 'nan', not a number");
    assert_refused(f, ARGS("x", "--rate=0x1"), "option '--rate' is '0x1', not a number");
    assert_refused(f, ARGS("x", "--rate=1e999"), "option '--rate' is '1e999', not a number");
    assert_refused(f, ARGS("x", "--rate=-1"), "option '--rate' is -1, not within 0 to 1");
    assert_refused(f, ARGS("x", "--fast=yes"), "option '--fast' is 'yes', not true or false");
}

static void test_operands(void **state)
{
    fixture     *f = *state;
    ssmq_command c = command;
    assert_refused(f, ARGS("--fast"), "'ssmq try' needs FILE");
    assert_refused(f, ARGS("a", "b"), "'b' is one operand too many for 'ssmq try FILE'");

    c.operands = "DIR...";
    assert_int_equal(parse(f, &c, ARGS("a", "b", "c")), SSMQ_OK);
    assert_int_equal(f->a.n_operand, 3);

    c.operands = "methods|models";
    assert_int_equal(parse(f, &c, ARGS("models")), SSMQ_OK);
    assert_int_equal(parse(f, &c, ARGS("model")), SSMQ_ERR_USAGE);
    assert_string_equal(ssmq_error_last()->message, "'model' is not one of methods, models");

    c.operands = "KIND RUN...";
    assert_int_equal(parse(f, &c, ARGS("a")), SSMQ_ERR_USAGE);
    assert_string_equal(ssmq_error_last()->message, "'ssmq try' needs KIND RUN...");
    assert_int_equal(parse(f, &c, ARGS("a", "b", "c")), SSMQ_OK);
    assert_int_equal(f->a.n_operand, 3);

    c.operands = NULL;
    assert_int_equal(parse(f, &c, ARGS("a")), SSMQ_ERR_USAGE);
    assert_string_equal(ssmq_error_last()->message, "'a' is one operand too many for 'ssmq try'");
}

/* "-o" is "--output" where there is one, and nothing else. */
static void test_short_output(void **state)
{
    fixture                 *f = *state;
    static const ssmq_option with[] = {
        {.name = "output", .offset = offsetof(options, out), .type = SSMQ_OPTION_TEXT, .fallback = "",
         .help = "a file"},
        {0}};
    const ssmq_command c = {"try", "FILE", "tries", with, sizeof(options), NULL, "More of it.", NULL};
    assert_int_equal(parse(f, &c, ARGS("x", "-o", "f")), SSMQ_OK);
    assert_string_equal(((const options *)f->a.options)->out, "f");
    assert_int_equal(parse(f, &c, ARGS("-o", "f", "x", "--output=g")), SSMQ_ERR_USAGE);
    assert_string_equal(ssmq_error_last()->message, "option '--output' stands more than once");
    assert_int_equal(parse(f, &c, ARGS("x", "-o")), SSMQ_ERR_USAGE);
    assert_string_equal(ssmq_error_last()->message, "option '--output' has no value");

    ssmq_str out = {0};
    ssmq_arguments_help(&c, 60, &out);
    assert_string_equal(ssmq_str_text(&out), "usage: ssmq try [OPTION]... FILE\n\ntries\n\nMore of it.\n\n"
                                             "options:\n"
                                             "  -o, --output TEXT       a file\n"
                                             "  --help                  this page\n");
    ssmq_str_free(&out);
}

static void test_required(void **state)
{
    fixture                 *f = *state;
    static const ssmq_option required[] = {
        {OPT(out), .type = SSMQ_OPTION_TEXT, .help = "where results go"}, {0}};
    const ssmq_command c = {"try", NULL, "tries", required, sizeof(options), NULL, NULL, NULL};
    assert_int_equal(parse(f, &c, (const char *const[]){NULL}), SSMQ_ERR_USAGE);
    assert_string_equal(ssmq_error_last()->message, "'ssmq try' needs the option '--out'");
}

static void test_help_page(void **state)
{
    (void)state;
    ssmq_str out = {0};
    ssmq_arguments_help(&command, 60, &out);
    assert_string_equal(ssmq_str_text(&out),
                        "usage: ssmq try [OPTION]... FILE\n"
                        "\n"
                        "tries things\n"
                        "\n"
                        "options:\n"
                        "  --out TEXT              where results go\n"
                        "  --set TEXT              KEY=VALUE that is set over what\n"
                        "                          the file says, in the order of the\n"
                        "                          command line; may be repeated\n"
                        "  --sites SITES           selectors (default: layers.**);\n"
                        "                          may be repeated\n"
                        "  --format text|json      how to print (default: text)\n"
                        "  --limit N               windows, 1 to 100 (default: 8)\n"
                        "  --rate X                a rate, 0 to 1 (default: 0.5)\n"
                        "  --fast                  fast\n"
                        "  --no-model              leave the model out\n"
                        "  --help                  this page\n");
    ssmq_str_free(&out);
}

static void test_wrap(void **state)
{
    (void)state;
    ssmq_str out = {0};
    ssmq_text_wrap("averyveryverylongword and  then some", 4, 4, 12, &out);
    assert_string_equal(ssmq_str_text(&out), "averyveryverylongword\n    and then\n    some\n");
    ssmq_str_clear(&out);
    ssmq_text_wrap("", 4, 4, 12, &out);
    assert_string_equal(ssmq_str_text(&out), "\n");
    ssmq_str_free(&out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_defaults),  CASE(test_forms),    CASE(test_lists),     CASE(test_end_of_options),
        CASE(test_help_wins), CASE(test_unknown),  CASE(test_repeated),  CASE(test_values),
        CASE(test_operands),  CASE(test_required), CASE(test_help_page), CASE(test_wrap),
        CASE(test_short_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
