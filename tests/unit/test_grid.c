/* The loops that sort values into an even grid: each compilation against plain arithmetic. */
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

/* Where a piece is sorted, a division sorts it likewise; and most pieces are, but none with a value at the end
 * of a cell. */
static void test_cells(void **state)
{
    (void)state;
    const ssmq_grid_loops *loops[LOOPS];
    const int              n_loops = loops_of(loops);
    ssmq_rng               r;
    ssmq_rng_init(&r, 2, "grid");
    for (int k = 0; k < n_loops; k++) {
        int sorted = 0;
        for (int trial = 0; trial < 1000; trial++) {
            const float  half = (float)exp(20 * ssmq_rng_uniform(&r) - 10);
            const double low = -(double)half, width = 2 * (double)half / SSMQ_GRID_CELLS;
            float        x[SSMQ_GRID_PIECE];
            int32_t      cell[SSMQ_GRID_PIECE];
            for (int i = 0; i < SSMQ_GRID_PIECE; i++) x[i] = half * (float)(2 * ssmq_rng_uniform(&r) - 1);
            const bool at_end = trial % 2;
            if (at_end) x[trial % SSMQ_GRID_PIECE] = trial % 4 == 1 ? 0 : trial % 4 == 3 ? half : -half;
            if (!loops[k]->cells(x, low, 1 / width, cell)) continue;
            assert_false(at_end);
            sorted++;
            for (int i = 0; i < SSMQ_GRID_PIECE; i++)
                assert_int_equal(cell[i], (int32_t)(((double)x[i] - low) / width));
        }
        assert_true(sorted > 450); /* of 500: one of 2^16 values is near an end, so one piece of 1000 */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_extremes), cmocka_unit_test(test_cells)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
