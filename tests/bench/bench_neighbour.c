/* A prefill beside a process that takes a core: what waits between threads cost when one of them is put aside.
 *
 *   bench_neighbour [SHAPE [TOKENS [PAIRS]]]
 *
 * Prefills of a random model (mamba-130m, 512 tokens, 20 pairs), in float and in real mode (Quamba W8A8), alone
 * and beside a process that spins, bound to the first of the cores that this one may use; one prefill a turn, in the order
 * alone, beside, beside, alone, so that what others on the machine do meets both.  Of each pair, some such turns: the speed
 * beside it as a share of that alone, and the same of the processor time that a prefill takes, which says whether
 * threads wait awake.  n threads on n cores, one of them shared by two, have n - 1/2 cores left: 0.75 of two; below 0.5
 * a thread would be better off alone. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/base/clock.h"
#include "harness/base/cores.h"
#include "harness/exec/exec.h"
#include "harness/run/checkpoint/load.h"
#include "models/families.h"
#include "tests/bench/random_model.h"

#define PAIRS_MAX 200
#define SIDE_S 2.0 /* processor time of each side of a pair, in seconds: hundreds of time slices */

typedef struct bench {
    ssmq_model      *m;
    ssmq_checkpoint *checkpoint;
    ssmq_backend    *be;
    test_applied     quamba;
    ssmq_exec       *ex;
    void            *state;
    int32_t         *token;
    int32_t          L, pairs;
    pid_t            neighbour;
} bench;

/* ---- the neighbour ----------------------------------------------------------------------- */

/* Spins on one core until its parent ends it, or is gone; stopped at first. */
static void spin(int core)
{
    const ssmq_cores one = {.n = 1, .at = {core}};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (ssmq_cores_bind(&one) != SSMQ_OK) _exit(1);
    raise(SIGSTOP);
    for (volatile unsigned long i = 0;; i++) continue;
}

static ssmq_status start_neighbour(bench *b, int core)
{
    int status;
    b->neighbour = fork();
    if (b->neighbour == 0) spin(core);
    if (b->neighbour < 0 || waitpid(b->neighbour, &status, WUNTRACED) < 0 || !WIFSTOPPED(status))
        return SSMQ_FAIL(DEVICE, "no process beside this one");
    return SSMQ_OK;
}

static void end_neighbour(bench *b)
{
    if (b->neighbour <= 0) return;
    kill(b->neighbour, SIGKILL);
    waitpid(b->neighbour, NULL, 0);
}

/* ---- pairs ------------------------------------------------------------------------------- */

/* Adds what one takes. */
static ssmq_status prefill(bench *b, double *wall, double *cpu)
{
    ssmq_tensor  hidden;
    const double began = ssmq_monotonic_s(), used = ssmq_cpu_time_s();
    SSMQ_TRY(b->m->family->state_zero(b->m, b->ex, b->state));
    SSMQ_TRY(b->m->family->forward(b->m, b->ex, &(ssmq_batch){b->token, 1, b->L}, b->state, &hidden));
    *wall += ssmq_monotonic_s() - began;
    *cpu += ssmq_cpu_time_s() - used;
    return SSMQ_OK;
}

static ssmq_status prefill_beside(bench *b, double *wall, double *cpu)
{
    kill(b->neighbour, SIGCONT);
    const ssmq_status st = prefill(b, wall, cpu);
    kill(b->neighbour, SIGSTOP);
    return st;
}

/* wall, cpu: sums of so many prefills alone, and of as many beside it. */
static ssmq_status pair(bench *b, int times, double wall[2], double cpu[2])
{
    wall[0] = wall[1] = cpu[0] = cpu[1] = 0;
    for (int i = 0; i < 2 * times; i++) {
        const int beside = (i + 1) / 2 % 2;
        SSMQ_TRY((beside ? prefill_beside : prefill)(b, &wall[beside], &cpu[beside]));
    }
    return SSMQ_OK;
}

static void put(const char *what, double *v, int n)
{
    const double median = bench_median(v, n);
    printf("  %s median %.3f (%.3f to %.3f)", what, median, v[n / 10], v[n - 1 - n / 10]);
}

static ssmq_status measure(bench *b, const char *mode, int pairs)
{
    double speed[PAIRS_MAX], work[PAIRS_MAX], alone[PAIRS_MAX], had[PAIRS_MAX], wall[2], cpu[2];
    SSMQ_TRY(pair(b, 1, wall, cpu)); /* warm-up */
    SSMQ_TRY(pair(b, 1, wall, cpu));
    const int times = 2 * (1 + (int)(SIDE_S / 2 / cpu[0])); /* even: both come first as often */
    for (int i = 0; i < pairs; i++) {
        SSMQ_TRY(pair(b, times, wall, cpu));
        speed[i] = wall[0] / wall[1];
        work[i] = cpu[1] / cpu[0];
        alone[i] = times * b->L / wall[0];
        had[i] = cpu[0] / wall[0];
    }
    printf("%-5s", mode);
    put("speed", speed, pairs);
    put("processor time", work, pairs);
    put("alone, tok/s", alone, pairs);
    put("on cores", had, pairs);
    printf("  %d pairs of %d prefills\n", pairs, times);
    return SSMQ_OK;
}

/* ---- the model --------------------------------------------------------------------------- */

static ssmq_status open_model(bench *b, const char *folder, int threads)
{
    const ssmq_cpu_options auto_tier = {.isa = SSMQ_CPU_ISA_AUTO};
    SSMQ_TRY(ssmq_model_load(ssmq_families, folder, &b->m, &b->checkpoint));
    SSMQ_TRY(ssmq_backend_open(&ssmq_backend_cpu, &auto_tier, threads, &b->be));
    b->token = ssmq_must_malloc((size_t)b->L * sizeof *b->token);
    for (int32_t i = 0; i < b->L; i++) b->token[i] = (int32_t)((int64_t)i * 7919 % b->m->vocabulary);
    return SSMQ_OK;
}

static ssmq_status measure_mode(bench *b, ssmq_mode mode, int pairs)
{
    const ssmq_model *m = mode == SSMQ_MODE_FLOAT ? b->m : b->quamba.m;
    SSMQ_TRY(ssmq_exec_open(b->be, m, mode == SSMQ_MODE_FLOAT ? NULL : b->quamba.r.plan, mode, &b->ex));
    ssmq_status st = b->m->family->state_new(b->m, b->ex, 1, &b->state);
    if (st == SSMQ_OK) st = measure(b, ssmq_modes[mode], pairs);
    if (b->state) b->m->family->state_free(b->m, b->ex, b->state);
    ssmq_exec_close(b->ex);
    b->state = NULL;
    return st;
}

static ssmq_status run(void *context, const char *folder)
{
    bench     *b = context;
    ssmq_cores cores;
    double     load[1] = {0};
    ssmq_cores_allowed(&cores);
    SSMQ_TRY(start_neighbour(b, cores.at[0]));
    SSMQ_TRY(open_model(b, folder, cores.n));
    getloadavg(load, 1);
    printf("%d threads, tier %s, load %.1f; with one core shared by two there are %.2f of %d: speed %.3f\n", cores.n,
           b->be->tier, load[0], cores.n - 0.5, cores.n, (cores.n - 0.5) / cores.n);
    SSMQ_TRY(measure_mode(b, SSMQ_MODE_FLOAT, b->pairs));
    b->quamba = test_apply(b->m, b->be, bench_quamba, 1);
    return measure_mode(b, SSMQ_MODE_REAL, b->pairs);
}

static void close_all(bench *b)
{
    end_neighbour(b);
    if (b->quamba.m) test_applied_free(&b->quamba);
    ssmq_backend_close(b->be);
    ssmq_model_free(b->m);
    ssmq_checkpoint_close(b->checkpoint);
    free(b->token);
}

int main(int argc, char **argv)
{
    bench                    b = {.L = argc > 2 ? atoi(argv[2]) : 512, .pairs = argc > 3 ? atoi(argv[3]) : 20};
    const ssmq_random_shape *shape = bench_shape(argc > 1 ? argv[1] : "mamba-130m");
    if (!shape || b.L < 1 || b.pairs < 1 || b.pairs > PAIRS_MAX) {
        fprintf(stderr, "usage: bench_neighbour [SHAPE [TOKENS [PAIRS]]], SHAPE mamba-130m ... mamba-2.8b\n");
        return 2;
    }
    const int status = bench_with_model(shape, run, &b);
    close_all(&b);
    return status;
}
