/* The mapping `sweep`: which runs it comes to, how they are called, and every message about it. */
#include <string.h>
#include <sys/stat.h>
#include "tests/support/check.h"
#include "tests/support/experiment.h"
#include "tests/support/fake_catalogue.h"

/* 9 lines; what is in `sweep` comes next, on line 10 */
#define STEPS "recipe: [{id: r, method: round}, {id: w, method: watch}]\n"
#define SWEEP FAKE STEPS "sweep:\n"

/* The names of the runs, one a line. */
static void check_names(fixture *f, const char *yaml, const char *const *set, const char *expected)
{
    ssmq_experiment *e = experiment_read(f, yaml, set);
    ssmq_str         names = {0};
    for (int32_t i = 0; i < e->n_run; i++) ssmq_str_printf(&names, "%s\n", e->run[i].name);
    assert_string_equal(ssmq_str_text(&names), expected);
    ssmq_str_free(&names);
    ssmq_experiment_free(e);
}

static const char *const both[] = {"mode=[fake, float]", NULL};

/* ---- expansion ------------------------------------------------------------------------- */

static void test_product(void **state)
{
    ssmq_experiment *e = experiment_read(*state,
                                         SWEEP "  axes:\n    b: {recipe.r.bits: [8, 4]}\n"
                                               "    n: {calibration.count: [1, 2, 3]}\n",
                                         both);
    static const char *const names[] = {"float",        "fake b=8 n=1", "fake b=8 n=2", "fake b=8 n=3",
                                        "fake b=4 n=1", "fake b=4 n=2", "fake b=4 n=3"};
    const ssmq_sweep *s = &e->sweep;
    assert_int_equal(e->n_run, 7);
    for (int32_t i = 0; i < 7; i++) assert_string_equal(e->run[i].name, names[i]);
    assert_int_equal(((const fake_round *)e->run[4].recipe->step[0].options)->bits, 4);
    assert_int_equal(e->run[6].calibration->count, 3);
    assert_int_equal(s->n_axis, 4);
    assert_string_equal(s->axis[SSMQ_AXIS_RECIPE].label[0], "recipe");
    assert_string_equal(s->axis[SSMQ_AXIS_MODE].label[1], "float");
    assert_string_equal(s->axis[2].name, "b");
    assert_string_equal(s->axis[3].label[2], "3");
    static const int32_t grid[] = {1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0}; /* fake, then float */
    assert_int_equal(s->n_grid, 12);
    assert_memory_equal(s->run, grid, sizeof grid);
    static const int32_t value[7][4] = {{-1, 1, -1, -1}, {0, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 0, 2},
                                        {0, 0, 1, 0},    {0, 0, 1, 1}, {0, 0, 1, 2}};
    assert_memory_equal(s->value, value, sizeof value);
    assert_null(s->label[2]);
    assert_string_equal(s->label[4 * 4 + 2], "4");
    for (int32_t i = 0; i < 7; i++) {
        assert_int_equal(s->in_float[i], 0);
        assert_int_equal(s->against[i], 0); /* without a baseline */
    }
    assert_true(s->excluded == 0 && !s->baseline);
    ssmq_experiment_free(e);
}

/* Every experiment has the grid of its recipes and modes. */
static void test_plain(void **state)
{
    ssmq_experiment *e = experiment_read(
        *state, FAKE "recipes: {x: [{method: round}], y: [{method: watch}]}\n", both);
    static const int32_t grid[] = {1, 0, 2, 0};
    assert_int_equal(e->sweep.n_axis, 2);
    assert_memory_equal(e->sweep.run, grid, sizeof grid);
    assert_string_equal(e->sweep.label[2 * 2], "y");
    ssmq_experiment_free(e);
    e = experiment_read(*state, FLOAT, NULL);
    assert_int_equal(e->sweep.n_grid, 1);
    assert_string_equal(e->sweep.axis[0].label[0], "none");
    assert_int_equal(e->sweep.run[0], 0);
    ssmq_experiment_free(e);
}

/* A point is the run that --set of its values gives. */
static void test_same_as_set(void **state)
{
    fixture         *f = *state;
    ssmq_experiment *x = experiment_read(
        f, SWEEP "  axes: {b: {recipe.r.bits: [8, 4]}, o: {recipe.w.observer.across: [max, ema]}}\n", NULL);
    ssmq_experiment *y = experiment_read(
        f, FAKE STEPS, (const char *const[]){"recipe.r.bits=4", "recipe.w.observer.across=ema", NULL});
    assert_int_equal(x->n_run, 4);
    assert_string_equal(x->run[3].name, "fake b=4 o=ema");
    assert_string_equal(x->run[3].id, y->run[0].id);
    assert_string_equal(x->run[3].canonical, y->run[0].canonical);
    ssmq_experiment_free(x);
    ssmq_experiment_free(y);
}

/* What an axis does not touch runs once, and its name does not have the axis. */
static void test_one_run(void **state)
{
    fixture *f = *state;
    check_names(f,
                FAKE "recipes:\n  x: [{id: r, method: round}]\n  y: [{method: watch}]\n"
                     "sweep:\n  axes: {b: {recipes.x.r.bits: [8, 4]}}\n",
                both, "float\nfake x b=8\nfake x b=4\nfake y\n");
    check_names(f, SWEEP "  axes: {on: {recipe.r.enabled: [false, true]}, b: {recipe.r.bits: [8, 4]}}\n", NULL,
                "fake on=false\nfake on=true b=8\nfake on=true b=4\n");
    check_names(f, SWEEP "  axes: {t: {run.threads: [1, 2]}}\n", both, "float\nfake\n");
    check_names(f, SWEEP "  axes: {k: {evaluate.e.limit: [1, 2]}}\n", both,
                "float k=1\nfloat k=2\nfake k=1\nfake k=2\n");
    check_names(f, SWEEP "  axes: {b: {recipe.r.bits: [8]}, k: {evaluate.e.limit: [1]}}\n", both,
                "float k=1\nfake b=8 k=1\n");
    /* The same for two of three values. */
    experiment_put(f, "same.npy", "tokens");
    experiment_put(f, "other.npy", "other");
    check_names(f, SWEEP "  axes: {d: {evaluate.e.data.file: [t.npy, same.npy, other.npy]}}\n", NULL,
                "fake d=t.npy,same.npy\nfake d=other.npy\n");
}

static void test_seeds(void **state)
{
    fixture *f = *state;
    check_names(f, SWEEP "  seeds: [3, 4]\n", both, "float\nfake seed=3\nfake seed=4\n");
    ssmq_experiment *e = experiment_read(
        f, SWEEP "  seeds: [3, 4]\n", (const char *const[]){"calibration.select=sampled", NULL});
    assert_true(e->run[1].seed == 4 && e->run[1].calibration->seed == 4);
    assert_string_equal(e->sweep.axis[2].name, "seed");
    ssmq_experiment_free(e);
    /* The drawn documents are left out of the text: float's differs, too. */
    check_names(f, SWEEP "  seeds: [3, 4]\n",
                (const char *const[]){"mode=[fake, float]", "calibration.select=sampled", "evaluate.e.dialect=disjoint",
                                      "evaluate.e.data.file=d.jsonl", "calibration.data.file=d.jsonl", NULL},
                "float seed=3\nfloat seed=4\nfake seed=3\nfake seed=4\n");
}

static void test_paths_together(void **state)
{
    check_names(*state,
                SWEEP "  axes:\n    c: {calibration.count: [8, 16], calibration.length: [64, 32]}\n"
                      "    s: {recipe.r.scope: [tensor, tensor], recipe.r.bits: [8, 4]}\n",
                NULL,
                "fake c=8 s=tensor/8\nfake c=8 s=tensor/4\nfake c=16 s=tensor/8\nfake c=16 s=tensor/4\n");
    check_names(*state,
                SWEEP "  axes:\n    o: {recipe.w.observer: [{across: max}, {statistic: quantile, p: 99.9, "
                      "across: ema, rate: 0.5}]}\n",
                NULL, "fake o={\"across\": \"max\"}\nfake o=#2\n");
}

static void test_zip(void **state)
{
    const char *const axes = SWEEP "  axes:\n    b: {recipe.r.bits: [8, 4, 2]}\n    n: {calibration.count: [1, 2, 3]}\n"
                                   "    s: {recipe.r.scope: [tensor, channel]}\n  zip: [[b, n]]\n";
    check_names(*state, axes, NULL,
                "fake b=8 n=1 s=tensor\nfake b=8 n=1 s=channel\nfake b=4 n=2 s=tensor\n"
                "fake b=4 n=2 s=channel\nfake b=2 n=3 s=tensor\nfake b=2 n=3 s=channel\n");
    ssmq_experiment *e = experiment_read(*state, axes, NULL);
    assert_int_equal(e->sweep.n_grid, 18);
    assert_int_equal(e->sweep.run[0], 0);
    assert_int_equal(e->sweep.run[2], -1); /* off the diagonal */
    assert_int_equal(e->sweep.run[(1 * 3 + 1) * 2 + 1], 3);
    assert_true(e->sweep.excluded == 0);
    ssmq_experiment_free(e);
}

static void test_exclude(void **state)
{
    const char *const axes = SWEEP "  axes:\n    b: {recipe.r.bits: [8, 4]}\n    n: {calibration.count: [1, 2, 3]}\n";
    char              yaml[2000];
    snprintf(yaml, sizeof yaml, "%s  exclude: [{b: 4, n: [1, 3]}, {recipe.r.bits: 8, n: 2.0}]\n", axes);
    check_names(*state, yaml, NULL, "fake b=8 n=1\nfake b=8 n=3\nfake b=4 n=2\n");
    ssmq_experiment *e = experiment_read(*state, yaml, NULL);
    assert_true(e->sweep.excluded == 3);
    assert_int_equal(e->sweep.run[1], -1);
    ssmq_experiment_free(e);
    check_names(*state,
                FAKE "recipes: {x: [{id: r, method: round}], y: [{id: r, method: round, factor: 2}]}\nsweep:\n  axes:\n"
                     "    b: {recipes.x.r.bits: [8, 4], recipes.y.r.bits: [8, 4]}\n"
                     "  exclude: [{recipe: y, b: 8}]\n",
                both, "float\nfake x b=8\nfake x b=4\nfake y b=4\n");
}

/* A point that is excluded is not checked: that is what people exclude points for. */
static void test_exclude_wrong(void **state)
{
    const char *const axes = SWEEP "  axes: {s: {recipe.r.sites: ['layers.*.proj.weight', 'none']}, b: {recipe.r.bits: [8, 4]}}\n";
    char              yaml[2000];
    snprintf(yaml, sizeof yaml, "%s  exclude: [{s: none}]\n", axes);
    check_names(*state, yaml, NULL, "fake s=layers.*.proj.weight b=8\nfake s=layers.*.proj.weight b=4\n");
    experiment_check(*state, axes,
                     "e.yaml:10:55: error: recipe.r: the selector 'none' matches no site of the model\n"
                     "  axes: {s: {recipe.r.sites: ['layers.*.proj.weight', 'none']}, b: {recipe.r.bits: [8, 4]}}\n"
                     "                                                      ^~~~~~\n"
                     "help: 'round' takes: layers.*.proj.weight, head.weight\n"
                     "note: first found at s=none b=8\n");
}

static void test_baseline(void **state)
{
    ssmq_experiment *e = experiment_read(*state,
                                         SWEEP "  baseline: {b: 8, calibration.count: 2}\n"
                                               "  axes:\n    b: {recipe.r.bits: [8, 4]}\n"
                                               "    n: {calibration.count: [1, 2]}\n"
                                               "    f: {recipe.r.factor: [1, 2]}\n",
                                         both);
    static const int32_t against[] = {0, 3, 4, 3, 4, 3, 4, 3, 4}; /* b=8 n=2 f=1, b=8 n=2 f=2 */
    assert_int_equal(e->n_run, 9);
    assert_string_equal(e->run[3].name, "fake b=8 n=2 f=1");
    assert_memory_equal(e->sweep.against, against, sizeof against);
    assert_int_equal(e->sweep.in_float[8], 0);
    assert_true(e->sweep.baseline);
    ssmq_experiment_free(e);
}

/* Each model's runs stand together, and are held against its own float run. */
static void test_models(void **state)
{
    fixture *f = *state;
    assert_int_equal(mkdir("n", 0777), 0);
    experiment_put(f, "n/config.json", "{\"model_type\": \"fake\", \"layers\": 3}");
    scratch_copy(f->s, "m/model.safetensors", "n/model.safetensors");
    ssmq_experiment *e = experiment_read(
        f, SWEEP "  axes: {m: {model.path: [n, m]}, b: {recipe.r.bits: [8, 4]}}\n", both);
    static const char *const names[] = {"float m=n", "fake m=n b=8", "fake m=n b=4",
                                        "float m=m", "fake m=m b=8", "fake m=m b=4"};
    static const int32_t     in_float[] = {0, 0, 0, 3, 3, 3};
    assert_int_equal(e->n_run, 6);
    for (int32_t i = 0; i < 6; i++) assert_string_equal(e->run[i].name, names[i]);
    assert_memory_equal(e->sweep.in_float, in_float, sizeof in_float);
    assert_string_equal(e->run[0].model, "n");
    ssmq_experiment_free(e);
}

static void test_print(void **state)
{
    ssmq_experiment *e = experiment_read(
        *state, SWEEP "  axes: {b: {recipe.r.bits: [8, 4]}}\n  exclude: [{b: 4}]\n", both);
    ssmq_str text = {0};
    ssmq_experiment_print(e, &text);
    assert_non_null(strstr(ssmq_str_text(&text), "    bits: 8                                     # e.yaml:10\n"));
    assert_non_null(strstr(ssmq_str_text(&text), "\nsweep:\n  axes:\n    b:\n      recipe.r.bits: [8, 4]"));
    assert_non_null(strstr(ssmq_str_text(&text), "  fake b=8\n# excluded: 1 point\n"));
    ssmq_str_free(&text);
    ssmq_experiment_free(e);
}

/* Files that recipes lie in are read once for all points, however many there are. */
static void test_files(void **state)
{
    fixture *f = *state;
    experiment_put(f, "r.yaml", "- {id: r, method: round}\n");
    experiment_put(f, "s.yaml", "- {id: s, method: round, factor: 2}\n");
    ssmq_experiment *e = experiment_read(
        f,
        FAKE "recipes: {a: r.yaml, b: r.yaml}\nsweep:\n  axes:\n    b: {recipes.a.r.bits: [8, 4]}\n"
             "    k: {evaluate.e.window: [10, 20, 30, 40, 50, 60, 70, 80, 90]}\n    f: {recipes.b: [r.yaml, s.yaml]}\n",
        (const char *const[]){"recipes.a.r.factor=3", NULL});
    assert_int_equal(e->n_file, 4); /* e.yaml; r.yaml for a; r.yaml and s.yaml for b */
    ssmq_experiment_free(e);
}

/* ---- problems -------------------------------------------------------------------------- */

/* SWEEP and this line, with the caret at a column. */
static void check_line(fixture *f, const char *line, const char *const *set, ssmq_status st, int column,
                       int width, const char *message, const char *rest)
{
    ssmq_str yaml = {0}, expected = {0};
    ssmq_str_printf(&yaml, "%s%s\n", SWEEP, line);
    ssmq_str_printf(&expected, "e.yaml:10:%d: error: %s\n%s\n%*s", column, message, line, column, "^");
    for (int i = 1; i < width; i++) ssmq_str_puts(&expected, "~");
    ssmq_str_printf(&expected, "\n%s", rest);
    experiment_check_set(f, ssmq_str_text(&yaml), set, st, ssmq_str_text(&expected));
    ssmq_str_free(&yaml);
    ssmq_str_free(&expected);
}

typedef struct problem {
    const char *line;
    int         column, width;
    const char *message, *rest;
} problem;

#define AXES "axes, zip, exclude, baseline, seeds, unsupported"
#define SECTIONS "model, data, calibration, recipe, recipes, evaluate, compare, collect, run"

static const problem problems[] = {
    {"  axis: {}", 3, 4, "unknown key 'axis' in sweep", "help: did you mean 'axes'?\n"},
    {"  axes: [a]", 9, 1, "sweep.axes must be a mapping, found a list", ""},
    {"  axes: {a b: {recipe.r.bits: [8]}}", 10, 3,
     "an axis's name must be of letters, digits, '_' and '-', and begin with none of '-'; found the text 'a b'", ""},
    {"  axes: {ppl: {recipe.r.bits: [8]}}", 10, 3,
     "an axis cannot be called 'ppl': results have a field of that name", ""},
    {"  axes: {seed: {run.seed: [8]}}", 10, 4,
     "an axis cannot be called 'seed': results have a field of that name", "help: seeds are given as sweep.seeds\n"},
    {"  axes: {b: [8]}", 13, 1, "sweep.axes.b must be a mapping, found a list", ""},
    {"  axes: {b: {}}", 13, 1, "the axis 'b' sets nothing", ""},
    {"  axes: {b: {recipe.r.bits: 8}}", 29, 1, "the axis 'b' needs a list of values for recipe.r.bits, found the number 8",
     ""},
    {"  axes: {b: {recipe.r.bits: []}}", 29, 1,
     "the axis 'b' needs a list of values for recipe.r.bits, found an empty one", ""},
    {"  axes: {b: {recipe.r.bits: [8, ~]}}", 33, 1, "the axis 'b' has an empty value", ""},
    {"  axes: {b: {recipe..bits: [8]}}", 21, 1, "an empty key", ""},
    {"  axes: {b: {recepi.r.bits: [8]}}", 14, 6, "'recepi' is nothing that an axis can set",
     "help: did you mean 'recipe'?\n"},
    {"  axes: {b: {mode: [fake]}}", 14, 4, "'mode' is nothing that an axis can set", "help: did you mean 'model'?\n"},
    {"  axes: {b: {question.x: [8]}}", 14, 8, "'question' is nothing that an axis can set",
     "help: an axis sets something in: " SECTIONS "\n"},
    {"  axes: {b: {evaluate: [8]}}", 14, 8, "an axis sets something in 'evaluate', not all of it", ""},
    {"  axes: {b: {recipes.a.r.bits: [8]}}", 14, 7, "there is no 'recipes'", ""},
    {"  axes: {b: {recipe.x.bits: [8]}}", 21, 1, "the list has no entry with the id 'x'",
     "help: there are: r, w\n"},
    {"  axes: {b: {recipe.r.bitz: [8, 4]}}", 23, 4, "unknown key 'bitz' in recipe.r", "help: did you mean 'bits'?\n"},
    {"  axes: {b: {recipe.r.bits: [8, 99]}}", 33, 2,
     "recipe.r.bits is 99; allowed: 2 to 16 or off", "note: first found at b=99\n"},
    {"  axes: {b: {recipe.r.bits: [8, 8]}}", 33, 1, "the axis 'b' has the value 8 twice", ""},
    {"  axes: {b: {recipe.r.factor: [1, 1.0]}}", 35, 3, "the axis 'b' has the value 1.0 twice", ""},
    {"  axes: {b: {recipe.r.bits: [8], recipe.r.factor: [1, 2]}}", 51, 1,
     "the paths of the axis 'b' move together: recipe.r.bits has 1 values, recipe.r.factor has 2", ""},
    {"  axes: {b: {recipe.r.bits: [8]}, c: {recipe.r.bits: [4]}}", 39, 13, "two axes set 'recipe.r.bits'", ""},
    {"  axes: {b: {recipe.w.observer: [{across: max}]}, c: {recipe.w.observer.across: [max]}}", 55, 24,
     "two axes set 'recipe.w.observer.across': the other sets 'recipe.w.observer'", ""},
    {"  seeds: [1, x]", 14, 1, "run.seed must be an integer, found the text 'x'", "note: first found at seed=x\n"},
    {"  seeds: 1", 10, 1, "sweep.seeds must be a list of integers, found the number 1", ""},
    {"  unsupported: ignore", 16, 6, "sweep.unsupported must be one of refuse, record, found the text 'ignore'", ""},
};

static void test_problems(void **state)
{
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        const problem *p = &problems[i];
        check_line(*state, p->line, NULL, SSMQ_ERR_CONFIG, p->column, p->width, p->message, p->rest);
    }
}

/* On line 11, after the axes b of 8 and 4, n of 1, 2 and 3. */
static const problem later[] = {
    {"  zip: [b, n]", 9, 1, "sweep.zip must be a list of lists of two or more axes", "help: zip: [[a, b]]\n"},
    {"  zip: [[b, n]]", 13, 1, "zipped axes have equally many values: 'b' has 2, 'n' 3", ""},
    {"  zip: [[b, m]]", 13, 1, "sweep.zip: no axis of the sweep is the text 'm'", "help: there are: b, n\n"},
    {"  zip: [[b, b]]", 13, 1, "the axis 'b' is zipped twice", ""},
    {"  exclude: {b: 8}", 12, 1, "sweep.exclude must be a list of mappings, found a mapping",
     "help: exclude: [{AXIS: VALUE}]\n"},
    {"  exclude: [{}]", 13, 1, "this would exclude everything", ""},
    {"  exclude: [{bb: 8}]", 14, 2, "sweep.exclude: no axis has the name or sets the path 'bb'",
     "help: did you mean 'b'?\n"},
    {"  exclude: [{b: 5}]", 17, 1, "sweep.exclude: the axis 'b' has no such value: the number 5",
     "help: there are: 8, 4\n"},
    {"  exclude: [{b: 8, recipe.r.bits: 4}]", 20, 13, "sweep.exclude: the axis 'b' stands twice", ""},
    {"  exclude: [{b: [8, 4]}]", 0, 0, "sweep.exclude drops all points", ""},
    {"  exclude: [{b: 8}, {b: 8, n: 1}]", 0, 0, "", NULL},
    {"  baseline: {b: [8, 4]}", 13, 1, "sweep.baseline needs one value of 'b', found 2", ""},
    {"  baseline: {}", 13, 1, "sweep.baseline names no value", ""},
    {"  baseline: {mode: real}", 20, 4, "sweep.baseline: the axis 'mode' has no such value: the text 'real'",
     "help: there are: fake\n"},
};

static void test_later_problems(void **state)
{
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        const problem *p = &later[i];
        ssmq_str       yaml = {0};
        ssmq_status    st;
        const char    *text, *line;
        ssmq_str_printf(&yaml, SWEEP "  axes: {b: {recipe.r.bits: [8, 4]}, n: {calibration.count: [1, 2, 3]}}\n%s\n",
                        p->line);
        experiment_put(*state, "e.yaml", ssmq_str_text(&yaml));
        ssmq_experiment *e = experiment_try(*state, NULL, &st, &text);
        line = ssmq_arena_printf(((fixture *)*state)->s->a, "e.yaml:11:%d: error: %s\n", p->column, p->message);
        if (!p->rest) assert_non_null(e);
        else if (!p->column) assert_non_null(strstr(text, p->message));
        else if (!ssmq_str_starts(text, line) || !strstr(text, p->rest)) fail_msg("%s\nis not\n%s%s", text, line, p->rest);
        ssmq_experiment_free(e);
        ssmq_str_free(&yaml);
    }
}

static void test_nothing_like_this(void **state)
{
    experiment_check(*state,
                     SWEEP "  axes: {b: {recipe.r.bits: [8, 4]}, n: {calibration.count: [1, 2]}}\n"
                           "  zip: [[b, n]]\n  exclude: [{b: 8, n: 2}]\n",
                     "e.yaml:12:13: error: sweep.exclude: no point is like this\n"
                     "  exclude: [{b: 8, n: 2}]\n            ^\n");
    experiment_check(*state,
                     SWEEP "  axes: {b: {recipe.r.bits: [8, 4]}}\n  exclude: [{b: 8}]\n  baseline: {b: 8}\n",
                     "e.yaml:12:13: error: sweep.baseline: every point like this is excluded\n"
                     "  baseline: {b: 8}\n            ^\n");
}

/* A problem of a step as a whole is shown at the value of the axis that is in it. */
static void test_blame(void **state)
{
    experiment_check(*state,
                     FAKE "recipe: [{id: s, method: spin}, {id: t, method: spin}]\n"
                          "sweep:\n  axes: {e: {recipe.t.enabled: [false, true]}}\n",
                     "e.yaml:10:40: error: recipe.t: layers.0.proj.in is spun already\n"
                     "  axes: {e: {recipe.t.enabled: [false, true]}}\n"
                     "                                       ^~~~\n"
                     "note: first found at e=true\n");
}

static void test_too_many(void **state)
{
    ssmq_str yaml = {0};
    ssmq_str_puts(&yaml, SWEEP "  axes:\n");
    for (int axis = 0; axis < 2; axis++) {
        ssmq_str_printf(&yaml, "    a%d: {%s: [1", axis, axis ? "calibration.count" : "recipe.r.factor");
        for (int i = 2; i <= 101; i++) ssmq_str_printf(&yaml, ", %d", i);
        ssmq_str_puts(&yaml, "]}\n");
    }
    experiment_check(*state, ssmq_str_text(&yaml),
                     "e.yaml:10:3: error: the sweep has 10201 points (1 recipe x 1 mode x 101 a0 x 101 a1); 10000 are "
                     "the most\n  axes:\n  ^\n");
    ssmq_str_free(&yaml);
}

/* All problems of all points, at most 20 of them. */
static void test_at_most(void **state)
{
    ssmq_str    yaml = {0};
    ssmq_status st;
    const char *text;
    int         n = 0;
    ssmq_str_puts(&yaml, SWEEP "  axes:\n    b: {recipe.r.bits: [x0");
    for (int i = 1; i < 40; i++) ssmq_str_printf(&yaml, ", x%d", i);
    ssmq_str_puts(&yaml, "]}\n");
    experiment_put(*state, "e.yaml", ssmq_str_text(&yaml));
    assert_null(experiment_try(*state, NULL, &st, &text));
    for (const char *at = text; (at = strstr(at, "error: ")); at++) n++;
    assert_int_equal(n, 20);
    ssmq_str_free(&yaml);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, experiment_setup, experiment_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_product),        TEST(test_plain),         TEST(test_same_as_set), TEST(test_one_run),
        TEST(test_seeds),          TEST(test_paths_together), TEST(test_zip),        TEST(test_exclude),
        TEST(test_exclude_wrong),  TEST(test_baseline),      TEST(test_models),      TEST(test_print),
        TEST(test_files),          TEST(test_problems),      TEST(test_later_problems),
        TEST(test_nothing_like_this), TEST(test_blame),      TEST(test_too_many),    TEST(test_at_most),
    };
    return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
