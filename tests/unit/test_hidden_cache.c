/* Hidden states in the cache: a file for each window, found by what it is of, and never believed unseen. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "harness/run/evaluate/hidden_cache.h"
#include "harness/store/cache.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

enum { N = 5, D = 3 };

static const int32_t tokens[N] = {1, 2, 3, 4, 5}, others[N] = {1, 2, 3, 4, 6};

static void fill(float row[N * D])
{
    for (int i = 0; i < N * D; i++) row[i] = (float)i / 7;
}

static bool is_there(ssmq_hidden_cache *c, const int32_t *token, int64_t piece)
{
    const ssmq_hidden_window w = {.token = token, .n = N, .piece = piece};
    ssmq_hidden_file         f = {0};
    float                    row[N * D];
    const bool               has = ssmq_hidden_cache_has(c, &w);
    assert_int_equal(ssmq_hidden_cache_open(c, &w, true, &f), has);
    fill(row);
    if (has) {
        assert_true(f.n == N && f.width == D);
        assert_memory_equal(f.row, row, sizeof row);
    }
    ssmq_hidden_file_close(&f);
    return has;
}

static void put(ssmq_hidden_cache *c, const int32_t *token, int64_t piece)
{
    const ssmq_hidden_window w = {.token = token, .n = N, .piece = piece};
    float                    row[N * D];
    fill(row);
    ssmq_hidden_cache_put(c, &w, row, D);
}

/* Tokens, how many run at a time, and what the numbers depend on besides: each has files of its own. */
static void test_found(void **state)
{
    const char        *folder = scratch_path(*state, "cache/hidden");
    ssmq_hidden_cache *c = ssmq_hidden_cache_new(folder, "model a", NULL), *b;
    assert_false(is_there(c, tokens, 2));
    put(c, tokens, 2);
    assert_true(is_there(c, tokens, 2) && is_there(c, tokens, 2));
    assert_false(is_there(c, others, 2) || is_there(c, tokens, 3));
    put(c, tokens, N);
    assert_true(is_there(c, tokens, 512)); /* the whole window at once, either way */
    const ssmq_hidden_window again = {.token = tokens, .n = N, .piece = 2, .reset = N - 1},
                             beyond = {.token = tokens, .n = N, .piece = 2, .reset = N};
    assert_false(ssmq_hidden_cache_has(c, &again)); /* states begin anew before the last token */
    assert_true(ssmq_hidden_cache_has(c, &beyond)); /* nowhere */
    ssmq_hidden_cache_free(c);
    c = ssmq_hidden_cache_new(folder, "model a", NULL);
    b = ssmq_hidden_cache_new(folder, "model b", NULL);
    assert_true(is_there(c, tokens, 2));
    assert_false(is_there(b, tokens, 2));
    ssmq_hidden_cache_free(c);
    ssmq_hidden_cache_free(b);
}

/* The only file of a cache. */
static const char *only_file(const scratch *s, ssmq_arena *arena)
{
    ssmq_cache_file *file;
    int32_t          n;
    CHECK_OK(ssmq_cache_files(scratch_path(s, "cache"), arena, &file, &n));
    assert_int_equal(n, 1);
    assert_string_equal(file[0].kind, "hidden");
    assert_int_equal(file[0].bytes, ssmq_hidden_file_bytes(N, D));
    assert_false(file[0].unfinished);
    return file[0].path;
}

/* A byte that is another, and an end that is missing: gone, and made again. */
static void test_damaged(void **state)
{
    const scratch           *s = *state;
    const ssmq_hidden_window w = {.token = tokens, .n = N, .piece = 2};
    ssmq_hidden_cache       *c = ssmq_hidden_cache_new(scratch_path(s, "cache/hidden"), "model a", NULL);
    for (int way = 0; way < 2; way++) {
        ssmq_hidden_file f;
        put(c, tokens, 2);
        const char *path = only_file(s, s->a);
        if (way == 0) {
            FILE *file = fopen(path, "r+b");
            assert_true(file && fseek(file, 150, SEEK_SET) == 0 && fputc(0x5a, file) >= 0 && fclose(file) == 0);
        } else {
            assert_int_equal(truncate(path, 100), 0);
        }
        assert_true(ssmq_hidden_cache_has(c, &w));
        assert_false(ssmq_hidden_cache_open(c, &w, true, &f));
        assert_false(ssmq_hidden_cache_has(c, &w));
    }
    put(c, tokens, 2);
    assert_true(is_there(c, tokens, 2));
    ssmq_hidden_cache_free(c);
}

/* A file under another's name is not taken for it, even where its sum is not looked at. */
static void test_other_name(void **state)
{
    const scratch           *s = *state;
    const ssmq_hidden_window w = {.token = tokens, .n = N, .piece = 2};
    ssmq_hidden_file         f;
    ssmq_hidden_cache       *a = ssmq_hidden_cache_new(scratch_path(s, "cache/hidden"), "model a", NULL);
    ssmq_hidden_cache       *b = ssmq_hidden_cache_new(scratch_path(s, "b/hidden"), "model b", NULL);
    put(a, tokens, 2);
    put(b, tokens, 2);
    ssmq_cache_file *file;
    int32_t          n;
    CHECK_OK(ssmq_cache_files(scratch_path(s, "b"), s->a, &file, &n));
    assert_int_equal(rename(only_file(s, s->a), file[0].path), 0);
    assert_false(ssmq_hidden_cache_open(b, &w, false, &f));
    ssmq_hidden_cache_free(a);
    ssmq_hidden_cache_free(b);
}

/* One makes a window's file; others are told that they need not. */
static void test_turns(void **state)
{
    const ssmq_hidden_window w = {.token = tokens, .n = N, .piece = 2}, x = {.token = others, .n = N, .piece = 2};
    const char              *folder = scratch_path(*state, "cache/hidden");
    ssmq_hidden_cache       *c = ssmq_hidden_cache_new(folder, "model a", NULL);
    ssmq_lease              *mine, *second, *other;
    assert_true(ssmq_hidden_cache_turn(c, &w, &mine));
    assert_non_null(mine);
    assert_false(ssmq_hidden_cache_turn(c, &w, &second));
    assert_null(second);
    assert_true(ssmq_hidden_cache_turn(c, &x, &other));
    ssmq_lease_release(mine);
    ssmq_lease_release(other);
    CHECK_OK(ssmq_hidden_cache_wait(c, &w, NULL)); /* for nobody */
    assert_true(ssmq_hidden_cache_turn(c, &w, &mine));
    ssmq_lease_release(mine);
    ssmq_hidden_cache_free(c);
}

/* Where nothing can be written, everybody's turn it is, and after the first failure nobody tries. */
static void test_no_room(void **state)
{
    const scratch           *s = *state;
    const ssmq_hidden_window w = {.token = tokens, .n = N, .piece = 2};
    ssmq_lease              *lease;
    scratch_write(s, "file", "x", 1);
    ssmq_hidden_cache *c = ssmq_hidden_cache_new(scratch_path(s, "file/hidden"), "model a", NULL);
    assert_true(ssmq_hidden_cache_turn(c, &w, &lease));
    assert_null(lease);
    assert_false(ssmq_hidden_cache_full(c));
    put(c, tokens, 2);
    assert_true(ssmq_hidden_cache_full(c));
    assert_false(ssmq_hidden_cache_has(c, &w));
    ssmq_hidden_cache_free(c);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {TEST(test_found),      TEST(test_damaged), TEST(test_other_name),
                                       TEST(test_turns),      TEST(test_no_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
