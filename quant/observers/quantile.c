/* The p-quantile of |x| over a sample, or those at p and 100 - p of x where the spec has a zero
 * point, linearly interpolated: with v sorted ascending and
 * r = p / 100 * (n - 1), v[floor r] + frac(r) * (v[floor r + 1] - v[floor r]).
 * Source: quant/quamba-spec.md, 2.6.
 *
 * Exact, or out of a histogram (tensor/histogram.h), where a value is known to 1/128 of itself. */
#include <stdlib.h>
#include "harness/tensor/histogram.h"
#include "harness/tensor/quantiles.h"
#include "quant/observers.h"

typedef struct quantile_options {
    double p;
    int    estimate; /* of estimates */
} quantile_options;

static const char *const estimates[] = {"exact", "floatbits16", NULL};
enum { ESTIMATE_EXACT, ESTIMATE_FLOATBITS16 };

static const ssmq_option quantile_table[] = {
    {"p", offsetof(quantile_options, p), SSMQ_OPTION_REAL, NULL, 0, 100, NULL,
     "the quantile of |x|, in per cent"},
    {"estimate", offsetof(quantile_options, estimate), SSMQ_OPTION_CHOICE, "exact", 0, 0, estimates,
     "exact, or from a histogram in bins of 1/128 of their lower end, kept for each sample"},
    {0},
};

static ssmq_status exact_range(const quantile_options *o, const ssmq_tensor *x, const ssmq_qspec *spec,
                               ssmq_range *out)
{
    const double             low = 100 - o->p;
    const ssmq_quantile_list list[2] = {{spec->symmetric, 1, &o->p, &out->high, NULL},
                                        {false, 1, &low, &out->low, NULL}};
    SSMQ_TRY(ssmq_quantiles(x, list, spec->symmetric ? 1 : 2));
    if (spec->symmetric) out->low = -out->high;
    return SSMQ_OK;
}

/* Out of the negative values of a sample, and the others; one of the two may be empty. */
static ssmq_range estimate(const quantile_options *o, const ssmq_histogram *half, const ssmq_qspec *spec)
{
    if (spec->symmetric) {
        const float high = (float)ssmq_histogram_folded_quantile(&half[0], &half[1], o->p, NULL);
        return (ssmq_range){-high, high};
    }
    return (ssmq_range){
        (float)ssmq_histogram_signed_quantile(&half[0], &half[1], 100 - o->p, NULL),
        (float)ssmq_histogram_signed_quantile(&half[0], &half[1], o->p, NULL)};
}

static ssmq_status estimated_range(const quantile_options *o, const ssmq_tensor *x,
                                   const ssmq_qspec *spec, ssmq_range *out)
{
    ssmq_histogram *half = calloc(2, sizeof *half);
    if (!half) return SSMQ_FAIL(MEMORY, "no memory for a histogram");
    ssmq_histogram_add(&half[0], x, SSMQ_HALF_NEGATIVE);
    ssmq_histogram_add(&half[1], x, SSMQ_HALF_NONNEGATIVE);
    *out = estimate(o, half, spec);
    free(half);
    return SSMQ_OK;
}

static ssmq_status quantile_range(const void *options, const ssmq_tensor *x, const ssmq_qspec *spec,
                                  ssmq_range *out)
{
    const quantile_options *o = options;
    return (o->estimate == ESTIMATE_EXACT ? exact_range : estimated_range)(o, x, spec, out);
}

/* A quantile that was not collected may lie in the tail. */
static bool out_of_tail(const quantile_options *o, const ssmq_tail *tail, const ssmq_qspec *spec, ssmq_range *out)
{
    if (!spec->symmetric)
        return ssmq_tail_quantile(tail, SSMQ_TAIL_LOW, o->p, &out->low) &&
               ssmq_tail_quantile(tail, SSMQ_TAIL_HIGH, o->p, &out->high);
    if (!ssmq_tail_quantile(tail, SSMQ_TAIL_MAGNITUDE, o->p, &out->high)) return false;
    out->low = -out->high;
    return true;
}

static bool quantile_replay(const void *options, const ssmq_record *r, const ssmq_qspec *spec,
                            ssmq_range *out)
{
    const quantile_options *o = options;
    if (o->estimate == ESTIMATE_FLOATBITS16) {
        if (r->half) *out = estimate(o, r->half, spec);
        return r->half != NULL;
    }
    int32_t i = 0;
    while (i < r->n_level && r->level[i] != o->p) i++;
    if (i == r->n_level || (!spec->symmetric && !r->value)) return out_of_tail(o, &r->tail, spec, out);
    *out = spec->symmetric ? (ssmq_range){-r->magnitude[i], r->magnitude[i]} : r->value[i];
    return true;
}

static bool quantile_histogram(const void *options)
{
    return ((const quantile_options *)options)->estimate == ESTIMATE_FLOATBITS16;
}

static double quantile_level(const void *options)
{
    return ((const quantile_options *)options)->p;
}

const ssmq_statistic ssmq_statistic_quantile = {
    .name = "quantile",
    .source = "quantile of |x|, linear interpolation (Quamba, quant/quamba-spec.md, 2.6)",
    .options = quantile_table,
    .options_size = sizeof(quantile_options),
    .floor = true,
    .dataset = "abs_quantile",
    .dataset_low = "low_quantile",
    .quantile = quantile_level,
    .range = quantile_range,
    .replay = quantile_replay,
    .histogram = quantile_histogram,
};
