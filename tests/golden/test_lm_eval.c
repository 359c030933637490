/* WikiText-2's test split as lm-evaluation-harness 0.4.2 evaluates it: how many pages, words, bytes, tokens
 * and windows, and all tokens of all windows.  The values are those of a program around the harness's own
 * functions and Hugging Face tokenizers: lm-eval/README.md. */
#include <string.h>
#include "harness/data/documents.h"
#include "harness/data/window.h"
#include "tests/support/check.h"

#define TINY "models/tiny-mamba/tokenizer.json"
#define NEOX "configs/data/gpt-neox-20b-tokenizer.json.zst"

static const struct {
    const char *tokenizer;
    int64_t     vocabulary, window, windows, tokens;
    const char *digest;
} expected[] = {
    {TINY, 4096, 512, 789, 387168, "1d47a37200b1d8ef7752698f95bc85af561da158da626c8685257880be9283a4"},
    {TINY, 4096, 2048, 218, 387168, "36231fac3d925c13b460b29a539b970732473d59d965c1486fd2b5873bf2b12f"},
    {NEOX, 50280, 2048, 165, 277199, "8cd0b89cdc416abb86f92104fab7c9920e643fc54033b2f14099e327337f75dd"},
};

static void check_windows(const ssmq_cut *c, size_t k)
{
    char          digest[SSMQ_SHA256_HEX];
    int64_t       n = -1;
    ssmq_windows *w;
    ssmq_windows_of_documents(c, expected[k].window, 0, &w);
    for (bool more = true; more; n++) {
        ssmq_window next;
        CHECK_OK(ssmq_windows_next(w, &next, &more));
    }
    assert_int_equal(n, expected[k].windows);
    assert_int_equal(ssmq_windows_tokens(w), expected[k].tokens);
    ssmq_windows_digest(w, digest);
    assert_string_equal(digest, expected[k].digest);
    ssmq_windows_close(w);
}

static void test_wikitext(void **state)
{
    (void)state;
    static const ssmq_data data = {"configs/data/wiki.test.raw", SSMQ_DATA_WIKITEXT_RAW, NULL};
    for (size_t k = 0; k < sizeof expected / sizeof *expected; k++) {
        ssmq_tokenizer *t = NULL;
        ssmq_cut        c;
        int64_t         words = 0, bytes = 0;
        CHECK_OK(ssmq_tokenizer_open(expected[k].tokenizer, &t));
        const ssmq_documents d = {.data = &data,
                                  .tokenizer = t,
                                  .vocabulary = expected[k].vocabulary,
                                  .prefix = SSMQ_DEFAULT_PREFIX};
        CHECK_OK(ssmq_documents_cut(&d, &c));
        for (int64_t i = 0; i < c.n; i++) {
            words += c.document[i].words;
            bytes += c.document[i].bytes;
        }
        assert_int_equal(c.n, 62);
        assert_int_equal(words, 241335);
        assert_int_equal(bytes, 1290527);
        assert_int_equal(c.document[0].words, 1093);
        assert_int_equal(c.document[61].bytes, 17903);
        check_windows(&c, k);
        ssmq_cut_free(&c);
        ssmq_tokenizer_close(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_wikitext)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
