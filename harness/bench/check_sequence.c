/* The two ops that run along a sequence and carry a state. */
#include <math.h>
#include "harness/bench/kernel_checks.h"

#define U 0x1p-24 /* as in kernels.c */

static float at3(const ssmq_tensor *t, int64_t b, int64_t l, int64_t e)
{
    return ((const float *)t->data)[b * t->stride[0] + l * t->stride[1] + e];
}

static ssmq_status draw3(ssmq_draw *d, int64_t B, int64_t L, int64_t E, float lo, float hi,
                         ssmq_tensor *out)
{
    return ssmq_draw_tensor(d, 3, (const int64_t[]){B, L, E}, lo, hi, out);
}

static ssmq_status bounds(ssmq_draw *d, int64_t n, double **out)
{
    ssmq_tensor t;
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_F64, 1, &n, &t));
    *out = t.data;
    return SSMQ_OK;
}

static int64_t some_channels(ssmq_draw *d)
{
    if (ssmq_draw_int(d, 0, 7) == 0) return ssmq_draw_int(d, 130, 300); /* several blocks of them */
    return ssmq_draw_int(d, 0, 3) ? ssmq_draw_int(d, 1, 70) : 16 * ssmq_draw_int(d, 1, 12);
}

/* A single one often: decoding has ways of its own. */
static int64_t some_steps(ssmq_draw *d)
{
    if (ssmq_draw_int(d, 0, 3) == 0) return 1;
    return ssmq_draw_int(d, 0, 9) ? ssmq_draw_int(d, 1, 70) : ssmq_draw_int(d, 97, 130);
}

/* What enters silu is off by (W + 2) u of the sizes added, on either side; silu passes at most 1.1 of
 * an error on, and its own relative error is 6 u at most, on either side. */
static double conv_bound(const ssmq_conv_args *a, const ssmq_tensor *before, const ssmq_tensor *y,
                         int64_t b, int64_t t, int64_t e)
{
    const int64_t W = a->w->dim[1];
    double        sum = 0;
    for (int64_t k = 0; k < W; k++) {
        const int64_t from = t - W + 1 + k;
        const float   v = from >= 0 ? at3(a->x, b, from, e) : at3(before, b, W - 1 + from, e);
        sum += fabs((double)v * (double)((const float *)a->w->data)[e * W + k]);
    }
    sum *= (double)a->scale * (a->channel ? (double)((const float *)a->channel->data)[e] : 1);
    if (a->bias) sum += fabs((double)((const float *)a->bias->data)[e]);
    return 2.2 * ((double)W + 2) * U * sum + 12 * U * fabs((double)at3(y, b, t, e));
}

ssmq_status ssmq_kernel_check_conv(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    const bool    large = ssmq_draw_int(d, 0, 9) == 0; /* cut by backends that work on pieces */
    const int64_t B = ssmq_draw_int(d, 1, 3), W = ssmq_draw_int(d, 2, 4);
    const int64_t L = large ? ssmq_draw_int(d, 100, 300) : ssmq_draw_int(d, 1, 12);
    const int64_t E = large ? ssmq_draw_int(d, 250, 270) : some_channels(d);
    ssmq_tensor   x, w, bias, channel, s1, s2, before, y, z;
    SSMQ_TRY(draw3(d, B, L, E, -2, 2, &x));
    SSMQ_TRY(ssmq_draw_dense(d, 2, (const int64_t[]){E, W}, -1, 1, &w));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &E, -1, 1, &bias));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &E, 0.5f, 2, &channel));
    SSMQ_TRY(draw3(d, B, W - 1, E, -2, 2, &s1));
    SSMQ_TRY(ssmq_draw_copy(d, &s1, &s2));
    SSMQ_TRY(ssmq_draw_copy(d, &s1, &before));
    SSMQ_TRY(draw3(d, B, L, E, 5, 6, &y));
    SSMQ_TRY(ssmq_draw_copy(d, &y, &z));
    ssmq_conv_args a = {.x = &x,
                        .w = &w,
                        .bias = ssmq_draw_int(d, 0, 2) ? &bias : NULL,
                        .scale = ssmq_draw_int(d, 0, 1) ? 1.0f : ssmq_draw_real(d, 0.5f, 2),
                        .channel = ssmq_draw_int(d, 0, 1) ? &channel : NULL,
                        .state = &s1};
    SSMQ_TRY(be->ops->conv(be, &y, &a));
    a.state = &s2;
    SSMQ_TRY(other->ops->conv(other, &z, &a));
    double *bound = NULL;
    SSMQ_TRY(bounds(d, B * L * E, &bound));
    for (int64_t i = 0; i < B * L * E; i++)
        bound[i] = conv_bound(&a, &before, &z, i / E / L, i / E % L, i % E);
    SSMQ_TRY(ssmq_draw_compare("conv, state", &s1, &s2, NULL));
    return ssmq_draw_compare("conv", &y, &z, exact ? NULL : bound);
}

/* Follows the recurrence of one channel in float64 and with it the error that rounding may have made:
 * delta is off by 12 u (softplus, on either side), v = delta A by one more on either side and by 1.3 u where
 * it is taken to base 2, so the decay exp(v) by (16 |v| + 12) u and the input by 16 u; the sum over n adds
 * (N + 2) u of its terms on either side. */
static void scan_bound(const ssmq_scan_args *a, const ssmq_tensor *before, int64_t b, int64_t e,
                       double *bound, double *bound_h)
{
    const int64_t L = a->x->dim[1], E = a->x->dim[2], N = a->A->dim[1];
    for (int64_t n = 0; n < N; n++) bound_h[(b * E + e) * N + n] = 0;
    for (int64_t t = 0; t < L; t++) bound[(b * L + t) * E + e] = 0;
    for (int64_t n = 0; n < N; n++) {
        double h = (double)at3(before, b, e, n), error = 0;
        for (int64_t t = 0; t < L; t++) {
            const double dt = (double)at3(a->dt, b, t, e), delta = dt > 20 ? dt : log1p(exp(dt));
            const double v = delta * (double)((const float *)a->A->data)[e * a->A->stride[0] + n];
            const double input = delta * (double)at3(a->x, b, t, e) * (double)at3(a->Bm, b, t, n);
            const double decay = exp(v), kept = fabs(decay * h);
            h = decay * h + input;
            error = decay * error + U * ((16 * fabs(v) + 12) * kept + 16 * fabs(input) + 2 * fabs(h));
            const double c = fabs((double)at3(a->Cm, b, t, n));
            bound[(b * L + t) * E + e] += c * (error + 2 * ((double)N + 2) * U * fabs(h));
        }
        bound_h[(b * E + e) * N + n] = error + 1e-37; /* below the smallest normal number */
    }
    for (int64_t t = 0; t < L; t++) {
        double      *p = bound + (b * L + t) * E + e;
        const double skip = fabs((double)((const float *)a->D->data)[e] * (double)at3(a->x, b, t, e));
        *p += 4 * U * skip;
        if (a->z) {
            const double z = (double)at3(a->z, b, t, e);
            *p *= fabs(z / (1 + exp(-z)));
        }
    }
}

static ssmq_status draw_scan(ssmq_draw *d, ssmq_tensor t[9], ssmq_scan_args *a)
{
    const int64_t B = ssmq_draw_int(d, 1, 3), L = some_steps(d), E = some_channels(d);
    const int64_t N = ssmq_draw_int(d, 0, 2) ? ssmq_draw_int(d, 1, 64) : 16;
    SSMQ_TRY(draw3(d, B, L, E, -2, 2, &t[0]));
    SSMQ_TRY(draw3(d, B, L, E, ssmq_draw_int(d, 0, 1) ? -8 : -30, 30, &t[1]));
    SSMQ_TRY(ssmq_draw_tensor(d, 2, (const int64_t[]){E, N}, -16, 0, &t[2]));
    SSMQ_TRY(draw3(d, B, L, N, -2, 2, &t[3]));
    SSMQ_TRY(draw3(d, B, L, N, -2, 2, &t[4]));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &E, -1, 1, &t[5]));
    SSMQ_TRY(draw3(d, B, L, E, -10, 10, &t[6]));
    SSMQ_TRY(draw3(d, B, E, N, -2, 2, &t[7]));
    SSMQ_TRY(draw3(d, B, L, E, 5, 6, &t[8]));
    *a = (ssmq_scan_args){.x = &t[0],
                          .dt = &t[1],
                          .A = &t[2],
                          .Bm = &t[3],
                          .Cm = &t[4],
                          .D = &t[5],
                          .z = ssmq_draw_int(d, 0, 2) ? &t[6] : NULL,
                          .h = &t[7]};
    return SSMQ_OK;
}

ssmq_status ssmq_kernel_check_scan(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    ssmq_tensor    t[9], h, before, z;
    ssmq_scan_args a;
    SSMQ_TRY(draw_scan(d, t, &a));
    SSMQ_TRY(ssmq_draw_copy(d, &t[7], &h));
    SSMQ_TRY(ssmq_draw_copy(d, &t[7], &before));
    SSMQ_TRY(ssmq_draw_copy(d, &t[8], &z));
    SSMQ_TRY(be->ops->scan(be, &t[8], &a));
    a.h = &h;
    SSMQ_TRY(other->ops->scan(other, &z, &a));
    const int64_t B = z.dim[0], L = z.dim[1], E = z.dim[2];
    double       *bound = NULL, *bound_h = NULL;
    SSMQ_TRY(bounds(d, B * L * E, &bound));
    SSMQ_TRY(bounds(d, ssmq_tensor_count(&h), &bound_h));
    for (int64_t i = 0; i < B * E; i++) scan_bound(&a, &before, i / E, i % E, bound, bound_h);
    for (int64_t i = 0; i < B * L * E; i++) /* the gate's own error */
        bound[i] += 16 * U * fabs((double)at3(&z, i / E / L, i / E % L, i % E)) + 1e-37;
    SSMQ_TRY(ssmq_draw_compare("scan, state", &t[7], &h, exact ? NULL : bound_h));
    return ssmq_draw_compare("scan", &t[8], &z, exact ? NULL : bound);
}
