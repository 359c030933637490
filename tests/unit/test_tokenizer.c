#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include "harness/data/bpe.h"
#include "harness/data/tokenizer.h"
#include "tests/support/check.h"
#include "tests/support/small_tokenizer.h"

static ssmq_tokenizer *open_small(const scratch *s)
{
    ssmq_tokenizer *t = NULL;
    CHECK_OK(ssmq_tokenizer_open(small_tokenizer(s, NULL, NULL), &t));
    return t;
}

/* text has the ids, which end with -1; and the ids give the text back if it is in NFC already. */
static void check_ids(ssmq_tokenizer *t, const char *text, const int32_t *id, bool back)
{
    ssmq_ids ids = {0};
    ssmq_str decoded = {0};
    CHECK_OK(ssmq_tokenizer_encode(t, text, strlen(text), &ids));
    int64_t n = 0;
    while (id[n] >= 0) n++;
    assert_int_equal(ids.length, n);
    if (n) assert_memory_equal(ids.data, id, (size_t)n * sizeof *id);
    CHECK_OK(ssmq_tokenizer_decode(t, ids.data, ids.length, &decoded));
    if (back) assert_string_equal(ssmq_str_text(&decoded), text);
    ssmq_ids_free(&ids);
    ssmq_str_free(&decoded);
}

#define IDS(...)        \
    (const int32_t[])   \
    {                   \
        __VA_ARGS__, -1 \
    }
#define NO_IDS        \
    (const int32_t[]) \
    {                 \
        -1            \
    }

static void test_merges(void **state)
{
    ssmq_tokenizer *t = open_small(*state);
    assert_int_equal(ssmq_tokenizer_size(t), SMALL_SIZE);
    check_ids(t, "", NO_IDS, true);
    check_ids(t, "a", IDS('a'), true);
    check_ids(t, "abc", IDS(SMALL_ABC), true);
    check_ids(t, "bc", IDS(SMALL_BC), true);
    check_ids(t, "abbc", IDS(SMALL_AB, SMALL_BC), true);
    check_ids(t, "aab", IDS('a', SMALL_AB), true);
    check_ids(t, " abc", IDS(' ', SMALL_ABC), true); /* "a b" has the lower rank */
    check_ids(t, "b a", IDS('b', SMALL_SPACE_A), true);
    check_ids(t, "abc abc abc", IDS(SMALL_ABC, ' ', SMALL_ABC, ' ', SMALL_ABC), true);
    check_ids(t, "\xC3\xA9", IDS(0xC3, 0xA9), true);
    ssmq_tokenizer_close(t);
}

static void test_words(void **state)
{
    ssmq_tokenizer *t = open_small(*state);
    check_ids(t, "a's", IDS('a', '\'', 's'), true);
    check_ids(t, "x\n\nab", IDS('x', '\n', '\n', SMALL_AB), true);
    /* of two spaces (an added token here) nothing is left for the word behind them */
    check_ids(t, "x  a", IDS('x', SMALL_TWO, 'a'), true);
    check_ids(t, "x\t a", IDS('x', '\t', SMALL_SPACE_A), true);
    ssmq_tokenizer_close(t);
}

static void test_added(void **state)
{
    ssmq_tokenizer *t = open_small(*state);
    check_ids(t, "a<|end|>b", IDS('a', SMALL_END, 'b'), true);
    check_ids(t, "<|end|>!", IDS(SMALL_END_X), true); /* the longest */
    check_ids(t, "<|end|", IDS('<', '|', 'e', 'n', 'd', '|'), true);
    check_ids(t, "<|<|end|>", IDS('<', '|', SMALL_END), true);
    check_ids(t, "    ", IDS(SMALL_THREE, ' '), true); /* leftmost, then longest */
    check_ids(t, "     ", IDS(SMALL_THREE, SMALL_TWO), true);
    /* looked for after normalisation, where e and an accent have become one */
    check_ids(t, "[e\xCC\x81]", IDS(SMALL_E), false);
    check_ids(t, "ab 12.cx", IDS('a', SMALL_LONG, 'x'), true);
    check_ids(t, "ab 12.x", IDS(SMALL_AB, ' ', '1', '2', '.', 'x'), true);
    /* the stretches around a raw token are normalised apart: no accent joins it */
    check_ids(t, "<|end|>\xCC\x81", IDS(SMALL_END, 0xCC, 0x81), true);
    check_ids(t, "e<|end|>\xCC\x81", IDS('e', SMALL_END, 0xCC, 0x81), true);
    check_ids(t, "e\xCC\x81", IDS(0xC3, 0xA9), false);
    ssmq_tokenizer_close(t);
}

/* Without a normaliser the text stays as it is; merges may be pairs; use_regex may be left out. */
static void test_variants(void **state)
{
    ssmq_tokenizer *t = NULL;
    CHECK_OK(ssmq_tokenizer_open(small_tokenizer(*state, "{\"type\": \"NFC\"}", "null"), &t));
    check_ids(t, "e\xCC\x81", IDS('e', 0xCC, 0x81), true);
    check_ids(t, "[e\xCC\x81]", IDS('[', 'e', 0xCC, 0x81, ']'), true);
    ssmq_tokenizer_close(t);
    CHECK_OK(ssmq_tokenizer_open(small_tokenizer(*state, "[\"a b\", ", "[[\"a\", \"b\"], "), &t));
    check_ids(t, "ab", IDS(SMALL_AB), true);
    ssmq_tokenizer_close(t);
    CHECK_OK(ssmq_tokenizer_open(small_tokenizer(*state, ", \"use_regex\": true", ""), &t));
    ssmq_tokenizer_close(t);
    CHECK_OK(ssmq_tokenizer_open(
        small_tokenizer(*state, "{\"type\": \"ByteLevel\", \"trim_offsets\": true},\n\"decoder\"",
                        "{\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": "
                        "\"A\", \"type_id\": 0}}]},\n\"decoder\""),
        &t));
    ssmq_tokenizer_close(t);
}

static void test_compressed(void **state)
{
    const char     *text = small_tokenizer_text(*state, NULL, NULL);
    const size_t    n = strlen(text), bound = ZSTD_compressBound(n);
    char           *bytes = ssmq_must_malloc(bound);
    const size_t    got = ZSTD_compress(bytes, bound, text, n, 3);
    const char     *path = scratch_write(*state, "t.json.zst", bytes, got);
    ssmq_tokenizer *t = NULL;
    CHECK_OK(ssmq_tokenizer_open(path, &t));
    check_ids(t, "abc", IDS(SMALL_ABC), true);
    ssmq_tokenizer_close(t);
    scratch_write(*state, "t.json.zst", bytes, got / 2);
    CHECK_FAILS_WITH(ssmq_tokenizer_open(path, &t), SSMQ_ERR_INPUT,
                     "t.json.zst: the compressed data end too early");
    free(bytes);
}

/* ---- failures -------------------------------------------------------------------------- */

/* What is changed in the small tokenizer, and what that is answered with. */
static const struct {
    const char *from, *to;
    ssmq_status status;
    const char *message; /* behind the path */
} refused[] = {
    {"\"1.0\"", "\"2.0\"", SSMQ_ERR_UNSUPPORTED, "'version' is '2.0'; only '1.0' is supported"},
    {"\"truncation\": null", "\"truncation\": {\"max_length\": 5}", SSMQ_ERR_UNSUPPORTED,
     "'truncation' is set; only null is supported"},
    {"\"padding\": null", "\"padding\": {}", SSMQ_ERR_UNSUPPORTED,
     "'padding' is set; only null is supported"},
    {"\"padding\": null", "\"extra\": 1", SSMQ_ERR_UNSUPPORTED, "the key 'extra' is not supported"},
    {"NFC", "NFKC", SSMQ_ERR_UNSUPPORTED, "'normalizer.type' is 'NFKC'; only 'NFC' is supported"},
    {"\"NFC\"", "\"NFC\", \"strip\": true", SSMQ_ERR_UNSUPPORTED,
     "the key 'normalizer.strip' is not supported"},
    {"\"ByteLevel\", \"add", "\"Whitespace\", \"add", SSMQ_ERR_UNSUPPORTED,
     "'pre_tokenizer.type' is 'Whitespace'; only 'ByteLevel' is supported"},
    {"\"add_prefix_space\": false", "\"add_prefix_space\": true", SSMQ_ERR_UNSUPPORTED,
     "'pre_tokenizer.add_prefix_space' is true; only false is supported"},
    {"\"use_regex\": true", "\"use_regex\": false", SSMQ_ERR_UNSUPPORTED,
     "'pre_tokenizer.use_regex' is false; only true is supported"},
    {"\"decoder\": {\"type\": \"ByteLevel\"", "\"decoder\": {\"type\": \"WordPiece\"",
     SSMQ_ERR_UNSUPPORTED, "'decoder.type' is 'WordPiece'; only 'ByteLevel' is supported"},
    {"\"post_processor\": {\"type\": \"ByteLevel\"", "\"post_processor\": {\"type\": \"Bert\"",
     SSMQ_ERR_UNSUPPORTED, "'post_processor.type' is 'Bert'; only 'ByteLevel' is supported"},
    {"\"post_processor\": {\"type\": \"ByteLevel\"",
     "\"post_processor\": {\"single\": [{\"SpecialToken\": {}}, {\"Sequence\": {}}],"
     " \"type\": \"TemplateProcessing\"",
     SSMQ_ERR_UNSUPPORTED,
     "'post_processor.single' adds tokens to the text, which is not supported"},
    {"\"BPE\"", "\"Unigram\"", SSMQ_ERR_UNSUPPORTED,
     "'model.type' is 'Unigram'; only 'BPE' is supported"},
    {"\"dropout\": null", "\"dropout\": 0.1", SSMQ_ERR_UNSUPPORTED,
     "'model.dropout' is 0.1; only null or 0 is supported"},
    {"\"unk_token\": null", "\"unk_token\": \"<unk>\"", SSMQ_ERR_UNSUPPORTED,
     "'model.unk_token' is '<unk>'; only null is supported"},
    {"\"byte_fallback\": false", "\"byte_fallback\": true", SSMQ_ERR_UNSUPPORTED,
     "'model.byte_fallback' is true; only false is supported"},
    {"\"ignore_merges\": false", "\"ignore_merges\": true", SSMQ_ERR_UNSUPPORTED,
     "'model.ignore_merges' is true; only false is supported"},
    {"\"ignore_merges\"", "\"cache\"", SSMQ_ERR_UNSUPPORTED,
     "the key 'model.cache' is not supported"},
    {"\"lstrip\": false", "\"lstrip\": true", SSMQ_ERR_UNSUPPORTED,
     "added_tokens[0]: 'lstrip' is true; only false is supported"},
    {"\"single_word\": false", "\"single_word\": 1", SSMQ_ERR_INPUT,
     "added_tokens[0]: 'single_word' is missing or not a boolean"},
    {"\"content\": \"<|end|>\"", "\"content\": \"\"", SSMQ_ERR_INPUT,
     "added_tokens[0]: 'content' is missing, or not 1 to 4096 bytes long"},
    {"\"id\": 261", "\"id\": 260", SSMQ_ERR_INPUT,
     "added_tokens[1]: the id 260 contradicts the vocabulary or an earlier added token"},
    {"\"id\": 260", "\"id\": -1", SSMQ_ERR_INPUT,
     "added_tokens: the id -1 is not within 0 to 4194303"},
    {"\"id\": 260", "\"id\": 1e9", SSMQ_ERR_INPUT, "added_tokens: the id is not an integer"},
    {"<|end|>!", "<|end|>", SSMQ_ERR_INPUT, "added_tokens[1]: '<|end|>' is added twice"},
    {"\"ab\": 256", "\"ab\": 5000000", SSMQ_ERR_INPUT,
     "model.vocab: the id 5000000 is not within 0 to 4194303"},
    {"\"ab\": 256", "\"ab\": 255", SSMQ_ERR_INPUT,
     "model.vocab: the id 255 is given to two tokens"},
    {"\"ab\": 256", "\"ab\": \"x\"", SSMQ_ERR_INPUT, "model.vocab: the id is not an integer"},
    {"\"a b\"", "\"a q\"", SSMQ_ERR_INPUT, "model.merges[0]: 'aq' is not in the vocabulary"},
    {"\"a b\"", "\"a bb\"", SSMQ_ERR_INPUT, "model.merges[0]: 'bb' is not in the vocabulary"},
    {"\"b c\"", "\"a b\"", SSMQ_ERR_INPUT, "model.merges[3] is given twice"},
    {"\"b c\"", "\"b  c\"", SSMQ_ERR_INPUT, "model.merges[3] is not a pair of tokens"},
    {"\"b c\"", "[\"b\"]", SSMQ_ERR_INPUT, "model.merges[3] is not a pair of tokens"},
    {"\"merges\"", "\"dropout\"", SSMQ_ERR_INPUT, NULL},
    {"{\"version\"", "[\"version\"", SSMQ_ERR_INPUT, NULL},
    {"\"vocab\": {", "\"vocab\": {\"ab\": 7, ", SSMQ_ERR_INPUT, NULL},
};

static void test_refused(void **state)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char     *path = small_tokenizer(*state, refused[i].from, refused[i].to);
        ssmq_tokenizer *t = NULL;
        if (!refused[i].message) {
            CHECK_FAILS_WITH(ssmq_tokenizer_open(path, &t), refused[i].status, "not valid JSON");
            continue;
        }
        const char *message =
            ssmq_arena_printf(((scratch *)*state)->a, "%s: %s", path, refused[i].message);
        CHECK_FAILS(ssmq_tokenizer_open(path, &t), refused[i].status, message);
        assert_null(t);
    }
}

static void test_missing(void **state)
{
    (void)state;
    ssmq_tokenizer *t = NULL;
    CHECK_FAILS(ssmq_tokenizer_open("no/such/tokenizer.json", &t), SSMQ_ERR_INPUT,
                "no/such/tokenizer.json: No such file or directory");
}

static void test_bad_text(void **state)
{
    ssmq_tokenizer *t = open_small(*state);
    ssmq_ids        ids = {0};
    ssmq_str        out = {0};
    CHECK_FAILS(ssmq_tokenizer_encode(t, "abc\xFF", 4, &ids), SSMQ_ERR_INPUT,
                "the text is not valid UTF-8 at byte 3");
    CHECK_FAILS(ssmq_tokenizer_encode(t, "abcdefghi\xC3", 10, &ids), SSMQ_ERR_INPUT,
                "the text is not valid UTF-8 at byte 9");
    assert_int_equal(ids.length, 0);
    const int32_t id[] = {'a', SMALL_SIZE, -1};
    char         *path = ssmq_arena_printf(((scratch *)*state)->a,
                                           "%s/tokenizer.json: there is no "
                                                   "token with the id ",
                                           ((scratch *)*state)->path);
    CHECK_FAILS(ssmq_tokenizer_decode(t, id, 2, &out), SSMQ_ERR_INPUT,
                ssmq_arena_printf(((scratch *)*state)->a, "%s266", path));
    CHECK_FAILS(ssmq_tokenizer_decode(t, id + 2, 1, &out), SSMQ_ERR_INPUT,
                ssmq_arena_printf(((scratch *)*state)->a, "%s-1", path));
    assert_int_equal(out.length, 0);
    const int32_t half[] = {0xC3}; /* the beginning of a character is fine */
    CHECK_OK(ssmq_tokenizer_decode(t, half, 1, &out));
    assert_string_equal(ssmq_str_text(&out), "\xC3");
    ssmq_str_free(&out);
    ssmq_ids_free(&ids);
    ssmq_tokenizer_close(t);
}

/* A vocabulary without the byte 'z' (its entry is called something else). */
static void test_missing_byte(void **state)
{
    ssmq_tokenizer *t = NULL;
    ssmq_ids        ids = {0};
    const char     *path = small_tokenizer(*state, "\"\\u007a\"", "\"zz\"");
    CHECK_OK(ssmq_tokenizer_open(path, &t));
    CHECK_FAILS(ssmq_tokenizer_encode(t, "ab z", 4, &ids), SSMQ_ERR_INPUT,
                ssmq_arena_printf(((scratch *)*state)->a,
                                  "%s: the text has a byte 0x7A, which is no token", path));
    assert_int_equal(ids.length, 0);
    ssmq_ids_free(&ids);
    ssmq_tokenizer_close(t);
}

/* ---- long text ------------------------------------------------------------------------ */

/* Runs that a pattern might recurse on or a merge might take the square of. */
static void test_huge(void **state)
{
    ssmq_tokenizer *t = open_small(*state);
    ssmq_ids        ids = {0};
    const size_t    n = SSMQ_WORD_BYTES_MAX;
    char           *text = ssmq_must_malloc(n + 1);
    for (size_t i = 0; i < n; i++) text[i] = "ab"[i % 2];
    CHECK_OK(ssmq_tokenizer_encode(t, text, n, &ids));
    assert_int_equal(ids.length, n / 2);
    memset(text, 'b', n + 1);
    ssmq_ids_clear(&ids);
    CHECK_FAILS(ssmq_tokenizer_encode(t, text, n + 1, &ids), SSMQ_ERR_INPUT,
                "a word of 4194305 bytes is over the limit of 4194304");
    assert_int_equal(ids.length, 0);
    memset(text, '\n', n);
    CHECK_OK(ssmq_tokenizer_encode(t, text, n, &ids));
    assert_int_equal(ids.length, n);
    memset(text, ' ', n);
    ssmq_ids_clear(&ids);
    CHECK_OK(ssmq_tokenizer_encode(t, text, n, &ids));
    assert_int_equal(ids.length, n / 3 + 1);
    free(text);
    ssmq_ids_free(&ids);
    ssmq_tokenizer_close(t);
}

/* ---- damage ---------------------------------------------------------------------------- */

/* A damaged file is refused or read, and what was read can be used; no more is asked. */
static void test_damaged(void **state)
{
    const char *text = small_tokenizer_text(*state, NULL, NULL);
    blob        whole = blob_of(text, strlen(text));
    ssmq_rng    r;
    int         read = 0;
    ssmq_rng_init(&r, test_seed(1), "damage");
    for (int i = 0; i < 2000; i++) {
        blob            d = blob_damaged(&whole, 0, whole.size, &r);
        const char     *path = scratch_write(*state, "tokenizer.json", d.data, d.size);
        ssmq_tokenizer *t = NULL;
        if (ssmq_tokenizer_open(path, &t) == SSMQ_OK) {
            ssmq_ids          ids = {0};
            const ssmq_status st = ssmq_tokenizer_encode(t, "abc  <|end|>! [e\xCC\x81]", 18, &ids);
            assert_true(st == SSMQ_OK || st == SSMQ_ERR_INPUT);
            ssmq_ids_free(&ids);
            read++;
        }
        ssmq_tokenizer_close(t);
        blob_free(&d);
    }
    assert_in_range(read, 1, 1999); /* both have happened */
    blob_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merges),       cmocka_unit_test(test_words),
        cmocka_unit_test(test_added),        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_compressed),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_missing),      cmocka_unit_test(test_bad_text),
        cmocka_unit_test(test_missing_byte), cmocka_unit_test(test_huge),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
