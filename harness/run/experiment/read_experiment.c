/* The sections of the merged mapping, one function each, to the draft. */
#include <string.h>
#include <unistd.h>
#include "harness/data/documents.h"
#include "harness/data/window.h"
#include "harness/run/experiment/loader.h"

static bool is_there(const ssmq_yaml *v)
{
    if (v && v->place.source) v->place.source->used = true;
    return v != NULL;
}

/* A section of the top; NULL where it is missing, reported if required. */
static const ssmq_yaml *section(ssmq_loader *ld, const char *key, bool required)
{
    const ssmq_yaml *v = ssmq_yaml_get(ld->root, key);
    if (is_there(v)) return v;
    if (required) ssmq_option_missing(&ld->options, ld->root, "", key);
    return NULL;
}

static void check_keys(ssmq_loader *ld)
{
    ssmq_options_known(&ld->options, NULL, ssmq_schema_keys, ld->root, "");
}

static void read_schema(ssmq_loader *ld)
{
    const ssmq_yaml *v = section(ld, "ssmq", true);
    if (!v) return;
    if (ssmq_yaml_type_of(v) != SSMQ_YAML_INT || ssmq_yaml_int(v) != SSMQ_SCHEMA_VERSION)
        SSMQ_REPORT(ld, VERSION, v, NULL,
                    "ssmq is the version of the form: this program reads %d, found %s",
                    SSMQ_SCHEMA_VERSION, ssmq_yaml_found(ld->arena, v));
}

static void read_names(ssmq_loader *ld)
{
    const ssmq_yaml *name = section(ld, "name", true), *question = section(ld, "question", false);
    if (name) ssmq_option_name(&ld->options, name, "name", true);
    ld->draft.name = name;
    ld->draft.question = question;
    if (question && question->kind != SSMQ_YAML_SCALAR)
        SSMQ_REPORT(ld, TYPE, question, NULL, "question must be a text, found %s",
                    ssmq_yaml_found(ld->arena, question));
}

/* ---- mode ------------------------------------------------------------------------------ */

static void read_mode(ssmq_loader *ld, const ssmq_yaml *v)
{
    /* A choice, so that the messages are those of a choice. */
    static const ssmq_option table[] = {{"mode", 0, SSMQ_OPTION_CHOICE, NULL, 0, 0, ssmq_modes, ""},
                                        {0}};
    ssmq_yaml               *one = ssmq_yaml_new(ld->arena, SSMQ_YAML_MAP);
    int                      mode;
    ssmq_yaml_put(ld->arena, one, "mode", (ssmq_yaml *)(uintptr_t)v);
    if (!ssmq_options_read(&ld->options, table, one, "", &mode)) return;
    for (int32_t i = 0; i < ld->draft.n_mode; i++) {
        if ((int)ld->draft.mode[i] != mode) continue;
        SSMQ_REPORT(ld, TWICE, v, NULL, "the mode '%s' stands twice", ssmq_modes[mode]);
        return;
    }
    ld->draft.mode_given[ld->draft.n_mode] = v;
    ld->draft.mode[ld->draft.n_mode++] = (ssmq_mode)mode;
}

static void read_modes(ssmq_loader *ld)
{
    const ssmq_yaml *v = section(ld, "mode", true);
    if (!v) return;
    if (v->kind != SSMQ_YAML_LIST) {
        read_mode(ld, v);
        return;
    }
    if (v->n == 0) SSMQ_REPORT(ld, EMPTY_LIST, v, NULL, "mode is an empty list");
    for (int32_t i = 0; i < v->n; i++) read_mode(ld, v->value[i]);
}

/* ---- recipes --------------------------------------------------------------------------- */

static void read_named_recipes(ssmq_loader *ld, const ssmq_yaml *all)
{
    ssmq_draft *d = &ld->draft;
    if (!ssmq_options_mapping(&ld->options, all, "recipes")) return;
    if (all->n == 0) SSMQ_REPORT(ld, NO_RECIPES, all, NULL, "recipes is empty");
    if (all->n > SSMQ_STEPS_MAX) {
        SSMQ_REPORT(ld, TOO_MANY, all, NULL, "more than %d recipes", SSMQ_STEPS_MAX);
        return;
    }
    d->recipe = SSMQ_ARENA_ARRAY(ld->arena, ssmq_recipe_draft, all->n);
    for (int32_t i = 0; i < all->n; i++) {
        const char *name = all->key[i]->text;
        ssmq_option_name(&ld->options, all->key[i], "a recipe's name", false);
        d->recipe[i].name = name;
        d->recipe[i].key = all->key[i];
        ssmq_loader_recipe(ld, all->value[i], ssmq_arena_printf(ld->arena, "recipes.%s", name),
                           &d->recipe[i]);
    }
    d->n_recipe = all->n;
}

static void read_recipes(ssmq_loader *ld)
{
    const ssmq_yaml *one = section(ld, "recipe", false), *all = section(ld, "recipes", false);
    ssmq_draft      *d = &ld->draft;
    const bool       only_float = d->n_mode == 1 && d->mode[0] == SSMQ_MODE_FLOAT;
    if (one && all) {
        SSMQ_REPORT(ld, RECIPE_TWO, ld->root->key[ssmq_yaml_find(ld->root, "recipes")], NULL,
                    "there is a 'recipe' too, on line %d; give one of both", one->line);
    } else if (one) {
        d->recipe = SSMQ_ARENA_ARRAY(ld->arena, ssmq_recipe_draft, 1);
        d->recipe[0].key = ld->root->key[ssmq_yaml_find(ld->root, "recipe")];
        d->n_recipe = 1;
        ssmq_loader_recipe(ld, one, "recipe", &d->recipe[0]);
    } else if (all) {
        read_named_recipes(ld, all);
    } else if (d->n_mode > 0 && !only_float) {
        SSMQ_REPORT(ld, NO_RECIPE, ld->root, NULL,
                    "recipe (or recipes) is missing: every mode but float needs one");
    }
}

/* ---- calibration ----------------------------------------------------------------------- */

static void read_calibration(ssmq_loader *ld)
{
    static const char *const own[] = {"data", NULL};
    ssmq_calibration_draft  *c = &ld->draft.calibration;
    const ssmq_yaml         *v = section(ld, "calibration", false);
    if (!v) {
        if (ssmq_loader_observes(ld))
            SSMQ_REPORT(ld, NO_CALIBRATION, ld->root, NULL,
                        "calibration is missing: steps of the recipe need it");
        return;
    }
    if (!ssmq_options_mapping(&ld->options, v, "calibration")) return;
    const ssmq_yaml *data = ssmq_yaml_get(v, "data");
    ssmq_options_known(&ld->options, ssmq_schema_calibration, own, v, "calibration");
    const bool fine = ssmq_options_read(&ld->options, ssmq_schema_calibration, v, "calibration", c);
    if (!data) ssmq_option_missing(&ld->options, v, "calibration", "data");
    else if (ssmq_loader_data(ld, data, "calibration.data", &c->data)) c->given = v;
    if (fine && c->select == SSMQ_SELECT_FIRST && c->seed >= 0)
        ssmq_diag_warn(ld->diag, SSMQ_E_SEED_UNUSED, ssmq_yaml_get(v, "seed")->place, NULL,
                       "calibration.seed has no effect with select: first");
}

/* ---- evaluations ----------------------------------------------------------------------- */

/* Of a text: reads data too. */
static void read_on_text(ssmq_loader *ld, const ssmq_yaml *v, const char *path)
{
    static const char *const own[] = {"data", NULL};
    ssmq_evaluation_draft   *e = &ld->draft.evaluation[ld->draft.n_evaluation++];
    const ssmq_yaml         *data = ssmq_yaml_get(v, "data");
    ssmq_options_known(&ld->options, ssmq_schema_evaluation, own, v, path);
    ssmq_options_read(&ld->options, ssmq_schema_evaluation, v, path, e);
    if (e->dialect == SSMQ_DIALECT_LM_EVAL && !e->prefix) e->prefix = SSMQ_DEFAULT_PREFIX;
    if (!data) ssmq_option_missing(&ld->options, v, path, "data");
    else if (ssmq_loader_data(ld, data, ssmq_arena_printf(ld->arena, "%s.data", path), &e->data))
        e->given = v;
}

static void read_profile(ssmq_loader *ld, const ssmq_yaml *v, const char *path)
{
    static const char *const own[] = {NULL};
    ssmq_profile_draft      *p = &ld->draft.profile[ld->draft.n_profile++];
    ssmq_options_known(&ld->options, ssmq_schema_profile, own, v, path);
    ssmq_options_read(&ld->options, ssmq_schema_profile, v, path, p);
    p->given = v;
}

static bool is_profile(const ssmq_yaml *v)
{
    const ssmq_yaml *task = ssmq_yaml_get(v, "task");
    return task && task->kind == SSMQ_YAML_SCALAR && strcmp(task->text, ssmq_tasks[SSMQ_TASK_PROFILE]) == 0;
}

static void read_evaluation(ssmq_loader *ld, const ssmq_yaml *list, int32_t at)
{
    const ssmq_yaml *v = list->value[at];
    const ssmq_yaml *id = ssmq_yaml_get(v, "id");
    const bool       named = id && id->kind == SSMQ_YAML_SCALAR && *id->text;
    const char      *path = named ? ssmq_arena_printf(ld->arena, "evaluate.%s", id->text)
                                  : ssmq_arena_printf(ld->arena, "evaluate[%d]", at);
    if (!ssmq_options_mapping(&ld->options, v, path)) return;
    if (is_profile(v)) read_profile(ld, v, path);
    else read_on_text(ld, v, path);
    if (id) ssmq_option_name(&ld->options, id, "an evaluation's id", false);
    for (int32_t i = 0; named && i < at; i++) {
        const ssmq_yaml *other = ssmq_yaml_get(list->value[i], "id");
        if (other && other->kind == SSMQ_YAML_SCALAR && strcmp(other->text, id->text) == 0)
            SSMQ_REPORT(ld, EVALUATION_TWICE, id, NULL,
                        "two evaluations are called '%s': the first stands on line %d", id->text,
                        list->value[i]->line);
    }
}

/* Words and bytes are those of a text, and log-likelihoods are added up, not rounded to a mean. */
static void check_lm_eval(ssmq_loader *ld, const ssmq_evaluation_draft *e)
{
    if (e->data.data.format == SSMQ_DATA_TOKENS)
        SSMQ_REPORT(ld, LM_EVAL_DATA, ssmq_yaml_get(e->given, "dialect"), "gptq reads tokens",
                    "evaluate.%s: lm-eval counts words and bytes of text, and tokens have none", e->id);
    if (e->loss_dtype > SSMQ_LOSS_F32)
        SSMQ_REPORT(ld, DIALECT_KEY, ssmq_yaml_get(e->given, "loss_dtype"), NULL,
                    "evaluate.%s.loss_dtype is %s: lm-eval adds up log-likelihoods and takes f32", e->id,
                    ssmq_loss_dtypes[e->loss_dtype]);
}

static void check_window(ssmq_loader *ld, const ssmq_evaluation_draft *e)
{
    const ssmq_yaml *window = ssmq_yaml_get(e->given, "window");
    if (window && e->window >= 2 && ssmq_dialect_unscored((ssmq_dialect)e->dialect, e->window) == e->window - 1)
        SSMQ_REPORT(ld, RANGE, window, NULL, "evaluate.%s.window is %d, of which %s scores nothing", e->id, e->window,
                    ssmq_dialects[e->dialect]);
    if (e->state_reset >= e->window && e->window > 0)
        SSMQ_REPORT(ld, RESET_NEVER, ssmq_yaml_get(e->given, "state_reset"), "fewer tokens than a window, or 0: never",
                    "evaluate.%s.state_reset is %d and its window %d: states would never be reset", e->id,
                    e->state_reset, e->window);
}

/* What disjoint leaves out are documents that calibration takes: there must be both. */
static void check_dialect(ssmq_loader *ld, const ssmq_evaluation_draft *e)
{
    if (!e->given || e->dialect < 0) return;
    check_window(ld, e);
    if (e->dialect == SSMQ_DIALECT_LM_EVAL) check_lm_eval(ld, e);
    else if (e->prefix)
        SSMQ_REPORT(ld, DIALECT_KEY, ssmq_yaml_get(e->given, "prefix"), NULL,
                    "evaluate.%s.prefix is of dialect lm-eval; this is %s", e->id, ssmq_dialects[e->dialect]);
    if (e->dialect != SSMQ_DIALECT_DISJOINT) return;
    const ssmq_yaml *at = ssmq_yaml_get(e->given, "dialect");
    if (e->data.data.format != SSMQ_DATA_JSONL)
        SSMQ_REPORT(ld, DISJOINT_DATA, at, "gptq reads text without documents",
                    "evaluate.%s: disjoint leaves out documents and needs format jsonl; this is %s", e->id,
                    ssmq_data_formats[e->data.data.format]);
    else if (!section(ld, "calibration", false))
        SSMQ_REPORT(ld, NO_CALIBRATION, at, NULL,
                    "calibration is missing: evaluate.%s is to leave out its documents", e->id);
}

static void read_evaluations(ssmq_loader *ld)
{
    const ssmq_yaml *v = section(ld, "evaluate", true);
    if (!v) return;
    if (v->kind != SSMQ_YAML_LIST || v->n == 0) {
        SSMQ_REPORT(ld, NO_LIST, v, NULL, "evaluate must be a list of evaluations, found %s",
                    v->kind == SSMQ_YAML_LIST ? "an empty one" : ssmq_yaml_found(ld->arena, v));
        return;
    }
    if (v->n > SSMQ_STEPS_MAX) {
        SSMQ_REPORT(ld, TOO_MANY, v, NULL, "more than %d evaluations", SSMQ_STEPS_MAX);
        return;
    }
    ld->draft.evaluation = SSMQ_ARENA_ARRAY(ld->arena, ssmq_evaluation_draft, v->n);
    ld->draft.profile = SSMQ_ARENA_ARRAY(ld->arena, ssmq_profile_draft, v->n);
    for (int32_t i = 0; i < v->n; i++) read_evaluation(ld, v, i);
    for (int32_t i = 0; i < ld->draft.n_evaluation; i++) check_dialect(ld, &ld->draft.evaluation[i]);
}

/* ---- run ------------------------------------------------------------------------------- */

static void read_backend(ssmq_loader *ld, const ssmq_yaml *v)
{
    static const char *const own[] = {"name", NULL};
    int32_t                  n = 0;
    while (ld->cat->backends[n]) n++;
    const char **names = SSMQ_ARENA_ARRAY(ld->arena, const char *, n + 1);
    for (int32_t i = 0; i < n; i++) names[i] = ld->cat->backends[i]->name;

    /* A name alone stands for {name: NAME}. */
    const bool        map = v && v->kind == SSMQ_YAML_MAP;
    ssmq_yaml        *named = ssmq_yaml_new(ld->arena, SSMQ_YAML_MAP);
    const ssmq_option table[] = {
        {map ? "name" : "backend", 0, SSMQ_OPTION_CHOICE, v ? NULL : "cpu", 0, 0, names, ""}, {0}};
    if (v && !map) ssmq_yaml_put(ld->arena, named, "backend", (ssmq_yaml *)(uintptr_t)v);
    const char      *path = map ? "run.backend" : "run";
    const ssmq_yaml *given = map ? v : named;
    int              which;
    if (!ssmq_options_read(&ld->options, table, given, path, &which)) return;
    const ssmq_backend_ops *ops = ld->cat->backends[which];
    ld->draft.run.backend = ops;
    ld->draft.run.backend_given = v;
    ld->draft.run.backend_options = ssmq_arena_alloc(ld->arena, ops->options_size + 1);
    if (map) ssmq_options_known(&ld->options, ops->options, own, v, path);
    ssmq_options_read(&ld->options, ops->options, map ? v : NULL, "run.backend",
                      ld->draft.run.backend_options);
}

static void read_run(ssmq_loader *ld)
{
    static const char *const own[] = {"backend", NULL};
    const ssmq_yaml         *v = section(ld, "run", false);
    ssmq_run_options         o = {0};
    if (v && !ssmq_options_mapping(&ld->options, v, "run")) return;
    if (v) ssmq_options_known(&ld->options, ssmq_schema_run, own, v, "run");
    ssmq_options_read(&ld->options, ssmq_schema_run, v, "run", &o);
    ld->draft.run.given = v;
    ld->draft.run.seed = o.seed;
    ld->draft.run.threads = o.threads;
    ld->draft.run.keep_hidden = o.keep_hidden;
    ld->draft.run.keep_ranges = o.keep_ranges;
    read_backend(ld, ssmq_yaml_get(v, "backend"));
}

/* ---- all ------------------------------------------------------------------------------- */

const char *ssmq_loader_reads_text(const ssmq_loader *ld, bool calibrated)
{
    const ssmq_draft *d = &ld->draft;
    for (int32_t i = 0; i < d->n_evaluation; i++)
        if (d->evaluation[i].given && d->evaluation[i].data.data.format != SSMQ_DATA_TOKENS)
            return d->evaluation[i].id;
    if (calibrated && d->calibration.given && d->calibration.data.data.format != SSMQ_DATA_TOKENS)
        return "calibration";
    return NULL;
}

/* A tokenizer that the model's directory ought to hold. */
static void check_tokenizer(ssmq_loader *ld)
{
    const ssmq_yaml *model = ld->draft.model.given;
    const bool       samples = ssmq_loader_observes(ld) || ld->draft.collect.given;
    const char      *reader = ssmq_loader_reads_text(ld, samples);
    if (!model || ld->no_model || ld->draft.model.tokenizer || !reader) return;
    if (access(ld->draft.model.tokenizer_file, R_OK) == 0) return;
    ssmq_diag_add(ld->diag, SSMQ_ERR_INPUT, SSMQ_E_NO_TOKENIZER,
                  ssmq_yaml_get(model, "path")->place, "name one as model.tokenizer",
                  "%s: no such file, and '%s' reads text", ld->draft.model.tokenizer_file, reader);
}

void ssmq_loader_draft(ssmq_loader *ld)
{
    check_keys(ld);
    read_schema(ld);
    read_names(ld);
    const ssmq_yaml *model = section(ld, "model", true);
    ssmq_loader_data_names(ld);
    if (model) ssmq_loader_model(ld, model);
    read_modes(ld);
    read_recipes(ld);
    read_calibration(ld);
    read_evaluations(ld);
    const ssmq_yaml *compare = section(ld, "compare", false);
    if (compare) ssmq_loader_compare(ld, compare);
    const ssmq_yaml *collect = section(ld, "collect", false);
    if (collect) ssmq_loader_collect(ld, collect);
    read_run(ld);
    check_tokenizer(ld);
}
