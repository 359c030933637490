/* A sweep of 8 recipes against 8 experiments of one recipe each, every one from nothing: what each part costs, and
 * the ratio; without and with the float model beside the quantised one, and 2 recipes with the sensitivity of each of
 * their steps.
 *
 *   bench_sweep [MODEL-DIRECTORY [WINDOWS [WINDOW [SAMPLES]]]]       from the project's root */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/clock.h"
#include "harness/run/evaluate/float_pass.h"
#include "harness/run/run.h"
#include "harness/store/host.h"
#include "tests/support/catalogue.h"
#include "tests/support/check.h"
#include "tests/support/scratch.h"

#define RECIPES 8
#define SENSITIVE 2 /* recipes whose sensitivity is found */

static const char *const levels[RECIPES] = {"99", "99.5", "99.9", "99.95", "99.99", "99.995", "99.999", "100"};

typedef enum part { READING, LOAD, TOKENISE, SAMPLES, CALIBRATE, LAYERS, IN_FLOAT, QUANTISED, UNITS, REST, PARTS } part;
static const char *const part_names[PARTS] = {
    "read, check, hash inputs", "load the model", "tokenise", "read samples", "calibrate", "layers of float, to share",
    "evaluate float", "evaluate quantised", "sensitivity", "everything else"};

typedef struct seconds {
    double wall, cpu; /* the latter is not disturbed by what else the machine does */
} seconds;

/* Seconds of each part, as the runner tells what it is doing. */
typedef struct meter {
    seconds     s[PARTS], began;
    part        at;
    ssmq_mode   mode;
} meter;

static seconds now(void)
{
    return (seconds){ssmq_monotonic_s(), ssmq_cpu_time_s()};
}

static void add(seconds *to, seconds s, double sign)
{
    to->wall += sign * s.wall;
    to->cpu += sign * s.cpu;
}

static void add_since(seconds *to, seconds began)
{
    add(to, now(), 1);
    add(to, began, -1);
}

static part part_of(const meter *m, const char *task)
{
    if (strncmp(task, "loading", 7) == 0) return LOAD;
    if (strncmp(task, "tokenising", 10) == 0) return TOKENISE;
    if (strncmp(task, "reading", 7) == 0) return SAMPLES;
    if (strncmp(task, "calibrating", 11) == 0) return CALIBRATE;
    if (strncmp(task, SSMQ_FLOAT_PASS, strlen(SSMQ_FLOAT_PASS)) == 0) return LAYERS;
    if (strcmp(task, "sensitivity") == 0) return UNITS;
    return m->mode == SSMQ_MODE_FLOAT ? IN_FLOAT : QUANTISED;
}

static void begin(void *context, const char *task, const char *unit)
{
    meter *m = context;
    (void)unit;
    m->at = part_of(m, task);
    m->began = now();
}

static void end(void *context)
{
    meter *m = context;
    add_since(&m->s[m->at], m->began);
}

static void starting(void *context, const ssmq_run *run, int32_t index, int32_t n)
{
    (void)index;
    (void)n;
    ((meter *)context)->mode = run->mode;
}

/* ---- experiments ------------------------------------------------------------------------- */

typedef struct sizes {
    const char *model;
    int         windows, window, samples, recipes;
    bool        compare, sensitivity;
} sizes;

static const char *write_yaml(const scratch *s, const sizes *z)
{
    ssmq_str text = {0};
    char     here[2048];
    if (!realpath(".", here)) abort();
    ssmq_str_printf(&text,
                    "ssmq: 1\nname: bench\nmodel: {path: %s}\nmode: [float, fake]\n"
                    "calibration: {data: {file: %s/configs/data/pile-sample.jsonl.zst}, select: sampled, seed: 1, "
                    "count: %d, length: 512}\n"
                    "recipe:\n  - {id: rot, method: hadamard}\n  - {id: w, method: weights}\n"
                    "  - {id: a, method: activations}\n"
                    "  - {id: u, method: activations, sites: 'layers.*.scan.x', observer: {statistic: quantile, p: 99}}\n"
                    "evaluate:\n  - {id: wt2, task: perplexity, data: {file: %s/configs/data/wiki.test.raw}, "
                    "dialect: gptq, window: %d, limit: %d}\n%s",
                    z->model, here, z->samples, here, z->window, z->windows,
                    !z->compare      ? ""
                    : z->sensitivity ? "compare: {against: float, sensitivity: each-on, by: step}\n"
                                     : "compare: {against: float, metrics: [kl, delta-p, top1]}\n");
    const char *path = scratch_write(s, "bench.yaml", ssmq_str_text(&text), text.length);
    ssmq_str_free(&text);
    return path;
}

/* One experiment, from its file to its results, in a folder of its own. */
static void carry_out(const scratch *s, const char *yaml, const char *set, const char *name, meter *m)
{
    const seconds       before = now();
    seconds             told = {0};
    ssmq_diag          *diag = ssmq_diag_new();
    ssmq_experiment    *e = NULL;
    ssmq_arena         *arena = ssmq_arena_new();
    const ssmq_listener listener = {.context = m, .begin = begin, .end = end};
    const char         *out = scratch_path(s, name);
    for (int i = 0; i < PARTS; i++) add(&told, m->s[i], -1);
    CHECK_OK(ssmq_experiment_read(yaml, &set, 1, &test_catalogue, diag, &e));
    add_since(&m->s[READING], before);
    const ssmq_run_request request = {.out = out,
                                      .cache = ssmq_arena_printf(arena, "%s/cache", out),
                                      .listener = &listener,
                                      .context = m,
                                      .starting = starting};
    CHECK_OK(ssmq_experiment_run(e, &test_catalogue, &request, arena, SSMQ_ARENA_ARRAY(arena, ssmq_outcome, e->n_run)));
    for (int i = 0; i < PARTS; i++) add(&told, m->s[i], 1);
    add_since(&m->s[REST], before);
    add(&m->s[REST], told, -1);
    ssmq_experiment_free(e);
    ssmq_diag_free(diag);
    ssmq_arena_free(arena);
}

static void print_row(const char *name, seconds sweep, seconds alone)
{
    printf("  %-26s %10.3f %10.3f %8.2f %14.3f %10.3f %8.2f\n", name, sweep.wall, alone.wall, alone.wall / sweep.wall,
           sweep.cpu, alone.cpu, alone.cpu / sweep.cpu);
}

static void total_of(const meter *m, seconds *total)
{
    *total = (seconds){0, 0};
    for (int i = 0; i < PARTS; i++) add(total, m->s[i], 1);
}

static void print(const meter *sweep, const meter *alone)
{
    seconds total[2];
    printf("  %-26s %10s %10s %8s %14s %10s %8s\n", "seconds", "sweep", "separate", "ratio", "cpu, sweep", "separate",
           "ratio");
    for (int i = 0; i < PARTS; i++)
        if (sweep->s[i].cpu > 0) print_row(part_names[i], sweep->s[i], alone->s[i]);
    total_of(sweep, &total[0]);
    total_of(alone, &total[1]);
    print_row("in all", total[0], total[1]);
}

/* What comparing adds to each recipe, beyond layers of float that run once: the head, and pairs of logits. */
static void print_pairing(const sizes *z, const meter *plain, const meter *compared)
{
    seconds a, b;
    total_of(plain, &a);
    total_of(compared, &b);
    printf("  comparing costs %.3f s of processor time for each recipe, %.2f of its quantised pass; in all %.2f of the sweep "
           "without\n",
           (compared->s[QUANTISED].cpu - plain->s[QUANTISED].cpu) / z->recipes,
           (compared->s[QUANTISED].cpu - plain->s[QUANTISED].cpu) / plain->s[QUANTISED].cpu, b.cpu / a.cpu);
}

static meter measure(const sizes *z)
{
    void *state = NULL;
    meter sweep = {0}, alone = {0};
    if (scratch_setup(&state) != 0) abort();
    const scratch *s = state;
    const char    *yaml = write_yaml(s, z);
    ssmq_str       axis = {0};
    for (int i = 0; i < z->recipes; i++) ssmq_str_printf(&axis, "%s%s", i ? ", " : "", levels[i]);
    carry_out(s, yaml, ssmq_arena_printf(s->a, "sweep.axes.p={recipe.u.observer.p: [%s]}", ssmq_str_text(&axis)),
              "sweep", &sweep);
    for (int i = 0; i < z->recipes; i++)
        carry_out(s, yaml, ssmq_arena_printf(s->a, "recipe.u.observer.p=%s", levels[i]),
                  ssmq_arena_printf(s->a, "alone-%d", i), &alone);
    printf("\n%d recipes, %s:\n", z->recipes,
           !z->compare      ? "not compared"
           : z->sensitivity ? "with the sensitivity of each step"
                            : "compared with float, token by token");
    print(&sweep, &alone);
    ssmq_str_free(&axis);
    scratch_teardown(&state);
    return sweep;
}

int main(int argc, char **argv)
{
    char  model[4096];
    sizes z = {.windows = argc > 2 ? atoi(argv[2]) : 16,
               .window = argc > 3 ? atoi(argv[3]) : 512,
               .samples = argc > 4 ? atoi(argv[4]) : 16};
    if (!realpath(argc > 1 ? argv[1] : "models/tiny-mamba", model) || z.windows < 1 || z.window < 2 || z.samples < 1) {
        fprintf(stderr, "usage: bench_sweep [MODEL-DIRECTORY [WINDOWS [WINDOW [SAMPLES]]]]\n");
        return 2;
    }
    ssmq_machine machine;
    ssmq_machine_read(&machine);
    z.model = model;
    printf("%s, %d cores; %d windows of %d tokens, %d samples of 512\n", machine.cpu, machine.cores, z.windows, z.window,
           z.samples);
    z.recipes = RECIPES;
    const meter plain = measure(&z);
    z.compare = true;
    const meter compared = measure(&z);
    print_pairing(&z, &plain, &compared);
    z.sensitivity = true;
    z.recipes = SENSITIVE;
    measure(&z);
    return 0;
}
