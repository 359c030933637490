/* With R upper triangular and a = R R^T, a Cholesky factorisation begun at the last row, U = R^-1 is what is
 * asked for: U^T U = (R R^T)^-1.  One factorisation and one inversion, where the inverse of a and its
 * Cholesky factor would take three of their size. */
#include "quant/solve/cholesky.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LANES 8 /* partial sums, so that the order of additions is the code's, not the compiler's */

static double dot(const double *x, const double *y, int64_t n)
{
    double  s[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) s[k] += x[i + k] * y[i + k];
    for (; i < n; i++) s[0] += x[i] * y[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

/* a = R R^T: R_ij = (a_ij - sum over k > j of R_ik R_jk) / R_jj, the last column first. */
static ssmq_status factor(double *a, int64_t n)
{
    for (int64_t j = n - 1; j >= 0; j--) {
        const double *row = a + j * n + j + 1;
        const int64_t after = n - j - 1;
        const double  square = a[j * n + j] - dot(row, row, after);
        /* A square this far below its term is rounding: there is no digit of it left. */
        if (!(square > 1e-15 * a[j * n + j]) || !isfinite(square))
            return SSMQ_FAIL(NUMERIC, "a matrix is not positive definite at row %" PRId64 " of %" PRId64,
                             j, n);
        const double diagonal = sqrt(square);
        a[j * n + j] = diagonal;
        for (int64_t i = 0; i < j; i++)
            a[i * n + j] = (a[i * n + j] - dot(a + i * n + j + 1, row, after)) / diagonal;
    }
    return SSMQ_OK;
}

/* R to its inverse, the last row first: row i of U is (e_i - sum over k > i of R_ik U_k) / R_ii. */
static void invert(double *a, int64_t n, double *row)
{
    for (int64_t i = n - 1; i >= 0; i--) {
        double *out = a + i * n;
        memcpy(row, out, (size_t)n * sizeof *row);
        memset(out, 0, (size_t)n * sizeof *out);
        for (int64_t k = i + 1; k < n; k++) {
            const double *u = a + k * n;
            for (int64_t j = k; j < n; j++) out[j] -= row[k] * u[j];
        }
        for (int64_t j = i + 1; j < n; j++) out[j] /= row[i];
        out[i] = 1 / row[i];
    }
}

ssmq_status ssmq_inverse_factor(double *a, int64_t n)
{
    SSMQ_TRY(factor(a, n));
    double *row = malloc((size_t)n * sizeof *row);
    if (!row) return SSMQ_FAIL(MEMORY, "no memory for a row of %" PRId64, n);
    invert(a, n, row);
    free(row);
    return SSMQ_OK;
}
