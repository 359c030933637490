/* The smallest and the largest value of a sample; the larger magnitude where the spec is symmetric. */
#include <math.h>
#include "quant/observers.h"

static const ssmq_option minmax_table[] = {{0}};

static ssmq_range range_of(float low, float high, const ssmq_qspec *spec)
{
    const float most = fmaxf(-low, high);
    return spec->symmetric ? (ssmq_range){-most, most} : (ssmq_range){low, high};
}

static ssmq_status minmax_range(const void *options, const ssmq_tensor *x, const ssmq_qspec *spec,
                                ssmq_range *out)
{
    const ssmq_tensor rows = ssmq_tensor_runs(x);
    const float      *data = rows.data;
    float             low = data[0], high = data[0];
    (void)options;
    for (int64_t i = 0; i < rows.dim[0]; i++)
        for (int64_t j = 0; j < rows.dim[1]; j++) {
            const float v = data[i * rows.stride[0] + j];
            low = v < low ? v : low;
            high = v > high ? v : high;
        }
    *out = range_of(low, high, spec);
    return SSMQ_OK;
}

static bool minmax_replay(const void *options, const ssmq_record *r, const ssmq_qspec *spec,
                          ssmq_range *out)
{
    (void)options;
    *out = range_of(r->low, r->high, spec);
    return true;
}

const ssmq_statistic ssmq_statistic_minmax = {
    .name = "minmax",
    .source = "smallest and largest value",
    .options = minmax_table,
    .options_size = 1,
    .floor = true,
    .dataset = "max",
    .dataset_low = "min",
    .range = minmax_range,
    .replay = minmax_replay,
};
