/* NFC against utf8proc's own normaliser of whole strings, and cutting against not cutting. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "harness/data/nfc.h"
#include "harness/data/utf8.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

static void append_character(ssmq_str *s, uint32_t c)
{
    utf8proc_uint8_t bytes[4];
    ssmq_str_append(s, (const char *)bytes, (size_t)utf8proc_encode_char((int32_t)c, bytes));
}

static void check_whole(const ssmq_nfc *f, const ssmq_str *text)
{
    ssmq_str out = {0};
    ssmq_nfc_append(f, ssmq_str_text(text), text->length, &out);
    utf8proc_uint8_t      *expected = NULL;
    const utf8proc_ssize_t n =
        utf8proc_map((const utf8proc_uint8_t *)ssmq_str_text(text), (utf8proc_ssize_t)text->length,
                     &expected, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    assert_true(n >= 0);
    assert_int_equal(out.length, n);
    assert_memory_equal(ssmq_str_text(&out), expected, out.length);
    free(expected);
    ssmq_str_free(&out);
}

/* Normalised in pieces, cut where ssmq_nfc_cut says, as text arrives. */
static void check_pieces(const ssmq_nfc *f, const ssmq_str *text, ssmq_rng *r)
{
    ssmq_str whole = {0}, out = {0}, pending = {0};
    ssmq_nfc_append(f, ssmq_str_text(text), text->length, &whole);
    for (size_t at = 0; at < text->length;) {
        size_t n = 1 + ssmq_rng_below(r, 6);
        if (n > text->length - at) n = text->length - at;
        while (at + n < text->length && ssmq_utf8_continues(text->data[at + n])) n++;
        const size_t old = pending.length;
        ssmq_str_append(&pending, text->data + at, n);
        at += n;
        const size_t cut = ssmq_nfc_cut(f, pending.data, old, pending.length);
        if (cut == SIZE_MAX) continue;
        ssmq_nfc_append(f, pending.data, cut, &out);
        memmove(pending.data, pending.data + cut, pending.length - cut + 1);
        pending.length -= cut;
    }
    ssmq_nfc_append(f, ssmq_str_text(&pending), pending.length, &out);
    assert_string_equal(ssmq_str_text(&whole), ssmq_str_text(&out));
    ssmq_str_free(&whole);
    ssmq_str_free(&out);
    ssmq_str_free(&pending);
}

/* Each character there is: alone, after a letter, and before marks that compose. */
static void test_every_character(void **state)
{
    (void)state;
    ssmq_nfc *f = ssmq_nfc_new();
    ssmq_str  text = {0};
    for (uint32_t c = 1; c < 0x110000; c++) {
        if (c == 0xD800) c = 0xE000;
        if (c >= 0x30000 && c % 97 != 0) continue; /* nothing there that normalisation knows */
        ssmq_str_clear(&text);
        append_character(&text, c);
        check_whole(f, &text);
        ssmq_str_clear(&text);
        append_character(&text, 'a');
        append_character(&text, c);
        append_character(&text, 0x301);
        append_character(&text, 0x323);
        append_character(&text, c);
        check_whole(f, &text);
    }
    ssmq_str_free(&text);
    ssmq_nfc_free(f);
}

static void test_random_text(void **state)
{
    (void)state;
    static const uint32_t likely[] = {'a',    'e',    ' ',     0xE9,    0x301,  0x323,  0x307,
                                      0x345,  0x1100, 0x1161,  0x11A8,  0xAC00, 0xAC01, 0x212B,
                                      0x958,  0x915,  0x93C,   0xF71,   0xF72,  0xF73,  0x344,
                                      0x4E2D, 0xF900, 0x1D15E, 0x2F800, 0x9C7,  0x9BE,  0x11099};
    ssmq_nfc             *f = ssmq_nfc_new();
    ssmq_rng              r;
    ssmq_str              text = {0};
    ssmq_rng_init(&r, test_seed(1), "nfc");
    for (int i = 0; i < 20000; i++) {
        ssmq_str_clear(&text);
        for (uint64_t n = ssmq_rng_below(&r, 24); n > 0; n--)
            append_character(&text, likely[ssmq_rng_below(&r, sizeof likely / sizeof *likely)]);
        check_whole(f, &text);
        check_pieces(f, &text, &r);
    }
    ssmq_str_free(&text);
    ssmq_nfc_free(f);
}

/* Two million marks on one letter, of two classes in turn: sorting must not take their square. */
static void test_many_marks(void **state)
{
    (void)state;
    ssmq_nfc *f = ssmq_nfc_new();
    ssmq_str  text = {0}, out = {0};
    append_character(&text, 'q');
    for (int i = 0; i < 1000000; i++) {
        append_character(&text, 0x301); /* class 230 */
        append_character(&text, 0x323); /* class 220 */
    }
    ssmq_nfc_append(f, text.data, text.length, &out);
    assert_int_equal(out.length, text.length);
    assert_memory_equal(out.data, "q\xCC\xA3\xCC\xA3", 5);
    assert_memory_equal(out.data + out.length - 4, "\xCC\x81\xCC\x81", 4);
    ssmq_str_free(&text);
    ssmq_str_free(&out);
    ssmq_nfc_free(f);
}

/* The first bad byte, and whether the rest of a character may follow. */
static void test_validity(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t      n, valid;
        bool        cut;
    } c[] = {
        {"", 0, 0, false},
        {"abcdefghijk", 11, 11, false},
        {"abcdefghij\xFFk", 12, 10, false},
        {"\xC3\xA9", 2, 2, false},
        {"\xC3", 1, 0, true},
        {"\xC3\x28", 2, 0, false},
        {"\xC0\x80", 2, 0, false},     /* overlong */
        {"\xE0\x9F\xBF", 3, 0, false}, /* overlong */
        {"\xE0\xA0", 2, 0, true},
        {"\xED\xA0\x80", 3, 0, false}, /* surrogate */
        {"\xED\x9F\xBF", 3, 3, false},
        {"\xF0\x8F\xBF\xBF", 4, 0, false}, /* overlong */
        {"\xF0\x9F\x98\x80", 4, 4, false},
        {"\xF0\x9F\x98", 3, 0, true},
        {"\xF4\x90\x80\x80", 4, 0, false}, /* beyond U+10FFFF */
        {"\xF5\x80", 2, 0, false},
        {"a\x80", 2, 1, false},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        bool         cut;
        const size_t valid = ssmq_utf8_valid(c[i].text, c[i].n, &cut);
        assert_int_equal(valid, c[i].valid);
        assert_int_equal(cut, c[i].cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_random_text),
        cmocka_unit_test(test_many_marks),
        cmocka_unit_test(test_validity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
