/* From files to one mapping: includes in order, then the file itself, then every --set in order.
 * Mappings merge key by key; scalars and lists are replaced. */
#include <string.h>
#include <sys/stat.h>
#include "harness/base/file.h"
#include "harness/run/experiment/loader.h"

/* ---- trees ----------------------------------------------------------------------------- */

/* over on top of base.  Neither is changed: nodes may be shared. */
static ssmq_yaml *merge(ssmq_arena *arena, ssmq_yaml *base, ssmq_yaml *over)
{
    if (!base || base->kind != SSMQ_YAML_MAP || over->kind != SSMQ_YAML_MAP) return over;
    ssmq_yaml *both = ssmq_yaml_copy(arena, base);
    both->place = over->place;
    both->line = over->line;
    for (int32_t i = 0; i < over->n; i++) {
        const int32_t at = ssmq_yaml_find(both, over->key[i]->text);
        if (at < 0) {
            ssmq_yaml_append(arena, both, over->key[i], over->value[i]);
            continue;
        }
        both->key[at] = over->key[i];
        both->value[at] = merge(arena, both->value[at], over->value[i]);
    }
    return both;
}

static ssmq_yaml *without(ssmq_arena *arena, const ssmq_yaml *map, const char *key)
{
    ssmq_yaml *rest = ssmq_yaml_new(arena, SSMQ_YAML_MAP);
    rest->place = map->place;
    rest->line = map->line;
    for (int32_t i = 0; i < map->n; i++)
        if (strcmp(map->key[i]->text, key) != 0)
            ssmq_yaml_append(arena, rest, map->key[i], map->value[i]);
    return rest;
}

/* ---- files ----------------------------------------------------------------------------- */

const char *ssmq_loader_path(ssmq_loader *ld, const ssmq_yaml *name)
{
    const ssmq_origin *s = name->place.source;
    if (!s || s->set > 0) { /* on the command line: from the current directory, or what it was then */
        if (!ld->snapshot || name->text[0] == '/') return name->text;
        return ssmq_arena_printf(ld->arena, "%s/%s", ld->snapshot->directory, name->text);
    }
    ssmq_str path = {0};
    ssmq_path_beside(s->name, name->text, &path);
    const char *copy = ssmq_arena_strdup(ld->arena, ssmq_str_text(&path));
    ssmq_str_free(&path);
    return copy;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* What was read of the file that is named at this place; false: nothing yet.  The points of a sweep name the
 * same files again and again. */
static bool find_read(const ssmq_loader *ld, const char *path, ssmq_place from, ssmq_yaml **tree)
{
    for (int32_t i = 0; i < ld->n_file; i++) {
        const ssmq_origin *s = ld->file[i];
        if (s->parent != from.source || s->parent_offset != from.offset || strcmp(s->name, path) != 0)
            continue;
        *tree = ld->tree[i];
        return true;
    }
    return false;
}

/* The text of a file in a snapshot, which lends it only while it is read: a copy. */
static ssmq_origin *take_file(ssmq_loader *ld, const char *path, ssmq_place from)
{
    for (int32_t i = 0; i < ld->snapshot->n_file; i++) {
        const ssmq_experiment_file *f = &ld->snapshot->file[i];
        if (strcmp(f->path, path) != 0) continue;
        ssmq_origin *source = ssmq_arena_alloc(ld->arena, sizeof *source);
        *source = (ssmq_origin){.name = ssmq_arena_strdup(ld->arena, path),
                                .text = ssmq_arena_strndup(ld->arena, f->text, f->length),
                                .length = f->length,
                                .parent = from.source,
                                .parent_offset = from.offset};
        return source;
    }
    ssmq_diag_add(ld->diag, SSMQ_ERR_INPUT, SSMQ_E_YAML_UNREADABLE, from, NULL, "%s: is not among the files of the snapshot", path);
    return NULL;
}

/* Reads and parses a file; from: where it is named. */
static ssmq_yaml *open_file(ssmq_loader *ld, const char *path, ssmq_place from)
{
    ssmq_yaml *tree;
    if (find_read(ld, path, from, &tree)) return tree;
    for (const ssmq_origin *s = from.source; s; s = s->parent) {
        if (s->set > 0 || !same_file(s->name, path)) continue;
        ssmq_diag_add(ld->diag, SSMQ_ERR_CONFIG, SSMQ_E_INCLUDE_CYCLE, from, NULL,
                      "%s includes itself", path);
        return NULL;
    }
    if (ld->n_file == SSMQ_FILES_MAX) {
        ssmq_diag_add(ld->diag, SSMQ_ERR_CONFIG, SSMQ_E_INCLUDE_FILES, from, NULL,
                      "more than %d files", SSMQ_FILES_MAX);
        return NULL;
    }
    ssmq_origin *source =
        ld->snapshot ? take_file(ld, path, from) : ssmq_origin_open(ld->arena, path, from, ld->diag);
    if (!source) return NULL;
    const int32_t at = ld->n_file++;
    ld->file[at] = source;
    ld->tree[at] = ssmq_yaml_parse(ld->arena, source, 0, ld->diag);
    return ld->tree[at];
}

static ssmq_yaml *read_file(ssmq_loader *ld, const char *path, ssmq_place from);

/* Merges one included file over what came before. */
static bool include_one(ssmq_loader *ld, const ssmq_yaml *name, ssmq_yaml **merged)
{
    if (ssmq_yaml_type_of(name) != SSMQ_YAML_TEXT) {
        SSMQ_REPORT(ld, INCLUDE_FORM, name, NULL,
                    "include must be a path or a list of paths, found %s",
                    ssmq_yaml_found(ld->arena, name));
        return false;
    }
    const int32_t first = ld->n_file;
    ssmq_yaml    *map = read_file(ld, ssmq_loader_path(ld, name), name->place);
    if (!map) return false;
    ld->included[ld->n_included++] = (ssmq_included){ld->file[first], name->place};
    *merged = *merged ? merge(ld->arena, *merged, map) : map;
    return true;
}

static bool include_all(ssmq_loader *ld, const ssmq_yaml *names, ssmq_yaml **merged)
{
    bool fine = true;
    if (names->kind != SSMQ_YAML_LIST) return include_one(ld, names, merged);
    for (int32_t i = 0; i < names->n; i++) fine = include_one(ld, names->value[i], merged) && fine;
    return fine;
}

static ssmq_yaml *read_file(ssmq_loader *ld, const char *path, ssmq_place from)
{
    ssmq_yaml *own = open_file(ld, path, from);
    if (!own) return NULL;
    if (own->kind != SSMQ_YAML_MAP) {
        SSMQ_REPORT(ld, NO_MAPPING, own, NULL, "an experiment must be a mapping, found %s",
                    ssmq_yaml_found(ld->arena, own));
        return NULL;
    }
    const ssmq_yaml *names = ssmq_yaml_get(own, "include");
    ssmq_yaml       *merged = NULL;
    if (!names) return own;
    if (!include_all(ld, names, &merged)) return NULL;
    own = without(ld->arena, own, "include");
    return merged ? merge(ld->arena, merged, own) : own;
}

bool ssmq_loader_read(ssmq_loader *ld, const char *path)
{
    ld->root = read_file(ld, path, (ssmq_place){0});
    return ld->root != NULL;
}

ssmq_yaml *ssmq_loader_file(ssmq_loader *ld, const ssmq_yaml *name)
{
    return open_file(ld, ssmq_loader_path(ld, name), name->place);
}

/* Was something of the source, or of what it includes, used? */
static bool is_used(const ssmq_loader *ld, const ssmq_origin *s)
{
    for (int32_t i = 0; i < ld->n_file; i++) {
        if (!ld->file[i]->used) continue;
        for (const ssmq_origin *up = ld->file[i]; up; up = up->parent)
            if (up == s) return true;
    }
    return false;
}

void ssmq_loader_unused(ssmq_loader *ld)
{
    for (int32_t i = 0; i < ld->n_included; i++) {
        const ssmq_included *in = &ld->included[i];
        if (!is_used(ld, in->source))
            ssmq_diag_add(ld->diag, SSMQ_ERR_CONFIG, SSMQ_E_INCLUDE_UNUSED, in->place, NULL,
                          "nothing of %s is used", in->source->name);
    }
}

/* ---- --set ----------------------------------------------------------------------------- */

/* A KEY=VALUE on its way into the tree. */
typedef struct setting {
    ssmq_loader      *ld;
    ssmq_yaml *const *part; /* [n]: the key at its dots */
    int32_t           n;
    ssmq_yaml        *value;
} setting;

static ssmq_yaml *set_in(const setting *s, ssmq_yaml *node, int32_t depth);

/* Stands a single recipe's or a named recipe's steps here? */
static bool at_recipe(const setting *s, int32_t depth)
{
    const char *first = s->part[0]->text;
    return (depth == 1 && strcmp(first, "recipe") == 0) ||
           (depth == 2 && strcmp(first, "recipes") == 0);
}

/* What entries of lists are called: their id, else their method. */
static const char *entry_name(const ssmq_yaml *entry)
{
    const ssmq_yaml *id = ssmq_yaml_get(entry, "id");
    if (!id) id = ssmq_yaml_get(entry, "method");
    return id && id->kind == SSMQ_YAML_SCALAR ? id->text : NULL;
}

static void report_no_entry(const setting *s, const ssmq_yaml *list, int32_t depth)
{
    const char **names = SSMQ_ARENA_ARRAY(s->ld->arena, const char *, list->n + 1);
    int32_t      n = 0;
    for (int32_t i = 0; i < list->n; i++)
        if (entry_name(list->value[i])) names[n++] = entry_name(list->value[i]);
    SSMQ_REPORT(s->ld, NO_ENTRY, s->part[depth],
                ssmq_option_help(s->ld->arena, s->part[depth]->text, names),
                "the list has no entry with the id '%s'", s->part[depth]->text);
}

/* Sets in the one entry that is called so. */
static ssmq_yaml *set_in_list(const setting *s, const ssmq_yaml *list, int32_t depth)
{
    int32_t found = -1, times = 0;
    for (int32_t i = 0; i < list->n; i++) {
        const char *name = entry_name(list->value[i]);
        if (!name || strcmp(name, s->part[depth]->text) != 0) continue;
        found = i;
        times++;
    }
    if (times == 0) {
        report_no_entry(s, list, depth);
        return NULL;
    }
    if (times > 1) {
        SSMQ_REPORT(s->ld, AMBIGUOUS_ENTRY, s->part[depth], NULL,
                    "the list has %d entries called '%s'", times, s->part[depth]->text);
        return NULL;
    }
    ssmq_yaml *copy = ssmq_yaml_copy(s->ld->arena, list);
    copy->value[found] = set_in(s, list->value[found], depth + 1);
    return copy->value[found] ? copy : NULL;
}

static ssmq_yaml *set_in_map(const setting *s, const ssmq_yaml *map, int32_t depth)
{
    ssmq_yaml    *copy = ssmq_yaml_copy(s->ld->arena, map);
    const int32_t at = ssmq_yaml_find(map, s->part[depth]->text);
    ssmq_yaml    *value = set_in(s, at < 0 ? NULL : map->value[at], depth + 1);
    if (!value) return NULL;
    if (at < 0) {
        ssmq_yaml_append(s->ld->arena, copy, s->part[depth], value);
    } else {
        copy->key[at] = s->part[depth];
        copy->value[at] = value;
    }
    return copy;
}

/* The node with the value set below it, depth keys in; NULL: a problem was reported. */
static ssmq_yaml *set_in(const setting *s, ssmq_yaml *node, int32_t depth)
{
    if (depth == s->n) return merge(s->ld->arena, node, s->value);
    if (node && node->kind == SSMQ_YAML_SCALAR && at_recipe(s, depth)) {
        node = ssmq_loader_file(s->ld, node); /* steps in a file of their own */
        if (!node) return NULL;
    }
    if (node && node->kind == SSMQ_YAML_LIST) return set_in_list(s, node, depth);
    if (node && node->kind == SSMQ_YAML_MAP) return set_in_map(s, node, depth);
    ssmq_yaml *map =
        ssmq_yaml_new(s->ld->arena, SSMQ_YAML_MAP); /* in place of nothing or a scalar */
    map->place = s->part[depth]->place;
    map->line = s->part[depth]->line;
    return set_in_map(s, map, depth);
}

/* Where bytes [begin, end) of a scalar's text stand: exactly, unless it is written with escapes. */
static ssmq_place part_place(const ssmq_yaml *whole, size_t begin, size_t end)
{
    const ssmq_place   at = whole->place;
    const ssmq_origin *s = at.source;
    for (size_t quote = 0; s && quote < 2; quote++) {
        const size_t from = at.offset + quote;
        if (from + end <= s->length && strncmp(s->text + from, whole->text, end) == 0)
            return (ssmq_place){at.source, from + begin, end - begin};
    }
    return at;
}

ssmq_yaml **ssmq_loader_split(ssmq_loader *ld, const ssmq_yaml *whole, int32_t *count)
{
    const size_t n = strlen(whole->text);
    ssmq_yaml  **part = SSMQ_ARENA_ARRAY(ld->arena, ssmq_yaml *, n + 1);
    *count = 0;
    for (size_t at = 0;; at++) {
        size_t end = at;
        while (end < n && whole->text[end] != '.') end++;
        if (end == at || *count == SSMQ_YAML_DEPTH_MAX) {
            ssmq_place place = part_place(whole, at, end);
            if (end == at) place.length = 1;
            ssmq_diag_add(ld->diag, SSMQ_ERR_CONFIG, SSMQ_E_KEY_FORM, place, NULL,
                          end == at ? "an empty key" : "too many keys");
            return NULL;
        }
        ssmq_yaml *key = ssmq_yaml_new(ld->arena, SSMQ_YAML_SCALAR);
        key->text = ssmq_arena_strndup(ld->arena, whole->text + at, end - at);
        key->place = part_place(whole, at, end);
        key->line = whole->line;
        part[(*count)++] = key;
        if (end == n) return part;
        at = end;
    }
}

bool ssmq_loader_set(ssmq_loader *ld, ssmq_yaml *const *part, int32_t n, ssmq_yaml *value)
{
    const setting s = {.ld = ld, .part = part, .n = n, .value = value};
    ssmq_yaml    *root = set_in(&s, ld->root, 0);
    if (root) ld->root = root;
    return root != NULL;
}

void ssmq_loader_override(ssmq_loader *ld, const char *text, int32_t n)
{
    ssmq_origin *source = ssmq_arena_alloc(ld->arena, sizeof *source);
    *source = (ssmq_origin){.name = "--set", .length = strlen(text), .set = n, .used = true};
    source->text = ssmq_arena_strdup(ld->arena, text);
    const char      *equals = strchr(text, '=');
    const ssmq_place whole = {source, 0, source->length};
    if (!equals) {
        ssmq_diag_add(ld->diag, SSMQ_ERR_CONFIG, SSMQ_E_SET_FORM, whole, NULL,
                      "--set needs KEY=VALUE");
        return;
    }
    const ssmq_yaml key = {.kind = SSMQ_YAML_SCALAR,
                           .text = ssmq_arena_strndup(ld->arena, text, (size_t)(equals - text)),
                           .place = {source, 0, (size_t)(equals - text)},
                           .line = 1};
    int32_t         n_part;
    ssmq_yaml     **part = ssmq_loader_split(ld, &key, &n_part);
    if (!part) return;
    if (strcmp(part[0]->text, "include") == 0) {
        SSMQ_REPORT(ld, SET_INCLUDE, part[0], NULL, "include cannot be set");
        return;
    }
    if (source->length > SSMQ_YAML_BYTES_MAX) {
        ssmq_diag_add(ld->diag, SSMQ_ERR_CONFIG, SSMQ_E_FILE_SIZE, (ssmq_place){source, 0, 0}, NULL,
                      "longer than %d bytes", SSMQ_YAML_BYTES_MAX);
        return;
    }
    ssmq_yaml *value = ssmq_yaml_parse(ld->arena, source, (size_t)(equals - text) + 1, ld->diag);
    if (value) ssmq_loader_set(ld, part, n_part, value);
}
