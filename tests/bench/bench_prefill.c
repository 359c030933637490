/* Prefill of a random model in the shape of mamba-130m: tokens per second with the last token's
 * logits, and with every token's (perplexity); the floor of this machine, probed in the same process;
 * the ratio; peak memory against the weights.
 *
 *   bench_prefill [SHAPE [TOKENS [REPEATS [MODE]]]]
 *
 * MODE fake or real: Quamba W8A8.  The floor is that of float in every mode, to compare them by.
 *
 * Floor: the operations of the products (2 per multiply-add) at the probed fp32 peak, and those of the
 * scan, 26 per state update (an exponential by polynomial, and three multiply-adds), at the same peak. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/bench/peaks.h"
#include "harness/exec/exec.h"
#include "harness/run/checkpoint/load.h"
#include "harness/store/host.h"
#include "models/families.h"
#include "tests/bench/random_model.h"

#define REPEATS_MAX 200
#define SCAN_OPERATIONS 26.0
#define LOGIT_ROWS 128

typedef struct bench {
    ssmq_model      *m;
    ssmq_checkpoint *checkpoint;
    ssmq_backend    *be;
    test_applied     quamba;
    ssmq_mode        mode;
    ssmq_exec       *ex;
    void            *state;
    int32_t         *token;
    int32_t          L, repeats;
} bench;

static ssmq_status logits_of(bench *b, ssmq_tensor *rows)
{
    ssmq_tensor logits;
    SSMQ_TRY(ssmq_exec_scratch(b->ex, SSMQ_EXEC_SLOT_LOGITS, 2,
                               (const int64_t[]){rows->dim[0], b->m->vocabulary}, &logits));
    return b->m->family->head(b->m, b->ex, rows, &logits);
}

/* One pass over all tokens; every: logits of all of them, else of the last. */
static ssmq_status pass(bench *b, bool every)
{
    ssmq_tensor hidden;
    SSMQ_TRY(b->m->family->state_zero(b->m, b->ex, b->state));
    SSMQ_TRY(b->m->family->forward(b->m, b->ex, &(ssmq_batch){b->token, 1, b->L}, b->state, &hidden));
    hidden = ssmq_tensor_rows(&hidden);
    for (int64_t i = every ? 0 : b->L - 1; i < b->L; i += LOGIT_ROWS) {
        const int64_t n = b->L - i < LOGIT_ROWS ? b->L - i : LOGIT_ROWS;
        ssmq_tensor   rows = ssmq_tensor_slice(&hidden, 0, i, n);
        SSMQ_TRY(logits_of(b, &rows));
    }
    return SSMQ_OK;
}

/* Multiply-adds of the linear layers of all blocks, of the head, and state updates, per token. */
static void work(const ssmq_model *m, double *blocks, double *head, double *updates)
{
    *blocks = *head = *updates = 0;
    for (int32_t i = 0; i < m->n_site; i++) {
        const ssmq_site *s = &m->site[i];
        if (s->weight < 0) continue;
        const double n = (double)ssmq_tensor_count(&m->weight[s->weight].value);
        if (strcmp(s->op, "linear") == 0) *(s->layer < 0 ? head : blocks) += n;
        if (strstr(s->name, "scan.A_log")) *updates += n;
    }
}

static ssmq_status measure(bench *b, const ssmq_peaks *peaks, bool every, int repeats)
{
    double seconds[REPEATS_MAX], blocks, head, updates;
    SSMQ_TRY(pass(b, every)); /* warm-up */
    for (int i = 0; i < repeats; i++) {
        const double t = ssmq_monotonic_s();
        SSMQ_TRY(pass(b, every));
        seconds[i] = ssmq_monotonic_s() - t;
    }
    const double middle = bench_median(seconds, repeats);
    work(b->m, &blocks, &head, &updates);
    const double operations =
        2 * blocks + SCAN_OPERATIONS * updates + 2 * head * (every ? 1 : 1.0 / b->L);
    const double floor_rate = peaks->all.f32 * 1e9 / operations;
    const double median = b->L / middle;
    printf("%-40s median %7.1f tok/s  (best %.1f, worst %.1f, %d samples)  floor %.1f  ratio %.3f\n",
           every ? "prefill with every token's logits" : "prefill with the last token's logits",
           median, b->L / seconds[0], b->L / seconds[repeats - 1], repeats, floor_rate,
           median / floor_rate);
    return SSMQ_OK;
}

static ssmq_status open_all(bench *b, const char *folder, int threads)
{
    const ssmq_cpu_options auto_tier = {.isa = SSMQ_CPU_ISA_AUTO};
    SSMQ_TRY(ssmq_model_load(ssmq_families, folder, &b->m, &b->checkpoint));
    SSMQ_TRY(ssmq_backend_open(&ssmq_backend_cpu, &auto_tier, threads, &b->be));
    if (b->mode == SSMQ_MODE_FLOAT) SSMQ_TRY(ssmq_exec_open(b->be, b->m, NULL, b->mode, &b->ex));
    else {
        b->quamba = test_apply(b->m, b->be, bench_quamba, 1);
        SSMQ_TRY(ssmq_exec_open(b->be, b->quamba.m, b->quamba.r.plan, b->mode, &b->ex));
    }
    SSMQ_TRY(b->m->family->state_new(b->m, b->ex, 1, &b->state));
    b->token = ssmq_must_malloc((size_t)b->L * sizeof *b->token);
    for (int32_t i = 0; i < b->L; i++) b->token[i] = (int32_t)((int64_t)i * 7919 % b->m->vocabulary);
    return SSMQ_OK;
}

static void close_all(bench *b)
{
    if (b->ex) b->m->family->state_free(b->m, b->ex, b->state);
    ssmq_exec_close(b->ex);
    if (b->quamba.m) test_applied_free(&b->quamba);
    ssmq_backend_close(b->be);
    ssmq_model_free(b->m);
    ssmq_checkpoint_close(b->checkpoint);
    free(b->token);
}

static ssmq_status run(void *context, const char *folder)
{
    bench       *b = context;
    ssmq_machine machine;
    ssmq_peaks   peaks;
    double       weights = 0;
    ssmq_machine_read(&machine);
    SSMQ_TRY(open_all(b, folder, machine.cores));
    for (int32_t i = 0; i < b->m->n_weight; i++)
        if (b->m->weight[i].tied_to < 0) weights += (double)ssmq_tensor_bytes(&b->m->weight[i].value);
    /* Memory first: the probe of the bandwidth needs some of its own. */
    SSMQ_TRY(pass(b, true));
    printf("peak memory %.0f MiB, weights %.0f MiB, ratio %.3f\n",
           (double)ssmq_peak_rss_bytes() / 0x1p20, weights / 0x1p20,
           (double)ssmq_peak_rss_bytes() / weights);
    SSMQ_TRY(ssmq_peaks_probe(b->be, &peaks));
    printf("%s, %d threads, tier %s: fp32 %.0f GFLOP/s, reads %.1f GB/s\n", machine.cpu, machine.cores,
           b->be->tier, peaks.all.f32, peaks.all.read);
    SSMQ_TRY(measure(b, &peaks, false, b->repeats));
    return measure(b, &peaks, true, b->repeats);
}

int main(int argc, char **argv)
{
    const char              *mode = argc > 4 ? argv[4] : "float";
    bench                    b = {.L = argc > 2 ? atoi(argv[2]) : 512, .repeats = argc > 3 ? atoi(argv[3]) : 20};
    const ssmq_random_shape *shape = bench_shape(argc > 1 ? argv[1] : "mamba-130m");
    while (ssmq_modes[b.mode] && strcmp(ssmq_modes[b.mode], mode) != 0) b.mode++;
    if (!ssmq_modes[b.mode] || !shape || b.L < 1 || b.repeats < 1 || b.repeats > REPEATS_MAX) {
        fprintf(stderr, "usage: bench_prefill [SHAPE [TOKENS [REPEATS [MODE]]]], SHAPE mamba-130m ... mamba-2.8b, "
                        "MODE float, fake, real\n");
        return 2;
    }
    const int status = bench_with_model(shape, run, &b);
    close_all(&b);
    return status;
}
