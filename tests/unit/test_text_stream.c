/* Text from pieces of bytes: whole characters, stop texts, what is no UTF-8. */
#include <string.h>
#include "harness/data/text_stream.h"
#include "harness/data/utf8.h"
#include "tests/support/check.h"

typedef struct shown {
    ssmq_str text;
    bool     whole; /* was every piece whole characters? */
} shown;

static void show(void *context, const char *text, size_t n)
{
    shown *s = context;
    bool   cut;
    s->whole = s->whole && ssmq_utf8_valid(text, n, &cut) == n;
    ssmq_str_append(&s->text, text, n);
}

/* The text, cut into pieces of so many bytes, is shown as expected, and stopped or not. */
static void check_pieces(const char *text, size_t piece, const char *const *stop, const char *expected,
                         bool stopped)
{
    const size_t     n = strlen(text);
    shown            out = {.whole = true};
    ssmq_text_stream s = {.stop = stop, .show = show, .context = &out};
    bool             at_stop = false;
    for (size_t i = 0; i < n && !at_stop; i += piece)
        at_stop = ssmq_text_stream_put(&s, text + i, n - i < piece ? n - i : piece);
    ssmq_text_stream_end(&s);
    assert_string_equal(ssmq_str_text(&out.text), expected);
    assert_int_equal(at_stop, stopped);
    assert_true(out.whole);
    ssmq_str_free(&out.text);
}

static void check(const char *text, const char *const *stop, const char *expected, bool stopped)
{
    for (size_t piece = 1; piece <= 9; piece++) check_pieces(text, piece, stop, expected, stopped);
}

static void characters_stay_whole(void **state)
{
    (void)state;
    check("", NULL, "", false);
    check("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z", NULL, "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z", false);
}

static void what_is_no_character_is_replaced(void **state)
{
    (void)state;
    check("a\xFF" "b", NULL, "a\xEF\xBF\xBD" "b", false);
    check("a\x80\x80", NULL, "a\xEF\xBF\xBD\xEF\xBF\xBD", false);
    check("a\xE2\x82", NULL, "a\xEF\xBF\xBD\xEF\xBF\xBD", false); /* never finished */
    check("\xC3(", NULL, "\xEF\xBF\xBD(", false);
}

static void a_stop_text_ends_it(void **state)
{
    static const char *const stop[] = {"\n\n", "END", "", NULL};
    (void)state;
    check("one\ntwo\n\nthree", stop, "one\ntwo", true);
    check("one ENtwo EN", stop, "one ENtwo EN", false);
    check("EENDx", stop, "E", true);
    check("a END \n\n", stop, "a ", true);
    static const char *const euro[] = {"\xE2\x82\xAC", NULL};
    check("5 \xE2\x82\xA3 6 \xE2\x82\xAC 7", euro, "5 \xE2\x82\xA3 6 ", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_stay_whole),
        cmocka_unit_test(what_is_no_character_is_replaced),
        cmocka_unit_test(a_stop_text_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
