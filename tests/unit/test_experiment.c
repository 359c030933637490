/* Experiments over the fake catalogue, in a folder of their own: what they resolve to, and every
 * message with its place.  Each test works inside that folder, so that messages name files plainly.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/run/experiment.h"
#include "tests/support/check.h"
#include "tests/support/fake_catalogue.h"
#include "tests/support/scratch.h"

/* ---- the folder ------------------------------------------------------------------------ */

typedef struct fixture {
    scratch *s;
    char    *home; /* the folder the test started in */
} fixture;

static void put(fixture *f, const char *name, const char *text)
{
    scratch_write(f->s, name, text, strlen(text));
}

/* One tensor of one number. */
static void put_weights(fixture *f, float value)
{
    static const char header[] = "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    const uint64_t    n = sizeof header - 1;
    char              file[128];
    memcpy(file, &n, 8);
    memcpy(file + 8, header, n);
    memcpy(file + 8 + n, &value, 4);
    scratch_write(f->s, "m/model.safetensors", file, 8 + n + 4);
}

static int set_up(void **state)
{
    fixture *f = ssmq_must_malloc(sizeof *f);
    void    *s;
    if (scratch_setup(&s) != 0) return -1;
    *f = (fixture){.s = s, .home = getcwd(NULL, 0)};
    *state = f;
    if (!f->home || chdir(f->s->path) || mkdir("m", 0777) || mkdir("sub", 0777)) return -1;
    f->s->path = ssmq_arena_strdup(f->s->a, "."); /* from here on */
    put(f, "m/config.json", "{\"model_type\": \"fake\", \"layers\": 2}");
    put(f, "m/tokenizer.json", "{}");
    put_weights(f, 1);
    put(f, "t.npy", "tokens");
    put(f, "t.txt", "text");
    put(f, "d.jsonl", "{\"text\": \"a\"}\n");
    return 0;
}

static int tear_down(void **state)
{
    fixture   *f = *state;
    scratch   *s = f->s;
    char      *here = getcwd(NULL, 0);
    void      *whole = s;
    const bool back = here && chdir(f->home) == 0;
    if (here) s->path = ssmq_arena_strdup(s->a, here);
    free(here);
    free(f->home);
    free(f);
    return back ? scratch_teardown(&whole) : -1;
}

/* ---- reading --------------------------------------------------------------------------- */

#define EVALUATE "evaluate:\n  - {id: e, task: perplexity, data: {file: t.npy}, dialect: gptq}\n"
#define FLOAT "ssmq: 1\nname: t\nmodel: {path: m}\nmode: float\n" EVALUATE /* 6 lines */
#define FAKE /* 7 lines; the 8th comes next */         \
    "ssmq: 1\nname: t\nmodel: {path: m}\nmode: fake\n" \
    "calibration: {data: {file: t.npy}, select: first}\n" EVALUATE

/* Reads e.yaml; NULL where there were problems, whose text is then in *problems, the arena's. */
static ssmq_experiment *read_file(fixture *f, const char *const *set, ssmq_status *st,
                                  const char **problems)
{
    ssmq_diag       *diag = ssmq_diag_new();
    ssmq_experiment *e = NULL;
    ssmq_str         text = {0};
    int32_t          n = 0;
    while (set && set[n]) n++;
    *st = ssmq_experiment_read("e.yaml", set, n, &fake_catalogue, diag, &e);
    ssmq_diag_render(diag, &text);
    *problems = ssmq_arena_strdup(f->s->a, ssmq_str_text(&text));
    ssmq_str_free(&text);
    ssmq_diag_free(diag);
    return e;
}

static void check_set(fixture *f, const char *yaml, const char *const *set, ssmq_status status,
                      const char *expected)
{
    ssmq_status st;
    const char *problems;
    put(f, "e.yaml", yaml);
    ssmq_experiment *e = read_file(f, set, &st, &problems);
    assert_string_equal(problems, expected);
    assert_string_equal(ssmq_status_name(st), ssmq_status_name(status));
    assert_int_equal(e != NULL, st == SSMQ_OK);
    ssmq_experiment_free(e);
}

static void check(fixture *f, const char *yaml, const char *expected)
{
    check_set(f, yaml, NULL, SSMQ_ERR_CONFIG, expected);
}

static ssmq_experiment *read_fine(fixture *f, const char *yaml, const char *const *set)
{
    ssmq_status st;
    const char *problems;
    put(f, "e.yaml", yaml);
    ssmq_experiment *e = read_file(f, set, &st, &problems);
    assert_string_equal(problems, "");
    assert_non_null(e);
    return e;
}

/* ---- what is resolved ------------------------------------------------------------------ */

static void test_float(void **state)
{
    ssmq_experiment *e = read_fine(*state, FLOAT "question: why?\n", NULL);
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
    ssmq_experiment *e = read_fine(
        *state, FAKE "recipe: [{id: a, method: watch}, {id: b, method: round, enabled: false}]\n",
        NULL);
    assert_string_equal(
        e->run[0].canonical,
        "ssmq: 1\nnumerics: 1\nmodel:\n"
        "  config: \"sha256:1bb7cc18cd33c599f18f471ed33c9273fc680d1b726001666487e3401fc410c5\"\n"
        "  weights: [\"sha256:79704046079abf4a598ac667f78c51c2adcf0b1f08a718c3468a07b9941cb658\"]\n"
        "calibration:\n  data:\n"
        "    file: \"sha256:c51e455b41df6c017327e16001dd064b8b6733faeaa69b23d9bd79c8079237d5\"\n   "
        " format: tokens\n"
        "  select: first\n  count: 512\n  length: 512\n"
        "mode: fake\nrecipe:\n  - id: a\n    method: watch\n    sites: layers.**\n    bits: 8\n"
        "    observer:\n      statistic: absmax\n      across: max\n"
        "evaluate:\n  - id: e\n    task: perplexity\n    dialect: gptq\n    window: 2048\n    "
        "limit: 0\n"
        "    data:\n      file: "
        "\"sha256:c51e455b41df6c017327e16001dd064b8b6733faeaa69b23d9bd79c8079237d5\"\n      "
        "format: tokens\n"
        "run:\n  seed: 0\n  backend:\n    name: cpu\n    isa: auto\n");
    assert_string_equal(e->run[0].id, "f9d55aed248f54f3");
    assert_string_equal(
        e->run[0].resolved,
        "ssmq: 1\nname: t\nmodel:\n  path: m\n"
        "calibration:\n  data:\n    file: t.npy\n    format: tokens\n"
        "  select: first\n  count: 512\n  length: 512\n"
        "mode: fake\nrecipe:\n  - id: a\n    method: watch\n    sites: layers.**\n    bits: 8\n"
        "    observer:\n      statistic: absmax\n      across: max\n"
        "evaluate:\n  - id: e\n    task: perplexity\n    dialect: gptq\n    window: 2048\n    "
        "limit: 0\n"
        "    data:\n      file: t.npy\n      format: tokens\n"
        "run:\n  seed: 0\n  threads: all\n  backend:\n    name: cpu\n    isa: auto\n");
    ssmq_experiment_free(e);
}

static void test_expansion(void **state)
{
    ssmq_experiment *e =
        read_fine(*state,
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
    ssmq_experiment *x = read_fine(f, FAKE "recipe: [{id: a, method: watch}]\n", NULL);
    ssmq_experiment *y = read_fine(f, a, set);
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
    put(f, "r.yaml", "- {id: a, method: watch, bits: 8}\n");
    put(f, "data.yaml", "data: {tokens: {file: sub/u.npy}}\n");
    put(f, "sub/u.npy", "tokens");
    check_id(f, base, (const char *const[]){"name=other", "question=x", "run.threads=3", NULL},
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
    put(f, "v.npy", "other tokens");
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const char *const set[] = {sets[i], NULL};
        check_id(f, FAKE "recipe: [{id: a, method: watch}]\n", set, false);
    }
    ssmq_experiment *x = read_fine(f, FLOAT, NULL);
    put_weights(f, 2);
    ssmq_experiment *y = read_fine(f, FLOAT, NULL);
    assert_string_not_equal(x->run[0].id, y->run[0].id);
    ssmq_experiment_free(x);
    ssmq_experiment_free(y);
}

/* A float run knows of no recipe, calibration or tokenizer that only those need. */
static void test_float_alone(void **state)
{
    fixture         *f = *state;
    ssmq_experiment *x = read_fine(f, FLOAT, NULL);
    ssmq_experiment *y =
        read_fine(f, FAKE "recipe: [{method: watch}]\n",
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
    check_set(
        *state, FAKE "recipes:\n  x: [{method: round}]\n  y: [{method: round, bits: 8}]\n", NULL,
        SSMQ_OK,
        "e.yaml:10:3: warning: 'fake y' resolves to the same run as 'fake x' and is left out\n"
        "  y: [{method: round, bits: 8}]\n  ^\n");
}

static void test_print(void **state)
{
    fixture *f = *state;
    put(f, "r.yaml", "- {method: round, enabled: false}\n");
    ssmq_experiment *e =
        read_fine(f, FLOAT "recipe: r.yaml\n", (const char *const[]){"run.threads=2", NULL});
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
                          "    data:\n"
                          "      file: t.npy                               # e.yaml:6\n"
                          "      format: tokens                            # default\n"
                          "run:\n"
                          "  seed: 0                                       # default\n"
                          "  threads: 2                                    # --set #1\n"
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
    put(f, "sub/base.yaml",
        "include: [more.yaml]\nrun: {seed: 1, threads: 1}\nmodel: {path: ../m}\n");
    put(f, "sub/more.yaml", "run: {seed: 2, threads: 2, backend: ref}\nname: base\n");
    ssmq_experiment *e = read_fine(
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
    put(f, "loop.yaml", "include: ./e.yaml\n");
    check(f, "include: loop.yaml\n" FLOAT,
          "loop.yaml:1:10: error: ./e.yaml includes itself\ninclude: ./e.yaml\n         ^~~~~~~~\n"
          "note: included from e.yaml:1:10\n");
    put(f, "list.yaml", "- a\n");
    put(f, "bad.yaml", "a: [\n");
    check(f, "include: [list.yaml, bad.yaml, {a: b}]\n" FLOAT,
          "list.yaml:1:1: error: an experiment must be a mapping, found a list\n- a\n^\n"
          "note: included from e.yaml:1:11\n"
          "bad.yaml:2:1: error: not valid YAML: did not find expected node content while parsing a "
          "flow "
          "node\n\n^\nnote: included from e.yaml:1:22\n"
          "e.yaml:1:32: error: include must be a path or a list of paths, found a mapping\n"
          "include: [list.yaml, bad.yaml, {a: b}]\n                               ^\n");
    put(f, "wrong.yaml", "run: {seed: x}\n");
    check(f, "include: wrong.yaml\n" FLOAT,
          "wrong.yaml:1:13: error: run.seed must be an integer, found the text 'x'\n"
          "run: {seed: x}\n            ^\nnote: included from e.yaml:1:10\n");
    check_set(f, "include: none.yaml\n" FLOAT, NULL, SSMQ_ERR_INPUT,
              "e.yaml:1:10: error: none.yaml: No such file or directory\ninclude: none.yaml\n"
              "         ^~~~~~~~~\n");
    check(f, "", "e.yaml:1:1: error: an experiment must be a mapping, found nothing\n\n^\n");
}

static void test_unused(void **state)
{
    fixture *f = *state;
    put(f, "data.yaml", "data: {x: {file: t.npy}}\n");
    put(f, "over.yaml", "name: other\nssmq: 1\n");
    check(f, "include: [data.yaml, over.yaml]\n" FLOAT,
          "e.yaml:1:11: error: nothing of data.yaml is used\ninclude: [data.yaml, over.yaml]\n"
          "          ^~~~~~~~~\n"
          "e.yaml:1:22: error: nothing of over.yaml is used\ninclude: [data.yaml, over.yaml]\n"
          "                     ^~~~~~~~~\n");
    put(f, "both.yaml", "include: data.yaml\n");
    ssmq_experiment *e = read_fine(f, "include: both.yaml\n" FLOAT,
                                   (const char *const[]){"evaluate.e.data=x", NULL});
    ssmq_experiment_free(e);
}

static void test_set(void **state)
{
    fixture *f = *state;
    put(f, "sub/r.yaml", "- {id: r, method: round}\n- {method: watch}\n");
    ssmq_experiment *e =
        read_fine(f, FAKE "recipes: {a: sub/r.yaml}\n",
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
        check_set(*state, FLOAT, set, SSMQ_ERR_CONFIG, cases[i].expected);
    }
    check_set(*state, FAKE "recipe: [{method: round}, {method: round}]\n",
              (const char *const[]){"recipe.round.bits=4", NULL}, SSMQ_ERR_CONFIG,
              "--set:1:8: error: the list has 2 entries called 'round'\nrecipe.round.bits=4\n      "
              " ^~~~~\n"
              "note: set by --set #1\n");
    check_set(
        *state, FLOAT, (const char *const[]){"evaluate.e.data.file=none.npy", NULL}, SSMQ_ERR_INPUT,
        "--set:1:22: error: none.npy: No such file or directory\nevaluate.e.data.file=none.npy\n"
        "                     ^~~~~~~~\nnote: set by --set #1\n");
}

/* Problems of the text do not hide those of the content. */
static void test_all_at_once(void **state)
{
    check(*state, FLOAT "run: {seed: 1, seed: 2, thread: 1}\nname: u\n",
          "e.yaml:7:16: error: duplicate key 'seed': it stands on line 7 already\n"
          "run: {seed: 1, seed: 2, thread: 1}\n               ^~~~\n"
          "e.yaml:8:1: error: duplicate key 'name': it stands on line 2 already\nname: u\n^~~~\n"
          "e.yaml:7:25: error: unknown key 'thread' in run\n"
          "run: {seed: 1, seed: 2, thread: 1}\n                        ^~~~~~\n"
          "help: did you mean 'threads'?\n");
}

/* ---- problems of the sections ---------------------------------------------------------- */

static void test_top(void **state)
{
    fixture *f = *state;
    check(f, "{}",
          "e.yaml:1:1: error: ssmq is missing\n{}\n^\n"
          "e.yaml:1:1: error: name is missing\n{}\n^\n"
          "e.yaml:1:1: error: model is missing\n{}\n^\n"
          "e.yaml:1:1: error: mode is missing\n{}\n^\n"
          "e.yaml:1:1: error: evaluate is missing\n{}\n^\n");
    check(f, FLOAT "recipies: {}\n",
          "e.yaml:7:1: error: unknown key 'recipies'\nrecipies: {}\n^~~~~~~~\n"
          "help: did you mean 'recipes'?\n");
    check(f, FLOAT "x: {}\n",
          "e.yaml:7:1: error: unknown key 'x'\nx: {}\n^\nhelp: allowed here: ssmq, include, name, "
          "question, "
          "model, data, calibration, mode, recipe, recipes, evaluate, run\n");
    check_set(f, FLOAT "sweep: {}\n", NULL, SSMQ_ERR_UNSUPPORTED,
              "e.yaml:7:1: error: 'sweep' is not offered by this version\nsweep: {}\n^~~~~\n");
    check_set(f, FLOAT, (const char *const[]){"ssmq=2", "name=a/b", "question=[x]", NULL},
              SSMQ_ERR_CONFIG,
              "--set:1:6: error: ssmq is the version of the form: this program reads 1, found the "
              "number 2\n"
              "ssmq=2\n     ^\nnote: set by --set #1\n"
              "--set:1:6: error: name must be of letters, digits, '.', '_' and '-', and begin with "
              "none of "
              "'.' and '-'; found the text 'a/b'\nname=a/b\n     ^~~\nnote: set by --set #2\n"
              "--set:1:10: error: question must be a text, found a list\nquestion=[x]\n         ^\n"
              "note: set by --set #3\n");
}

static void test_modes(void **state)
{
    fixture *f = *state;
    check_set(f, FLOAT, (const char *const[]){"mode=[float, flaot, float]", NULL}, SSMQ_ERR_CONFIG,
              "--set:1:14: error: mode must be one of float, fake, real, found the text 'flaot'\n"
              "mode=[float, flaot, float]\n             ^~~~~\nhelp: did you mean 'float'?\n"
              "note: set by --set #1\n"
              "--set:1:21: error: the mode 'float' stands twice\nmode=[float, flaot, float]\n"
              "                    ^~~~~\nnote: set by --set #1\n");
    check_set(f, FLOAT, (const char *const[]){"mode=[]", NULL}, SSMQ_ERR_CONFIG,
              "--set:1:6: error: mode is an empty list\nmode=[]\n     ^\nnote: set by --set #1\n");
    check_set(f, FAKE "recipe: [{method: round}]\n",
              (const char *const[]){"mode=[float, real]", NULL}, SSMQ_ERR_UNSUPPORTED,
              "--set:1:14: error: mode 'real' is not offered: no backend of this build has integer "
              "kernels\n"
              "mode=[float, real]\n             ^~~~\nnote: set by --set #1\n");
}

static void test_recipes(void **state)
{
    fixture *f = *state;
    put(f, "map.yaml", "a: 1\n");
    check(f, FAKE,
          "e.yaml:1:1: error: recipe (or recipes) is missing: every mode but float needs one\n"
          "ssmq: 1\n^\n");
    check(f, FAKE "recipe: [{method: round}]\nrecipes: {a: [{method: round}]}\n",
          "e.yaml:9:1: error: there is a 'recipe' too, on line 8; give one of both\n"
          "recipes: {a: [{method: round}]}\n^~~~~~~\n");
    check(f, FAKE "recipe: {}\n",
          "e.yaml:8:9: error: recipe must be a list of steps or the path of a file "
          "that holds one, found a mapping\nrecipe: {}\n        ^\n");
    check(f, FAKE "recipe: []\n",
          "e.yaml:8:9: error: recipe has no steps\nrecipe: []\n        ^\n");
    check(f, FAKE "recipes: {}\n",
          "e.yaml:8:10: error: recipes is empty\nrecipes: {}\n         ^\n");
    check(f, FAKE "recipes: {a b: [{method: round}]}\n",
          "e.yaml:8:11: error: a recipe's name must be of letters, digits, '_' and '-', and begin "
          "with none of "
          "'-'; found the text 'a b'\nrecipes: {a b: [{method: round}]}\n          ^~~\n");
    check(f, FAKE "recipes: {a: map.yaml}\n",
          "map.yaml:1:1: error: recipes.a must be a list of steps, found a mapping\na: 1\n^\n"
          "note: included from e.yaml:8:14\n");
    check_set(f, FAKE "recipe: none.yaml\n", NULL, SSMQ_ERR_INPUT,
              "e.yaml:8:9: error: none.yaml: No such file or directory\nrecipe: none.yaml\n        "
              "^~~~~~~~~\n");
}

static void test_steps(void **state)
{
    fixture *f = *state;
    check(f, FAKE "recipe: [{method: ruond}]\n",
          "e.yaml:8:19: error: recipe.ruond: no method has the name 'ruond'\nrecipe: [{method: "
          "ruond}]\n"
          "                  ^~~~~\nhelp: did you mean 'round'?\n");
    check(f, FAKE "recipe: [{id: q, method: gptq}]\n",
          "e.yaml:8:26: error: recipe.q: no method has the name 'gptq'\nrecipe: [{id: q, method: "
          "gptq}]\n"
          "                         ^~~~\nhelp: there are: round, watch, spin\n");
    check(f, FAKE "recipe:\n  - {id: a}\n  - b\n  - {id: a b, method: round}\n",
          "e.yaml:9:5: error: recipe.a.method is missing\n  - {id: a}\n    ^\n"
          "e.yaml:10:5: error: recipe[1] must be a mapping, found the text 'b'\n  - b\n    ^\n"
          "e.yaml:11:10: error: a step's id must be of letters, digits, '_' and '-', and begin "
          "with none of "
          "'-'; found the text 'a b'\n  - {id: a b, method: round}\n         ^~~\n");
    check(f, FAKE "recipe:\n  - {method: round}\n  - {method: round}\n",
          "e.yaml:10:14: error: two steps are called 'round': the first stands on line 9\n"
          "  - {method: round}\n             ^~~~~\nhelp: give this step an id\n");
    check(f, FAKE "recipe:\n  - {id: round, method: watch}\n  - {id: round, method: round}\n",
          "e.yaml:10:10: error: two steps are called 'round': the first stands on line 9\n"
          "  - {id: round, method: round}\n         ^~~~~\n");
    check(f, FAKE "recipe: [{id: a, method: round, bits: 1, scop: x, enabled: no}]\n",
          "e.yaml:8:60: error: recipe.a.enabled must be true or false, found the text 'no'\n"
          "recipe: [{id: a, method: round, bits: 1, scop: x, enabled: no}]\n"
          "                                                           ^~\nhelp: write 'false'\n"
          "e.yaml:8:42: error: unknown key 'scop' in recipe.a\n"
          "recipe: [{id: a, method: round, bits: 1, scop: x, enabled: no}]\n"
          "                                         ^~~~\nhelp: did you mean 'scope'?\n"
          "e.yaml:8:39: error: recipe.a.bits is 1; allowed: 2 to 16 or off\n"
          "recipe: [{id: a, method: round, bits: 1, scop: x, enabled: no}]\n"
          "                                      ^\n");
}

static void test_model_checks(void **state)
{
    fixture *f = *state;
    check(f, FAKE "recipe: [{method: round, sites: [layers.*.prj.weight, layers.*.scan.x, foo]}]\n",
          "e.yaml:8:34: error: recipe.round: the selector 'layers.*.prj.weight' matches no site of "
          "the model\n"
          "recipe: [{method: round, sites: [layers.*.prj.weight, layers.*.scan.x, foo]}]\n"
          "                                 ^~~~~~~~~~~~~~~~~~~\nhelp: did you mean "
          "'layers.*.proj.weight'?\n"
          "e.yaml:8:55: error: recipe.round: the selector 'layers.*.scan.x' matches no site that "
          "method 'round' "
          "takes\nrecipe: [{method: round, sites: [layers.*.prj.weight, layers.*.scan.x, foo]}]\n"
          "                                                      ^~~~~~~~~~~~~~~\n"
          "help: 'round' takes: layers.*.proj.weight, head.weight\n"
          "e.yaml:8:72: error: recipe.round: the selector 'foo' matches no site of the model\n"
          "recipe: [{method: round, sites: [layers.*.prj.weight, layers.*.scan.x, foo]}]\n"
          "                                                                       ^~~\n"
          "help: 'round' takes: layers.*.proj.weight, head.weight\n");
    check(f, FAKE "recipe: [{method: spin, sites: layers.2.proj.in}]\n",
          "e.yaml:8:32: error: recipe.spin: the selector 'layers.2.proj.in' matches no site of the "
          "model\n"
          "recipe: [{method: spin, sites: layers.2.proj.in}]\n                               "
          "^~~~~~~~~~~~~~~~\nhelp: did you mean 'layers.*.proj.in'?\n");
    check(f,
          FAKE "recipe:\n  - {id: a, method: spin}\n  - {id: b, method: spin, enabled: false}\n"
               "  - {id: c, method: spin, sites: layers.1.proj.in}\n",
          "e.yaml:11:5: error: recipe.c: layers.1.proj.in is spun already\n"
          "  - {id: c, method: spin, sites: layers.1.proj.in}\n    ^\n");
    put(f, "m/config.json", "{\"model_type\": \"jamba\"}");
    check_set(
        f, FLOAT, NULL, SSMQ_ERR_UNSUPPORTED,
        "e.yaml:3:15: error: m/config.json: model_type 'jamba' is not supported; known: fake\n"
        "model: {path: m}\n              ^\n");
    put(f, "m/config.json", "{\"model_type\": \"fake\"}");
    check_set(f, FLOAT, NULL, SSMQ_ERR_INPUT,
              "e.yaml:3:15: error: m/config.json: the key 'layers' is missing\nmodel: {path: m}\n"
              "              ^\n");
}

static void test_files(void **state)
{
    fixture *f = *state;
    check_set(f, FLOAT, (const char *const[]){"model.path=none", NULL}, SSMQ_ERR_INPUT,
              "--set:1:12: error: none/config.json: No such file or directory\nmodel.path=none\n"
              "           ^~~~\nnote: set by --set #1\n");
    check_set(f, FLOAT, (const char *const[]){"model.tokenizer=none", NULL}, SSMQ_ERR_INPUT,
              "--set:1:17: error: none: No such file or directory\nmodel.tokenizer=none\n"
              "                ^~~~\nnote: set by --set #1\n");
    check_set(f, FLOAT, (const char *const[]){"model.path=", "model.tokenizer=''", NULL},
              SSMQ_ERR_CONFIG,
              "--set:1:12: error: model.path must be a text, found nothing\nmodel.path=\n"
              "           ^\nnote: set by --set #1\n");
    check_set(f, FLOAT, (const char *const[]){"model.tokenizer=''", NULL}, SSMQ_ERR_CONFIG,
              "--set:1:17: error: model.tokenizer is empty\nmodel.tokenizer=''\n"
              "                ^~\nnote: set by --set #1\n");
    assert_int_equal(remove("m/tokenizer.json"), 0);
    check_set(
        f, FLOAT, (const char *const[]){"evaluate.e.data.file=t.txt", NULL}, SSMQ_ERR_INPUT,
        "e.yaml:3:15: error: m/tokenizer.json: no such file, and 'e' reads text\nmodel: {path: m}\n"
        "              ^\nhelp: name one as model.tokenizer\n");
    put(f, "m/model.safetensors", "short");
    ssmq_status st;
    const char *problems;
    put(f, "e.yaml", FLOAT);
    assert_null(read_file(f, NULL, &st, &problems));
    assert_int_equal(st, SSMQ_ERR_INPUT);
    assert_true(ssmq_str_starts(problems, "e.yaml:3:15: error: m/model.safetensors: "));
    assert_int_equal(remove("m/model.safetensors"), 0);
    assert_null(read_file(f, NULL, &st, &problems));
    assert_int_equal(st, SSMQ_ERR_INPUT);
    assert_int_equal(remove("e.yaml"), 0);
    assert_null(read_file(f, NULL, &st, &problems));
    assert_string_equal(problems, "error: e.yaml: No such file or directory\n");
    assert_string_equal(ssmq_error_last()->message, "e.yaml: 1 problem");
    assert_int_equal(ssmq_status_exit(st), 4);
}

static void test_data(void **state)
{
    fixture *f = *state;
    check(f, "data: {tokens: {file: t.npy}}\n" FLOAT "calibration: {data: token, select: first}\n",
          "e.yaml:8:21: error: no data set has the name 'token'\ncalibration: {data: token, "
          "select: first}\n"
          "                    ^~~~~\nhelp: did you mean 'tokens'?\n");
    check(f, "data: {tokens: {file: t.npy}}\n" FLOAT "calibration: {data: pile, select: first}\n",
          "e.yaml:8:21: error: no data set has the name 'pile'\ncalibration: {data: pile, select: "
          "first}\n"
          "                    ^~~~\nhelp: there are: tokens\n");
    check(f, FLOAT "calibration: {data: t.npy, select: first}\n",
          "e.yaml:7:21: error: no data set has the name 't.npy'\ncalibration: {data: t.npy, "
          "select: first}\n"
          "                    ^~~~~\nhelp: a file is named by a mapping: {file: PATH}\n");
    check(f, FLOAT "calibration: {data: [t.npy], select: first}\n",
          "e.yaml:7:21: error: calibration.data must be a name or a mapping, found a list\n"
          "calibration: {data: [t.npy], select: first}\n                    ^\n");
    check(f, FLOAT "calibration: {data: {file: m/tokenizer.jsn}, select: first}\n",
          "e.yaml:7:28: error: the name of 'm/tokenizer.jsn' does not tell its format\n"
          "calibration: {data: {file: m/tokenizer.jsn}, select: first}\n"
          "                           ^~~~~~~~~~~~~~~\nhelp: add format: one of wikitext-raw, "
          "text, jsonl, tokens\n");
    check(f, FLOAT "calibration: {data: {file: t.txt, subset: a.b}, select: first}\n",
          "e.yaml:7:43: error: calibration.data.subset needs format jsonl; this is text\n"
          "calibration: {data: {file: t.txt, subset: a.b}, select: first}\n"
          "                                          ^~~\n");
    check(f, FLOAT "data: {a: {fil: t.txt}, b: t.txt}\n",
          "e.yaml:7:12: error: unknown key 'fil' in data.a\ndata: {a: {fil: t.txt}, b: t.txt}\n"
          "           ^~~\nhelp: did you mean 'file'?\n"
          "e.yaml:7:28: error: data.b must be a mapping, found the text 't.txt'\n"
          "data: {a: {fil: t.txt}, b: t.txt}\n                           ^~~~~\n");
    ssmq_experiment *e = read_fine(
        f,
        FLOAT "data: {pile: {file: d.jsonl, subset: meta.s}, text: {file: t.npy, format: text}}\n",
        (const char *const[]){"evaluate.e.data=pile", NULL});
    assert_int_equal(e->run[0].evaluation[0].data.format, SSMQ_DATA_JSONL);
    assert_string_equal(e->run[0].evaluation[0].data.subset, "meta.s");
    ssmq_experiment_free(e);
}

static void test_calibration(void **state)
{
    fixture *f = *state;
    check(f, "ssmq: 1\nname: t\nmodel: {path: m}\nmode: fake\nrecipe: [{method: watch}]\n" EVALUATE,
          "e.yaml:1:1: error: calibration is missing: steps of the recipe need it\nssmq: 1\n^\n");
    check(
        f, FLOAT "calibration: {select: frist, count: 0, lenght: 3}\n",
        "e.yaml:7:40: error: unknown key 'lenght' in calibration\n"
        "calibration: {select: frist, count: 0, lenght: 3}\n"
        "                                       ^~~~~~\nhelp: did you mean 'length'?\n"
        "e.yaml:7:23: error: calibration.select must be one of first, sampled, found the text "
        "'frist'\n"
        "calibration: {select: frist, count: 0, lenght: 3}\n                      ^~~~~\n"
        "help: did you mean 'first'?\n"
        "e.yaml:7:37: error: calibration.count is 0; allowed: 1 to 1000000000\n"
        "calibration: {select: frist, count: 0, lenght: 3}\n                                    ^\n"
        "e.yaml:7:14: error: calibration.data is missing\n"
        "calibration: {select: frist, count: 0, lenght: 3}\n             ^\n");
    check_set(f, FLOAT "calibration: {data: {file: t.npy}, select: first, seed: 4}\n", NULL,
              SSMQ_OK,
              "e.yaml:7:57: warning: calibration.seed has no effect with select: first\n"
              "calibration: {data: {file: t.npy}, select: first, seed: 4}\n"
              "                                                        ^\n");
    ssmq_experiment *e =
        read_fine(f, FAKE "recipe: [{method: watch}]\n",
                  (const char *const[]){"calibration.select=sampled", "run.seed=9", NULL});
    assert_true(e->run[0].calibration->seed == 9);
    assert_non_null(strstr(e->run[0].canonical, "  seed: 9\nmode: fake\n"));
    ssmq_experiment_free(e);
}

static void test_evaluations(void **state)
{
    fixture    *f = *state;
    const char *head = "ssmq: 1\nname: t\nmodel: {path: m}\nmode: float\n";
    check(f, ssmq_arena_printf(f->s->a, "%sevaluate: {}\n", head),
          "e.yaml:5:11: error: evaluate must be a list of evaluations, found a mapping\nevaluate: "
          "{}\n"
          "          ^\n");
    check(f, ssmq_arena_printf(f->s->a, "%sevaluate: []\n", head),
          "e.yaml:5:11: error: evaluate must be a list of evaluations, found an empty "
          "one\nevaluate: []\n"
          "          ^\n");
    check(f, FLOAT "  - {id: e, task: perplexity, data: {file: t.npy}, window: 1, dialect: ggml}\n",
          "e.yaml:7:72: error: evaluate.e.dialect must be gptq, found the text 'ggml'\n"
          "  - {id: e, task: perplexity, data: {file: t.npy}, window: 1, dialect: ggml}\n"
          "                                                                       ^~~~\n"
          "e.yaml:7:60: error: evaluate.e.window is 1; allowed: 2 to 16777216\n"
          "  - {id: e, task: perplexity, data: {file: t.npy}, window: 1, dialect: ggml}\n"
          "                                                           ^\n"
          "e.yaml:7:10: error: two evaluations are called 'e': the first stands on line 6\n"
          "  - {id: e, task: perplexity, data: {file: t.npy}, window: 1, dialect: ggml}\n"
          "         ^\n");
    check(f,
          FLOAT "  - {task: ppl, limit: -1}\n  - x\n  - {id: a/b, task: perplexity, dialect: gptq, "
                "data: {file: t.npy}}\n",
          "e.yaml:7:5: error: evaluate[1].id is missing\n  - {task: ppl, limit: -1}\n    ^\n"
          "e.yaml:7:12: error: evaluate[1].task must be perplexity, found the text 'ppl'\n"
          "  - {task: ppl, limit: -1}\n           ^~~\n"
          "e.yaml:7:5: error: evaluate[1].dialect is missing\n  - {task: ppl, limit: -1}\n    ^\n"
          "e.yaml:7:24: error: evaluate[1].limit is -1; allowed: 0 to 1000000000\n"
          "  - {task: ppl, limit: -1}\n                       ^~\n"
          "e.yaml:7:5: error: evaluate[1].data is missing\n  - {task: ppl, limit: -1}\n    ^\n"
          "e.yaml:8:5: error: evaluate[2] must be a mapping, found the text 'x'\n  - x\n    ^\n"
          "e.yaml:9:10: error: an evaluation's id must be of letters, digits, '_' and '-', and "
          "begin with "
          "none of '-'; found the text 'a/b'\n"
          "  - {id: a/b, task: perplexity, dialect: gptq, data: {file: t.npy}}\n         ^~~\n");
}

static void test_run(void **state)
{
    fixture *f = *state;
    check(
        f, FLOAT "run: {backend: cuda, threads: 0, seed: 1.5}\n",
        "e.yaml:7:40: error: run.seed must be an integer, found the number 1.5\n"
        "run: {backend: cuda, threads: 0, seed: 1.5}\n                                       ^~~\n"
        "e.yaml:7:31: error: run.threads is 0; allowed: 1 to 1024 or all\n"
        "run: {backend: cuda, threads: 0, seed: 1.5}\n                              ^\n"
        "e.yaml:7:16: error: run.backend must be one of ref, cpu, found the text 'cuda'\n"
        "run: {backend: cuda, threads: 0, seed: 1.5}\n               ^~~~\n");
    check(f, FLOAT "run: {backend: {isa: avx}}\n",
          "e.yaml:7:16: error: run.backend.name is missing\nrun: {backend: {isa: avx}}\n"
          "               ^\n");
    check(f, FLOAT "run: {backend: {name: cpu, isa: sloww, ia: 3}}\n",
          "e.yaml:7:40: error: unknown key 'ia' in run.backend\n"
          "run: {backend: {name: cpu, isa: sloww, ia: 3}}\n"
          "                                       ^~\n"
          "help: did you mean 'isa'?\n"
          "e.yaml:7:33: error: run.backend.isa must be one of auto, slow, found the text 'sloww'\n"
          "run: {backend: {name: cpu, isa: sloww, ia: 3}}\n"
          "                                ^~~~~\n"
          "help: did you mean 'slow'?\n");
    ssmq_experiment *e =
        read_fine(f, FLOAT "run: {backend: {name: cpu, isa: slow}, seed: 7, threads: all}\n", NULL);
    assert_int_equal(((const fake_cpu *)e->run[0].backend_options)->isa, 1);
    assert_true(e->run[0].seed == 7);
    ssmq_experiment_free(e);
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
    "run: {seed: 1, threads: 2, backend: {name: cpu, isa: auto}}\n";

/* Whatever is changed, there is an experiment or there are problems, and no crash. */
static void test_fuzz(void **state)
{
    fixture   *f = *state;
    const blob original = {.data = (uint8_t *)(uintptr_t)whole, .size = sizeof whole - 1};
    ssmq_rng   r;
    int32_t    good = 0;
    put(f, "f.yaml", "data: {x: {file: t.npy}}\n");
    put(f, "r.yaml", "- {method: round}\n");
    ssmq_experiment_free(read_fine(f, whole, NULL));
    ssmq_rng_init(&r, test_seed(7), "experiment");
    for (int round = 0; round < 2000; round++) {
        blob        b = blob_damaged(&original, 0, original.size, &r);
        ssmq_status st;
        const char *problems;
        scratch_write(f->s, "e.yaml", b.data, b.size);
        ssmq_experiment *e = read_file(f, NULL, &st, &problems);
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_float),        TEST(test_canonical),
        TEST(test_expansion),    TEST(test_same_id),
        TEST(test_other_id),     TEST(test_float_alone),
        TEST(test_same_recipes), TEST(test_print),
        TEST(test_include),      TEST(test_include_problems),
        TEST(test_unused),       TEST(test_set),
        TEST(test_set_problems), TEST(test_top),
        TEST(test_modes),        TEST(test_recipes),
        TEST(test_steps),        TEST(test_model_checks),
        TEST(test_files),        TEST(test_data),
        TEST(test_all_at_once),  TEST(test_calibration),
        TEST(test_evaluations),  TEST(test_run),
        TEST(test_fuzz),
    };
    return cmocka_run_group_tests_name("experiment", tests, NULL, NULL);
}
