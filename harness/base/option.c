#include "harness/base/option.h"
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/base/glob.h"
#include "harness/base/str.h"

typedef const ssmq_option_context context;

#define REPORT(cx, problem, node, help, ...) \
    ssmq_diag_add((cx)->diag, SSMQ_ERR_CONFIG, SSMQ_E_##problem, (node)->place, (help), __VA_ARGS__)

/* "recipe.u" and "bits" to "recipe.u.bits"; the top has an empty path. */
static const char *join(context *cx, const char *path, const char *key)
{
    return *path ? ssmq_arena_printf(cx->arena, "%s.%s", path, key) : key;
}

const char *ssmq_option_words(ssmq_arena *arena, const char *const *words)
{
    ssmq_str text = {0};
    for (int i = 0; words[i]; i++) ssmq_str_printf(&text, "%s%s", i ? ", " : "", words[i]);
    const char *copy = ssmq_arena_strdup(arena, ssmq_str_text(&text));
    ssmq_str_free(&text);
    return copy;
}

const char *ssmq_option_help(ssmq_arena *arena, const char *word, const char *const *words)
{
    const char *nearest = ssmq_str_nearest(word, words);
    if (nearest) return ssmq_arena_printf(arena, "did you mean '%s'?", nearest);
    return words[0] ? ssmq_arena_printf(arena, "there are: %s", ssmq_option_words(arena, words))
                    : NULL;
}

/* "did you mean 'a'?", or NULL. */
static const char *suggest(context *cx, const char *word, const char *const *candidates)
{
    const char *nearest = ssmq_str_nearest(word, candidates);
    return nearest ? ssmq_arena_printf(cx->arena, "did you mean '%s'?", nearest) : NULL;
}

/* ---- keys ------------------------------------------------------------------------------ */

bool ssmq_options_mapping(context *cx, const ssmq_yaml *given, const char *path)
{
    if (given->kind == SSMQ_YAML_MAP) return true;
    REPORT(cx, NO_MAPPING, given, NULL, "%s must be a mapping, found %s", path,
           ssmq_yaml_found(cx->arena, given));
    return false;
}

/* All keys that a mapping may have, NULL-terminated. */
static const char *const *allowed_keys(context *cx, const ssmq_option *table,
                                       const char *const *other)
{
    int n = 0, at = 0;
    for (const ssmq_option *o = table; o && o->name; o++) n++;
    for (int i = 0; other && other[i]; i++) n++;
    const char **all = SSMQ_ARENA_ARRAY(cx->arena, const char *, n + 1);
    for (int i = 0; other && other[i]; i++) all[at++] = other[i];
    for (const ssmq_option *o = table; o && o->name; o++) all[at++] = o->name;
    return all;
}

static bool in_list(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0) return true;
    return false;
}

bool ssmq_options_known(context *cx, const ssmq_option *table, const char *const *other,
                        const ssmq_yaml *given, const char *path)
{
    const char *const *all = allowed_keys(cx, table, other);
    bool               fine = true;
    for (int32_t i = 0; i < given->n; i++) {
        const ssmq_yaml *key = given->key[i];
        if (in_list(key->text, all)) continue;
        const char *help = suggest(cx, key->text, all);
        if (!help)
            help =
                ssmq_arena_printf(cx->arena, "allowed here: %s", ssmq_option_words(cx->arena, all));
        REPORT(cx, UNKNOWN_KEY, key, help, "unknown key '%s'%s%s", key->text, *path ? " in " : "",
               path);
        fine = false;
    }
    return fine;
}

void ssmq_option_missing(context *cx, const ssmq_yaml *mapping, const char *path, const char *key)
{
    REPORT(cx, MISSING_KEY, mapping, NULL, "%s is missing", join(cx, path, key));
}

#define NAME_MAX_BYTES 200 /* it may become the name of a folder */

bool ssmq_option_name(context *cx, const ssmq_yaml *given, const char *path, bool dots)
{
    const bool scalar =
        given->kind == SSMQ_YAML_SCALAR && ssmq_yaml_type_of(given) != SSMQ_YAML_NULL;
    const char *text = scalar ? given->text : "";
    bool        fine = scalar && *text && !strchr("-.", *text);
    for (const char *c = text; *c; c++) {
        const bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        fine = fine && (letter || strchr("0123456789_-", *c) || (dots && *c == '.'));
    }
    if (!fine)
        REPORT(cx, NAME, given, NULL,
               "%s must be of letters, digits, %s'_' and '-', and begin with none of %s; "
               "found %s",
               path, dots ? "'.', " : "", dots ? "'.' and '-'" : "'-'",
               ssmq_yaml_found(cx->arena, given));
    if (fine && strlen(text) > NAME_MAX_BYTES) {
        REPORT(cx, NAME_LENGTH, given, NULL, "%s has %zu characters; at most %d are allowed", path,
               strlen(text), NAME_MAX_BYTES);
        fine = false;
    }
    return fine;
}

/* ---- values ---------------------------------------------------------------------------- */

/* A value of the wrong type.  Help for what people coming from YAML 1.1 or JSON write. */
static bool wrong(context *cx, const ssmq_yaml *v, const char *path, const char *wanted)
{
    REPORT(cx, TYPE, v, NULL, "%s must be %s, found %s", path, wanted,
           ssmq_yaml_found(cx->arena, v));
    return false;
}

static bool read_bool(context *cx, const ssmq_yaml *v, const char *path, bool *out)
{
    static const char *const yes[] = {"yes", "Yes", "YES", "on", "On", "ON", "y", "Y", NULL};
    static const char *const no[] = {"no", "No", "NO", "off", "Off", "OFF", "n", "N", NULL};
    if (ssmq_yaml_type_of(v) == SSMQ_YAML_BOOL) {
        *out = ssmq_yaml_bool(v);
        return true;
    }
    const char *word = v->kind == SSMQ_YAML_SCALAR && !v->quoted ? v->text : "";
    if (!in_list(word, yes) && !in_list(word, no)) return wrong(cx, v, path, "true or false");
    REPORT(cx, BOOLEAN, v, in_list(word, yes) ? "write 'true'" : "write 'false'",
           "%s must be true or false, found %s", path, ssmq_yaml_found(cx->arena, v));
    return false;
}

/* Reports text that would be a number without its quotes. */
static bool wrong_number(context *cx, const ssmq_yaml *v, const char *path, const char *wanted)
{
    ssmq_yaml bare = *v;
    bare.quoted = false;
    const bool  quoted = v->kind == SSMQ_YAML_SCALAR && v->quoted;
    const bool  number = quoted && (ssmq_yaml_type_of(&bare) == SSMQ_YAML_INT ||
                                   ssmq_yaml_type_of(&bare) == SSMQ_YAML_REAL);
    const char *help = number ? "leave out the quotes" : NULL;
    REPORT(cx, TYPE, v, help, "%s must be %s, found %s", path, wanted,
           ssmq_yaml_found(cx->arena, v));
    return false;
}

/* 010 is 10 in YAML 1.2, 8 in YAML 1.1, and most often a mistake. */
static bool leading_zero(context *cx, const ssmq_yaml *v, const char *path)
{
    const char *digits = v->text + (*v->text == '+' || *v->text == '-');
    if (digits[0] != '0' || digits[1] < '0' || digits[1] > '9') return false;
    REPORT(cx, LEADING_ZERO, v, NULL, "%s is a number with a leading zero: %s", path, v->text);
    return true;
}

/* "2 to 16 or off" */
static const char *int_range(context *cx, const ssmq_option *o)
{
    const char *range = ssmq_arena_printf(cx->arena, "%.0f to %.0f", o->min, o->max);
    if (!o->choices) return range;
    return ssmq_arena_printf(cx->arena, "%s or %s", range,
                             ssmq_option_words(cx->arena, o->choices));
}

static int word_index(const char *const *words, const ssmq_yaml *v)
{
    if (v->kind != SSMQ_YAML_SCALAR) return -1;
    for (int i = 0; words && words[i]; i++)
        if (strcmp(words[i], v->text) == 0) return i;
    return -1;
}

static bool read_int(context *cx, const ssmq_option *o, const ssmq_yaml *v, const char *path,
                     int *out)
{
    const int word = word_index(o->choices, v);
    if (word >= 0) {
        *out = word;
        return true;
    }
    if (ssmq_yaml_type_of(v) != SSMQ_YAML_INT)
        return wrong_number(cx, v, path, o->choices ? int_range(cx, o) : "an integer");
    if (leading_zero(cx, v, path)) return false;
    const int64_t value = ssmq_yaml_int(v);
    if ((double)value < o->min || (double)value > o->max || value < INT_MIN || value > INT_MAX) {
        REPORT(cx, RANGE, v, NULL, "%s is %s; allowed: %s", path, v->text, int_range(cx, o));
        return false;
    }
    *out = (int)value;
    return true;
}

/* A number as people write it: as few digits as read back to the same, without an exponent where
 * that is short. */
static void real_text(double value, char text[64])
{
    if (value == 0 || (fabs(value) >= 1e-4 && fabs(value) < 1e15)) {
        for (int digits = 0; digits <= 20; digits++) {
            snprintf(text, 64, "%.*f", digits, value);
            if (strtod(text, NULL) == value) return;
        }
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, 64, "%.*g", digits, value);
        if (strtod(text, NULL) == value) return;
    }
}

static bool read_real(context *cx, const ssmq_option *o, const ssmq_yaml *v, const char *path,
                      double *out)
{
    const ssmq_yaml_type type = ssmq_yaml_type_of(v);
    if (type != SSMQ_YAML_INT && type != SSMQ_YAML_REAL)
        return wrong_number(cx, v, path, "a number");
    if (leading_zero(cx, v, path)) return false;
    const double value = ssmq_yaml_real(v);
    if (!(value >= o->min && value <= o->max)) {
        char min[64], max[64];
        real_text(o->min, min);
        real_text(o->max, max);
        REPORT(cx, RANGE, v, NULL, "%s is %s; allowed: %s to %s", path, v->text, min, max);
        return false;
    }
    *out = value;
    return true;
}

static const struct unit {
    const char *name;
    int64_t     bytes;
} units[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}};

void ssmq_size_text(int64_t bytes, char text[SSMQ_SIZE_TEXT])
{
    const struct unit *u = units;
    while (bytes % u->bytes != 0) u++;
    if (bytes == 0) u = &units[3];
    snprintf(text, SSMQ_SIZE_TEXT, "%" PRId64 "%s", bytes / u->bytes, u->name);
}

void ssmq_size_approximate(int64_t bytes, char text[SSMQ_SIZE_TEXT])
{
    int i = 0;
    while (i < 2 && bytes < units[i].bytes) i++;
    snprintf(text, SSMQ_SIZE_TEXT, "%.1f %s", (double)bytes / (double)units[i].bytes, units[i].name);
}

/* "4GiB" to bytes; false if it is no size, or none that an int64_t holds. */
static bool size_of(const char *text, int64_t *out)
{
    int64_t value = 0;
    if (*text < '0' || *text > '9') return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (value > INT32_MAX * (int64_t)1000000) return false;
        value = value * 10 + (*text - '0');
    }
    for (int i = 0; i < 4; i++) {
        if (strcmp(text, units[i].name) != 0) continue;
        if (value > INT64_MAX / units[i].bytes) return false;
        *out = value * units[i].bytes;
        return true;
    }
    return false;
}

static bool wrong_size(context *cx, const ssmq_yaml *v, const char *path)
{
    REPORT(cx, SIZE, v, NULL, "%s must be a size, such as 512MiB or 4GiB, found %s", path,
           ssmq_yaml_found(cx->arena, v));
    return false;
}

static bool read_size(context *cx, const ssmq_option *o, const ssmq_yaml *v, const char *path,
                      int64_t *out)
{
    int64_t value;
    if (v->kind != SSMQ_YAML_SCALAR || !size_of(v->text, &value)) return wrong_size(cx, v, path);
    if (leading_zero(cx, v, path)) return false;
    if ((double)value < o->min || (double)value > o->max) {
        char min[SSMQ_SIZE_TEXT], max[SSMQ_SIZE_TEXT];
        ssmq_size_text((int64_t)o->min, min);
        ssmq_size_text((int64_t)o->max, max);
        REPORT(cx, RANGE, v, NULL, "%s is %s; allowed: %s to %s", path, v->text, min, max);
        return false;
    }
    *out = value;
    return true;
}

static bool read_text(context *cx, const ssmq_yaml *v, const char *path, const char **out)
{
    if (v->kind != SSMQ_YAML_SCALAR || ssmq_yaml_type_of(v) == SSMQ_YAML_NULL)
        return wrong(cx, v, path, "a text");
    *out = *v->text ? ssmq_arena_strdup(cx->arena, v->text) : NULL;
    return true;
}

static bool read_choice(context *cx, const ssmq_option *o, const ssmq_yaml *v, const char *path,
                        int *out)
{
    const int word = word_index(o->choices, v);
    if (word >= 0) {
        *out = word;
        return true;
    }
    const char *help = v->kind == SSMQ_YAML_SCALAR ? suggest(cx, v->text, o->choices) : NULL;
    REPORT(cx, CHOICE, v, help, "%s must be %s%s, found %s", path, o->choices[1] ? "one of " : "",
           ssmq_option_words(cx->arena, o->choices), ssmq_yaml_found(cx->arena, v));
    return false;
}

static bool read_selector(context *cx, const ssmq_yaml *v, const char *path, const char **out)
{
    if (ssmq_yaml_type_of(v) != SSMQ_YAML_TEXT)
        return wrong(cx, v, path, "a selector or a list of them");
    size_t      offset;
    const char *problem = ssmq_glob_check(v->text, &offset);
    if (problem) {
        REPORT(cx, SELECTOR_FORM, v, NULL, "%s: '%s' is no selector: %s (character %zu)", path,
               v->text, problem, offset + 1);
        return false;
    }
    *out = ssmq_arena_strdup(cx->arena, v->text);
    return true;
}

/* One text, or a list of them. */
static bool read_texts(context *cx, const ssmq_option *o, const ssmq_yaml *v, const char *path,
                       const char *const **out)
{
    const bool    list = v->kind == SSMQ_YAML_LIST;
    const int32_t n = list ? v->n : 1;
    const char  **texts = SSMQ_ARENA_ARRAY(cx->arena, const char *, n + 1);
    bool          fine = true;
    if (n == 0) {
        REPORT(cx, EMPTY_LIST, v, NULL, "%s is an empty list", path);
        return false;
    }
    for (int32_t i = 0; i < n; i++) {
        const ssmq_yaml *one = list ? v->value[i] : v;
        const bool read = o->type == SSMQ_OPTION_SITES ? read_selector(cx, one, path, &texts[i])
                                                       : read_text(cx, one, path, &texts[i]);
        fine = fine && read;
    }
    *out = texts;
    return fine;
}

static bool read_value(context *cx, const ssmq_option *o, const ssmq_yaml *v, const char *path,
                       void *field)
{
    switch (o->type) {
    case SSMQ_OPTION_BOOL: return read_bool(cx, v, path, field);
    case SSMQ_OPTION_INT: return read_int(cx, o, v, path, field);
    case SSMQ_OPTION_REAL: return read_real(cx, o, v, path, field);
    case SSMQ_OPTION_SIZE: return read_size(cx, o, v, path, field);
    case SSMQ_OPTION_TEXT: return read_text(cx, v, path, field);
    case SSMQ_OPTION_CHOICE: return read_choice(cx, o, v, path, field);
    case SSMQ_OPTION_SITES:
    case SSMQ_OPTION_LIST: return read_texts(cx, o, v, path, field);
    case SSMQ_OPTION_OBSERVER: return cx->observer_read(cx, o, v, path, field);
    }
    SSMQ_ASSERT(!"an option of a type that does not exist");
    return false;
}

static void read_default(context *cx, const ssmq_option *o, const char *path, void *field)
{
    if (o->type == SSMQ_OPTION_OBSERVER) {
        const bool fine = cx->observer_read(cx, o, NULL, path, field);
        SSMQ_ASSERT(fine);
        return;
    }
    if (!*o->fallback) { /* may be left out: the zeroed field, but for these two, says so */
        if (o->type == SSMQ_OPTION_CHOICE || o->type == SSMQ_OPTION_INT) *(int *)field = -1;
        return;
    }
    const bool       text = o->type == SSMQ_OPTION_TEXT || o->type == SSMQ_OPTION_SITES;
    const ssmq_yaml *v = ssmq_yaml_scalar(cx->arena, o->fallback, text);
    const bool       fine = read_value(cx, o, v, path, field);
    SSMQ_ASSERT(fine); /* a table whose default does not pass its own check */
}

static void mark_used(const ssmq_yaml *v)
{
    if (v->place.source) v->place.source->used = true;
    for (int32_t i = 0; i < v->n; i++) mark_used(v->value[i]);
}

bool ssmq_options_read(context *cx, const ssmq_option *table, const ssmq_yaml *given,
                       const char *path, void *options)
{
    bool fine = true;
    for (const ssmq_option *o = table; o && o->name; o++) {
        void            *field = (char *)options + o->offset;
        const ssmq_yaml *v = ssmq_yaml_get(given, o->name);
        if (v) {
            mark_used(v);
            const bool read = read_value(cx, o, v, join(cx, path, o->name), field);
            fine = fine && read;
        } else if (o->fallback) {
            read_default(cx, o, path, field);
        } else {
            SSMQ_ASSERT(
                given); /* nothing given where something is required: the caller's mistake */
            ssmq_option_missing(cx, given, path, o->name);
            fine = false;
        }
    }
    return fine;
}

/* ---- back to YAML ---------------------------------------------------------------------- */

static ssmq_yaml *number_tree(context *cx, const ssmq_option *o, const void *field,
                              const ssmq_yaml *given)
{
    char text[64];
    if (o->type == SSMQ_OPTION_REAL) {
        real_text(*(const double *)field, text);
    } else {
        const int value = *(const int *)field;
        if (value == -1 && o->fallback && !*o->fallback) return NULL;
        for (int i = 0; o->choices && o->choices[i]; i++)
            if (i == value) return ssmq_yaml_scalar_at(cx->arena, o->choices[i], true, given);
        snprintf(text, sizeof text, "%d", value);
    }
    return ssmq_yaml_scalar_at(cx->arena, text, false, given);
}

static ssmq_yaml *texts_tree(context *cx, const char *const *texts, const ssmq_yaml *given)
{
    if (!texts) return NULL;
    if (!texts[1]) return ssmq_yaml_scalar_at(cx->arena, texts[0], true, given);
    ssmq_yaml *list = ssmq_yaml_new(cx->arena, SSMQ_YAML_LIST);
    if (given) {
        list->place = given->place;
        list->line = given->line;
    }
    for (; *texts; texts++)
        ssmq_yaml_append(cx->arena, list, NULL, ssmq_yaml_scalar(cx->arena, *texts, true));
    return list;
}

/* NULL: left out. */
static ssmq_yaml *value_tree(context *cx, const ssmq_option *o, const void *field,
                             const ssmq_yaml *given)
{
    switch (o->type) {
    case SSMQ_OPTION_BOOL:
        return ssmq_yaml_scalar_at(cx->arena, *(const bool *)field ? "true" : "false", false,
                                   given);
    case SSMQ_OPTION_INT:
    case SSMQ_OPTION_REAL: return number_tree(cx, o, field, given);
    case SSMQ_OPTION_SIZE: {
        char text[SSMQ_SIZE_TEXT];
        ssmq_size_text(*(const int64_t *)field, text);
        return ssmq_yaml_scalar_at(cx->arena, text, false, given);
    }
    case SSMQ_OPTION_TEXT: {
        const char *text = *(const char *const *)field;
        return text ? ssmq_yaml_scalar_at(cx->arena, text, true, given) : NULL;
    }
    case SSMQ_OPTION_CHOICE: {
        const int i = *(const int *)field;
        return i >= 0 ? ssmq_yaml_scalar_at(cx->arena, o->choices[i], true, given) : NULL;
    }
    case SSMQ_OPTION_SITES:
    case SSMQ_OPTION_LIST: return texts_tree(cx, *(const char *const *const *)field, given);
    case SSMQ_OPTION_OBSERVER: return cx->observer_tree(cx, field, given);
    }
    SSMQ_ASSERT(!"an option of a type that does not exist");
    return NULL;
}

ssmq_yaml *ssmq_options_tree(context *cx, const ssmq_option *table, const void *options,
                             const ssmq_yaml *given)
{
    ssmq_yaml *map = ssmq_yaml_new(cx->arena, SSMQ_YAML_MAP);
    for (const ssmq_option *o = table; o && o->name; o++) {
        const void *field = (const char *)options + o->offset;
        ssmq_yaml  *v = value_tree(cx, o, field, ssmq_yaml_get(given, o->name));
        if (v) ssmq_yaml_put(cx->arena, map, o->name, v);
    }
    return map;
}
