/* The largest |x| of a sample (the "min-max" of quant/quamba-spec.md, 2.6). */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "quant/observers.h"

static const ssmq_option absmax_table[] = {{0}};

/* Floats of one sign are ordered as the integers with their bits, so the compiler may use vector
 * maxima without being told to ignore NaN; signed, which even old processors compare in vectors. */
static int32_t row_max(const float *x, int64_t n, int32_t most)
{
    for (int64_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    return most;
}

static ssmq_status absmax_range(const void *options, const ssmq_tensor *x, const ssmq_qspec *spec,
                                ssmq_range *out)
{
    (void)options;
    (void)spec;
    const ssmq_tensor rows = ssmq_tensor_runs(x);
    const float      *data = rows.data;
    int32_t           most = 0;
    for (int64_t i = 0; i < rows.dim[0]; i++)
        most = row_max(data + i * rows.stride[0], rows.dim[1], most);
    memcpy(&out->high, &most, sizeof out->high);
    out->low = -out->high;
    return SSMQ_OK;
}

static bool absmax_replay(const void *options, const ssmq_record *r, const ssmq_qspec *spec,
                          ssmq_range *out)
{
    (void)options;
    (void)spec;
    out->high = fmaxf(fabsf(r->low), fabsf(r->high));
    out->low = -out->high;
    return true;
}

const ssmq_statistic ssmq_statistic_absmax = {
    .name = "absmax",
    .source = "largest absolute value; raised to 1e-5 (Quamba, quant/quamba-spec.md, 2.6)",
    .options = absmax_table,
    .options_size = 1,
    .floor = true,
    .dataset = "absmax",
    .range = absmax_range,
    .replay = absmax_replay,
};
