#include "harness/tensor/quantiles.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/tensor/histogram.h"

#define FEW 65536 /* values times quantiles: fewer are selected from faster than bins are looked through */

/* ---- few values ------------------------------------------------------------------------ */

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

/* The i-th of a list among n values: its rank, the next one, and the part of the way to that. */
static double rank_at(const ssmq_quantile_list *l, int32_t i, int64_t n, int64_t *k, int64_t *next)
{
    const double rank = l->rank ? (double)l->rank[i] : l->p[i] / 100.0 * (double)(n - 1);
    *k = l->rank ? l->rank[i] : (int64_t)rank;
    *next = !l->rank && *k + 1 < n ? *k + 1 : *k;
    return l->rank ? 0 : rank - (double)*k;
}

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

/* ---- many ------------------------------------------------------------------------------ */

static ssmq_status quantiles_of_many(const ssmq_tensor *x, const ssmq_quantile_list *list, int32_t n_list)
{
    uint32_t       *coarse = calloc(SSMQ_SIGNED_BINS, sizeof *coarse);
    ssmq_fine_bins  bins = {0};
    ssmq_selection *s = NULL;
    int64_t         all = 0;
    ssmq_status     st = SSMQ_OK;
    if (!coarse) return SSMQ_FAIL(MEMORY, "no memory for the bins of a quantile");
    for (int32_t i = 0; i < n_list; i++) all += list[i].n;
    SSMQ_TRY_DONE(st, ssmq_fine_bins_new(&bins));
    ssmq_fine_bins_add(&bins, x);
    for (int32_t p = 0; p < SSMQ_FINE_POWERS; p++)
        if (ssmq_fine_bins_touched(&bins, p)) ssmq_fine_bins_coarse(&bins, p, coarse);
    SSMQ_TRY_DONE(st, ssmq_selection_new(&s));
    SSMQ_TRY_DONE(st, ssmq_selection_begin(s, &bins, coarse, list, n_list));
    ssmq_selection_add(s, x, ssmq_pick_c);
    ssmq_selection_sort(s);
    ssmq_selection_fill(s, 0, all);
done:
    ssmq_selection_free(s);
    ssmq_fine_bins_free(&bins);
    free(coarse);
    return st;
}

ssmq_status ssmq_quantiles(const ssmq_tensor *x, const ssmq_quantile_list *list, int32_t n_list)
{
    int64_t all = 1;
    SSMQ_ASSERT(ssmq_tensor_count(x) > 0);
    for (int32_t i = 0; i < n_list; i++) all += list[i].n;
    const bool few = ssmq_tensor_count(x) * all < FEW;
    return (few ? quantiles_of_few : quantiles_of_many)(x, list, n_list);
}
