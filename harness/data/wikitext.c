#include "harness/data/wikitext.h"
#include <string.h>
#include "harness/data/utf8.h"

/* ---- white space ------------------------------------------------------------------------- */

/* What Python takes for white space in text. */
static bool is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
           c == 0x3000;
}

static bool space_at(const char *text, size_t *length)
{
    return is_space(ssmq_utf8_decode(text, length));
}

int64_t ssmq_count_words(const char *text, size_t n)
{
    int64_t words = 1;
    bool    inside = false; /* a stretch of white space */
    for (size_t at = 0, length; at < n; at += length) {
        const bool space = space_at(text + at, &length);
        words += space && !inside;
        inside = space;
    }
    return words;
}

/* text[*begin .. *end) without white space at its ends */
static void strip(const char *text, size_t *begin, size_t *end)
{
    size_t last = *begin, length;
    while (*begin < *end && space_at(text + *begin, &length)) *begin += length;
    last = *begin;
    for (size_t at = *begin; at < *end; at += length)
        if (!space_at(text + at, &length)) last = at + length;
    *end = last;
}

bool ssmq_is_white(const char *text, size_t n)
{
    size_t begin = 0;
    strip(text, &begin, &n);
    return begin == n;
}

/* ---- substitutions ----------------------------------------------------------------------- */

/* Text that is rewritten step by step. */
typedef struct rewriting {
    ssmq_str now, next;
} rewriting;

static void step_done(rewriting *r)
{
    const ssmq_str old = r->now;
    r->now = r->next;
    r->next = old;
    ssmq_str_clear(&r->next);
}

/* All places of `from`, from left to right. */
static void replace(rewriting *r, const char *from, const char *to)
{
    const char  *at = ssmq_str_text(&r->now), *end = at + r->now.length;
    const size_t n = strlen(from);
    for (const char *hit; (hit = memmem(at, (size_t)(end - at), from, n)); at = hit + n) {
        ssmq_str_append(&r->next, at, (size_t)(hit - at));
        ssmq_str_puts(&r->next, to);
    }
    ssmq_str_append(&r->next, at, (size_t)(end - at));
    step_done(r);
}

/* White space behind an opening mark and before the next closing one, which may be the same. */
static void close_up(rewriting *r, char open, char close)
{
    const char *text = ssmq_str_text(&r->now);
    size_t      at = 0;
    for (;;) {
        const char *first = memchr(text + at, open, r->now.length - at);
        const char *last =
            first ? memchr(first + 1, close, r->now.length - (size_t)(first + 1 - text)) : NULL;
        if (!last) break;
        size_t begin = (size_t)(first + 1 - text), end = (size_t)(last - text);
        ssmq_str_append(&r->next, text + at, begin - at);
        strip(text, &begin, &end);
        ssmq_str_append(&r->next, text + begin, end - begin);
        ssmq_str_append(&r->next, &close, 1);
        at = (size_t)(last + 1 - text);
    }
    ssmq_str_append(&r->next, text + at, r->now.length - at);
    step_done(r);
}

/* The harness means to join "' 9" between slashes, and by a slip writes a pattern instead of the digit. */
static void slashed_digits(rewriting *r)
{
    const char *text = ssmq_str_text(&r->now);
    size_t      at = 0;
    for (size_t i = 0; i + 5 <= r->now.length; i++) {
        if (memcmp(text + i, "/' ", 3) != 0 || text[i + 3] < '0' || text[i + 3] > '9' || text[i + 4] != '/')
            continue;
        ssmq_str_append(&r->next, text + at, i - at);
        ssmq_str_puts(&r->next, "/'[0-9]/");
        at = i + 5;
        i += 4;
    }
    ssmq_str_append(&r->next, text + at, r->now.length - at);
    step_done(r);
}

static void replace_all(rewriting *r, const char *const (*pair)[2])
{
    for (; (*pair)[0]; pair++) replace(r, (*pair)[0], (*pair)[1]);
}

void ssmq_wikitext_detokenise(const char *page, size_t n, ssmq_str *out)
{
    static const char *const separators[][2] = {{" @-@ ", "-"}, {" @,@ ", ","}, {" @.@ ", "."}, {" : ", ": "},
                                                {" ; ", "; "},  {" . ", ". "},  {" ! ", "! "},  {" ? ", "? "},
                                                {" , ", ", "},  {NULL, NULL}};
    static const char *const rest[][2] = {
        {"= = = =", "===="}, {"= = =", "==="}, {"= =", "=="},  {" \xC2\xB0 ", "\xC2\xB0"},
        {" \n", "\n"},       {"\n ", "\n"},    {" N ", " 1 "}, {" 's", "'s"},
        {NULL, NULL}};
    rewriting r = {0};
    ssmq_str_append(&r.now, page, n);
    replace(&r, "s '", "s'");
    slashed_digits(&r);
    replace_all(&r, separators);
    close_up(&r, '(', ')');
    close_up(&r, '[', ']');
    close_up(&r, '{', '}');
    close_up(&r, '"', '"');
    close_up(&r, '\'', '\'');
    replace_all(&r, rest);
    ssmq_str_append(out, ssmq_str_text(&r.now), r.now.length);
    ssmq_str_free(&r.now);
    ssmq_str_free(&r.next);
}

bool ssmq_wikitext_begins_page(const char *line, size_t n)
{
    rewriting r = {0};
    size_t    begin = 0;
    if (!memchr(line, '=', n)) return false;
    ssmq_str_append(&r.now, line, n);
    replace(&r, "= = =", "===");
    replace(&r, "= =", "==");
    const char *text = ssmq_str_text(&r.now);
    size_t      end = r.now.length;
    strip(text, &begin, &end);
    const bool heading =
        end - begin >= 2 && memcmp(text + begin, "= ", 2) == 0 && memcmp(text + end - 2, " =", 2) == 0;
    ssmq_str_free(&r.now);
    ssmq_str_free(&r.next);
    return heading;
}
