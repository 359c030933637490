/* Calibration against a float prefill of the same tokens, in the shape of mamba-130m, by turns in one process: with the
 * observers of Quamba, with every activation site watched by every statistic, and with every state too.  Every sample
 * is recorded as `ssmq run` does it, and none is replayed.
 *
 *   bench_calibration [SHAPE [TOKENS [REPEATS [BATCH]]]]
 *
 * What "all statistics" are, and what was measured: README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/base/clock.h"
#include "harness/exec/exec.h"
#include "harness/run/calibrate/calibrate.h"
#include "harness/run/calibrate/replay.h"
#include "harness/run/calibrate/replay_key.h"
#include "harness/run/checkpoint/load.h"
#include "harness/store/host.h"
#include "models/families.h"
#include "quant/observers.h"
#include "tests/bench/random_model.h"
#include "tests/support/options.h"

#define SAMPLES 8

typedef struct bench {
    ssmq_model      *m;
    ssmq_checkpoint *checkpoint;
    ssmq_backend    *be;
    ssmq_exec       *ex;
    void            *state;
    ssmq_arena      *arena;
    ssmq_sample      sample[SAMPLES];
    ssmq_observer    absmax, minmax, exact, estimated, mse;
    int32_t          L, batch, repeats;
} bench;

/* What is watched. */
typedef enum load { QUAMBA, ALL_BUT_MSE, ALL, ALL_AND_STATES, LOADS } load;
static const char *const load_names[LOADS] = {
    "observers of Quamba", "every activation, all statistics but mse", "every activation, all statistics",
    "every activation and state, all statistics but mse"};

/* ---- what is timed --------------------------------------------------------------------- */

static ssmq_status prefill(bench *b)
{
    ssmq_tensor hidden;
    for (int i = 0; i < SAMPLES; i++) {
        SSMQ_TRY(b->m->family->state_zero(b->m, b->ex, b->state));
        SSMQ_TRY(b->m->family->forward(b->m, b->ex, &(ssmq_batch){b->sample[i].token, 1, b->L}, b->state, &hidden));
    }
    return SSMQ_OK;
}

static void watch(bench *b, ssmq_calibration *c, load what)
{
    const ssmq_qspec symmetric = {.bits = 8, .symmetric = true}, affine = {.bits = 8};
    for (int32_t i = 0; i < b->m->n_site; i++) {
        const ssmq_site *s = &b->m->site[i];
        if (s->kind == SSMQ_SITE_WEIGHT || s->layer < 0) continue;
        if (s->kind == SSMQ_SITE_STATE && what != ALL_AND_STATES) continue;
        const bool x = strstr(s->name, "scan.x") != NULL;
        if (what != QUAMBA || !x) ssmq_calibration_watch(c, i, &b->absmax, &symmetric);
        if (what != QUAMBA || x) ssmq_calibration_watch(c, i, &b->exact, &symmetric);
        if (what == QUAMBA) continue;
        ssmq_calibration_watch(c, i, &b->minmax, &affine);
        ssmq_calibration_watch(c, i, &b->exact, &affine);
        ssmq_calibration_watch(c, i, &b->estimated, &symmetric);
        if (what == ALL) ssmq_calibration_watch(c, i, &b->mse, &symmetric);
    }
}

static ssmq_status calibrate(bench *b, load what)
{
    const ssmq_experiment none = {0};
    const ssmq_samples    all = {.sample = b->sample, .n = SAMPLES};
    int32_t               n;
    const double         *level = ssmq_replay_levels(&none, b->arena, &n);
    ssmq_replay          *replay =
        ssmq_replay_new(&(ssmq_replay_options){.identity = "bench", .level = level, .n_level = n});
    ssmq_plan            *plan = ssmq_plan_new(b->m);
    ssmq_calibration     *c = ssmq_calibration_new(b->m);
    c->replay = replay;
    c->batch = b->batch;
    watch(b, c, what);
    const ssmq_status st = ssmq_calibration_run(c, b->be, plan, &all, NULL);
    ssmq_calibration_free(c);
    ssmq_plan_free(plan);
    ssmq_replay_free(replay);
    return st;
}

/* ---- figures --------------------------------------------------------------------------- */

/* Seconds of each turn: on the clock, and of processor time in all threads, which a busy machine changes less. */
typedef struct times {
    double wall[LOADS + 1][BENCH_REPEATS_MAX], cpu[LOADS + 1][BENCH_REPEATS_MAX];
} times;

static ssmq_status measure(bench *b)
{
    static times t;
    SSMQ_TRY(prefill(b)); /* warm-up */
    const double before = (double)ssmq_peak_rss_bytes();
    for (int what = 0; what < LOADS; what++) {
        SSMQ_TRY(calibrate(b, (load)what));
        printf("%-52s peak memory %.0f MiB, prefill alone %.0f MiB\n", load_names[what],
               (double)ssmq_peak_rss_bytes() / 0x1p20, before / 0x1p20);
    }
    for (int i = 0; i < b->repeats; i++)
        for (int what = -1; what < LOADS; what++) {
            const double wall = ssmq_monotonic_s(), cpu = ssmq_cpu_time_s();
            SSMQ_TRY(what < 0 ? prefill(b) : calibrate(b, (load)what));
            t.wall[what + 1][i] = ssmq_monotonic_s() - wall;
            t.cpu[what + 1][i] = ssmq_cpu_time_s() - cpu;
        }
    for (int what = 0; what <= LOADS; what++) {
        const char *name = what > 0 ? load_names[what - 1] : "float prefill";
        bench_print_ratios("wall", name, t.wall[what], t.wall[0], b->repeats);
        bench_print_ratios("cpu", name, t.cpu[what], t.cpu[0], b->repeats);
    }
    return SSMQ_OK;
}

/* ---- the whole ------------------------------------------------------------------------- */

static ssmq_observer observer_of(bench *b, const ssmq_statistic *s, const char *options, const ssmq_across *across,
                                 const char *text)
{
    return (ssmq_observer){.statistic = s,
                           .statistic_options = test_options(b->arena, s->options, s->options_size, options),
                           .across = across,
                           .across_options = test_options(b->arena, across->options, across->options_size, NULL),
                           .text = text};
}

static ssmq_status open_all(bench *b, const char *folder, int threads)
{
    const ssmq_cpu_options auto_tier = {.isa = SSMQ_CPU_ISA_AUTO};
    b->arena = ssmq_arena_new();
    SSMQ_TRY(ssmq_model_load(ssmq_families, folder, &b->m, &b->checkpoint));
    SSMQ_TRY(ssmq_backend_open(&ssmq_backend_cpu, &auto_tier, threads, &b->be));
    SSMQ_TRY(ssmq_exec_open(b->be, b->m, NULL, SSMQ_MODE_FLOAT, &b->ex));
    SSMQ_TRY(b->m->family->state_new(b->m, b->ex, 1, &b->state));
    for (int i = 0; i < SAMPLES; i++) {
        int32_t *token = SSMQ_ARENA_ARRAY(b->arena, int32_t, b->L);
        for (int32_t k = 0; k < b->L; k++)
            token[k] = (int32_t)((int64_t)(i * b->L + k) * 7919 % b->m->vocabulary);
        b->sample[i] = (ssmq_sample){.token = token, .length = b->L, .document = i};
    }
    b->absmax = observer_of(b, &ssmq_statistic_absmax, NULL, &ssmq_across_max, "absmax");
    b->minmax = observer_of(b, &ssmq_statistic_minmax, NULL, &ssmq_across_mean, "minmax");
    b->exact = observer_of(b, &ssmq_statistic_quantile, "{p: 99.999}", &ssmq_across_ema, "exact");
    b->estimated = observer_of(b, &ssmq_statistic_quantile, "{p: 99.9, estimate: floatbits16}", &ssmq_across_mean,
                               "estimated");
    b->mse = observer_of(b, &ssmq_statistic_mse, NULL, &ssmq_across_max, "mse");
    return SSMQ_OK;
}

static ssmq_status run(void *context, const char *folder)
{
    bench       *b = context;
    ssmq_machine machine;
    ssmq_machine_read(&machine);
    SSMQ_TRY(open_all(b, folder, machine.cores));
    printf("%s, %d threads, tier %s, %d samples of %d tokens, batch %d, %d turns\n", machine.cpu, machine.cores,
           b->be->tier, SAMPLES, (int)b->L, (int)b->batch, (int)b->repeats);
    return measure(b);
}

static void close_all(bench *b)
{
    if (b->ex) b->m->family->state_free(b->m, b->ex, b->state);
    ssmq_exec_close(b->ex);
    ssmq_backend_close(b->be);
    ssmq_model_free(b->m);
    ssmq_checkpoint_close(b->checkpoint);
    ssmq_arena_free(b->arena);
}

int main(int argc, char **argv)
{
    bench                    b = {.L = argc > 2 ? atoi(argv[2]) : 512,
                                  .repeats = argc > 3 ? atoi(argv[3]) : 5,
                                  .batch = argc > 4 ? atoi(argv[4]) : 1};
    const ssmq_random_shape *shape = bench_shape(argc > 1 ? argv[1] : "mamba-130m");
    if (!shape || b.L < 1 || b.batch < 1 || b.repeats < 1 || b.repeats > BENCH_REPEATS_MAX) {
        fprintf(stderr, "usage: bench_calibration [SHAPE [TOKENS [REPEATS [BATCH]]]]\n");
        return 2;
    }
    const int status = bench_with_model(shape, run, &b);
    close_all(&b);
    return status;
}
