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

/* The whole range of a sample, as the spec will use it. */
static ssmq_range whole_range(const ssmq_tensor *rows, const ssmq_qspec *spec)
{
    const float *data = rows->data;
    float        low = 0, high = 0;
    for (int64_t i = 0; i < rows->dim[0]; i++)
        for (int64_t j = 0; j < rows->dim[1]; j++) {
            const float v = data[i * rows->stride[0] + j];
            low = fminf(low, v);
            high = fmaxf(high, v);
        }
    const float most = fmaxf(-low, high);
    return spec->symmetric ? (ssmq_range){-most, most} : (ssmq_range){low, high};
}

static void count_values(const ssmq_tensor *rows, const ssmq_range *r, uint32_t *count)
{
    const float *data = rows->data;
    const double width = ((double)r->high - (double)r->low) / BINS;
    for (int64_t i = 0; i < rows->dim[0]; i++)
        for (int64_t j = 0; j < rows->dim[1]; j++) {
            const double at = ((double)data[i * rows->stride[0] + j] - (double)r->low) / width;
            count[at < BINS - 1 ? (at > 0 ? (int64_t)at : 0) : BINS - 1]++;
        }
}

/* Squared error of the sample under a clip range. */
static double error_of(const uint32_t *count, const ssmq_range *whole, const ssmq_range *clip,
                       const ssmq_qspec *spec)
{
    const double width = ((double)whole->high - (double)whole->low) / BINS;
    const float  steps = (float)(ssmq_code_max(spec) - ssmq_code_min(spec));
    const float  scale = spec->symmetric ? ssmq_scale(clip->high, ssmq_code_limit(spec), spec)
                                         : ssmq_scale(clip->high - clip->low, steps, spec);
    if (!(scale > 0)) return INFINITY; /* too small for half precision */
    const int32_t zero =
        spec->symmetric ? 0 : (int32_t)rintf((float)ssmq_code_min(spec) - clip->low / scale);
    double error = 0;
    for (int64_t i = 0; i < BINS; i++) {
        if (!count[i]) continue;
        const double x = (double)whole->low + ((double)i + 0.5) * width;
        const float  code = ssmq_code_value((float)x, scale, zero, spec);
        const double d = ((double)code - zero) * (double)scale - x;
        error += d * d * count[i];
    }
    return error;
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
    uint32_t *count = calloc(BINS, sizeof *count);
    if (!count) return SSMQ_FAIL(MEMORY, "no memory for a histogram");
    count_values(&rows, &whole, count);
    for (int i = o->candidates; i > 0; i--) {
        const float      f = (float)i / (float)o->candidates;
        const ssmq_range clip = {whole.low * f, whole.high * f};
        const double     error = error_of(count, &whole, &clip, spec);
        if (error >= least) continue; /* of equal ones, the widest */
        least = error;
        *out = clip;
    }
    free(count);
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
