#include "harness/run/experiment/observer_option.h"
#include <string.h>
#include "harness/base/assert.h"

typedef const ssmq_option_context context;

#define KEYS_MAX 64 /* keys of all statistics and ways across together */

/* ---- names ----------------------------------------------------------------------------- */

/* A statistic or an across, as far as reading is concerned. */
typedef struct part {
    const char        *name;
    const void        *self;
    const ssmq_option *options;
    size_t             options_size;
} part;

#define PART(p) ((part){(p)->name, (p), (p)->options, (p)->options_size})

static int32_t list_parts(const ssmq_catalogue *cat, bool across, part *out)
{
    int32_t n = 0;
    for (; across ? cat->across[n] != NULL : cat->statistics[n] != NULL; n++)
        if (out) out[n] = across ? PART(cat->across[n]) : PART(cat->statistics[n]);
    return n;
}

/* The part that the mapping names under key; false if it names none that exists (reported). */
static bool find_part(context *cx, const ssmq_yaml *map, const char *path, const char *key,
                      part *out)
{
    const ssmq_catalogue *cat = cx->user;
    const bool            across = strcmp(key, "across") == 0;
    const int32_t         n = list_parts(cat, across, NULL);
    part                 *parts = SSMQ_ARENA_ARRAY(cx->arena, part, n + 1);
    const char          **names = SSMQ_ARENA_ARRAY(cx->arena, const char *, n + 1);
    list_parts(cat, across, parts);
    for (int32_t i = 0; i < n; i++) names[i] = parts[i].name;
    /* A choice among the names, so that the messages are those of a choice. */
    const ssmq_option table[] = {{key, 0, SSMQ_OPTION_CHOICE, NULL, 0, 0, names, ""}, {0}};
    int               which;
    if (!ssmq_options_read(cx, table, map, path, &which)) return false;
    *out = parts[which];
    return true;
}

/* ---- reading --------------------------------------------------------------------------- */

ssmq_yaml *ssmq_observer_default(context *cx, const ssmq_option *o)
{
    ssmq_origin source = {.name = o->name, .text = o->fallback, .length = strlen(o->fallback)};
    ssmq_yaml  *map = ssmq_yaml_parse(cx->arena, &source, 0, cx->diag);
    SSMQ_ASSERT(map && map->kind == SSMQ_YAML_MAP);
    for (int32_t i = 0; i < map->n; i++) {
        map->key[i]->place = (ssmq_place){0}; /* nobody wrote it */
        map->value[i]->place = (ssmq_place){0};
    }
    map->place = (ssmq_place){0};
    return map;
}

static bool has_option(const part *p, const char *key)
{
    for (const ssmq_option *o = p->options; o && o->name; o++)
        if (strcmp(o->name, key) == 0) return true;
    return false;
}

/* Adds to map what the default says under key, with that part's options, unless map names a part
 * itself. */
static void fill_in(context *cx, ssmq_yaml *map, const ssmq_yaml *fallback, const char *key)
{
    part p;
    if (ssmq_yaml_get(map, key) || !ssmq_yaml_get(fallback, key)) return;
    const bool known = find_part(cx, fallback, "", key, &p);
    SSMQ_ASSERT(known);
    for (int32_t i = 0; i < fallback->n; i++) {
        const char *name = fallback->key[i]->text;
        if (strcmp(name, key) != 0 && !has_option(&p, name)) continue;
        if (!ssmq_yaml_get(map, name))
            ssmq_yaml_append(cx->arena, map, fallback->key[i], fallback->value[i]);
    }
}

/* The mapping with what it leaves out filled in; NULL if it is none (reported). */
static const ssmq_yaml *complete(context *cx, const ssmq_option *o, const ssmq_yaml *given,
                                 const char *path, bool *across)
{
    const ssmq_yaml *fallback = ssmq_observer_default(cx, o);
    *across = ssmq_yaml_get(fallback, "across") != NULL;
    if (!given) return fallback;
    if (!ssmq_options_mapping(cx, given, path)) return NULL;
    const int32_t i = ssmq_yaml_find(given, "across");
    if (i >= 0 && !*across) {
        ssmq_diag_add(cx->diag, SSMQ_ERR_CONFIG, SSMQ_E_OBSERVER_ACROSS, given->key[i]->place, NULL,
                      "%s takes no 'across': there is one sample, nothing to combine", path);
        return NULL;
    }
    ssmq_yaml *map = ssmq_yaml_copy(cx->arena, given);
    fill_in(cx, map, fallback, "statistic");
    fill_in(cx, map, fallback, "across");
    return map;
}

static bool read_part(context *cx, const part *p, const ssmq_yaml *map, const char *path,
                      const void **out)
{
    void *options = ssmq_arena_alloc(cx->arena, p->options_size ? p->options_size : 1);
    *out = options;
    return ssmq_options_read(cx, p->options, map, path, options);
}

/* Percentiles are in per cent; whoever writes 0.999 most likely means 99.9. */
static void warn_of_fraction(context *cx, const ssmq_option *table, const ssmq_yaml *given,
                             const char *path)
{
    const ssmq_yaml *v = ssmq_yaml_get(given, "p");
    for (const ssmq_option *o = table; o && o->name; o++) {
        if (!v || strcmp(o->name, "p") != 0 || o->type != SSMQ_OPTION_REAL || o->max != 100)
            continue;
        const double p = ssmq_yaml_real(v);
        const char  *help =
            p > 0.5 ? ssmq_arena_printf(cx->arena, "did you mean %.10g?", 100 * p) : NULL;
        if (p <= 1)
            ssmq_diag_warn(cx->diag, SSMQ_E_PER_CENT, v->place, help,
                           "%s.p is in per cent, found %s", path, v->text);
    }
}

/* Adds the names of a part's options, of every part's where which one is not known. */
static int32_t add_keys(context *cx, bool across, const part *p, const char **key, int32_t n)
{
    const ssmq_catalogue *cat = cx->user;
    const int32_t         all = list_parts(cat, across, NULL);
    part                 *parts = SSMQ_ARENA_ARRAY(cx->arena, part, all + 1);
    list_parts(cat, across, parts);
    key[n++] = across ? "across" : "statistic";
    for (int32_t i = 0; i < all; i++) {
        if (p->self && p->self != parts[i].self) continue;
        for (const ssmq_option *o = parts[i].options; o && o->name; o++) {
            SSMQ_ASSERT(n < KEYS_MAX);
            key[n++] = o->name;
        }
    }
    return n;
}

/* The keys of both parts are in one mapping, so none of them is unknown if either has it. */
static bool known_keys(context *cx, const part *statistic, const part *across, bool takes_across,
                       const ssmq_yaml *given, const char *path)
{
    const char *key[KEYS_MAX + 1] = {NULL};
    int32_t     n = add_keys(cx, false, statistic, key, 0);
    if (takes_across) n = add_keys(cx, true, across, key, n);
    key[n] = NULL;
    return ssmq_options_known(cx, NULL, key, given, path);
}

static const char *text_of(context *cx, const ssmq_observer *o)
{
    ssmq_str text = {0};
    ssmq_yaml_json(ssmq_observer_tree(cx, o, NULL), &text);
    const char *copy = ssmq_arena_strdup(cx->arena, ssmq_str_text(&text));
    ssmq_str_free(&text);
    return copy;
}

bool ssmq_observer_read(context *cx, const ssmq_option *o, const ssmq_yaml *given, const char *path,
                        void *field)
{
    ssmq_observer   *out = field;
    bool             takes_across;
    const ssmq_yaml *map = complete(cx, o, given, path, &takes_across);
    if (!map) return false;
    part statistic = {0}, across = {0};
    bool fine = find_part(cx, map, path, "statistic", &statistic);
    if (takes_across) fine = find_part(cx, map, path, "across", &across) && fine;
    if (given) fine = known_keys(cx, &statistic, &across, takes_across, given, path) && fine;
    if (!fine) return false;
    fine = read_part(cx, &statistic, map, path, &out->statistic_options) && fine;
    if (takes_across) fine = read_part(cx, &across, map, path, &out->across_options) && fine;
    out->statistic = statistic.self;
    out->across = across.self;
    if (!fine) return false;
    if (given) warn_of_fraction(cx, statistic.options, given, path);
    const ssmq_observer alone = {.statistic = out->statistic, .statistic_options = out->statistic_options};
    out->text = text_of(cx, out);
    out->measure = text_of(cx, &alone);
    return true;
}

/* ---- back to YAML ---------------------------------------------------------------------- */

static void put_part(context *cx, ssmq_yaml *map, const char *key, const part *p,
                     const void *options, const ssmq_yaml *given)
{
    ssmq_yaml_put(cx->arena, map, key,
                  ssmq_yaml_scalar_at(cx->arena, p->name, true, ssmq_yaml_get(given, key)));
    const ssmq_yaml *all = ssmq_options_tree(cx, p->options, options, given);
    for (int32_t i = 0; i < all->n; i++)
        ssmq_yaml_append(cx->arena, map, all->key[i], all->value[i]);
}

ssmq_yaml *ssmq_observer_tree(context *cx, const void *field, const ssmq_yaml *given)
{
    const ssmq_observer *o = field;
    ssmq_yaml           *map = ssmq_yaml_new(cx->arena, SSMQ_YAML_MAP);
    const part           statistic = PART(o->statistic);
    put_part(cx, map, "statistic", &statistic, o->statistic_options, given);
    if (o->across) {
        const part across = PART(o->across);
        put_part(cx, map, "across", &across, o->across_options, given);
    }
    return map;
}
