#include "harness/base/yaml.h"
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <yaml.h>
#include "harness/base/assert.h"
#include "harness/base/file.h"

/* A place in the text in three counts.  libyaml counts characters, from the start or in the line;
 * we need bytes, and lines as editors count them.  It moves in steps of one character, and marks of
 * successive events lie close together, so converting all of them costs little. */
typedef struct cursor {
    size_t  index, offset;
    int32_t line;
} cursor;

typedef struct anchor {
    const char      *name;
    const ssmq_yaml *node; /* NULL while its node is being read */
    int32_t          height;
    int64_t          count;
} anchor;

typedef struct reader {
    yaml_parser_t parser;
    ssmq_arena   *arena;
    ssmq_origin  *source;
    ssmq_diag    *diag;
    cursor        at;
    int32_t       depth;
    int64_t       alias_nodes;
    anchor       *anchors; /* [SSMQ_YAML_ANCHOR_MAX], from the first one on */
    int32_t       n_anchor;
} reader;

/* A node that was read, with its height (1: no entries) and the number of its nodes.  NULL: stop.
 */
typedef struct built {
    ssmq_yaml *node;
    int32_t    height;
    int64_t    count;
} built;

/* ---- places ---------------------------------------------------------------------------- */

/* Does the character at offset end a line? */
static bool ends_line(const ssmq_origin *s, size_t offset)
{
    if (s->text[offset] == '\n') return true;
    return s->text[offset] == '\r' && !(offset + 1 < s->length && s->text[offset + 1] == '\n');
}

static bool continues(const ssmq_origin *s, size_t offset)
{
    return offset < s->length && ((unsigned char)s->text[offset] & 0xc0) == 0x80;
}

static void move_to(reader *r, size_t index)
{
    cursor *c = &r->at;
    for (; c->index < index && c->offset < r->source->length; c->index++) {
        c->line += ends_line(r->source, c->offset);
        do c->offset++;
        while (continues(r->source, c->offset));
    }
    for (; c->index > index; c->index--) {
        do c->offset--;
        while (continues(r->source, c->offset));
        c->line -= ends_line(r->source, c->offset);
    }
}

static ssmq_place place_at(reader *r, size_t offset)
{
    return (ssmq_place){.source = r->source, .offset = offset, .length = 1};
}

/* The bytes from one mark to another, without blanks at the end. */
static ssmq_place place_of(reader *r, const yaml_mark_t *begin, const yaml_mark_t *end,
                           int32_t *line)
{
    move_to(r, begin->index);
    ssmq_place p = place_at(r, r->at.offset);
    *line = r->at.line;
    move_to(r, end->index);
    size_t stop = r->at.offset;
    while (stop > p.offset && strchr(" \t\r\n", r->source->text[stop - 1])) stop--;
    p.length = stop - p.offset;
    return p;
}

#define REPORT(r, problem, place, help, ...) \
    ssmq_diag_add((r)->diag, SSMQ_ERR_CONFIG, SSMQ_E_##problem, (place), (help), __VA_ARGS__)

/* ---- what libyaml does not look at, or reports without a place -------------------------- */

/* Reports the first byte that is no UTF-8 or a NUL. */
static bool check_bytes(reader *r, size_t begin)
{
    const ssmq_origin *s = r->source;
    for (size_t i = begin; i < s->length;) {
        utf8proc_int32_t       c;
        const utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s->text + i,
                                                    (utf8proc_ssize_t)(s->length - i), &c);
        if (n <= 0) {
            REPORT(r, UTF8, place_at(r, i), NULL, "the byte 0x%02x is not valid UTF-8",
                   (unsigned)(unsigned char)s->text[i]);
            return false;
        }
        if (c == 0) {
            REPORT(r, NUL, place_at(r, i), NULL, "a NUL character");
            return false;
        }
        i += (size_t)n;
    }
    return true;
}

static const char *syntax_help(const reader *r, size_t offset)
{
    const char  c = offset < r->source->length ? r->source->text[offset] : '\0';
    const char *problem = r->parser.problem ? r->parser.problem : "";
    const char *context = r->parser.context ? r->parser.context : "";
    if (strstr(problem, "cannot start any token") && c != '\t')
        return "text that starts with this character must be quoted";
    if (c == '\t') return "indent with spaces: YAML allows no tabs there";
    if (strstr(context, "alias")) return "text that starts with '*' must be quoted";
    if (strstr(context, "anchor")) return "text that starts with '&' must be quoted";
    if (strstr(problem, "mapping values are not allowed"))
        return "text that holds a colon and a space must be quoted; entries of one mapping are "
               "indented "
               "equally";
    return NULL;
}

static void report_syntax(reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char          *problem = p->problem ? p->problem : "unknown problem";
    if (p->error == YAML_READER_ERROR) { /* a byte offset, and no mark */
        REPORT(r, SYNTAX, place_at(r, p->problem_offset), NULL, "not valid YAML: %s", problem);
        return;
    }
    move_to(r, p->problem_mark.index);
    const size_t offset = r->at.offset;
    REPORT(r, SYNTAX, place_at(r, offset), syntax_help(r, offset), "not valid YAML: %s%s%s",
           problem, p->context ? " " : "", p->context ? p->context : "");
}

static bool next_event(reader *r, yaml_event_t *e)
{
    if (yaml_parser_parse(&r->parser, e)) return true;
    report_syntax(r);
    return false;
}

/* ---- anchors and aliases --------------------------------------------------------------- */

/* The record for a new anchor, -1 for none, -2 (reported) where there are too many. */
static int32_t anchor_new(reader *r, const yaml_char_t *name, ssmq_place place)
{
    if (!name) return -1;
    if (r->n_anchor == SSMQ_YAML_ANCHOR_MAX) {
        REPORT(r, ANCHORS, place, NULL, "more than %d anchors", SSMQ_YAML_ANCHOR_MAX);
        return -2;
    }
    if (!r->anchors) r->anchors = SSMQ_ARENA_ARRAY(r->arena, anchor, SSMQ_YAML_ANCHOR_MAX);
    r->anchors[r->n_anchor].name = ssmq_arena_strdup(r->arena, (const char *)name);
    return r->n_anchor++;
}

static void anchor_done(reader *r, int32_t which, const built *b)
{
    if (which < 0) return;
    r->anchors[which].node = b->node;
    r->anchors[which].height = b->height;
    r->anchors[which].count = b->count;
}

static built read_alias(reader *r, const yaml_event_t *e, ssmq_place place)
{
    const char *name = (const char *)e->data.alias.anchor;
    int32_t     i = r->n_anchor - 1;
    while (i >= 0 && strcmp(r->anchors[i].name, name) != 0) i--; /* the latest of that name */
    const anchor *a = i >= 0 ? &r->anchors[i] : NULL;
    if (!a) {
        REPORT(r, ALIAS_UNKNOWN, place, "text that starts with '*' must be quoted",
               "no anchor '&%s' stands before this", name);
    } else if (!a->node) {
        REPORT(r, ALIAS_CYCLE, place, NULL, "the alias '*%s' stands inside what it refers to",
               name);
    } else if (r->depth + a->height > SSMQ_YAML_DEPTH_MAX) {
        REPORT(r, DEPTH, place, NULL, "nested more than %d deep", SSMQ_YAML_DEPTH_MAX);
    } else if ((r->alias_nodes += a->count) > SSMQ_YAML_ALIAS_MAX) {
        REPORT(r, ALIAS_SIZE, place, NULL, "aliases stand for more than %d nodes",
               SSMQ_YAML_ALIAS_MAX);
    } else {
        return (built){(ssmq_yaml *)(uintptr_t)a->node, a->height, a->count};
    }
    return (built){0};
}

/* ---- nodes ----------------------------------------------------------------------------- */

static built read_node(reader *r, yaml_event_t *e);

static void check_tag(reader *r, const yaml_char_t *tag, ssmq_place place)
{
    if (tag)
        REPORT(r, TAG, place, "quote a scalar to make it text", "the tag '%s' is not accepted",
               (const char *)tag);
}

static built read_scalar(reader *r, const yaml_event_t *e, ssmq_yaml *node)
{
    const char  *text = (const char *)e->data.scalar.value;
    const size_t length = e->data.scalar.length;
    if (memchr(text, '\0', length)) REPORT(r, NUL, node->place, NULL, "a NUL character in a text");
    node->text = ssmq_arena_strndup(r->arena, text, length);
    node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return (built){node, 1, 1};
}

static int compare_keys(const void *a, const void *b)
{
    const ssmq_yaml *const *x = a, *const *y = b;
    const int               order = strcmp((*x)->text, (*y)->text);
    if (order != 0) return order;
    return ((*x)->place.offset > (*y)->place.offset) - ((*x)->place.offset < (*y)->place.offset);
}

/* Reports keys that stand twice, by sorting: a mapping can have ten thousand. */
static void check_keys(reader *r, const ssmq_yaml *map)
{
    if (map->n < 2) return;
    const size_t      bytes = (size_t)map->n * sizeof(ssmq_yaml *);
    const ssmq_yaml **sorted = ssmq_must_malloc(bytes);
    memcpy(sorted, map->key, bytes);
    qsort(sorted, (size_t)map->n, sizeof *sorted, compare_keys);
    for (int32_t i = 1; i < map->n; i++)
        if (strcmp(sorted[i]->text, sorted[i - 1]->text) == 0)
            REPORT(r, DUPLICATE_KEY, sorted[i]->place, NULL,
                   "duplicate key '%s': it stands on line %d already", sorted[i]->text,
                   sorted[i - 1]->line);
    free(sorted);
}

/* A key may stay in the map? */
static bool check_key(reader *r, const ssmq_yaml *key)
{
    if (key->kind != SSMQ_YAML_SCALAR) {
        REPORT(r, KEY_KIND, key->place, NULL, "a key must be a scalar, not %s",
               key->kind == SSMQ_YAML_LIST ? "a list" : "a mapping");
        return false;
    }
    if (strcmp(key->text, "<<") != 0 || key->quoted) return true;
    REPORT(r, MERGE_KEY, key->place,
           "put what is shared into a file of its own and name it under 'include'",
           "the merge key '<<' is not accepted");
    return false;
}

static built read_entries(reader *r, ssmq_yaml *node)
{
    const bool              map = node->kind == SSMQ_YAML_MAP;
    const yaml_event_type_t end = map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    built                   b = {node, 1, 1};
    ssmq_yaml              *key = NULL;
    for (bool is_key = map;; is_key = map && !is_key) {
        yaml_event_t e;
        if (!next_event(r, &e)) return (built){0};
        if (e.type == end) {
            yaml_event_delete(&e);
            break;
        }
        const built one = read_node(r, &e);
        yaml_event_delete(&e);
        if (!one.node) return (built){0};
        if (one.height >= b.height) b.height = one.height + 1;
        b.count += one.count;
        if (is_key) {
            key = check_key(r, one.node) ? one.node : NULL;
            continue;
        }
        if (map && !key) continue; /* reported above */
        if (node->n == SSMQ_YAML_ENTRY_MAX) {
            REPORT(r, ENTRIES, one.node->place, NULL, "a %s of more than %d entries",
                   map ? "mapping" : "list", SSMQ_YAML_ENTRY_MAX);
            return (built){0};
        }
        ssmq_yaml_append(r->arena, node, key, one.node);
    }
    if (map) check_keys(r, node);
    return b;
}

/* A mapping or a list, from its start event on. */
static built read_collection(reader *r, const yaml_event_t *e, ssmq_yaml *node)
{
    const bool         map = e->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag = map ? e->data.mapping_start.tag : e->data.sequence_start.tag;
    const yaml_char_t *name = map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
    node->kind = map ? SSMQ_YAML_MAP : SSMQ_YAML_LIST;
    node->place.length = 1;
    check_tag(r, tag, node->place);
    if (r->depth == SSMQ_YAML_DEPTH_MAX) {
        REPORT(r, DEPTH, node->place, NULL, "nested more than %d deep", SSMQ_YAML_DEPTH_MAX);
        return (built){0};
    }
    const int32_t which = anchor_new(r, name, node->place);
    if (which == -2) return (built){0};
    r->depth++;
    const built b = read_entries(r, node);
    r->depth--;
    anchor_done(r, which, &b);
    return b;
}

static built read_node(reader *r, yaml_event_t *e)
{
    ssmq_yaml *node = ssmq_yaml_new(r->arena, SSMQ_YAML_SCALAR);
    node->place = place_of(r, &e->start_mark, &e->end_mark, &node->line);
    if (e->type == YAML_ALIAS_EVENT) return read_alias(r, e, node->place);
    if (e->type != YAML_SCALAR_EVENT) return read_collection(r, e, node);
    check_tag(r, e->data.scalar.tag, node->place);
    const int32_t which = anchor_new(r, e->data.scalar.anchor, node->place);
    if (which == -2) return (built){0};
    const built b = read_scalar(r, e, node);
    anchor_done(r, which, &b);
    return b;
}

/* ---- the document ---------------------------------------------------------------------- */

/* What stands between the nodes of the stream.  False: nothing more is to be read. */
static bool read_between(reader *r, const yaml_event_t *e, bool read)
{
    int32_t          line;
    const ssmq_place place = place_of(r, &e->start_mark, &e->end_mark, &line);
    if (e->type == YAML_STREAM_END_EVENT) return false;
    if (e->type != YAML_DOCUMENT_START_EVENT || !read) return true;
    REPORT(r, DOCUMENTS, place, NULL, "a second document starts here; a file holds one");
    return false;
}

/* The root of the first document; NULL if there is none, or (*broken) if it cannot be read. */
static ssmq_yaml *read_stream(reader *r, bool *broken)
{
    ssmq_yaml *root = NULL;
    for (bool more = true; more;) {
        yaml_event_t e;
        *broken = !next_event(r, &e);
        if (*broken) return NULL;
        switch (e.type) {
        case YAML_SCALAR_EVENT:
        case YAML_ALIAS_EVENT:
        case YAML_SEQUENCE_START_EVENT:
        case YAML_MAPPING_START_EVENT:
            root = read_node(r, &e).node;
            more = root != NULL;
            *broken = !more;
            break;
        default: more = read_between(r, &e, root != NULL); break;
        }
        yaml_event_delete(&e);
    }
    return root;
}

ssmq_yaml *ssmq_yaml_parse(ssmq_arena *arena, ssmq_origin *source, size_t begin, ssmq_diag *diag)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of the encoding, which some editors write */
    reader            r = {.arena = arena, .source = source, .diag = diag};
    if (begin == 0 && source->length >= 3 && memcmp(source->text, mark, 3) == 0) begin = 3;
    r.at = (cursor){.index = 0, .offset = begin, .line = 1};
    if (!check_bytes(&r, begin)) return NULL;
    const bool ready = yaml_parser_initialize(&r.parser) != 0;
    SSMQ_ASSERT(ready); /* it allocates a few buffers and does nothing else */
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)source->text + begin,
                                 source->length - begin);
    bool       broken = false;
    ssmq_yaml *root = read_stream(&r, &broken);
    yaml_parser_delete(&r.parser);
    if (broken) return NULL;
    if (!root) {
        root = ssmq_yaml_scalar(arena, "", false);
        root->place = place_at(&r, source->length);
        root->line = r.at.line;
    }
    return root;
}

ssmq_origin *ssmq_origin_open(ssmq_arena *arena, const char *path, ssmq_place from, ssmq_diag *diag)
{
    ssmq_mapping m;
    if (ssmq_map_open(path, &m) != SSMQ_OK) {
        ssmq_diag_add(diag, SSMQ_ERR_INPUT, SSMQ_E_YAML_UNREADABLE, from, NULL, "%s",
                      ssmq_error_last()->message);
        ssmq_error_clear();
        return NULL;
    }
    ssmq_origin *s = NULL;
    if (m.size > SSMQ_YAML_BYTES_MAX) {
        ssmq_diag_add(diag, SSMQ_ERR_CONFIG, SSMQ_E_FILE_SIZE, from, NULL,
                      "%s: %zu bytes is over the limit of %d", path, m.size, SSMQ_YAML_BYTES_MAX);
    } else {
        s = ssmq_arena_alloc(arena, sizeof *s);
        s->name = ssmq_arena_strdup(arena, path);
        s->text = ssmq_arena_strndup(arena, m.data ? (const char *)m.data : "", m.size);
        s->length = m.size;
        s->parent = from.source;
        s->parent_offset = from.offset;
    }
    ssmq_map_close(&m);
    return s;
}
