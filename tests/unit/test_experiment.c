/* What experiments resolve to; include and --set; damaged files. */
#include <stdlib.h>
#include <string.h>
#include "tests/support/check.h"
#include "tests/support/experiment.h"
#include "tests/support/fake_catalogue.h"

/* ---- what is resolved ------------------------------------------------------------------ */

static void test_float(void **state)
{
    ssmq_experiment *e = experiment_read(*state, FLOAT "question: why?\n", NULL);
    assert_string_equal(e->name, "t");
    assert_string_equal(e->question, "why?");
    assert_int_equal(e->n_run, 1);
    const ssmq_run *r = &e->run[0];
    assert_string_equal(r->name, "float");
    assert_int_equal(r->mode, SSMQ_MODE_FLOAT);
    assert_null(r->recipe);
    assert_null(r->calibration);
    assert_null(r->tokenizer);
    assert_string_equal(r->model, "m");
    assert_string_equal(r->backend->name, "cpu");
    assert_int_equal(((const fake_cpu *)r->backend_options)->isa, 0);
    assert_true(r->threads >= 1);
    assert_true(r->seed == 0);
    assert_int_equal(r->n_evaluation, 1);
    assert_string_equal(r->evaluation[0].id, "e");
    assert_string_equal(r->evaluation[0].data.file, "t.npy");
    assert_int_equal(r->evaluation[0].data.format, SSMQ_DATA_TOKENS);
    assert_true(r->evaluation[0].window == 2048 && r->evaluation[0].limit == 0);
    assert_int_equal(strlen(r->id), 16);
    assert_int_equal(e->n_file, 1);
    assert_string_equal(e->file[0].path, "e.yaml");
    ssmq_experiment_free(e);
}

/* The text that is hashed, exactly: a change of it changes every run's id, which is a decision. The
 * sums and the id are Python's hashlib's. */
static void test_canonical(void **state)
{
    ssmq_experiment *e = experiment_read(
        *state, FAKE "recipe: [{id: a, method: watch}, {id: b, method: round, enabled: false}]\n",
        NULL);
    assert_string_equal(
        e->run[0].canonical,
        "ssmq: 1\nnumerics: 5\nmodel:\n"
        "  config: \"sha256:1bb7cc18cd33c599f18f471ed33c9273fc680d1b726001666487e3401fc410c5\"\n"
        "  weights: [\"sha256:79704046079abf4a598ac667f78c51c2adcf0b1f08a718c3468a07b9941cb658\"]\n"
        "calibration:\n  data:\n"
        "    file: \"sha256:c51e455b41df6c017327e16001dd064b8b6733faeaa69b23d9bd79c8079237d5\"\n   "
        " format: tokens\n"
        "  select: first\n  count: 512\n  length: 512\n"
        "mode: fake\nrecipe:\n  - id: a\n    method: watch\n    sites: layers.**\n    bits: 8\n"
        "    observer:\n      statistic: absmax\n      across: max\n"
        "evaluate:\n  - id: e\n    task: perplexity\n    dialect: gptq\n    window: 2048\n    "
        "limit: 0\n    loss_dtype: f32\n"
        "    data:\n      file: "
        "\"sha256:c51e455b41df6c017327e16001dd064b8b6733faeaa69b23d9bd79c8079237d5\"\n      "
        "format: tokens\n"
        "run:\n  seed: 0\n  backend:\n    name: cpu\n    isa: auto\n");
    assert_string_equal(e->run[0].id, "7ee6f6c1be9430f0");
    assert_string_equal(
        e->run[0].resolved,
        "ssmq: 1\nname: t\nmodel:\n  path: m\n"
        "calibration:\n  data:\n    file: t.npy\n    format: tokens\n"
        "  select: first\n  count: 512\n  length: 512\n  batch: 1\n"
        "mode: fake\nrecipe:\n  - id: a\n    method: watch\n    sites: layers.**\n    bits: 8\n"
        "    observer:\n      statistic: absmax\n      across: max\n"
        "evaluate:\n  - id: e\n    task: perplexity\n    dialect: gptq\n    window: 2048\n    "
        "limit: 0\n    loss_dtype: f32\n    state_reset: 0\n"
        "    data:\n      file: t.npy\n      format: tokens\n"
        "run:\n  seed: 0\n  threads: all\n  keep_hidden: \"8GiB\"\n  keep_ranges: \"512MiB\"\n  backend:\n    name: cpu\n    isa: auto\n");
    ssmq_experiment_free(e);
}

static void test_expansion(void **state)
{
    ssmq_experiment *e =
        experiment_read(*state,
                        "ssmq: 1\nname: t\nmodel: {path: m}\nmode: [fake, float]\n" EVALUATE
                        "calibration: {data: {file: t.npy}, select: sampled, count: 3, seed: 5}\n"
                        "recipes:\n  one: [{method: round}]\n  two:\n"
                        "    - {id: r, method: round, bits: off}\n"
                        "    - {id: s, method: spin, enabled: false}\n"
                        "    - {id: w, method: watch}\n",
                        NULL);
    static const char *const names[] = {"float", "fake one", "fake two"};
    assert_int_equal(e->n_run, 3);
    for (int32_t i = 0; i < 3; i++) assert_string_equal(e->run[i].name, names[i]);
    assert_null(e->run[1].calibration); /* no step of it observes */
    assert_string_equal(e->run[1].recipe->step[0].id, "round");
    const ssmq_recipe *two = e->run[2].recipe;
    assert_string_equal(two->name, "two");
    assert_true(two->observes);
    assert_int_equal(two->n_step, 2);
    assert_string_equal(two->step[1].id, "w");
    assert_int_equal(((const fake_round *)two->step[0].options)->bits, 0);
    assert_true(e->run[2].calibration->count == 3 && e->run[2].calibration->length == 512);
    assert_true(e->run[2].calibration->seed == 5);
    assert_int_equal(e->run[2].calibration->select, SSMQ_SELECT_SAMPLED);
    ssmq_experiment_free(e);
}

static void check_id(fixture *f, const char *a, const char *const *set, bool same)
{
    ssmq_experiment *x = experiment_read(f, FAKE "recipe: [{id: a, method: watch}]\n", NULL);
    ssmq_experiment *y = experiment_read(f, a, set);
    if ((strcmp(x->run[0].id, y->run[0].id) == 0) != same)
        fail_msg("the ids are %s:\n%s---\n%s", same ? "not equal" : "equal", x->run[0].canonical,
                 y->run[0].canonical);
    ssmq_experiment_free(x);
    ssmq_experiment_free(y);
}

/* The same question on the same data is the same run, however and wherever it is written. */
static void test_same_id(void **state)
{
    fixture    *f = *state;
    const char *base = FAKE "recipe: [{id: a, method: watch}]\n";
    experiment_put(f, "r.yaml", "- {id: a, method: watch, bits: 8}\n");
    experiment_put(f, "data.yaml", "data: {tokens: {file: sub/u.npy}}\n");
    experiment_put(f, "sub/u.npy", "tokens");
    check_id(f, base, (const char *const[]){"name=other", "question=x", "run.threads=3", "calibration.batch=7",
                                    NULL},
             true);
    check_id(f, base, (const char *const[]){"recipe=r.yaml", NULL}, true);
    check_id(f, FAKE "recipes: {some: [{id: a, method: watch, sites: ['layers.**']}]}\n", NULL,
             true);
    check_id(f, base,
             (const char *const[]){"mode=[float, fake]", "recipe.a.bits=8", "mode=fake", NULL},
             true);
    check_id(f, base, (const char *const[]){"calibration.data.file=sub/u.npy", NULL}, true);
    check_id(f, "include: data.yaml\n" FAKE "recipe: [{id: a, method: watch}]\n",
             (const char *const[]){"calibration.data=tokens", NULL}, true);
    check_id(f, base, (const char *const[]){"run.backend={name: cpu, isa: auto}", NULL}, true);
    check_id(f, base, (const char *const[]){"calibration.count=512", NULL}, true);
}

static void test_other_id(void **state)
{
    static const char *const sets[] = {"recipe.a.bits=4",
                                       "recipe.a.observer.across=ema",
                                       "recipe.a.sites=layers.0.**",
                                       "calibration.count=3",
                                       "calibration.select=sampled",
                                       "evaluate.e.limit=1",
                                       "evaluate.e.data.file=v.npy",
                                       "run.seed=1",
                                       "run.backend=ref",
                                       "run.backend={name: cpu, isa: slow}"};
    fixture                 *f = *state;
    experiment_put(f, "v.npy", "other tokens");
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const char *const set[] = {sets[i], NULL};
        check_id(f, FAKE "recipe: [{id: a, method: watch}]\n", set, false);
    }
    ssmq_experiment *x = experiment_read(f, FLOAT, NULL);
    experiment_put_weights(f, 2);
    ssmq_experiment *y = experiment_read(f, FLOAT, NULL);
    assert_string_not_equal(x->run[0].id, y->run[0].id);
    ssmq_experiment_free(x);
    ssmq_experiment_free(y);
}

/* A float run knows of no recipe, calibration or tokenizer that only those need. */
static void test_float_alone(void **state)
{
    fixture         *f = *state;
    ssmq_experiment *x = experiment_read(f, FLOAT, NULL);
    ssmq_experiment *y = experiment_read(
        f, FAKE "recipe: [{method: watch}]\n",
        (const char *const[]){"mode=[float, fake]", "calibration.data.file=t.txt", NULL});
    assert_string_equal(x->run[0].id, y->run[0].id);
    assert_null(y->run[0].tokenizer);
    assert_string_equal(y->run[1].tokenizer, "m/tokenizer.json");
    assert_int_equal(y->run[1].calibration->data.format, SSMQ_DATA_TEXT);
    ssmq_experiment_free(x);
    ssmq_experiment_free(y);
}

static void test_same_recipes(void **state)
{
    experiment_check_set(
        *state, FAKE "recipes:\n  x: [{method: round}]\n  y: [{method: round, bits: 8}]\n", NULL,
        SSMQ_OK,
        "e.yaml:10:3: warning: 'fake y' resolves to the same run as 'fake x' and is left out\n"
        "  y: [{method: round, bits: 8}]\n  ^\n");
}

static void test_print(void **state)
{
    fixture *f = *state;
    experiment_put(f, "r.yaml", "- {method: round, enabled: false}\n");
    ssmq_experiment *e =
        experiment_read(f, FLOAT "recipe: r.yaml\n", (const char *const[]){"run.threads=2", NULL});
    ssmq_str    text = {0};
    const char *expected =
        ssmq_arena_printf(f->s->a,
                          "ssmq: 1                                         # e.yaml:1\n"
                          "name: t                                         # e.yaml:2\n"
                          "model:\n"
                          "  path: m                                       # e.yaml:3\n"
                          "mode: [float]                                   # e.yaml:4\n"
                          "recipe:\n"
                          "  - id: round                                   # default\n"
                          "    method: round                               # r.yaml:1\n"
                          "    enabled: false                              # r.yaml:1\n"
                          "    sites: layers.**                            # default\n"
                          "    bits: 8                                     # default\n"
                          "    scope: tensor                               # default\n"
                          "    careful: false                              # default\n"
                          "    factor: 1                                   # default\n"
                          "    observer:\n"
                          "      statistic: absmax                         # default\n"
                          "evaluate:\n"
                          "  - id: e                                       # e.yaml:6\n"
                          "    task: perplexity                            # e.yaml:6\n"
                          "    dialect: gptq                               # e.yaml:6\n"
                          "    window: 2048                                # default\n"
                          "    limit: 0                                    # default\n"
                          "    loss_dtype: f32                             # default\n"
                          "    state_reset: 0                              # default\n"
                          "    data:\n"
                          "      file: t.npy                               # e.yaml:6\n"
                          "      format: tokens                            # default\n"
                          "run:\n"
                          "  seed: 0                                       # default\n"
                          "  threads: 2                                    # --set #1\n"
                          "  keep_hidden: \"8GiB\"                           # default\n"
                          "  keep_ranges: \"512MiB\"                         # default\n"
                          "  backend:\n"
                          "    name: cpu                                   # default\n"
                          "    isa: auto                                   # default\n"
                          "# runs:\n"
                          "#   %s  float\n",
                          e->run[0].id);
    ssmq_experiment_print(e, &text);
    assert_string_equal(ssmq_str_text(&text), expected);
    assert_int_equal(e->run[0].threads, 2);
    assert_int_equal(e->n_file, 2);
    assert_string_equal(e->override[0], "run.threads=2");
    ssmq_str_free(&text);
    ssmq_experiment_free(e);
}

/* ---- include and --set ----------------------------------------------------------------- */

static void test_include(void **state)
{
    fixture *f = *state;
    experiment_put(f, "sub/base.yaml",
                   "include: [more.yaml]\nrun: {seed: 1, threads: 1}\nmodel: {path: ../m}\n");
    experiment_put(f, "sub/more.yaml", "run: {seed: 2, threads: 2, backend: ref}\nname: base\n");
    ssmq_experiment *e = experiment_read(
        f, "include: sub/base.yaml\nssmq: 1\nname: t\nmode: float\nrun: {seed: 3}\n" EVALUATE,
        NULL);
    assert_string_equal(e->name, "t");
    assert_true(e->run[0].seed == 3);                    /* the file itself                */
    assert_int_equal(e->run[0].threads, 1);              /* what it includes               */
    assert_string_equal(e->run[0].backend->name, "ref"); /* what that includes       */
    assert_string_equal(e->run[0].model, "sub/../m");    /* from the file that says so  */
    assert_int_equal(e->n_file, 3);
    assert_string_equal(e->file[2].path, "sub/more.yaml");
    ssmq_experiment_free(e);
}

static void test_include_problems(void **state)
{
    fixture *f = *state;
    experiment_put(f, "loop.yaml", "include: ./e.yaml\n");
    experiment_check(
        f, "include: loop.yaml\n" FLOAT,
        "loop.yaml:1:10: error: ./e.yaml includes itself\ninclude: ./e.yaml\n         ^~~~~~~~\n"
        "note: included from e.yaml:1:10\n");
    experiment_put(f, "list.yaml", "- a\n");
    experiment_put(f, "bad.yaml", "a: [\n");
    experiment_check(
        f, "include: [list.yaml, bad.yaml, {a: b}]\n" FLOAT,
        "list.yaml:1:1: error: an experiment must be a mapping, found a list\n- a\n^\n"
        "note: included from e.yaml:1:11\n"
        "bad.yaml:2:1: error: not valid YAML: did not find expected node content while parsing a "
        "flow "
        "node\n\n^\nnote: included from e.yaml:1:22\n"
        "e.yaml:1:32: error: include must be a path or a list of paths, found a mapping\n"
        "include: [list.yaml, bad.yaml, {a: b}]\n                               ^\n");
    experiment_put(f, "wrong.yaml", "run: {seed: x}\n");
    experiment_check(f, "include: wrong.yaml\n" FLOAT,
                     "wrong.yaml:1:13: error: run.seed must be an integer, found the text 'x'\n"
                     "run: {seed: x}\n            ^\nnote: included from e.yaml:1:10\n");
    experiment_check_set(
        f, "include: none.yaml\n" FLOAT, NULL, SSMQ_ERR_INPUT,
        "e.yaml:1:10: error: none.yaml: No such file or directory\ninclude: none.yaml\n"
        "         ^~~~~~~~~\n");
    experiment_check(f, "",
                     "e.yaml:1:1: error: an experiment must be a mapping, found nothing\n\n^\n");
}

static void test_unused(void **state)
{
    fixture *f = *state;
    experiment_put(f, "data.yaml", "data: {x: {file: t.npy}}\n");
    experiment_put(f, "over.yaml", "name: other\nssmq: 1\n");
    experiment_check(
        f, "include: [data.yaml, over.yaml]\n" FLOAT,
        "e.yaml:1:11: error: nothing of data.yaml is used\ninclude: [data.yaml, over.yaml]\n"
        "          ^~~~~~~~~\n"
        "e.yaml:1:22: error: nothing of over.yaml is used\ninclude: [data.yaml, over.yaml]\n"
        "                     ^~~~~~~~~\n");
    experiment_put(f, "both.yaml", "include: data.yaml\n");
    ssmq_experiment *e = experiment_read(f, "include: both.yaml\n" FLOAT,
                                         (const char *const[]){"evaluate.e.data=x", NULL});
    ssmq_experiment_free(e);
}

static void test_set(void **state)
{
    fixture *f = *state;
    experiment_put(f, "sub/r.yaml", "- {id: r, method: round}\n- {method: watch}\n");
    ssmq_experiment *e = experiment_read(
        f, FAKE "recipes: {a: sub/r.yaml}\n",
        (const char *const[]){"recipes.a.r.bits=4", "recipes.a.watch.observer.across=ema",
                              "recipes.a.r={factor: 2}", "evaluate.e.window=16", NULL});
    const ssmq_recipe *r = e->run[0].recipe;
    assert_int_equal(((const fake_round *)r->step[0].options)->bits, 4);
    assert_true(((const fake_round *)r->step[0].options)->factor == 2);
    assert_string_equal(((const fake_watch *)r->step[1].options)->observer.across->name, "ema");
    assert_true(e->run[0].evaluation[0].window == 16);
    ssmq_experiment_free(e);
}

static void test_set_problems(void **state)
{
    static const struct {
        const char *set, *expected;
    } cases[] = {
        {"name", "--set:1:1: error: --set needs KEY=VALUE\nname\n^~~~\nnote: set by --set #1\n"},
        {"a..b=1", "--set:1:3: error: an empty key\na..b=1\n  ^\nnote: set by --set #1\n"},
        {"=1", "--set:1:1: error: an empty key\n=1\n^\nnote: set by --set #1\n"},
        {"include=x",
         "--set:1:1: error: include cannot be set\ninclude=x\n^~~~~~~\nnote: set by --set #1\n"},
        {"name=[", "--set:1:7: error: not valid YAML: did not find expected node content while "
                   "parsing a flow "
                   "node\nname=[\n      ^\nnote: set by --set #1\n"},
        {"evaluate.f.limit=1",
         "--set:1:10: error: the list has no entry with the id 'f'\nevaluate.f.limit=1\n"
         "         ^\nhelp: there are: e\nnote: set by --set #1\n"},
        {"run.sed=1", "--set:1:5: error: unknown key 'sed' in run\nrun.sed=1\n    ^~~\n"
                      "help: did you mean 'seed'?\nnote: set by --set #1\n"},
        {"run.seed=x",
         "--set:1:10: error: run.seed must be an integer, found the text 'x'\nrun.seed=x\n"
         "         ^\nnote: set by --set #1\n"},
        {"name=",
         "--set:1:6: error: name must be of letters, digits, '.', '_' and '-', and begin with none "
         "of '.' and '-'; found nothing\nname=\n     ^\nnote: set by --set #1\n"},
        {"model.path.x=1",
         "--set:1:12: error: model.path must be a text, found a mapping\nmodel.path.x=1\n"
         "           ^\nnote: set by --set #1\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const set[] = {cases[i].set, NULL};
        experiment_check_set(*state, FLOAT, set, SSMQ_ERR_CONFIG, cases[i].expected);
    }
    experiment_check_set(
        *state, FAKE "recipe: [{method: round}, {method: round}]\n",
        (const char *const[]){"recipe.round.bits=4", NULL}, SSMQ_ERR_CONFIG,
        "--set:1:8: error: the list has 2 entries called 'round'\nrecipe.round.bits=4\n      "
        " ^~~~~\n"
        "note: set by --set #1\n"
        "e.yaml:8:36: error: two steps are called 'round': the first stands on line 8\n"
        "recipe: [{method: round}, {method: round}]\n                                   ^~~~~\n"
        "help: give this step an id\n");
    /* A mistake in one does not hide those of the others. */
    experiment_check_set(
        *state, FLOAT, (const char *const[]){"run.sede=1", "run.seed", "run.threads=0", NULL}, SSMQ_ERR_CONFIG,
        "--set:1:1: error: --set needs KEY=VALUE\nrun.seed\n^~~~~~~~\nnote: set by --set #2\n"
        "--set:1:5: error: unknown key 'sede' in run\nrun.sede=1\n    ^~~~\nhelp: did you mean 'seed'?\n"
        "note: set by --set #1\n"
        "--set:1:13: error: run.threads is 0; allowed: 1 to 1024 or all\nrun.threads=0\n            ^\n"
        "note: set by --set #3\n");
    experiment_check_set(
        *state, FLOAT, (const char *const[]){"evaluate.e.data.file=none.npy", NULL}, SSMQ_ERR_INPUT,
        "--set:1:22: error: none.npy: No such file or directory\nevaluate.e.data.file=none.npy\n"
        "                     ^~~~~~~~\nnote: set by --set #1\n");
}

/* ---- damaged experiments --------------------------------------------------------------- */

static const char whole[] =
    "include: f.yaml\nssmq: 1\nname: t\nquestion: what?\nmodel: {path: m}\n"
    "calibration: {data: x, select: sampled, count: 8, length: 4, seed: 3}\nmode: [float, fake]\n"
    "recipes:\n  a: r.yaml\n  b:\n    - {id: w, method: round, bits: 8, sites: "
    "['layers.*.proj.weight']}\n"
    "    - {id: u, method: watch, observer: {statistic: quantile, p: 99.9, across: ema, rate: "
    "0.1}}\n"
    "    - &s {id: s, method: spin, enabled: true}\n"
    "evaluate:\n  - {id: e, task: perplexity, data: {file: t.npy}, dialect: gptq, window: 16}\n"
    "run: {seed: 1, threads: 2, backend: {name: cpu, isa: auto}}\n"
    "sweep:\n  axes: {b: {recipes.b.w.bits: [8, 4]}, l: {evaluate.e.limit: [1, 2]}}\n  zip: [[b, l]]\n"
    "  exclude: [{recipe: a, b: 4}]\n  baseline: {recipes.b.w.bits: 8}\n  seeds: [1]\n"
    "expect: [{evaluation: e, value: 1, tolerance: 1%, source: s, where: {mode: fake}}]\n";

/* Whatever is changed, there is an experiment or there are problems, and no crash. */
static void test_fuzz(void **state)
{
    fixture   *f = *state;
    const blob original = {.data = (uint8_t *)(uintptr_t)whole, .size = sizeof whole - 1};
    ssmq_rng   r;
    int32_t    good = 0;
    experiment_put(f, "f.yaml", "data: {x: {file: t.npy}}\n");
    experiment_put(f, "r.yaml", "- {method: round}\n");
    ssmq_experiment_free(experiment_read(f, whole, NULL));
    ssmq_rng_init(&r, test_seed(7), "experiment");
    for (int round = 0; round < 2000; round++) {
        blob        b = blob_damaged(&original, 0, original.size, &r);
        ssmq_status st;
        const char *problems;
        scratch_write(f->s, "e.yaml", b.data, b.size);
        ssmq_experiment *e = experiment_try(f, NULL, &st, &problems);
        assert_int_equal(e != NULL, st == SSMQ_OK);
        assert_true(st == SSMQ_OK || strstr(problems, "error: "));
        good += st == SSMQ_OK;
        ssmq_experiment_free(e);
        blob_free(&b);
    }
    assert_true(good > 0); /* some damage falls into free text */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, experiment_setup, experiment_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_float),        TEST(test_canonical),
        TEST(test_expansion),    TEST(test_same_id),
        TEST(test_other_id),     TEST(test_float_alone),
        TEST(test_same_recipes), TEST(test_print),
        TEST(test_include),      TEST(test_include_problems),
        TEST(test_unused),       TEST(test_set),
        TEST(test_set_problems), TEST(test_fuzz),
    };
    return cmocka_run_group_tests_name("experiment", tests, NULL, NULL);
}
