/* What a YAML tree says: look-up, the types of scalars, trees built by hand, and printing. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "harness/base/assert.h"
#include "harness/base/yaml.h"

int32_t ssmq_yaml_find(const ssmq_yaml *n, const char *key)
{
    if (!n || n->kind != SSMQ_YAML_MAP) return -1;
    for (int32_t i = 0; i < n->n; i++)
        if (strcmp(n->key[i]->text, key) == 0) return i;
    return -1;
}

ssmq_yaml *ssmq_yaml_get(const ssmq_yaml *n, const char *key)
{
    const int32_t i = ssmq_yaml_find(n, key);
    return i < 0 ? NULL : n->value[i];
}

/* ---- types: YAML 1.2.2, 10.3.2 --------------------------------------------------------- */

static bool one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0) return true;
    return false;
}

static bool is_null(const char *text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return one_of(text, words);
}

static bool is_bool(const char *text)
{
    static const char *const words[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    return one_of(text, words);
}

#define DIGITS "0123456789"

/* Is text, from here to its end, one or more of these characters? */
static bool all_of(const char *text, const char *characters)
{
    return *text && text[strspn(text, characters)] == '\0';
}

static bool is_int(const char *text)
{
    if (text[0] == '0' && text[1] == 'o') return all_of(text + 2, "01234567");
    if (text[0] == '0' && text[1] == 'x') return all_of(text + 2, DIGITS "abcdefABCDEF");
    return all_of(text + (*text == '+' || *text == '-'), DIGITS);
}

static bool is_real(const char *text)
{
    static const char *const words[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL};
    if (one_of(text, words)) return true;
    text += *text == '+' || *text == '-';
    if (one_of(text, words)) return strchr("iI", text[1]) != NULL;
    const size_t whole = strspn(text, DIGITS);
    text += whole;
    if (*text == '.') {
        const size_t part = strspn(++text, DIGITS);
        if (whole + part == 0) return false;
        text += part;
    } else if (whole == 0) {
        return false;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        return all_of(text + (*text == '+' || *text == '-'), DIGITS);
    }
    return *text == '\0';
}

ssmq_yaml_type ssmq_yaml_type_of(const ssmq_yaml *n)
{
    if (n->kind == SSMQ_YAML_LIST) return SSMQ_YAML_LIST_TYPE;
    if (n->kind == SSMQ_YAML_MAP) return SSMQ_YAML_MAP_TYPE;
    if (n->quoted) return SSMQ_YAML_TEXT;
    if (is_null(n->text)) return SSMQ_YAML_NULL;
    if (is_bool(n->text)) return SSMQ_YAML_BOOL;
    if (is_int(n->text)) return SSMQ_YAML_INT;
    return is_real(n->text) ? SSMQ_YAML_REAL : SSMQ_YAML_TEXT;
}

bool ssmq_yaml_bool(const ssmq_yaml *n)
{
    return n->text[0] == 't' || n->text[0] == 'T';
}

int64_t ssmq_yaml_int(const ssmq_yaml *n)
{
    const char *text = n->text;
    if (text[0] == '0' && text[1] == 'o') return strtoll(text + 2, NULL, 8);
    if (text[0] == '0' && text[1] == 'x') return strtoll(text + 2, NULL, 16);
    return strtoll(text, NULL, 10); /* saturates */
}

double ssmq_yaml_real(const ssmq_yaml *n)
{
    if (ssmq_yaml_type_of(n) == SSMQ_YAML_INT && strchr("ox", n->text[n->text[0] == '0']))
        return (double)ssmq_yaml_int(n);
    const char *text = n->text;
    const char *word = text + (*text == '+' || *text == '-');
    if (*word == '.' && strchr("iI", word[1]))
        return *text == '-' ? -strtod("inf", NULL) : strtod("inf", NULL);
    if (*word == '.' && strchr("nN", word[1])) return strtod("nan", NULL);
    return strtod(text, NULL);
}

/* Text of a message is cut after this many bytes, at a character. */
#define QUOTED_BYTES 60

static const char *cut(ssmq_arena *arena, const char *text)
{
    size_t n = strlen(text);
    if (n <= QUOTED_BYTES) return text;
    for (n = QUOTED_BYTES; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;) n--;
    return ssmq_arena_printf(arena, "%.*s...", (int)n, text);
}

const char *ssmq_yaml_found(ssmq_arena *arena, const ssmq_yaml *n)
{
    switch (ssmq_yaml_type_of(n)) {
    case SSMQ_YAML_NULL: return "nothing";
    case SSMQ_YAML_LIST_TYPE: return "a list";
    case SSMQ_YAML_MAP_TYPE: return "a mapping";
    case SSMQ_YAML_BOOL: return n->text;
    case SSMQ_YAML_INT:
    case SSMQ_YAML_REAL: return ssmq_arena_printf(arena, "the number %s", cut(arena, n->text));
    default: return ssmq_arena_printf(arena, "the text '%s'", cut(arena, n->text));
    }
}

/* ---- building -------------------------------------------------------------------------- */

ssmq_yaml *ssmq_yaml_new(ssmq_arena *arena, ssmq_yaml_kind kind)
{
    ssmq_yaml *n = ssmq_arena_alloc(arena, sizeof *n);
    n->kind = kind;
    if (kind == SSMQ_YAML_SCALAR) n->text = "";
    return n;
}

ssmq_yaml *ssmq_yaml_scalar(ssmq_arena *arena, const char *text, bool quoted)
{
    ssmq_yaml *n = ssmq_yaml_new(arena, SSMQ_YAML_SCALAR);
    n->text = ssmq_arena_strdup(arena, text);
    n->quoted = quoted;
    return n;
}

ssmq_yaml *ssmq_yaml_scalar_at(ssmq_arena *arena, const char *text, bool quoted,
                               const ssmq_yaml *given)
{
    ssmq_yaml *n = ssmq_yaml_scalar(arena, text, quoted);
    if (given) {
        n->place = given->place;
        n->line = given->line;
    }
    return n;
}

static ssmq_yaml **grown(ssmq_arena *arena, ssmq_yaml **old, int32_t n, int32_t capacity)
{
    ssmq_yaml **wide = SSMQ_ARENA_ARRAY(arena, ssmq_yaml *, capacity);
    if (n > 0) memcpy(wide, old, (size_t)n * sizeof *wide);
    return wide;
}

void ssmq_yaml_append(ssmq_arena *arena, ssmq_yaml *to, ssmq_yaml *key, ssmq_yaml *value)
{
    SSMQ_ASSERT(to->kind == (key ? SSMQ_YAML_MAP : SSMQ_YAML_LIST));
    if (to->n == to->capacity) {
        to->capacity = to->capacity ? 2 * to->capacity : 4;
        to->value = grown(arena, to->value, to->n, to->capacity);
        if (key) to->key = grown(arena, to->key, to->n, to->capacity);
    }
    if (key) to->key[to->n] = key;
    to->value[to->n++] = value;
}

void ssmq_yaml_put(ssmq_arena *arena, ssmq_yaml *map, const char *key, ssmq_yaml *value)
{
    ssmq_yaml_append(arena, map, ssmq_yaml_scalar(arena, key, true), value);
}

ssmq_yaml *ssmq_yaml_copy(ssmq_arena *arena, const ssmq_yaml *n)
{
    ssmq_yaml *c = ssmq_arena_alloc(arena, sizeof *c);
    *c = *n;
    c->capacity = n->n;
    if (n->value) c->value = grown(arena, n->value, n->n, n->n ? n->n : 1);
    if (n->key) c->key = grown(arena, n->key, n->n, n->n ? n->n : 1);
    return c;
}

/* ---- printing -------------------------------------------------------------------------- */

#define COMMENT_COLUMN 48

typedef struct printer {
    ssmq_str       *out;
    ssmq_yaml_style style;
} printer;

/* Must it be escaped in double quotes: what YAML does not take as it is, or takes for a line break?
 */
static bool is_special(utf8proc_int32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return true;
    return c == 0x2028 || c == 0x2029 || c == 0xfeff || c == 0xfffe || c == 0xffff;
}

/* In double quotes, as JSON and YAML both read it. */
static void put_string(ssmq_str *out, const char *s)
{
    ssmq_str_puts(out, "\"");
    while (*s) {
        utf8proc_int32_t       c = 0;
        const utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s, -1, &c);
        if (c == '"' || c == '\\') ssmq_str_printf(out, "\\%c", (char)c);
        else if (c == '\n') ssmq_str_puts(out, "\\n");
        else if (c == '\t') ssmq_str_puts(out, "\\t");
        else if (n > 0 && is_special(c)) ssmq_str_printf(out, "\\u%04x", (unsigned)c);
        else ssmq_str_append(out, s, n > 0 ? (size_t)n : 1);
        s += n > 0 ? n : 1;
    }
    ssmq_str_puts(out, "\"");
}

/* Would this text, unquoted, be read back as the same text by any reader, in a flow list too? */
static bool is_plain(const char *text)
{
    static const char        letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char *const words[] = {"y",  "Y",  "n",  "N",  "yes", "Yes", "YES", "no", "No",
                                        "NO", "on", "On", "ON", "off", "Off", "OFF", NULL};
    if (!*text || !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_./", *text))
        return false;
    for (const char *c = text; *c; c++)
        if (!strchr(letters, *c) && !strchr(DIGITS "_./*+-", *c)) return false;
    return !is_null(text) && !is_bool(text) && !is_real(text) && !one_of(text, words);
}

static void put_scalar(const printer *p, const ssmq_yaml *n)
{
    if (ssmq_yaml_type_of(n) != SSMQ_YAML_TEXT) ssmq_str_puts(p->out, *n->text ? n->text : "null");
    else if (is_plain(n->text)) ssmq_str_puts(p->out, n->text);
    else put_string(p->out, n->text);
}

/* Keys are texts, whatever they look like; an empty one has to be quoted to be seen. */
static void put_key(const printer *p, const ssmq_yaml *key)
{
    if (*key->text) put_scalar(p, key);
    else put_string(p->out, "");
}

static bool visible(const printer *p, const ssmq_yaml *n)
{
    return n->view == SSMQ_YAML_BOTH || n->view == p->style.view;
}

/* Is it printed on the line of its key: a scalar, a list of scalars, something empty? */
static bool is_short(const printer *p, const ssmq_yaml *n)
{
    for (int32_t i = 0; i < n->n; i++) {
        if (!visible(p, n->value[i])) continue;
        if (n->kind == SSMQ_YAML_MAP || n->value[i]->kind != SSMQ_YAML_SCALAR) return false;
    }
    return true;
}

static void put_short(const printer *p, const ssmq_yaml *n)
{
    if (n->kind == SSMQ_YAML_SCALAR) {
        put_scalar(p, n);
        return;
    }
    const char *between = "";
    ssmq_str_puts(p->out, n->kind == SSMQ_YAML_MAP ? "{" : "[");
    for (int32_t i = 0; i < n->n; i++) {
        if (!visible(p, n->value[i])) continue;
        ssmq_str_puts(p->out, between);
        put_scalar(p, n->value[i]);
        between = ", ";
    }
    ssmq_str_puts(p->out, n->kind == SSMQ_YAML_MAP ? "}" : "]");
}

static void put_origin(const printer *p, const ssmq_yaml *n)
{
    ssmq_str *out = p->out;
    int       column = 0;
    for (size_t i = out->length; i > 0 && out->data[i - 1] != '\n'; i--)
        column += ((unsigned char)out->data[i - 1] & 0xc0) != 0x80;
    ssmq_str_printf(out, "%*s# ", column < COMMENT_COLUMN - 2 ? COMMENT_COLUMN - column : 2, "");
    const ssmq_origin *s = n->place.source;
    const size_t       from = out->length;
    if (!s) ssmq_str_puts(out, "default");
    else if (s->set > 0) ssmq_str_printf(out, "--set #%d", s->set);
    else ssmq_str_printf(out, "%s:%d", s->name, n->line);
    for (size_t i = from; i < out->length; i++)
        if ((unsigned char)out->data[i] < 0x20)
            out->data[i] = '?'; /* a file name may hold anything */
}

static void put_line(const printer *p, const ssmq_yaml *n)
{
    put_short(p, n);
    if (p->style.origins) put_origin(p, n);
    ssmq_str_puts(p->out, "\n");
}

/* Entries at a depth of indentation; the first of them may follow a "- " on the same line. */
static void put_entries(const printer *p, const ssmq_yaml *n, int indent, bool after_dash)
{
    for (int32_t i = 0; i < n->n; i++) {
        const ssmq_yaml *v = n->value[i];
        if (!visible(p, v)) continue;
        if (!after_dash) ssmq_str_printf(p->out, "%*s", indent, "");
        after_dash = false;
        const bool map = n->kind == SSMQ_YAML_MAP;
        if (map) put_key(p, n->key[i]);
        ssmq_str_puts(p->out, map ? ":" : "-");
        if (is_short(p, v)) {
            ssmq_str_puts(p->out, " ");
            put_line(p, v);
        } else if (map) {
            ssmq_str_puts(p->out, "\n");
            put_entries(p, v, indent + 2, false);
        } else {
            ssmq_str_puts(p->out, " ");
            put_entries(p, v, indent + 2, true);
        }
    }
}

void ssmq_yaml_print(const ssmq_yaml *n, ssmq_yaml_style style, ssmq_str *out)
{
    const printer p = {.out = out, .style = style};
    if (is_short(&p, n)) put_line(&p, n);
    else put_entries(&p, n, 0, false);
}

/* Is the number written as JSON writes numbers: no plus, no base, a digit on each side of a point?
 */
static bool is_json_number(const char *text)
{
    text += *text == '-';
    const size_t whole = strspn(text, DIGITS);
    if (whole == 0 || (whole > 1 && *text == '0')) return false;
    text += whole;
    if (*text == '.') {
        const size_t part = strspn(++text, DIGITS);
        if (part == 0) return false;
        text += part;
    }
    return !*text || *text == 'e' || *text == 'E';
}

static void put_json_scalar(const ssmq_yaml *n, ssmq_str *out)
{
    const ssmq_yaml_type type = ssmq_yaml_type_of(n);
    const bool           number = type == SSMQ_YAML_INT || type == SSMQ_YAML_REAL;
    if (type == SSMQ_YAML_NULL) ssmq_str_puts(out, "null");
    else if (type == SSMQ_YAML_BOOL) ssmq_str_puts(out, ssmq_yaml_bool(n) ? "true" : "false");
    else if (number && is_json_number(n->text)) ssmq_str_puts(out, n->text);
    else put_string(out, n->text);
}

void ssmq_yaml_json(const ssmq_yaml *n, ssmq_str *out)
{
    if (n->kind == SSMQ_YAML_SCALAR) {
        put_json_scalar(n, out);
        return;
    }
    const bool map = n->kind == SSMQ_YAML_MAP;
    ssmq_str_puts(out, map ? "{" : "[");
    for (int32_t i = 0; i < n->n; i++) {
        if (i > 0) ssmq_str_puts(out, ", ");
        if (map) {
            put_string(out, n->key[i]->text);
            ssmq_str_puts(out, ": ");
        }
        ssmq_yaml_json(n->value[i], out);
    }
    ssmq_str_puts(out, map ? "}" : "]");
}
