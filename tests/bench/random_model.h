/* What the benchmarks of a random model share. */
#pragma once
#define BENCH_REPEATS_MAX 200
#include "models/random.h"
#include "tests/support/steps.h"

/* The shape of this name; NULL: there is none. */
const ssmq_random_shape *bench_shape(const char *name);

/* The steps of configs/recipes/quamba.yaml. */
extern const test_step bench_quamba[];
/* The same of configs/recipes/w4a16.yaml. */
extern const test_step bench_w4a16[];

/* Runs with a folder that holds a random model of a shape, below TMPDIR, and removes it.  The exit status of the
 * program: 0; 1, once the error is printed; 5 where no folder can be made. */
int bench_with_model(const ssmq_random_shape *shape, ssmq_status (*run)(void *context, const char *folder),
                     void *context);

/* Sorts v (n) and returns its median, the upper one of two. */
double bench_median(double *v, int n);

/* The ratios of each turn to the base of the same turn, which saw the same load of the machine: clock is "wall" or
 * "cpu", all in seconds [n]. */
void bench_print_ratios(const char *clock, const char *name, const double *seconds, const double *base, int n);
