#include "harness/backend/cpu/pool.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"

/* About 20 us on current processors: longer than the serial parts between loops, far shorter than the
 * system's time slices. */
#define SPINS 1000
#define CLOSED ((uint64_t)0xffffffff) /* a piece that no loop has */

struct ssmq_pool {
    int32_t    n_worker; /* threads besides the caller's */
    pthread_t *worker;
    int32_t    next_index; /* of a worker, while they start; under lock */

    /* The loop under way.  ticket: its number in the upper half, the next piece to take in the lower.
     * The fields change only while the ticket is CLOSED under a number of its own, and a piece is
     * taken by compare and exchange after reading them: where that succeeds they were the loop's. */
    _Atomic uint64_t         ticket;
    _Atomic uint64_t         pieces, done;
    _Atomic int64_t          n, grain;
    _Atomic(ssmq_pool_piece) piece;
    _Atomic(void *)          context;

    pthread_mutex_t lock;
    pthread_cond_t  work, finished;
    _Atomic int32_t sleeping; /* workers asleep, or about to be; under lock */
    _Atomic bool    waiting;  /* the caller is asleep, or about to be       */
    _Atomic bool    quit;
};

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* Takes and does pieces of the loop that ticket names until none is left. */
static void take_pieces(ssmq_pool *p, uint64_t ticket, int32_t index)
{
    const uint64_t loop = ticket >> 32;
    while (ticket >> 32 == loop) {
        const uint64_t        i = ticket & CLOSED, pieces = atomic_load(&p->pieces);
        const int64_t         n = atomic_load(&p->n), grain = atomic_load(&p->grain);
        const ssmq_pool_piece piece = atomic_load(&p->piece);
        void *const           context = atomic_load(&p->context);
        if (i >= pieces) return;
        if (!atomic_compare_exchange_strong(&p->ticket, &ticket, ticket + 1)) continue;
        const int64_t begin = (int64_t)i * grain;
        piece(context, begin, n - begin < grain ? n : begin + grain, index);
        ticket = atomic_load(&p->ticket);
        if (atomic_fetch_add(&p->done, 1) + 1 == pieces && atomic_load(&p->waiting)) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->finished);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

/* The ticket of a loop after `loop`; awake for a while, then asleep. */
static uint64_t await_loop(ssmq_pool *p, uint64_t loop)
{
    for (int i = 0; i < SPINS; i++) {
        const uint64_t ticket = atomic_load(&p->ticket);
        if (ticket >> 32 != loop || atomic_load(&p->quit)) return ticket;
        pause_briefly();
    }
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->sleeping, 1);
    while (atomic_load(&p->ticket) >> 32 == loop && !atomic_load(&p->quit))
        pthread_cond_wait(&p->work, &p->lock);
    atomic_fetch_sub(&p->sleeping, 1);
    pthread_mutex_unlock(&p->lock);
    return atomic_load(&p->ticket);
}

static void *worker_main(void *context)
{
    ssmq_pool *p = context;
    pthread_mutex_lock(&p->lock);
    const int32_t index = ++p->next_index;
    pthread_mutex_unlock(&p->lock);
    uint64_t loop = 0;
    while (!atomic_load(&p->quit)) {
        const uint64_t ticket = await_loop(p, loop);
        take_pieces(p, ticket, index);
        loop = ticket >> 32;
    }
    return NULL;
}

ssmq_status ssmq_pool_open(int32_t threads, ssmq_pool **out)
{
    SSMQ_ASSERT(threads >= 1);
    ssmq_pool *p = ssmq_must_malloc(sizeof *p);
    memset(p, 0, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->finished, NULL);
    p->worker = ssmq_must_malloc(sizeof *p->worker * (size_t)threads);
    for (; p->n_worker < threads - 1; p->n_worker++) {
        const int error = pthread_create(&p->worker[p->n_worker], NULL, worker_main, p);
        if (!error) continue;
        const int started = p->n_worker + 1;
        ssmq_pool_close(p);
        return SSMQ_FAIL(MEMORY, "the system gave %d of %d threads: %s", started, (int)threads,
                         strerror(error));
    }
    *out = p;
    return SSMQ_OK;
}

void ssmq_pool_close(ssmq_pool *p)
{
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->quit, true);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (int32_t i = 0; i < p->n_worker; i++) pthread_join(p->worker[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->finished);
    free(p->worker);
    free(p);
}

/* Until every piece is done: those still open are in the hands of workers that run. */
static void await_done(ssmq_pool *p, uint64_t pieces)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&p->done) == pieces) return;
        pause_briefly();
    }
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->waiting, true);
    while (atomic_load(&p->done) != pieces) pthread_cond_wait(&p->finished, &p->lock);
    atomic_store(&p->waiting, false);
    pthread_mutex_unlock(&p->lock);
}

void ssmq_pool_run(ssmq_pool *p, int64_t n, int64_t grain, ssmq_pool_piece piece, void *context)
{
    SSMQ_ASSERT(grain >= 1);
    if (n <= 0) return;
    const uint64_t pieces = ((uint64_t)n + (uint64_t)grain - 1) / (uint64_t)grain;
    if (pieces == 1 || p->n_worker == 0) {
        piece(context, 0, n, 0);
        return;
    }
    SSMQ_ASSERT(pieces < CLOSED);
    const uint64_t loop = (atomic_load(&p->ticket) >> 32) + 1;
    atomic_store(&p->ticket, loop << 32 | CLOSED);
    atomic_store(&p->pieces, pieces);
    atomic_store(&p->done, 0);
    atomic_store(&p->n, n);
    atomic_store(&p->grain, grain);
    atomic_store(&p->piece, piece);
    atomic_store(&p->context, context);
    const uint64_t ticket = (loop + 1) << 32;
    atomic_store(&p->ticket, ticket);
    if (atomic_load(&p->sleeping) > 0) {
        pthread_mutex_lock(&p->lock);
        pthread_cond_broadcast(&p->work);
        pthread_mutex_unlock(&p->lock);
    }
    take_pieces(p, ticket, 0);
    await_done(p, pieces);
}
