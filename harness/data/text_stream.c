#include "harness/data/text_stream.h"
#include <string.h>
#include "harness/data/utf8.h"

#define REPLACEMENT "\xEF\xBF\xBD"

/* Where the first stop text in text begins; n if there is none. */
static size_t first_stop(const ssmq_text_stream *s, const char *text, size_t n)
{
    size_t first = n;
    for (const char *const *stop = s->stop; stop && *stop; stop++) {
        const size_t length = strlen(*stop);
        for (size_t i = 0; length > 0 && i + length <= n && i < first; i++)
            if (memcmp(text + i, *stop, length) == 0) first = i;
    }
    return first;
}

/* The longest end of text with which a stop text begins. */
static size_t may_become_stop(const ssmq_text_stream *s, const char *text, size_t n)
{
    size_t longest = 0;
    for (const char *const *stop = s->stop; stop && *stop; stop++) {
        const size_t length = strlen(*stop);
        for (size_t k = length < n ? length : n; k > longest; k--)
            if (memcmp(text + n - k, *stop, k) == 0) longest = k;
    }
    return longest;
}

static void show(const ssmq_text_stream *s, const char *text, size_t n)
{
    if (n > 0) s->show(s->context, text, n);
}

/* Shows n bytes; those that are no characters, the beginning of one at the end among them, as U+FFFD. */
static void show_all(const ssmq_text_stream *s, const char *text, size_t n)
{
    while (n > 0) {
        bool         cut;
        const size_t good = ssmq_utf8_valid(text, n, &cut);
        show(s, text, good);
        if (good == n) return;
        show(s, REPLACEMENT, strlen(REPLACEMENT));
        text += good + 1;
        n -= good + 1;
    }
}

/* How many bytes at the end are the beginning of a character. */
static size_t cut_short(const char *text, size_t n)
{
    for (size_t k = 1; k <= 3 && k <= n; k++) {
        bool cut;
        if (ssmq_utf8_continues(text[n - k])) continue;
        return ssmq_utf8_valid(text + n - k, k, &cut) == 0 && cut ? k : 0;
    }
    return 0;
}

bool ssmq_text_stream_put(ssmq_text_stream *s, const char *bytes, size_t n)
{
    ssmq_str_append(&s->held, bytes, n);
    const char  *text = ssmq_str_text(&s->held);
    const size_t length = s->held.length, stop = first_stop(s, text, length);
    if (stop < length) {
        show_all(s, text, stop);
        ssmq_str_free(&s->held);
        return true;
    }
    size_t keep = may_become_stop(s, text, length);
    keep += cut_short(text, length - keep);
    show_all(s, text, length - keep);
    ssmq_str rest = {0};
    ssmq_str_append(&rest, text + length - keep, keep);
    ssmq_str_free(&s->held);
    s->held = rest;
    return false;
}

void ssmq_text_stream_end(ssmq_text_stream *s)
{
    show_all(s, ssmq_str_text(&s->held), s->held.length);
    ssmq_str_free(&s->held);
}
