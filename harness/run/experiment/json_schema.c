#include "harness/run/experiment/json_schema.h"
#include <string.h>
#include "harness/base/assert.h"
#include "harness/run/experiment/schema_writer.h"

typedef ssmq_schema_writer writer;

const char *const ssmq_schema_kinds[] = {"experiment", "fragment", "recipe", NULL};

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- definitions: what stands in lists, or in several places ----------------------------- */

static void put_data_set(writer *w)
{
    ssmq_schema_begin_mapping(w, "data-set");
    ssmq_schema_put_options(w, ssmq_schema_data);
    ssmq_schema_end_properties(w);
    ssmq_json_end_object(&w->json);
}

/* A name out of `data`, or a mapping in place. */
static void put_data(writer *w, const char *help, bool whole)
{
    ssmq_json_begin_object(&w->json, "data");
    ssmq_json_put_text(&w->json, "description", help);
    ssmq_json_begin_object(&w->json, "if");
    ssmq_schema_put_type(w, WORDS("object"));
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, "then");
    ssmq_json_put_text(&w->json, "$ref", "#/$defs/data-set");
    if (whole) ssmq_schema_put_required(w, ssmq_schema_data, NULL);
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, "else");
    ssmq_schema_put_text_type(w);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
}

static void put_evaluation(writer *w)
{
    ssmq_schema_begin_mapping(w, "evaluation");
    ssmq_schema_put_options(w, ssmq_schema_evaluation);
    put_data(w, "the text or tokens", true);
    ssmq_schema_end_properties(w);
    ssmq_schema_put_required(w, ssmq_schema_evaluation, WORDS("data"));
    ssmq_json_end_object(&w->json);
}

static void put_profile(writer *w)
{
    ssmq_schema_begin_mapping(w, "profile");
    ssmq_schema_put_options(w, ssmq_schema_profile);
    ssmq_schema_end_properties(w);
    ssmq_schema_put_required(w, ssmq_schema_profile, NULL);
    ssmq_json_end_object(&w->json);
}

static void put_step(writer *w)
{
    const ssmq_schema_variants methods = ssmq_schema_methods(w);
    ssmq_schema_begin_mapping(w, "step");
    for (const ssmq_option *o = ssmq_schema_step; o->name; o++) {
        const ssmq_option one[] = {*o, {0}};
        if (strcmp(o->name, methods.key) != 0) ssmq_schema_put_options(w, one);
    }
    ssmq_schema_put_variant_properties(w, &methods);
    ssmq_schema_end_properties(w);
    ssmq_schema_put_required(w, ssmq_schema_step, NULL);
    ssmq_json_begin_array(&w->json, "allOf");
    ssmq_schema_put_variant_rules(w, &methods);
    ssmq_json_end_array(&w->json);
    ssmq_json_end_object(&w->json);
}

static void put_steps(writer *w)
{
    ssmq_json_put_int(&w->json, "maxItems", SSMQ_STEPS_MAX);
    ssmq_schema_put_ref(w, "items", NULL, "step");
}

/* A list of steps, or the path of a file that holds one. */
static void put_recipe_definition(writer *w)
{
    ssmq_json_begin_object(&w->json, "recipe");
    ssmq_schema_put_type(w, WORDS("array", "string"));
    put_steps(w);
    ssmq_json_end_object(&w->json);
}

static void put_definitions(writer *w, ssmq_schema_kind kind)
{
    ssmq_json_begin_object(&w->json, "$defs");
    put_step(w);
    if (kind != SSMQ_SCHEMA_RECIPE) {
        put_recipe_definition(w);
        put_data_set(w);
        put_evaluation(w);
        put_profile(w);
    }
    ssmq_json_end_object(&w->json);
}

/* ---- the keys of the top ----------------------------------------------------------------- */

static void put_version(writer *w)
{
    ssmq_json_put_int(&w->json, "const", SSMQ_SCHEMA_VERSION);
}

static void put_include(writer *w)
{
    ssmq_schema_put_type(w, WORDS("string", "array"));
    ssmq_json_begin_object(&w->json, "items");
    ssmq_schema_put_type(w, WORDS("string"));
    ssmq_json_end_object(&w->json);
}

static void put_name(writer *w)
{
    ssmq_schema_put_text_type(w);
    ssmq_json_put_text(&w->json, "pattern", SSMQ_SCHEMA_NAME_DOTS);
}

static void put_question(writer *w)
{
    ssmq_schema_put_type(w, WORDS("string", "number", "boolean", "null"));
}

static void put_model(writer *w)
{
    ssmq_schema_put_mapping(w, ssmq_schema_model, NULL);
}

static void put_data_names(writer *w)
{
    ssmq_schema_put_type(w, WORDS("object"));
    ssmq_schema_put_ref(w, "additionalProperties", NULL, "data-set");
}

static void put_samples(writer *w)
{
    put_data(w, "where the samples come from", false);
}

static void put_calibration(writer *w)
{
    ssmq_schema_put_mapping(w, ssmq_schema_calibration, put_samples);
}

static void put_mode(writer *w)
{
    ssmq_schema_put_word_list(w, ssmq_modes);
}

static void put_recipe(writer *w)
{
    ssmq_json_put_text(&w->json, "$ref", "#/$defs/recipe");
}

static void put_recipes(writer *w)
{
    ssmq_schema_put_type(w, WORDS("object"));
    ssmq_json_put_int(&w->json, "minProperties", 1);
    ssmq_json_put_int(&w->json, "maxProperties", SSMQ_STEPS_MAX);
    ssmq_json_begin_object(&w->json, "propertyNames");
    ssmq_json_put_text(&w->json, "pattern", SSMQ_SCHEMA_NAME);
    ssmq_json_end_object(&w->json);
    ssmq_schema_put_ref(w, "additionalProperties", NULL, "recipe");
}

static void put_evaluate(writer *w)
{
    ssmq_schema_put_type(w, WORDS("array"));
    ssmq_json_put_int(&w->json, "minItems", 1);
    ssmq_json_put_int(&w->json, "maxItems", SSMQ_STEPS_MAX);
    ssmq_json_begin_object(&w->json, "items");
    ssmq_json_begin_object(&w->json, "if");
    ssmq_schema_put_type(w, WORDS("object"));
    ssmq_json_begin_object(&w->json, "properties");
    ssmq_json_begin_object(&w->json, "task");
    ssmq_json_put_text(&w->json, "const", ssmq_tasks[SSMQ_TASK_PROFILE]);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_array(&w->json, "required");
    ssmq_json_put_text(&w->json, NULL, "task");
    ssmq_json_end_array(&w->json);
    ssmq_json_end_object(&w->json);
    ssmq_schema_put_ref(w, "then", NULL, "profile");
    ssmq_schema_put_ref(w, "else", NULL, "evaluation");
    ssmq_json_end_object(&w->json);
}

static void put_word_lists(writer *w)
{
    ssmq_json_begin_object(&w->json, "against");
    ssmq_json_put_text(&w->json, "description", "what runs beside a quantised model, over the same tokens");
    ssmq_schema_put_word_list(w, ssmq_baselines);
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, "metrics");
    ssmq_json_put_text(&w->json, "description", "what a quantised model is compared in");
    ssmq_schema_put_word_list(w, ssmq_metrics);
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, "inputs");
    ssmq_json_put_text(&w->json, "description", "what reaches a site when its error is measured");
    ssmq_schema_put_word_list(w, ssmq_error_inputs);
    ssmq_json_end_object(&w->json);
}

/* Pairs of ids of steps. */
static void put_interactions(writer *w)
{
    ssmq_json_begin_object(&w->json, "interactions");
    ssmq_json_put_text(&w->json, "description", "what two steps cost beyond what each does");
    ssmq_schema_put_type(w, WORDS("array"));
    ssmq_json_begin_object(&w->json, "items");
    ssmq_schema_put_type(w, WORDS("array"));
    ssmq_json_put_int(&w->json, "minItems", 2);
    ssmq_json_put_int(&w->json, "maxItems", 2);
    ssmq_json_begin_object(&w->json, "items");
    ssmq_schema_put_text_type(w);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
}

static void put_compare_lists(writer *w)
{
    put_word_lists(w);
    put_interactions(w);
}

static void put_compare(writer *w)
{
    ssmq_schema_put_mapping(w, ssmq_schema_compare, put_compare_lists);
}

/* What begins with "off" and, where it is not, goes on in another form. */
static void begin_unless_off(writer *w, const char *key, const char *help)
{
    ssmq_json_begin_object(&w->json, key);
    ssmq_json_put_text(&w->json, "description", help);
    ssmq_json_begin_object(&w->json, "if");
    ssmq_schema_put_type(w, WORDS("string"));
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, "then");
    ssmq_schema_put_words(w, WORDS("off"));
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, "else");
}

static void end_unless_off(writer *w)
{
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
}

static void put_percent(writer *w)
{
    ssmq_json_put_real(&w->json, "minimum", 0);
    ssmq_json_put_real(&w->json, "maximum", 100);
}

static void put_quantiles(writer *w)
{
    begin_unless_off(w, "quantiles", "of values and of magnitudes, in per cent");
    ssmq_schema_put_type(w, WORDS("number", "array"));
    put_percent(w);
    ssmq_json_put_int(&w->json, "minItems", 1);
    ssmq_json_put_bool(&w->json, "uniqueItems", true);
    ssmq_json_begin_object(&w->json, "items");
    ssmq_schema_put_type(w, WORDS("number"));
    put_percent(w);
    ssmq_json_end_object(&w->json);
    end_unless_off(w);
}

static void put_collect_parts(writer *w)
{
    begin_unless_off(w, "statistics", "what is kept of the values");
    ssmq_schema_put_mapping(w, ssmq_schema_statistics, put_quantiles);
    end_unless_off(w);
    ssmq_json_begin_object(&w->json, "dump");
    ssmq_json_put_text(&w->json, "description", "the values themselves, in dump.h5");
    ssmq_schema_put_mapping(w, ssmq_schema_dump, NULL);
    ssmq_json_end_object(&w->json);
}

static void put_collect(writer *w)
{
    ssmq_schema_put_mapping(w, ssmq_schema_collect, put_collect_parts);
}

/* A name, or a mapping of `name` and the backend's options. */
static void put_backend(writer *w)
{
    const ssmq_schema_variants backends = ssmq_schema_backends(w);
    const char **names = SSMQ_ARENA_ARRAY(w->options.arena, const char *, backends.n + 1);
    for (int32_t i = 0; i < backends.n; i++) names[i] = backends.variant[i].name;
    ssmq_json_begin_object(&w->json, "backend");
    ssmq_json_put_text(&w->json, "description", backends.help);
    ssmq_json_begin_object(&w->json, "if");
    ssmq_schema_put_type(w, WORDS("object"));
    ssmq_json_end_object(&w->json);
    ssmq_schema_begin_mapping(w, "then");
    ssmq_schema_put_variant_properties(w, &backends);
    ssmq_schema_end_properties(w);
    ssmq_json_begin_array(&w->json, "allOf");
    ssmq_schema_put_variant_rules(w, &backends);
    ssmq_json_end_array(&w->json);
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, "else");
    ssmq_schema_put_words(w, names);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
}

static void put_run(writer *w)
{
    ssmq_schema_put_mapping(w, ssmq_schema_run, put_backend);
}

static void put_launch(writer *w)
{
    ssmq_schema_put_mapping(w, ssmq_schema_launch, NULL);
}

static const struct section {
    const char *key;
    void (*put)(writer *w);
} sections[] = {
    {"ssmq", put_version},
    {"include", put_include},
    {"name", put_name},
    {"question", put_question},
    {"model", put_model},
    {"data", put_data_names},
    {"calibration", put_calibration},
    {"mode", put_mode},
    {"recipe", put_recipe},
    {"recipes", put_recipes},
    {"evaluate", put_evaluate},
    {"compare", put_compare},
    {"collect", put_collect},
    {"sweep", ssmq_schema_put_sweep},
    {"expect", ssmq_schema_put_expect},
    {"run", put_run},
    {"launch", put_launch},
};

static const char *help_of(const char *key)
{
    const ssmq_schema_key *k = ssmq_schema_top;
    while (k->name && strcmp(k->name, key) != 0) k++;
    SSMQ_ASSERT(k->name); /* a key that ssmq_schema_top leaves out */
    return k->help;
}

static void put_top(writer *w, const char *key)
{
    size_t i = 0;
    while (i < sizeof sections / sizeof *sections && strcmp(sections[i].key, key) != 0) i++;
    SSMQ_ASSERT(i < sizeof sections / sizeof *sections); /* a key without a form above */
    ssmq_json_begin_object(&w->json, key);
    ssmq_json_put_text(&w->json, "description", help_of(key));
    sections[i].put(w);
    ssmq_json_end_object(&w->json);
}

/* ---- what has to be there ---------------------------------------------------------------- */

/* Mappings merge key by key, so with an include any key may come from there. */
static void put_required(writer *w)
{
    ssmq_json_begin_object(&w->json, "if");
    ssmq_schema_put_strings(w, "required", WORDS("include"));
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, "else");
    ssmq_json_begin_array(&w->json, "required");
    for (const ssmq_schema_key *k = ssmq_schema_top; k->name; k++)
        if (!k->fallback) ssmq_json_put_text(&w->json, NULL, k->name);
    ssmq_json_end_array(&w->json);
    ssmq_json_begin_object(&w->json, "properties");
    ssmq_json_begin_object(&w->json, "model");
    ssmq_schema_put_required(w, ssmq_schema_model, NULL);
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, "data");
    ssmq_json_begin_object(&w->json, "additionalProperties");
    ssmq_schema_put_required(w, ssmq_schema_data, NULL);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, "calibration");
    ssmq_schema_put_required(w, ssmq_schema_calibration, WORDS("data"));
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, "collect");
    ssmq_json_begin_object(&w->json, "properties");
    ssmq_json_begin_object(&w->json, "dump");
    ssmq_schema_put_required(w, ssmq_schema_dump, NULL);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, "run");
    ssmq_json_begin_object(&w->json, "properties");
    ssmq_json_begin_object(&w->json, "backend");
    ssmq_schema_put_strings(w, "required", WORDS("name"));
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
}

static void put_experiment(writer *w, bool whole)
{
    ssmq_schema_put_type(w, WORDS("object"));
    ssmq_json_begin_object(&w->json, "properties");
    for (const char *const *key = ssmq_schema_keys; *key; key++) put_top(w, *key);
    ssmq_schema_end_properties(w);
    ssmq_json_begin_object(&w->json, "not");
    ssmq_schema_put_strings(w, "required", WORDS("recipe", "recipes"));
    ssmq_json_end_object(&w->json);
    if (whole) put_required(w);
}

void ssmq_json_schema(const ssmq_catalogue *cat, ssmq_schema_kind kind, ssmq_str *out)
{
    static const char *const titles[] = {"An experiment of ssmq", "A fragment that experiments include",
                                         "A recipe: an ordered list of steps"};
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_diag  *diag = ssmq_diag_new();
    writer      w = {.json = {.out = out}, .options = {.arena = arena, .diag = diag}, .cat = cat};
    ssmq_json_begin_object(&w.json, NULL);
    ssmq_json_put_text(&w.json, "$schema", "https://json-schema.org/draft/2020-12/schema");
    ssmq_json_put_text(&w.json, "title", titles[kind]);
    if (kind == SSMQ_SCHEMA_RECIPE) {
        ssmq_schema_put_type(&w, WORDS("array"));
        put_steps(&w);
    } else {
        put_experiment(&w, kind == SSMQ_SCHEMA_EXPERIMENT);
    }
    put_definitions(&w, kind);
    ssmq_json_end_object(&w.json);
    ssmq_str_puts(out, "\n");
    ssmq_diag_free(diag);
    ssmq_arena_free(arena);
}
