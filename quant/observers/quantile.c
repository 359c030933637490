/* The exact p-quantile of |x| over a sample, or those at p and 100 - p of x where the spec has a zero
 * point, linearly interpolated: with v sorted ascending and
 * r = p / 100 * (n - 1), v[floor r] + frac(r) * (v[floor r + 1] - v[floor r]).
 * Source: quant/quamba-spec.md, 2.6. */
#include <math.h>
#include <stdlib.h>
#include "quant/observers.h"

typedef struct quantile_options {
    double p;
} quantile_options;

static const ssmq_option quantile_table[] = {
    {"p", offsetof(quantile_options, p), SSMQ_OPTION_REAL, NULL, 0, 100, NULL,
     "the quantile of |x|, in per cent"},
    {0},
};

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

static float least(const float *v, int64_t n)
{
    float m = v[0];
    for (int64_t i = 1; i < n; i++) m = v[i] < m ? v[i] : m;
    return m;
}

/* The values of x, or their magnitudes, one after the other. */
static void copy_values(float *v, const ssmq_tensor *x, bool magnitudes)
{
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    const float      *data = rows.data;
    for (int64_t i = 0; i < rows.dim[0]; i++)
        for (int64_t j = 0; j < rows.dim[1]; j++) {
            const float value = data[i * rows.stride[0] + j];
            *v++ = magnitudes ? fabsf(value) : value;
        }
}

/* The p-quantile of v (n), whose order changes. */
static float quantile_of(float *v, int64_t n, double p)
{
    const double  rank = p / 100.0 * (double)(n - 1);
    const int64_t k = (int64_t)rank;
    select_nth(v, n, k);
    const double low = v[k], high = k + 1 < n ? least(v + k + 1, n - k - 1) : v[k];
    return (float)(low + (rank - (double)k) * (high - low));
}

static ssmq_status quantile_range(const void *options, const ssmq_tensor *x, const ssmq_qspec *spec,
                                  ssmq_range *out)
{
    const quantile_options *o = options;
    const int64_t           n = ssmq_tensor_count(x);
    float                  *v = malloc((size_t)n * sizeof *v);
    if (!v) return SSMQ_FAIL(MEMORY, "no memory for a quantile of %lld values", (long long)n);
    copy_values(v, x, spec->symmetric);
    out->high = quantile_of(v, n, o->p);
    out->low = spec->symmetric ? -out->high : quantile_of(v, n, 100 - o->p);
    free(v);
    return SSMQ_OK;
}

static double quantile_level(const void *options)
{
    return ((const quantile_options *)options)->p;
}

const ssmq_statistic ssmq_statistic_quantile = {
    .name = "quantile",
    .source = "exact quantile of |x|, linear interpolation (Quamba, quant/quamba-spec.md, 2.6)",
    .options = quantile_table,
    .options_size = sizeof(quantile_options),
    .dataset = "abs_quantile",
    .dataset_low = "low_quantile",
    .quantile = quantile_level,
    .range = quantile_range,
};
