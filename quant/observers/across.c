/* How the ranges of the calibration samples become one. */
#include "quant/observers.h"

static const ssmq_option max_table[] = {{0}}; /* of all that have no options */

/* The first of the largest counts for all. */
static float max_combine(const void *options, const float *value, int64_t n, float *weight)
{
    (void)options;
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        weight[i] = 0;
        if (value[i] > value[at]) at = i;
    }
    weight[at] = 1;
    return value[at];
}

static void max_add(const void *options, double *state, float value, int64_t i)
{
    (void)options;
    if (i == 0 || (double)value > *state) *state = (double)value;
}

static float as_it_is(const void *options, double state, int64_t n)
{
    (void)options;
    (void)n;
    return (float)state;
}

const ssmq_across ssmq_across_max = {
    .name = "max",
    .source = "largest of the samples",
    .options = max_table,
    .options_size = 1,
    .combine = max_combine,
    .add = max_add,
    .result = as_it_is,
};

static float mean_combine(const void *options, const float *value, int64_t n, float *weight)
{
    double sum = 0;
    (void)options;
    for (int64_t i = 0; i < n; i++) {
        weight[i] = (float)(1.0 / (double)n);
        sum += (double)value[i];
    }
    return (float)(sum / (double)n);
}

static void mean_add(const void *options, double *state, float value, int64_t i)
{
    (void)options;
    (void)i;
    *state += (double)value;
}

static float mean_result(const void *options, double state, int64_t n)
{
    (void)options;
    return (float)(state / (double)n);
}

const ssmq_across ssmq_across_mean = {
    .name = "mean",
    .source = "arithmetic mean of the samples",
    .options = max_table,
    .options_size = 1,
    .combine = mean_combine,
    .add = mean_add,
    .result = mean_result,
};

/* How many of value (n) stand before value[i] in order, equal ones by their place. */
static int64_t rank_of(const float *value, int64_t n, int64_t i)
{
    int64_t rank = 0;
    for (int64_t j = 0; j < n; j++)
        rank += value[j] < value[i] || (value[j] == value[i] && j < i);
    return rank;
}

/* The middle sample, or the mean of the two in the middle. */
static float median_combine(const void *options, const float *value, int64_t n, float *weight)
{
    float sum = 0;
    (void)options;
    for (int64_t i = 0; i < n; i++) {
        const int64_t rank = rank_of(value, n, i);
        weight[i] = (rank == (n - 1) / 2 ? 0.5f : 0.0f) + (rank == n / 2 ? 0.5f : 0.0f);
        sum += weight[i] * value[i];
    }
    return sum;
}

const ssmq_across ssmq_across_median = {
    .name = "median",
    .source = "median of the samples",
    .options = max_table,
    .options_size = 1,
    .combine = median_combine,
};

typedef struct ema_options {
    double rate;
} ema_options;

static const ssmq_option ema_table[] = {
    {"rate", offsetof(ema_options, rate), SSMQ_OPTION_REAL, "0.01", 0, 1, NULL,
     "what a new sample counts for"},
    {0},
};

/* w = first sample, then w += rate * (sample - w): the first of n keeps (1 - rate)^(n - 1). */
static float ema_combine(const void *options, const float *value, int64_t n, float *weight)
{
    const ema_options *o = options;
    const float        rate = (float)o->rate;
    float              w = value[0];
    for (int64_t i = 1; i < n; i++) w += rate * (value[i] - w);
    double left = 1;
    for (int64_t i = n - 1; i > 0; i--) {
        weight[i] = (float)(left * o->rate);
        left *= 1 - o->rate;
    }
    weight[0] = (float)left;
    return w;
}

/* The state holds a float. */
static void ema_add(const void *options, double *state, float value, int64_t i)
{
    const float rate = (float)((const ema_options *)options)->rate, w = (float)*state;
    *state = (double)(i == 0 ? value : w + rate * (value - w));
}

const ssmq_across ssmq_across_ema = {
    .name = "ema",
    .source = "running average from the first sample (Quamba, quant/quamba-spec.md, 2.6)",
    .options = ema_table,
    .options_size = sizeof(ema_options),
    .combine = ema_combine,
    .add = ema_add,
    .result = as_it_is,
};
