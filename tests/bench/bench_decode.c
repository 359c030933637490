/* Decoding of a random model, beside reading as many bytes as a token needs of weights and state: by turns,
 * so that all see the same load of the machine.  Float, with the weights in the mapped file, and moved; real,
 * Quamba W8A8, and weights of 4 bits with floats.
 *
 *   bench_decode [SHAPE [TURNS [THREADS]]] */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/base/clock.h"
#include "harness/base/cores.h"
#include "harness/bench/peaks_probes.h"
#include "harness/exec/exec.h"
#include "harness/run/checkpoint/load.h"
#include "harness/run/profile/profile.h"
#include "models/families.h"
#include "tests/bench/random_model.h"

#define STEPS 4 /* of a turn */
#define SUBJECTS 4
#define PART_FLOATS ((int64_t)1 << 19)
#define PARTS ((int64_t)128) /* of 2 MiB: more than caches hold */

/* A way to decode. */
typedef struct subject {
    const char *name;
    ssmq_exec  *ex;
    void       *state;
    double      bytes;                                                  /* that a step reads and writes */
    double      wall[BENCH_REPEATS_MAX], cpu[BENCH_REPEATS_MAX];        /* seconds of a step            */
    double wall_share[BENCH_REPEATS_MAX], cpu_share[BENCH_REPEATS_MAX]; /* that reading would take      */
} subject;

typedef struct bench {
    ssmq_model      *m;
    ssmq_checkpoint *checkpoint;
    ssmq_backend    *be;
    test_applied     quamba, w4a16;
    int              turns;
    int32_t          threads;
    void            *data; /* PARTS of PART_FLOATS */
    ssmq_peak_probes probes;
    _Atomic int64_t  finite; /* keeps the reading from being left out */
    subject          subject[SUBJECTS];
} bench;

static ssmq_status decode(const bench *b, subject *s)
{
    for (int32_t i = 0; i < STEPS; i++) {
        const int32_t token = (int32_t)((int64_t)i * 7919 % b->m->vocabulary);
        ssmq_tensor   hidden, logits;
        SSMQ_TRY(b->m->family->forward(b->m, s->ex, &(ssmq_batch){&token, 1, 1}, s->state, &hidden));
        ssmq_tensor rows = ssmq_tensor_rows(&hidden);
        SSMQ_TRY(ssmq_exec_scratch(s->ex, SSMQ_EXEC_SLOT_LOGITS, 2, (const int64_t[]){1, b->m->vocabulary},
                                   &logits));
        SSMQ_TRY(b->m->family->head(b->m, s->ex, &rows, &logits));
    }
    return SSMQ_OK;
}

static void read_part(void *context, int64_t begin, int64_t end, int32_t worker)
{
    bench *b = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++)
        b->finite +=
            isfinite(b->probes.read((const float *)b->data + i % PARTS * PART_FLOATS, PART_FLOATS)) != 0;
}

/* Turn i of decoding, and of reading as much; i < 0: to warm up. */
static ssmq_status turn(bench *b, subject *s, int i)
{
    const int64_t parts = (int64_t)(s->bytes * STEPS / ((double)PART_FLOATS * sizeof(float)));
    const double  wall = ssmq_monotonic_s(), cpu = ssmq_cpu_time_s();
    SSMQ_TRY(decode(b, s));
    const double then_wall = ssmq_monotonic_s(), then_cpu = ssmq_cpu_time_s();
    b->be->ops->share(b->be, parts, 1, read_part, b);
    if (i < 0) return SSMQ_OK;
    s->wall[i] = (then_wall - wall) / STEPS, s->cpu[i] = (then_cpu - cpu) / STEPS;
    s->wall_share[i] = (ssmq_monotonic_s() - then_wall) / STEPS / s->wall[i];
    s->cpu_share[i] = (ssmq_cpu_time_s() - then_cpu) / STEPS / s->cpu[i];
    return SSMQ_OK;
}

static void put(const char *what, double unit, double *v, int n)
{
    const double middle = bench_median(v, n);
    printf("  %s %.3f (%.3f to %.3f)", what, middle * unit, v[n / 4] * unit, v[n - 1 - n / 4] * unit);
}

static ssmq_status measure(bench *b)
{
    for (int i = -2; i < b->turns; i++)
        for (int k = 0; k < SUBJECTS; k++) {
            subject *s = &b->subject[k];
            if (i == -1) s->bytes = (double)(ssmq_exec_weight_bytes(s->ex) + 2 * ssmq_profile_state_bytes(b->m, s->ex));
            SSMQ_TRY(turn(b, s, i));
        }
    for (int k = 0; k < SUBJECTS; k++) {
        subject *s = &b->subject[k];
        printf("%-14s", s->name);
        put("ms a token", 1e3, s->wall, b->turns);
        put("processor", 1e3, s->cpu, b->turns);
        put("reading takes, of that,", 1, s->wall_share, b->turns);
        put("of processor time", 1, s->cpu_share, b->turns);
        printf("\n");
    }
    return SSMQ_OK;
}

/* applied NULL: float. */
static ssmq_status open_subject(bench *b, int k, const char *name, const test_applied *applied, bool moves)
{
    const ssmq_model *m = applied ? applied->m : b->m;
    subject          *s = &b->subject[k];
    s->name = name;
    SSMQ_TRY(ssmq_exec_open(b->be, m, applied ? applied->r.plan : NULL,
                            applied ? SSMQ_MODE_REAL : SSMQ_MODE_FLOAT, &s->ex));
    if (moves) ssmq_exec_moves(s->ex);
    return m->family->state_new(m, s->ex, 1, &s->state);
}

/* The mapped file is read last, since moving gives back its pages. */
static ssmq_status open_all(bench *b, const char *folder)
{
    const ssmq_cpu_options auto_tier = {.isa = SSMQ_CPU_ISA_AUTO};
    SSMQ_TRY(ssmq_model_load(ssmq_families, folder, &b->m, &b->checkpoint));
    SSMQ_TRY(ssmq_backend_open(&ssmq_backend_cpu, &auto_tier, b->threads, &b->be));
    b->quamba = test_apply(b->m, b->be, bench_quamba, 1);
    b->w4a16 = test_apply(b->m, b->be, bench_w4a16, 1);
    SSMQ_TRY(open_subject(b, 0, "real, moved", &b->quamba, true));
    SSMQ_TRY(open_subject(b, 1, "W4A16, moved", &b->w4a16, true));
    SSMQ_TRY(open_subject(b, 2, "float, moved", NULL, true));
    return open_subject(b, 3, "float, mapped", NULL, false);
}

static void close_all(bench *b)
{
    for (int k = 0; k < SUBJECTS; k++) {
        subject *s = &b->subject[k];
        if (s->state) b->m->family->state_free(b->m, s->ex, s->state);
        ssmq_exec_close(s->ex);
    }
    if (b->be) b->be->ops->free(b->be, b->data);
    if (b->quamba.m) test_applied_free(&b->quamba);
    if (b->w4a16.m) test_applied_free(&b->w4a16);
    ssmq_backend_close(b->be);
    ssmq_model_free(b->m);
    ssmq_checkpoint_close(b->checkpoint);
}

static ssmq_status run(void *context, const char *folder)
{
    bench *b = context;
    double load[1] = {0};
    SSMQ_TRY(open_all(b, folder));
    if (!ssmq_peak_probes_avx512(&b->probes) || strcmp(b->be->tier, "avx512") != 0)
        if (!ssmq_peak_probes_avx2(&b->probes) || strcmp(b->be->tier, "c") == 0)
            (void)ssmq_peak_probes_c(&b->probes);
    SSMQ_TRY(b->be->ops->alloc(b->be, PARTS * PART_FLOATS * sizeof(float), &b->data));
    for (int64_t i = 0; i < PARTS * PART_FLOATS; i++) ((float *)b->data)[i] = (float)(i % 7);
    getloadavg(load, 1);
    printf("%s, %d threads, tier %s, load %.1f; %d turns of %d tokens: medians and quartiles\n",
           b->be->device, b->threads, b->be->tier, load[0], b->turns, STEPS);
    return measure(b);
}

int main(int argc, char **argv)
{
    ssmq_cores cores;
    ssmq_cores_allowed(&cores);
    bench *b = calloc(1, sizeof *b);
    if (!b) return 6;
    b->turns = argc > 2 ? atoi(argv[2]) : 20;
    b->threads = argc > 3 ? atoi(argv[3]) : cores.n;
    const ssmq_random_shape *shape = bench_shape(argc > 1 ? argv[1] : "mamba-130m");
    if (!shape || b->turns < 1 || b->turns > BENCH_REPEATS_MAX || b->threads < 1) {
        fprintf(stderr, "usage: bench_decode [SHAPE [TURNS [THREADS]]], SHAPE mamba-130m ... mamba-2.8b\n");
        free(b);
        return 2;
    }
    const int status = bench_with_model(shape, run, b);
    close_all(b);
    free(b);
    return status;
}
