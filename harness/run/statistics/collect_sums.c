#include "harness/run/statistics/collect_sums.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/base/clock.h"
#include "harness/run/resume.h"
#include "harness/store/sums.h"

#define SHARE 20 /* how much longer the time between must be than what keeping took */

static void stage_of(const ssmq_collect_sums *s, char stage[64])
{
    snprintf(stage, 64, "collecting from site %" PRId32 " on, so far", s->first);
}

/* ---- a site ---------------------------------------------------------------------------- */

/* What stands before the arrays of a site. */
typedef struct head {
    int64_t  n_rows, n_samples;
    uint64_t n_values, n_zero, n_nonfinite, n_clipped;
    int64_t  base, wide, total; /* of its bins */
} head;

typedef struct array {
    void  *at;
    size_t bytes;
} array;

enum { ARRAYS = 8 };

/* What is there of a site between two samples, but for the head. */
static void arrays_of(const ssmq_site_stats *s, array out[ARRAYS])
{
    const ssmq_channel_bins *b = &s->bins;
    const size_t             C = (size_t)s->shape.channels;
    const size_t             n = b->recent ? C * (size_t)ssmq_channel_bins_stride(b) : 0;
    const array  all[ARRAYS] = {{s->low, C * sizeof *s->low},
                                {s->high, C * sizeof *s->high},
                                {s->moments, C * sizeof *s->moments},
                                {s->among_top, C * sizeof *s->among_top},
                                {s->half, s->half ? 2 * sizeof *s->half : 0},
                                {b->recent, n * sizeof *b->recent},
                                {b->count, b->count ? n * sizeof *b->count : 0},
                                {b->pending, b->pending ? (size_t)ssmq_channel_bins_groups(b) * sizeof *b->pending : 0}};
    memcpy(out, all, sizeof all);
}

static void put_site(ssmq_sums *to, const ssmq_watched *w, int64_t samples)
{
    const ssmq_site_stats *s = &w->stats;
    array                  a[ARRAYS];
    const head             h = {.n_rows = s->n_rows,
                                .n_samples = s->n_samples,
                                .n_values = s->n_values,
                                .n_zero = s->n_zero,
                                .n_nonfinite = s->n_nonfinite,
                                .n_clipped = s->n_clipped,
                                .base = s->bins.base,
                                .wide = s->bins.wide,
                                .total = s->bins.total};
    arrays_of(s, a);
    ssmq_sums_put(to, &h, sizeof h);
    for (int i = 0; i < ARRAYS; i++) ssmq_sums_put(to, a[i].at, a[i].bytes);
    ssmq_sums_put(to, w->sample_absmax, (size_t)samples * sizeof *w->sample_absmax);
}

/* The sum of the file was right, and so was what it was computed from: there is as much as was put. */
static const unsigned char *take(const unsigned char *from, void *to, size_t n)
{
    if (n > 0) memcpy(to, from, n);
    return from + n;
}

static ssmq_status take_site(ssmq_watched *w, int64_t samples, const unsigned char **from)
{
    ssmq_site_stats *s = &w->stats;
    array            a[ARRAYS];
    head             h;
    *from = take(*from, &h, sizeof h);
    s->n_rows = h.n_rows;
    s->n_samples = h.n_samples;
    s->n_values = h.n_values;
    s->n_zero = h.n_zero;
    s->n_nonfinite = h.n_nonfinite;
    s->n_clipped = h.n_clipped;
    SSMQ_TRY(ssmq_channel_bins_reopen(&s->bins, (int32_t)h.base, (int32_t)h.wide, h.total));
    arrays_of(s, a);
    for (int i = 0; i < ARRAYS; i++) *from = take(*from, a[i].at, a[i].bytes);
    *from = take(*from, w->sample_absmax, (size_t)samples * sizeof *w->sample_absmax);
    return SSMQ_OK;
}

/* ---- all of a pass --------------------------------------------------------------------- */

ssmq_status ssmq_collect_sums_take(ssmq_collect_sums *s, int64_t *samples)
{
    char         stage[64];
    ssmq_mapping m = {0};
    ssmq_status  st = SSMQ_OK;
    *samples = 0;
    stage_of(s, stage);
    if (!ssmq_keeps(s->listener)) return SSMQ_OK;
    if (!ssmq_sums_find(s->listener->journal, stage, s->listener->log, &m, samples)) return SSMQ_OK;
    const unsigned char *at = m.data;
    for (int32_t i = s->first; st == SSMQ_OK && i < s->end; i++)
        if (s->at[i].statistics) st = take_site(&s->at[i], *samples, &at);
    SSMQ_ASSERT(st != SSMQ_OK || at == (const unsigned char *)m.data + m.size);
    ssmq_map_close(&m);
    s->kept = *samples;
    return st;
}

static ssmq_status write_all(const ssmq_collect_sums *s, int64_t samples)
{
    char       stage[64];
    ssmq_sums *to;
    stage_of(s, stage);
    SSMQ_TRY(ssmq_sums_begin(s->listener->journal, &to));
    for (int32_t i = s->first; i < s->end; i++)
        if (s->at[i].statistics) put_site(to, &s->at[i], samples);
    return ssmq_sums_end(to, stage, samples);
}

ssmq_status ssmq_collect_sums_keep(ssmq_collect_sums *s, int64_t samples, bool now)
{
    const double begun = ssmq_monotonic_s();
    if (!ssmq_keeps(s->listener) || samples == s->kept) return SSMQ_OK;
    if (!now && begun - s->ended < SHARE * s->cost) return SSMQ_OK;
    SSMQ_TRY(write_all(s, samples));
    s->kept = samples;
    s->ended = ssmq_monotonic_s();
    s->cost = s->ended - begun;
    return SSMQ_OK;
}
