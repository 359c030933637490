/* Every Hadamard matrix, entry by entry, against Appendix A of quant/quamba-spec.md written down a second
 * time, and the transform against the product with H_K (x) Sylvester. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/tensor/hadamard.h"
#include "tests/support/check.h"

/* chi_q(a) by Euler's criterion: a^((q - 1) / 2) modulo q is 1 for squares, q - 1 for others. */
static int chi(int a, int q)
{
    int power = 1;
    a = (a % q + q) % q;
    if (a == 0) return 0;
    for (int i = 0; i < (q - 1) / 2; i++) power = power * a % q;
    return power == 1 ? 1 : -1;
}

static int paley_one(int n, int i, int j)
{
    if (i == 0 && j == 0) return 1;
    if (i == 0) return -1;
    if (j == 0 || i == j) return 1;
    return chi(i - j, n - 1);
}

static int paley_two(int n, int i, int j)
{
    const int half = n / 2, r = i % half, c = j % half;
    const int conference = r == c ? 0 : r == 0 || c == 0 ? 1 : chi(r - c, half - 1), one = r == c;
    if (i < half && j < half) return conference + one;
    if (i >= half && j >= half) return -conference - one;
    return conference - one;
}

static int doubled(int n, int i, int j)
{
    const int half = n / 2;
    return (i >= half && j >= half ? -1 : 1) * paley_one(half, i % half, j % half);
}

/* The first rows of A, B, C and D, out of the row of the appendix's last table that begins with n; they lie
 * one behind the other. */
static void read_blocks(int n, char *first)
{
    char  line[512], begin[16];
    FILE *f = fopen("quant/quamba-spec.md", "r");
    assert_non_null(f);
    snprintf(begin, sizeof begin, "| %d | `", n);
    *first = 0;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, begin, strlen(begin)) != 0) continue;
        for (char *at = strtok(line, "|` \n"); at; at = strtok(NULL, "|` \n"))
            if (*at == '+' || *at == '-') strcat(first, at);
    }
    fclose(f);
    assert_int_equal(strlen(first), n);
}

static int williamson(int n, int i, int j)
{
    static const char *const array[] = {"+A+B+C+D", "-B+A-D+C", "-C+D+A-B", "-D-C+B+A"};
    static int               at;
    static char              first[512];
    if (at != n) read_blocks(at = n, first);
    const int   m = n / 4;
    const char *cell = array[i / m] + 2 * (j / m);
    const int   shifted = (j % m + m - i % m) % m;
    return (cell[0] == '+' ? 1 : -1) * (first[(cell[1] - 'A') * m + shifted] == '+' ? 1 : -1);
}

static int one(int n, int i, int j)
{
    (void)n, (void)i, (void)j;
    return 1;
}

static const struct {
    int32_t factor;
    int (*entry)(int n, int i, int j);
} matrices[] = {{1, one},         {12, paley_one},  {20, paley_one},   {28, paley_two},
                {36, paley_two},  {40, doubled},    {52, williamson},  {60, paley_one},
                {108, paley_one}, {140, paley_one}, {156, williamson}, {172, williamson}};
#define MATRICES (sizeof matrices / sizeof *matrices)

static void test_matrices(void **state)
{
    (void)state;
    for (size_t m = 0; m < MATRICES; m++) {
        const int32_t n = matrices[m].factor;
        ssmq_hadamard h;
        CHECK_OK(ssmq_hadamard_find(n, &h));
        assert_int_equal(h.factor, n);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                if (h.matrix[i * n + j] != matrices[m].entry(n, i, j))
                    fail_msg("H_%d[%d][%d] is %d", n, i, j, h.matrix[i * n + j]);
    }
}

/* (H_K (x) Sylvester)[i][j] / sqrt(n): of unit vectors only the product with the factor is rounded. */
static void test_transform(void **state)
{
    (void)state;
    for (size_t m = 0; m < MATRICES; m++)
        for (int rest = 1; rest <= 8; rest *= 2) {
            const int     K = matrices[m].factor, n = K * rest;
            const float   size = (float)(1 / sqrt(n));
            ssmq_hadamard h;
            float         x[8 * SSMQ_HADAMARD_FACTOR_MAX], scratch[8 * SSMQ_HADAMARD_FACTOR_MAX];
            CHECK_OK(ssmq_hadamard_find(n, &h));
            if (K == 20 && rest > 1) continue; /* they are 40 times a power of two: test_factors */
            assert_int_equal(h.factor, K);
            for (int j = 0; j < n; j++) {
                memset(x, 0, sizeof x);
                x[j] = 1;
                ssmq_hadamard_apply(&h, x, scratch);
                for (int i = 0; i < n; i++) {
                    const int sign = __builtin_popcount((unsigned)(i % rest & j % rest)) % 2 ? -1 : 1;
                    const int want = sign * matrices[m].entry(K, i / rest, j / rest);
                    if (x[i] != (float)want * size)
                        fail_msg("%d: entry [%d][%d] is %g", n, i, j, (double)x[i]);
                }
            }
        }
}

/* The rows of the 12 x 12 matrix that the appendix prints. */
static void test_printed_rows(void **state)
{
    (void)state;
    static const char *const rows[] = {"+-----------", "++-+---+++-+", "+++-+---+++-"};
    ssmq_hadamard            h;
    CHECK_OK(ssmq_hadamard_find(1536, &h));
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 12; c++) assert_int_equal(h.matrix[r * 12 + c], rows[r][c] == '+' ? 1 : -1);
}

/* The matrix of a transform, column by column. */
static float *matrix_of(const ssmq_hadamard *h)
{
    const int64_t n = h->n;
    float        *m = calloc((size_t)(n * n), sizeof *m), *scratch = malloc((size_t)n * sizeof *m);
    for (int64_t c = 0; c < n; c++) {
        m[c * n + c] = 1;
        ssmq_hadamard_apply(h, m + c * n, scratch);
    }
    free(scratch);
    return m;
}

static void test_is_orthonormal(void **state)
{
    (void)state;
    static const int32_t sizes[] = {1,   2,  64,  12, 24,  96,  20,  80,  28,  56,  36,  72,  40, 160,
                                    384, 52, 104, 60, 120, 108, 216, 140, 280, 156, 312, 172, 344};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        ssmq_hadamard h;
        CHECK_OK(ssmq_hadamard_find(sizes[s], &h));
        const int64_t n = h.n;
        float        *m = matrix_of(&h);
        for (int64_t i = 0; i < n * n; i++) /* every entry is +1 or -1 over sqrt(n) */
            assert_true(fabs(fabs((double)m[i]) * sqrt((double)n) - 1) < 1e-6);
        for (int64_t a = 0; a < n; a++)
            for (int64_t b = 0; b <= a; b++) {
                double dot = 0;
                for (int64_t i = 0; i < n; i++) dot += (double)m[a * n + i] * (double)m[b * n + i];
                assert_true(fabs(dot - (a == b)) < 1e-5);
            }
        free(m);
    }
}

/* Where two factors leave a power of two the first in the order of quamba-spec.md, 2.8, is taken; models'
 * sizes. */
static void test_factors(void **state)
{
    static const int32_t sizes[][2] = {{20, 20},   {40, 40},  {80, 40},   {320, 40}, {1536, 12}, {2048, 1},
                                       {3072, 12}, {4096, 1}, {5120, 40}, {8192, 1}, {2560, 40}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ssmq_hadamard h;
        CHECK_OK(ssmq_hadamard_find(sizes[i][0], &h));
        assert_int_equal(h.factor, sizes[i][1]);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const int64_t none[] = {0, -4, 3, 6, 44, 100, 51, 344 * 3};
    ssmq_hadamard        h;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(ssmq_hadamard_find(none[i], &h), SSMQ_ERR_UNSUPPORTED);
    CHECK_FAILS(ssmq_hadamard_find(44, &h), SSMQ_ERR_UNSUPPORTED,
                "there is no Hadamard matrix here for dimension 44 (known: 2^k and 12, 20, 28, 36, "
                "40, 52, 60, 108, 140, 156 and 172 times 2^k)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrices),     cmocka_unit_test(test_transform),
        cmocka_unit_test(test_printed_rows), cmocka_unit_test(test_is_orthonormal),
        cmocka_unit_test(test_factors),      cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
