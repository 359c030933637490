#include "analysis/picture.h"
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#define PNG_HEADER 33 /* bytes: signature (8), then IHDR with its length, name, 13 bytes, checksum */

static void insert(ssmq_str *picture, size_t at, const ssmq_str *what)
{
    ssmq_str whole = {0};
    ssmq_str_append(&whole, picture->data, at);
    ssmq_str_append(&whole, ssmq_str_text(what), what->length);
    ssmq_str_append(&whole, picture->data + at, picture->length - at);
    ssmq_str_free(picture);
    *picture = whole;
}

/* Where the last of a word begins; the length of the picture if it is not there. */
static size_t find_last(const ssmq_str *picture, const char *word)
{
    const size_t n = strlen(word);
    for (size_t i = picture->length; i >= n; i--)
        if (memcmp(picture->data + i - n, word, n) == 0) return i - n;
    return picture->length;
}

/* A comment in XML may hold no "--". */
static void svg_comment(const char *comments, ssmq_str *out)
{
    ssmq_str_puts(out, "<!--\n");
    for (const char *c = comments; *c; c++) {
        ssmq_str_append(out, c, 1);
        if (c[0] == '-' && c[1] == '-') ssmq_str_puts(out, " ");
    }
    ssmq_str_puts(out, "-->\n");
}

static void pdf_comment(const char *comments, ssmq_str *out)
{
    while (*comments) {
        const size_t n = strcspn(comments, "\n");
        ssmq_str_printf(out, "%% %.*s\n", (int)n, comments);
        comments += n + (comments[n] == '\n');
    }
}

static void put_word(ssmq_str *out, uint32_t value)
{
    const char bytes[4] = {(char)(value >> 24), (char)(value >> 16), (char)(value >> 8), (char)value};
    ssmq_str_append(out, bytes, 4);
}

/* Length, then name and content with a checksum over both.  Content: keyword, not compressed, no language,
 * no translated keyword, UTF-8 text. */
static void png_comment(const char *comments, ssmq_str *out)
{
    static const char head[] = "iTXtComment\0\0\0\0"; /* the last of five zeros ends the literal */
    ssmq_str          chunk = {0};
    ssmq_str_append(&chunk, head, sizeof head);
    ssmq_str_puts(&chunk, comments);
    put_word(out, (uint32_t)(chunk.length - 4));
    ssmq_str_append(out, chunk.data, chunk.length);
    put_word(out, (uint32_t)crc32(0, (const Bytef *)chunk.data, (uInt)chunk.length));
    ssmq_str_free(&chunk);
}

ssmq_status ssmq_picture_comment(ssmq_picture_format format, const char *comments, ssmq_str *picture)
{
    static const char *const name[] = {"SVG", "PNG", "PDF"};
    ssmq_str                 comment = {0};
    size_t                   at = PNG_HEADER;
    switch (format) {
    case SSMQ_PICTURE_SVG:
        at = find_last(picture, "</svg>");
        svg_comment(comments, &comment);
        break;
    case SSMQ_PICTURE_PDF:
        at = find_last(picture, "startxref");
        pdf_comment(comments, &comment);
        break;
    case SSMQ_PICTURE_PNG: png_comment(comments, &comment); break;
    }
    const bool fine = at < picture->length;
    if (fine) insert(picture, at, &comment);
    ssmq_str_free(&comment);
    return fine ? SSMQ_OK : SSMQ_FAIL(IO, "gnuplot wrote something that is no %s", name[format]);
}
