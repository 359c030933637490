#include "harness/base/json.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"
#include "harness/base/file.h"

/* ---- reading --------------------------------------------------------------------------- */

ssmq_status ssmq_json_parse(const char *path, const char *text, size_t n, ssmq_json *out)
{
    json_error_t e;
    json_t      *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
    if (!root)
        return SSMQ_FAIL(INPUT, "%s:%d:%d: not valid JSON: %s", path, e.line, e.column, e.text);
    if (!json_is_object(root)) {
        json_decref(root);
        return SSMQ_FAIL(INPUT, "%s: not a JSON object", path);
    }
    out->path = strcpy(ssmq_must_malloc(strlen(path) + 1), path);
    out->root = root;
    return SSMQ_OK;
}

ssmq_status ssmq_json_open(const char *path, size_t limit, ssmq_json *out)
{
    ssmq_str text = {0};
    SSMQ_TRY(ssmq_file_read(path, limit, &text));
    const ssmq_status st = ssmq_json_parse(path, ssmq_str_text(&text), text.length, out);
    ssmq_str_free(&text);
    return st;
}

void ssmq_json_close(ssmq_json *j)
{
    if (j->root) json_decref(j->root);
    free(j->path);
    *j = (ssmq_json){0};
}

/* The value under a dotted key; NULL if it is missing or null. */
static const json_t *look_up(const ssmq_json *j, const char *key)
{
    const json_t *at = j->root;
    while (at) {
        const size_t n = strcspn(key, ".");
        char         part[64];
        if (n >= sizeof part) return NULL;
        memcpy(part, key, n);
        part[n] = '\0';
        at = json_object_get(at, part);
        if (!key[n]) break;
        key += n + 1;
    }
    return json_is_null(at) ? NULL : at;
}

static const char *type_name(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a real number";
    default: return json_is_boolean(v) ? "a boolean" : "null";
    }
}

static ssmq_status missing(const ssmq_json *j, const char *key, bool required)
{
    if (required) return SSMQ_FAIL(INPUT, "%s: the key '%s' is missing", j->path, key);
    return SSMQ_OK;
}

#define WRONG_TYPE(j, key, wanted, v) \
    SSMQ_FAIL(INPUT, "%s: '%s' is %s, not %s", (j)->path, (key), type_name(v), (wanted))

bool ssmq_json_has(const ssmq_json *j, const char *key)
{
    return look_up(j, key) != NULL;
}

bool ssmq_json_is_text(const ssmq_json *j, const char *key)
{
    const json_t *v = look_up(j, key);
    return v && json_is_string(v);
}

int64_t ssmq_json_size(const ssmq_json *j, const char *key)
{
    const json_t *v = look_up(j, key);
    if (!v) return 0;
    return (int64_t)(json_is_array(v) ? json_array_size(v) : json_object_size(v));
}

ssmq_status ssmq_json_int(const ssmq_json *j, const char *key, bool required, int64_t min,
                          int64_t max, int64_t *out)
{
    const json_t *v = look_up(j, key);
    if (!v) return missing(j, key, required);
    if (!json_is_integer(v)) return WRONG_TYPE(j, key, "an integer", v);
    const int64_t n = json_integer_value(v);
    if (n < min || n > max)
        return SSMQ_FAIL(INPUT, "%s: '%s' is %" PRId64 ", not within %" PRId64 " to %" PRId64,
                         j->path, key, n, min, max);
    *out = n;
    return SSMQ_OK;
}

ssmq_status ssmq_json_real(const ssmq_json *j, const char *key, bool required, double *out)
{
    const json_t *v = look_up(j, key);
    if (!v) return missing(j, key, required);
    if (!json_is_number(v)) return WRONG_TYPE(j, key, "a number", v);
    *out = json_number_value(v);
    return SSMQ_OK;
}

ssmq_status ssmq_json_bool(const ssmq_json *j, const char *key, bool required, bool *out)
{
    const json_t *v = look_up(j, key);
    if (!v) return missing(j, key, required);
    if (!json_is_boolean(v)) return WRONG_TYPE(j, key, "a boolean", v);
    *out = json_is_true(v);
    return SSMQ_OK;
}

ssmq_status ssmq_json_text(const ssmq_json *j, const char *key, bool required, const char **out)
{
    const json_t *v = look_up(j, key);
    if (!v) return missing(j, key, required);
    if (!json_is_string(v)) return WRONG_TYPE(j, key, "a string", v);
    *out = json_string_value(v);
    return SSMQ_OK;
}

/* ---- writing --------------------------------------------------------------------------- */

static void put_string(ssmq_str *out, const char *s)
{
    ssmq_str_puts(out, "\"");
    for (; *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') ssmq_str_printf(out, "\\%c", c);
        else if (c == '\n') ssmq_str_puts(out, "\\n");
        else if (c == '\t') ssmq_str_puts(out, "\\t");
        else if (c < 0x20 || c == 0x7f) ssmq_str_printf(out, "\\u%04x", c);
        else ssmq_str_append(out, s, 1);
    }
    ssmq_str_puts(out, "\"");
}

static void new_line(ssmq_json_writer *w)
{
    if (w->compact) return;
    ssmq_str_puts(w->out, "\n");
    for (int32_t i = 0; i < w->depth; i++) ssmq_str_puts(w->out, "  ");
}

/* What stands before a value: comma, line break, key. */
static void before(ssmq_json_writer *w, const char *key)
{
    if (w->depth > 0) {
        if (w->any[w->depth - 1]) ssmq_str_puts(w->out, w->compact ? ", " : ",");
        w->any[w->depth - 1] = true;
        new_line(w);
    }
    if (!key) return;
    put_string(w->out, key);
    ssmq_str_puts(w->out, ": ");
}

static void begin(ssmq_json_writer *w, const char *key, const char *bracket)
{
    before(w, key);
    ssmq_str_puts(w->out, bracket);
    SSMQ_ASSERT(w->depth < SSMQ_JSON_DEPTH_MAX);
    w->any[w->depth++] = false;
}

static void end(ssmq_json_writer *w, const char *bracket)
{
    SSMQ_ASSERT(w->depth > 0);
    const bool any = w->any[--w->depth];
    if (any) new_line(w);
    ssmq_str_puts(w->out, bracket);
    if (w->depth == 0 && !w->compact) ssmq_str_puts(w->out, "\n");
}

void ssmq_json_begin_object(ssmq_json_writer *w, const char *key)
{
    begin(w, key, "{");
}

void ssmq_json_end_object(ssmq_json_writer *w)
{
    end(w, "}");
}

void ssmq_json_begin_array(ssmq_json_writer *w, const char *key)
{
    begin(w, key, "[");
}

void ssmq_json_end_array(ssmq_json_writer *w)
{
    end(w, "]");
}

void ssmq_json_put_text(ssmq_json_writer *w, const char *key, const char *value)
{
    if (!value) {
        ssmq_json_put_null(w, key);
        return;
    }
    before(w, key);
    put_string(w->out, value);
}

void ssmq_json_put_int(ssmq_json_writer *w, const char *key, int64_t value)
{
    before(w, key);
    ssmq_str_printf(w->out, "%" PRId64, value);
}

void ssmq_json_put_real(ssmq_json_writer *w, const char *key, double value)
{
    if (!isfinite(value)) {
        ssmq_json_put_null(w, key);
        return;
    }
    char text[SSMQ_REAL_TEXT];
    ssmq_real_text(value, text);
    before(w, key);
    ssmq_str_puts(w->out, text);
}

void ssmq_json_put_bool(ssmq_json_writer *w, const char *key, bool value)
{
    before(w, key);
    ssmq_str_puts(w->out, value ? "true" : "false");
}

void ssmq_json_put_null(ssmq_json_writer *w, const char *key)
{
    before(w, key);
    ssmq_str_puts(w->out, "null");
}

void ssmq_real_text(double value, char text[SSMQ_REAL_TEXT])
{
    if (!isfinite(value)) {
        strcpy(text, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    int precision = 1;
    do snprintf(text, SSMQ_REAL_TEXT, "%.*g", precision, value);
    while (strtod(text, NULL) != value && precision++ < 17);
    /* 100, not 1e+02: as many digits as the integer part has. */
    const double size = fabs(value);
    if (size >= 10 && size < 1e15 && precision < (int)log10(size) + 1)
        snprintf(text, SSMQ_REAL_TEXT, "%.0f", value);
    if (!strpbrk(text, ".e")) strcat(text, ".0");
}
