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

/* The smallest and largest bits of magnitudes, which are ordered as the floats, and signed, for which
 * even old processors have vector comparisons. */
typedef struct extremes {
    int32_t low, high;
} extremes;

static inline __attribute__((always_inline)) extremes row_extremes(extremes e, const float *x,
                                                                   int64_t n, ssmq_half half)
{
    for (int64_t i = 0; i < n; i++) {
        const uint32_t bits = bits_of(&x[i]);
        const bool     in = (bits & MAGNITUDE) < NONFINITE && belongs(bits, half);
        const int32_t  magnitude = (int32_t)(bits & MAGNITUDE);
        const int32_t  low = in ? magnitude : INT32_MAX, high = in ? magnitude : -1;
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
    const ssmq_tensor rows = ssmq_tensor_rows(x);
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

/* The magnitude of rank k, from 0. */
static known at_rank(const ssmq_histogram *h, uint64_t k)
{
    const double low = h->low, high = h->high;
    if (k == 0) return (known){low, low, low};
    if (k == h->n - 1) return (known){high, high, high};
    int32_t  bin = 0;
    uint64_t before = 0;
    while (before + h->count[bin] <= k) before += h->count[bin++];
    known v = {fmax(low, ssmq_histogram_bin_low(bin)), fmin(high, ssmq_histogram_bin_high(bin)), 0};
    const double place = ((double)(k - before) + 0.5) / (double)h->count[bin];
    v.value = v.low + place * (v.high - v.low);
    return v;
}

static known at_signed_rank(const ssmq_histogram *negative, const ssmq_histogram *nonnegative, uint64_t k)
{
    const uint64_t n = negative ? negative->n : 0;
    if (k >= n) return at_rank(nonnegative, k - n);
    const known v = at_rank(negative, n - 1 - k);
    return (known){-v.high, -v.low, -v.value};
}

static double farthest(const known *v)
{
    return fmax(v->value - v->low, v->high - v->value);
}

double ssmq_histogram_signed_quantile(const ssmq_histogram *negative, const ssmq_histogram *nonnegative,
                                      double p, double *error)
{
    const uint64_t n = (negative ? negative->n : 0) + nonnegative->n;
    SSMQ_ASSERT(n > 0 && p >= 0 && p <= 100);
    const double   rank = p / 100.0 * (double)(n - 1);
    const uint64_t k = (uint64_t)rank;
    const double   part = rank - (double)k;
    const known    low = at_signed_rank(negative, nonnegative, k);
    const known    high = at_signed_rank(negative, nonnegative, k + 1 < n ? k + 1 : k);
    if (error) *error = (1 - part) * farthest(&low) + part * farthest(&high);
    return low.value + part * (high.value - low.value);
}

double ssmq_histogram_quantile(const ssmq_histogram *h, double p, double *error)
{
    return ssmq_histogram_signed_quantile(NULL, h, p, error);
}
