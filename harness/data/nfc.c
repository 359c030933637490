/* A character is called inert here if NFC leaves it as it is when alone, it is no combining mark,
 * and it never composes with one before it.  A text may be cut in front of each inert character,
 * and a text of inert characters alone is in NFC already: nearly all text passes without further
 * work.
 *
 * Against Hugging Face's tokenizers 0.22: the same for every character up to Unicode 9, whose
 * tables that library has.  108 combining marks that came later keep their place there, while here
 * they are sorted by class when another mark of a lower class follows, as the standard says. */
#include "harness/data/nfc.h"
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"
#include "harness/data/utf8.h"

#define CODE_POINTS 0x110000u
#define FIRST_MARK 0x300u /* below it everything is inert */
#define COMPOSE (UTF8PROC_STABLE | UTF8PROC_COMPOSE)
#define PARTS_MAX 16 /* characters of one canonical decomposition: at most 4 in Unicode 15 */

struct ssmq_nfc {
    uint64_t inert[CODE_POINTS / 64]; /* a bit for each character */
};

static bool inert(const ssmq_nfc *f, uint32_t c)
{
    return f->inert[c / 64] >> (c % 64) & 1;
}

static void forbid(ssmq_nfc *f, uint32_t c)
{
    f->inert[c / 64] &= ~((uint64_t)1 << (c % 64));
}

/* The full canonical decomposition of a character. */
static int decompose(uint32_t c, int32_t parts[PARTS_MAX])
{
    const utf8proc_ssize_t n = utf8proc_decompose_char((int32_t)c, parts, PARTS_MAX, COMPOSE, NULL);
    SSMQ_ASSERT(n >= 1 && n <= PARTS_MAX);
    return (int)n;
}

static void examine(ssmq_nfc *f, uint32_t c)
{
    const utf8proc_property_t *p = utf8proc_get_property((int32_t)c);
    if (p->combining_class != 0) forbid(f, c);
    if (p->decomp_seqindex == UINT16_MAX || p->decomp_type != 0) return; /* no canonical one */
    int32_t   parts[PARTS_MAX];
    const int n = decompose(c, parts);
    /* Whatever stands second in some decomposition may compose with what is before it. */
    for (int i = 1; i < n; i++) forbid(f, (uint32_t)parts[i]);
    if (utf8proc_get_property(parts[0])->combining_class != 0) forbid(f, c);
    if (utf8proc_normalize_utf32(parts, n, COMPOSE) != 1 || parts[0] != (int32_t)c) forbid(f, c);
}

ssmq_nfc *ssmq_nfc_new(void)
{
    ssmq_nfc *f = ssmq_must_malloc(sizeof *f);
    memset(f, 0xFF, sizeof *f);
    for (uint32_t c = FIRST_MARK; c < CODE_POINTS; c++) {
        if (c == 0xAC00) c = 0xD7A4; /* whole Hangul syllables: inert, decomposed by rule */
        if (c == 0xD800) c = 0xE000; /* surrogates are no characters */
        examine(f, c);
    }
    /* Hangul vowels and final consonants join the syllable before them. */
    for (uint32_t c = 0x1161; c <= 0x1175; c++) forbid(f, c);
    for (uint32_t c = 0x11A8; c <= 0x11C2; c++) forbid(f, c);
    return f;
}

void ssmq_nfc_free(ssmq_nfc *f)
{
    free(f);
}

/* Sorts n combining marks by class, keeping the order within a class: by counting, since a hostile
 * text may have millions of them in a row. */
static void sort_marks(int32_t *mark, size_t n)
{
    size_t   count[257] = {0};
    int32_t *copy = ssmq_must_malloc(n * sizeof *copy);
    memcpy(copy, mark, n * sizeof *copy);
    for (size_t i = 0; i < n; i++) count[utf8proc_get_property(copy[i])->combining_class + 1]++;
    for (int k = 0; k < 256; k++) count[k + 1] += count[k];
    for (size_t i = 0; i < n; i++)
        mark[count[utf8proc_get_property(copy[i])->combining_class]++] = copy[i];
    free(copy);
}

static void reorder(int32_t *c, size_t n)
{
    for (size_t begin = 0; begin < n;) {
        size_t end = begin;
        while (end < n && utf8proc_get_property(c[end])->combining_class != 0) end++;
        if (end - begin > 1) sort_marks(c + begin, end - begin);
        begin = end + 1;
    }
}

/* The three steps of UAX #15 on a stretch of text: decompose, reorder, compose. */
static void normalise(const char *text, size_t n, ssmq_str *out)
{
    size_t   length = 0, capacity = n + PARTS_MAX;
    int32_t *c = ssmq_must_malloc(capacity * sizeof *c);
    for (size_t at = 0, step; at < n; at += step) {
        int32_t      parts[PARTS_MAX];
        const size_t more = (size_t)decompose(ssmq_utf8_decode(text + at, &step), parts);
        if (length + more > capacity) {
            capacity = 2 * capacity + more;
            c = ssmq_must_realloc(c, capacity * sizeof *c);
        }
        memcpy(c + length, parts, more * sizeof *c);
        length += more;
    }
    reorder(c, length);
    const utf8proc_ssize_t composed =
        utf8proc_normalize_utf32(c, (utf8proc_ssize_t)length, COMPOSE);
    SSMQ_ASSERT(composed >= 0);
    for (utf8proc_ssize_t i = 0; i < composed; i++) {
        utf8proc_uint8_t bytes[4];
        ssmq_str_append(out, (const char *)bytes, (size_t)utf8proc_encode_char(c[i], bytes));
    }
    free(c);
}

/* From at on, the first character that is inert (wanted) or that is not; n if there is none.
 * *before: the character in front of it, at if there is none. */
static size_t find(const ssmq_nfc *f, const char *text, size_t at, size_t n, bool wanted,
                   size_t *before)
{
    *before = at;
    while (at < n) {
        size_t length = 1;
        bool   is = true;
        if ((unsigned char)text[at] >= 0xCC) /* the first byte of U+0300 */
            is = inert(f, ssmq_utf8_decode(text + at, &length));
        else if ((unsigned char)text[at] >= 0x80) length = 2;
        if (is == wanted) return at;
        *before = at;
        at += length;
    }
    return n;
}

void ssmq_nfc_append(const ssmq_nfc *f, const char *text, size_t n, ssmq_str *out)
{
    for (size_t at = 0; at < n;) {
        size_t       before, ignored;
        const size_t odd = find(f, text, at, n, false, &before);
        if (odd == n) before = n;
        ssmq_str_append(out, text + at, before - at);
        if (odd == n) return;
        at = find(f, text, odd, n, true, &ignored);
        normalise(text + before, at - before, out);
    }
}

size_t ssmq_nfc_cut(const ssmq_nfc *f, const char *text, size_t from, size_t n)
{
    for (size_t at = n; at-- > from;) {
        if (ssmq_utf8_continues(text[at])) continue;
        size_t length;
        if (inert(f, ssmq_utf8_decode(text + at, &length))) return at;
    }
    return SIZE_MAX;
}
