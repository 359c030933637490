/* Windows and calibration samples over small made-up files, with the small tokenizer: "x" is the id
 * 'x' and every space between words a token of its own. */
#include <stdlib.h>
#include <string.h>
#include "harness/data/window.h"
#include "tests/support/check.h"
#include "tests/support/small_tokenizer.h"

static const char *put(scratch *s, const char *name, const char *text)
{
    return scratch_write(s, name, text, strlen(text));
}

static ssmq_tokenizer *open_small(scratch *s)
{
    ssmq_tokenizer *t = NULL;
    CHECK_OK(ssmq_tokenizer_open(small_tokenizer(s, NULL, NULL), &t));
    return t;
}

/* All windows as text, "A:xyz|-:abc|": the subset's name and the ids below 128 as characters. */
static ssmq_status windows_text(const ssmq_data *data, ssmq_tokenizer *t, int64_t window,
                                int64_t limit, ssmq_str *out)
{
    ssmq_windows *w = NULL;
    SSMQ_TRY(ssmq_windows_open(data, t, 300, window, limit, &w));
    ssmq_status st = SSMQ_OK;
    for (bool more = true; st == SSMQ_OK && more;) {
        ssmq_window next;
        st = ssmq_windows_next(w, &next, &more);
        if (st != SSMQ_OK || !more) break;
        assert_true(next.n == window && next.read == window && ssmq_window_scored(&next) == window - 1);
        ssmq_str_printf(out, "%s:", next.subset < 0 ? "-" : ssmq_windows_subset(w, next.subset));
        for (int64_t i = 0; i < window; i++) ssmq_str_printf(out, "%c", next.token[i]);
        ssmq_str_puts(out, "|");
    }
    if (st == SSMQ_OK) assert_true(ssmq_windows_fraction(w) == 1.0);
    ssmq_windows_close(w);
    return st;
}

static void check_windows(const ssmq_data *data, ssmq_tokenizer *t, int64_t window, int64_t limit,
                          const char *expected)
{
    ssmq_str out = {0};
    CHECK_OK(windows_text(data, t, window, limit, &out));
    assert_string_equal(ssmq_str_text(&out), expected);
    ssmq_str_free(&out);
}

static void check_fails(const ssmq_data *data, ssmq_tokenizer *t, int64_t window,
                        ssmq_status status, const char *message)
{
    ssmq_str out = {0};
    CHECK_FAILS(windows_text(data, t, window, 0, &out), status, message);
    ssmq_str_free(&out);
}

static void test_text(void **state)
{
    scratch        *s = *state;
    ssmq_tokenizer *t = open_small(s);
    ssmq_data       data = {put(s, "x.txt", "one two!"), SSMQ_DATA_TEXT, NULL};
    check_windows(&data, t, 3, 0, "-:one|-: tw|");
    check_windows(&data, t, 3, 1, "-:one|");
    check_windows(&data, t, 3, 2, "-:one|-: tw|");
    check_windows(&data, t, 3, 3, "-:one|-: tw|");
    check_windows(&data, t, 8, 0, "-:one two!|");
    check_windows(&data, t, 1, 2, "-:o|-:n|");
    check_fails(&data, t, 9, SSMQ_ERR_INPUT,
                ssmq_arena_printf(s->a, "%s: has 8 tokens, fewer than one window of 9", data.file));
    data = (ssmq_data){put(s, "x.raw", "one\n \ntwo\n"), SSMQ_DATA_WIKITEXT_RAW, NULL};
    check_windows(&data, t, 6, 0, "-:one\n\n\n|-:\n\ntwo\n|");
    ssmq_tokenizer_close(t);
}

static const char documents[] = "{\"text\": \"xyz\", \"set\": \"A\"}\n"
                                "{\"text\": \"pqrst\", \"set\": \"B\"}\n"
                                "{\"text\": \"\", \"set\": \"A\"}\n"
                                "{\"text\": \"uvw\", \"set\": \"A\"}\n"
                                "{\"text\": \"m\", \"set\": \"C\"}\n"
                                "{\"text\": \"hijkl\", \"set\": \"B\"}\n";

static void test_documents(void **state)
{
    scratch        *s = *state;
    ssmq_tokenizer *t = open_small(s);
    ssmq_data       data = {put(s, "x.jsonl", documents), SSMQ_DATA_JSONL, NULL};
    /* joined with single spaces, the empty one too; of two spaces the tokenizer makes one token
     * (262) */
    check_windows(&data, t, 5, 0, "-:xyz p|-:qrst\x06|-:uvw m|-: hijk|");
    check_windows(&data, t, 5, 2, "-:xyz p|-:qrst\x06|");
    ssmq_tokenizer_close(t);
}

static void test_subsets(void **state)
{
    scratch        *s = *state;
    ssmq_tokenizer *t = open_small(s);
    ssmq_data       data = {put(s, "x.jsonl", documents), SSMQ_DATA_JSONL, "set"};
    /* A: "xyz  uvw" (7 tokens), B: "pqrst hijkl", C: "m".  A window comes when its last token is
     * settled: the tokenizer looks a few characters ahead. */
    check_windows(&data, t, 3, 0, "B:pqr|A:xyz|A:\x06uv|B:st |B:hij|");
    check_windows(&data, t, 3, 1, "B:pqr|A:xyz|");
    check_windows(&data, t, 1, 1, "B:p|A:x|C:m|");
    check_fails(&data, t, 30, SSMQ_ERR_INPUT,
                ssmq_arena_printf(s->a, "%s: none of the 3 subsets has one window of 30 tokens",
                                  data.file));
    ssmq_str many = {0};
    for (int i = 0; i < 4097; i++)
        ssmq_str_printf(&many, "{\"text\": \"x\", \"set\": \"%d\"}\n", i);
    data.file = put(s, "many.jsonl", many.data);
    check_fails(&data, t, 4, SSMQ_ERR_INPUT,
                ssmq_arena_printf(s->a,
                                  "%s: 'set' has more than 4096 different values: it names no "
                                  "subset",
                                  data.file));
    ssmq_str_free(&many);
    ssmq_tokenizer_close(t);
}

static void test_tokens(void **state)
{
    scratch  *s = *state;
    ssmq_data data = {put(s, "x.json", "[97, 98, 99, 100, 101]"), SSMQ_DATA_TOKENS, NULL};
    check_windows(&data, NULL, 2, 0, "-:ab|-:cd|");
    check_windows(&data, NULL, 2, 1, "-:ab|");
    data.file = put(s, "x.json", "[97, 300]");
    check_fails(
        &data, NULL, 1, SSMQ_ERR_INPUT,
        ssmq_arena_printf(s->a, "%s: the id 300 at index 1 is not within 0 to 299", data.file));
}

static void test_refused(void **state)
{
    scratch        *s = *state;
    ssmq_tokenizer *t = open_small(s);
    ssmq_data       data = {put(s, "x.txt", "x"), SSMQ_DATA_TEXT, NULL};
    check_fails(&data, NULL, 1, SSMQ_ERR_CONFIG,
                ssmq_arena_printf(s->a,
                                  "%s: the model has no tokenizer, and the format is 'text', not "
                                  "'tokens'",
                                  data.file));
    data.subset = "set";
    check_fails(
        &data, t, 1, SSMQ_ERR_CONFIG,
        ssmq_arena_printf(s->a, "%s: a subset needs the format 'jsonl', not 'text'", data.file));
    data = (ssmq_data){put(s, "x.jsonl", "{\"text\": \"a\"}\n{\"text\": \"\xC3\xA9\"}\n"),
                       SSMQ_DATA_JSONL, NULL};
    ssmq_windows *w = NULL;
    ssmq_window   next;
    bool          more;
    CHECK_OK(
        ssmq_windows_open(&data, t, 0xA9, 4, 0, &w)); /* a model that ends before the last byte */
    CHECK_FAILS(ssmq_windows_next(w, &next, &more), SSMQ_ERR_INPUT,
                ssmq_arena_printf(s->a,
                                  "%s:2: the tokenizer gave the id 195, which is not within the "
                                  "model's 0 to 168",
                                  data.file));
    ssmq_windows_close(w);
    ssmq_tokenizer_close(t);
}

/* llama.cpp gives the first n / 2 of n tokens as context, so of 2048 there are 1023 that it scores. */
static void test_unscored(void **state)
{
    (void)state;
    assert_int_equal(ssmq_dialect_unscored(SSMQ_DIALECT_GPTQ, 2048), 0);
    assert_int_equal(ssmq_dialect_unscored(SSMQ_DIALECT_DISJOINT, 2048), 0);
    assert_int_equal(2048 - 1 - ssmq_dialect_unscored(SSMQ_DIALECT_LLAMA_CPP, 2048), 1023);
    assert_int_equal(5 - 1 - ssmq_dialect_unscored(SSMQ_DIALECT_LLAMA_CPP, 5), 2);
    assert_int_equal(ssmq_dialect_format(SSMQ_DIALECT_LLAMA_CPP, SSMQ_DATA_WIKITEXT_RAW), SSMQ_DATA_TEXT);
    assert_int_equal(ssmq_dialect_format(SSMQ_DIALECT_LLAMA_CPP, SSMQ_DATA_JSONL), SSMQ_DATA_JSONL);
    assert_int_equal(ssmq_dialect_format(SSMQ_DIALECT_GPTQ, SSMQ_DATA_WIKITEXT_RAW), SSMQ_DATA_WIKITEXT_RAW);
}

static void test_digest(void **state)
{
    scratch          *s = *state;
    ssmq_data         data = {put(s, "x.json", "[1, 2, 3, 299, 5]"), SSMQ_DATA_TOKENS, NULL};
    ssmq_windows     *w = NULL;
    ssmq_window       next;
    bool              more;
    char              hex[SSMQ_SHA256_HEX], expected[SSMQ_SHA256_HEX];
    static const char bytes[] = "\1\0\0\0\2\0\0\0\3\0\0\0\x2B\1\0\0";
    CHECK_OK(ssmq_windows_open(&data, NULL, 300, 2, 0, &w));
    ssmq_windows_digest(w, hex);
    ssmq_sha256_of("", 0, expected);
    assert_string_equal(hex, expected);
    for (size_t i = 1; i <= 2; i++) {
        CHECK_OK(ssmq_windows_next(w, &next, &more));
        assert_true(more);
        assert_int_equal(next.subset, -1);
        assert_int_equal(ssmq_windows_tokens(w), 2 * i);
        ssmq_windows_digest(w, hex);
        ssmq_sha256_of(bytes, 8 * i, expected);
        assert_string_equal(hex, expected);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_OK(ssmq_windows_next(w, &next, &more));
        assert_false(more);
    }
    assert_int_equal(ssmq_windows_subsets(w), 0);
    ssmq_windows_close(w);
    assert_string_equal(ssmq_dialects[0], "gptq");
    assert_string_equal(ssmq_dialects[SSMQ_DIALECT_DISJOINT], "disjoint");
    assert_string_equal(ssmq_dialects[SSMQ_DIALECT_LLAMA_CPP], "llama.cpp");
    assert_string_equal(ssmq_dialects[SSMQ_DIALECT_LM_EVAL], "lm-eval");
    assert_null(ssmq_dialects[4]);
}

/* ---- samples --------------------------------------------------------------------------- */

static void check_sample(const ssmq_samples *s, int64_t i, int64_t document, const char *text)
{
    assert_true(i < s->n);
    assert_int_equal(s->sample[i].document, document);
    assert_int_equal(s->sample[i].length, strlen(text));
    for (int64_t k = 0; text[k]; k++) assert_int_equal(s->sample[i].token[k], text[k]);
}

static void test_first(void **state)
{
    scratch        *s = *state;
    ssmq_tokenizer *t = open_small(s);
    ssmq_data       data = {put(s, "x.jsonl", documents), SSMQ_DATA_JSONL, NULL};
    ssmq_samples    got = {0};
    CHECK_OK(ssmq_samples_read(&data, t, 300, SSMQ_SELECT_FIRST, 3, 4, 0, &got));
    assert_int_equal(got.n, 3);
    check_sample(&got, 0, 0, "xyz");
    check_sample(&got, 1, 1, "pqrs");
    check_sample(&got, 2, 3, "uvw"); /* the empty one is passed over */
    char       expected[SSMQ_SHA256_HEX];
    const char bytes[] = "x\0\0\0y\0\0\0z\0\0\0p\0\0\0q\0\0\0r\0\0\0s\0\0\0u\0\0\0v\0\0\0w\0\0\0";
    ssmq_sha256_of(bytes, 40, expected);
    assert_string_equal(got.token_digest, expected);
    ssmq_samples_free(&got);
    CHECK_FAILS(ssmq_samples_read(&data, t, 300, SSMQ_SELECT_FIRST, 6, 4, 0, &got), SSMQ_ERR_INPUT,
                ssmq_arena_printf(s->a, "%s: has 5 documents with text, fewer than the 6 asked for",
                                  data.file));
    CHECK_FAILS(ssmq_samples_read(&data, t, 300, SSMQ_SELECT_SAMPLED, INT64_MAX, 4, 0, &got),
                SSMQ_ERR_INPUT,
                ssmq_arena_printf(s->a,
                                  "%s: has 5 documents with text, fewer than the "
                                  "9223372036854775807 asked for",
                                  data.file));
    CHECK_FAILS(ssmq_samples_read(&data, NULL, 300, SSMQ_SELECT_FIRST, 1, 4, 0, &got),
                SSMQ_ERR_CONFIG,
                ssmq_arena_printf(s->a,
                                  "%s: the model has no tokenizer, and the format is 'jsonl', "
                                  "not 'tokens'",
                                  data.file));
    assert_null(got.sample);
    ssmq_tokenizer_close(t);
}

static void test_pieces(void **state)
{
    scratch        *s = *state;
    ssmq_tokenizer *t = open_small(s);
    ssmq_data       data = {put(s, "x.txt", "one two three!"), SSMQ_DATA_TEXT, NULL};
    ssmq_samples    got = {0};
    CHECK_OK(ssmq_samples_read(&data, t, 300, SSMQ_SELECT_FIRST, 3, 4, 0, &got));
    check_sample(&got, 0, 0, "one ");
    check_sample(&got, 1, 1, "two ");
    check_sample(&got, 2, 2, "thre");
    ssmq_samples_free(&got);
    CHECK_FAILS(ssmq_samples_read(&data, t, 300, SSMQ_SELECT_FIRST, 4, 4, 0, &got), SSMQ_ERR_INPUT,
                ssmq_arena_printf(s->a, "%s: has 3 pieces of 4 tokens, fewer than the 4 asked for",
                                  data.file));
    data = (ssmq_data){put(s, "x.json", "[97, 98, 99]"), SSMQ_DATA_TOKENS, NULL};
    CHECK_OK(ssmq_samples_read(&data, NULL, 300, SSMQ_SELECT_SAMPLED, 3, 1, 9, &got));
    check_sample(&got, 0, 0, "a");
    check_sample(&got, 2, 2, "c");
    ssmq_samples_free(&got);
    ssmq_tokenizer_close(t);
}

/* A document's first tokens are those of the whole document, wherever it is cut. */
static void test_heads(void **state)
{
    scratch        *s = *state;
    ssmq_tokenizer *t = open_small(s);
    ssmq_str        text = {0}, line = {0};
    ssmq_ids        ids = {0};
    for (int i = 0; i < 9000; i++) ssmq_str_puts(&text, i % 7 ? "abc " : "\xC3\xA9 [\xC3\xA9]x");
    ssmq_str_printf(&line, "{\"text\": \"%s\"}\n", text.data);
    CHECK_OK(ssmq_tokenizer_encode(t, text.data, text.length, &ids));
    ssmq_data data = {put(s, "x.jsonl", line.data), SSMQ_DATA_JSONL, NULL};
    for (int64_t length = 1; length < 40000; length = length * 3 + 1) {
        ssmq_samples got = {0};
        CHECK_OK(ssmq_samples_read(&data, t, 300, SSMQ_SELECT_FIRST, 1, length, 0, &got));
        assert_int_equal(got.sample[0].length, length < ids.length ? length : ids.length);
        assert_memory_equal(got.sample[0].token, ids.data, (size_t)got.sample[0].length * 4);
        ssmq_samples_free(&got);
    }
    ssmq_ids_free(&ids);
    ssmq_str_free(&text);
    ssmq_str_free(&line);
    ssmq_tokenizer_close(t);
}

/* Drawn without replacement, in file order, the same for the same seed, and each as likely. */
static void test_sampled(void **state)
{
    scratch        *s = *state;
    ssmq_tokenizer *t = open_small(s);
    ssmq_str        text = {0};
    for (int i = 0; i < 10; i++)
        ssmq_str_printf(&text, "{\"text\": \"%c\"}\n%s", 'A' + i,
                        i == 4 ? "{\"text\": \"\"}\n" : "");
    ssmq_data data = {put(s, "x.jsonl", text.data), SSMQ_DATA_JSONL, NULL};
    int       count[11] = {0};
    for (uint64_t seed = 0; seed < 1000; seed++) {
        ssmq_samples got = {0}, again = {0};
        CHECK_OK(ssmq_samples_read(&data, t, 300, SSMQ_SELECT_SAMPLED, 3, 5, seed, &got));
        assert_int_equal(got.n, 3);
        for (int64_t i = 0; i < 3; i++) {
            const int64_t d = got.sample[i].document;
            assert_true(i == 0 || d > got.sample[i - 1].document);
            assert_int_equal(got.sample[i].token[0], 'A' + d - (d > 4)); /* 5 is the empty one */
            count[d]++;
        }
        if (seed % 100 == 0) {
            CHECK_OK(ssmq_samples_read(&data, t, 300, SSMQ_SELECT_SAMPLED, 3, 5, seed, &again));
            assert_string_equal(got.token_digest, again.token_digest);
            ssmq_samples_free(&again);
        }
        ssmq_samples_free(&got);
    }
    /* expected 300 each, standard deviation 14.5; six of those.  The seeds are fixed: no chance in
     * it. */
    for (int d = 0; d < 11; d++) assert_in_range(count[d], d == 5 ? 0 : 213, d == 5 ? 0 : 387);
    ssmq_str_free(&text);
    ssmq_tokenizer_close(t);
}

/* The shipped files: WikiText-2 has as many windows as its tokens give, the Pile's sample all its
 * subsets. */
static void test_shipped(void **state)
{
    (void)state;
    static const char *const names[] = {"NIH ExPorter",  "USPTO Backgrounds", "Wikipedia (en)",
                                        "StackExchange", "EuroParl",          "DM Mathematics",
                                        "Ubuntu IRC"};
    ssmq_tokenizer          *t = NULL;
    CHECK_OK(ssmq_tokenizer_open("models/tiny-mamba/tokenizer.json", &t));
    ssmq_windows *w = NULL;
    ssmq_window   next;
    int32_t       windows = 0;
    ssmq_data     data = {"configs/data/wiki.test.raw", SSMQ_DATA_WIKITEXT_RAW, NULL};
    CHECK_OK(ssmq_windows_open(&data, t, 4096, 2048, 0, &w));
    for (bool more = true; more; windows += more) CHECK_OK(ssmq_windows_next(w, &next, &more));
    assert_int_equal(windows, 390106 / 2048);
    ssmq_windows_close(w);

    data = (ssmq_data){"configs/data/pile-sample.jsonl.zst", SSMQ_DATA_JSONL, "meta.pile_set_name"};
    int count[7] = {0};
    CHECK_OK(ssmq_windows_open(&data, t, 4096, 2048, 3, &w));
    for (bool more = true; more;) {
        CHECK_OK(ssmq_windows_next(w, &next, &more));
        if (more) count[next.subset]++;
    }
    assert_int_equal(ssmq_windows_subsets(w), 7);
    for (int i = 0; i < 7; i++) {
        assert_string_equal(ssmq_windows_subset(w, i), names[i]);
        assert_int_equal(count[i], 3);
    }
    ssmq_windows_close(w);
    ssmq_tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),    cmocka_unit_test(test_documents),
        cmocka_unit_test(test_subsets), cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_unscored),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_digest),
        cmocka_unit_test(test_first),   cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_heads),   cmocka_unit_test(test_sampled),
        cmocka_unit_test(test_shipped),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
