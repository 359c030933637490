#include <cblas.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"
#include "harness/bench/kernels.h"

#define VOCABULARY 50280

const ssmq_bench_shape ssmq_bench_shapes[] = {
    {"mamba-130m", 768, 1536, 16, 48, 4, VOCABULARY},
    {"mamba-370m", 1024, 2048, 16, 64, 4, VOCABULARY},
    {"mamba-790m", 1536, 3072, 16, 96, 4, VOCABULARY},
    {"mamba-1.4b", 2048, 4096, 16, 128, 4, VOCABULARY},
    {"mamba-2.8b", 2560, 5120, 16, 160, 4, VOCABULARY},
    {NULL, 0, 0, 0, 0, 0, 0},
};

const char *const ssmq_bench_ops[] = {"linear",     "linear_i8", "linear_bf16", "scan",    "conv",  "hadamard", "quantize",
                                      "dequantize", "epilogue",  "finite",      "rmsnorm", "embed", "nll",      NULL};

#define FLUSH_BYTES ((size_t)96 << 20)
#define RESULTS_MAX 50

/* What one op needs to run: its tensors, by role. */
typedef struct job {
    ssmq_tensor    y, x, w, v, index, loss;
    ssmq_tensor    dt, A, Bm, Cm, D, z, h;
    ssmq_qspec     spec;
    ssmq_qparams   params;
    ssmq_packed    packed;
    const char    *op;
} job;

typedef struct bench {
    ssmq_backend             *be;
    const ssmq_bench_shape   *z;
    const ssmq_bench_request *request;
    ssmq_bench_result *result;
    int32_t            n;
    char              *flush;
} bench;

/* Runs once; returns the op's status. */
static ssmq_status run(ssmq_backend *be, job *j)
{
    const char *op = j->op;
    if (!strcmp(op, "linear")) return be->ops->linear(be, &j->y, &j->x, &j->w);
    if (!strcmp(op, "linear_i8"))
        return be->ops->linear_i8(be, &j->y, &j->x, &j->packed, &(ssmq_epilogue){.scale = 1});
    if (!strcmp(op, "linear_bf16"))
        return be->ops->linear_bf16(be, &j->y, &j->x, &j->packed, &(ssmq_epilogue){.scale = 1});
    if (!strcmp(op, "rmsnorm")) return be->ops->rmsnorm(be, &j->y, &j->z, &j->x, &j->w, 1e-5f, NULL);
    if (!strcmp(op, "embed")) return be->ops->embed(be, &j->y, &j->index, &j->w);
    if (!strcmp(op, "hadamard")) return be->ops->hadamard(be, &j->x, NULL);
    if (!strcmp(op, "nll")) return be->ops->nll(be, &j->loss, &j->x, &j->index);
    if (!strcmp(op, "quantize")) return be->ops->quantize(be, &j->y, &j->x, &j->spec, &j->params);
    if (!strcmp(op, "dequantize"))
        return be->ops->dequantize(be, &j->y, &j->x, &j->spec, &j->params);
    if (!strcmp(op, "epilogue"))
        return be->ops->epilogue(be, &j->x,
                                 &(ssmq_epilogue){.scale = 1, .column = &j->w, .bias = &j->v});
    if (!strcmp(op, "finite")) {
        int64_t first;
        return be->ops->finite(be, &j->x, &first);
    }
    if (!strcmp(op, "conv"))
        return be->ops->conv(be, &j->y, &(ssmq_conv_args){.x = &j->x,
                                                          .w = &j->w,
                                                          .bias = &j->v,
                                                          .scale = 1,
                                                          .state = &j->h});
    return be->ops->scan(be, &j->y, &(ssmq_scan_args){.x = &j->x,
                                                      .dt = &j->dt,
                                                      .A = &j->A,
                                                      .Bm = &j->Bm,
                                                      .Cm = &j->Cm,
                                                      .D = &j->D,
                                                      .z = &j->z,
                                                      .h = &j->h});
}

/* The same product by OpenBLAS with as many threads, or as many bytes copied: what is timed beside. */
static void run_baseline(const bench *b, const job *j, size_t bytes)
{
    if (strcmp(j->op, "linear") != 0) {
        const size_t half = bytes / 2 < FLUSH_BYTES / 2 ? bytes / 2 : FLUSH_BYTES / 2;
        memcpy(b->flush, b->flush + FLUSH_BYTES / 2, half);
        return;
    }
    const int M = (int)j->x.dim[0], N = (int)j->w.dim[0], K = (int)j->w.dim[1];
    const int before = omp_get_max_threads();
    omp_set_num_threads(b->be->threads);
    if (M == 1)
        cblas_sgemv(CblasRowMajor, CblasNoTrans, N, K, 1, j->w.data, K, j->x.data, 1, 0, j->y.data, 1);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, M, N, K, 1, j->x.data, K, j->w.data, K,
                    0, j->y.data, N);
    omp_set_num_threads(before);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void empty_caches(const bench *b)
{
    for (size_t i = 0; i < FLUSH_BYTES; i += 64) b->flush[i]++;
}

static bool wanted(const bench *b, const char *op)
{
    const char *const *one = b->request->op;
    if (!one || !*one) return true;
    while (*one && strcmp(*one, op) != 0) one++;
    return *one != NULL;
}

/* One result: SSMQ_BENCH_SAMPLES runs after a warm-up, then as many of the baseline.  After those of
 * OpenBLAS its threads stay awake for a while and would disturb what follows, hence the pause. */
static ssmq_status measure(bench *b, job *j, const char *shape, double bytes, double work, bool cold)
{
    if (!wanted(b, j->op)) return SSMQ_OK;
    SSMQ_ASSERT(b->n < RESULTS_MAX);
    ssmq_bench_result *r = &b->result[b->n++];
    double             baseline[SSMQ_BENCH_SAMPLES];
    *r = (ssmq_bench_result){.op = j->op, .bytes = bytes, .work = work, .cold = cold};
    snprintf(r->shape, sizeof r->shape, "%s", shape);
    SSMQ_TRY(run(b->be, j));
    for (int i = 0; i < SSMQ_BENCH_SAMPLES; i++) {
        if (cold) empty_caches(b);
        const double begin = omp_get_wtime();
        SSMQ_TRY(run(b->be, j));
        r->sample_s[i] = omp_get_wtime() - begin;
    }
    run_baseline(b, j, (size_t)bytes);
    for (int i = 0; i < SSMQ_BENCH_SAMPLES; i++) {
        if (cold) empty_caches(b);
        const double begin = omp_get_wtime();
        run_baseline(b, j, (size_t)bytes);
        baseline[i] = omp_get_wtime() - begin;
    }
    nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    qsort(r->sample_s, SSMQ_BENCH_SAMPLES, sizeof(double), ascending);
    qsort(baseline, SSMQ_BENCH_SAMPLES, sizeof(double), ascending);
    r->min_s = r->sample_s[0];
    r->median_s = r->sample_s[SSMQ_BENCH_SAMPLES / 2];
    r->spread = (r->sample_s[SSMQ_BENCH_SAMPLES * 3 / 4] - r->sample_s[SSMQ_BENCH_SAMPLES / 4]) /
                r->median_s;
    r->baseline_s = baseline[SSMQ_BENCH_SAMPLES / 2];
    return SSMQ_OK;
}

static ssmq_status matrix(ssmq_draw *d, int64_t rows, int64_t columns, ssmq_tensor *out)
{
    return ssmq_draw_dense(d, 2, (const int64_t[]){rows, columns}, -1, 1, out);
}

static ssmq_status cube(ssmq_draw *d, int64_t rows, int64_t columns, float lo, float hi,
                        ssmq_tensor *out)
{
    return ssmq_draw_dense(d, 3, (const int64_t[]){1, rows, columns}, lo, hi, out);
}

static ssmq_status time_linear(bench *b, int64_t M, int64_t N, int64_t K)
{
    ssmq_draw   d = ssmq_draw_new(b->be, 1, true);
    job         j = {.op = "linear"};
    char        shape[64];
    ssmq_status st;
    SSMQ_TRY_DONE(st, matrix(&d, M, K, &j.x));
    SSMQ_TRY_DONE(st, matrix(&d, N, K, &j.w));
    SSMQ_TRY_DONE(st, matrix(&d, M, N, &j.y));
    snprintf(shape, sizeof shape, "M %d, N %d, K %d", (int)M, (int)N, (int)K);
    SSMQ_TRY_DONE(st, measure(b, &j, shape, 4.0 * (double)(M * K + N * K + M * N),
                              2.0 * (double)(M * N * K), M == 1));
done:
    ssmq_draw_free(&d);
    return st;
}

/* The same product of codes; nothing else here does one, so the baseline is memory. */
static ssmq_status time_linear_i8(bench *b, int64_t M, int64_t N, int64_t K)
{
    ssmq_draw   d = ssmq_draw_new(b->be, 1, true);
    job         j = {.op = "linear_i8"};
    char        shape[64];
    ssmq_tensor w;
    ssmq_status st;
    SSMQ_TRY_DONE(st, ssmq_draw_codes(&d, 2, (const int64_t[]){M, K}, &j.x));
    SSMQ_TRY_DONE(st, ssmq_draw_zero(&d, SSMQ_I8, 2, (const int64_t[]){N, K}, &w));
    SSMQ_TRY_DONE(st, matrix(&d, M, N, &j.y));
    SSMQ_TRY_DONE(st, b->be->ops->pack_i8(b->be, &w, &j.packed));
    snprintf(shape, sizeof shape, "M %d, N %d, K %d", (int)M, (int)N, (int)K);
    SSMQ_TRY_DONE(st, measure(b, &j, shape, (double)(M * K + N * K + 4 * M * N),
                              2.0 * (double)(M * N * K), M == 1));
done:
    b->be->ops->free(b->be, j.packed.data);
    ssmq_draw_free(&d);
    return st;
}

static ssmq_status time_linear_bf16(bench *b, int64_t M, int64_t N, int64_t K)
{
    ssmq_draw   d = ssmq_draw_new(b->be, 1, true);
    job         j = {.op = "linear_bf16"};
    char        shape[64];
    ssmq_tensor w;
    ssmq_status st;
    SSMQ_TRY_DONE(st, ssmq_draw_dense(&d, 2, (const int64_t[]){M, K}, 1, 1, &j.x));
    SSMQ_TRY_DONE(st, ssmq_draw_zero(&d, SSMQ_BF16, 2, (const int64_t[]){N, K}, &w));
    SSMQ_TRY_DONE(st, matrix(&d, M, N, &j.y));
    SSMQ_TRY_DONE(st, b->be->ops->pack_bf16(b->be, &w, &j.packed));
    snprintf(shape, sizeof shape, "M %d, N %d, K %d", (int)M, (int)N, (int)K);
    SSMQ_TRY_DONE(st, measure(b, &j, shape, (double)(4 * M * K + 2 * N * K + 4 * M * N),
                              2.0 * (double)(M * N * K), M == 1));
done:
    b->be->ops->free(b->be, j.packed.data);
    ssmq_draw_free(&d);
    return st;
}

static ssmq_status time_sequence(bench *b, int64_t L)
{
    const double  elements = (double)(L * b->z->E);
    const int64_t inner = b->z->E;
    ssmq_draw     d = ssmq_draw_new(b->be, 2, true);
    job           j = {.op = "scan"};
    char          shape[64];
    ssmq_status   st;
    SSMQ_TRY_DONE(st, cube(&d, L, b->z->E, -1, 1, &j.x));
    SSMQ_TRY_DONE(st, cube(&d, L, b->z->E, -6, 1, &j.dt));
    SSMQ_TRY_DONE(st, cube(&d, L, b->z->E, -3, 3, &j.z));
    SSMQ_TRY_DONE(st, cube(&d, L, b->z->E, -3, 3, &j.y));
    SSMQ_TRY_DONE(st, cube(&d, L, b->z->N, -1, 1, &j.Bm));
    SSMQ_TRY_DONE(st, cube(&d, L, b->z->N, -1, 1, &j.Cm));
    SSMQ_TRY_DONE(st, cube(&d, b->z->E, b->z->N, -1, 1, &j.h));
    SSMQ_TRY_DONE(st, ssmq_draw_dense(&d, 2, (const int64_t[]){b->z->E, b->z->N}, -16, -1, &j.A));
    SSMQ_TRY_DONE(st, ssmq_draw_dense(&d, 1, &inner, -1, 1, &j.D));
    snprintf(shape, sizeof shape, "L %d, E %d, N %d, gated", (int)L, (int)b->z->E, (int)b->z->N);
    SSMQ_TRY_DONE(st, measure(b, &j, shape, 16 * elements, elements * (double)b->z->N, false));
    j.op = "conv";
    SSMQ_TRY_DONE(st, ssmq_draw_dense(&d, 2, (const int64_t[]){b->z->E, b->z->W}, -1, 1, &j.w));
    SSMQ_TRY_DONE(st, ssmq_draw_dense(&d, 1, &inner, -1, 1, &j.v));
    SSMQ_TRY_DONE(st, cube(&d, b->z->W - 1, b->z->E, -1, 1, &j.h));
    snprintf(shape, sizeof shape, "L %d, E %d, W %d", (int)L, (int)b->z->E, (int)b->z->W);
    SSMQ_TRY_DONE(st, measure(b, &j, shape, 8 * elements, 2 * (double)b->z->W * elements, false));
done:
    ssmq_draw_free(&d);
    return st;
}

static ssmq_status time_rows(bench *b, int64_t M)
{
    const int64_t inner = b->z->E, width = b->z->D;
    const double  wide = (double)(M * b->z->E), narrow = (double)(M * b->z->D);
    ssmq_draw     d = ssmq_draw_new(b->be, 3, true);
    char          shape[64];
    ssmq_status   st;
    float         scale = 0.01f;
    job           j = {.op = "hadamard",
                       .spec = {.bits = 8, .symmetric = true},
                       .params = {.scale = ssmq_tensor_of(&scale, SSMQ_F32, 0, NULL)}};
    snprintf(shape, sizeof shape, "M %d, n %d", (int)M, (int)b->z->E);
    SSMQ_TRY_DONE(st, matrix(&d, M, b->z->E, &j.x));
    SSMQ_TRY_DONE(st, matrix(&d, M, b->z->E, &j.y));
    SSMQ_TRY_DONE(st, ssmq_draw_dense(&d, 1, &inner, -1, 1, &j.w));
    SSMQ_TRY_DONE(st, ssmq_draw_dense(&d, 1, &inner, -1, 1, &j.v));
    static const char *const ops[] = {"hadamard", "quantize", "dequantize", "epilogue", "finite"};
    for (int i = 0; i < 5; i++) {
        j.op = ops[i];
        SSMQ_TRY_DONE(st, measure(b, &j, shape, (i < 4 ? 8 : 4) * wide, wide, false));
    }
    j.op = "rmsnorm";
    snprintf(shape, sizeof shape, "M %d, D %d, added", (int)M, (int)b->z->D);
    SSMQ_TRY_DONE(st, matrix(&d, M, b->z->D, &j.x));
    SSMQ_TRY_DONE(st, matrix(&d, M, b->z->D, &j.y));
    SSMQ_TRY_DONE(st, matrix(&d, M, b->z->D, &j.z));
    SSMQ_TRY_DONE(st, ssmq_draw_dense(&d, 1, &width, -1, 1, &j.w));
    SSMQ_TRY_DONE(st, measure(b, &j, shape, 16 * narrow, 4 * narrow, false));
done:
    ssmq_draw_free(&d);
    return st;
}

static ssmq_status time_ends(bench *b, int64_t M)
{
    ssmq_draw   d = ssmq_draw_new(b->be, 4, true);
    job         j = {.op = "embed"};
    char        shape[64];
    ssmq_status st;
    SSMQ_TRY_DONE(st, matrix(&d, b->z->V, b->z->D, &j.w));
    SSMQ_TRY_DONE(st, matrix(&d, M, b->z->D, &j.y));
    SSMQ_TRY_DONE(st, ssmq_draw_index(&d, M, 0, (int32_t)b->z->V - 1, &j.index));
    snprintf(shape, sizeof shape, "M %d, D %d", (int)M, (int)b->z->D);
    SSMQ_TRY_DONE(st, measure(b, &j, shape, 8.0 * (double)(M * b->z->D), 0, false));
    j.op = "nll";
    SSMQ_TRY_DONE(st, matrix(&d, M, b->z->V, &j.x));
    SSMQ_TRY_DONE(st, ssmq_draw_zero(&d, SSMQ_F64, 1, &M, &j.loss));
    snprintf(shape, sizeof shape, "M %d, V %d", (int)M, (int)b->z->V);
    SSMQ_TRY_DONE(st, measure(b, &j, shape, 4.0 * (double)(M * b->z->V),
                              (double)(M * b->z->V), false));
done:
    ssmq_draw_free(&d);
    return st;
}

static ssmq_status time_all(bench *b, int64_t tokens)
{
    const int64_t products[][2] = {{2 * b->z->E, b->z->D},
                                          {b->z->R + 2 * b->z->N, b->z->E},
                                          {b->z->E, b->z->R},
                                          {b->z->D, b->z->E},
                                          {b->z->V, b->z->D}};
    for (int i = 0; i < 5; i++) {
        /* The head over a block of rows: logits of all tokens are never kept. */
        const int64_t M = i < 4 ? tokens : 64;
        for (int one = 0; one < 2; one++) {
            if (wanted(b, "linear")) SSMQ_TRY(time_linear(b, one ? 1 : M, products[i][0], products[i][1]));
            if (wanted(b, "linear_i8")) SSMQ_TRY(time_linear_i8(b, one ? 1 : M, products[i][0], products[i][1]));
            if (wanted(b, "linear_bf16"))
                SSMQ_TRY(time_linear_bf16(b, one ? 1 : M, products[i][0], products[i][1]));
        }
    }
    SSMQ_TRY(time_sequence(b, tokens));
    SSMQ_TRY(time_sequence(b, 1));
    SSMQ_TRY(time_rows(b, tokens));
    SSMQ_TRY(time_rows(b, 1));
    return wanted(b, "embed") || wanted(b, "nll") ? time_ends(b, 64) : SSMQ_OK;
}

ssmq_status ssmq_bench_kernels(ssmq_backend *be, const ssmq_bench_request *r, ssmq_arena *a,
                               ssmq_bench_result **results, int32_t *n)
{
    bench b = {.be = be, .z = r->shape, .request = r, .result = SSMQ_ARENA_ARRAY(a, ssmq_bench_result, RESULTS_MAX)};
    void *flush;
    SSMQ_TRY(be->ops->alloc(be, FLUSH_BYTES, &flush));
    b.flush = flush;
    const ssmq_status st = time_all(&b, r->tokens);
    be->ops->free(be, flush);
    if (st != SSMQ_OK) return ssmq_trace(st, __FILE__, __LINE__, __func__);
    *results = b.result;
    *n = b.n;
    return SSMQ_OK;
}
