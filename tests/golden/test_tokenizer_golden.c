/* The GPT-NeoX tokenizer against vectors of Hugging Face tokenizers and llama.cpp, and against the
 * counts and sums of whole files; the tiny model's tokenizer against the count that its reference
 * gives.  Origins: README.md beside the vectors. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/base/json.h"
#include "harness/data/encoder.h"
#include "harness/data/reader.h"
#include "harness/data/window.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

#define VECTORS "tests/golden/tokenizer/"
#define NEOX "configs/data/gpt-neox-20b-tokenizer.json.zst"
#define WIKI_TEST "configs/data/wiki.test.raw"

static ssmq_tokenizer *open_tokenizer(const char *path)
{
    ssmq_tokenizer *t = NULL;
    CHECK_OK(ssmq_tokenizer_open(path, &t));
    return t;
}

/* ---- vectors --------------------------------------------------------------------------- */

static void check_vector(ssmq_tokenizer *t, const json_t *vector)
{
    const json_t *text = json_object_get(vector, "text"),
                 *expected = json_object_get(vector, "ids");
    ssmq_ids ids = {0}, again = {0};
    ssmq_str back = {0};
    CHECK_OK(ssmq_tokenizer_encode(t, json_string_value(text), json_string_length(text), &ids));
    assert_int_equal(ids.length, json_array_size(expected));
    for (int64_t i = 0; i < ids.length; i++)
        assert_int_equal(ids.data[i], json_integer_value(json_array_get(expected, (size_t)i)));
    /* The ids give the normalised text back, which has the same ids. */
    CHECK_OK(ssmq_tokenizer_decode(t, ids.data, ids.length, &back));
    CHECK_OK(ssmq_tokenizer_encode(t, ssmq_str_text(&back), back.length, &again));
    assert_int_equal(again.length, ids.length);
    if (ids.length > 0) assert_memory_equal(again.data, ids.data, (size_t)ids.length * 4);
    bool ascii = true;
    for (size_t i = 0; i < json_string_length(text); i++)
        ascii = ascii && (unsigned char)json_string_value(text)[i] < 128;
    if (ascii) assert_memory_equal(ssmq_str_text(&back), json_string_value(text), back.length);
    ssmq_ids_free(&ids);
    ssmq_ids_free(&again);
    ssmq_str_free(&back);
}

static void check_vectors(const char *path, int count)
{
    ssmq_tokenizer *t = open_tokenizer(NEOX);
    ssmq_str        text = {0};
    CHECK_OK(ssmq_file_read(path, 1 << 20, &text));
    int seen = 0;
    for (const char *line = text.data, *end; (end = strchr(line, '\n')); line = end + 1, seen++) {
        json_t *vector = json_loadb(line, (size_t)(end - line), JSON_ALLOW_NUL, NULL);
        assert_non_null(vector);
        check_vector(t, vector);
        json_decref(vector);
    }
    assert_int_equal(seen, count);
    ssmq_str_free(&text);
    ssmq_tokenizer_close(t);
}

static void test_hugging_face(void **state)
{
    (void)state;
    check_vectors(VECTORS "neox_hf_tokenizers.jsonl", 339);
}

static void test_llama_cpp(void **state)
{
    (void)state;
    check_vectors(VECTORS "neox_llamacpp_mpt.jsonl", 46);
}

/* ---- whole files ----------------------------------------------------------------------- */

/* All ids of a file of one document, streamed. */
static void stream_file(ssmq_tokenizer *t, const char *path, ssmq_data_format format,
                        int64_t *bytes, ssmq_ids *out)
{
    const ssmq_data data = {.file = path, .format = format};
    ssmq_reader    *r = NULL;
    ssmq_encoder   *e = ssmq_encoder_new(t);
    CHECK_OK(ssmq_reader_open(&data, &r));
    *bytes = 0;
    for (bool more = true; more;) {
        ssmq_piece piece = {0};
        CHECK_OK(ssmq_reader_next(r, &piece, &more));
        if (!more) break;
        *bytes += (int64_t)piece.n;
        CHECK_OK(ssmq_encoder_add(e, piece.text, piece.n, out));
        if (format != SSMQ_DATA_JSONL) continue;
        CHECK_OK(ssmq_encoder_finish(e, out)); /* each document by itself */
    }
    CHECK_OK(ssmq_encoder_finish(e, out));
    ssmq_encoder_free(e);
    ssmq_reader_close(r);
}

static void check_file(ssmq_tokenizer *t, const char *path, ssmq_data_format format,
                       const char *key)
{
    ssmq_json counts = {0};
    CHECK_OK(ssmq_json_open(VECTORS "neox_corpus_counts.json", 1 << 20, &counts));
    const json_t *expected = json_object_get(counts.root, key);
    assert_non_null(expected);
    ssmq_ids ids = {0};
    int64_t  bytes;
    stream_file(t, path, format, &bytes, &ids);
    const json_t *size = json_object_get(expected, "utf8_bytes");
    if (size) assert_int_equal(bytes, json_integer_value(size));
    assert_int_equal(ids.length, json_integer_value(json_object_get(expected, "n_tokens")));

    unsigned char *two = ssmq_must_malloc((size_t)ids.length * 2);
    for (int64_t i = 0; i < ids.length; i++) {
        assert_in_range(ids.data[i], 0, 65535);
        two[2 * i] = (unsigned char)ids.data[i];
        two[2 * i + 1] = (unsigned char)(ids.data[i] >> 8);
    }
    char hex[SSMQ_SHA256_HEX];
    ssmq_sha256_of(two, (size_t)ids.length * 2, hex);
    assert_string_equal(hex, json_string_value(json_object_get(expected, "ids_u16le_sha256")));
    free(two);
    ssmq_ids_free(&ids);
    ssmq_json_close(&counts);
}

static void test_wikitext_test(void **state)
{
    (void)state;
    ssmq_tokenizer *t = open_tokenizer(NEOX);
    check_file(t, WIKI_TEST, SSMQ_DATA_TEXT, "wiki.test.raw (whole file)");
    check_file(t, WIKI_TEST, SSMQ_DATA_WIKITEXT_RAW, "wiki.test rows joined with \"\\n\\n\"");
    ssmq_tokenizer_close(t);
}

/* Streamed and in one go, in ids and back in bytes (WikiText-2 is in NFC). */
static void test_round_trip(void **state)
{
    (void)state;
    ssmq_tokenizer *t = open_tokenizer(NEOX);
    ssmq_str        text = {0}, back = {0};
    ssmq_ids        whole = {0}, streamed = {0};
    int64_t         bytes;
    CHECK_OK(ssmq_file_read(WIKI_TEST, 1 << 24, &text));
    CHECK_OK(ssmq_tokenizer_encode(t, text.data, text.length, &whole));
    stream_file(t, WIKI_TEST, SSMQ_DATA_TEXT, &bytes, &streamed);
    assert_int_equal(whole.length, streamed.length);
    assert_memory_equal(whole.data, streamed.data, (size_t)whole.length * 4);
    CHECK_OK(ssmq_tokenizer_decode(t, whole.data, whole.length, &back));
    assert_int_equal(back.length, text.length);
    assert_memory_equal(back.data, text.data, text.length);
    ssmq_ids_free(&whole);
    ssmq_ids_free(&streamed);
    ssmq_str_free(&text);
    ssmq_str_free(&back);
    ssmq_tokenizer_close(t);
}

static void test_tiny_mamba(void **state)
{
    (void)state;
    ssmq_tokenizer *t = open_tokenizer("models/tiny-mamba/tokenizer.json");
    ssmq_json       expected = {0};
    ssmq_ids        ids = {0};
    int64_t         bytes;
    CHECK_OK(ssmq_json_open("tests/golden/tiny-mamba/expected.json", 1 << 20, &expected));
    stream_file(t, WIKI_TEST, SSMQ_DATA_WIKITEXT_RAW, &bytes, &ids);
    const json_t *tokens = json_object_get(expected.root, "tokens");
    assert_int_equal(ids.length, json_integer_value(json_object_get(tokens, "wiki.test.raw")));
    const json_t *first = json_object_get(expected.root, "wiki.test.raw first ids");
    assert_true(json_array_size(first) > 0);
    for (size_t i = 0; i < json_array_size(first); i++)
        assert_int_equal(ids.data[i], json_integer_value(json_array_get(first, i)));
    ssmq_ids_free(&ids);
    ssmq_json_close(&expected);
    ssmq_tokenizer_close(t);
}

/* ---- files that are not shipped -------------------------------------------------------- */

/* DIR/name or DIR/folder/name, whichever there is. */
static const char *corpus_file(const scratch *s, const char *dir, const char *folder,
                               const char *name)
{
    const char *path = ssmq_arena_printf(s->a, "%s/%s", dir, name);
    return access(path, R_OK) == 0 ? path : ssmq_arena_printf(s->a, "%s/%s/%s", dir, folder, name);
}

static void test_corpus(void **state)
{
    const char *dir = getenv("SSMQ_TEST_CORPUS");
    if (!dir) {
        print_message("skipped: SSMQ_TEST_CORPUS is not set, where files lie that are not shipped\n");
        skip();
    }
    ssmq_tokenizer *t = open_tokenizer(NEOX);
    const char     *valid = corpus_file(*state, dir, "wikitext-2-raw", "wiki.valid.raw");
    check_file(t, valid, SSMQ_DATA_TEXT, "wiki.valid.raw (whole file)");
    check_file(t, valid, SSMQ_DATA_WIKITEXT_RAW, "wiki.valid rows joined with \"\\n\\n\"");
    check_file(t, corpus_file(*state, dir, "wikitext-2-raw", "wiki.train.head-1MB.noblank.txt"),
               SSMQ_DATA_TEXT, "wiki.train.head-1MB.noblank.txt");
    check_file(t, corpus_file(*state, dir, "lambada", "lambada_test.jsonl"), SSMQ_DATA_JSONL,
               "lambada_test.jsonl texts, tokenised one by one and concatenated");
    ssmq_tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hugging_face),  cmocka_unit_test(test_llama_cpp),
        cmocka_unit_test(test_wikitext_test), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_tiny_mamba),    cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
