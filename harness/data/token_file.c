#include "harness/data/token_file.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/file.h"
#include "harness/data/npy.h"

#define READ_BYTES 65536
#define END (-1) /* in place of a byte, behind the last one */

struct ssmq_token_file {
    ssmq_stream  *stream;
    char         *path;
    int64_t       vocabulary;
    int64_t       index; /* ids handed out */
    bool          is_npy, ended;
    ssmq_npy      npy;
    unsigned char bytes[READ_BYTES];
    size_t        at, length; /* bytes[at .. length) is read and not used */
    int64_t       offset;     /* of bytes[0] in the file */
};

/* ---- bytes ------------------------------------------------------------------------------- */

/* The next byte, left there; END at the end. */
static ssmq_status peek(ssmq_token_file *f, int *out)
{
    if (f->at == f->length) {
        f->offset += (int64_t)f->length;
        f->at = f->length = 0;
        SSMQ_TRY(ssmq_stream_read(f->stream, (char *)f->bytes, READ_BYTES, &f->length));
    }
    *out = f->length > 0 ? f->bytes[f->at] : END;
    return SSMQ_OK;
}

/* n bytes, or as many as there are. */
static ssmq_status take(ssmq_token_file *f, unsigned char *bytes, size_t n, size_t *got)
{
    for (*got = 0; *got < n; (*got)++) {
        int c = END;
        SSMQ_TRY(peek(f, &c));
        if (c == END) break;
        bytes[*got] = (unsigned char)c;
        f->at++;
    }
    return SSMQ_OK;
}

/* ---- .npy -------------------------------------------------------------------------------- */

static ssmq_status open_npy(ssmq_token_file *f)
{
    unsigned char prefix[SSMQ_NPY_PREFIX] = {0};
    size_t        got, begin, length;
    SSMQ_TRY(take(f, prefix, sizeof prefix, &got));
    SSMQ_TRY(ssmq_npy_prefix(f->path, prefix, &begin, &length));
    f->at -= got - (got < begin ? got : begin); /* version 1 has a shorter prefix */
    char       *header = ssmq_must_malloc(length + 1);
    ssmq_status st = take(f, (unsigned char *)header, length, &got);
    header[got] = '\0';
    if (st == SSMQ_OK && got < length)
        st = SSMQ_FAIL(INPUT, "%s: the file ends inside the .npy header", f->path);
    if (st == SSMQ_OK) st = ssmq_npy_header(f->path, header, &f->npy);
    free(header);
    return st;
}

static ssmq_status next_npy(ssmq_token_file *f, uint64_t *value, bool *negative, bool *more)
{
    unsigned char bytes[8];
    size_t        got;
    const size_t  n = (size_t)f->npy.bytes;
    *more = f->index < f->npy.n;
    if (!*more) {
        SSMQ_TRY(take(f, bytes, 1, &got));
        if (got > 0)
            return SSMQ_FAIL(INPUT, "%s: there are bytes behind the %" PRId64 " ids", f->path,
                             f->npy.n);
        return SSMQ_OK;
    }
    SSMQ_TRY(take(f, bytes, n, &got));
    if (got < n)
        return SSMQ_FAIL(INPUT, "%s: the file ends after %" PRId64 " of %" PRId64 " ids", f->path,
                         f->index, f->npy.n);
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) v = v << 8 | bytes[f->npy.big_endian ? i : n - 1 - i];
    *negative = f->npy.is_signed && v >> (8 * n - 1) & 1;
    if (*negative) v = (n < 8 ? (uint64_t)1 << 8 * n : 0) - v; /* the amount */
    *value = v;
    return SSMQ_OK;
}

/* ---- a JSON list --------------------------------------------------------------------------- */

static ssmq_status peek_solid(ssmq_token_file *f, int *out)
{
    for (;;) {
        SSMQ_TRY(peek(f, out));
        if (*out != ' ' && *out != '\t' && *out != '\n' && *out != '\r') return SSMQ_OK;
        f->at++;
    }
}

static ssmq_status expected(const ssmq_token_file *f, const char *what, int found)
{
    const int64_t at = f->offset + (int64_t)f->at;
    if (found == END)
        return SSMQ_FAIL(INPUT, "%s: byte %" PRId64 ": expected %s, not the end of the file",
                         f->path, at, what);
    if (found > ' ' && found < 0x7F)
        return SSMQ_FAIL(INPUT, "%s: byte %" PRId64 ": expected %s, not '%c'", f->path, at, what,
                         found);
    return SSMQ_FAIL(INPUT, "%s: byte %" PRId64 ": expected %s, not the byte 0x%02X", f->path, at,
                     what, (unsigned)found);
}

static ssmq_status read_integer(ssmq_token_file *f, uint64_t *value, bool *negative)
{
    int c = END, digits = 0;
    SSMQ_TRY(peek(f, &c));
    *negative = c == '-';
    if (*negative) f->at++;
    *value = 0;
    for (;; digits++) {
        SSMQ_TRY(peek(f, &c));
        if (c < '0' || c > '9') break;
        if (digits == 18) return expected(f, "an integer of at most 18 digits", c);
        if (digits == 1 && *value == 0) return expected(f, "an integer without leading zeros", c);
        *value = *value * 10 + (uint64_t)(c - '0');
        f->at++;
    }
    if (digits == 0) return expected(f, "an integer", c);
    return SSMQ_OK;
}

static ssmq_status open_list(ssmq_token_file *f)
{
    int c = END;
    SSMQ_TRY(peek_solid(f, &c));
    if (c != '[') return expected(f, "a .npy array or a JSON list of ids", c);
    f->at++;
    return SSMQ_OK;
}

static ssmq_status next_in_list(ssmq_token_file *f, uint64_t *value, bool *negative, bool *more)
{
    int c = END;
    SSMQ_TRY(peek_solid(f, &c));
    *more = c != ']';
    if (!*more) {
        f->at++;
        SSMQ_TRY(peek_solid(f, &c));
        if (c != END) return expected(f, "the end of the file", c);
        return SSMQ_OK;
    }
    if (f->index > 0) {
        if (c != ',') return expected(f, "',' or ']'", c);
        f->at++;
        SSMQ_TRY(peek_solid(f, &c));
    }
    return read_integer(f, value, negative);
}

/* ---- either -------------------------------------------------------------------------------- */

ssmq_status ssmq_token_file_open(const char *path, int64_t vocabulary, ssmq_token_file **out)
{
    ssmq_stream *stream;
    SSMQ_TRY(ssmq_stream_open(path, &stream));
    ssmq_token_file *f = ssmq_must_malloc(sizeof *f);
    *f = (ssmq_token_file){.stream = stream, .vocabulary = vocabulary};
    f->path = strcpy(ssmq_must_malloc(strlen(path) + 1), path);
    int         c = END;
    ssmq_status st;
    SSMQ_TRY_DONE(st, peek(f, &c));
    f->is_npy = c == (unsigned char)SSMQ_NPY_MAGIC[0];
    SSMQ_TRY_DONE(st, f->is_npy ? open_npy(f) : open_list(f));
    *out = f;
    return SSMQ_OK;
done:
    ssmq_token_file_close(f);
    return st;
}

static ssmq_status next_id(ssmq_token_file *f, int32_t *id, bool *more)
{
    uint64_t value = 0;
    bool     negative = false;
    SSMQ_TRY(f->is_npy ? next_npy(f, &value, &negative, more)
                       : next_in_list(f, &value, &negative, more));
    if (!*more) {
        if (f->index == 0) return SSMQ_FAIL(INPUT, "%s: the file has no ids", f->path);
        return SSMQ_OK;
    }
    if ((negative && value > 0) || value >= (uint64_t)f->vocabulary || value > INT32_MAX)
        return SSMQ_FAIL(
            INPUT, "%s: the id %s%" PRIu64 " at index %" PRId64 " is not within 0 to %" PRId64,
            f->path, negative ? "-" : "", value, f->index, f->vocabulary - 1);
    *id = (int32_t)value;
    f->index++;
    return SSMQ_OK;
}

ssmq_status ssmq_token_file_read(ssmq_token_file *f, int32_t *id, int64_t n, int64_t *got)
{
    *got = 0;
    while (*got < n && !f->ended) {
        bool more = false;
        SSMQ_TRY(next_id(f, id + *got, &more));
        if (more) (*got)++;
        else f->ended = true;
    }
    return SSMQ_OK;
}

double ssmq_token_file_fraction(const ssmq_token_file *f)
{
    return f->ended ? 1.0 : ssmq_stream_fraction(f->stream);
}

void ssmq_token_file_close(ssmq_token_file *f)
{
    if (!f) return;
    ssmq_stream_close(f->stream);
    free(f->path);
    free(f);
}
