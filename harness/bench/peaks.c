#include "harness/bench/peaks.h"
#include <math.h>
#include <omp.h>
#include <stdatomic.h>
#include <string.h>
#include "harness/backend/cpu/pool.h"
#include "harness/base/assert.h"
#include "harness/bench/peaks_probes.h"

#define REPEATS 8
#define ROUNDS 200000
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

/* What the threads of a probe share. */
typedef struct probe {
    ssmq_peak_probes kernel;
    ssmq_peak_i8     i8;
    ssmq_peak_bf16   bf16;
    const float     *data;
    _Atomic int64_t  finite; /* sums that were: keeps the work from being left out */
} probe;

static void fma_piece(void *context, int64_t begin, int64_t end, int32_t worker)
{
    probe *p = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) p->finite += isfinite(p->kernel.fma(ROUNDS)) != 0;
}

static void i8_piece(void *context, int64_t begin, int64_t end, int32_t worker)
{
    probe *p = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) p->finite += p->i8.products(ROUNDS) != 1;
}

static void bf16_piece(void *context, int64_t begin, int64_t end, int32_t worker)
{
    probe *p = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) p->finite += isfinite(p->bf16.products(ROUNDS)) != 0;
}

static void read_piece(void *context, int64_t begin, int64_t end, int32_t worker)
{
    probe *p = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++)
        p->finite += isfinite(p->kernel.read(p->data + i * PART_FLOATS, PART_FLOATS)) != 0;
}

/* The best rate, in 1e9 a second, at which the pool goes through so many pieces of so much work. */
static double best_rate(ssmq_pool *pool, probe *p, ssmq_pool_piece piece, int64_t n, double work)
{
    double best = 0;
    for (int r = 0; r < REPEATS; r++) {
        const double begin = omp_get_wtime();
        ssmq_pool_run(pool, n, 1, piece, p);
        best = fmax(best, (double)n * work / (omp_get_wtime() - begin));
    }
    return best / 1e9;
}

ssmq_status ssmq_peaks_probe(ssmq_backend *be, ssmq_peaks *out)
{
    ssmq_pool  *one = NULL, *all = NULL;
    void       *data = NULL;
    probe       p = {.kernel = choose(be), .i8 = choose_i8(be), .bf16 = choose_bf16(be)};
    ssmq_status st;
    SSMQ_TRY_DONE(st, ssmq_pool_open(1, &one));
    SSMQ_TRY_DONE(st, ssmq_pool_open(be->threads, &all));
    SSMQ_TRY_DONE(st, be->ops->alloc(be, PARTS * PART_FLOATS * sizeof(float), &data));
    for (int64_t i = 0; i < PARTS * PART_FLOATS; i++) ((float *)data)[i] = (float)(i % 7);
    p.data = data;
    const double part = (double)PART_FLOATS * sizeof(float);
    const double flop = (double)p.kernel.flop_per_round * ROUNDS;
    *out = (ssmq_peaks){.read_one = best_rate(one, &p, read_piece, PARTS, part),
                        .read_all = best_rate(all, &p, read_piece, PARTS, part),
                        .fma_one = best_rate(one, &p, fma_piece, 8, flop),
                        .fma_all = best_rate(all, &p, fma_piece, 8 * be->threads, flop)};
    if (p.i8.op_per_round) {
        const double op = (double)p.i8.op_per_round * ROUNDS;
        out->i8_one = best_rate(one, &p, i8_piece, 8, op);
        out->i8_all = best_rate(all, &p, i8_piece, 8 * be->threads, op);
    }
    if (p.bf16.flop_per_round) {
        const double work = (double)p.bf16.flop_per_round * ROUNDS;
        out->bf16_one = best_rate(one, &p, bf16_piece, 8, work);
        out->bf16_all = best_rate(all, &p, bf16_piece, 8 * be->threads, work);
    }
done:
    be->ops->free(be, data);
    ssmq_pool_close(all);
    ssmq_pool_close(one);
    return st;
}
