/* Text that arrives in pieces gives the ids of the whole text, whatever the pieces: the streaming
 * encoder against ssmq_tokenizer_encode, which knows nothing of pieces. */
#include <stdlib.h>
#include <string.h>
#include "harness/data/encoder.h"
#include "harness/data/utf8.h"
#include "tests/support/check.h"
#include "tests/support/small_tokenizer.h"

#define NEOX "configs/data/gpt-neox-20b-tokenizer.json.zst"

/* Added in pieces of `piece` bytes, or more where that would cut a character; 0: random sizes. */
static void encode_pieces(ssmq_encoder *e, const ssmq_str *text, size_t piece, ssmq_rng *r,
                          ssmq_ids *out)
{
    for (size_t at = 0, n; at < text->length; at += n) {
        n = piece ? piece : 1 + ssmq_rng_below(r, 12);
        if (n > text->length - at) n = text->length - at;
        while (at + n < text->length && ssmq_utf8_continues(text->data[at + n])) n++;
        /* a copy of its own, so that AddressSanitizer sees every step beyond */
        blob b = blob_of(text->data + at, n);
        CHECK_OK(ssmq_encoder_add(e, (const char *)b.data, n, out));
        blob_free(&b);
    }
    CHECK_OK(ssmq_encoder_finish(e, out));
}

static void check_text(ssmq_tokenizer *t, ssmq_encoder *e, const ssmq_str *text, ssmq_rng *r)
{
    static const size_t pieces[] = {0, 1, 2, 3, 7, 16, 61, 1024};
    ssmq_ids            whole = {0}, ids = {0};
    CHECK_OK(ssmq_tokenizer_encode(t, ssmq_str_text(text), text->length, &whole));
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        ssmq_ids_clear(&ids);
        encode_pieces(e, text, pieces[i], r, &ids);
        const bool same =
            ids.length == whole.length &&
            (whole.length == 0 ||
             memcmp(ids.data, whole.data, (size_t)whole.length * sizeof *ids.data) == 0);
        if (!same)
            fail_msg("pieces of %zu bytes change the ids of '%s'", pieces[i], ssmq_str_text(text));
    }
    ssmq_ids_free(&ids);
    ssmq_ids_free(&whole);
}

/* What has been known to go wrong, or might: white space of all kinds and lengths, marks that
 * compose over a cut, added tokens and their beginnings, contractions, text without spaces. */
static const char *const nasty[] = {
    "a",
    "b",
    "the",
    " the",
    "Word",
    " ",
    "  ",
    "   ",
    "\n",
    "\n\n",
    "\t",
    "\r\n",
    " \n ",
    "'",
    "'s",
    "'ll",
    "'T",
    "s",
    "ll",
    ".",
    "...",
    "!?",
    "_",
    "1",
    "23",
    "\xC2\xBD",
    "\xE2\x85\xA7",
    "e\xCC\x81",
    "\xCC\x81",
    "\xCC\xA3\xCC\x87",
    "\xC3\xA9",
    "\xE1\x84\x80",
    "\xE1\x85\xA1",
    "\xE1\x86\xA8",
    "\xEA\xB0\x80",
    "\xE2\x84\xAB",
    "\xE0\xA5\x98",
    "\xE0\xA4\xBC",
    "\xE4\xB8\xAD",
    "\xE6\x96\x87",
    "\xE3\x80\x82",
    "\xEF\xBC\x8C",
    "\xC2\xA0",
    "\xE3\x80\x80",
    "\xE2\x80\x89",
    "\xE1\xA0\x8E",
    "\xE2\x80\x8B",
    "\xE2\x80\xA8",
    "\xC2\x85",
    "\x1C",
    "\xF0\x9F\x98\x80",
    "<|end|>",
    "<|end|>!",
    "<|end",
    "|>",
    "<|",
    "<|endoftext|>",
    "<|padding|>",
    "[e\xCC\x81]",
    "[",
    "]",
    "        ",
    "                         ",
    "b 12.c",
    "b 12",
    "12",
    "12.",
    ".c",
};

static void test_random(const char *path, int texts, int words)
{
    ssmq_tokenizer *t = NULL;
    ssmq_rng        r;
    ssmq_str        text = {0};
    CHECK_OK(ssmq_tokenizer_open(path, &t));
    ssmq_encoder *e = ssmq_encoder_new(t);
    ssmq_rng_init(&r, test_seed(1), "stream");
    for (int i = 0; i < texts; i++) {
        ssmq_str_clear(&text);
        /* few kinds of words in a text make long runs of the same kind */
        const uint64_t kinds = 1 + ssmq_rng_below(&r, 8);
        uint64_t       kind[8];
        for (int k = 0; k < 8; k++) kind[k] = ssmq_rng_below(&r, sizeof nasty / sizeof *nasty);
        for (uint64_t n = ssmq_rng_below(&r, (uint64_t)words); n > 0; n--)
            ssmq_str_puts(&text, nasty[kind[ssmq_rng_below(&r, kinds)]]);
        check_text(t, e, &text, &r);
    }
    ssmq_str_free(&text);
    ssmq_encoder_free(e);
    ssmq_tokenizer_close(t);
}

static void test_neox(void **state)
{
    (void)state;
    test_random(NEOX, 3000, 40);
}

static void test_small(void **state)
{
    test_random(small_tokenizer(*state, NULL, NULL), 3000, 40);
}

/* Neither normaliser nor added tokens: the shortest way through the stages. */
static void test_plain(void **state)
{
    test_random(small_tokenizer(*state, "{\"type\": \"NFC\"}", "null"), 1500, 40);
}

/* A run of one kind is held back until it ends: long ones, and what ends them. */
static void test_long_runs(void **state)
{
    (void)state;
    static const char *const run[] = {" ",        "\n", "\t ",      "x", "\xE4\xB8\xAD",
                                      "'",        ".",  "\xCC\x81", "1", "\xE1\x85\xA1",
                                      "e\xCC\x81"};
    static const char *const end[] = {"", "x", " x", "\xCC\x81", "<|endoftext|>", "\n"};
    ssmq_tokenizer          *t = NULL;
    ssmq_rng                 r;
    ssmq_str                 text = {0};
    CHECK_OK(ssmq_tokenizer_open(NEOX, &t));
    ssmq_encoder *e = ssmq_encoder_new(t);
    ssmq_rng_init(&r, 1, "runs");
    for (size_t i = 0; i < sizeof run / sizeof *run; i++)
        for (size_t k = 0; k < sizeof end / sizeof *end; k++) {
            ssmq_str_clear(&text);
            for (int n = 0; n < 300; n++) ssmq_str_puts(&text, run[i]);
            ssmq_str_puts(&text, end[k]);
            check_text(t, e, &text, &r);
        }
    ssmq_str_free(&text);
    ssmq_encoder_free(e);
    ssmq_tokenizer_close(t);
}

/* Characters of all blocks, three at a time around a place where the stream may cut. */
static void test_all_characters(void **state)
{
    ssmq_tokenizer *t = NULL;
    ssmq_rng        r;
    ssmq_str        text = {0};
    CHECK_OK(ssmq_tokenizer_open(small_tokenizer(*state, NULL, NULL), &t));
    ssmq_encoder *e = ssmq_encoder_new(t);
    ssmq_rng_init(&r, test_seed(1), "characters");
    for (int i = 0; i < 4000; i++) {
        ssmq_str_clear(&text);
        for (int k = 0; k < 12; k++) {
            uint32_t c = (uint32_t)ssmq_rng_below(&r, k % 3 ? 0x3100 : 0x1FFFF);
            if (c >= 0xD800 && c < 0xE000) c -= 0x1000;
            char bytes[4];
            int  n = 0;
            if (c < 0x80) {
                bytes[n++] = (char)c;
            } else if (c < 0x800) {
                bytes[n++] = (char)(0xC0 | c >> 6);
            } else {
                if (c >= 0x10000) bytes[n++] = (char)(0xF0 | c >> 18);
                bytes[n] = (char)(n ? 0x80 | (c >> 12 & 0x3F) : 0xE0 | c >> 12);
                n++;
                bytes[n++] = (char)(0x80 | (c >> 6 & 0x3F));
            }
            if (c >= 0x80) bytes[n++] = (char)(0x80 | (c & 0x3F));
            ssmq_str_append(&text, bytes, (size_t)n);
        }
        check_text(t, e, &text, &r);
    }
    ssmq_str_free(&text);
    ssmq_encoder_free(e);
    ssmq_tokenizer_close(t);
}

/* Ids come while the text does; only the end is held back. */
static void test_keeps_up(void **state)
{
    ssmq_tokenizer *t = NULL;
    ssmq_ids        ids = {0};
    CHECK_OK(ssmq_tokenizer_open(small_tokenizer(*state, NULL, NULL), &t));
    ssmq_encoder *e = ssmq_encoder_new(t);
    for (int i = 1; i <= 10000; i++) {
        CHECK_OK(ssmq_encoder_add(e, "abc ", 4, &ids));
        assert_true(ids.length >= 2 * (i - 3)); /* "abc", " " */
    }
    ssmq_encoder_reset(e);
    ssmq_ids_clear(&ids);
    CHECK_OK(ssmq_encoder_add(e, "ab", 2, &ids));
    CHECK_OK(ssmq_encoder_finish(e, &ids));
    assert_int_equal(ids.length, 1);
    assert_int_equal(ids.data[0], SMALL_AB);
    ssmq_ids_free(&ids);
    ssmq_encoder_free(e);
    ssmq_tokenizer_close(t);
}

/* Text in which no word ever ends is refused rather than kept without limit. */
static void test_no_end(void **state)
{
    static const char *const run[] = {"xxxxxxxx", "\xCC\x81\xCC\xA3\xCC\x81\xCC\xA3"};
    ssmq_tokenizer          *t = NULL;
    ssmq_ids                 ids = {0};
    char                     piece[8192];
    CHECK_OK(ssmq_tokenizer_open(small_tokenizer(*state, NULL, NULL), &t));
    for (size_t i = 0; i < 2; i++) {
        ssmq_encoder *e = ssmq_encoder_new(t);
        ssmq_status   st = SSMQ_OK;
        int           pieces = 0;
        for (size_t k = 0; k < sizeof piece; k++) piece[k] = run[i][k % 8];
        while (st == SSMQ_OK && pieces < 4096) {
            st = ssmq_encoder_add(e, piece, sizeof piece, &ids);
            pieces++;
        }
        CHECK_FAILS(st, SSMQ_ERR_INPUT,
                    "more than 16777216 bytes of text have no place where words divide");
        assert_int_equal(pieces, 2049);
        ssmq_encoder_free(e);
    }
    ssmq_ids_free(&ids);
    ssmq_tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neox),           cmocka_unit_test(test_small),
        cmocka_unit_test(test_plain),          cmocka_unit_test(test_long_runs),
        cmocka_unit_test(test_all_characters), cmocka_unit_test(test_keeps_up),
        cmocka_unit_test(test_no_end),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
