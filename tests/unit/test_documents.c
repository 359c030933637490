/* Documents of dialect lm-eval and the windows made of them, over small made-up files; what its detokeniser
 * makes of hard text: the right column, and the words, are those of preprocess_wikitext.py of
 * lm-evaluation-harness 0.4.2. */
#include <stdlib.h>
#include <string.h>
#include "harness/data/documents.h"
#include "harness/data/wikitext.h"
#include "harness/data/window.h"
#include "tests/support/check.h"
#include "tests/support/small_tokenizer.h"

/* ---- text ------------------------------------------------------------------------------ */

static const struct {
    const char *page, *text;
    int         words;
} pages[] = {
    {"dogs ' tails , and cats 's", "dogs'tails, and cats's", 7},
    {"a /' 7/ b /' x/ /' 0/1", "a /'[0-9]/ b /' x/ /'[0-9]/1", 8},
    {"1 @,@ 000 @.@ 5 well @-@ known", "1,000.5 well-known", 8},
    {"a : b ; c . d ! e \? f , g", "a: b; c. d! e\? f, g", 13},
    {"( a ( b ) c ) ( ) ( open", "(a ( b) c ) () ( open", 11},
    {"[  x ] { y\n } {}[ ]", "[x] {y} {}[]", 8},
    {"he said \" yes \" and \" no", "he said \"yes\" and \" no", 8},
    {"' quoted text ' it 's ' odd", "'quoted text' it's' odd", 8},
    {"= = = = A = = = =\n = = B = = \n", "==== A ====\n== B ==\n", 15},
    {"20 \302\260 C", "20\302\260C", 3},
    {" N and N N , N ", " 1 and 1 N, 1 ", 8},
    {"x \n y \n\n z", "x\ny\n\nz", 3},
    {"(\302\240nbsp\342\200\203) \"\343\200\200wide \"", "(nbsp) \"wide\"", 6},
    {"", "", 1},
    {"\n \n", "\n\n", 2},
    {"= Title = \n \n text ( born 1 @.@ 5 \" x \" ) 's", "= Title =\n\ntext (born 1.5 \"x\")'s", 14},
};

static void test_detokenise(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        ssmq_str out = {0};
        ssmq_wikitext_detokenise(pages[i].page, strlen(pages[i].page), &out);
        assert_string_equal(ssmq_str_text(&out), pages[i].text);
        assert_int_equal(ssmq_count_words(pages[i].page, strlen(pages[i].page)), pages[i].words);
        ssmq_str_free(&out);
    }
}

static bool begins(const char *line)
{
    return ssmq_wikitext_begins_page(line, strlen(line));
}

static void test_headings(void **state)
{
    (void)state;
    assert_true(begins(" = Robert Boulter = "));
    assert_true(begins("= x ="));
    assert_false(begins(" = = Career = = "));
    assert_false(begins(" = = = A = = = "));
    assert_false(begins(" = = = = A = = = = "));
    assert_false(begins(" = x"));
    assert_false(begins("a = b ="));
    assert_false(begins(""));
    assert_false(begins("="));
}

/* ---- documents ------------------------------------------------------------------------- */

static ssmq_status cut(const ssmq_data *data, ssmq_tokenizer *t, const char *prefix, int64_t limit,
                       ssmq_cut *out)
{
    const ssmq_documents d = {
        .data = data, .tokenizer = t, .vocabulary = 300, .prefix = prefix, .limit = limit};
    return ssmq_documents_cut(&d, out);
}

/* "A 0:xyz 3w 4b|": subset, index, tokens behind the prefix, words and bytes of each. */
static void check_documents(scratch *s, const ssmq_data *data, int64_t limit, const char *expected)
{
    ssmq_tokenizer *t = NULL;
    ssmq_cut        c;
    ssmq_str        out = {0};
    CHECK_OK(ssmq_tokenizer_open(small_tokenizer(s, NULL, NULL), &t));
    CHECK_OK(cut(data, t, "<|end|>", limit, &c));
    for (int64_t i = 0; i < c.n; i++) {
        const ssmq_read_document *d = &c.document[i];
        assert_int_equal(c.token[c.begin[i]], SMALL_END);
        assert_int_equal(d->begin, c.begin[i]);
        ssmq_str_printf(&out, "%s %d:", c.of[i] < 0 ? "-" : c.subset[c.of[i]], (int)d->index);
        for (int64_t k = c.begin[i] + 1; k < c.begin[i + 1]; k++) ssmq_str_printf(&out, "%c", c.token[k]);
        ssmq_str_printf(&out, " %dw %db|", (int)d->words, (int)d->bytes);
    }
    assert_string_equal(ssmq_str_text(&out), expected);
    ssmq_str_free(&out);
    ssmq_cut_free(&c);
    ssmq_tokenizer_close(t);
}

static const char *put(scratch *s, const char *name, const char *text)
{
    return scratch_write(s, name, text, strlen(text));
}

static const char documents[] = "{\"text\": \"xyz\", \"set\": \"A\"}\n"
                                "{\"text\": \"p q\", \"set\": \"B\"}\n"
                                "{\"text\": \"\", \"set\": \"A\"}\n"
                                "{\"text\": \"uvw x\", \"set\": \"A\"}\n";

static void test_documents(void **state)
{
    scratch  *s = *state;
    ssmq_data data = {put(s, "x.jsonl", documents), SSMQ_DATA_JSONL, NULL};
    check_documents(s, &data, 0, "- 0:xyz 1w 3b|- 1:p q 2w 3b|- 2: 1w 0b|- 3:uvw x 2w 5b|");
    check_documents(s, &data, 2, "- 0:xyz 1w 3b|- 1:p q 2w 3b|");
    data.subset = "set";
    check_documents(s, &data, 0, "A 0:xyz 1w 3b|B 1:p q 2w 3b|A 2: 1w 0b|A 3:uvw x 2w 5b|");
    check_documents(s, &data, 1, "A 0:xyz 1w 3b|B 1:p q 2w 3b|");
    data = (ssmq_data){put(s, "x.txt", "( x ) y\n"), SSMQ_DATA_TEXT, NULL};
    check_documents(s, &data, 0, "- 0:( x ) y\n 5w 8b|");
}

/* Lines up to a heading are a page, without their last line feed; of what is before the first one only if it
 * is text. */
static void test_pages(void **state)
{
    scratch  *s = *state;
    ssmq_data data = {put(s, "x.raw", " \n = T = \n \n x , y \n = = U = = \n z \n = V = \n"),
                      SSMQ_DATA_WIKITEXT_RAW, NULL};
    check_documents(s, &data, 0, "- 0: = T =\n\nx, y\n== U ==\nz  14w 33b|- 1: = V =\n 5w 8b|");
    check_documents(s, &data, 1, "- 0: = T =\n\nx, y\n== U ==\nz  14w 33b|");
    data.file = put(s, "y.raw", "x\r\n= T =\ry");
    check_documents(s, &data, 0, "- 0:x 1w 1b|- 1:= T =\ny 4w 7b|");
}

static void test_refused(void **state)
{
    scratch        *s = *state;
    ssmq_cut        c;
    ssmq_tokenizer *t = NULL;
    ssmq_data       data = {put(s, "x.jsonl", "{\"text\": \"\"}\n{\"text\": \"\"}\n"), SSMQ_DATA_JSONL, NULL};
    CHECK_OK(ssmq_tokenizer_open(small_tokenizer(s, NULL, NULL), &t));
    CHECK_FAILS(cut(&data, t, "<|end|>", 0, &c), SSMQ_ERR_INPUT,
                ssmq_arena_printf(s->a, "%s: none of the 2 documents has a token", data.file));
    CHECK_FAILS(cut(&data, t, "<|start|>", 0, &c), SSMQ_ERR_CONFIG,
                "documents begin with '<|start|>', which is not one token of the model's tokenizer");
    CHECK_FAILS(cut(&data, NULL, "<|end|>", 0, &c), SSMQ_ERR_CONFIG,
                ssmq_arena_printf(s->a,
                                  "%s: the model has no tokenizer, and the format is 'jsonl', not 'tokens'",
                                  data.file));
    data.file = put(s, "bad.jsonl", "{\"text\": \"a\"}\n{\"t\": 1}\n");
    CHECK_FAILS(cut(&data, t, "<|end|>", 0, &c), SSMQ_ERR_INPUT,
                ssmq_arena_printf(s->a, "%s:2: the key 'text' is missing or not a string", data.file));
    ssmq_tokenizer_close(t);
}

/* ---- windows --------------------------------------------------------------------------- */

/* "0 A:.xyz+0|": document, subset, tokens (the prefix a point), how many of those predicted are not scored.
 */
static void check_windows(scratch *s, const ssmq_data *data, int64_t window, int64_t limit,
                          const char *expected)
{
    ssmq_tokenizer *t = NULL;
    ssmq_cut        c;
    ssmq_windows   *w;
    ssmq_window     next;
    ssmq_str        out = {0};
    int64_t         scored = 0;
    CHECK_OK(ssmq_tokenizer_open(small_tokenizer(s, NULL, NULL), &t));
    CHECK_OK(cut(data, t, "<|end|>", 0, &c));
    ssmq_windows_of_documents(&c, window, limit, &w);
    for (bool more = true; more;) {
        CHECK_OK(ssmq_windows_next(w, &next, &more));
        if (!more) break;
        assert_true(next.read == next.n - 1 && next.read <= window);
        scored += ssmq_window_scored(&next);
        ssmq_str_printf(&out, "%d %s:", (int)next.document, next.subset < 0 ? "-" : c.subset[next.subset]);
        for (int64_t k = 0; k < next.n; k++)
            ssmq_str_printf(&out, "%c", next.token[k] == SMALL_END ? '.' : next.token[k]);
        ssmq_str_printf(&out, "+%d|", (int)next.unscored);
    }
    assert_int_equal(ssmq_windows_tokens(w), scored);
    assert_true(ssmq_windows_fraction(w) == 1.0);
    const ssmq_read_document *text;
    const int64_t             n = ssmq_windows_texts(w, s->a, &text);
    for (int64_t i = 0; i < n; i++) ssmq_str_printf(&out, " %d", (int)text[i].index);
    assert_string_equal(ssmq_str_text(&out), expected);
    ssmq_windows_close(w);
    ssmq_str_free(&out);
    ssmq_cut_free(&c);
    ssmq_tokenizer_close(t);
}

static void test_rolling(void **state)
{
    scratch  *s = *state;
    ssmq_data data = {put(s, "x.jsonl", documents), SSMQ_DATA_JSONL, NULL};
    check_windows(s, &data, 2, 0,
                  "0 -:.xy+0|0 -:xyz+1|1 -:.p +0|1 -:p q+1|3 -:.uv+0|3 -:vw +0|3 -:w x+1| 0 1 2 3");
    check_windows(s, &data, 3, 2, "0 -:.xyz+0|1 -:.p q+0| 0 1");
    check_windows(s, &data, 4, 0, "0 -:.xyz+0|1 -:.p q+0|3 -:.uvw +0|3 -:uvw x+3| 0 1 2 3");
    check_windows(s, &data, 9, 3, "0 -:.xyz+0|1 -:.p q+0| 0 1 2");
    data.subset = "set";
    check_windows(s, &data, 9, 1, "0 A:.xyz+0|1 B:.p q+0| 0 1");
    check_windows(s, &data, 9, 2, "0 A:.xyz+0|1 B:.p q+0| 0 1 2");
    check_windows(s, &data, 9, 0, "0 A:.xyz+0|1 B:.p q+0|3 A:.uvw x+0| 0 1 2 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detokenise), cmocka_unit_test(test_headings), cmocka_unit_test(test_documents),
        cmocka_unit_test(test_pages),      cmocka_unit_test(test_refused),  cmocka_unit_test(test_rolling),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
