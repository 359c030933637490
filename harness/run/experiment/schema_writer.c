#include "harness/run/experiment/schema_writer.h"
#include <math.h>
#include <string.h>
#include "harness/run/experiment/observer_option.h"

typedef ssmq_schema_writer writer;

/* ---- keywords -------------------------------------------------------------------------- */

void ssmq_schema_put_strings(writer *w, const char *key, const char *const *strings)
{
    ssmq_json_begin_array(&w->json, key);
    for (; *strings; strings++) ssmq_json_put_text(&w->json, NULL, *strings);
    ssmq_json_end_array(&w->json);
}

void ssmq_schema_put_type(writer *w, const char *const *types)
{
    if (types[1]) ssmq_schema_put_strings(w, "type", types);
    else ssmq_json_put_text(&w->json, "type", types[0]);
}

#define TYPE(...) ((const char *const[]){__VA_ARGS__, NULL})

void ssmq_schema_put_text_type(writer *w)
{
    ssmq_schema_put_type(w, TYPE("string", "number", "boolean"));
}

void ssmq_schema_put_words(writer *w, const char *const *words)
{
    ssmq_schema_put_strings(w, "enum", words);
}

static void put_list_of_words(writer *w, const char *const *words)
{
    ssmq_json_begin_object(&w->json, NULL);
    ssmq_schema_put_type(w, TYPE("array"));
    ssmq_json_put_int(&w->json, "minItems", 1);
    ssmq_json_put_bool(&w->json, "uniqueItems", true);
    ssmq_json_begin_object(&w->json, "items");
    ssmq_schema_put_words(w, words);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
}

void ssmq_schema_put_word_list(writer *w, const char *const *words)
{
    ssmq_json_begin_array(&w->json, "anyOf");
    ssmq_json_begin_object(&w->json, NULL);
    ssmq_schema_put_words(w, words);
    ssmq_json_end_object(&w->json);
    put_list_of_words(w, words);
    ssmq_json_end_array(&w->json);
}

void ssmq_schema_put_ref(writer *w, const char *key, const char *help, const char *definition)
{
    ssmq_json_begin_object(&w->json, key);
    if (help) ssmq_json_put_text(&w->json, "description", help);
    ssmq_json_put_text(&w->json, "$ref",
                       ssmq_arena_printf(w->options.arena, "#/$defs/%s", definition));
    ssmq_json_end_object(&w->json);
}

/* A bound as the whole number that it mostly is. */
static void put_bound(writer *w, const char *key, double value)
{
    if (value == floor(value) && fabs(value) < 1e15)
        ssmq_json_put_int(&w->json, key, (int64_t)value);
    else ssmq_json_put_real(&w->json, key, value);
}

static void put_number(writer *w, const char *type, const ssmq_option *o)
{
    ssmq_schema_put_type(w, TYPE(type));
    put_bound(w, "minimum", o->min);
    put_bound(w, "maximum", o->max);
}

/* ---- values of options ----------------------------------------------------------------- */

/* A whole number, or one of the words that stand for some. */
static void put_int(writer *w, const ssmq_option *o)
{
    if (!o->choices) {
        put_number(w, "integer", o);
        return;
    }
    ssmq_json_begin_array(&w->json, "anyOf");
    ssmq_json_begin_object(&w->json, NULL);
    put_number(w, "integer", o);
    ssmq_json_end_object(&w->json);
    ssmq_json_begin_object(&w->json, NULL);
    ssmq_schema_put_words(w, o->choices);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_array(&w->json);
}

static void put_size(writer *w)
{
    ssmq_schema_put_type(w, TYPE("integer", "string"));
    ssmq_json_put_int(&w->json, "minimum", 0);
    ssmq_json_put_text(&w->json, "pattern", "^[0-9]+(KiB|MiB|GiB)?$");
}

/* One text, or a list of them. */
static void put_texts(writer *w, const char *const *types)
{
    const char *all[8];
    int         n = 0;
    for (; types[n]; n++) all[n] = types[n];
    all[n++] = "array";
    all[n] = NULL;
    ssmq_schema_put_type(w, all);
    ssmq_json_put_int(&w->json, "minItems", 1);
    ssmq_json_begin_object(&w->json, "items");
    ssmq_schema_put_type(w, types);
    ssmq_json_end_object(&w->json);
}

static const char *part_of(const ssmq_yaml *observer, const char *key)
{
    const ssmq_yaml *v = ssmq_yaml_get(observer, key);
    return v ? v->text : NULL;
}

#define LIST_VARIANTS(list, arena, out)                                                        \
    do {                                                                                       \
        int32_t n_ = 0;                                                                        \
        while ((list)[n_]) n_++;                                                               \
        ssmq_schema_variant *all_ = SSMQ_ARENA_ARRAY((arena), ssmq_schema_variant, n_ + 1);    \
        for (int32_t i_ = 0; i_ < n_; i_++)                                                    \
            all_[i_] = (ssmq_schema_variant){(list)[i_]->name, (list)[i_]->options};           \
        (out)->variant = all_;                                                                 \
        (out)->n = n_;                                                                         \
    } while (0)

ssmq_schema_variants ssmq_schema_methods(const writer *w)
{
    ssmq_schema_variants all = {.key = "method", .help = "what the step does"};
    LIST_VARIANTS(w->cat->methods, w->options.arena, &all);
    return all;
}

ssmq_schema_variants ssmq_schema_backends(const writer *w)
{
    ssmq_schema_variants all = {.key = "name", .help = "where arithmetic runs"};
    LIST_VARIANTS(w->cat->backends, w->options.arena, &all);
    return all;
}

/* What is left out is as in the option's default; without an across there it takes none. */
static void put_observer(writer *w, const ssmq_option *o)
{
    const ssmq_yaml     *fallback = ssmq_observer_default(&w->options, o);
    ssmq_schema_variants statistic = {.key = "statistic", .help = "what is taken of each sample"};
    ssmq_schema_variants across = {.key = "across", .help = "how the samples become one range"};
    statistic.fallback = part_of(fallback, "statistic");
    across.fallback = part_of(fallback, "across");
    LIST_VARIANTS(w->cat->statistics, w->options.arena, &statistic);
    LIST_VARIANTS(w->cat->across, w->options.arena, &across);
    ssmq_schema_put_type(w, TYPE("object"));
    ssmq_json_begin_object(&w->json, "properties");
    ssmq_schema_put_variant_properties(w, &statistic);
    if (across.fallback) ssmq_schema_put_variant_properties(w, &across);
    ssmq_json_end_object(&w->json);
    ssmq_json_put_bool(&w->json, "additionalProperties", false);
    ssmq_json_begin_array(&w->json, "allOf");
    ssmq_schema_put_variant_rules(w, &statistic);
    if (across.fallback) ssmq_schema_put_variant_rules(w, &across);
    ssmq_json_end_array(&w->json);
}

static void put_value(writer *w, const ssmq_option *o)
{
    switch (o->type) {
    case SSMQ_OPTION_BOOL: ssmq_schema_put_type(w, TYPE("boolean")); return;
    case SSMQ_OPTION_INT: put_int(w, o); return;
    case SSMQ_OPTION_REAL: put_number(w, "number", o); return;
    case SSMQ_OPTION_TEXT: ssmq_schema_put_text_type(w); return;
    case SSMQ_OPTION_CHOICE: ssmq_schema_put_words(w, o->choices); return;
    case SSMQ_OPTION_SITES: put_texts(w, TYPE("string")); return;
    case SSMQ_OPTION_OBSERVER: put_observer(w, o); return;
    case SSMQ_OPTION_SIZE: put_size(w); return;
    case SSMQ_OPTION_LIST: put_texts(w, TYPE("string", "number", "boolean")); return;
    }
}

/* ---- defaults -------------------------------------------------------------------------- */

static void put_scalar(writer *w, const ssmq_yaml *v)
{
    switch (ssmq_yaml_type_of(v)) {
    case SSMQ_YAML_BOOL: ssmq_json_put_bool(&w->json, "default", ssmq_yaml_bool(v)); return;
    case SSMQ_YAML_INT: ssmq_json_put_int(&w->json, "default", ssmq_yaml_int(v)); return;
    case SSMQ_YAML_REAL: ssmq_json_put_real(&w->json, "default", ssmq_yaml_real(v)); return;
    default: ssmq_json_put_text(&w->json, "default", v->text); return;
    }
}

static void put_observer_default(writer *w, const ssmq_option *o)
{
    const ssmq_yaml *map = ssmq_observer_default(&w->options, o);
    ssmq_json_begin_object(&w->json, "default");
    for (int32_t i = 0; i < map->n; i++)
        ssmq_json_put_text(&w->json, map->key[i]->text, map->value[i]->text);
    ssmq_json_end_object(&w->json);
}

static void put_default(writer *w, const ssmq_option *o)
{
    if (!o->fallback || !*o->fallback) return;
    const bool text = o->type == SSMQ_OPTION_TEXT || o->type == SSMQ_OPTION_SITES;
    if (o->type == SSMQ_OPTION_OBSERVER) put_observer_default(w, o);
    else put_scalar(w, ssmq_yaml_scalar(w->options.arena, o->fallback, text));
}

/* ---- mappings -------------------------------------------------------------------------- */

static void put_option(writer *w, const ssmq_option *o)
{
    ssmq_json_begin_object(&w->json, o->name);
    ssmq_json_put_text(&w->json, "description", o->help);
    put_value(w, o);
    if (o->type == SSMQ_OPTION_TEXT && strcmp(o->name, "id") == 0)
        ssmq_json_put_text(&w->json, "pattern", SSMQ_SCHEMA_NAME);
    put_default(w, o);
    ssmq_json_end_object(&w->json);
}

void ssmq_schema_put_options(writer *w, const ssmq_option *table)
{
    for (const ssmq_option *o = table; o && o->name; o++) put_option(w, o);
}

void ssmq_schema_put_required(writer *w, const ssmq_option *table, const char *const *other)
{
    ssmq_json_begin_array(&w->json, "required");
    for (const ssmq_option *o = table; o && o->name; o++)
        if (!o->fallback) ssmq_json_put_text(&w->json, NULL, o->name);
    for (; other && *other; other++) ssmq_json_put_text(&w->json, NULL, *other);
    ssmq_json_end_array(&w->json);
}

/* ---- variants -------------------------------------------------------------------------- */

static bool has_option(const ssmq_schema_variant *v, const char *name)
{
    for (const ssmq_option *o = v->options; o && o->name; o++)
        if (strcmp(o->name, name) == 0) return true;
    return false;
}

/* Has one of the first n variants an option of that name? */
static bool any_has(const ssmq_schema_variants *all, int32_t n, const char *name)
{
    for (int32_t i = 0; i < n; i++)
        if (has_option(&all->variant[i], name)) return true;
    return false;
}

void ssmq_schema_put_variant_properties(writer *w, const ssmq_schema_variants *all)
{
    const char **names = SSMQ_ARENA_ARRAY(w->options.arena, const char *, all->n + 1);
    for (int32_t i = 0; i < all->n; i++) names[i] = all->variant[i].name;
    ssmq_json_begin_object(&w->json, all->key);
    ssmq_json_put_text(&w->json, "description", all->help);
    ssmq_schema_put_words(w, names);
    if (all->fallback) ssmq_json_put_text(&w->json, "default", all->fallback);
    ssmq_json_end_object(&w->json);
    for (int32_t i = 0; i < all->n; i++)
        for (const ssmq_option *o = all->variant[i].options; o && o->name; o++)
            if (!any_has(all, i, o->name)) ssmq_json_put_bool(&w->json, o->name, true);
}

/* The key has this variant's name, or is missing where this is the default. */
static void put_condition(writer *w, const ssmq_schema_variants *all, const ssmq_schema_variant *v)
{
    ssmq_json_begin_object(&w->json, "if");
    ssmq_json_begin_object(&w->json, "properties");
    ssmq_json_begin_object(&w->json, all->key);
    ssmq_json_put_text(&w->json, "const", v->name);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
    if (!all->fallback || strcmp(all->fallback, v->name) != 0)
        ssmq_schema_put_strings(w, "required", TYPE(all->key));
    ssmq_json_end_object(&w->json);
}

/* Required options: of the default variant only where it is named, as it brings its own. */
static void put_rule(writer *w, const ssmq_schema_variants *all, const ssmq_schema_variant *v)
{
    ssmq_json_begin_object(&w->json, NULL);
    put_condition(w, all, v);
    ssmq_json_begin_object(&w->json, "then");
    ssmq_json_begin_object(&w->json, "properties");
    ssmq_schema_put_options(w, v->options);
    for (int32_t i = 0; i < all->n; i++)
        for (const ssmq_option *o = all->variant[i].options; o && o->name; o++)
            if (!has_option(v, o->name) && !any_has(all, i, o->name))
                ssmq_json_put_bool(&w->json, o->name, false);
    ssmq_json_end_object(&w->json);
    if (!all->fallback || strcmp(all->fallback, v->name) != 0)
        ssmq_schema_put_required(w, v->options, NULL);
    ssmq_json_end_object(&w->json);
    ssmq_json_end_object(&w->json);
}

void ssmq_schema_put_variant_rules(writer *w, const ssmq_schema_variants *all)
{
    for (int32_t i = 0; i < all->n; i++) put_rule(w, all, &all->variant[i]);
}

/* ---- mappings ----------------------------------------------------------------------------- */

void ssmq_schema_begin_mapping(writer *w, const char *key)
{
    ssmq_json_begin_object(&w->json, key);
    ssmq_schema_put_type(w, TYPE("object"));
    ssmq_json_begin_object(&w->json, "properties");
}

void ssmq_schema_end_properties(writer *w)
{
    ssmq_json_end_object(&w->json);
    ssmq_json_put_bool(&w->json, "additionalProperties", false);
}

void ssmq_schema_put_mapping(writer *w, const ssmq_option *table, void (*more)(writer *w))
{
    ssmq_schema_put_type(w, TYPE("object"));
    ssmq_json_begin_object(&w->json, "properties");
    ssmq_schema_put_options(w, table);
    if (more) more(w);
    ssmq_schema_end_properties(w);
}
