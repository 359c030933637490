#include "harness/data/npy.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

ssmq_status ssmq_npy_prefix(const char *path, const unsigned char *prefix, size_t *begin,
                            size_t *length)
{
    if (memcmp(prefix, SSMQ_NPY_MAGIC, 6) != 0)
        return SSMQ_FAIL(INPUT, "%s: not a .npy file", path);
    const int major = prefix[6];
    if (major < 1 || major > 3)
        return SSMQ_FAIL(INPUT, "%s: version %d of the .npy format is not 1, 2 or 3", path, major);
    *begin = major == 1 ? 10 : 12;
    *length = (size_t)prefix[8] | (size_t)prefix[9] << 8;
    if (major > 1) *length |= (size_t)prefix[10] << 16 | (size_t)prefix[11] << 24;
    if (*length > SSMQ_NPY_HEADER_MAX)
        return SSMQ_FAIL(INPUT, "%s: a .npy header of %zu bytes is over the limit of %u", path,
                         *length, SSMQ_NPY_HEADER_MAX);
    return SSMQ_OK;
}

/* ---- the header: a Python dictionary in a fixed form ------------------------------------- */

typedef struct cursor {
    const char *path, *at;
} cursor;

static bool skip(cursor *c, char wanted)
{
    c->at += strspn(c->at, " \t\n");
    if (*c->at != wanted) return false;
    c->at++;
    return true;
}

static ssmq_status malformed(const cursor *c)
{
    return SSMQ_FAIL(INPUT, "%s: malformed .npy header near '%.20s'", c->path, c->at);
}

/* A string in single or double quotes, into text[size]. */
static bool quoted(cursor *c, char *text, size_t size)
{
    const char quote = skip(c, '\'') ? '\'' : skip(c, '"') ? '"' : '\0';
    if (!quote) return false;
    const char *end = strchr(c->at, quote);
    if (!end || (size_t)(end - c->at) >= size) return false;
    memcpy(text, c->at, (size_t)(end - c->at));
    text[end - c->at] = '\0';
    c->at = end + 1;
    return true;
}

/* "<i4", "|u1", ">u2": byte order, kind, bytes. */
static ssmq_status read_dtype(cursor *c, ssmq_npy *out)
{
    char text[16] = "a structure";
    (void)quoted(c, text, sizeof text);
    const char *end = strchr("<>=|", text[0]);
    const bool  known = text[0] && end && (text[1] == 'i' || text[1] == 'u') &&
                       strchr("1248", text[2]) && text[2] && !text[3];
    if (!known)
        return SSMQ_FAIL(INPUT, "%s: elements of type '%s' are not integers of 1, 2, 4 or 8 bytes",
                         c->path, text);
    out->big_endian = text[0] == '>';
    if (text[0] == '=') out->big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    out->is_signed = text[1] == 'i';
    out->bytes = text[2] - '0';
    return SSMQ_OK;
}

static ssmq_status read_order(cursor *c)
{
    c->at += strspn(c->at, " ");
    if (strncmp(c->at, "True", 4) == 0)
        return SSMQ_FAIL(INPUT, "%s: the array is in Fortran order, not C order", c->path);
    if (strncmp(c->at, "False", 5) != 0) return malformed(c);
    c->at += 5;
    return SSMQ_OK;
}

static ssmq_status read_shape(cursor *c, ssmq_npy *out)
{
    int dimensions = 0;
    if (!skip(c, '(')) return malformed(c);
    while (!skip(c, ')')) {
        const size_t digits = strspn(c->at, "0123456789");
        if (digits == 0 || digits > 18) return malformed(c);
        out->n = strtoll(c->at, NULL, 10);
        c->at += digits;
        dimensions++;
        if (!skip(c, ',') && *c->at != ')') return malformed(c);
    }
    if (dimensions != 1)
        return SSMQ_FAIL(INPUT, "%s: the array has %d dimensions, not 1", c->path, dimensions);
    return SSMQ_OK;
}

ssmq_status ssmq_npy_header(const char *path, const char *header, ssmq_npy *out)
{
    cursor   c = {.path = path, .at = header};
    ssmq_npy a = {0};
    int      seen = 0; /* a bit for each key */
    if (!skip(&c, '{')) return malformed(&c);
    while (!skip(&c, '}')) {
        char key[16];
        if (!quoted(&c, key, sizeof key) || !skip(&c, ':')) return malformed(&c);
        if (strcmp(key, "descr") == 0) {
            SSMQ_TRY(read_dtype(&c, &a));
            seen |= 1;
        } else if (strcmp(key, "fortran_order") == 0) {
            SSMQ_TRY(read_order(&c));
            seen |= 2;
        } else if (strcmp(key, "shape") == 0) {
            SSMQ_TRY(read_shape(&c, &a));
            seen |= 4;
        } else {
            return malformed(&c);
        }
        if (!skip(&c, ',') && *c.at != '}') return malformed(&c);
    }
    if (seen != 7) return malformed(&c);
    *out = a;
    return SSMQ_OK;
}
