/* Statistics of all activations of a random model in the shape of mamba-130m, against a plain float prefill of
 * the same tokens, interleaved in one process: ratios turn by turn, on the clock and in processor time, which
 * other processes disturb less.
 *
 *   bench_collect [SHAPE [TOKENS [SAMPLES [REPEATS]]]]
 *
 * The prefill ends before the head, as collecting does.  Each round runs all samples once in each way; what
 * collecting costs once, whatever the number of samples, is in its time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/base/clock.h"
#include "harness/run/checkpoint/load.h"
#include "harness/run/statistics/collect.h"
#include "harness/store/host.h"
#include "models/families.h"
#include "tests/bench/random_model.h"

static const double            quantiles[] = {99, 99.9, 99.99, 99.999, 100};
static const char *const       activations[] = {"layers.*.{in_proj,dt_proj,out_proj,conv}.in", "layers.*.gate.z",
                                                "layers.*.scan.{x,dt,B,C}", NULL};
static const ssmq_collect_spec ways[] = {
    {.statistics = true, .sites = activations, .moments = true},
    {.statistics = true, .sites = activations, .moments = true, .top_channels = 16},
    {.statistics = true,
     .sites = activations,
     .moments = true,
     .top_channels = 16,
     .histogram = true,
     .quantile = quantiles,
     .n_quantile = 5},
    {.statistics = true,
     .sites = activations,
     .moments = true,
     .top_channels = 16,
     .histogram = true,
     .channels = true,
     .quantile = quantiles,
     .n_quantile = 5},
};
static const char *const names[] = {"plain prefill", "moments", "and top channels", "and histogram, quantiles",
                                    "and channels: everything", "everything, kept after every sample"};
#define WAYS 6
#define KEPT 5 /* the last one again, with a journal */

typedef struct bench {
    ssmq_model      *m;
    ssmq_checkpoint *checkpoint;
    ssmq_backend    *be;
    ssmq_exec       *ex;
    void            *state;
    ssmq_samples     samples;
    int32_t         *token; /* behind them */
    int              L, n, repeats; /* tokens of a sample, samples */
    const char      *folder;        /* for a journal               */
    int64_t          bytes, sums;   /* of it at its end, and of them the sums */
    ssmq_arena      *arena;
} bench;

static ssmq_status prefill(bench *b)
{
    ssmq_tensor hidden;
    for (int64_t i = 0; i < b->samples.n; i++) {
        const ssmq_sample *s = &b->samples.sample[i];
        const ssmq_batch   in = {.token = s->token, .B = 1, .L = (int32_t)s->length};
        SSMQ_TRY(b->m->family->state_zero(b->m, b->ex, b->state));
        SSMQ_TRY(b->m->family->forward(b->m, b->ex, &in, b->state, &hidden));
    }
    return SSMQ_OK;
}

static ssmq_status collect(bench *b, const ssmq_collect_spec *spec, const ssmq_listener *listener)
{
    const ssmq_collect_source source = {.spec = spec,
                                        .model = b->m,
                                        .mode = SSMQ_MODE_FLOAT,
                                        .samples = &b->samples,
                                        .be = b->be,
                                        .most_bytes = SSMQ_COLLECT_BYTES};
    ssmq_collection           c;
    SSMQ_TRY(ssmq_collect(&source, NULL, listener, &c));
    ssmq_collection_free(&c);
    return SSMQ_OK;
}

/* A journal that begins anew, and what it leaves. */
static ssmq_status collect_kept(bench *b)
{
    ssmq_listener l = {.journal = NULL};
    SSMQ_TRY(ssmq_journal_open(b->folder, "bench", true, NULL, &l.journal));
    const ssmq_status st = collect(b, &ways[KEPT - 2], &l);
    b->bytes = ssmq_journal_bytes(l.journal, &b->sums);
    ssmq_journal_close(l.journal);
    ssmq_journal_remove_bulk(b->folder);
    unlink(ssmq_arena_printf(b->arena, "%s/" SSMQ_JOURNAL, b->folder));
    return st;
}

static void print_keeping(const char *clock, const double *kept, const double *without, int n)
{
    double ratio[BENCH_REPEATS_MAX];
    for (int i = 0; i < n; i++) ratio[i] = kept[i] / without[i];
    const double middle = bench_median(ratio, n);
    printf("%-5s keeping after every sample, to not keeping: median %.3f (best %.3f, worst %.3f)\n", clock, middle,
           ratio[0], ratio[n - 1]);
}

static ssmq_status measure(bench *b)
{
    static double wall[WAYS][BENCH_REPEATS_MAX], cpu[WAYS][BENCH_REPEATS_MAX];
    for (int i = -1; i < b->repeats; i++) /* the first round warms up */
        for (int w = 0; w < WAYS; w++) {
            const double t = ssmq_monotonic_s(), c = ssmq_cpu_time_s();
            SSMQ_TRY(w == 0 ? prefill(b) : w == KEPT ? collect_kept(b) : collect(b, &ways[w - 1], NULL));
            if (i < 0) continue;
            wall[w][i] = ssmq_monotonic_s() - t;
            cpu[w][i] = ssmq_cpu_time_s() - c;
        }
    for (int w = 0; w < WAYS; w++) {
        bench_print_ratios("wall", names[w], wall[w], wall[0], b->repeats);
        bench_print_ratios("cpu", names[w], cpu[w], cpu[0], b->repeats);
    }
    print_keeping("wall", wall[KEPT], wall[KEPT - 1], b->repeats);
    print_keeping("cpu", cpu[KEPT], cpu[KEPT - 1], b->repeats);
    printf("journal %.0f MiB at the end, of them %.0f of sums; ", (double)b->bytes / 0x1p20, (double)b->sums / 0x1p20);
    printf("peak memory %.0f MiB\n", (double)ssmq_peak_rss_bytes() / 0x1p20);
    return SSMQ_OK;
}

static ssmq_status open_all(bench *b, const char *folder)
{
    const int              tokens = b->L, samples = b->n;
    const ssmq_cpu_options auto_tier = {.isa = SSMQ_CPU_ISA_AUTO};
    ssmq_machine           machine;
    ssmq_machine_read(&machine);
    SSMQ_TRY(ssmq_model_load(ssmq_families, folder, &b->m, &b->checkpoint));
    SSMQ_TRY(ssmq_backend_open(&ssmq_backend_cpu, &auto_tier, machine.cores, &b->be));
    SSMQ_TRY(ssmq_exec_open(b->be, b->m, NULL, SSMQ_MODE_FLOAT, &b->ex));
    SSMQ_TRY(b->m->family->state_new(b->m, b->ex, 1, &b->state));
    int32_t *token = ssmq_must_malloc((size_t)(tokens * samples) * sizeof *token);
    b->token = token;
    b->samples.sample = ssmq_must_malloc((size_t)samples * sizeof *b->samples.sample);
    b->samples.n = samples;
    for (int i = 0; i < tokens * samples; i++) token[i] = (int32_t)((int64_t)i * 7919 % b->m->vocabulary);
    for (int i = 0; i < samples; i++)
        b->samples.sample[i] = (ssmq_sample){.token = token + i * tokens, .length = tokens};
    printf("%s, %d threads, tier %s, %d samples of %d tokens\n", machine.cpu, machine.cores, b->be->tier,
           samples, tokens);
    return SSMQ_OK;
}

static void close_all(bench *b)
{
    if (b->ex) b->m->family->state_free(b->m, b->ex, b->state);
    ssmq_exec_close(b->ex);
    ssmq_backend_close(b->be);
    ssmq_model_free(b->m);
    ssmq_checkpoint_close(b->checkpoint);
    ssmq_arena_free(b->arena);
    free(b->token);
    free(b->samples.sample);
}

static ssmq_status run(void *context, const char *folder)
{
    bench *b = context;
    b->arena = ssmq_arena_new();
    b->folder = folder;
    SSMQ_TRY(open_all(b, folder));
    return measure(b);
}

int main(int argc, char **argv)
{
    bench                    b = {.L = argc > 2 ? atoi(argv[2]) : 512,
                                  .n = argc > 3 ? atoi(argv[3]) : 16,
                                  .repeats = argc > 4 ? atoi(argv[4]) : 3};
    const ssmq_random_shape *shape = bench_shape(argc > 1 ? argv[1] : "mamba-130m");
    if (!shape || b.L < 1 || b.n < 1 || b.repeats < 1 || b.repeats > BENCH_REPEATS_MAX) {
        fprintf(stderr, "usage: bench_collect [SHAPE [TOKENS [SAMPLES [REPEATS]]]], SHAPE mamba-130m ...\n");
        return 2;
    }
    const int status = bench_with_model(shape, run, &b);
    close_all(&b);
    return status;
}
