/* Prints what the ops of a backend reach beside the peaks of this machine:
 *   bench_kernels [backend=cpu] [isa=auto] [threads=2] [tokens=512] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/base/arena.h"
#include "harness/bench/kernels.h"

static int choice(const ssmq_option *o, const char *word)
{
    for (int i = 0; o->choices[i]; i++)
        if (strcmp(o->choices[i], word) == 0) return i;
    return -1;
}

static const char *argument(int argc, char **argv, const char *key, const char *fallback)
{
    const size_t n = strlen(key);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], key, n) == 0 && argv[i][n] == '=') return argv[i] + n + 1;
    return fallback;
}

static void print(const ssmq_bench_result *r, const ssmq_peaks *p)
{
    const double gb = r->bytes / r->median_s / 1e9, gop = r->work / r->median_s / 1e9;
    const double peak = strcmp(r->op, "linear_i8") == 0 && p->i8_all > 0 ? p->i8_all : p->fma_all;
    printf("%-10s %-26s %9.1f %9.1f %5.1f%% %8.1f %5.0f%% %8.1f %5.0f%% %7.2fx%s\n", r->op, r->shape,
           r->min_s * 1e6, r->median_s * 1e6, r->spread * 100, gb, gb / p->read_all * 100, gop,
           gop / peak * 100, r->baseline_s / r->median_s, r->cold ? " cold" : "");
}

int main(int argc, char **argv)
{
    const char             *name = argument(argc, argv, "backend", "cpu");
    const ssmq_cpu_options  o = {
         .isa = choice(&ssmq_backend_cpu.options[0], argument(argc, argv, "isa", "auto"))};
    const int32_t           threads = (int32_t)atoi(argument(argc, argv, "threads", "2"));
    const int64_t           tokens = atoi(argument(argc, argv, "tokens", "512"));
    const ssmq_backend_ops *ops = NULL;
    for (int i = 0; ssmq_backends[i]; i++)
        if (strcmp(ssmq_backends[i]->name, name) == 0) ops = ssmq_backends[i];
    if (!ops || o.isa < 0 || threads < 1 || tokens < 1) {
        fprintf(stderr, "usage: %s [backend=cpu] [isa=auto] [threads=2] [tokens=512]\n", argv[0]);
        return 2;
    }
    ssmq_backend      *be = NULL;
    ssmq_arena        *a = ssmq_arena_new();
    ssmq_peaks         peaks;
    ssmq_bench_result *r = NULL;
    int32_t            n = 0;
    ssmq_status        st = ssmq_backend_open(ops, &o, threads, &be);
    if (st == SSMQ_OK) st = ssmq_peaks_probe(be, &peaks);
    if (st == SSMQ_OK) st = ssmq_bench_kernels(be, tokens, a, &r, &n);
    if (st != SSMQ_OK) {
        fprintf(stderr, "%s\n", ssmq_error_last()->message);
    } else {
        printf("%s, backend %s, tier %s, %d threads\nread %.1f GB/s with 1 thread, %.1f with all; "
               "fp32 %.1f and %.1f GFLOP/s, int8 %.1f and %.1f GOP/s\n\n",
               be->device, be->ops->name, be->tier, (int)be->threads, peaks.read_one,
               peaks.read_all, peaks.fma_one, peaks.fma_all, peaks.i8_one, peaks.i8_all);
        printf("%-10s %-26s %9s %9s %6s %8s %6s %8s %6s %8s\n", "op", "shape", "min us", "median us",
               "spread", "GB/s", "peak", "Gop/s", "peak", "baseline");
        for (int32_t i = 0; i < n; i++) print(&r[i], &peaks);
    }
    ssmq_backend_close(be);
    ssmq_arena_free(a);
    return ssmq_status_exit(st);
}
