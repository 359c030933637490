#include "harness/data/reader.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/file.h"
#include "harness/data/lines.h"
#include "harness/data/utf8.h"

#define READ_BYTES 65536
/* Bytes of white space at the beginning of a line that are held back. */
#define BLANKS_MAX ((size_t)1 << 20)

struct ssmq_reader {
    const ssmq_data *data;
    int64_t          documents; /* begun so far */
    /* jsonl */
    ssmq_lines      *lines;
    json_t          *line; /* the last one; its strings are lent */
    /* text, wikitext-raw */
    ssmq_stream     *stream;
    char             bytes[READ_BYTES];
    size_t           given, held; /* bytes[given .. held): the beginning of a character */
    int64_t          offset;      /* of bytes[0] in the file */
    bool             ended;
    /* wikitext-raw */
    ssmq_str rows, blanks; /* text made of lines; the white space that this line has begun with */
    bool     inside;       /* in a line that is not blank */
    bool     any_row;
};

ssmq_status ssmq_reader_open(const ssmq_data *data, ssmq_reader **out)
{
    ssmq_reader *r = ssmq_must_malloc(sizeof *r);
    *r = (ssmq_reader){.data = data};
    const ssmq_status st = data->format == SSMQ_DATA_JSONL
                               ? ssmq_lines_open(data->file, &r->lines)
                               : ssmq_stream_open(data->file, &r->stream);
    if (st != SSMQ_OK) {
        free(r);
        return ssmq_trace(st, __FILE__, __LINE__, __func__);
    }
    *out = r;
    return SSMQ_OK;
}

void ssmq_reader_close(ssmq_reader *r)
{
    if (!r) return;
    ssmq_lines_close(r->lines);
    ssmq_stream_close(r->stream);
    if (r->line) json_decref(r->line);
    ssmq_str_free(&r->rows);
    ssmq_str_free(&r->blanks);
    free(r);
}

/* ---- jsonl ----------------------------------------------------------------------------- */

#define FAIL_LINE(r, format, ...)                                                               \
    SSMQ_FAIL(INPUT, "%s:%" PRId64 ": " format, (r)->data->file, ssmq_lines_number((r)->lines), \
              __VA_ARGS__)

static ssmq_status parse_line(ssmq_reader *r, const char *text, size_t n)
{
    bool         cut;
    const size_t valid = ssmq_utf8_valid(text, n, &cut);
    if (valid < n) return FAIL_LINE(r, "byte %zu of the line is not valid UTF-8", valid);
    if (r->line) json_decref(r->line);
    json_error_t e;
    r->line =
        json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &e);
    if (!r->line) return FAIL_LINE(r, "not valid JSON: %s", e.text);
    if (!json_is_object(r->line)) return FAIL_LINE(r, "%s", "not a JSON object");
    return SSMQ_OK;
}

/* The string under a dotted key. */
static ssmq_status string_under(const ssmq_reader *r, const char *key, const json_t **out)
{
    const json_t *at = r->line;
    for (const char *rest = key;;) {
        const size_t n = strcspn(rest, ".");
        char        *part = memcpy(ssmq_must_malloc(n + 1), rest, n);
        part[n] = '\0';
        at = json_object_get(at, part); /* NULL for what is no object */
        free(part);
        if (!rest[n]) break;
        rest += n + 1;
    }
    if (!json_is_string(at)) return FAIL_LINE(r, "the key '%s' is missing or not a string", key);
    *out = at;
    return SSMQ_OK;
}

static bool is_blank(const char *text, size_t n)
{
    while (n > 0 && strchr(" \t\r", text[n - 1]) && text[n - 1]) n--;
    return n == 0;
}

static ssmq_status next_document(ssmq_reader *r, ssmq_piece *out, bool *more)
{
    const char *text = NULL;
    size_t      n = 0;
    do SSMQ_TRY(ssmq_lines_next(r->lines, &text, &n, more));
    while (*more && is_blank(text, n));
    if (!*more) {
        if (r->documents == 0)
            return SSMQ_FAIL(INPUT, "%s: the file has no documents", r->data->file);
        return SSMQ_OK;
    }
    SSMQ_TRY(parse_line(r, text, n));
    const json_t *string = NULL, *subset = NULL;
    SSMQ_TRY(string_under(r, "text", &string));
    *out = (ssmq_piece){.text = json_string_value(string),
                        .n = json_string_length(string),
                        .document = r->documents++};
    if (!r->data->subset) return SSMQ_OK;
    SSMQ_TRY(string_under(r, r->data->subset, &subset));
    out->subset = json_string_value(subset);
    if (strlen(out->subset) != json_string_length(subset))
        return FAIL_LINE(r, "the subset's name under '%s' holds a zero byte", r->data->subset);
    return SSMQ_OK;
}

/* ---- text ------------------------------------------------------------------------------ */

static ssmq_status next_bytes(ssmq_reader *r, ssmq_piece *out, bool *more)
{
    r->offset += (int64_t)r->given;
    r->held -= r->given;
    memmove(r->bytes, r->bytes + r->given, r->held);
    r->given = 0;
    size_t got = 0;
    SSMQ_TRY(ssmq_stream_read(r->stream, r->bytes + r->held, READ_BYTES - r->held, &got));
    r->held += got;
    *more = got > 0;
    if (got == 0 && r->held == 0) {
        if (r->offset == 0) return SSMQ_FAIL(INPUT, "%s: the file is empty", r->data->file);
        return SSMQ_OK;
    }
    bool cut;
    r->given = ssmq_utf8_valid(r->bytes, r->held, &cut);
    if (r->given < r->held && (!cut || got == 0))
        return SSMQ_FAIL(INPUT, "%s: byte %" PRId64 " is not valid UTF-8", r->data->file,
                         r->offset + (int64_t)r->given);
    *out = (ssmq_piece){.text = r->bytes, .n = r->given};
    r->documents = 1;
    return SSMQ_OK;
}

/* ---- wikitext-raw ---------------------------------------------------------------------- */

/* The rows of the data set are the lines of the file, each with its line feed; a line of nothing
 * but white space is an empty row.  Rows are joined with two line feeds. */
static void begin_row(ssmq_reader *r)
{
    if (r->any_row) ssmq_str_puts(&r->rows, "\n\n");
    r->any_row = true;
}

static bool is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F);
}

/* Takes text from the beginning of a line, up to the end of a blank line or the first that is not
 * white. */
static size_t take_blanks(ssmq_reader *r, const char *text, size_t n)
{
    size_t at = 0;
    while (at < n && is_white(text[at]) && text[at] != '\n') at++;
    if (at == n || text[at] != '\n') ssmq_str_append(&r->blanks, text, at);
    if (at == n) return at;
    begin_row(r);
    if (text[at] == '\n') {
        at++;
    } else {
        ssmq_str_append(&r->rows, ssmq_str_text(&r->blanks), r->blanks.length);
        r->inside = true;
    }
    ssmq_str_clear(&r->blanks);
    return at;
}

static size_t take_line(ssmq_reader *r, const char *text, size_t n)
{
    const char  *feed = memchr(text, '\n', n);
    const size_t length = feed ? (size_t)(feed - text) + 1 : n;
    ssmq_str_append(&r->rows, text, length);
    r->inside = !feed;
    return length;
}

static ssmq_status next_rows(ssmq_reader *r, ssmq_piece *out, bool *more)
{
    ssmq_piece bytes = {0};
    ssmq_str_clear(&r->rows);
    if (r->ended) {
        *more = false;
        return SSMQ_OK;
    }
    SSMQ_TRY(next_bytes(r, &bytes, more));
    for (size_t at = 0; at < bytes.n;)
        at += r->inside ? take_line(r, bytes.text + at, bytes.n - at)
                        : take_blanks(r, bytes.text + at, bytes.n - at);
    if (r->blanks.length > BLANKS_MAX)
        return SSMQ_FAIL(INPUT, "%s: a line begins with more than %zu bytes of white space",
                         r->data->file, BLANKS_MAX);
    r->ended = !*more;
    if (r->ended && r->blanks.length > 0) { /* a blank last line without line feed */
        begin_row(r);
        *more = true;
    }
    *out = (ssmq_piece){.text = ssmq_str_text(&r->rows), .n = r->rows.length};
    return SSMQ_OK;
}

/* ---- any ------------------------------------------------------------------------------- */

ssmq_status ssmq_reader_next(ssmq_reader *r, ssmq_piece *out, bool *more)
{
    switch (r->data->format) {
    case SSMQ_DATA_JSONL: return next_document(r, out, more);
    case SSMQ_DATA_TEXT: return next_bytes(r, out, more);
    default: return next_rows(r, out, more);
    }
}

double ssmq_reader_fraction(const ssmq_reader *r)
{
    return r->lines ? ssmq_lines_fraction(r->lines) : ssmq_stream_fraction(r->stream);
}

ssmq_status ssmq_reader_blame(const ssmq_reader *r, ssmq_status st)
{
    char message[SSMQ_ERROR_MESSAGE_MAX];
    strcpy(message, ssmq_error_last()->message);
    if (r->lines)
        return ssmq_fail(st, __FILE__, __LINE__, __func__, "%s:%" PRId64 ": %s", r->data->file,
                         ssmq_lines_number(r->lines), message);
    return ssmq_fail(st, __FILE__, __LINE__, __func__, "%s: %s", r->data->file, message);
}
