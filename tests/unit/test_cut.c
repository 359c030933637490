/* What is handed out of a cut is what reading the text gives: windows, subsets, documents and sums; out of its file
 * too, and a file that is not whole is none. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/data/window.h"
#include "harness/run/cut_file.h"
#include "tests/support/check.h"
#include "tests/support/small_tokenizer.h"

static const char documents[] = "{\"text\": \"xyz\", \"set\": \"A\"}\n"
                                "{\"text\": \"pqrst\", \"set\": \"B\"}\n"
                                "{\"text\": \"\", \"set\": \"A\"}\n"
                                "{\"text\": \"uvw\", \"set\": \"A\"}\n"
                                "{\"text\": \"m\", \"set\": \"C\"}\n"
                                "{\"text\": \"hijkl\", \"set\": \"B\"}\n";
static const char key[SSMQ_SHA256_HEX] = "5f4dcc3b5aa765d61d8327deb882cf995f4dcc3b5aa765d61d8327deb882cf99";

static ssmq_tokenizer *open_small(scratch *s)
{
    ssmq_tokenizer *t = NULL;
    CHECK_OK(ssmq_tokenizer_open(small_tokenizer(s, NULL, NULL), &t));
    return t;
}

/* All that windows tell, as text. */
static void account(ssmq_windows *w, int64_t window, ssmq_str *out)
{
    ssmq_window    next;
    char           sum[SSMQ_SHA256_HEX];
    ssmq_arena    *arena = ssmq_arena_new();
    const int64_t *index;
    bool           more = true;
    while (more) {
        CHECK_OK(ssmq_windows_next(w, &next, &more));
        if (!more) break;
        ssmq_str_printf(out, "%s:", next.subset < 0 ? "-" : ssmq_windows_subset(w, next.subset));
        for (int64_t i = 0; i < window; i++) ssmq_str_printf(out, "%d ", next.token[i]);
        ssmq_str_printf(out, "of %d, %d unscored ", (int)next.read, (int)next.unscored);
    }
    assert_true(ssmq_windows_fraction(w) == 1.0);
    ssmq_windows_digest(w, sum);
    ssmq_str_printf(out, "| %s %d subsets, documents", sum, ssmq_windows_subsets(w));
    const int64_t n = ssmq_windows_documents(w, arena, &index);
    for (int64_t i = 0; i < n; i++) ssmq_str_printf(out, " %lld", (long long)index[i]);
    ssmq_arena_free(arena);
}

static void check_cut(const ssmq_cut *cut, const ssmq_data *data, ssmq_tokenizer *t, int64_t window, int64_t limit)
{
    ssmq_str      read = {0}, again = {0};
    ssmq_windows *w;
    CHECK_OK(ssmq_windows_open(data, t, 300, window, limit, &w));
    account(w, window, &read);
    ssmq_windows_close(w);
    ssmq_windows_of_cut(cut, SSMQ_DIALECT_GPTQ, limit, &w);
    account(w, window, &again);
    ssmq_windows_close(w);
    assert_string_equal(ssmq_str_text(&again), ssmq_str_text(&read));
    ssmq_str_free(&read);
    ssmq_str_free(&again);
}

static void cut_of(const ssmq_data *data, ssmq_tokenizer *t, int64_t window, int64_t limit, ssmq_cut *out)
{
    ssmq_windows *w;
    CHECK_OK(ssmq_windows_open(data, t, 300, window, limit, &w));
    CHECK_OK(ssmq_windows_cut(w, NULL, NULL, out));
    ssmq_windows_close(w);
}

/* A cut serves its own limit and every smaller one. */
static void check_limits(scratch *s, const ssmq_data *data, ssmq_tokenizer *t, int64_t window, int64_t limit)
{
    const char *path = ssmq_arena_printf(s->a, "%s/x.tokens", s->path);
    ssmq_cut    cut, stored;
    cut_of(data, t, window, limit, &cut);
    CHECK_OK(ssmq_cut_write(path, key, &cut));
    CHECK_OK(ssmq_cut_read(path, key, &stored));
    const int64_t largest = limit > 0 ? limit : 6;
    for (int64_t i = limit > 0 ? 1 : 0; i <= largest; i++) {
        check_cut(&cut, data, t, window, i);
        check_cut(&stored, data, t, window, i);
    }
    ssmq_cut_free(&cut);
    ssmq_cut_free(&stored);
}

static void test_windows(void **state)
{
    scratch        *s = *state;
    ssmq_tokenizer *t = open_small(s);
    const char     *jsonl = scratch_write(s, "x.jsonl", documents, strlen(documents));
    const ssmq_data data[] = {{jsonl, SSMQ_DATA_JSONL, NULL},
                              {jsonl, SSMQ_DATA_JSONL, "set"},
                              {scratch_write(s, "x.txt", "one two three", 13), SSMQ_DATA_TEXT, NULL}};
    for (size_t i = 0; i < sizeof data / sizeof *data; i++)
        for (int64_t window = 1; window <= 5; window++)
            for (int64_t limit = 0; limit <= 3; limit++) check_limits(s, &data[i], t, window, limit);
    const ssmq_data ids = {scratch_write(s, "x.json", "[97, 98, 99, 100, 101]", 22), SSMQ_DATA_TOKENS, NULL};
    check_limits(s, &ids, NULL, 2, 0);
    ssmq_tokenizer_close(t);
}

static void test_samples(void **state)
{
    scratch        *s = *state;
    ssmq_tokenizer *t = open_small(s);
    const ssmq_data data = {scratch_write(s, "x.jsonl", documents, strlen(documents)), SSMQ_DATA_JSONL, NULL};
    ssmq_samples    read, again;
    ssmq_cut        cut;
    CHECK_OK(ssmq_samples_read(&data, t, 300, SSMQ_SELECT_FIRST, 4, 4, 0, &read));
    ssmq_cut_of_samples(&read, &cut);
    ssmq_samples_of_cut(&cut, &again);
    assert_int_equal(again.n, read.n);
    assert_string_equal(again.token_digest, read.token_digest);
    for (int64_t i = 0; i < read.n; i++) {
        assert_int_equal(again.sample[i].length, read.sample[i].length);
        assert_int_equal(again.sample[i].document, read.sample[i].document);
        assert_memory_equal(again.sample[i].token, read.sample[i].token, (size_t)read.sample[i].length * 4);
    }
    ssmq_cut_free(&cut);
    ssmq_samples_free(&read);
    ssmq_samples_free(&again);
    ssmq_tokenizer_close(t);
}

/* The file with byte i changed, or cut off there. */
static const char *spoil(scratch *s, const ssmq_str *file, size_t i, bool cut)
{
    const char kept = file->data[i];
    file->data[i] = (char)~kept;
    const char *path = scratch_write(s, "spoilt", file->data, cut ? i : file->length);
    file->data[i] = kept;
    return path;
}

static void test_damaged(void **state)
{
    scratch        *s = *state;
    ssmq_tokenizer *t = open_small(s);
    const ssmq_data data = {scratch_write(s, "x.jsonl", documents, strlen(documents)), SSMQ_DATA_JSONL, "set"};
    const char     *path = ssmq_arena_printf(s->a, "%s/x.tokens", s->path), *file;
    char            other[SSMQ_SHA256_HEX];
    ssmq_cut        cut, read;
    ssmq_str        text = {0};
    cut_of(&data, t, 2, 0, &cut);
    CHECK_OK(ssmq_cut_write(path, key, &cut));
    CHECK_OK(ssmq_file_read(path, 1 << 20, &text));
    for (size_t i = 0; i < text.length; i += 5)
        for (int k = 0; k < 2; k++) {
            file = spoil(s, &text, i, k);
            CHECK_FAILS(ssmq_cut_read(file, key, &read), SSMQ_ERR_DAMAGED,
                        ssmq_arena_printf(s->a, "%s: is cut short or damaged: it does not end in its own SHA-256",
                                          file));
        }
    memcpy(other, key, sizeof other);
    other[3] = 'a';
    CHECK_FAILS(ssmq_cut_read(path, other, &read), SSMQ_ERR_DAMAGED,
                ssmq_arena_printf(s->a, "%s: is the file of other tokens", path));
    ssmq_str_free(&text);
    ssmq_cut_free(&cut);
    ssmq_tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_windows), cmocka_unit_test(test_samples),
                                       cmocka_unit_test(test_damaged)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
