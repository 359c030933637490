#include "harness/run/statistics/collect_sums.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"
#include "harness/base/clock.h"
#include "harness/run/resume.h"

#define PART_BYTES ((int64_t)1 << 20) /* of accumulators: few writes for small sites, still in the cache when summed */
#define SYNC_S 30                     /* a power failure loses about so much at most, */
#define SYNC_SHARE 20                 /* and syncing takes no more than a twentieth of the time */

/* ---- a site ---------------------------------------------------------------------------- */

/* What stands before the arrays of a site. */
typedef struct head {
    int64_t  n_rows, n_samples;
    uint64_t n_values, n_zero, n_nonfinite, n_clipped;
    int64_t  base, wide, total; /* of its bins */
    uint64_t counted[2];        /* in the halves of its histogram, */
    float    low[2], high[2];   /* and between which magnitudes    */
} head;

enum { OFTEN = 12, RARE = 2 }; /* arrays of a site, besides the head */

static head head_of(const ssmq_site_stats *s)
{
    head h = {.n_rows = s->n_rows,
              .n_samples = s->n_samples,
              .n_values = s->n_values,
              .n_zero = s->n_zero,
              .n_nonfinite = s->n_nonfinite,
              .n_clipped = s->n_clipped,
              .base = s->bins.base,
              .wide = s->bins.wide,
              .total = s->bins.total};
    for (int i = 0; s->half && i < 2; i++) {
        h.counted[i] = s->half[i].n;
        h.low[i] = s->half[i].low;
        h.high[i] = s->half[i].high;
    }
    return h;
}

static ssmq_status take_head(ssmq_site_stats *s, const head *h)
{
    s->n_rows = h->n_rows;
    s->n_samples = h->n_samples;
    s->n_values = h->n_values;
    s->n_zero = h->n_zero;
    s->n_nonfinite = h->n_nonfinite;
    s->n_clipped = h->n_clipped;
    for (int i = 0; s->half && i < 2; i++) {
        s->half[i].n = h->counted[i];
        s->half[i].low = h->low[i];
        s->half[i].high = h->high[i];
    }
    if (s->cells) s->cells->n_rows = h->n_rows;
    return ssmq_channel_bins_reopen(&s->bins, (int32_t)h->base, (int32_t)h->wide, h->total);
}

/* The bins of a half between its smallest and its largest magnitude. */
static ssmq_sums_array counts_of(const ssmq_site_stats *s, int half)
{
    ssmq_histogram *h = s->half ? &s->half[half] : NULL;
    if (!h || h->n == 0) return (ssmq_sums_array){0};
    const int32_t low = ssmq_histogram_bin(h->low), high = ssmq_histogram_bin(h->high);
    return (ssmq_sums_array){h->count + low, (size_t)(high - low + 1) * sizeof *h->count};
}

/* What changes with each sample. */
static void often_of(const ssmq_watched *w, int64_t samples, ssmq_sums_array out[OFTEN])
{
    const ssmq_site_stats   *s = &w->stats;
    const ssmq_channel_bins *b = &s->bins;
    const size_t             C = (size_t)s->shape.channels, groups = (size_t)ssmq_channel_bins_groups(b);
    const size_t             n = b->recent ? C * (size_t)ssmq_channel_bins_stride(b) : 0;
    const ssmq_site_stats    none = {0}, *cells = s->cells ? s->cells : &none;
    const size_t             K = (size_t)cells->shape.channels;
    const ssmq_sums_array    all[OFTEN] = {{s->low, C * sizeof *s->low},
                                               {s->high, C * sizeof *s->high},
                                               {s->moments, C * sizeof *s->moments},
                                               {s->among_top, C * sizeof *s->among_top},
                                               counts_of(s, 0),
                                               counts_of(s, 1),
                                               {b->recent, n * sizeof *b->recent},
                                               {b->pending, b->pending ? groups * sizeof *b->pending : 0},
                                               {w->sample_absmax, (size_t)samples * sizeof *w->sample_absmax},
                                               {cells->low, K * sizeof *cells->low},
                                               {cells->high, K * sizeof *cells->high},
                                               {cells->moments, K * sizeof *cells->moments}};
    memcpy(out, all, sizeof all);
}

/* What changes when the counts of many samples are added up. */
static void rare_of(const ssmq_site_stats *s, ssmq_sums_array out[RARE])
{
    const ssmq_channel_bins *b = &s->bins;
    const size_t             n = b->count ? (size_t)(b->channels * ssmq_channel_bins_stride(b)) : 0;
    const size_t             groups = b->moved ? (size_t)ssmq_channel_bins_groups(b) : 0;
    out[0] = (ssmq_sums_array){b->moved, groups * sizeof *b->moved};
    out[1] = (ssmq_sums_array){b->count, n * sizeof *b->count};
}

/* ---- a part ---------------------------------------------------------------------------- */

/* Arrays of its sites, and the heads that some of them are. */
typedef struct content {
    ssmq_sums_array *often, *rare; /* [most * (1 + OFTEN)], [most * RARE] */
    head            *head;         /* [most] */
} content;

static content content_new(int32_t most)
{
    return (content){.often = ssmq_must_malloc((size_t)most * (1 + OFTEN) * sizeof(ssmq_sums_array)),
                     .rare = ssmq_must_malloc((size_t)most * RARE * sizeof(ssmq_sums_array)),
                     .head = ssmq_must_malloc((size_t)most * sizeof(head))};
}

static void content_free(content *c)
{
    free(c->often);
    free(c->rare);
    free(c->head);
}

static ssmq_sums_content content_of(const ssmq_collect_sums *s, int32_t part, int64_t samples, content *c)
{
    ssmq_sums_content out = {.often = c->often, .rare = c->rare};
    int32_t           n = 0;
    for (int32_t i = s->begin[part]; i < s->begin[part + 1]; i++) {
        const ssmq_site_stats *stats = &s->at[i].stats;
        if (!s->at[i].statistics) continue;
        c->head[n] = head_of(stats);
        c->often[out.n_often++] = (ssmq_sums_array){&c->head[n], sizeof *c->head};
        often_of(&s->at[i], samples, c->often + out.n_often);
        rare_of(stats, c->rare + out.n_rare);
        out.n_often += OFTEN;
        out.n_rare += RARE;
        n++;
        out.version[0] += ssmq_channel_bins_moved(&stats->bins);
        out.version[1] += stats->bins.wide;
        out.version[2] += stats->bins.count != NULL;
    }
    return out;
}

static ssmq_status take_site(ssmq_watched *w, int64_t samples, ssmq_sums_reader *often, ssmq_sums_reader *rare)
{
    ssmq_sums_array a[OFTEN], b[RARE];
    head            h;
    ssmq_sums_take(often, &h, sizeof h);
    SSMQ_TRY(take_head(&w->stats, &h));
    often_of(w, samples, a);
    rare_of(&w->stats, b);
    for (int i = 0; i < OFTEN; i++) ssmq_sums_take(often, a[i].at, a[i].bytes);
    for (int i = 0; i < RARE; i++) ssmq_sums_take(rare, b[i].at, b[i].bytes);
    w->known = samples;
    return SSMQ_OK;
}

static ssmq_status take_part(ssmq_collect_sums *s, int32_t part)
{
    ssmq_sums_reader often, rare;
    const int64_t    samples = ssmq_sums_find(s->file, part, &often, &rare);
    for (int32_t i = s->begin[part]; samples > 0 && i < s->begin[part + 1]; i++)
        if (s->at[i].statistics) SSMQ_TRY(take_site(&s->at[i], samples, &often, &rare));
    SSMQ_ASSERT(samples == 0 || (often.at == often.end && rare.at == rare.end));
    return SSMQ_OK;
}

/* ---- all of a pass --------------------------------------------------------------------- */

static int64_t bytes_of(const ssmq_watched *w)
{
    const ssmq_site_stats *s = &w->stats;
    if (!w->statistics) return 0;
    return s->shape.channels * (s->with_bins ? 1024 : 64) + (s->half ? 1 << 16 : 0) +
           (s->cells ? s->cells->shape.channels * 64 : 0);
}

/* Whole sites, as many as make a part's bytes. */
static void cut(ssmq_collect_sums *s, int32_t first, int32_t end)
{
    int64_t bytes = 0;
    s->begin = ssmq_must_malloc((size_t)(end - first + 1) * sizeof *s->begin);
    s->begin[0] = first;
    for (int32_t i = first; i < end; i++) {
        bytes += bytes_of(&s->at[i]);
        if (bytes < PART_BYTES && i + 1 < end) continue;
        s->begin[++s->parts] = i + 1;
        bytes = 0;
    }
    for (int32_t p = 0; p < s->parts; p++)
        if (s->begin[p + 1] - s->begin[p] > s->most) s->most = s->begin[p + 1] - s->begin[p];
}

/* Samples that were in a part from the start. */
static int64_t known_in(const ssmq_collect_sums *s, int32_t part)
{
    for (int32_t i = s->begin[part]; i < s->begin[part + 1]; i++)
        if (s->at[i].statistics) return s->at[i].known;
    return INT64_MAX; /* it has nothing that could be kept */
}

static ssmq_status open_file(ssmq_collect_sums *s, const ssmq_listener *l, int32_t first, int64_t *samples)
{
    char stage[64];
    snprintf(stage, sizeof stage, "collecting from site %" PRId32 " on", first);
    SSMQ_TRY(ssmq_sums_open(l->journal, stage, s->parts, &s->file));
    *samples = INT64_MAX;
    for (int32_t p = 0; p < s->parts; p++) {
        SSMQ_TRY(take_part(s, p));
        if (known_in(s, p) < *samples) *samples = known_in(s, p);
    }
    if (*samples == INT64_MAX) *samples = 0;
    ssmq_sums_forget(s->file);
    return SSMQ_OK;
}

ssmq_status ssmq_collect_sums_open(const ssmq_listener *l, ssmq_backend *be, ssmq_watched *at, int32_t first,
                                   int32_t end, ssmq_collect_sums *out, int64_t *samples)
{
    ssmq_collect_sums s = {.be = be, .at = at, .synced = ssmq_monotonic_s()};
    *out = (ssmq_collect_sums){0};
    *samples = 0;
    if (!ssmq_keeps(l)) return SSMQ_OK;
    cut(&s, first, end);
    s.room = ssmq_must_malloc((size_t)be->threads * sizeof *s.room);
    memset(s.room, 0, (size_t)be->threads * sizeof *s.room);
    const ssmq_status st = open_file(&s, l, first, samples);
    if (st == SSMQ_OK) *out = s;
    else ssmq_collect_sums_close(&s);
    return st;
}

void ssmq_collect_sums_close(ssmq_collect_sums *s)
{
    for (int32_t i = 0; s->room && i < s->be->threads; i++) ssmq_sums_room_free(&s->room[i]);
    free(s->room);
    free(s->begin);
    ssmq_sums_close(s->file);
    *s = (ssmq_collect_sums){0};
}

/* A sample that is done. */
typedef struct piece {
    const ssmq_collect_sums *s;
    int64_t                  samples;
    bool                     lasting;
} piece;

static void put_parts(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const piece *p = context;
    content      c = content_new(p->s->most);
    for (int32_t part = (int32_t)begin; part < end; part++) {
        if (known_in(p->s, part) >= p->samples) continue;
        const ssmq_sums_content what = content_of(p->s, part, p->samples, &c);
        ssmq_sums_put(p->s->file, part, p->samples, p->lasting, &what, &p->s->room[worker]);
    }
    content_free(&c);
}

ssmq_status ssmq_collect_sums_keep(ssmq_collect_sums *s, int64_t samples)
{
    const double now = ssmq_monotonic_s();
    piece        p = {.s = s, .samples = samples};
    if (!s->file) return SSMQ_OK;
    p.lasting = now - s->synced > fmax(SYNC_S, SYNC_SHARE * s->cost);
    s->be->ops->share(s->be, s->parts, 1, put_parts, &p);
    SSMQ_TRY(ssmq_sums_end(s->file, p.lasting));
    if (!p.lasting) return SSMQ_OK;
    s->synced = ssmq_monotonic_s();
    s->cost = s->synced - now;
    return SSMQ_OK;
}
