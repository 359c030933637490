#include "tests/support/definition.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "quant/observers.h"
#include "quant/select.h"
#include "tests/support/check.h"

/* Numbers that share a scale: rows and columns [0], [1). */
typedef struct unit {
    int64_t row[2], column[2];
} unit;

static bool is_kept(const test_linear *t, int64_t channel)
{
    for (int64_t i = 0; i < t->n_keep; i++)
        if (t->keep[i] == channel) return true;
    return false;
}

/* Of x (.., K), without kept channels. */
static ssmq_range range_of(const test_linear *t, const float *x, int64_t K, const unit *u)
{
    ssmq_range range = {0};
    for (int64_t i = u->row[0]; i < u->row[1]; i++)
        for (int64_t j = u->column[0]; j < u->column[1]; j++) {
            if (is_kept(t, j)) continue;
            range.low = fminf(range.low, x[i * K + j]);
            range.high = fmaxf(range.high, x[i * K + j]);
        }
    return range;
}

static void quantise_unit(const test_linear *t, double *out, const float *x, int64_t K,
                          const ssmq_qspec *s, const unit *u)
{
    const ssmq_range range = range_of(t, x, K, u);
    float            scale =
        ssmq_rounded_to(fmaxf(-range.low, range.high) / ssmq_code_limit(s), s->scale_dtype);
    int32_t zero = 0;
    if (!s->symmetric) {
        const float least = (float)ssmq_code_min(s), limit = (float)ssmq_code_max(s);
        scale = ssmq_rounded_to((range.high - range.low) / (limit - least), s->scale_dtype);
        zero = (int32_t)rintf(least - range.low / scale);
    }
    for (int64_t i = u->row[0]; i < u->row[1]; i++)
        for (int64_t j = u->column[0]; j < u->column[1]; j++) {
            double *at = &out[i * K + j];
            if (is_kept(t, j)) continue;
            *at = ((double)ssmq_code_value(x[i * K + j], scale, zero, s) - zero) * (double)scale;
            if (s->product_dtype) *at = (double)ssmq_rounded_to((float)*at, s->product_dtype);
        }
}

/* x (M, K) as the spec leaves it. */
static double *simulated(const test_linear *t, const float *x, int64_t M, int64_t K,
                         const ssmq_qspec *s, bool weight)
{
    double *out = malloc((size_t)(M * K) * sizeof *out);
    for (int64_t i = 0; i < M * K; i++) out[i] = (double)x[i];
    if (s->bits == 0) return out;
    int64_t rows = M, columns = K;
    if (s->scope == SSMQ_SCOPE_TENSOR && s->dynamic) rows = t->length;
    if (s->scope == SSMQ_SCOPE_TOKEN || (weight && s->scope != SSMQ_SCOPE_TENSOR)) rows = 1;
    if (s->scope == SSMQ_SCOPE_GROUP) columns = s->group;
    if (s->scope == SSMQ_SCOPE_CHANNEL && !weight) columns = 1;
    for (int64_t i = 0; i < M; i += rows)
        for (int64_t j = 0; j < K; j += columns)
            quantise_unit(t, out, x, K, s, &(unit){{i, i + rows}, {j, j + columns}});
    return out;
}

/* The scales of an activation site whose calibration has seen x (M, K) itself. */
static void assign_activation(const test_linear *t, ssmq_plan *plan, const ssmq_qspec *s, int64_t M,
                              int64_t K)
{
    ssmq_assign(plan, t->site_x, s, NULL);
    if (s->bits == 0 || s->dynamic) return;
    ssmq_range   *range = malloc((size_t)K * sizeof *range);
    const bool    channels = s->scope == SSMQ_SCOPE_CHANNEL;
    const int64_t n = channels ? K : 1;
    for (int64_t j = 0; j < n; j++) {
        range[j] = range_of(t, t->x, K, &(unit){{0, M}, {channels ? j : 0, channels ? j + 1 : K}});
        if (s->symmetric) range[j].high = fmaxf(-range[j].low, range[j].high);
    }
    CHECK_OK(ssmq_params_of_ranges(plan, t->site_x, range, channels ? 1 : 0, &n));
    free(range);
}

/* Of y (M, N) from x w^T. */
static double error_of(const float *y, const double *x, const double *w, int64_t M, int64_t N,
                       int64_t K)
{
    double most = 0;
    for (int64_t m = 0; m < M; m++)
        for (int64_t n = 0; n < N; n++) {
            double sum = 0, size = 0;
            for (int64_t k = 0; k < K; k++) {
                sum += x[m * K + k] * w[n * K + k];
                size += fabs(x[m * K + k] * w[n * K + k]);
            }
            const double e = fabs((double)y[m * N + n] - sum) / (size + 1e-30);
            if (!(e <= most)) most = e;
        }
    return most;
}

/* y (sequences, length, N) as exec computes it; x is rounded in place. */
static void run(ssmq_backend *be, const test_linear *t, const ssmq_plan *plan, ssmq_tensor *x,
                ssmq_tensor *y)
{
    ssmq_exec *ex;
    CHECK_OK(ssmq_exec_open(be, t->m, plan, SSMQ_MODE_FAKE, &ex));
    CHECK_OK(ssmq_exec_site(ex, t->site_x, x));
    CHECK_OK(ssmq_exec_linear(ex, y, t->site_x, t->site_w, -1, x, NULL));
    ssmq_exec_close(ex);
}

double test_linear_error(ssmq_backend *be, const test_linear *t, const ssmq_qspec *sx,
                         const ssmq_qspec *sw)
{
    const ssmq_tensor  *w = &t->m->weight[t->m->site[t->site_w].weight].value;
    const int64_t       K = w->dim[1], N = w->dim[0], M = t->sequences * t->length;
    const ssmq_observer observer = {.statistic = &ssmq_statistic_minmax, .text = "{}"};
    float  *x = malloc((size_t)(M * K) * sizeof *x), *y = calloc((size_t)(M * N), sizeof *y);
    double *want_x = simulated(t, t->x, M, K, sx, false),
           *want_w = simulated(t, w->data, N, K, sw, true);
    ssmq_plan  *plan = ssmq_plan_new(t->m);
    ssmq_tensor tx = SSMQ_TENSOR(x, SSMQ_F32, t->sequences, t->length, K),
                ty = SSMQ_TENSOR(y, SSMQ_F32, t->sequences, t->length, N);
    memcpy(x, t->x, (size_t)(M * K) * sizeof *x);
    if (t->n_keep)
        plan->at[t->site_x].keep = SSMQ_TENSOR((void *)(uintptr_t)t->keep, SSMQ_I32, t->n_keep);
    assign_activation(t, plan, sx, M, K);
    ssmq_assign(plan, t->site_w, sw, NULL);
    if (sw->bits) CHECK_OK(ssmq_weight_params(plan, t->site_w, &observer));
    run(be, t, plan, &tx, &ty);
    const double e = error_of(y, want_x, want_w, M, N, K);
    ssmq_plan_free(plan);
    free(x);
    free(y);
    free(want_x);
    free(want_w);
    return e;
}
