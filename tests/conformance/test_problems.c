/* Every problem of the list arises, from its example or from what this file makes up, and no
 * message goes out without a number. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/problems.h"
#include "harness/run/experiment/experiment.h"
#include "tests/support/catalogue.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

/* ---- experiments ------------------------------------------------------------------------- */

/* Fine by themselves: a whole experiment, and one that starts without what an example may have to
 * leave out. */
#define BASE "include: %s/experiments/quickstart.yaml\n"
#define START                                                                                   \
    "ssmq: 1\nname: t\nmodel: {path: %s/models/tiny-mamba}\n"                                   \
    "evaluate:\n  - {id: e, task: perplexity, data: {file: base.yaml, format: text}, dialect: " \
    "gptq}\n"

static const char *at_root(scratch *s, const char *format)
{
    char       *root = getcwd(NULL, 0);
    ssmq_str    text = {0};
    const char *mark = strstr(format, "%s");
    ssmq_str_printf(&text, "%.*s%s%s", (int)(mark - format), format, root, mark + 2);
    const char *copy = ssmq_arena_strdup(s->a, ssmq_str_text(&text));
    ssmq_str_free(&text);
    free(root);
    return copy;
}

static const char *repeated(scratch *s, const char *before, const char *text, int n,
                            const char *after)
{
    ssmq_str all = {0};
    ssmq_str_puts(&all, before);
    for (int i = 0; i < n; i++) ssmq_str_puts(&all, text);
    ssmq_str_puts(&all, after);
    const char *copy = ssmq_arena_strdup(s->a, ssmq_str_text(&all));
    ssmq_str_free(&all);
    return copy;
}

/* Like repeated, each time with a number for the first %d. */
static const char *numbered(scratch *s, const char *before, const char *format, int n,
                            const char *after)
{
    ssmq_str    all = {0};
    const char *mark = strstr(format, "%d");
    for (int i = 0; i < n; i++)
        ssmq_str_printf(&all, "%.*s%d%s", (int)(mark - format), format, i, mark + 2);
    const char *copy = ssmq_arena_printf(s->a, "%s%s%s", before, ssmq_str_text(&all), after);
    ssmq_str_free(&all);
    return copy;
}

/* What causes a problem that has no short example: a whole file, a %s in it the project's folder.
 */
static const char *made_up(scratch *s, ssmq_problem p)
{
    const char *base = "include: base.yaml\n";
    switch (p) {
    case SSMQ_E_UTF8: return "include: base.yaml\nquestion: caf\xe9\n";
    case SSMQ_E_DEPTH: return repeated(s, "include: base.yaml\nquestion: ", "[", 100, "\n");
    case SSMQ_E_ALIAS_SIZE:
        return "include: base.yaml\nquestion:\n- &a [x, x, x, x, x, x, x, x, x, x]\n"
               "- &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n- &c [*b, *b, *b, *b, *b, *b, *b, "
               "*b, *b, *b]\n"
               "- &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n";
    case SSMQ_E_ANCHORS:
        return repeated(s, "include: base.yaml\nquestion: [", "&a x, ", 1001, "]\n");
    case SSMQ_E_ENTRIES: return repeated(s, "include: base.yaml\nquestion: [", "x, ", 10001, "]\n");
    case SSMQ_E_FILE_SIZE: return repeated(s, base, "################\n", 1 << 16, "");
    case SSMQ_E_NAME_LENGTH: return repeated(s, "include: base.yaml\nname: ", "x", 201, "\n");
    case SSMQ_E_TOO_MANY:
        return numbered(s, "include: base.yaml\nrecipes: {quamba: [",
                        "{id: s%d, method: weights}, ", 1001, "]}\n");
    case SSMQ_E_INCLUDE_FILES:
        return numbered(s, "include: [base.yaml, ", "f%d.yaml, ", 200, "]\n");
    case SSMQ_E_NO_TOKENIZER:
        return "include: base.yaml\nmodel: {path: %s/tests/golden/nano/state-spaces-safetensors}\n";
    case SSMQ_E_NO_RECIPE: return START "mode: fake\n";
    case SSMQ_E_NO_RECIPES: return START "mode: float\nrecipes: {}\n";
    case SSMQ_E_NO_CALIBRATION: return START "mode: fake\nrecipe: [{method: activations}]\n";
    case SSMQ_E_MODEL: return "include: base.yaml\nmodel: {path: other}\n";
    case SSMQ_E_HADAMARD_SIZE: return "include: base.yaml\nmodel: {path: odd}\n";
    case SSMQ_E_AXES_TOO_MANY:
        return numbered(s, "include: base.yaml\nsweep: {axes: {", "a%d: {run.seed: [1, 2]}, ", 15,
                        "}}\n");
    case SSMQ_E_POINTS:
        return numbered(s, "include: base.yaml\nsweep: {seeds: [", "%d, ", 2501, "]}\n");
    case SSMQ_E_GRID: {
        const char *values = numbered(s, "", "1%d, ", 101, "");
        return ssmq_arena_printf(
            s->a,
            "include: base.yaml\nsweep: {axes: {a: {run.seed: [%s]}, b: {calibration.count: [%s]}, "
            "c: {calibration.batch: [%s]}}, zip: [[a, b, c]]}\n",
            values, values, values);
    }
    default: return NULL;
    }
}

/* ---- running them ------------------------------------------------------------------------ */

static void write_text(scratch *s, const char *name, const char *text)
{
    scratch_write(s, name, text, strlen(text));
}

/* What the examples may include. */
static void write_files(scratch *s)
{
    write_text(s, "base.yaml", at_root(s, BASE));
    write_text(s, "unused.yaml", "data: {other: {file: other.txt}}\n");
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%d.yaml", i);
        write_text(s, name, "run: {seed: 1}\n");
    }
}

/* One of another kind, and one whose inner width, 2 * 11, has no Hadamard matrix. */
static void write_models(scratch *s)
{
    CHECK_OK(ssmq_make_directory(scratch_path(s, "other")));
    write_text(s, "other/config.json", "{\"model_type\": \"bert\"}\n");
    CHECK_OK(ssmq_make_directory(scratch_path(s, "odd")));
    write_text(
        s, "odd/config.json",
        "{\"d_model\": 11, \"n_layer\": 1, \"vocab_size\": 2048, \"ssm_cfg\": {}, \"rms_norm\": "
        "true, "
        "\"residual_in_fp32\": true, \"fused_add_norm\": true, \"pad_vocab_size_multiple\": 8}\n");
}

/* A method that gives a reason of its own. */
static ssmq_status refuse(const void *options, const ssmq_model *m, ssmq_plan *plan)
{
    (void)options;
    (void)m;
    (void)plan;
    return SSMQ_FAIL(UNSUPPORTED, "not today");
}

static const ssmq_method refusing = {
    .name = "refusing", .help = "nothing", .source = "none", .outline = refuse};
static const ssmq_method *const only_refusing[] = {&refusing, NULL};

/* Reads the experiment; the problems as they are printed. */
static const char *problems_read(scratch *s, const char *path, const char *set,
                                 const ssmq_catalogue *cat)
{
    ssmq_diag        *diag = ssmq_diag_new();
    ssmq_experiment  *e = NULL;
    ssmq_str          text = {0};
    const char *const sets[] = {set};
    (void)!ssmq_experiment_read(path, sets, set != NULL, cat, diag, &e);
    ssmq_diag_render(diag, &text);
    const char *copy = ssmq_arena_strdup(s->a, ssmq_str_text(&text));
    ssmq_str_free(&text);
    ssmq_experiment_free(e);
    ssmq_diag_free(diag);
    return copy;
}

static const char *problems_of(scratch *s, const char *path, const char *set)
{
    return problems_read(s, path, set, &test_catalogue);
}

/* Does every message end with a number? */
static void check_numbers(const char *problems)
{
    for (const char *line = problems; *line;) {
        const size_t n = strcspn(line, "\n");
        const char  *error = strstr(line, "error: "), *warning = strstr(line, "warning: ");
        const bool   message = (error && error < line + n) || (warning && warning < line + n);
        if (message && (n < 7 || strncmp(line + n - 7, " [", 2) != 0))
            fail_msg("a message without a number: %.*s", (int)n, line);
        line += n + (line[n] == '\n');
    }
}

static const char *problems_of_example(scratch *s, const ssmq_problem_entry *e)
{
    const char *text = made_up(s, e->problem);
    if (!text && strncmp(e->example, "--set ", 6) == 0) {
        write_text(s, "example.yaml", "include: base.yaml\n");
        return problems_of(s, scratch_path(s, "example.yaml"), e->example + 6);
    }
    if (text && strstr(text, "%s")) text = at_root(s, text);
    if (!text)
        text = ssmq_arena_printf(
            s->a, "%s%s\n", strncmp(e->example, "include:", 8) == 0 ? "" : "include: base.yaml\n",
            e->example);
    write_text(s, "example.yaml", text);
    return problems_of(s, scratch_path(s, "example.yaml"), NULL);
}

static void test_every_problem(void **state)
{
    scratch                  *s = *state;
    size_t                    n;
    const ssmq_problem_entry *all = ssmq_problems(&n);
    int                       missing = 0;
    write_files(s);
    write_models(s);
    assert_string_equal(problems_of(s, scratch_path(s, "base.yaml"), NULL), "");
    for (size_t i = 0; i < n; i++) {
        char number[SSMQ_PROBLEM_NUMBER];
        if (all[i].problem == SSMQ_E_REFUSED) continue; /* test_refused */
        const char *found = problems_of_example(s, &all[i]);
        ssmq_problem_number(all[i].problem, number);
        check_numbers(found);
        if (strstr(found, ssmq_arena_printf(s->a, " [%s]\n", number))) continue;
        print_error("%s (%s) does not arise; found:\n%s\n", number, all[i].title, found);
        missing++;
    }
    assert_int_equal(missing, 0);
}

static void test_refused(void **state)
{
    scratch       *s = *state;
    ssmq_catalogue cat = test_catalogue;
    cat.methods = only_refusing;
    write_text(s, "base.yaml", "");
    write_text(s, "e.yaml", at_root(s, START "mode: fake\nrecipe: [{method: refusing}]\n"));
    const char *found = problems_read(s, scratch_path(s, "e.yaml"), NULL, &cat);
    assert_non_null(strstr(found, "e.yaml:7:10: error: recipe.refusing: not today [E599]\n"));
}

/* An observer that a step does not use is warned of, whatever the method; no other is. */
static void test_unused_observer(void **state)
{
    static const struct {
        const char *step;
        bool        unused;
    } steps[] = {
        {"weights, observer: {statistic: mse}", false},
        {"weights, format: e4m3, observer: {statistic: mse}", false},
        {"weights, bits: off", false},
        {"weights, bits: off, observer: {statistic: mse}", true},
        {"weights, bits: off, enabled: false, observer: {statistic: mse}", false},
        {"weights, bits: 16, format: bf16, observer: {statistic: mse}", true},
        {"activations, observer: {statistic: mse, across: max}", false},
        {"activations, bits: off, observer: {statistic: mse, across: max}", true},
        {"activations, range: dynamic, observer: {statistic: mse, across: max}", true},
        {"activations, bits: 16, format: f16, observer: {statistic: mse, across: max}", true},
        {"state, observer: {statistic: mse, across: max}", false},
        {"state, bits: off, observer: {statistic: mse, across: max}", true},
        {"state, format: f16, observer: {statistic: mse, across: max}", true},
    };
    scratch *s = *state;
    write_files(s);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        write_text(s, "e.yaml",
                   ssmq_arena_printf(s->a, "include: base.yaml\nrecipes: {quamba: [{method: %s}]}\n",
                                     steps[i].step));
        const char *found = problems_of(s, scratch_path(s, "e.yaml"), NULL);
        const bool  warned = strstr(found, "no effect: the step takes no static ranges [W905]\n");
        if (warned != steps[i].unused || (!warned && *found))
            fail_msg("{method: %s}: %s", steps[i].step, *found ? found : "no warning");
    }
}

/* ---- the list ---------------------------------------------------------------------------- */

/* Ascending, so no two have the same; every one explained; three digits. */
static void test_list(void **state)
{
    size_t                    n;
    const ssmq_problem_entry *all = ssmq_problems(&n);
    (void)state;
    for (size_t i = 0; i < n; i++) {
        assert_in_range(all[i].problem, i ? all[i - 1].problem + 1 : 101, 999);
        assert_true(strlen(all[i].title) > 3 && strlen(all[i].text) > 10);
    }
}

static void test_find(void **state)
{
    static const char *const none[] = {
        "", "E", "E1", "E203x", "W203", "E901", "-203", "E99999999999999999999", "x203"};
    (void)state;
    assert_int_equal(ssmq_problem_find("E203")->problem, SSMQ_E_UNKNOWN_KEY);
    assert_int_equal(ssmq_problem_find("e203")->problem, SSMQ_E_UNKNOWN_KEY);
    assert_int_equal(ssmq_problem_find("203")->problem, SSMQ_E_UNKNOWN_KEY);
    assert_int_equal(ssmq_problem_find("W901")->problem, SSMQ_E_PER_CENT);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) assert_null(ssmq_problem_find(none[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_find),
        cmocka_unit_test_setup_teardown(test_every_problem, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_refused, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_unused_observer, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests_name("problems", tests, NULL, NULL);
}
