/* The clip range with the least squared error: candidates are fractions of the whole range, the error of
 * each is taken from a histogram of the sample, with the values of a bin at its middle.
 * Source: the clip search of Banner et al., arXiv:1810.05723, by search in place of a fitted law. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "quant/observers.h"

/* A bin is 1/8192 of the range: far below the step of any code up to 12 bits. */
#define BINS 8192

typedef struct mse_options {
    int candidates;
} mse_options;

static const ssmq_option mse_table[] = {
    {"candidates", offsetof(mse_options, candidates), SSMQ_OPTION_INT, "100", 2, 1000, NULL,
     "clip ranges that are tried, evenly spaced"},
    {0},
};

/* The whole range of a sample, as the spec will use it.  Lanes of their own for the compiler's vectors. */
static ssmq_range whole_range(const ssmq_tensor *rows, const ssmq_qspec *spec)
{
    enum { lanes = 8 };
    float low[lanes] = {0}, high[lanes] = {0};
    for (int64_t i = 0; i < rows->dim[0]; i++) {
        const float *row = (const float *)rows->data + i * rows->stride[0];
        int64_t      j = 0;
        for (; j + lanes <= rows->dim[1]; j += lanes)
            for (int k = 0; k < lanes; k++) {
                low[k] = row[j + k] < low[k] ? row[j + k] : low[k];
                high[k] = row[j + k] > high[k] ? row[j + k] : high[k];
            }
        for (; j < rows->dim[1]; j++) {
            low[0] = row[j] < low[0] ? row[j] : low[0];
            high[0] = row[j] > high[0] ? row[j] : high[0];
        }
    }
    for (int k = 1; k < lanes; k++) {
        low[0] = fminf(low[0], low[k]);
        high[0] = fmaxf(high[0], high[k]);
    }
    const float most = fmaxf(-low[0], high[0]);
    return spec->symmetric ? (ssmq_range){-most, most} : (ssmq_range){low[0], high[0]};
}

/* ---- the histogram --------------------------------------------------------------------- */

/* Values of a sample by bins.  Sums are over the bins before i, of 1, i and i * i for each value: whole
 * numbers, so exact. */
typedef struct histogram {
    double   low, width;
    uint32_t count[BINS];
    int32_t  filled[BINS], n_filled; /* bins that hold values, ascending */
    uint64_t sum[BINS + 1][3];
} histogram;

static void count_values(const ssmq_tensor *rows, const ssmq_range *r, histogram *h)
{
    const float *data = rows->data;
    const double low = (double)r->low, width = ((double)r->high - low) / BINS;
    h->low = low;
    h->width = width;
    for (int64_t i = 0; i < rows->dim[0]; i++)
        for (int64_t j = 0; j < rows->dim[1]; j++) {
            const double at = ((double)data[i * rows->stride[0] + j] - low) / width;
            h->count[at < BINS - 1 ? (at > 0 ? (int64_t)at : 0) : BINS - 1]++;
        }
    for (int32_t i = 0; i < BINS; i++) {
        const uint64_t n = h->count[i], k = (uint64_t)i;
        if (n > 0) h->filled[h->n_filled++] = i;
        h->sum[i + 1][0] = h->sum[i][0] + n;
        h->sum[i + 1][1] = h->sum[i][1] + n * k;
        h->sum[i + 1][2] = h->sum[i][2] + n * k * k;
    }
}

/* ---- the error of a clip range --------------------------------------------------------- */

typedef struct quantiser {
    const ssmq_qspec *spec;
    float             scale;
    int32_t           zero;
} quantiser;

static float code_at(const histogram *h, int32_t bin, const quantiser *q)
{
    const double x = h->low + ((double)bin + 0.5) * h->width;
    return ssmq_code_value((float)x, q->scale, q->zero, q->spec);
}

static double error_by_bins(const histogram *h, const quantiser *q)
{
    double error = 0;
    for (int32_t i = 0; i < h->n_filled; i++) {
        const int32_t bin = h->filled[i];
        const double  x = h->low + ((double)bin + 0.5) * h->width;
        const double  d = ((double)code_at(h, bin, q) - q->zero) * (double)q->scale - x;
        error += d * d * h->count[bin];
    }
    return error;
}

/* Where the bins of a code end that begin at one: looked for from where rounding to nearest would end them. */
static int32_t end_of_code(const histogram *h, int32_t begin, float code, const quantiser *q)
{
    const double edge = ((double)code + 0.5 - q->zero) * (double)q->scale;
    const double guess = ceil((edge - h->low) / h->width - 0.5);
    int32_t      end = guess > begin ? (guess < BINS ? (int32_t)guess : BINS) : begin + 1;
    if (code >= (float)ssmq_code_max(q->spec)) return BINS;
    while (end > begin + 1 && code_at(h, end - 1, q) != code) end--;
    while (end < BINS && code_at(h, end, q) == code) end++;
    return end;
}

/* The same for integers, code by code: the sum over the bins of one of n (i - a)^2, with a the place of the code
 * among the bins. */
static double error_by_codes(const histogram *h, const quantiser *q)
{
    double error = 0;
    for (int32_t i = 0, end; i < BINS; i = end) {
        const float  code = code_at(h, i, q);
        const double a = (((double)code - q->zero) * (double)q->scale - h->low) / h->width - 0.5;
        end = end_of_code(h, i, code, q);
        const double n = (double)(h->sum[end][0] - h->sum[i][0]);
        const double sum = (double)(h->sum[end][1] - h->sum[i][1]);
        error += (double)(h->sum[end][2] - h->sum[i][2]) - 2 * a * sum + a * a * n;
    }
    return error * h->width * h->width;
}

static double error_of(const histogram *h, const ssmq_range *clip, const ssmq_qspec *spec)
{
    const float steps = (float)(ssmq_code_max(spec) - ssmq_code_min(spec));
    const float scale = spec->symmetric ? ssmq_scale(clip->high, ssmq_code_limit(spec), spec)
                                        : ssmq_scale(clip->high - clip->low, steps, spec);
    if (!(scale > 0)) return INFINITY; /* too small for half precision */
    const quantiser q = {
        spec, scale, spec->symmetric ? 0 : (int32_t)rintf((float)ssmq_code_min(spec) - clip->low / scale)};
    /* About four codes are computed to find the end of one. */
    const bool by_codes = spec->format == SSMQ_FORMAT_INT && h->n_filled > 4 << spec->bits;
    return by_codes ? error_by_codes(h, &q) : error_by_bins(h, &q);
}

static ssmq_status mse_range(const void *options, const ssmq_tensor *x, const ssmq_qspec *spec,
                             ssmq_range *out)
{
    const mse_options *o = options;
    const ssmq_tensor  rows = ssmq_tensor_rows(x);
    const ssmq_range   whole = whole_range(&rows, spec);
    double             least = INFINITY;
    *out = whole;
    if (!(whole.high > whole.low)) return SSMQ_OK; /* all zero */
    histogram *h = calloc(1, sizeof *h);
    if (!h) return SSMQ_FAIL(MEMORY, "no memory for a histogram");
    count_values(&rows, &whole, h);
    for (int i = o->candidates; i > 0; i--) {
        const float      f = (float)i / (float)o->candidates;
        const ssmq_range clip = {whole.low * f, whole.high * f};
        const double     error = error_of(h, &clip, spec);
        if (error >= least) continue; /* of equal ones, the widest */
        least = error;
        *out = clip;
    }
    free(h);
    return SSMQ_OK;
}

const ssmq_statistic ssmq_statistic_mse = {
    .name = "mse",
    .source = "clip range of least squared error, searched (after arXiv:1810.05723)",
    .options = mse_table,
    .options_size = sizeof(mse_options),
    .floor = true,
    .dataset = "mse_high",
    .dataset_low = "mse_low",
    .range = mse_range,
};
