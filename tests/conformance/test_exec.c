/* What exec computes under a plan, against the definition: each number quantised by ssmq_code_value() with
 * the scale of its unit, dequantised, multiplied and summed in float64. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "quant/methods.h"
#include "quant/observers.h"
#include "quant/select.h"
#include "tests/support/check.h"
#include "tests/support/forward.h"
#include "tests/support/models.h"

#define B 2
#define L 5
#define SEED 11u
#define BACKENDS 4
#define HALF                                                                         \
    .scale_dtype = SSMQ_PRECISION_F16, .quotient_dtype = SSMQ_PRECISION_F16,         \
    .product_dtype = SSMQ_PRECISION_F16

/* A spec for an activation and how its ranges are laid out here: by element of (B, L, K). */
static const ssmq_qspec activation_specs[] = {
    {.bits = 0},
    {.bits = 8, .symmetric = true},
    {.bits = 4, .symmetric = true, .rounding = SSMQ_ROUNDING_HALF_AWAY},
    {.bits = 8},
    {.format = SSMQ_FORMAT_E4M3, .bits = 8, .symmetric = true},
    {.format = SSMQ_FORMAT_E5M2, .bits = 8, .symmetric = true},
    {.bits = 8, .symmetric = true, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 8, .symmetric = true, .dynamic = true},
    {.bits = 6, .dynamic = true},
    {.bits = 8, .symmetric = true, .dynamic = true, .scope = SSMQ_SCOPE_TOKEN},
    {.bits = 8, .dynamic = true, .scope = SSMQ_SCOPE_TOKEN},
    {.bits = 8, .symmetric = true, HALF},
    {.bits = 8, .dynamic = true, HALF},
    {.bits = 8, .symmetric = true, .dynamic = true, .scope = SSMQ_SCOPE_TOKEN, HALF},
    {.format = SSMQ_FORMAT_E4M3, .bits = 8, .symmetric = true, HALF},
    {.bits = 6, .symmetric = true, .quotient_dtype = SSMQ_PRECISION_F16},
};
static const ssmq_qspec weight_specs[] = {
    {.bits = 0},
    {.bits = 8, .symmetric = true},
    {.bits = 16, .symmetric = true, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 4, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 3, .symmetric = true, .scope = SSMQ_SCOPE_GROUP, .group = 4},
    {.bits = 4, .scope = SSMQ_SCOPE_GROUP, .group = 4},
    {.format = SSMQ_FORMAT_E4M3, .bits = 8, .symmetric = true, .scope = SSMQ_SCOPE_CHANNEL},
    {.bits = 8, .symmetric = true, HALF},
    {.bits = 4, .scope = SSMQ_SCOPE_GROUP, .group = 4, HALF},
};

/* The range of rows [r0, r1) and columns [c0, c1) of x (.., K). */
static ssmq_range range_of(const float *x, int64_t K, const int64_t r[2], const int64_t c[2])
{
    ssmq_range range = {0};
    for (int64_t i = r[0]; i < r[1]; i++)
        for (int64_t j = c[0]; j < c[1]; j++) {
            range.low = fminf(range.low, x[i * K + j]);
            range.high = fmaxf(range.high, x[i * K + j]);
        }
    return range;
}

/* The definition: a unit's numbers through the quantiser and back. */
static void quantise_unit(double *out, const float *x, int64_t K, const ssmq_qspec *s,
                          const int64_t r[2], const int64_t c[2])
{
    const ssmq_range range = range_of(x, K, r, c);
    const float      most = fmaxf(-range.low, range.high);
    float            scale = ssmq_rounded_to(most / ssmq_code_limit(s), s->scale_dtype);
    int32_t          zero = 0;
    if (!s->symmetric) {
        const float least = (float)ssmq_code_min(s), limit = (float)ssmq_code_max(s);
        scale = ssmq_rounded_to((range.high - range.low) / (limit - least), s->scale_dtype);
        zero = (int32_t)rintf(least - range.low / scale);
    }
    for (int64_t i = r[0]; i < r[1]; i++)
        for (int64_t j = c[0]; j < c[1]; j++) {
            double *at = &out[i * K + j];
            *at = ((double)ssmq_code_value(x[i * K + j], scale, zero, s) - zero) * (double)scale;
            if (s->product_dtype) *at = (double)ssmq_rounded_to((float)*at, s->product_dtype);
        }
}

/* x (M, K) as the spec leaves it; sequence: rows of one sequence. */
static double *simulated(const float *x, int64_t M, int64_t K, const ssmq_qspec *s, bool weight,
                         int64_t sequence)
{
    double *out = malloc((size_t)(M * K) * sizeof *out);
    for (int64_t i = 0; i < M * K; i++) out[i] = (double)x[i];
    if (s->bits == 0) return out;
    int64_t rows = M, columns = K;
    if (s->scope == SSMQ_SCOPE_TENSOR && s->dynamic) rows = sequence;
    if (s->scope == SSMQ_SCOPE_TOKEN || (weight && s->scope != SSMQ_SCOPE_TENSOR)) rows = 1;
    if (s->scope == SSMQ_SCOPE_GROUP) columns = s->group;
    if (s->scope == SSMQ_SCOPE_CHANNEL && !weight) columns = 1;
    for (int64_t i = 0; i < M; i += rows)
        for (int64_t j = 0; j < K; j += columns)
            quantise_unit(out, x, K, s, (const int64_t[]){i, i + rows},
                          (const int64_t[]){j, j + columns});
    return out;
}

/* The scales of an activation site whose calibration has seen x (M, K) itself. */
static void assign_activation(ssmq_plan *plan, int32_t site, const ssmq_qspec *s, const float *x,
                              int64_t M, int64_t K)
{
    ssmq_assign(plan, site, s, NULL);
    if (s->bits == 0 || s->dynamic) return;
    ssmq_range   *range = malloc((size_t)K * sizeof *range);
    const bool    channels = s->scope == SSMQ_SCOPE_CHANNEL;
    const int64_t n = channels ? K : 1;
    for (int64_t j = 0; j < n; j++) {
        range[j] = range_of(x, K, (const int64_t[]){0, M},
                            (const int64_t[]){channels ? j : 0, channels ? j + 1 : K});
        if (s->symmetric) range[j].high = fmaxf(-range[j].low, range[j].high);
    }
    CHECK_OK(ssmq_params_of_ranges(plan, site, range, channels ? 1 : 0, &n));
    free(range);
}

/* Largest difference of y (M, N) from x w^T, relative to sum |x| |w|: float products and sums round. */
static double error_of(const float *y, const double *x, const double *w, int64_t M, int64_t N, int64_t K)
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

static void check_linear(const test_backend *b, ssmq_model *m, const ssmq_qspec *sx,
                         const ssmq_qspec *sw)
{
    const int32_t      site_x = ssmq_model_site(m, "layers.0.in_proj.in");
    const int32_t      site_w = ssmq_model_site(m, "layers.0.in_proj.weight");
    const ssmq_tensor *w = &m->weight[m->site[site_w].weight].value;
    const int64_t      K = w->dim[1], N = w->dim[0], M = B * L;
    float             *x = malloc((size_t)(M * K) * sizeof *x), *y = calloc((size_t)(M * N), sizeof *y);
    int32_t           *noise = malloc((size_t)(M * K) * sizeof *noise);
    test_tokens(noise, (int32_t)(M * K), 2001, SEED);
    for (int64_t i = 0; i < M * K; i++) x[i] = (float)(noise[i] - 900) * 1e-3f * (float)(1 + i % 5);
    double *want_x = simulated(x, M, K, sx, false, L), *want_w = simulated(w->data, N, K, sw, true, 0);

    ssmq_plan          *plan = ssmq_plan_new(m);
    const ssmq_observer observer = {.statistic = &ssmq_statistic_minmax, .text = "{}"};
    ssmq_exec          *ex;
    assign_activation(plan, site_x, sx, x, M, K);
    ssmq_assign(plan, site_w, sw, NULL);
    if (sw->bits) CHECK_OK(ssmq_weight_params(plan, site_w, &observer));
    CHECK_OK(ssmq_exec_open(b->be, m, plan, SSMQ_MODE_FAKE, &ex));
    ssmq_tensor tx = SSMQ_TENSOR(x, SSMQ_F32, B, L, K), ty = SSMQ_TENSOR(y, SSMQ_F32, B, L, N);
    CHECK_OK(ssmq_exec_site(ex, site_x, &tx));
    CHECK_OK(ssmq_exec_linear(ex, &ty, site_x, site_w, -1, &tx));
    const double e = error_of(y, want_x, want_w, M, N, K);
    /* K products and sums and two scalings, each with half a unit in the last place. */
    if (!(e <= (double)(K + 4) * 6e-8))
        fail_msg("%s: activation (%s, %d bits, %s%s), weight (%s, %d bits, %s): %.2e", b->name,
                 ssmq_formats[sx->format], sx->bits, ssmq_scopes[sx->scope],
                 sx->dynamic ? ", dynamic" : "", ssmq_formats[sw->format], sw->bits,
                 ssmq_scopes[sw->scope], e);
    ssmq_exec_close(ex);
    ssmq_plan_free(plan);
    free(x);
    free(y);
    free(noise);
    free(want_x);
    free(want_w);
}

static void test_linear_under_every_spec(void **state)
{
    (void)state;
    test_backend  b[BACKENDS];
    const int32_t n = test_backends_open(b, BACKENDS, 2);
    test_model    t = test_model_new(&test_shapes[0], SEED);
    for (int32_t i = 0; i < n; i++)
        for (size_t x = 0; x < sizeof activation_specs / sizeof *activation_specs; x++)
            for (size_t w = 0; w < sizeof weight_specs / sizeof *weight_specs; w++)
                check_linear(&b[i], t.m, &activation_specs[x], &weight_specs[w]);
    test_model_free(&t);
    test_backends_close(b, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_linear_under_every_spec)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
