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

int64_t ssmq_channel_bins_bytes(int64_t channels, int64_t values)
{
    const int64_t each = (int64_t)sizeof(uint16_t) + (values > UINT16_MAX ? (int64_t)sizeof(uint32_t) : 0);
    return channels * (2 * SSMQ_CHANNEL_OCTAVES * PER_OCTAVE + 1) * each;
}

/* ---- the window ------------------------------------------------------------------------ */

/* The first bin above the window. */
static int32_t end_of(const ssmq_channel_bins *b)
{
    return b->base + b->wide;
}

static ssmq_status no_memory(const ssmq_channel_bins *b)
{
    return SSMQ_FAIL(MEMORY, "no memory for the histograms of %lld channels", (long long)b->channels);
}

/* A table of counts, size bytes each, with the bins of another one in the middle, which is freed. */
static void *widened(const ssmq_channel_bins *b, void *table, size_t size, int32_t wide)
{
    const int64_t old = ssmq_channel_bins_stride(b), now = 2 * (int64_t)wide + 1;
    char         *to = calloc((size_t)(b->channels * now), size);
    for (int64_t c = 0; to && table && c < b->channels; c++)
        memcpy(to + (size_t)(c * now + wide - b->wide) * size, (char *)table + (size_t)(c * old) * size,
               (size_t)old * size);
    if (to) free(table);
    return to;
}

static ssmq_status widen(ssmq_channel_bins *b, int32_t wide)
{
    if (!b->pending) b->pending = calloc((size_t)ssmq_channel_bins_groups(b), sizeof *b->pending);
    if (!b->moved) b->moved = calloc((size_t)ssmq_channel_bins_groups(b), sizeof *b->moved);
    uint32_t *count = b->count ? widened(b, b->count, sizeof *count, wide) : NULL;
    if (!b->pending || !b->moved || (b->count && !count)) return no_memory(b);
    b->count = count;
    uint16_t *recent = widened(b, b->recent, sizeof *recent, wide);
    if (!recent) return no_memory(b); /* and b is of no more use */
    b->recent = recent;
    b->wide = wide;
    return SSMQ_OK;
}

ssmq_status ssmq_channel_bins_expect(ssmq_channel_bins *b, int64_t values)
{
    b->total += values;
    if (b->total <= UINT16_MAX || b->count || !b->recent) return SSMQ_OK;
    b->count = calloc((size_t)(b->channels * ssmq_channel_bins_stride(b)), sizeof *b->count);
    return b->count ? SSMQ_OK : no_memory(b);
}

ssmq_status ssmq_channel_bins_reopen(ssmq_channel_bins *b, int32_t base, int32_t wide, int64_t total)
{
    b->base = base;
    b->total = total;
    if (wide == 0) return SSMQ_OK;
    SSMQ_TRY(widen(b, wide));
    return ssmq_channel_bins_expect(b, 0);
}

void ssmq_channel_bins_room(ssmq_channel_bins *b, int64_t first, int64_t n)
{
    int32_t      *pending = b->pending ? &b->pending[first / SSMQ_CHANNEL_LANES] : NULL;
    const int64_t end = first + SSMQ_CHANNEL_LANES < b->channels ? first + SSMQ_CHANNEL_LANES : b->channels;
    SSMQ_ASSERT(n <= UINT16_MAX);
    if (!b->recent) return;
    if (*pending + n > UINT16_MAX) {
        const int64_t stride = ssmq_channel_bins_stride(b);
        SSMQ_ASSERT(b->count);
        for (int64_t i = first * stride; i < end * stride; i++) b->count[i] += b->recent[i];
        memset(b->recent + first * stride, 0, (size_t)((end - first) * stride) * sizeof *b->recent);
        *pending = 0;
        b->moved[first / SSMQ_CHANNEL_LANES]++;
    }
    *pending += (int32_t)n;
}

int64_t ssmq_channel_bins_moved(const ssmq_channel_bins *b)
{
    int64_t n = 0;
    for (int64_t g = 0; b->moved && g < ssmq_channel_bins_groups(b); g++) n += b->moved[g];
    return n;
}

bool ssmq_channel_bins_holds(const ssmq_channel_bins *b, float absmax)
{
    return absmax == 0 || (b->recent && (int32_t)(bits_of(absmax) >> SHIFT) < end_of(b));
}

ssmq_status ssmq_channel_bins_reach(ssmq_channel_bins *b, float absmax)
{
    const int32_t bin = (int32_t)(bits_of(absmax) >> SHIFT);
    SSMQ_ASSERT(bin < (int32_t)(NONFINITE >> SHIFT));
    if (ssmq_channel_bins_holds(b, absmax)) return SSMQ_OK;
    const int32_t last = (int32_t)(NONFINITE >> SHIFT), octave = bin / PER_OCTAVE + 1 + ABOVE;
    const int32_t end = octave * PER_OCTAVE < last ? octave * PER_OCTAVE : last;
    if (!b->recent) {
        const int32_t base = end - SSMQ_CHANNEL_OCTAVES * PER_OCTAVE;
        b->base = base > PER_OCTAVE ? base : PER_OCTAVE; /* no bins for what is not normalised */
    }
    SSMQ_TRY(widen(b, end - b->base));
    return ssmq_channel_bins_expect(b, 0);
}

void ssmq_channel_bins_free(ssmq_channel_bins *b)
{
    free(b->recent);
    free(b->count);
    free(b->pending);
    free(b->moved);
    *b = (ssmq_channel_bins){0};
}

/* ---- counting -------------------------------------------------------------------------- */

void ssmq_channel_bins_add(ssmq_channel_bins *b, int64_t first, int64_t lanes, const float *x, int64_t n)
{
    if (!b->recent) return; /* zeros: what is in no bin is taken for small */
    for (int64_t i = 0; i < n; i++)
        for (int64_t l = 0; l < lanes; l++) {
            uint16_t *const middle = b->recent + (first + l) * ssmq_channel_bins_stride(b) + b->wide;
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
    const uint16_t          *recent; /* of the channel; NULL: zeros only */
    const uint32_t          *count;  /* of the channel; or NULL          */
    uint64_t                 n, middle; /* all values; those in the bin around zero */
    double                   low, high;
    int32_t                  at;
    uint64_t                 before; /* values in the bins below at */
} walk;

static uint64_t counted(const walk *w, int32_t at)
{
    return (uint64_t)w->recent[at] + (w->count ? w->count[at] : 0);
}

static uint64_t in_bin(const walk *w)
{
    return !w->recent || w->at == w->b->wide ? w->middle : counted(w, w->at);
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
    if (!b->recent) return w;
    w.recent = b->recent + channel * ssmq_channel_bins_stride(b);
    if (b->count) w.count = b->count + channel * ssmq_channel_bins_stride(b);
    const int32_t n_bin = (int32_t)ssmq_channel_bins_stride(b);
    for (int32_t i = 0; i < n_bin; i++) w.middle -= w.recent[i];
    for (int32_t i = 0; w.count && i < n_bin; i++) w.middle -= w.count[i];
    w.middle += counted(&w, b->wide);
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
