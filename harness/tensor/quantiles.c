#include "harness/tensor/quantiles.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"

#define SIGN 0x8000
#define MAGNITUDE_BINS 0x8000
#define FEW 65536 /* values times quantiles: fewer are selected from faster than bins are looked through */

static uint32_t bin_of(const float *x)
{
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    return bits >> 16;
}

void ssmq_count_bins(const ssmq_tensor *x, uint32_t *count)
{
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    SSMQ_ASSERT(x->dtype == SSMQ_F32 && x->space == SSMQ_SPACE_HOST);
    for (int64_t i = 0; i < rows.dim[0]; i++) {
        const float *row = (const float *)rows.data + i * rows.stride[0];
        for (int64_t j = 0; j < rows.dim[1]; j++) count[bin_of(&row[j])]++;
    }
}

/* ---- bins in order --------------------------------------------------------------------- */

/* The bins that hold values, in ascending order of what they hold: of magnitudes by number, both signs together; of
 * values the negative ones first, the largest magnitude leading. */
typedef struct order {
    int32_t *bin; /* [n] */
    int64_t *count;
    int32_t  n;
} order;

/* Adds a bin of magnitudes, or of values, unless it is empty. */
static void add_bin(order *o, const uint32_t *count, int32_t bin, bool magnitudes)
{
    const int64_t n = (int64_t)count[bin] + (magnitudes ? count[bin | SIGN] : 0);
    if (n == 0) return;
    o->bin[o->n] = bin;
    o->count[o->n++] = n;
}

/* Most bins are empty, in long runs: is a block of them? */
#define BLOCK 64
static bool empty_block(const uint32_t *count)
{
    uint32_t any = 0;
    for (int i = 0; i < BLOCK; i++) any |= count[i];
    return any == 0;
}

static void order_magnitudes(order *o, const uint32_t *count)
{
    for (int32_t at = 0; at < MAGNITUDE_BINS; at += BLOCK) {
        if (empty_block(count + at) && empty_block(count + SIGN + at)) continue;
        for (int32_t i = 0; i < BLOCK; i++) add_bin(o, count, at + i, true);
    }
}

static void order_values(order *o, const uint32_t *count)
{
    for (int32_t at = MAGNITUDE_BINS - BLOCK; at >= 0; at -= BLOCK) {
        if (empty_block(count + SIGN + at)) continue;
        for (int32_t i = BLOCK - 1; i >= 0; i--) add_bin(o, count, SIGN + at + i, false);
    }
    for (int32_t at = 0; at < MAGNITUDE_BINS; at += BLOCK) {
        if (empty_block(count + at)) continue;
        for (int32_t i = 0; i < BLOCK; i++) add_bin(o, count, at + i, false);
    }
}

/* ---- ranks to bins --------------------------------------------------------------------- */

/* The values behind a quantile: one of a rank within a bin, and the next. */
typedef struct place {
    int32_t bin[2];
    int64_t rank[2]; /* within the bin, in ascending order */
    double  part;    /* of the way to the next */
} place;

/* The i-th of a list among n values: its rank, the next one, and the part of the way to that. */
static double rank_at(const ssmq_quantile_list *l, int32_t i, int64_t n, int64_t *k, int64_t *next)
{
    const double rank = l->rank ? (double)l->rank[i] : l->p[i] / 100.0 * (double)(n - 1);
    *k = l->rank ? l->rank[i] : (int64_t)rank;
    *next = !l->rank && *k + 1 < n ? *k + 1 : *k;
    return l->rank ? 0 : rank - (double)*k;
}

/* Places of ascending quantiles of n values. */
static void find_places(const order *o, const ssmq_quantile_list *l, int64_t n, place *out)
{
    int32_t at = 0;
    int64_t before = 0, k, next;
    for (int32_t i = 0; i < l->n; i++) {
        const double part = rank_at(l, i, n, &k, &next);
        SSMQ_ASSERT(k >= before && next < n);
        while (before + o->count[at] <= k) before += o->count[at++];
        out[i] = (place){{o->bin[at], o->bin[at]}, {k - before, next - before}, part};
        if (next - before < o->count[at]) continue;
        out[i].bin[1] = o->bin[at + 1];
        out[i].rank[1] = 0;
    }
}

/* ---- collecting ------------------------------------------------------------------------ */

/* The values of some bins, bin by bin, those of either sign of a magnitude side by side. */
typedef struct collected {
    order    magnitudes, values;
    uint8_t *wanted; /* [SSMQ_SIGNED_BINS] 0 or 1     */
    int64_t *begin;  /* [SSMQ_SIGNED_BINS], of wanted */
    float   *value, *loose;
    int64_t  n;
} collected;

static void collected_free(collected *c)
{
    free(c->magnitudes.bin);
    free(c->magnitudes.count);
    free(c->values.bin);
    free(c->values.count);
    free(c->wanted);
    free(c->begin);
    free(c->value);
    free(c->loose);
}

static bool order_new(order *o, int32_t bins)
{
    o->bin = malloc((size_t)bins * sizeof *o->bin);
    o->count = malloc((size_t)bins * sizeof *o->count);
    return o->bin && o->count;
}

static ssmq_status collected_new(collected *c, const uint32_t *count)
{
    c->wanted = calloc(SSMQ_SIGNED_BINS, sizeof *c->wanted);
    c->begin = malloc(SSMQ_SIGNED_BINS * sizeof *c->begin);
    if (!c->wanted || !c->begin || !order_new(&c->magnitudes, MAGNITUDE_BINS) ||
        !order_new(&c->values, SSMQ_SIGNED_BINS))
        return SSMQ_FAIL(MEMORY, "no memory for the bins of a quantile");
    order_magnitudes(&c->magnitudes, count);
    order_values(&c->values, count);
    return SSMQ_OK;
}

static void want(collected *c, bool magnitudes, const place *p)
{
    for (int i = 0; i < 2; i++) {
        c->wanted[p->bin[i]] = 1;
        if (magnitudes) c->wanted[p->bin[i] | SIGN] = 1;
    }
}

/* Copies the wanted values in the order of x; no branch, since whether one is wanted is hard to guess. */
static void copy_wanted(const ssmq_tensor *rows, const uint8_t *wanted, float *out)
{
    for (int64_t i = 0; i < rows->dim[0]; i++) {
        const float *row = (const float *)rows->data + i * rows->stride[0];
        for (int64_t j = 0; j < rows->dim[1]; j++) {
            *out = row[j];
            out += wanted[bin_of(&row[j])];
        }
    }
}

/* Where the values of the wanted bins are to lie; c->n is how many there are. */
static void place_bins(const uint32_t *count, collected *c)
{
    for (int32_t i = 0; i < c->magnitudes.n; i++)
        for (int32_t sign = 0; sign <= SIGN; sign += SIGN) {
            const int32_t bin = (c->magnitudes.bin[i] & ~SIGN) | sign;
            c->begin[bin] = c->n;
            if (c->wanted[bin]) c->n += count[bin];
        }
}

static ssmq_status collect(const ssmq_tensor *x, const uint32_t *count, collected *c)
{
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    place_bins(count, c);
    c->value = malloc((size_t)(c->n + 1) * sizeof *c->value);
    c->loose = malloc((size_t)(c->n + 1) * sizeof *c->loose); /* one more is written, and written over */
    if (!c->value || !c->loose)
        return SSMQ_FAIL(MEMORY, "no memory for %lld values of a quantile", (long long)c->n);
    copy_wanted(&rows, c->wanted, c->loose);
    for (int64_t i = 0; i < c->n; i++) c->value[c->begin[bin_of(&c->loose[i])]++] = c->loose[i];
    c->n = 0;
    place_bins(count, c);
    return SSMQ_OK;
}

/* ---- selecting ------------------------------------------------------------------------- */

static void swap(float *a, float *b)
{
    const float t = *a;
    *a = *b;
    *b = t;
}

/* Puts the k-th smallest of v (n) in its place, smaller ones before it, larger ones behind (Hoare's
 * selection, median of three). */
static void select_nth(float *v, int64_t n, int64_t k)
{
    int64_t low = 0, high = n - 1;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (v[middle] < v[low]) swap(&v[middle], &v[low]);
        if (v[high] < v[low]) swap(&v[high], &v[low]);
        if (v[high] < v[middle]) swap(&v[high], &v[middle]);
        const float pivot = v[middle];
        int64_t     i = low, j = high;
        while (i <= j) {
            while (v[i] < pivot) i++;
            while (pivot < v[j]) j--;
            if (i <= j) swap(&v[i++], &v[j--]);
        }
        if (k <= j) high = j;
        else if (k >= i) low = i;
        else return;
    }
}

static double value_at(const collected *c, const uint32_t *count, bool magnitudes, int32_t bin,
                       int64_t rank)
{
    float        *v = c->value + c->begin[bin];
    const int64_t n = (int64_t)count[bin] + (magnitudes ? count[bin | SIGN] : 0);
    for (int64_t i = 0; magnitudes && i < n; i++) v[i] = fabsf(v[i]);
    select_nth(v, n, rank);
    return v[rank];
}

static void fill(const collected *c, const uint32_t *count, const ssmq_quantile_list *list,
                 const place *p)
{
    for (int32_t i = 0; i < list->n; i++) {
        const double low = value_at(c, count, list->magnitudes, p[i].bin[0], p[i].rank[0]);
        const double high = value_at(c, count, list->magnitudes, p[i].bin[1], p[i].rank[1]);
        list->out[i] = (float)(low + p[i].part * (high - low));
    }
}

static ssmq_status quantiles_of_many(const ssmq_tensor *x, const uint32_t *count,
                                     const ssmq_quantile_list *list, int32_t n_list, place *places)
{
    collected   c = {0};
    place      *p = places;
    ssmq_status st = SSMQ_OK;
    SSMQ_TRY_DONE(st, collected_new(&c, count));
    for (int32_t i = 0; i < n_list; p += list[i++].n) {
        find_places(list[i].magnitudes ? &c.magnitudes : &c.values, &list[i], ssmq_tensor_count(x), p);
        for (int32_t k = 0; k < list[i].n; k++) want(&c, list[i].magnitudes, &p[k]);
    }
    SSMQ_TRY_DONE(st, collect(x, count, &c));
    /* Signed values first: magnitudes are taken of them in place. */
    for (int magnitudes = 0; magnitudes < 2; magnitudes++) {
        p = places;
        for (int32_t i = 0; i < n_list; p += list[i++].n)
            if (list[i].magnitudes == (magnitudes == 1)) fill(&c, count, &list[i], p);
    }
done:
    collected_free(&c);
    return st;
}

/* ---- few values ------------------------------------------------------------------------ */

static void fill_from_copy(float *v, int64_t n, const ssmq_quantile_list *list)
{
    for (int64_t i = 0; list->magnitudes && i < n; i++) v[i] = fabsf(v[i]);
    for (int32_t i = 0; i < list->n; i++) {
        int64_t      k, next;
        const double part = rank_at(list, i, n, &k, &next);
        select_nth(v, n, k);
        const double low = v[k];
        select_nth(v + k, n - k, next - k);
        list->out[i] = (float)(low + part * ((double)v[next] - low));
    }
}

static ssmq_status quantiles_of_few(const ssmq_tensor *x, const ssmq_quantile_list *list, int32_t n_list)
{
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    const int64_t     n = ssmq_tensor_count(x), width = rows.dim[1];
    float            *v = malloc((size_t)n * sizeof *v);
    if (!v) return SSMQ_FAIL(MEMORY, "no memory for a quantile of %lld values", (long long)n);
    for (int64_t i = 0; i < rows.dim[0]; i++)
        memcpy(v + i * width, (const float *)rows.data + i * rows.stride[0], (size_t)width * sizeof *v);
    for (int32_t i = 0; i < n_list; i++) /* signed values first */
        if (!list[i].magnitudes) fill_from_copy(v, n, &list[i]);
    for (int32_t i = 0; i < n_list; i++)
        if (list[i].magnitudes) fill_from_copy(v, n, &list[i]);
    free(v);
    return SSMQ_OK;
}

/* ---- either ---------------------------------------------------------------------------- */

ssmq_status ssmq_quantiles(const ssmq_tensor *x, const uint32_t *count,
                           const ssmq_quantile_list *list, int32_t n_list)
{
    int32_t   all = 1;
    uint32_t *own = NULL;
    SSMQ_ASSERT(ssmq_tensor_count(x) > 0);
    for (int32_t i = 0; i < n_list; i++) all += list[i].n;
    if (ssmq_tensor_count(x) * all < FEW) return quantiles_of_few(x, list, n_list);
    place *places = malloc((size_t)all * sizeof *places);
    if (!count) own = calloc(SSMQ_SIGNED_BINS, sizeof *own);
    ssmq_status st = SSMQ_OK;
    if (!places || (!count && !own))
        st = SSMQ_FAIL(MEMORY, "no memory for %d quantiles", (int)all - 1);
    else if (own)
        ssmq_count_bins(x, own);
    if (st == SSMQ_OK) st = quantiles_of_many(x, own ? own : count, list, n_list, places);
    free(own);
    free(places);
    return st;
}
