/* What the meter counts: every op of a backend's table, with what it needs at least, and no other
 * result. */
#include <string.h>
#include "harness/base/arena.h"
#include "harness/bench/meter.h"
#include "harness/bench/draw.h"
#include "tests/support/check.h"

static ssmq_backend *open_number(int i)
{
    ssmq_backend *be;
    CHECK_OK(ssmq_backend_open(ssmq_backends[i], NULL, 1, &be));
    return be;
}

static ssmq_backend *open_ref(void)
{
    return open_number(0);
}

/* An op that somebody adds to the table has to be measured too: its time would be nowhere. */
static void check_every_op(ssmq_backend *be)
{
    const ssmq_backend_ops before = *be->ops;
    ssmq_meter            *m = ssmq_meter_on(be, 3);
    static void (*const absent)(void);
    for (size_t at = offsetof(ssmq_backend_ops, embed); at < sizeof before;
         at += sizeof(void (*)(void)))
        if (memcmp((const char *)&before + at, (const char *)be->ops + at, sizeof absent) == 0 &&
            memcmp((const char *)&before + at, &absent, sizeof absent) != 0)
            fail_msg("op number %zu behind embed of ssmq_backend_ops is not measured: add it to "
                     "bench/meter.c",
                     (at - offsetof(ssmq_backend_ops, embed)) / sizeof(void (*)(void)));
    ssmq_meter_off(m);
    assert_memory_equal(be->ops, &before, sizeof before);
    assert_null(be->meter);
    ssmq_backend_close(be);
}

static void test_every_op(void **state)
{
    (void)state;
    for (int i = 0; ssmq_backends[i]; i++) check_every_op(open_number(i));
}

static ssmq_meter_entry entry(const ssmq_meter *m, int32_t i)
{
    ssmq_meter_entry e = {0};
    assert_true(ssmq_meter_entry_at(m, i, &e));
    return e;
}

enum { M = 3, N = 5, K = 7 };

static void test_products(void **state)
{
    ssmq_backend *be = open_ref();
    ssmq_draw     d = ssmq_draw_new(be, 1, true);
    ssmq_tensor   x, w, y, z;
    (void)state;
    CHECK_OK(ssmq_draw_tensor(&d, 2, (const int64_t[]){M, K}, -1, 1, &x));
    CHECK_OK(ssmq_draw_tensor(&d, 2, (const int64_t[]){N, K}, -1, 1, &w));
    CHECK_OK(ssmq_draw_tensor(&d, 2, (const int64_t[]){M, N}, -1, 1, &y));
    CHECK_OK(ssmq_draw_copy(&d, &y, &z));
    CHECK_OK(be->ops->linear(be, &y, &x, &w));
    ssmq_meter *m = ssmq_meter_on(be, 3);
    for (int i = 0; i < 4; i++) {
        be->site = i == 3 ? -1 : 2;
        CHECK_OK(be->ops->linear(be, &z, &x, &w));
    }
    ssmq_meter_entry e = entry(m, 0);
    assert_int_equal(e.site, -1);
    assert_int_equal(e.calls, 1);
    e = entry(m, 1);
    assert_string_equal(e.op, "linear");
    assert_int_equal(e.site, 2);
    assert_int_equal(e.calls, 3);
    assert_true(e.seconds >= 0 && e.cost.i8 == 0);
    assert_true(e.cost.f32 == 3 * 2 * M * N * K && e.cost.bytes == 3 * 4 * (M * K + N * K + M * N));
    assert_false(ssmq_meter_entry_at(m, 2, &e));
    assert_memory_equal(y.data, z.data, M * N * sizeof(float));
    ssmq_meter_clear(m);
    assert_false(ssmq_meter_entry_at(m, 0, &e));
    ssmq_meter_off(m);
    ssmq_draw_free(&d);
    ssmq_backend_close(be);
}

static void test_codes(void **state)
{
    ssmq_backend       *be = open_ref();
    ssmq_draw           d = ssmq_draw_new(be, 2, true);
    ssmq_tensor         x, w, y;
    ssmq_packed         packed;
    const ssmq_epilogue a = {.scale = 1};
    (void)state;
    CHECK_OK(ssmq_draw_codes(&d, 2, (const int64_t[]){M, K}, &x));
    CHECK_OK(ssmq_draw_zero(&d, SSMQ_I8, 2, (const int64_t[]){N, K}, &w));
    CHECK_OK(ssmq_draw_zero(&d, SSMQ_F32, 2, (const int64_t[]){M, N}, &y));
    ssmq_meter *m = ssmq_meter_on(be, 0);
    CHECK_OK(be->ops->pack_i8(be, &w, &packed));
    CHECK_OK(be->ops->linear_i8(be, &y, &x, &packed, &a));
    assert_string_equal(entry(m, 0).op, "pack_i8");
    const ssmq_meter_entry e = entry(m, 1);
    assert_string_equal(e.op, "linear_i8");
    assert_true(e.cost.i8 == 2 * M * N * K && e.cost.f32 == 0 &&
                e.cost.bytes == M * K + N * K + 4 * M * N);
    ssmq_meter_off(m);
    be->ops->free(be, packed.data);
    ssmq_draw_free(&d);
    ssmq_backend_close(be);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_op),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
