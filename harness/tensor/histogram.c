#include "harness/tensor/histogram.h"
#include <math.h>
#include <string.h>
#include "harness/base/assert.h"

#define MAGNITUDE 0x7fffffffu
#define NONFINITE 0x7f800000u /* the bits of infinity; those of NaN are above */

/* ---- bins ------------------------------------------------------------------------------ */

double ssmq_histogram_bin_low(int32_t bin)
{
    const int32_t exponent = bin >> 7, fraction = bin & 127;
    SSMQ_ASSERT(bin >= 0 && bin <= SSMQ_HISTOGRAM_BINS);
    return exponent == 0 ? ldexp(fraction, -126 - 7) : ldexp(128 + fraction, exponent - 127 - 7);
}

double ssmq_histogram_bin_high(int32_t bin)
{
    return ssmq_histogram_bin_low(bin + 1);
}

/* ---- counting -------------------------------------------------------------------------- */

static uint32_t bits_of(const float *x)
{
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    return bits;
}

void ssmq_count_bins(const ssmq_tensor *x, uint32_t *count)
{
    const ssmq_tensor rows = ssmq_tensor_runs(x);
    SSMQ_ASSERT(x->dtype == SSMQ_F32 && x->space == SSMQ_SPACE_HOST);
    for (int64_t i = 0; i < rows.dim[0]; i++) {
        const float *row = (const float *)rows.data + i * rows.stride[0];
        int64_t      j = 0;
        for (; j + 4 <= rows.dim[1]; j += 4) {
            count[bits_of(&row[j]) >> 16]++;
            count[bits_of(&row[j + 1]) >> 16]++;
            count[bits_of(&row[j + 2]) >> 16]++;
            count[bits_of(&row[j + 3]) >> 16]++;
        }
        for (; j < rows.dim[1]; j++) count[bits_of(&row[j]) >> 16]++;
    }
}

/* 1 for what belongs to the half: the bits of a value below zero are more than those of -0. */
static uint32_t belongs(uint32_t bits, ssmq_half half)
{
    return half == SSMQ_HALF_BOTH || (bits > ~MAGNITUDE) == (half == SSMQ_HALF_NEGATIVE);
}

/* Without a branch on the value, which would be guessed wrong every other time.  half is a constant wherever
 * this is expanded. */
static inline __attribute__((always_inline)) uint64_t count_row(ssmq_histogram *h, const float *x,
                                                                int64_t n, ssmq_half half)
{
    uint64_t counted = 0;
    for (int64_t i = 0; i < n; i++) {
        const uint32_t bits = bits_of(&x[i]), one = belongs(bits, half);
        h->count[(bits & MAGNITUDE) >> 16] += one;
        counted += one;
    }
    return counted;
}

/* The smallest and largest bits of magnitudes, which are ordered as the floats; in signed arithmetic on all
 * bits, for which even old processors have vectors. */
typedef struct extremes {
    int32_t low, high;
} extremes;

static inline __attribute__((always_inline)) extremes row_extremes(extremes e, const float *x,
                                                                   int64_t n, ssmq_half half)
{
    for (int64_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        const int32_t magnitude = bits & INT32_MAX, negative = -(bits < 0) & -(bits != INT32_MIN);
        const int32_t finite = -(magnitude < (int32_t)NONFINITE); /* all bits, or none */
        const int32_t in = half == SSMQ_HALF_BOTH       ? finite
                           : half == SSMQ_HALF_NEGATIVE ? finite & negative
                                                        : finite & ~negative;
        const int32_t low = (magnitude & in) | (~in & INT32_MAX), high = magnitude | ~in;
        e.low = low < e.low ? low : e.low;
        e.high = high > e.high ? high : e.high;
    }
    return e;
}

static void add_row(ssmq_histogram *h, const float *x, int64_t n, ssmq_half half, extremes *e)
{
    switch (half) {
    case SSMQ_HALF_BOTH:
        h->n += count_row(h, x, n, SSMQ_HALF_BOTH);
        *e = row_extremes(*e, x, n, SSMQ_HALF_BOTH);
        return;
    case SSMQ_HALF_NEGATIVE:
        h->n += count_row(h, x, n, SSMQ_HALF_NEGATIVE);
        *e = row_extremes(*e, x, n, SSMQ_HALF_NEGATIVE);
        return;
    case SSMQ_HALF_NONNEGATIVE:
        h->n += count_row(h, x, n, SSMQ_HALF_NONNEGATIVE);
        *e = row_extremes(*e, x, n, SSMQ_HALF_NONNEGATIVE);
        return;
    }
}

/* What is not finite was counted with the rest, in bins of its own. */
static void take_out_nonfinite(ssmq_histogram *h)
{
    for (int32_t i = NONFINITE >> 16; i < SSMQ_HISTOGRAM_BINS; i++) {
        h->n -= h->count[i];
        h->n_nonfinite += h->count[i];
        h->count[i] = 0;
    }
}

void ssmq_histogram_add(ssmq_histogram *h, const ssmq_tensor *x, ssmq_half half)
{
    const ssmq_tensor rows = ssmq_tensor_runs(x);
    extremes          e = {.low = INT32_MAX, .high = -1};
    SSMQ_ASSERT(x->dtype == SSMQ_F32 && x->space == SSMQ_SPACE_HOST);
    if (h->n > 0) {
        memcpy(&e.low, &h->low, sizeof e.low);
        memcpy(&e.high, &h->high, sizeof e.high);
    }
    for (int64_t i = 0; i < rows.dim[0]; i++)
        add_row(h, (const float *)rows.data + i * rows.stride[0], rows.dim[1], half, &e);
    take_out_nonfinite(h);
    if (h->n == 0) return;
    memcpy(&h->low, &e.low, sizeof h->low);
    memcpy(&h->high, &e.high, sizeof h->high);
}

void ssmq_histogram_merge(ssmq_histogram *h, const ssmq_histogram *from)
{
    for (int32_t i = 0; i < SSMQ_HISTOGRAM_BINS; i++) h->count[i] += from->count[i];
    if (from->n > 0) {
        h->low = h->n > 0 ? fminf(h->low, from->low) : from->low;
        h->high = fmaxf(h->high, from->high);
    }
    h->n += from->n;
    h->n_nonfinite += from->n_nonfinite;
}

/* ---- quantiles ------------------------------------------------------------------------- */

/* What is known of one value: where it lies, and what it is taken for. */
typedef struct known {
    double low, high, value;
} known;

/* The magnitude of rank k, from 0, in the one or two of h that are not NULL and not empty. */
static known at_rank(const ssmq_histogram *const h[2], uint64_t k)
{
    const bool            first = h[0] && h[0]->n > 0, second = h[1] && h[1]->n > 0, two = first && second;
    const ssmq_histogram *a = first ? h[0] : h[1], *b = h[1];
    const double low = two ? fmin(a->low, b->low) : a->low, high = two ? fmax(a->high, b->high) : a->high;
    if (k == 0) return (known){low, low, low};
    if (k == a->n + (two ? b->n : 0) - 1) return (known){high, high, high};
    int32_t  bin = ssmq_histogram_bin((float)low) - 1; /* the bins up to there are empty */
    uint64_t before = 0, here = 0;
    do {
        before += here;
        bin++;
        here = a->count[bin] + (two ? b->count[bin] : 0);
    } while (before + here <= k);
    known v = {fmax(low, ssmq_histogram_bin_low(bin)), fmin(high, ssmq_histogram_bin_high(bin)), 0};
    v.value = v.low + ((double)(k - before) + 0.5) / (double)here * (v.high - v.low);
    return v;
}

/* Of signed values: the negative ones come first, the largest magnitude leading. */
static known at_signed_rank(const ssmq_histogram *const h[2], uint64_t k)
{
    const uint64_t n = h[0] ? h[0]->n : 0;
    if (k >= n) return at_rank((const ssmq_histogram *const[2]){h[1], NULL}, k - n);
    const known v = at_rank((const ssmq_histogram *const[2]){h[0], NULL}, n - 1 - k);
    return (known){-v.high, -v.low, -v.value};
}

static double farthest(const known *v)
{
    return fmax(v->value - v->low, v->high - v->value);
}

static double quantile(const ssmq_histogram *const h[2], known (*at)(const ssmq_histogram *const[2], uint64_t),
                       double p, double *error)
{
    const uint64_t n = (h[0] ? h[0]->n : 0) + (h[1] ? h[1]->n : 0);
    SSMQ_ASSERT(n > 0 && p >= 0 && p <= 100);
    const double   rank = p / 100.0 * (double)(n - 1);
    const uint64_t k = (uint64_t)rank;
    const double   part = rank - (double)k;
    const known    low = at(h, k), high = at(h, k + 1 < n ? k + 1 : k);
    if (error) *error = (1 - part) * farthest(&low) + part * farthest(&high);
    return low.value + part * (high.value - low.value);
}

double ssmq_histogram_quantile(const ssmq_histogram *h, double p, double *error)
{
    return quantile((const ssmq_histogram *const[2]){h, NULL}, at_rank, p, error);
}

double ssmq_histogram_folded_quantile(const ssmq_histogram *negative, const ssmq_histogram *nonnegative,
                                      double p, double *error)
{
    return quantile((const ssmq_histogram *const[2]){negative, nonnegative}, at_rank, p, error);
}

double ssmq_histogram_signed_quantile(const ssmq_histogram *negative, const ssmq_histogram *nonnegative,
                                      double p, double *error)
{
    return quantile((const ssmq_histogram *const[2]){negative, nonnegative}, at_signed_rank, p, error);
}
