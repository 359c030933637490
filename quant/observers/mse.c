/* The clip range with the least squared error: candidates are fractions of the whole range, the error of
 * each is taken from a histogram of the sample, with the values of a bin at its middle.
 * Source: the clip search of Banner et al., arXiv:1810.05723, by search in place of a fitted law. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/tensor/grid.h"
#include "quant/observers.h"

/* A bin is 1/8192 of the range: far below the step of any code up to 12 bits. */
#define BINS SSMQ_GRID_CELLS

typedef struct mse_options {
    int candidates;
} mse_options;

static const ssmq_option mse_table[] = {
    {"candidates", offsetof(mse_options, candidates), SSMQ_OPTION_INT, "100", 2, 1000, NULL,
     "clip ranges that are tried, evenly spaced"},
    {0},
};

static float float_of(int32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The whole range of a sample, with 0, as the spec will use it. */
static ssmq_range whole_range(const ssmq_tensor *rows, const ssmq_qspec *spec)
{
    const ssmq_grid_loops *loops = ssmq_grid_loops_best();
    int32_t                above = 0, below = 0;
    for (int64_t i = 0; i < rows->dim[0]; i++)
        loops->extremes((const float *)rows->data + i * rows->stride[0], rows->dim[1], &above, &below);
    const float low = 0 - float_of(below), high = float_of(above), most = fmaxf(-low, high);
    return spec->symmetric ? (ssmq_range){-most, most} : (ssmq_range){low, high};
}

/* ---- the histogram --------------------------------------------------------------------- */

/* Values of a sample by bins.  Sums are over the bins before i, of 1, i and i * i for each value: whole
 * numbers, so exact. */
typedef struct histogram {
    double   low, width;
    uint32_t count[BINS];
    int32_t  filled[BINS], n_filled; /* bins that hold values, ascending */
    int64_t  sum[BINS + 1][3];
} histogram;

static int32_t bin_of(const histogram *h, float x)
{
    const double at = ((double)x - h->low) / h->width;
    return at < BINS - 1 ? (at > 0 ? (int32_t)at : 0) : BINS - 1;
}

static void count_row(const float *x, int64_t n, histogram *h)
{
    const ssmq_grid_loops *loops = ssmq_grid_loops_best();
    const double           per_bin = 1 / h->width;
    for (int64_t i = 0; i < n; i += SSMQ_GRID_PIECE) {
        const int64_t left = n - i < SSMQ_GRID_PIECE ? n - i : SSMQ_GRID_PIECE;
        int32_t       bin[SSMQ_GRID_PIECE];
        if (left < SSMQ_GRID_PIECE || !loops->cells(x + i, h->low, per_bin, bin))
            for (int64_t k = 0; k < left; k++) bin[k] = bin_of(h, x[i + k]);
        for (int64_t k = 0; k < left; k++) h->count[bin[k]]++;
    }
}

static void count_values(const ssmq_tensor *rows, const ssmq_range *r, histogram *h)
{
    h->low = (double)r->low;
    h->width = ((double)r->high - h->low) / BINS;
    for (int64_t i = 0; i < rows->dim[0]; i++)
        count_row((const float *)rows->data + i * rows->stride[0], rows->dim[1], h);
    for (int32_t i = 0; i < BINS; i++) {
        const int64_t n = h->count[i], k = i;
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

/* The place of a code among the bins. */
static double place_of(const histogram *h, float code, const quantiser *q)
{
    return (((double)code - q->zero) * (double)q->scale - h->low) / h->width - 0.5;
}

/* The sum of n (i - a)^2 over the bins begin .. end. */
static double error_around(const histogram *h, int32_t begin, int32_t end, double a)
{
    const double n = (double)(h->sum[end][0] - h->sum[begin][0]);
    const double sum = (double)(h->sum[end][1] - h->sum[begin][1]);
    return (double)(h->sum[end][2] - h->sum[begin][2]) - 2 * a * sum + a * a * n;
}

/* Do codes follow one another, two bins each at least, and round to nearest?  Then the end of one is known
 * without a look at the codes of bins, unless it is so close to the middle of a bin that the rounding of float
 * decides, which is by less than 1/500 of a bin. */
#define CLOSE 0.01
static bool is_regular(const histogram *h, const quantiser *q)
{
    return q->spec->rounding != SSMQ_ROUNDING_TRUNCATE && q->spec->quotient_dtype == SSMQ_PRECISION_F32 &&
           (double)q->scale >= 2 * h->width;
}

static int32_t end_of_regular(const histogram *h, int32_t begin, float code, const quantiser *q, double edge)
{
    if (code >= (float)ssmq_code_max(q->spec)) return BINS;
    if (edge >= BINS) return BINS;
    const int32_t end = (int32_t)edge + 1;
    const double  part = edge - (double)(end - 1);
    if (end <= begin || part < CLOSE || part > 1 - CLOSE) return end_of_code(h, begin, code, q);
    return end;
}

/* The same for integers, code by code: the sum over the bins of one of n (i - a)^2, with a the place of the code
 * among the bins.  No further than up to most: what is more is infinite. */
static double error_by_codes(const histogram *h, const quantiser *q, double most)
{
    const bool   regular = is_regular(h, q);
    const double square = h->width * h->width, step = (double)q->scale / h->width;
    float        code = code_at(h, 0, q);
    double       error = 0;
    for (int32_t i = 0, end; i < BINS; i = end) {
        if (!regular) code = code_at(h, i, q);
        const double a = place_of(h, code, q);
        end = regular ? end_of_regular(h, i, code, q, a + 0.5 * step) : end_of_code(h, i, code, q);
        error += error_around(h, i, end, a);
        if (error * square > most) return INFINITY;
        code++;
    }
    return error * square;
}

/* Of what is beyond the codes alone, on both sides, but for bins that may be within: no more than the error. */
static double least_error_by_codes(const histogram *h, const quantiser *q)
{
    const double  low = place_of(h, (float)ssmq_code_min(q->spec), q);
    const double  high = place_of(h, (float)ssmq_code_max(q->spec), q);
    const int32_t below = low > 1 ? (low < BINS ? (int32_t)low : BINS) : 0;
    const int32_t above = high < BINS - 2 ? (high > 0 ? (int32_t)high + 2 : 0) : BINS;
    return (error_around(h, 0, below, low) + error_around(h, above, BINS, high)) * h->width * h->width;
}

/* Infinite where it is certain to be more than least. */
static double error_of(const histogram *h, const ssmq_range *clip, const ssmq_qspec *spec, double least)
{
    const float steps = (float)(ssmq_code_max(spec) - ssmq_code_min(spec));
    const float scale = spec->symmetric ? ssmq_scale(clip->high, ssmq_code_limit(spec), spec)
                                        : ssmq_scale(clip->high - clip->low, steps, spec);
    if (!(scale > 0)) return INFINITY; /* too small for half precision */
    const quantiser q = {
        spec, scale, spec->symmetric ? 0 : (int32_t)rintf((float)ssmq_code_min(spec) - clip->low / scale)};
    /* About four codes are computed to find the end of one. */
    const bool by_codes = spec->format == SSMQ_FORMAT_INT && h->n_filled > 4 << spec->bits;
    if (!by_codes) return error_by_bins(h, &q);
    /* The sums of a code's bins are off by less than 2^-50 of n * BINS^2, and may be below zero by that. */
    const double slack = (double)h->sum[BINS][0] * BINS * BINS * 0x1p-48 * h->width * h->width;
    const double most = least * (1 + 1e-9) + slack;
    return least_error_by_codes(h, &q) > most ? INFINITY : error_by_codes(h, &q, most);
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
        const double     error = error_of(h, &clip, spec, least);
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
