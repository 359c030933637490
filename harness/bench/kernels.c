#include "harness/bench/kernels.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "harness/bench/kernel_checks.h"

/* The unit roundoff of float: an operation's relative error.  "op u" below counts such errors, of be
 * and other together; functions of libm and ours are within 6 u. */
#define U 0x1p-24

#define DIM(...) (sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__}
#define TENSOR(d, lo, hi, out, ...) \
    SSMQ_TRY(ssmq_draw_tensor((d), DIM(__VA_ARGS__), (lo), (hi), (out)))
#define DENSE(d, lo, hi, out, ...) \
    SSMQ_TRY(ssmq_draw_dense((d), DIM(__VA_ARGS__), (lo), (hi), (out)))

static float at(const ssmq_tensor *t, int64_t m, int64_t c)
{
    const ssmq_tensor r = ssmq_tensor_rows(t);
    return ((const float *)r.data)[m * r.stride[0] + c];
}

static ssmq_status bounds(ssmq_draw *d, int64_t n, double **out)
{
    ssmq_tensor t;
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_F64, 1, &n, &t));
    *out = t.data;
    return SSMQ_OK;
}

/* Sizes with the edges more often than chance gives them. */
static int64_t some_size(ssmq_draw *d, int64_t hi)
{
    static const int64_t edge[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 80};
    if (ssmq_draw_int(d, 0, 1)) return ssmq_draw_int(d, 1, hi);
    const int64_t n = edge[ssmq_draw_int(d, 0, sizeof edge / sizeof *edge - 1)];
    return n < hi ? n : hi;
}

static ssmq_status check_embed(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    (void)exact;
    const int64_t M = some_size(d, 40), D = some_size(d, 100), V = some_size(d, 50);
    ssmq_tensor   w, token, y, z;
    TENSOR(d, -1, 1, &w, V, D);
    SSMQ_TRY(ssmq_draw_index(d, M, 0, (int32_t)V - 1, &token));
    TENSOR(d, 5, 6, &y, M, D);
    SSMQ_TRY(ssmq_draw_copy(d, &y, &z));
    SSMQ_TRY(be->ops->embed(be, &y, &token, &w));
    SSMQ_TRY(other->ops->embed(other, &z, &token, &w));
    return ssmq_draw_compare("embed", &y, &z, NULL);
}

/* The sum is off by D u, its root by half of that, and each result by 4 u more, on either side. */
static ssmq_status check_rmsnorm(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    const int64_t M = some_size(d, 20), D = some_size(d, 1000);
    ssmq_tensor   w, x, r1, r2, y, z;
    TENSOR(d, -3, 3, &x, M, D);
    TENSOR(d, -3, 3, &r1, M, D);
    DENSE(d, -2, 2, &w, D);
    TENSOR(d, 5, 6, &y, M, D);
    SSMQ_TRY(ssmq_draw_copy(d, &y, &z));
    SSMQ_TRY(ssmq_draw_copy(d, &r1, &r2));
    const ssmq_tensor *add = ssmq_draw_int(d, 0, 3) ? &x : NULL;
    SSMQ_TRY(be->ops->rmsnorm(be, &y, &r1, add, &w, 1e-5f, NULL));
    SSMQ_TRY(other->ops->rmsnorm(other, &z, &r2, add, &w, 1e-5f, NULL));
    double *bound = NULL;
    SSMQ_TRY(bounds(d, M * D, &bound));
    for (int64_t i = 0; i < M * D; i++)
        bound[i] = ((double)D + 8) * U * fabs((double)at(&z, i / D, i % D));
    SSMQ_TRY(ssmq_draw_compare("rmsnorm, residual", &r1, &r2, NULL));
    return ssmq_draw_compare("rmsnorm", &y, &z, exact ? NULL : bound);
}

/* A sum of K products, in any order, fused or not, is off by at most K u sum |x w| (Higham, Accuracy
 * and Stability, section 3.1), on either side. */
static ssmq_status check_linear(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    int64_t       M = ssmq_draw_int(d, 1, 17), N = some_size(d, 200);
    const bool    large = ssmq_draw_large(d, &M, &N);
    const int64_t K = large || ssmq_draw_int(d, 0, 7) ? some_size(d, 300) : ssmq_draw_int(d, 700, 1700);
    ssmq_tensor   x, w, y, z;
    TENSOR(d, -1, 1, &x, M, K);
    TENSOR(d, -1, 1, &w, N, K);
    TENSOR(d, 5, 6, &y, M, N);
    SSMQ_TRY(ssmq_draw_copy(d, &y, &z));
    SSMQ_TRY(be->ops->linear(be, &y, &x, &w));
    SSMQ_TRY(other->ops->linear(other, &z, &x, &w));
    double *bound = NULL;
    SSMQ_TRY(bounds(d, M * N, &bound));
    for (int64_t i = 0; i < M * N; i++) {
        double sum = 0;
        for (int64_t k = 0; k < K; k++)
            sum += fabs((double)at(&x, i / N, k) * (double)at(&w, i % N, k));
        bound[i] = 2 * (double)K * U * sum;
    }
    return ssmq_draw_compare("linear", &y, &z, exact ? NULL : bound);
}

/* Four operations on either side: 4 u of what is added. */
static ssmq_status check_epilogue(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    const int64_t M = some_size(d, 20), N = some_size(d, 300);
    ssmq_tensor   y, z, y0, column, row, bias;
    TENSOR(d, -500, 500, &y, M, N);
    SSMQ_TRY(ssmq_draw_copy(d, &y, &z));
    SSMQ_TRY(ssmq_draw_copy(d, &y, &y0));
    DENSE(d, 0.1f, 2, &column, N);
    DENSE(d, 0.1f, 2, &row, M);
    DENSE(d, -5, 5, &bias, N);
    const ssmq_epilogue a = {.scale = ssmq_draw_real(d, 0.001f, 0.1f),
                             .column = ssmq_draw_int(d, 0, 1) ? &column : NULL,
                             .row = ssmq_draw_int(d, 0, 1) ? &row : NULL,
                             .bias = ssmq_draw_int(d, 0, 1) ? &bias : NULL};
    SSMQ_TRY(be->ops->epilogue(be, &y, &a));
    SSMQ_TRY(other->ops->epilogue(other, &z, &a));
    double *bound = NULL;
    SSMQ_TRY(bounds(d, M * N, &bound));
    for (int64_t i = 0; i < M * N; i++) {
        double size = fabs((double)at(&y0, i / N, i % N) * (double)a.scale);
        if (a.column) size *= (double)at(&column, 0, i % N);
        if (a.row) size *= (double)at(&row, 0, i / N);
        bound[i] = 8 * U * (size + (a.bias ? fabs((double)at(&bias, 0, i % N)) : 0));
    }
    return ssmq_draw_compare("epilogue", &y, &z, exact ? NULL : bound);
}

/* The n of a transform, 2^k or K 2^k, up to those of released models (5120 = 40 2^7). */
static int64_t some_hadamard(ssmq_draw *d)
{
    static const int64_t factor[] = {1, 12, 20, 28, 36, 40, 52, 60, 108, 140, 156, 172};
    const int64_t        k = factor[ssmq_draw_int(d, 0, 11)];
    return k << ssmq_draw_int(d, 0, k == 1 ? 12 : k <= 40 ? 8 : 6);
}

/* log2(n / K) stages of additions, K more, and the norm, on either side; every partial sum is at most
 * the sum of the row's sizes. */
static ssmq_status check_hadamard(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    const int64_t M = some_size(d, 9), n = some_hadamard(d);
    ssmq_tensor   x, y, x0, signs;
    TENSOR(d, -2, 2, &x, M, n);
    SSMQ_TRY(ssmq_draw_copy(d, &x, &y));
    SSMQ_TRY(ssmq_draw_copy(d, &x, &x0));
    DENSE(d, -1, 1, &signs, n);
    for (int64_t i = 0; i < n; i++) {
        float *s = (float *)signs.data + i;
        *s = *s < 0 ? -1.0f : 1.0f;
    }
    const ssmq_tensor *given = ssmq_draw_int(d, 0, 1) ? &signs : NULL;
    SSMQ_TRY(be->ops->hadamard(be, &x, given));
    SSMQ_TRY(other->ops->hadamard(other, &y, given));
    double *bound = NULL;
    SSMQ_TRY(bounds(d, M * n, &bound));
    for (int64_t m = 0; m < M; m++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++) sum += fabs((double)at(&x0, m, i));
        for (int64_t i = 0; i < n; i++)
            bound[m * n + i] = 2 * (log2((double)n) + 40) * U * sum / sqrt((double)n);
    }
    return ssmq_draw_compare("hadamard", &x, &y, exact ? NULL : bound);
}

/* Each term is within 4 of its last places, V of them add up; the logarithm is well conditioned. */
static ssmq_status check_nll(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    const int64_t M = some_size(d, 9), V = some_size(d, 600);
    ssmq_tensor   logits, target, y, z;
    /* The wider range overflows unless the right maximum is taken off first. */
    const float reach = ssmq_draw_int(d, 0, 1) ? 30.0f : 3000.0f;
    TENSOR(d, -reach, reach, &logits, M, V);
    SSMQ_TRY(ssmq_draw_index(d, M, 0, (int32_t)V - 1, &target));
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_F64, 1, &M, &y));
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_F64, 1, &M, &z));
    SSMQ_TRY(be->ops->nll(be, &y, &logits, &target));
    SSMQ_TRY(other->ops->nll(other, &z, &logits, &target));
    double *bound = NULL;
    SSMQ_TRY(bounds(d, M, &bound));
    for (int64_t m = 0; m < M; m++)
        bound[m] = ((double)V + 8) * 0x1p-52 + 4 * 0x1p-52 * fabs(((double *)z.data)[m]);
    return ssmq_draw_compare("nll", &y, &z, exact ? NULL : bound);
}

static ssmq_status check_finite(ssmq_backend *be, ssmq_backend *other, ssmq_draw *d, bool exact)
{
    (void)exact;
    static const float bad[] = {NAN, INFINITY, -INFINITY, 3.4e38f, 0.0f, 1e-44f};
    const int64_t      M = some_size(d, 30), C = some_size(d, 100);
    ssmq_tensor        x;
    TENSOR(d, -3e38f, 3e38f, &x, M, C);
    const ssmq_tensor r = ssmq_tensor_rows(&x);
    for (int64_t i = ssmq_draw_int(d, 0, 4); i > 0; i--)
        ((float *)r.data)[ssmq_draw_int(d, 0, M - 1) * r.stride[0] + ssmq_draw_int(d, 0, C - 1)] =
            bad[ssmq_draw_int(d, 0, 5)];
    int64_t got = -2, want = -2;
    SSMQ_TRY(be->ops->finite(be, &x, &got));
    SSMQ_TRY(other->ops->finite(other, &x, &want));
    if (got != want)
        return SSMQ_FAIL(NUMERIC, "finite (%lld, %lld): found element %lld, not %lld", (long long)M,
                         (long long)C, (long long)got, (long long)want);
    return SSMQ_OK;
}

const ssmq_kernel_case ssmq_kernel_cases[] = {
    {"embed", "equal", check_embed},
    {"rmsnorm", "(D + 8) u |y|", check_rmsnorm},
    {"linear", "2 K u sum |x w|", check_linear},
    {"epilogue", "8 u (|product| + |bias|)", check_epilogue},
    {"conv", "2.2 (W + 2) u sum |x w| + 12 u |y|", ssmq_kernel_check_conv},
    {"scan", "the recurrence's own error bound, in float64", ssmq_kernel_check_scan},
    {"hadamard", "2 (log2 n + 40) u sum |x| / sqrt n", check_hadamard},
    {"nll", "(V + 8) 2^-52", check_nll},
    {"finite", "equal", check_finite},
    {"quantize", "equal", ssmq_kernel_check_quantize},
    {"dequantize", "equal", ssmq_kernel_check_dequantize},
    {"quantize in place", "equal", ssmq_kernel_check_quantize_in_place},
    {"encode", "equal", ssmq_kernel_check_encode},
    {"handed on", "equal", ssmq_kernel_check_handed},
    {"linear_i8", "equal", ssmq_kernel_check_linear_i8},
    {"linear_q", "equal", ssmq_kernel_check_linear_q},
    {"linear_w", "equal to linear of the values", ssmq_kernel_check_linear_w},
    {"linear_bf16", "equal", ssmq_kernel_check_linear_bf16},
    {"conv of codes", "equal to that of floats", ssmq_kernel_check_conv_i8},
    {"scan of codes", "equal to that of floats", ssmq_kernel_check_scan_i8},
    {NULL, NULL, NULL},
};

ssmq_status ssmq_kernel_check(const ssmq_kernel_case *c, ssmq_backend *be, ssmq_backend *other,
                              uint64_t seed, int32_t shapes, bool exact)
{
    for (int32_t i = 0; i < shapes; i++) {
        const uint64_t    s = seed + (uint64_t)i * 1000003u;
        ssmq_draw         d = ssmq_draw_new(be, s, false);
        const ssmq_status st = c->check(be, other, &d, exact);
        ssmq_draw_free(&d);
        if (st == SSMQ_OK) continue;
        char cause[SSMQ_ERROR_MESSAGE_MAX];
        snprintf(cause, sizeof cause, "%s", ssmq_error_last()->message);
        return ssmq_fail(st, __FILE__, __LINE__, __func__, "%s %s, %d threads, seed %llu: %s",
                         be->ops->name, be->tier, (int)be->threads, (unsigned long long)s, cause);
    }
    return SSMQ_OK;
}
