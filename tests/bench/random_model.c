#include "tests/bench/random_model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "quant/methods.h"

const test_step bench_quamba[] = {
    {&ssmq_method_hadamard, NULL},
    {&ssmq_method_weights, NULL},
    {&ssmq_method_activations, NULL},
    {&ssmq_method_activations,
     "{sites: 'layers.*.scan.x', observer: {statistic: quantile, p: 99.999, across: ema}}"},
    {NULL, NULL},
};

const test_step bench_w4a16[] = {
    {&ssmq_method_weights, "{sites: 'layers.*.dt_proj.weight', bits: 4, scope: channel}"},
    {&ssmq_method_weights,
     "{sites: 'layers.*.{in_proj,x_proj,out_proj}.weight', bits: 4, scope: group, group: 64}"},
    {NULL, NULL},
};

const ssmq_random_shape *bench_shape(const char *name)
{
    const ssmq_random_shape *s = ssmq_random_shapes;
    while (s->name && strcmp(s->name, name) != 0) s++;
    return s->name ? s : NULL;
}

static int failed(ssmq_status st)
{
    if (st != SSMQ_OK) fprintf(stderr, "error: %s\n", ssmq_error_last()->message);
    return st != SSMQ_OK;
}

int bench_with_model(const ssmq_random_shape *shape, ssmq_status (*run)(void *context, const char *folder),
                     void *context)
{
    static const char *const files[] = {"config.json", "model.safetensors"};
    const char              *base = getenv("TMPDIR");
    char                     folder[128], path[160];
    snprintf(folder, sizeof folder, "%.90s/ssmq-bench-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder)) return 5;
    const int status = failed(ssmq_random_mamba(folder, shape, 1)) || failed(run(context, folder));
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
    return status;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[n / 2];
}

void bench_print_ratios(const char *clock, const char *name, const double *seconds, const double *base, int n)
{
    double ratio[BENCH_REPEATS_MAX], copy[BENCH_REPEATS_MAX];
    for (int i = 0; i < n; i++) ratio[i] = seconds[i] / base[i];
    memcpy(copy, seconds, (size_t)n * sizeof *copy);
    const double middle = bench_median(ratio, n);
    printf("%-5s %-52s median %7.3f s, ratio to prefill: median %.3f (best %.3f, worst %.3f)\n", clock, name,
           bench_median(copy, n), middle, ratio[0], ratio[n - 1]);
}
