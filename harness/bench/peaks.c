#include "harness/bench/peaks.h"
#include <math.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "harness/backend/cpu/pool.h"
#include "harness/base/assert.h"
#include "harness/bench/peaks_probes.h"

#define REPEATS 8
#define ROUNDS 200000
#define PIECES 8 /* of so many rounds, for each thread */
#define PARTS ((int64_t)64) /* of 2 MiB: more than the caches of most machines together */
#define PART_FLOATS ((int64_t)1 << 19)

/* The probes of the tier that the backend runs, or of the widest for a backend without one. */
static ssmq_peak_probes choose(const ssmq_backend *be)
{
    ssmq_peak_probes p;
    if (strcmp(be->tier, "avx512") == 0 && ssmq_peak_probes_avx512(&p)) return p;
    if (strcmp(be->tier, "avx2") == 0 && ssmq_peak_probes_avx2(&p)) return p;
    SSMQ_ASSERT(ssmq_peak_probes_c(&p));
    return p;
}

/* What the backend's products of bytes are made of. */
static ssmq_peak_i8 choose_i8(const ssmq_backend *be)
{
    const bool wide = strcmp(be->tier, "avx512") == 0;
#if defined(__x86_64__)
    if (wide && __builtin_cpu_supports("avx512vnni")) return ssmq_peak_i8_avx512vnni();
#endif
    return wide || strcmp(be->tier, "avx2") == 0 ? ssmq_peak_i8_avx2() : (ssmq_peak_i8){0};
}

static ssmq_peak_bf16 choose_bf16(const ssmq_backend *be)
{
#if defined(__x86_64__)
    if (strcmp(be->tier, "avx512") == 0 && __builtin_cpu_supports("avx512bf16"))
        return ssmq_peak_bf16_avx512bf16();
#else
    (void)be;
#endif
    return (ssmq_peak_bf16){0};
}

struct ssmq_prober {
    ssmq_backend    *be;
    ssmq_pool       *pool;
    int32_t          threads;
    int              repeats;
    ssmq_peak_probes kernel;
    ssmq_peak_i8     i8;
    ssmq_peak_bf16   bf16;
    float           *data;
    _Atomic int64_t  finite; /* sums that were: keeps the work from being left out */
};

static void fma_piece(void *context, int64_t begin, int64_t end, int32_t worker)
{
    ssmq_prober *p = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) p->finite += isfinite(p->kernel.fma(ROUNDS)) != 0;
}

static void i8_piece(void *context, int64_t begin, int64_t end, int32_t worker)
{
    ssmq_prober *p = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) p->finite += p->i8.products(ROUNDS) != 1;
}

static void bf16_piece(void *context, int64_t begin, int64_t end, int32_t worker)
{
    ssmq_prober *p = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) p->finite += isfinite(p->bf16.products(ROUNDS)) != 0;
}

static void read_piece(void *context, int64_t begin, int64_t end, int32_t worker)
{
    ssmq_prober *p = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++)
        p->finite += isfinite(p->kernel.read(p->data + i * PART_FLOATS, PART_FLOATS)) != 0;
}

/* The best rate, in 1e9 a second, at which the threads go through so many pieces of so much work. */
static double best_rate(ssmq_prober *p, ssmq_pool_piece piece, int64_t n, double work)
{
    double best = 0;
    for (int r = 0; r < p->repeats; r++) {
        const double begin = omp_get_wtime();
        ssmq_pool_run(p->pool, n, 1, piece, p);
        best = fmax(best, (double)n * work / (omp_get_wtime() - begin));
    }
    return best / 1e9;
}

ssmq_status ssmq_prober_open(ssmq_backend *be, int32_t threads, int repeats, ssmq_prober **out)
{
    ssmq_prober *p = calloc(1, sizeof *p);
    if (!p) return SSMQ_FAIL(MEMORY, "no memory to probe the machine");
    p->be = be;
    p->threads = threads;
    p->repeats = repeats;
    p->kernel = choose(be);
    p->i8 = choose_i8(be);
    p->bf16 = choose_bf16(be);
    const ssmq_status st = ssmq_pool_open(threads, &p->pool);
    if (st == SSMQ_OK) *out = p;
    else free(p);
    return st;
}

void ssmq_prober_close(ssmq_prober *p)
{
    if (!p) return;
    p->be->ops->free(p->be, p->data);
    ssmq_pool_close(p->pool);
    free(p);
}

void ssmq_prober_work(ssmq_prober *p, ssmq_rates *out)
{
    const int64_t n = PIECES * p->threads;
    out->f32 = best_rate(p, fma_piece, n, (double)p->kernel.flop_per_round * ROUNDS);
    out->i8 = p->i8.op_per_round ? best_rate(p, i8_piece, n, (double)p->i8.op_per_round * ROUNDS) : 0;
    out->bf16 = p->bf16.flop_per_round ? best_rate(p, bf16_piece, n, (double)p->bf16.flop_per_round * ROUNDS) : 0;
}

ssmq_status ssmq_prober_read(ssmq_prober *p, ssmq_rates *out)
{
    if (!p->data) {
        void *data;
        SSMQ_TRY(p->be->ops->alloc(p->be, PARTS * PART_FLOATS * sizeof(float), &data));
        p->data = data;
        for (int64_t i = 0; i < PARTS * PART_FLOATS; i++) p->data[i] = (float)(i % 7);
    }
    out->read = best_rate(p, read_piece, PARTS, (double)PART_FLOATS * sizeof(float));
    return SSMQ_OK;
}

static ssmq_status probe_with(ssmq_backend *be, int32_t threads, ssmq_rates *out)
{
    ssmq_prober *p;
    SSMQ_TRY(ssmq_prober_open(be, threads, REPEATS, &p));
    const ssmq_status st = ssmq_prober_read(p, out);
    if (st == SSMQ_OK) ssmq_prober_work(p, out);
    ssmq_prober_close(p);
    return st;
}

ssmq_status ssmq_peaks_probe(ssmq_backend *be, ssmq_peaks *out)
{
    SSMQ_TRY(probe_with(be, 1, &out->one));
    return probe_with(be, be->threads, &out->all);
}
