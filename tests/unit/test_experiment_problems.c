/* Every message about the sections of an experiment, with its place. */
#include <stdlib.h>
#include <string.h>
#include "tests/support/check.h"
#include "tests/support/experiment.h"
#include "tests/support/small_tokenizer.h"
#include "tests/support/fake_catalogue.h"

/* Problems of the text do not hide those of the content. */
static void test_all_at_once(void **state)
{
    experiment_check(
        *state, FLOAT "run: {seed: 1, seed: 2, thread: 1}\nname: u\n",
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
    experiment_check(f, "{}",
                     "e.yaml:1:1: error: ssmq is missing\n{}\n^\n"
                     "e.yaml:1:1: error: name is missing\n{}\n^\n"
                     "e.yaml:1:1: error: model is missing\n{}\n^\n"
                     "e.yaml:1:1: error: mode is missing\n{}\n^\n"
                     "e.yaml:1:1: error: evaluate is missing\n{}\n^\n");
    experiment_check(f, FLOAT "recipies: {}\n",
                     "e.yaml:7:1: error: unknown key 'recipies'\nrecipies: {}\n^~~~~~~~\n"
                     "help: did you mean 'recipes'?\n");
    experiment_check(
        f, FLOAT "x: {}\n",
        "e.yaml:7:1: error: unknown key 'x'\nx: {}\n^\nhelp: allowed here: ssmq, include, name, "
        "question, "
        "model, data, calibration, mode, recipe, recipes, evaluate, compare, collect, run, launch, sweep, expect\n");
    experiment_check_set(
        f, FLOAT, (const char *const[]){"ssmq=2", "name=a/b", "question=[x]", NULL},
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
    experiment_check_set(
        f, FLOAT, (const char *const[]){"mode=[float, flaot, float]", NULL}, SSMQ_ERR_CONFIG,
        "--set:1:14: error: mode must be one of float, fake, real, found the text 'flaot'\n"
        "mode=[float, flaot, float]\n             ^~~~~\nhelp: did you mean 'float'?\n"
        "note: set by --set #1\n"
        "--set:1:21: error: the mode 'float' stands twice\nmode=[float, flaot, float]\n"
        "                    ^~~~~\nnote: set by --set #1\n");
    experiment_check_set(
        f, FLOAT, (const char *const[]){"mode=[]", NULL}, SSMQ_ERR_CONFIG,
        "--set:1:6: error: mode is an empty list\nmode=[]\n     ^\nnote: set by --set #1\n");
}

static void test_recipes(void **state)
{
    fixture *f = *state;
    experiment_put(f, "map.yaml", "a: 1\n");
    experiment_check(
        f, FAKE,
        "e.yaml:1:1: error: recipe (or recipes) is missing: every mode but float needs one\n"
        "ssmq: 1\n^\n");
    experiment_check(f, FAKE "recipe: [{method: round}]\nrecipes: {a: [{method: round}]}\n",
                     "e.yaml:9:1: error: there is a 'recipe' too, on line 8; give one of both\n"
                     "recipes: {a: [{method: round}]}\n^~~~~~~\n");
    experiment_check(f, FAKE "recipe: {}\n",
                     "e.yaml:8:9: error: recipe must be a list of steps or the path of a file "
                     "that holds one, found a mapping\nrecipe: {}\n        ^\n");
    experiment_check_set(f, FAKE "recipe: []\n", NULL, SSMQ_OK, ""); /* what all steps left out come to */
    experiment_check(f, FAKE "recipes: {}\n",
                     "e.yaml:8:10: error: recipes is empty\nrecipes: {}\n         ^\n");
    experiment_check(
        f, FAKE "recipes: {a b: [{method: round}]}\n",
        "e.yaml:8:11: error: a recipe's name must be of letters, digits, '_' and '-', and begin "
        "with none of "
        "'-'; found the text 'a b'\nrecipes: {a b: [{method: round}]}\n          ^~~\n");
    experiment_check(
        f, FAKE "recipes: {a: map.yaml}\n",
        "map.yaml:1:1: error: recipes.a must be a list of steps, found a mapping\na: 1\n^\n"
        "note: included from e.yaml:8:14\n");
    experiment_check_set(
        f, FAKE "recipe: none.yaml\n", NULL, SSMQ_ERR_INPUT,
        "e.yaml:8:9: error: none.yaml: No such file or directory\nrecipe: none.yaml\n        "
        "^~~~~~~~~\n");
}

static void test_steps(void **state)
{
    fixture *f = *state;
    experiment_check(
        f, FAKE "recipe: [{method: ruond}]\n",
        "e.yaml:8:19: error: recipe.ruond: no method has the name 'ruond'\nrecipe: [{method: "
        "ruond}]\n"
        "                  ^~~~~\nhelp: did you mean 'round'?\n");
    experiment_check(
        f, FAKE "recipe: [{id: q, method: gptq}]\n",
        "e.yaml:8:26: error: recipe.q: no method has the name 'gptq'\nrecipe: [{id: q, method: "
        "gptq}]\n"
        "                         ^~~~\nhelp: there are: round, watch, spin\n");
    experiment_check(
        f, FAKE "recipe:\n  - {id: a}\n  - b\n  - {id: a b, method: round}\n",
        "e.yaml:9:5: error: recipe.a.method is missing\n  - {id: a}\n    ^\n"
        "e.yaml:10:5: error: recipe[1] must be a mapping, found the text 'b'\n  - b\n    ^\n"
        "e.yaml:11:10: error: a step's id must be of letters, digits, '_' and '-', and begin "
        "with none of "
        "'-'; found the text 'a b'\n  - {id: a b, method: round}\n         ^~~\n");
    experiment_check(
        f, FAKE "recipe:\n  - {method: round}\n  - {method: round}\n",
        "e.yaml:10:14: error: two steps are called 'round': the first stands on line 9\n"
        "  - {method: round}\n             ^~~~~\nhelp: give this step an id\n");
    experiment_check(
        f, FAKE "recipe:\n  - {id: round, method: watch}\n  - {id: round, method: round}\n",
        "e.yaml:10:10: error: two steps are called 'round': the first stands on line 9\n"
        "  - {id: round, method: round}\n         ^~~~~\n");
    experiment_check(
        f, FAKE "recipe: [{id: a, method: round, bits: 1, scop: x, enabled: no}]\n",
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
    experiment_check(
        f, FAKE "recipe: [{method: round, sites: [layers.*.prj.weight, layers.*.scan.x, foo]}]\n",
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
    experiment_check(
        f, FAKE "recipe: [{method: spin, sites: layers.2.proj.in}]\n",
        "e.yaml:8:32: error: recipe.spin: the selector 'layers.2.proj.in' matches no site of the "
        "model\n"
        "recipe: [{method: spin, sites: layers.2.proj.in}]\n                               "
        "^~~~~~~~~~~~~~~~\nhelp: did you mean 'layers.*.proj.in'?\n");
    experiment_check(f, FAKE "recipe: [{method: spin, sites: proj.in}]\n",
                     "e.yaml:8:32: error: recipe.spin: the selector 'proj.in' matches no site of the model\n"
                     "recipe: [{method: spin, sites: proj.in}]\n                               "
                     "^~~~~~~\nhelp: did you mean 'layers.*.proj.in'?\n");
    experiment_check(
        f,
        FAKE "recipe:\n  - {id: a, method: spin}\n  - {id: b, method: spin, enabled: false}\n"
             "  - {id: c, method: spin, sites: layers.1.proj.in}\n",
        "e.yaml:11:5: error: recipe.c: layers.1.proj.in is spun already\n"
        "  - {id: c, method: spin, sites: layers.1.proj.in}\n    ^\n");
    experiment_put(f, "m/config.json", "{\"model_type\": \"jamba\"}");
    experiment_check_set(
        f, FLOAT, NULL, SSMQ_ERR_UNSUPPORTED,
        "e.yaml:3:15: error: m/config.json: model_type 'jamba' is not supported; known: fake\n"
        "model: {path: m}\n              ^\n");
    experiment_put(f, "m/config.json", "{\"model_type\": \"fake\"}");
    experiment_check_set(
        f, FLOAT, NULL, SSMQ_ERR_INPUT,
        "e.yaml:3:15: error: m/config.json: the key 'layers' is missing\nmodel: {path: m}\n"
        "              ^\n");
}

static void test_files(void **state)
{
    fixture *f = *state;
    experiment_check_set(
        f, FLOAT, (const char *const[]){"model.path=none", NULL}, SSMQ_ERR_INPUT,
        "--set:1:12: error: none/config.json: No such file or directory\nmodel.path=none\n"
        "           ^~~~\nnote: set by --set #1\n");
    experiment_check_set(
        f, FLOAT, (const char *const[]){"model.tokenizer=none", NULL}, SSMQ_ERR_INPUT,
        "--set:1:17: error: none: No such file or directory\nmodel.tokenizer=none\n"
        "                ^~~~\nnote: set by --set #1\n");
    experiment_check_set(
        f, FLOAT, (const char *const[]){"model.path=", "model.tokenizer=''", NULL}, SSMQ_ERR_CONFIG,
        "--set:1:12: error: model.path must be a text, found nothing\nmodel.path=\n"
        "           ^\nnote: set by --set #1\n");
    experiment_check_set(f, FLOAT, (const char *const[]){"model.tokenizer=''", NULL},
                         SSMQ_ERR_CONFIG,
                         "--set:1:17: error: model.tokenizer is empty\nmodel.tokenizer=''\n"
                         "                ^~\nnote: set by --set #1\n");
    experiment_put(f, "m/tokenizer.json", small_tokenizer_text(f->s, "\"id\": 265", "\"id\": 266"));
    experiment_check_set(f, FLOAT, NULL, SSMQ_OK, ""); /* whose only data are tokens */
    experiment_check_set(
        f, FLOAT, (const char *const[]){"evaluate.e.data.file=t.txt", NULL}, SSMQ_ERR_INPUT,
        "e.yaml:3:15: error: m/tokenizer.json: has ids up to 266, the model m only 266 embeddings\n"
        "model: {path: m}\n              ^\n");
    assert_int_equal(remove("m/tokenizer.json"), 0);
    experiment_check_set(
        f, FLOAT, (const char *const[]){"evaluate.e.data.file=t.txt", NULL}, SSMQ_ERR_INPUT,
        "e.yaml:3:15: error: m/tokenizer.json: no such file, and 'e' reads text\nmodel: {path: m}\n"
        "              ^\nhelp: name one as model.tokenizer\n");
    experiment_put(f, "m/model.safetensors", "short");
    ssmq_status st;
    const char *problems;
    experiment_put(f, "e.yaml", FLOAT);
    assert_null(experiment_try(f, NULL, &st, &problems));
    assert_int_equal(st, SSMQ_ERR_INPUT);
    assert_true(ssmq_str_starts(problems, "e.yaml:3:15: error: m/model.safetensors: "));
    assert_int_equal(remove("m/model.safetensors"), 0);
    assert_null(experiment_try(f, NULL, &st, &problems));
    assert_int_equal(st, SSMQ_ERR_INPUT);
    assert_int_equal(remove("e.yaml"), 0);
    assert_null(experiment_try(f, NULL, &st, &problems));
    assert_string_equal(problems, "error: e.yaml: No such file or directory\n");
    assert_string_equal(ssmq_error_last()->message, "e.yaml: 1 problem");
    assert_int_equal(ssmq_status_exit(st), 4);
}

static void test_data(void **state)
{
    fixture *f = *state;
    experiment_check(
        f, "data: {tokens: {file: t.npy}}\n" FLOAT "calibration: {data: token, select: first}\n",
        "e.yaml:8:21: error: no data set has the name 'token'\ncalibration: {data: token, "
        "select: first}\n"
        "                    ^~~~~\nhelp: did you mean 'tokens'?\n");
    experiment_check(
        f, "data: {tokens: {file: t.npy}}\n" FLOAT "calibration: {data: pile, select: first}\n",
        "e.yaml:8:21: error: no data set has the name 'pile'\ncalibration: {data: pile, select: "
        "first}\n"
        "                    ^~~~\nhelp: there are: tokens\n");
    experiment_check(
        f, FLOAT "calibration: {data: t.npy, select: first}\n",
        "e.yaml:7:21: error: no data set has the name 't.npy'\ncalibration: {data: t.npy, "
        "select: first}\n"
        "                    ^~~~~\nhelp: a file is named by a mapping: {file: PATH}\n");
    experiment_check(
        f, FLOAT "calibration: {data: [t.npy], select: first}\n",
        "e.yaml:7:21: error: calibration.data must be a name or a mapping, found a list\n"
        "calibration: {data: [t.npy], select: first}\n                    ^\n");
    experiment_check(
        f, FLOAT "calibration: {data: {file: m/tokenizer.jsn}, select: first}\n",
        "e.yaml:7:28: error: the name of 'm/tokenizer.jsn' does not tell its format\n"
        "calibration: {data: {file: m/tokenizer.jsn}, select: first}\n"
        "                           ^~~~~~~~~~~~~~~\nhelp: add format: one of wikitext-raw, "
        "text, jsonl, tokens\n");
    experiment_check(
        f, FLOAT "calibration: {data: {file: t.txt, subset: a.b}, select: first}\n",
        "e.yaml:7:43: error: calibration.data.subset needs format jsonl; this is text\n"
        "calibration: {data: {file: t.txt, subset: a.b}, select: first}\n"
        "                                          ^~~\n");
    experiment_check(
        f, FLOAT "data: {a: {fil: t.txt}, b: t.txt}\n",
        "e.yaml:7:12: error: unknown key 'fil' in data.a\ndata: {a: {fil: t.txt}, b: t.txt}\n"
        "           ^~~\nhelp: did you mean 'file'?\n"
        "e.yaml:7:28: error: data.b must be a mapping, found the text 't.txt'\n"
        "data: {a: {fil: t.txt}, b: t.txt}\n                           ^~~~~\n");
    ssmq_experiment *e = experiment_read(
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
    experiment_check(
        f, "ssmq: 1\nname: t\nmodel: {path: m}\nmode: fake\nrecipe: [{method: watch}]\n" EVALUATE,
        "e.yaml:1:1: error: calibration is missing: steps of the recipe need it\nssmq: 1\n^\n");
    experiment_check(
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
    experiment_check_set(f, FLOAT "calibration: {data: {file: t.npy}, select: first, seed: 4}\n",
                         NULL, SSMQ_OK,
                         "e.yaml:7:57: warning: calibration.seed has no effect with select: first\n"
                         "calibration: {data: {file: t.npy}, select: first, seed: 4}\n"
                         "                                                        ^\n");
    ssmq_experiment *e =
        experiment_read(f, FAKE "recipe: [{method: watch}]\n",
                        (const char *const[]){"calibration.select=sampled", "run.seed=9", NULL});
    assert_true(e->run[0].calibration->seed == 9);
    assert_non_null(strstr(e->run[0].canonical, "  seed: 9\nmode: fake\n"));
    ssmq_experiment_free(e);
}

static void test_evaluations(void **state)
{
    fixture    *f = *state;
    const char *head = "ssmq: 1\nname: t\nmodel: {path: m}\nmode: float\n";
    experiment_check(
        f, ssmq_arena_printf(f->s->a, "%sevaluate: {}\n", head),
        "e.yaml:5:11: error: evaluate must be a list of evaluations, found a mapping\nevaluate: "
        "{}\n"
        "          ^\n");
    experiment_check(f, ssmq_arena_printf(f->s->a, "%sevaluate: []\n", head),
                     "e.yaml:5:11: error: evaluate must be a list of evaluations, found an empty "
                     "one\nevaluate: []\n"
                     "          ^\n");
    experiment_check(
        f, FLOAT "  - {id: r, task: perplexity, data: {file: t.npy}, dialect: gptq, window: 9, state_reset: 9}\n",
        "e.yaml:7:91: error: evaluate.r.state_reset is 9 and its window 9: states would never be reset\n"
        "  - {id: r, task: perplexity, data: {file: t.npy}, dialect: gptq, window: 9, state_reset: 9}\n"
        "                                                                                          ^\n"
        "help: fewer tokens than a window, or 0: never\n");
    experiment_check(
        f, FLOAT "  - {id: e, task: perplexity, data: {file: t.npy}, window: 1, dialect: ggml}\n",
        "e.yaml:7:72: error: evaluate.e.dialect must be one of gptq, disjoint, llama.cpp, lm-eval, found the text 'ggml'\n"
        "  - {id: e, task: perplexity, data: {file: t.npy}, window: 1, dialect: ggml}\n"
        "                                                                       ^~~~\n"
        "e.yaml:7:60: error: evaluate.e.window is 1; allowed: 2 to 16777216\n"
        "  - {id: e, task: perplexity, data: {file: t.npy}, window: 1, dialect: ggml}\n"
        "                                                           ^\n"
        "e.yaml:7:10: error: two evaluations are called 'e': the first stands on line 6\n"
        "  - {id: e, task: perplexity, data: {file: t.npy}, window: 1, dialect: ggml}\n"
        "         ^\n");
    experiment_check(
        f,
        FLOAT "  - {task: ppl, limit: -1}\n  - x\n  - {id: a/b, task: perplexity, dialect: gptq, "
              "data: {file: t.npy}}\n",
        "e.yaml:7:5: error: evaluate[1].id is missing\n  - {task: ppl, limit: -1}\n    ^\n"
        "e.yaml:7:12: error: evaluate[1].task must be one of perplexity, profile, found the text 'ppl'\n"
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
    experiment_check(
        f, FLOAT "run: {backend: cuda, threads: 0, seed: 1.5}\n",
        "e.yaml:7:40: error: run.seed must be an integer, found the number 1.5\n"
        "run: {backend: cuda, threads: 0, seed: 1.5}\n                                       ^~~\n"
        "e.yaml:7:31: error: run.threads is 0; allowed: 1 to 1024 or all\n"
        "run: {backend: cuda, threads: 0, seed: 1.5}\n                              ^\n"
        "e.yaml:7:16: error: run.backend must be one of ref, cpu, found the text 'cuda'\n"
        "run: {backend: cuda, threads: 0, seed: 1.5}\n               ^~~~\n");
    experiment_check(f, FLOAT "run: {backend: {isa: avx}}\n",
                     "e.yaml:7:16: error: run.backend.name is missing\nrun: {backend: {isa: avx}}\n"
                     "               ^\n");
    experiment_check(
        f, FLOAT "run: {backend: {name: cpu, isa: sloww, ia: 3}}\n",
        "e.yaml:7:40: error: unknown key 'ia' in run.backend\n"
        "run: {backend: {name: cpu, isa: sloww, ia: 3}}\n"
        "                                       ^~\n"
        "help: did you mean 'isa'?\n"
        "e.yaml:7:33: error: run.backend.isa must be one of auto, slow, found the text 'sloww'\n"
        "run: {backend: {name: cpu, isa: sloww, ia: 3}}\n"
        "                                ^~~~~\n"
        "help: did you mean 'slow'?\n");
    ssmq_experiment *e = experiment_read(
        f, FLOAT "run: {backend: {name: cpu, isa: slow}, seed: 7, threads: all}\n", NULL);
    assert_int_equal(((const fake_cpu *)e->run[0].backend_options)->isa, 1);
    assert_true(e->run[0].seed == 7);
    ssmq_experiment_free(e);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, experiment_setup, experiment_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_all_at_once), TEST(test_top),          TEST(test_modes), TEST(test_recipes),
        TEST(test_steps),       TEST(test_model_checks), TEST(test_files), TEST(test_data),
        TEST(test_calibration), TEST(test_evaluations),  TEST(test_run),
    };
    return cmocka_run_group_tests_name("experiment problems", tests, NULL, NULL);
}
