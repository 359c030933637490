#include "harness/tensor/hadamard.h"
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define PRIME_MAX 139

/* chi[a], 0 <= a < q: 0 for a = 0, +1 where a is a square modulo the prime q, else -1. */
static void characters(int8_t *chi, int32_t q)
{
    for (int32_t a = 0; a < q; a++) chi[a] = -1;
    for (int32_t a = 0; a < q; a++) chi[a * a % q] = 1;
    chi[0] = 0;
}

static int8_t character(const int8_t *chi, int32_t a, int32_t q)
{
    return chi[(a % q + q) % q];
}

/* Paley I of order q + 1, q = 3 mod 4. */
static void paley_one(int8_t *h, int32_t q)
{
    const int32_t n = q + 1;
    int8_t        chi[PRIME_MAX];
    characters(chi, q);
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < n; j++)
            h[i * n + j] = i == 0   ? (j == 0 ? 1 : -1)
                           : j == 0 ? 1
                           : i == j ? 1
                                    : character(chi, i - j, q);
}

/* Symmetric conference matrix of order q + 1, q = 1 mod 4. */
static int8_t conference(const int8_t *chi, int32_t i, int32_t j, int32_t q)
{
    if (i == j) return 0;
    if (i == 0 || j == 0) return 1;
    return character(chi, i - j, q);
}

/* Paley II of order 2 (q + 1): [[C + I, C - I], [C - I, -C - I]]. */
static void paley_two(int8_t *h, int32_t q)
{
    const int32_t m = q + 1, n = 2 * m;
    int8_t        chi[PRIME_MAX];
    characters(chi, q);
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < n; j++) {
            const int32_t r = i % m, c = j % m;
            const int8_t  conf = conference(chi, r, c, q), one = r == c;
            const bool    low = i >= m, right = j >= m;
            h[i * n + j] = (int8_t)(low && right ? -conf - one : low || right ? conf - one : conf + one);
        }
}

/* [[P, P], [P, -P]] of twice the order m of p. */
static void doubled(int8_t *h, const int8_t *p, int32_t m)
{
    const int32_t n = 2 * m;
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < n; j++) {
            const int8_t v = p[i % m * m + j % m];
            h[i * n + j] = i >= m && j >= m ? (int8_t)-v : v;
        }
}

/* The first rows of the circulant blocks A, B, C and D of order m; row i is the first one shifted right by i. */
typedef struct blocks {
    int32_t     m;
    const char *first[4];
} blocks;

static const blocks williamson_52 = {
    13, {"+-+--++++--+-", "+---++++++---", "++-+--++--+-+", "+----+--+----"}};
static const blocks williamson_156 = {
    39,
    {"+++--+-+-----+--++----++--+-----+-+--++", "++++---+--++----+-+--+-+----++--+---+++",
     "+++--++-+---+-+--+----+--+-+---+-++--++", "+---++-+-+-----+++-++-+++-----+-+-++---"}};
static const blocks williamson_172 = {
    43,
    {"+---++--++++-+-+++-++--++-+++-+-++++--++---", "++-++++++----+-+--++-++-++--+-+----++++++-+",
     "+++-+-++--+-+-++++-+----+-++++-+-+--++-+-++", "++---++++-+--+--++--------++--+--+-++++---+"}};

/* [[A, B, C, D], [-B, A, -D, C], [-C, D, A, -B], [-D, -C, B, A]]. */
static void williamson(int8_t *h, const blocks *b)
{
    static const int8_t array[4][4] = {{1, 2, 3, 4}, {-2, 1, -4, 3}, {-3, 4, 1, -2}, {-4, -3, 2, 1}};
    const int32_t       m = b->m, n = 4 * m;
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < n; j++) {
            const int8_t which = array[i / m][j / m];
            const char   entry = b->first[(which < 0 ? -which : which) - 1][(j % m - i % m + m) % m];
            h[i * n + j] = (entry == '+') == (which > 0) ? 1 : -1;
        }
}

static void fill(int8_t *h, int32_t factor)
{
    int8_t p[20 * 20];
    switch (factor) {
    case 12:
    case 20:
    case 60:
    case 108:
    case 140: paley_one(h, factor - 1); return;
    case 28:
    case 36: paley_two(h, factor / 2 - 1); return;
    case 40:
        paley_one(p, 19);
        doubled(h, p, 20);
        return;
    case 52: williamson(h, &williamson_52); return;
    case 156: williamson(h, &williamson_156); return;
    case 172: williamson(h, &williamson_172); return;
    default: h[0] = 1;
    }
}

ssmq_status ssmq_hadamard_find(int64_t n, ssmq_hadamard *out)
{
    static const int32_t factors[] = {172, 156, 140, 108, 60, 52, 36, 28, 40, 20, 12, 1};
    for (size_t i = 0; n > 0 && i < sizeof factors / sizeof *factors; i++) {
        const int64_t rest = n / factors[i];
        if (n % factors[i] || (rest & (rest - 1))) continue;
        memset(out, 0, sizeof *out);
        out->n = n;
        out->factor = factors[i];
        fill(out->matrix, factors[i]);
        return SSMQ_OK;
    }
    return SSMQ_FAIL(UNSUPPORTED,
                     "there is no Hadamard matrix here for dimension %" PRId64
                     " (known: 2^k and 12, 20, 28, 36, 40, 52, 60, 108, 140, 156 and 172 times 2^k)",
                     n);
}

/* Natural-order Walsh-Hadamard transform of n = 2^m values, not normalised. */
static void walsh(float *x, int64_t n)
{
    for (int64_t half = 1; half < n; half *= 2)
        for (int64_t i = 0; i < n; i += 2 * half)
            for (int64_t j = i; j < i + half; j++) {
                const float a = x[j], b = x[j + half];
                x[j] = a + b;
                x[j + half] = a - b;
            }
}

void ssmq_hadamard_apply(const ssmq_hadamard *h, float *x, float *scratch)
{
    const int32_t k = h->factor;
    const int64_t row = h->n / k;
    for (int32_t i = 0; i < k; i++) walsh(x + i * row, row);
    memcpy(scratch, x, (size_t)h->n * sizeof *x);
    const float norm = (float)(1.0 / sqrt((double)h->n));
    for (int32_t i = 0; i < k; i++)
        for (int64_t j = 0; j < row; j++) {
            float sum = 0;
            for (int32_t c = 0; c < k; c++) sum += (float)h->matrix[i * k + c] * scratch[c * row + j];
            x[i * row + j] = sum * norm;
        }
}
