#include "harness/run/calibrate/channel_record.h"
#include <stdlib.h>
#include "harness/base/assert.h"

ssmq_wanted_channels ssmq_channel_record_for(const ssmq_observer *o, const ssmq_qspec *spec)
{
    const ssmq_statistic *s = o->statistic;
    const bool            counted = s->histogram && s->histogram(o->statistic_options);
    const bool            inner = s->quantile && s->quantile(o->statistic_options) < SSMQ_TAIL_FROM;
    if (!s->replay || counted || inner) return (ssmq_wanted_channels){0};
    return (ssmq_wanted_channels){.wanted = true, .tail = s->quantile, .values = s->quantile && !spec->symmetric};
}

/* ---- memory ---------------------------------------------------------------------------- */

static int32_t ends_of(const ssmq_wanted_channels *w)
{
    if (!w->tail) return 0;
    return w->values ? SSMQ_TAIL_ENDS : 1;
}

ssmq_status ssmq_channel_record_new(const ssmq_wanted_channels *w, int64_t channels, int64_t n,
                                    ssmq_channel_record **out)
{
    const int32_t        length = w->tail ? ssmq_tail_length(n) : 0;
    const size_t         values = (size_t)(channels * (2 + ends_of(w) * (int64_t)length));
    ssmq_channel_record *r = calloc(1, sizeof *r + values * sizeof(float));
    if (!r) return SSMQ_FAIL(MEMORY, "no memory for the ranges of %lld channels", (long long)channels);
    r->channels = channels;
    r->n = n;
    r->length = length;
    r->range = (ssmq_range *)(r + 1);
    for (int32_t i = 0; i < ends_of(w); i++) r->tail[i] = (float *)(r->range + channels) + i * channels * length;
    *out = r;
    return SSMQ_OK;
}

void ssmq_channel_record_free(ssmq_channel_record *r)
{
    free(r);
}

int64_t ssmq_channel_record_bytes(const ssmq_channel_record *r)
{
    int64_t ends = 0;
    if (!r) return 0;
    for (int32_t i = 0; i < SSMQ_TAIL_ENDS; i++) ends += r->tail[i] != NULL;
    return (int64_t)sizeof *r + r->channels * (2 + ends * r->length) * (int64_t)sizeof(float);
}

/* ---- measuring ------------------------------------------------------------------------- */

/* In lanes, which the compiler makes vectors of. */
enum { LANES = 16 };

typedef struct lanes {
    float low[LANES], high[LANES];
} lanes;

static inline void widen(lanes *w, const float *x, int32_t n)
{
    for (int32_t l = 0; l < n; l++) w->low[l] = x[l] < w->low[l] ? x[l] : w->low[l];
    for (int32_t l = 0; l < n; l++) w->high[l] = x[l] > w->high[l] ? x[l] : w->high[l];
}

static ssmq_range range_of(const ssmq_tensor *x)
{
    const ssmq_tensor rows = ssmq_tensor_runs(x);
    const float      *data = rows.data;
    ssmq_range        r = {data[0], data[0]};
    lanes             w;
    for (int32_t l = 0; l < LANES; l++) w.low[l] = w.high[l] = data[0];
    for (int64_t i = 0; i < rows.dim[0]; i++) {
        const float *row = data + i * rows.stride[0];
        int64_t      j = 0;
        for (; j + LANES <= rows.dim[1]; j += LANES) widen(&w, row + j, LANES);
        widen(&w, row + j, (int32_t)(rows.dim[1] - j));
    }
    for (int32_t l = 0; l < LANES; l++) {
        r.low = w.low[l] < r.low ? w.low[l] : r.low;
        r.high = w.high[l] > r.high ? w.high[l] : r.high;
    }
    return r;
}

ssmq_status ssmq_channel_record_measure(ssmq_channel_record *r, int64_t channel, const ssmq_tensor *x)
{
    SSMQ_ASSERT(ssmq_tensor_count(x) == r->n);
    r->range[channel] = range_of(x);
    for (int32_t i = 0; i < SSMQ_TAIL_ENDS; i++)
        if (r->tail[i]) SSMQ_TRY(ssmq_tail_of(x, (ssmq_tail_end)i, r->tail[i] + channel * r->length));
    return SSMQ_OK;
}

/* ---- ranges ---------------------------------------------------------------------------- */

bool ssmq_channel_record_has(const ssmq_channel_record *r, const ssmq_wanted_channels *w)
{
    return r && (!w->tail || r->tail[SSMQ_TAIL_MAGNITUDE]) && (!w->values || r->tail[SSMQ_TAIL_HIGH]);
}

ssmq_range ssmq_channel_record_range(const ssmq_channel_record *r, int64_t channel, const ssmq_observer *o,
                                     const ssmq_qspec *spec)
{
    ssmq_range  out = {0};
    ssmq_record facts = {.low = r->range[channel].low,
                         .high = r->range[channel].high,
                         .tail = {.n = r->n, .length = r->length}};
    for (int32_t i = 0; i < SSMQ_TAIL_ENDS; i++)
        if (r->tail[i]) facts.tail.value[i] = r->tail[i] + channel * r->length;
    const bool known = o->statistic->replay(o->statistic_options, &facts, spec, &out);
    SSMQ_ASSERT(known);
    return out;
}
