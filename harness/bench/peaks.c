#include "harness/bench/peaks.h"
#include <math.h>
#include <omp.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/bench/peaks_probes.h"

#define REPEATS 8
#define ROUNDS 1000000
#define READ_FLOATS ((int64_t)32 << 20) /* 128 MiB: more than the caches of most machines */

/* The probes of the tier that the backend runs, or of the widest for a backend without one. */
static ssmq_peak_probes choose(const ssmq_backend *be)
{
    ssmq_peak_probes p;
    if (strcmp(be->tier, "avx512") == 0 && ssmq_peak_probes_avx512(&p)) return p;
    if (strcmp(be->tier, "avx2") == 0 && ssmq_peak_probes_avx2(&p)) return p;
    SSMQ_ASSERT(ssmq_peak_probes_c(&p));
    return p;
}

/* Operations per second of all threads together, in units of 1e9. */
static double probe_fma(const ssmq_peak_probes *p, int threads)
{
    double best = 0;
    for (int r = 0; r < REPEATS; r++) {
        float        sink = 0;
        const double begin = omp_get_wtime();
#pragma omp parallel num_threads(threads) reduction(+ : sink)
        sink += p->fma(ROUNDS);
        const double s = omp_get_wtime() - begin;
        if (isfinite(sink)) best = fmax(best, (double)p->flop_per_round * ROUNDS * threads / s);
    }
    return best / 1e9;
}

static double probe_read(const ssmq_peak_probes *p, const float *data, int threads)
{
    double best = 0;
    for (int r = 0; r < REPEATS; r++) {
        float        sink = 0;
        const double begin = omp_get_wtime();
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : sink)
        for (int64_t part = 0; part < 64; part++)
            sink += p->read(data + part * (READ_FLOATS / 64), READ_FLOATS / 64);
        const double s = omp_get_wtime() - begin;
        if (isfinite(sink)) best = fmax(best, (double)READ_FLOATS * sizeof(float) / s);
    }
    return best / 1e9;
}

ssmq_status ssmq_peaks_probe(ssmq_backend *be, ssmq_peaks *out)
{
    const ssmq_peak_probes p = choose(be);
    void                  *data;
    SSMQ_TRY(be->ops->alloc(be, (size_t)READ_FLOATS * sizeof(float), &data));
    for (int64_t i = 0; i < READ_FLOATS; i++) ((float *)data)[i] = (float)(i % 7);
    *out = (ssmq_peaks){.read_one = probe_read(&p, data, 1),
                        .read_all = probe_read(&p, data, be->threads),
                        .fma_one = probe_fma(&p, 1),
                        .fma_all = probe_fma(&p, be->threads)};
    be->ops->free(be, data);
    return SSMQ_OK;
}
