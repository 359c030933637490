#include "harness/run/calibrate/record.h"
#include <stdlib.h>
#include <string.h>

#define SIGN 0x8000

/* ---- memory ---------------------------------------------------------------------------- */

void ssmq_kept_free(ssmq_kept *k)
{
    if (!k) return;
    free(k->bin);
    free(k->count);
    ssmq_kept_drop_tail(k);
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

/* Room for the ends that are wanted, in one piece. */
static ssmq_status make_tail(ssmq_kept *k, bool values)
{
    const int32_t ends = values ? SSMQ_TAIL_ENDS : 1, length = ssmq_tail_length(k->facts.tail.n);
    float        *all = calloc((size_t)ends * (size_t)length, sizeof *all);
    if (!all) return SSMQ_FAIL(MEMORY, "no memory for the outermost values of a sample");
    k->facts.tail.length = length;
    for (int32_t i = 0; i < ends; i++) k->facts.tail.value[i] = k->tail[i] = all + i * length;
    return SSMQ_OK;
}

int64_t ssmq_kept_tail_bytes(const ssmq_kept *k)
{
    int64_t n = 0;
    for (int32_t i = 0; k && i < SSMQ_TAIL_ENDS; i++) n += k->tail[i] ? k->facts.tail.length : 0;
    return n * (int64_t)sizeof(float);
}

void ssmq_kept_drop_tail(ssmq_kept *k)
{
    free(k->tail[0]); /* with the other ends */
    for (int32_t i = 0; i < SSMQ_TAIL_ENDS; i++) k->facts.tail.value[i] = k->tail[i] = NULL;
    k->facts.tail.length = 0;
}

ssmq_status ssmq_kept_new(const ssmq_wanted *w, int64_t n, int32_t n_bin, ssmq_kept **out)
{
    const size_t levels = (size_t)w->n_level;
    ssmq_kept   *k = calloc(1, sizeof *k + levels * (sizeof(float) + (w->values ? sizeof(ssmq_range) : 0)));
    if (!k) return SSMQ_FAIL(MEMORY, "no memory for the record of a sample");
    k->value = w->values ? (ssmq_range *)(k + 1) : NULL;
    k->magnitude = w->values ? (float *)(k->value + levels) : (float *)(k + 1);
    k->facts = (ssmq_record){.n_level = w->n_level,
                             .level = w->level,
                             .magnitude = k->magnitude,
                             .value = k->value,
                             .tail = {.n = n}};
    ssmq_status st = w->histogram ? ssmq_kept_bins(k, n_bin) : SSMQ_OK;
    if (st == SSMQ_OK && w->tail) st = make_tail(k, w->values);
    if (st != SSMQ_OK) ssmq_kept_free(k);
    else *out = k;
    return st;
}

/* ---- ranges ---------------------------------------------------------------------------- */

static void expand(const ssmq_kept *k, ssmq_histogram *half)
{
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

/* Most bins were never touched. */
static void forget(const ssmq_kept *k, ssmq_histogram *half)
{
    for (int32_t i = 0; i < k->n_bin; i++) half[k->bin[i] < SIGN].count[k->bin[i] & (SIGN - 1)] = 0;
    for (int i = 0; i < 2; i++) {
        half[i].n = 0;
        half[i].low = half[i].high = 0;
    }
}

bool ssmq_kept_range(const ssmq_kept *k, const ssmq_observer *o, const ssmq_qspec *spec,
                     ssmq_histogram *half, ssmq_range *out)
{
    const ssmq_statistic *s = o->statistic;
    ssmq_record           facts = k->facts;
    const bool            counted = k->histogram && s->histogram && s->histogram(o->statistic_options);
    if (counted) expand(k, half);
    if (counted) facts.half = half;
    const bool known = s->replay(o->statistic_options, &facts, spec, out);
    if (counted) forget(k, half);
    return known;
}
