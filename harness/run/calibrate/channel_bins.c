#include "harness/run/calibrate/channel_bins.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"

#define SHIFT SSMQ_CHANNEL_SHIFT
#define PER_OCTAVE 8
#define ABOVE 2 /* octaves that a later sample may exceed the first one by before the window moves */
#define NONFINITE 0x7f800000u

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

int64_t ssmq_channel_bins_bytes(int64_t channels)
{
    return channels * (2 * SSMQ_CHANNEL_OCTAVES * PER_OCTAVE + 1) * (int64_t)sizeof(uint32_t);
}

/* ---- the window ------------------------------------------------------------------------ */

/* The first bin above the window. */
static int32_t end_of(const ssmq_channel_bins *b)
{
    return b->base + b->wide;
}

static ssmq_status widen(ssmq_channel_bins *b, int32_t wide)
{
    const int64_t old = ssmq_channel_bins_stride(b), now = 2 * (int64_t)wide + 1;
    uint32_t     *count = calloc((size_t)(b->channels * now), sizeof *count);
    if (!count)
        return SSMQ_FAIL(MEMORY, "no memory for the histograms of %lld channels", (long long)b->channels);
    for (int64_t c = 0; b->count && c < b->channels; c++)
        memcpy(count + c * now + (wide - b->wide), b->count + c * old, (size_t)old * sizeof *count);
    free(b->count);
    b->count = count;
    b->wide = wide;
    return SSMQ_OK;
}

bool ssmq_channel_bins_holds(const ssmq_channel_bins *b, float absmax)
{
    return absmax == 0 || (b->count && (int32_t)(bits_of(absmax) >> SHIFT) < end_of(b));
}

ssmq_status ssmq_channel_bins_reach(ssmq_channel_bins *b, float absmax)
{
    const int32_t bin = (int32_t)(bits_of(absmax) >> SHIFT);
    SSMQ_ASSERT(bin < (int32_t)(NONFINITE >> SHIFT));
    if (ssmq_channel_bins_holds(b, absmax)) return SSMQ_OK;
    const int32_t last = (int32_t)(NONFINITE >> SHIFT), octave = bin / PER_OCTAVE + 1 + ABOVE;
    const int32_t end = octave * PER_OCTAVE < last ? octave * PER_OCTAVE : last;
    if (!b->count) {
        const int32_t base = end - SSMQ_CHANNEL_OCTAVES * PER_OCTAVE;
        b->base = base > PER_OCTAVE ? base : PER_OCTAVE; /* no bins for what is not normalised */
    }
    return widen(b, end - b->base);
}

void ssmq_channel_bins_free(ssmq_channel_bins *b)
{
    free(b->count);
    *b = (ssmq_channel_bins){0};
}

/* ---- counting -------------------------------------------------------------------------- */

void ssmq_channel_bins_add(ssmq_channel_bins *b, int64_t first, int64_t lanes, const float *x, int64_t n)
{
    if (!b->count) return; /* zeros: what is in no bin is taken for small */
    for (int64_t i = 0; i < n; i++)
        for (int64_t l = 0; l < lanes; l++) {
            uint32_t *const middle = b->count + (first + l) * ssmq_channel_bins_stride(b) + b->wide;
            middle[ssmq_channel_bin(b, x[i * SSMQ_CHANNEL_LANES + l])]++;
        }
}

/* ---- quantiles ------------------------------------------------------------------------- */

/* The smallest magnitude of a bin, counted from base. */
static double magnitude_of(const ssmq_channel_bins *b, int32_t bin)
{
    const uint32_t bits = (uint32_t)(b->base + bin) << SHIFT;
    float          x;
    if (bits >= NONFINITE) return 0x1p128;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

/* The ends of bin at, 0 .. 2 * wide, cut to [low, high]. */
static void ends_of(const ssmq_channel_bins *b, int32_t at, double low, double high, double end[2])
{
    const int32_t k = at - b->wide; /* below 0: negative */
    if (k == 0) {
        end[1] = b->wide > 0 ? magnitude_of(b, 0) : 0;
        end[0] = -end[1];
    } else {
        const double inner = magnitude_of(b, abs(k) - 1), outer = magnitude_of(b, abs(k));
        end[0] = k > 0 ? inner : -outer;
        end[1] = k > 0 ? outer : -inner;
    }
    end[0] = fmax(end[0], low);
    end[1] = fmin(end[1], high);
}

/* Where a walk over the bins of one channel, from below, stands. */
typedef struct walk {
    const ssmq_channel_bins *b;
    const uint32_t          *count; /* of the channel; NULL: zeros only */
    uint64_t                 n, middle; /* all values; those in the bin around zero */
    double                   low, high;
    int32_t                  at;
    uint64_t                 before; /* values in the bins below at */
} walk;

static uint64_t in_bin(const walk *w)
{
    return !w->count || w->at == w->b->wide ? w->middle : w->count[w->at];
}

/* A value, and between which two it lies for certain. */
typedef struct guess {
    double value, low, high;
} guess;

/* The value of rank k; ranks are asked for in ascending order. */
static guess at_rank(walk *w, uint64_t k)
{
    double end[2];
    if (k == 0) return (guess){w->low, w->low, w->low};
    if (k == w->n - 1) return (guess){w->high, w->high, w->high};
    while (w->before + in_bin(w) <= k) {
        w->before += in_bin(w);
        w->at++;
    }
    ends_of(w->b, w->at, w->low, w->high, end);
    const double place = ((double)(k - w->before) + 0.5) / (double)in_bin(w);
    return (guess){end[0] + place * (end[1] - end[0]), end[0], end[1]};
}

static double between(double a, double b, double part)
{
    return a + part * (b - a);
}

/* At most so far is a number of [low, high] from x; rounded up. */
static float farthest(double low, double high, float x)
{
    const double most = fmax(high - (double)x, (double)x - low);
    const float  error = (float)most;
    return (double)error < most ? nextafterf(error, INFINITY) : error;
}

static walk walk_of(const ssmq_channel_bins *b, int64_t channel, uint64_t n, float low, float high)
{
    walk w = {.b = b, .n = n, .middle = n, .low = (double)low, .high = (double)high};
    if (!b->count) return w;
    w.count = b->count + channel * ssmq_channel_bins_stride(b);
    for (int32_t i = 0; i < ssmq_channel_bins_stride(b); i++)
        if (i != b->wide) w.middle -= w.count[i];
    return w;
}

void ssmq_channel_bins_quantiles(const ssmq_channel_bins *b, int64_t channel, uint64_t n, float low,
                                 float high, const double *p, int32_t n_p, float *out, float *error)
{
    walk w = walk_of(b, channel, n, low, high);
    for (int32_t i = 0; i < n_p; i++) {
        out[i] = error[i] = NAN;
        if (n == 0) continue;
        const double   rank = p[i] / 100.0 * (double)(n - 1);
        const uint64_t k = (uint64_t)rank;
        const double   part = rank - (double)k;
        const guess    here = at_rank(&w, k);
        walk           ahead = w; /* the neighbour may lie beyond the next rank asked for */
        const guess    next = k + 1 < n ? at_rank(&ahead, k + 1) : here;
        out[i] = (float)between(here.value, next.value, part);
        error[i] = farthest(between(here.low, next.low, part), between(here.high, next.high, part), out[i]);
    }
}
