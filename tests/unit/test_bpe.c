/* Merging against its definition, done slowly, over random tables of merges. */
#include <string.h>
#include "harness/data/bpe.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

#define LETTERS 3
#define MERGES 24
#define WORD_MAX 300

typedef struct table {
    int32_t left[MERGES], right[MERGES]; /* by rank; the result is LETTERS + rank */
} table;

/* Merges of random earlier tokens in a random order of ranks, as no training would give them: a
 * token may come to be by several ways and be wanted before its parts are. */
static table random_table(ssmq_rng *r, ssmq_bpe *b)
{
    table   t;
    int32_t n = 0;
    while (n < MERGES) {
        t.left[n] = (int32_t)ssmq_rng_below(r, LETTERS + MERGES);
        t.right[n] = (int32_t)ssmq_rng_below(r, LETTERS + (n < 8 ? 0 : MERGES));
        if (n < 8) t.left[n] %= LETTERS;
        if (ssmq_bpe_put_merge(b, t.left[n], t.right[n], LETTERS + n)) n++;
    }
    return t;
}

/* The pair of lowest rank, leftmost first, until there is none. */
static int64_t merge_slowly(const table *t, int32_t *id, int64_t n)
{
    for (int32_t rank = 0; rank < MERGES; rank++)
        for (int64_t i = 0; i + 1 < n; i++) {
            if (id[i] != t->left[rank] || id[i + 1] != t->right[rank]) continue;
            id[i] = LETTERS + rank;
            memmove(id + i + 1, id + i + 2, (size_t)(n - i - 2) * sizeof *id);
            n--;
            rank = -1; /* begin again with the lowest */
            break;
        }
    return n;
}

static void test_definition(void **state)
{
    (void)state;
    ssmq_rng r;
    ssmq_ids ids = {0};
    ssmq_rng_init(&r, test_seed(1), "merges");
    for (int i = 0; i < 400; i++) {
        ssmq_bpe *b = ssmq_bpe_new("t.json", MERGES);
        for (int c = 0; c < LETTERS; c++) ssmq_bpe_put_byte(b, (unsigned char)('a' + c), c);
        const table t = random_table(&r, b);
        for (int k = 0; k < 40; k++) {
            char          word[WORD_MAX];
            int32_t       id[WORD_MAX];
            const int64_t n = 1 + (int64_t)ssmq_rng_below(&r, k % 2 ? 60 : WORD_MAX);
            for (int64_t m = 0; m < n; m++) {
                id[m] = (int32_t)ssmq_rng_below(&r, LETTERS);
                word[m] = (char)('a' + id[m]);
            }
            const int64_t expected = merge_slowly(&t, id, n);
            for (int again = 0; again < 2; again++) { /* the second time it may be remembered */
                ssmq_ids_clear(&ids);
                CHECK_OK(ssmq_bpe_encode(b, word, (size_t)n, &ids));
                assert_int_equal(ids.length, expected);
                assert_memory_equal(ids.data, id, (size_t)expected * sizeof *id);
            }
        }
        ssmq_bpe_free(b);
    }
    ssmq_ids_free(&ids);
}

/* More words than the cache has places, each asked for twice: none is taken for another. */
static void test_cache(void **state)
{
    (void)state;
    ssmq_bpe *b = ssmq_bpe_new("t.json", 0);
    ssmq_ids  ids = {0};
    for (int c = 0; c < 256; c++) ssmq_bpe_put_byte(b, (unsigned char)c, c);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 100000; i++) {
            char      word[32];
            const int n = snprintf(word, sizeof word, "%d", i);
            ssmq_ids_clear(&ids);
            CHECK_OK(ssmq_bpe_encode(b, word, (size_t)n, &ids));
            assert_int_equal(ids.length, n);
            for (int k = 0; k < n; k++) assert_int_equal(ids.data[k], word[k]);
            if (i % 30000 == 0) ssmq_bpe_forget(b);
        }
    ssmq_ids_free(&ids);
    ssmq_bpe_free(b);
}

static void test_no_byte(void **state)
{
    (void)state;
    ssmq_bpe *b = ssmq_bpe_new("t.json", 1);
    ssmq_ids  ids = {0};
    ssmq_bpe_put_byte(b, 'a', 0);
    assert_true(ssmq_bpe_put_merge(b, 0, 0, 1));
    assert_false(ssmq_bpe_put_merge(b, 0, 0, 2));
    CHECK_OK(ssmq_bpe_encode(b, "", 0, &ids));
    assert_int_equal(ids.length, 0);
    CHECK_FAILS(ssmq_bpe_encode(b, "ab", 2, &ids), SSMQ_ERR_INPUT,
                "t.json: the text has a byte 0x62, which is no token");
    ssmq_ids_free(&ids);
    ssmq_bpe_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_no_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
