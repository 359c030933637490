#include "harness/run/record.h"
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

static void edges_of(const ssmq_histogram *half, float edge[4])
{
    for (int i = 0; i < 2; i++) {
        edge[2 * i] = half[i].low;
        edge[2 * i + 1] = half[i].high;
    }
}

static void fill_bins(ssmq_kept *k, const ssmq_histogram *half)
{
    int32_t at = 0;
    for (int32_t bin = 0; bin < 2 * SSMQ_HISTOGRAM_BINS; bin++) {
        const uint64_t n = half[bin < SIGN].count[bin & (SIGN - 1)];
        if (n == 0) continue;
        k->bin[at] = (uint16_t)bin;
        k->count[at++] = n;
    }
    edges_of(half, k->edge);
}

static int32_t bins_in_use(const ssmq_histogram *half)
{
    int32_t n = 0;
    for (int i = 0; i < 2; i++)
        for (int32_t bin = 0; bin < SSMQ_HISTOGRAM_BINS; bin++) n += half[i].count[bin] > 0;
    return n;
}

/* The quantiles of x, all out of one selection. */
static ssmq_status fill_quantiles(const ssmq_tensor *x, const ssmq_wanted *w, ssmq_kept *k)
{
    const double  ends[] = {0, 100};
    const size_t  n = (size_t)w->n_level;
    float         range[2], *high = malloc((2 * n + 1) * sizeof *high), *low = high + n;
    double       *below = malloc((n + 1) * sizeof *below); /* 100 - level, which descend, turned round */
    ssmq_status   st = SSMQ_OK;
    if (!high || !below) st = SSMQ_FAIL(MEMORY, "no memory for the quantiles of a sample");
    for (size_t i = 0; st == SSMQ_OK && i < n; i++) below[i] = 100 - w->level[n - 1 - i];
    const ssmq_quantile_list list[] = {{false, 2, ends, range},
                                       {true, w->n_level, w->level, k->magnitude},
                                       {false, w->n_level, w->level, high},
                                       {false, w->n_level, below, low}};
    if (st == SSMQ_OK) st = ssmq_quantiles(x, NULL, list, w->values ? 4 : 2);
    if (st == SSMQ_OK) {
        k->facts.low = range[0];
        k->facts.high = range[1];
        for (size_t i = 0; w->values && i < n; i++) k->value[i] = (ssmq_range){low[n - 1 - i], high[i]};
    }
    free(high);
    free(below);
    return st;
}

ssmq_status ssmq_kept_measure(const ssmq_tensor *x, const ssmq_wanted *w, ssmq_kept **out)
{
    ssmq_histogram *half = NULL;
    ssmq_kept      *k = NULL;
    ssmq_status     st = SSMQ_OK;
    if (w->histogram) {
        half = calloc(2, sizeof *half);
        if (!half) return SSMQ_FAIL(MEMORY, "no memory for a histogram");
        ssmq_histogram_add(&half[0], x, SSMQ_HALF_NEGATIVE);
        ssmq_histogram_add(&half[1], x, SSMQ_HALF_NONNEGATIVE);
    }
    SSMQ_TRY_DONE(st, ssmq_kept_new(w, half ? bins_in_use(half) : 0, &k));
    if (half) fill_bins(k, half);
    SSMQ_TRY_DONE(st, fill_quantiles(x, w, k));
    *out = k;
    k = NULL;
done:
    ssmq_kept_free(k);
    free(half);
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
