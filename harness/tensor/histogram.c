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

static bool counts(uint32_t bits, ssmq_half half)
{
    const bool negative = bits > ~MAGNITUDE; /* the bits of -0 are no more */
    return half == SSMQ_HALF_BOTH || negative == (half == SSMQ_HALF_NEGATIVE);
}

/* Bits of floats of one sign are ordered as the floats. */
typedef struct extremes {
    uint32_t low, high;
} extremes;

static void add_row(ssmq_histogram *h, const float *x, int64_t n, ssmq_half half, extremes *e)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        if (!counts(bits, half)) continue;
        bits &= MAGNITUDE;
        if (bits >= NONFINITE) {
            h->n_nonfinite++;
            continue;
        }
        h->count[bits >> 16]++;
        h->n++;
        e->low = bits < e->low ? bits : e->low;
        e->high = bits > e->high ? bits : e->high;
    }
}

void ssmq_histogram_add(ssmq_histogram *h, const ssmq_tensor *x, ssmq_half half)
{
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    const float      *data = rows.data;
    extremes          e = {.low = UINT32_MAX};
    SSMQ_ASSERT(x->dtype == SSMQ_F32 && x->space == SSMQ_SPACE_HOST);
    if (h->n > 0) {
        memcpy(&e.low, &h->low, sizeof e.low);
        memcpy(&e.high, &h->high, sizeof e.high);
    }
    for (int64_t i = 0; i < rows.dim[0]; i++)
        add_row(h, data + i * rows.stride[0], rows.dim[1], half, &e);
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
