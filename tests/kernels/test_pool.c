/* The threads of the backend `cpu`: every piece of a loop is done once, whatever the threads do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "harness/backend/backend.h"
#include "harness/backend/cpu/pool.h"

#define ITEMS 300
#define THREADS_MAX 5

typedef struct tally {
    int32_t     done[ITEMS]; /* plain: two threads on one item would be a race for TSan to see */
    int64_t     weight;      /* changes from loop to loop: a stale loop's context shows        */
    _Atomic int busy[THREADS_MAX];
    _Atomic int wrong; /* a worker index out of range, or used by two threads at once          */
} tally;

static void count(void *context, int64_t begin, int64_t end, int32_t worker)
{
    tally *t = context;
    if (worker < 0 || worker >= THREADS_MAX || atomic_fetch_add(&t->busy[worker], 1) != 0) {
        atomic_fetch_add(&t->wrong, 1);
        return;
    }
    for (int64_t i = begin; i < end; i++) t->done[i] += (int32_t)t->weight;
    atomic_fetch_sub(&t->busy[worker], 1);
}

static ssmq_pool *opened(int32_t threads)
{
    ssmq_pool *p = NULL;
    assert_int_equal(ssmq_pool_open(threads, &p), SSMQ_OK);
    return p;
}

/* Thousands of loops of changing length and grain, back to back, so that late workers of one meet the
 * next while it is being set up. */
static void every_piece_is_done_once(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= THREADS_MAX; threads++) {
        ssmq_pool *p = opened(threads);
        for (int loop = 0; loop < 4000; loop++) {
            tally         t = {.weight = loop + 1};
            const int64_t n = loop * 7 % (ITEMS + 1), grain = loop % 5 + 1;
            ssmq_pool_run(p, n, grain, count, &t);
            for (int64_t i = 0; i < ITEMS; i++)
                assert_int_equal(t.done[i], i < n ? loop + 1 : 0);
            assert_int_equal(atomic_load(&t.wrong), 0);
        }
        ssmq_pool_close(p);
    }
}

/* The same through a backend's table, where ref does all of it as one part. */
static void backends_share_loops(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 3; threads++) {
        for (int i = 0; ssmq_backends[i]; i++) {
            ssmq_backend *be = NULL;
            assert_int_equal(ssmq_backend_open(ssmq_backends[i], NULL, threads, &be), SSMQ_OK);
            for (int loop = 0; loop < 100; loop++) {
                tally         t = {.weight = loop + 1};
                const int64_t n = loop * 7 % (ITEMS + 1);
                be->ops->share(be, n, loop % 5 + 1, count, &t);
                for (int64_t k = 0; k < ITEMS; k++)
                    assert_int_equal(t.done[k], k < n ? loop + 1 : 0);
                assert_int_equal(atomic_load(&t.wrong), 0);
            }
            ssmq_backend_close(be);
        }
    }
}

/* Pauses longer than the threads stay awake: they sleep, and are woken. */
static void sleepers_are_woken(void **state)
{
    (void)state;
    ssmq_pool *p = opened(3);
    for (int loop = 0; loop < 40; loop++) {
        tally t = {.weight = 1};
        nanosleep(&(struct timespec){.tv_nsec = 2 * 1000 * 1000}, NULL);
        ssmq_pool_run(p, ITEMS, 1, count, &t);
        for (int64_t i = 0; i < ITEMS; i++) assert_int_equal(t.done[i], 1);
    }
    ssmq_pool_close(p);
}

static void a_pool_closes_at_any_time(void **state)
{
    (void)state;
    for (int loop = 0; loop < 200; loop++) {
        ssmq_pool *p = opened(loop % THREADS_MAX + 1);
        tally      t = {.weight = 1};
        if (loop % 2) ssmq_pool_run(p, ITEMS, 7, count, &t);
        ssmq_pool_close(p);
    }
    ssmq_pool_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_piece_is_done_once),
        cmocka_unit_test(backends_share_loops),
        cmocka_unit_test(sleepers_are_woken),
        cmocka_unit_test(a_pool_closes_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
