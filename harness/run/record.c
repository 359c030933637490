#include "harness/run/record.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/tensor/quantiles.h"

#define SIGN 0x8000

/* ---- memory ---------------------------------------------------------------------------- */

void ssmq_kept_free(ssmq_kept *k)
{
    if (!k) return;
    free(k->bin);
    free(k->count);
    free(k);
}

ssmq_status ssmq_kept_bins(ssmq_kept *k, int32_t n)
{
    free(k->bin);
    free(k->count);
    k->histogram = true;
    k->n_bin = n;
    k->bin = calloc((size_t)n + 1, sizeof *k->bin);
    k->count = calloc((size_t)n + 1, sizeof *k->count);
    return k->bin && k->count ? SSMQ_OK : SSMQ_FAIL(MEMORY, "no memory for %d bins of a sample", (int)n);
}

ssmq_status ssmq_kept_new(const ssmq_wanted *w, int32_t n_bin, ssmq_kept **out)
{
    const size_t n = (size_t)w->n_level;
    ssmq_kept   *k = calloc(1, sizeof *k + n * (sizeof(float) + (w->values ? sizeof(ssmq_range) : 0)));
    if (!k) return SSMQ_FAIL(MEMORY, "no memory for the record of a sample");
    k->value = w->values ? (ssmq_range *)(k + 1) : NULL;
    k->magnitude = w->values ? (float *)(k->value + n) : (float *)(k + 1);
    k->facts = (ssmq_record){
        .n_level = w->n_level, .level = w->level, .magnitude = k->magnitude, .value = k->value};
    const ssmq_status st = w->histogram ? ssmq_kept_bins(k, n_bin) : SSMQ_OK;
    if (st != SSMQ_OK) ssmq_kept_free(k);
    else *out = k;
    return st;
}

/* ---- measuring ------------------------------------------------------------------------- */

/* A sample being measured. */
typedef struct measuring {
    const ssmq_tensor *x;
    const ssmq_wanted *w;
    uint32_t          *count; /* [SSMQ_SIGNED_BINS] */
    ssmq_kept         *k;
} measuring;

/* Zeros with a sign are not negative values, but share a bin with some: a histogram of its own tells. */
static ssmq_status bins_with_zeros(const measuring *m)
{
    ssmq_histogram *half = calloc(2, sizeof *half);
    if (!half) return SSMQ_FAIL(MEMORY, "no memory for a histogram");
    ssmq_histogram_add(&half[0], m->x, SSMQ_HALF_NEGATIVE);
    ssmq_histogram_add(&half[1], m->x, SSMQ_HALF_NONNEGATIVE);
    for (int32_t bin = 0; bin < SSMQ_SIGNED_BINS; bin++)
        m->count[bin] = (uint32_t)half[bin < SIGN].count[bin & (SIGN - 1)];
    for (int i = 0; i < 2; i++) {
        m->k->edge[2 * i] = half[i].low;
        m->k->edge[2 * i + 1] = half[i].high;
    }
    free(half);
    return SSMQ_OK;
}

static ssmq_status fill_bins(const measuring *m)
{
    int32_t n = 0, at = 0;
    for (int32_t bin = 0; bin < SSMQ_SIGNED_BINS; bin++) n += m->count[bin] > 0;
    SSMQ_TRY(ssmq_kept_bins(m->k, n));
    for (int32_t bin = 0; bin < SSMQ_SIGNED_BINS; bin++) {
        if (m->count[bin] == 0) continue;
        m->k->bin[at] = (uint16_t)bin;
        m->k->count[at++] = m->count[bin];
    }
    return SSMQ_OK;
}

/* Ranks of the ends of both halves: the largest magnitude of the negative values, their smallest, and those of
 * the others the other way round; of a half without values, any. */
static void ranks_of_ends(const measuring *m, int64_t rank[4])
{
    const int64_t n = ssmq_tensor_count(m->x);
    int64_t       negative = 0;
    for (int32_t bin = SIGN; bin < SSMQ_SIGNED_BINS; bin++) negative += m->count[bin];
    rank[0] = 0;
    rank[1] = negative > 0 ? negative - 1 : 0;
    rank[2] = negative < n ? negative : n - 1;
    rank[3] = n - 1;
}

static void take_ends(const measuring *m, const float end[4])
{
    const bool negative = signbit(end[0]), others = !signbit(end[3]);
    m->k->facts.low = end[0];
    m->k->facts.high = end[3];
    m->k->edge[0] = negative ? -end[1] : 0;
    m->k->edge[1] = negative ? -end[0] : 0;
    m->k->edge[2] = others ? end[2] : 0;
    m->k->edge[3] = others ? end[3] : 0;
}

/* The quantiles of x and its ends, all out of one selection. */
static ssmq_status fill_quantiles(const measuring *m)
{
    const ssmq_wanted *w = m->w;
    const size_t       n = (size_t)w->n_level;
    int64_t            rank[4];
    float              end[4], *high = malloc((2 * n + 1) * sizeof *high), *low = high + n;
    double            *below = malloc((n + 1) * sizeof *below); /* 100 - level, which descend, turned round */
    ssmq_status        st = SSMQ_OK;
    if (!high || !below) st = SSMQ_FAIL(MEMORY, "no memory for the quantiles of a sample");
    for (size_t i = 0; st == SSMQ_OK && i < n; i++) below[i] = 100 - w->level[n - 1 - i];
    ranks_of_ends(m, rank);
    const ssmq_quantile_list list[] = {{false, 4, NULL, end, rank},
                                       {true, w->n_level, w->level, m->k->magnitude, NULL},
                                       {false, w->n_level, w->level, high, NULL},
                                       {false, w->n_level, below, low, NULL}};
    if (st == SSMQ_OK) st = ssmq_quantiles(m->x, m->count, list, w->values ? 4 : 2);
    if (st == SSMQ_OK) {
        take_ends(m, end);
        for (size_t i = 0; w->values && i < n; i++) m->k->value[i] = (ssmq_range){low[n - 1 - i], high[i]};
    }
    free(high);
    free(below);
    return st;
}

ssmq_status ssmq_kept_measure(const ssmq_tensor *x, const ssmq_wanted *w, ssmq_kept **out)
{
    measuring   m = {.x = x, .w = w, .count = calloc(SSMQ_SIGNED_BINS, sizeof *m.count)};
    ssmq_status st = SSMQ_OK;
    if (!m.count) return SSMQ_FAIL(MEMORY, "no memory for the bins of a sample");
    SSMQ_TRY_DONE(st, ssmq_kept_new(w, 0, &m.k));
    ssmq_count_bins(x, m.count);
    SSMQ_TRY_DONE(st, fill_quantiles(&m));
    if (w->histogram && m.count[SIGN] > 0) SSMQ_TRY_DONE(st, bins_with_zeros(&m));
    if (w->histogram) SSMQ_TRY_DONE(st, fill_bins(&m));
    *out = m.k;
    m.k = NULL;
done:
    ssmq_kept_free(m.k);
    free(m.count);
    return st;
}

/* ---- ranges ---------------------------------------------------------------------------- */

bool ssmq_kept_has(const ssmq_kept *k, const ssmq_wanted *w)
{
    int32_t at = 0;
    for (int32_t i = 0; i < w->n_level; i++) {
        while (at < k->facts.n_level && k->facts.level[at] < w->level[i]) at++;
        if (at == k->facts.n_level || k->facts.level[at] != w->level[i]) return false;
    }
    return (k->histogram || !w->histogram) && (k->facts.value || !w->values);
}

static void expand(const ssmq_kept *k, ssmq_histogram *half)
{
    memset(half, 0, 2 * sizeof *half);
    for (int32_t i = 0; i < k->n_bin; i++) {
        ssmq_histogram *h = &half[k->bin[i] < SIGN];
        h->count[k->bin[i] & (SIGN - 1)] = k->count[i];
        h->n += k->count[i];
    }
    for (int i = 0; i < 2; i++) {
        half[i].low = k->edge[2 * i];
        half[i].high = k->edge[2 * i + 1];
    }
}

bool ssmq_kept_range(const ssmq_kept *k, const ssmq_observer *o, const ssmq_qspec *spec,
                     ssmq_histogram *half, ssmq_range *out)
{
    const ssmq_statistic *s = o->statistic;
    ssmq_record           facts = k->facts;
    if (k->histogram && s->histogram && s->histogram(o->statistic_options)) {
        expand(k, half);
        facts.half = half;
    }
    return s->replay(o->statistic_options, &facts, spec, out);
}
