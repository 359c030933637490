/* Every op of every backend and tier that this machine has: against ref, over random shapes; with 1, 2
 * and 3 threads, for equal bits; and along a sequence and a batch. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/backend/ref/ref.h"
#include "harness/bench/kernels.h"

/* Sanitizers end the program at an absurd allocation unless told to refuse it as malloc() does. */
#if defined(__SANITIZE_ADDRESS__)
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }
#elif defined(__SANITIZE_THREAD__)
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "allocator_may_return_null=1"; }
#endif

#define SHAPES 60
#define BACKENDS_MAX 4

/* What the tests share: the backends that run here, each with 1, 2 and 3 threads. */
typedef struct fixture {
    uint64_t      seed;
    int           n;
    ssmq_backend *be[BACKENDS_MAX][3]; /* [0]: ref */
} fixture;

static void succeed(ssmq_status st)
{
    if (st != SSMQ_OK) fail_msg("%s", ssmq_error_last()->message);
}

static int open_all(void **state)
{
    fixture    *f = calloc(1, sizeof *f);
    const char *given = getenv("SSMQ_TEST_SEED");
    if (!f) return -1;
    f->seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("seed %llu (SSMQ_TEST_SEED repeats it)\n", (unsigned long long)f->seed);
    for (int t = 0; t < 3; t++)
        if (ssmq_backend_open(&ssmq_backend_ref, NULL, t + 1, &f->be[0][t]) != SSMQ_OK) return -1;
    f->n = 1;
    for (int isa = SSMQ_CPU_ISA_C; isa <= SSMQ_CPU_ISA_AVX512; isa++) {
        const ssmq_cpu_options o = {.isa = isa};
        bool                   there = true;
        for (int t = 0; t < 3 && there; t++)
            there = ssmq_backend_open(&ssmq_backend_cpu, &o, t + 1, &f->be[f->n][t]) == SSMQ_OK;
        if (there) f->n++;
        else printf("not run: %s\n", ssmq_error_last()->message);
    }
    *state = f;
    return 0;
}

static int close_all(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < f->n; i++)
        for (int t = 0; t < 3; t++) ssmq_backend_close(f->be[i][t]);
    free(f);
    return 0;
}

static void every_op_agrees_with_ref(void **state)
{
    const fixture *f = *state;
    for (int i = 1; i < f->n; i++)
        for (const ssmq_kernel_case *c = ssmq_kernel_cases; c->op; c++)
            succeed(ssmq_kernel_check(c, f->be[i][1], f->be[0][0], f->seed, SHAPES, false));
}

static void threads_change_no_bit(void **state)
{
    const fixture *f = *state;
    for (int i = 0; i < f->n; i++)
        for (const ssmq_kernel_case *c = ssmq_kernel_cases; c->op; c++)
            for (int t = 1; t < 3; t++)
                succeed(ssmq_kernel_check(c, f->be[i][t], f->be[i][0], f->seed, SHAPES / 3, true));
}

/* Large enough that all threads take part and blocks meet, in sizes that are multiples of no block. */
static void threads_change_no_bit_of_large_products(void **state)
{
    const fixture *f = *state;
    for (int i = 0; i < f->n; i++) {
        ssmq_backend *be = f->be[i][0];
        ssmq_draw     d = ssmq_draw_new(be, f->seed, false);
        ssmq_tensor   x, w, y[3];
        succeed(ssmq_draw_tensor(&d, 2, (const int64_t[]){237, 165}, -1, 1, &x));
        succeed(ssmq_draw_tensor(&d, 2, (const int64_t[]){565, 165}, -1, 1, &w));
        for (int t = 0; t < 3; t++) {
            succeed(ssmq_draw_zero(&d, SSMQ_F32, 2, (const int64_t[]){237, 565}, &y[t]));
            succeed(f->be[i][t]->ops->linear(f->be[i][t], &y[t], &x, &w));
        }
        succeed(ssmq_draw_compare("linear", &y[1], &y[0], NULL));
        succeed(ssmq_draw_compare("linear", &y[2], &y[0], NULL));
        ssmq_draw_free(&d);
    }
}

/* On every tier but `c`, where OpenBLAS takes over at 8 rows, a row is the same bits alone and among
 * others; there it is within 2 K u sum |x w| <= 2 K^2 u. */
static void compare_rows(ssmq_backend *be, uint64_t seed, bool blas, int64_t M, int64_t N, int64_t K)
{
    ssmq_draw   d = ssmq_draw_new(be, seed, false);
    ssmq_tensor x, w, y, z;
    succeed(ssmq_draw_dense(&d, 2, (const int64_t[]){M, K}, -1, 1, &x));
    succeed(ssmq_draw_tensor(&d, 2, (const int64_t[]){N, K}, -1, 1, &w));
    succeed(ssmq_draw_zero(&d, SSMQ_F32, 2, (const int64_t[]){M, N}, &y));
    succeed(ssmq_draw_zero(&d, SSMQ_F32, 2, (const int64_t[]){M, N}, &z));
    succeed(be->ops->linear(be, &y, &x, &w));
    for (int64_t m = 0; m < M; m++) {
        ssmq_tensor to = ssmq_tensor_slice(&z, 0, m, 1), from = ssmq_tensor_slice(&x, 0, m, 1);
        succeed(be->ops->linear(be, &to, &from, &w));
    }
    double *bound = malloc((size_t)(M * N) * sizeof *bound);
    assert_non_null(bound);
    for (int64_t j = 0; j < M * N; j++) bound[j] = 2.0 * (double)(K * K) * 0x1p-24;
    succeed(ssmq_draw_compare("linear", &y, &z, blas ? bound : NULL));
    free(bound);
    ssmq_draw_free(&d);
}

/* Rows of 1024 floats are copied before they meet many columns. */
static void a_row_of_a_product_does_not_depend_on_the_others(void **state)
{
    const fixture *f = *state;
    for (int i = 0; i < f->n; i++) {
        ssmq_backend *be = f->be[i][1];
        const bool    blas = i > 0 && strcmp(be->tier, "c") == 0;
        compare_rows(be, f->seed, blas, 23, 70, 900);
        compare_rows(be, f->seed, blas, 23, 70, 1024);
        compare_rows(be, f->seed, blas, 40, 300, 1024);
    }
}

/* exp, softplus and silu of a backend at n points, through ops that pass them on unchanged: the state
 * of a scan with delta = 32 = softplus(32), A = v / 32 and h = 1 is exp(v); with x = B = 1 and h = 0 it
 * is softplus(dt); a convolution with the weights 0, 1 is silu. */
static void functions_at(ssmq_backend *be, int64_t n, const float *v, float *exps, float *softplus,
                         float *silu)
{
    float *work = calloc((size_t)n * 8, sizeof *work);
    assert_non_null(work);
    float      *x = work, *dt = work + n, *A = work + 2 * n, *D = work + 3 * n, *y = work + 4 * n;
    float      *w = work + 5 * n, *state = work + 7 * n, one = 1;
    ssmq_tensor tx = SSMQ_TENSOR(x, SSMQ_F32, 1, 1, n), tdt = SSMQ_TENSOR(dt, SSMQ_F32, 1, 1, n);
    ssmq_tensor tA = SSMQ_TENSOR(A, SSMQ_F32, n, 1), tD = SSMQ_TENSOR(D, SSMQ_F32, n);
    ssmq_tensor ty = SSMQ_TENSOR(y, SSMQ_F32, 1, 1, n), tone = SSMQ_TENSOR(&one, SSMQ_F32, 1, 1, 1);
    ssmq_tensor th = SSMQ_TENSOR(exps, SSMQ_F32, 1, n, 1);
    for (int64_t i = 0; i < n; i++) {
        dt[i] = 32;
        A[i] = v[i] / 32;
        exps[i] = 1;
    }
    ssmq_scan_args a = {.x = &tx, .dt = &tdt, .A = &tA, .Bm = &tone, .Cm = &tone, .D = &tD, .h = &th};
    succeed(be->ops->scan(be, &ty, &a));
    for (int64_t i = 0; i < n; i++) {
        dt[i] = v[i];
        A[i] = -1;
        x[i] = 1;
        softplus[i] = 0;
        w[2 * i + 1] = 1;
    }
    th.data = softplus;
    succeed(be->ops->scan(be, &ty, &a));
    memcpy(x, v, (size_t)n * sizeof *x);
    ssmq_tensor tw = SSMQ_TENSOR(w, SSMQ_F32, n, 2), ts = SSMQ_TENSOR(state, SSMQ_F32, 1, 1, n);
    succeed(be->ops->conv(be, &ty, &(ssmq_conv_args){.x = &tx, .w = &tw, .scale = 1, .state = &ts}));
    memcpy(silu, y, (size_t)n * sizeof *y);
    free(work);
}

/* Within `units` units of roundoff (2^-24) of the true value.  Below 2^-126 floats lie 2^-149 apart, and
 * where exp(-x) overflows silu(x), which is above -3e-37 there, is 0. */
static void assert_near(const char *what, float x, float got, double want, double units)
{
    const double rest = want < 0 ? 3e-37 : 0x1p-148;
    if (fabs((double)got - want) <= units * 0x1p-24 * fabs(want) + rest) return;
    fail_msg("%s(%.9g) is %.9g, not %.9g", what, (double)x, (double)got, want);
}

/* The bounds are those stated in vec_math.inc: 1.2e-7, 3.6e-7, and for silu the first with the roundings
 * of a sum and a quotient.  A scan takes its exponent to base 2, which is 1.3 units off, as A is then. */
static void functions_are_accurate(void **state)
{
    const fixture *f = *state;
    enum { POINTS = 200001 };
    float *v = malloc(4 * POINTS * sizeof *v), *exps = v + POINTS, *softplus = v + 2 * POINTS;
    assert_non_null(v);
    for (int i = 0; i < POINTS; i++) v[i] = (float)i * (200.0f / POINTS) - 110.0f;
    for (int b = 0; b < f->n; b++) {
        functions_at(f->be[b][0], POINTS, v, exps, softplus, v + 3 * POINTS);
        for (int i = 0; i < POINTS; i++) {
            const double x = (double)v[i];
            if (x < 88) assert_near("exp", v[i], exps[i], exp(x), 2.1 + 1.3 * fabs(x));
            assert_near("softplus", v[i], softplus[i], x > 40 ? x : log1p(exp(x)), 6);
            assert_near("silu", v[i], v[3 * POINTS + i], x / (1 + exp(-x)), 4);
        }
    }
    free(v);
}

static void functions_of_what_is_not_finite(void **state)
{
    const fixture *f = *state;
    const float    v[] = {NAN, -INFINITY, INFINITY, -1e30f, 1e30f};
    for (int b = 0; b < f->n; b++) {
        float exps[5], softplus[5], silu[5];
        functions_at(f->be[b][0], 5, v, exps, softplus, silu);
        assert_true(isnan(exps[0]) && isnan(softplus[0]) && isnan(silu[0]));
        assert_true(exps[1] == 0.0f && exps[3] == 0.0f); /* a decay is at most 1: A < 0 */
        assert_true(softplus[1] == 0.0f && softplus[3] == 0.0f);
        assert_true(isinf(softplus[2]) && softplus[4] == v[4]);
        assert_true(isnan(silu[1]) && isinf(silu[2]) && silu[3] == 0.0f && silu[4] == v[4]);
    }
}

typedef struct sequence {
    ssmq_tensor x, dt, A, Bm, Cm, D, z, h, w, bias, channel, state;
} sequence;

static void draw_sequence(ssmq_draw *d, int64_t B, int64_t L, int64_t E, int64_t N, int64_t W,
                          sequence *s)
{
    const int64_t wide[] = {B, L, E}, narrow[] = {B, L, N};
    succeed(ssmq_draw_tensor(d, 3, wide, -2, 2, &s->x));
    succeed(ssmq_draw_tensor(d, 3, wide, -6, 6, &s->dt));
    succeed(ssmq_draw_tensor(d, 3, wide, -4, 4, &s->z));
    succeed(ssmq_draw_tensor(d, 3, narrow, -2, 2, &s->Bm));
    succeed(ssmq_draw_tensor(d, 3, narrow, -2, 2, &s->Cm));
    succeed(ssmq_draw_dense(d, 2, (const int64_t[]){E, N}, -16, 0, &s->A));
    succeed(ssmq_draw_dense(d, 2, (const int64_t[]){E, W}, -1, 1, &s->w));
    succeed(ssmq_draw_dense(d, 1, &E, -1, 1, &s->D));
    succeed(ssmq_draw_dense(d, 1, &E, -1, 1, &s->bias));
    succeed(ssmq_draw_dense(d, 1, &E, -1, 1, &s->channel));
    succeed(ssmq_draw_dense(d, 3, (const int64_t[]){B, E, N}, -1, 1, &s->h));
    succeed(ssmq_draw_dense(d, 3, (const int64_t[]){B, W - 1, E}, -1, 1, &s->state));
}

/* Runs conv into y[0] and scan into y[1] over [begin, begin + length) of an axis (0: batch rows with
 * their states, 1: steps). */
static void run_part(ssmq_backend *be, const sequence *s, int32_t axis, int64_t begin, int64_t length,
                     ssmq_tensor state[2], const ssmq_tensor y[2])
{
    ssmq_tensor x = ssmq_tensor_slice(&s->x, axis, begin, length);
    ssmq_tensor dt = ssmq_tensor_slice(&s->dt, axis, begin, length);
    ssmq_tensor z = ssmq_tensor_slice(&s->z, axis, begin, length);
    ssmq_tensor Bm = ssmq_tensor_slice(&s->Bm, axis, begin, length);
    ssmq_tensor Cm = ssmq_tensor_slice(&s->Cm, axis, begin, length);
    ssmq_tensor y0 = ssmq_tensor_slice(&y[0], axis, begin, length);
    ssmq_tensor y1 = ssmq_tensor_slice(&y[1], axis, begin, length);
    ssmq_tensor s0 = axis == 0 ? ssmq_tensor_slice(&state[0], 0, begin, length) : state[0];
    ssmq_tensor s1 = axis == 0 ? ssmq_tensor_slice(&state[1], 0, begin, length) : state[1];
    const ssmq_conv_args conv = {.x = &x,
                                 .w = &s->w,
                                 .bias = &s->bias,
                                 .scale = 0.7f,
                                 .channel = &s->channel,
                                 .state = &s0};
    const ssmq_scan_args scan = {
        .x = &x, .dt = &dt, .A = &s->A, .Bm = &Bm, .Cm = &Cm, .D = &s->D, .z = &z, .h = &s1};
    succeed(be->ops->conv(be, &y0, &conv));
    succeed(be->ops->scan(be, &y1, &scan));
}

/* Over an axis at once, and in parts of the given length: equal bits, in results and in states. */
static void same_in_parts(ssmq_backend *be, ssmq_draw *d, const sequence *s, int32_t axis, int64_t part)
{
    ssmq_tensor   state[2][2], y[2][2];
    const int64_t all = s->x.dim[axis];
    for (int way = 0; way < 2; way++) {
        succeed(ssmq_draw_copy(d, &s->state, &state[way][0]));
        succeed(ssmq_draw_copy(d, &s->h, &state[way][1]));
        succeed(ssmq_draw_zero(d, SSMQ_F32, 3, s->x.dim, &y[way][0]));
        succeed(ssmq_draw_zero(d, SSMQ_F32, 3, s->x.dim, &y[way][1]));
        const int64_t step = way ? part : all;
        for (int64_t i = 0; i < all; i += step)
            run_part(be, s, axis, i, all - i < step ? all - i : step, state[way], y[way]);
    }
    succeed(ssmq_draw_compare("conv", &y[1][0], &y[0][0], NULL));
    succeed(ssmq_draw_compare("scan", &y[1][1], &y[0][1], NULL));
    succeed(ssmq_draw_compare("conv, state", &state[1][0], &state[0][0], NULL));
    succeed(ssmq_draw_compare("scan, state", &state[1][1], &state[0][1], NULL));
}

static void a_sequence_is_the_same_token_by_token(void **state)
{
    const fixture *f = *state;
    for (int i = 0; i < f->n; i++)
        for (int64_t W = 2; W <= 4; W++)
            for (int64_t part = 1; part <= 5; part += 2) {
                ssmq_draw d = ssmq_draw_new(f->be[i][1], f->seed + (uint64_t)W, false);
                sequence  s;
                draw_sequence(&d, 2, 11, 70, 16, W, &s);
                same_in_parts(f->be[i][1], &d, &s, 1, part);
                ssmq_draw_free(&d);
            }
}

static void rows_of_a_batch_do_not_touch_each_other(void **state)
{
    const fixture *f = *state;
    for (int i = 0; i < f->n; i++) {
        ssmq_draw d = ssmq_draw_new(f->be[i][1], f->seed, false);
        sequence  s;
        draw_sequence(&d, 4, 5, 37, 7, 4, &s);
        same_in_parts(f->be[i][1], &d, &s, 0, 1);
        ssmq_draw_free(&d);
    }
}

/* B, L, M or E of 0: nothing happens, and nothing is read. */
static void empty_tensors_are_fine(void **state)
{
    const fixture *f = *state;
    for (int i = 0; i < f->n; i++) {
        ssmq_backend *be = f->be[i][1];
        for (int axis = 0; axis < 2; axis++) {
            ssmq_draw   d = ssmq_draw_new(be, f->seed, false);
            sequence    s;
            ssmq_tensor y[2], states[2];
            draw_sequence(&d, 2, 3, 20, 5, 4, &s);
            succeed(ssmq_draw_zero(&d, SSMQ_F32, 3, s.x.dim, &y[0]));
            succeed(ssmq_draw_zero(&d, SSMQ_F32, 3, s.x.dim, &y[1]));
            succeed(ssmq_draw_copy(&d, &s.state, &states[0]));
            succeed(ssmq_draw_copy(&d, &s.h, &states[1]));
            run_part(be, &s, axis, 0, 0, states, y);
            succeed(ssmq_draw_compare("conv, state", &states[0], &s.state, NULL));
            succeed(ssmq_draw_compare("scan, state", &states[1], &s.h, NULL));
            ssmq_draw_free(&d);
        }
        const int64_t none[] = {0, 8}, some[] = {8, 8}, vector[] = {8}, nothing[] = {0};
        ssmq_draw     d = ssmq_draw_new(be, f->seed, false);
        ssmq_tensor   x = ssmq_tensor_of(NULL, SSMQ_F32, 2, none), w, v;
        ssmq_tensor   loss = ssmq_tensor_of(NULL, SSMQ_F64, 1, nothing);
        ssmq_tensor   token = ssmq_tensor_of(NULL, SSMQ_I32, 1, nothing);
        int64_t       first = 7;
        succeed(ssmq_draw_dense(&d, 2, some, -1, 1, &w));
        succeed(ssmq_draw_dense(&d, 1, vector, -1, 1, &v));
        succeed(be->ops->embed(be, &x, &token, &w));
        succeed(be->ops->rmsnorm(be, &x, &x, NULL, &v, 1e-5f, NULL));
        succeed(be->ops->linear(be, &x, &x, &w));
        succeed(be->ops->hadamard(be, &x, NULL));
        succeed(be->ops->nll(be, &loss, &x, &token));
        succeed(be->ops->epilogue(be, &x, &(ssmq_epilogue){.scale = 1}));
        succeed(be->ops->finite(be, &x, &first));
        assert_int_equal(first, -1);
        ssmq_draw_free(&d);
    }
}

static void a_product_over_nothing_is_zero(void **state)
{
    const fixture *f = *state;
    for (int i = 0; i < f->n; i++) {
        ssmq_backend *be = f->be[i][1];
        float         y[6] = {1, 2, 3, 4, 5, 6};
        ssmq_tensor   out = SSMQ_TENSOR(y, SSMQ_F32, 2, 3), x = SSMQ_TENSOR(NULL, SSMQ_F32, 2, 0);
        ssmq_tensor   w = SSMQ_TENSOR(NULL, SSMQ_F32, 3, 0);
        succeed(be->ops->linear(be, &out, &x, &w));
        for (int j = 0; j < 6; j++) assert_true(y[j] == 0.0f);
    }
}

static void a_size_without_a_hadamard_matrix_is_refused(void **state)
{
    const fixture *f = *state;
    for (int i = 0; i < f->n; i++) {
        float       v[44] = {0};
        ssmq_tensor x = SSMQ_TENSOR(v, SSMQ_F32, 1, 44);
        assert_int_equal(f->be[i][0]->ops->hadamard(f->be[i][0], &x, NULL), SSMQ_ERR_UNSUPPORTED);
        assert_string_equal(ssmq_error_last()->message,
                            "there is no Hadamard matrix here for dimension 44 (known: 2^k and 12, "
                            "20, 28, 36, 40, 52, 60, 108, "
                 "140, 156 and 172 times 2^k)");
    }
}

static void memory_that_is_not_there_is_an_error(void **state)
{
    const fixture *f = *state;
    for (int i = 0; i < f->n; i++) {
        ssmq_tensor   t;
        const int64_t dim[] = {(int64_t)1 << 40, 1 << 16};
        assert_int_equal(ssmq_backend_tensor(f->be[i][0], "logits", SSMQ_F32, 2, dim, &t),
                         SSMQ_ERR_MEMORY);
        assert_string_equal(ssmq_error_last()->message,
                            "logits (1099511627776, 65536) f32: 288230376151711744 bytes of "
                            "memory were not to be had");
    }
}

static void tensors_are_zeroed_aligned_and_copied(void **state)
{
    const fixture *f = *state;
    for (int i = 0; i < f->n; i++) {
        ssmq_backend *be = f->be[i][0];
        for (int64_t n = 0; n < 3000000; n = n * 7 + 1) {
            ssmq_tensor t;
            succeed(ssmq_backend_tensor(be, "t", SSMQ_F32, 1, &n, &t));
            assert_int_equal((uintptr_t)t.data % 64, 0);
            for (int64_t j = 0; j < n; j++) assert_true(((float *)t.data)[j] == 0.0f);
            be->ops->free(be, t.data);
        }
        be->ops->free(be, NULL);
        float       from[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, to[6] = {0};
        ssmq_tensor whole = SSMQ_TENSOR(from, SSMQ_F32, 3, 4), dst = SSMQ_TENSOR(to, SSMQ_F32, 3, 2);
        ssmq_tensor part = ssmq_tensor_slice(&whole, 1, 1, 2);
        succeed(be->ops->copy(be, &dst, &part));
        const float want[] = {1, 2, 5, 6, 9, 10};
        assert_memory_equal(to, want, sizeof want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_agrees_with_ref),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(threads_change_no_bit_of_large_products),
        cmocka_unit_test(a_row_of_a_product_does_not_depend_on_the_others),
        cmocka_unit_test(functions_are_accurate),
        cmocka_unit_test(functions_of_what_is_not_finite),
        cmocka_unit_test(a_sequence_is_the_same_token_by_token),
        cmocka_unit_test(rows_of_a_batch_do_not_touch_each_other),
        cmocka_unit_test(empty_tensors_are_fine),
        cmocka_unit_test(a_product_over_nothing_is_zero),
        cmocka_unit_test(a_size_without_a_hadamard_matrix_is_refused),
        cmocka_unit_test(memory_that_is_not_there_is_an_error),
        cmocka_unit_test(tensors_are_zeroed_aligned_and_copied),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
