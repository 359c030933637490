/* The loops that sort values into an even grid: each compilation against plain arithmetic. */
#include <float.h>
#include <math.h>
#include <string.h>
#include "harness/base/rng.h"
#include "harness/tensor/grid.h"
#include "tests/support/check.h"

enum { LOOPS = 3 };

/* Those that were compiled and that this processor runs. */
static int loops_of(const ssmq_grid_loops *out[LOOPS])
{
    const ssmq_grid_loops *best = ssmq_grid_loops_best();
    int                    n = 0;
    out[n++] = &ssmq_grid_loops_c;
    if (best != &ssmq_grid_loops_c) out[n++] = best;
    if (best == ssmq_grid_loops_avx512 && ssmq_grid_loops_avx2) out[n++] = ssmq_grid_loops_avx2;
    return n;
}

static int32_t bits_of(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static void test_extremes(void **state)
{
    (void)state;
    const ssmq_grid_loops *loops[LOOPS];
    const int              n_loops = loops_of(loops);
    float                  x[101];
    ssmq_rng               r;
    ssmq_rng_init(&r, 1, "grid");
    for (int trial = 0; trial < 200; trial++) {
        const int n = 1 + (int)ssmq_rng_below(&r, 101);
        float     low = 0, high = 0;
        for (int i = 0; i < n; i++) {
            x[i] = (float)(ssmq_rng_uniform(&r) - (trial % 3) / 2.0); /* of one sign, or of both */
            if (trial % 5 == 0) x[i] = i % 2 ? 0.0f : -0.0f;
            low = fminf(low, x[i]);
            high = fmaxf(high, x[i]);
        }
        for (int k = 0; k < n_loops; k++) {
            int32_t above = 0, below = 0;
            loops[k]->extremes(x, n, &above, &below);
            assert_int_equal(above, bits_of(fabsf(high)));
            assert_int_equal(below, bits_of(fabsf(low)));
        }
    }
}

/* A division sorts them likewise, wherever they lie: at random, at the ends of cells and next to them, at the ends of the
 * range; the others are the rest, in order.  Returns how many are sorted. */
static int check_cells(const ssmq_grid_loops *loops, ssmq_rng *r, float low, float high, int kind)
{
    const ssmq_grid g = ssmq_grid_of(low, high);
    float           x[SSMQ_GRID_PIECE];
    float           rest[SSMQ_GRID_PIECE + 16];
    int32_t         cell[SSMQ_GRID_PIECE];
    for (int i = 0; i < SSMQ_GRID_PIECE; i++) {
        const double at = kind == 0   ? SSMQ_GRID_CELLS * ssmq_rng_uniform(r)
                          : kind == 1 ? (double)ssmq_rng_below(r, SSMQ_GRID_CELLS + 1)
                                      : SSMQ_GRID_CELLS * (double)(i % 2);
        const float end = (float)((double)low + at * g.width);
        const float v = kind == 1 && i % 3 > 0 ? nextafterf(end, i % 3 == 1 ? low : high) : end;
        x[i] = fminf(fmaxf(v, low), high);
        if (kind == 2 && i % 8 == 0 && low < 0) x[i] = i % 16 ? 0.0f : -0.0f;
    }
    const int n_rest = loops->cells(x, &g, cell, rest);
    int       passed = 0;
    for (int i = 0; i < SSMQ_GRID_PIECE; i++) {
        const double  at = ((double)x[i] - (double)low) / g.width;
        const int32_t want = at < SSMQ_GRID_CELLS - 1 ? (int32_t)at : SSMQ_GRID_CELLS - 1;
        assert_int_equal(ssmq_grid_cell(&g, x[i]), want);
        if (cell[i] == SSMQ_GRID_CELLS) assert_memory_equal(&rest[passed++], &x[i], sizeof *x);
        else assert_int_equal(cell[i], want);
    }
    assert_int_equal(passed, n_rest);
    return SSMQ_GRID_PIECE - n_rest;
}

static void test_cells(void **state)
{
    (void)state;
    const ssmq_grid_loops *loops[LOOPS];
    const int              n_loops = loops_of(loops);
    ssmq_rng               r;
    ssmq_rng_init(&r, 2, "grid");
    for (int k = 0; k < n_loops; k++) {
        int sorted = 0;
        for (int trial = 0; trial < 3000; trial++) {
            const float high = (float)exp(20 * ssmq_rng_uniform(&r) - 10);
            const float low = trial % 5 == 0 ? 0 : trial % 5 == 1 ? -high * (float)ssmq_rng_uniform(&r) : -high;
            const int n = check_cells(loops[k], &r, low, high, trial % 3);
            if (trial % 3 == 0) sorted += n;
        }
        assert_true(sorted > 1000 * SSMQ_GRID_PIECE * 98 / 100); /* at random, 4 of 1024 are near an end */
        for (int kind = 0; kind < 3; kind++) { /* where floats do not reach */
            check_cells(loops[k], &r, -FLT_MAX, FLT_MAX, kind);
            check_cells(loops[k], &r, -1e-44f, 3e-44f, kind);
            check_cells(loops[k], &r, 0, 1e-30f, kind);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_extremes), cmocka_unit_test(test_cells)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
