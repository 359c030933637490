/* Hidden states that are kept between evaluations: whole windows, as far as memory goes, and of one way to run. */
#include <stdlib.h>
#include "harness/run/evaluate/kept_hidden.h"
#include "tests/support/check.h"

enum { WINDOW = 10, PIECE = 4, D = 3 };

static float value_at(int64_t window, int64_t row, int64_t d)
{
    return (float)(100 * window + 10 * row + d);
}

/* Rows first .. first + n of a window of so many, in a wider tensor. */
static void put_of(ssmq_kept_hidden *k, int64_t window, int64_t length, int64_t first, int64_t n)
{
    float             x[PIECE * (D + 2)];
    const ssmq_tensor wide = SSMQ_TENSOR(x, SSMQ_F32, n, D + 2);
    const ssmq_tensor rows = ssmq_tensor_slice(&wide, 1, 0, D);
    for (int64_t i = 0; i < n; i++)
        for (int64_t d = 0; d < D; d++) x[i * (D + 2) + d] = value_at(window, first + i, d);
    ssmq_kept_hidden_put(k, window, length, first, &rows);
}

static void put(ssmq_kept_hidden *k, int64_t window, int64_t first, int64_t n)
{
    put_of(k, window, WINDOW, first, n);
}

static void put_window(ssmq_kept_hidden *k, int64_t window)
{
    put(k, window, 0, PIECE);
    put(k, window, PIECE, PIECE);
    put(k, window, 2 * PIECE, 2);
}

static bool has(ssmq_kept_hidden *k, int64_t window)
{
    ssmq_tensor t;
    for (int64_t first = 0; first < WINDOW; first += PIECE) {
        const int64_t n = WINDOW - first < PIECE ? WINDOW - first : PIECE;
        if (!ssmq_kept_hidden_get(k, window, first, n, &t)) return false;
        assert_true(t.dim[0] == n && t.dim[1] == D);
        for (int64_t i = 0; i < n * D; i++)
            assert_true(((const float *)t.data)[i] == value_at(window, first + i / D, i % D));
        ((float *)t.data)[0] = -1; /* what works in place spoils a copy */
    }
    return true;
}

static void test_kept(void **state)
{
    (void)state;
    const int64_t     bytes = WINDOW * D * (int64_t)sizeof(float);
    ssmq_kept_hidden *k = ssmq_kept_hidden_new(3 * bytes + bytes / 2);
    ssmq_kept_hidden_begin(k, WINDOW, PIECE);
    assert_false(has(k, 0));
    for (int i = 0; i < 5; i++) put_window(k, i);
    for (int i = 0; i < 5; i++) assert_int_equal(has(k, i), i < 3);
    for (int i = 0; i < 3; i++) assert_true(has(k, i)); /* and again */
    ssmq_kept_hidden_begin(k, WINDOW, PIECE);
    assert_true(has(k, 2));
    ssmq_kept_hidden_begin(k, WINDOW, WINDOW); /* run in another way */
    assert_false(has(k, 2));
    ssmq_kept_hidden_free(k);
}

/* A window that was left in its middle is no window; run again, it is. */
static void test_cut(void **state)
{
    (void)state;
    ssmq_kept_hidden *k = ssmq_kept_hidden_new(1 << 20);
    ssmq_kept_hidden_begin(k, WINDOW, PIECE);
    put(k, 1, 0, PIECE);
    put(k, 1, PIECE, PIECE);
    assert_false(has(k, 1));
    put_window(k, 1);
    assert_true(has(k, 1) && !has(k, 0));
    ssmq_kept_hidden_free(k);
}

/* Windows that are shorter than the longest are whole with the rows they have. */
static void test_short(void **state)
{
    (void)state;
    ssmq_tensor       t;
    ssmq_kept_hidden *k = ssmq_kept_hidden_new(1 << 20);
    ssmq_kept_hidden_begin(k, WINDOW, PIECE);
    put_of(k, 0, PIECE + 1, 0, PIECE);
    assert_false(ssmq_kept_hidden_get(k, 0, 0, PIECE, &t));
    put_of(k, 0, PIECE + 1, PIECE, 1);
    assert_true(ssmq_kept_hidden_get(k, 0, 0, PIECE, &t));
    assert_true(ssmq_kept_hidden_get(k, 0, PIECE, 1, &t) && t.dim[0] == 1);
    assert_true(((const float *)t.data)[D - 1] == value_at(0, PIECE, D - 1));
    ssmq_kept_hidden_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kept), cmocka_unit_test(test_cut),
                                       cmocka_unit_test(test_short)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
