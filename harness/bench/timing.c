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

const char *const ssmq_bench_ops[] = {"linear",     "linear_i8", "linear_q", "linear_w", "linear_bf16", "scan",  "conv", "hadamard",
                                      "encode",     "quantize",  "dequantize", "epilogue", "finite",    "rmsnorm", "embed", "nll", NULL};

#define FLUSH_BYTES ((size_t)96 << 20)
#define GROUP 128 /* inputs that share a scale, of weights of 4 bits */
#define RESULTS_MAX 80

/* What one op needs to run: its tensors, by role. */
typedef struct job {
    ssmq_tensor  y, x, w, v, index, loss;
    ssmq_tensor  dt, A, Bm, Cm, D, z, h;
    ssmq_tensor  q; /* codes that rows become; data NULL: they stay floats */
    float        scale;
    ssmq_qspec   spec;
    ssmq_qparams params;
    ssmq_packed  packed;
    const char  *op;
} job;

typedef struct bench {
    ssmq_backend             *be;
    const ssmq_bench_shape   *z;
    const ssmq_bench_request *request;
    ssmq_bench_result *result;
    int32_t            n;
    char              *flush;
} bench;

static ssmq_status run_rmsnorm(ssmq_backend *be, job *j)
{
    const ssmq_encode_args encode = {.spec = &j->spec, .params = &j->params};
    ssmq_handing           to = {.n = 1, .part = {{.q = &j->q, .encode = &encode}}};
    return be->ops->rmsnorm(be, &j->y, &j->z, &j->x, &j->w, 1e-5f, j->q.data ? &to : NULL);
}

static ssmq_status run_encode(ssmq_backend *be, job *j)
{
    int64_t first;
    return be->ops->encode(be, &j->q, &j->x,
                           &(ssmq_encode_args){.rotate = true, .spec = &j->spec, .params = &j->params}, &first);
}

static ssmq_status run_conv(ssmq_backend *be, job *j)
{
    return be->ops->conv(
        be, &j->y, &(ssmq_conv_args){.x = &j->x, .w = &j->w, .bias = &j->v, .scale = j->scale, .state = &j->h});
}

static ssmq_status run_scan(ssmq_backend *be, job *j)
{
    const float s = j->scale;
    return be->ops->scan(be, &j->y,
                         &(ssmq_scan_args){.x = &j->x,
                                           .dt = &j->dt,
                                           .A = &j->A,
                                           .Bm = &j->Bm,
                                           .Cm = &j->Cm,
                                           .D = &j->D,
                                           .z = &j->z,
                                           .h = &j->h,
                                           .scale = {.x = s, .dt = s, .Bm = s, .Cm = s, .z = s}});
}

/* Runs once; returns the op's status. */
static ssmq_status run(ssmq_backend *be, job *j)
{
    const ssmq_backend_ops *ops = be->ops;
    const ssmq_epilogue     plain = {.scale = 1};
    const char             *op = j->op;
    int64_t                 first;
    if (!strcmp(op, "linear")) return ops->linear(be, &j->y, &j->x, &j->w);
    if (!strcmp(op, "linear_i8")) return ops->linear_i8(be, &j->y, &j->x, &j->packed, &plain);
    if (!strcmp(op, "linear_q")) return ops->linear_q(be, &j->y, &j->x, &j->packed, &plain);
    if (!strcmp(op, "linear_w")) return ops->linear_w(be, &j->y, &j->x, &j->packed, &plain);
    if (!strcmp(op, "linear_bf16")) return ops->linear_bf16(be, &j->y, &j->x, &j->packed, &plain);
    if (!strcmp(op, "rmsnorm")) return run_rmsnorm(be, j);
    if (!strcmp(op, "embed")) return ops->embed(be, &j->y, &j->index, &j->w);
    if (!strcmp(op, "hadamard")) return ops->hadamard(be, &j->x, NULL);
    if (!strcmp(op, "encode")) return run_encode(be, j);
    if (!strcmp(op, "nll")) return ops->nll(be, &j->loss, &j->x, &j->index);
    if (!strcmp(op, "quantize")) return ops->quantize(be, &j->y, &j->x, &j->spec, &j->params);
    if (!strcmp(op, "dequantize")) return ops->dequantize(be, &j->y, &j->x, &j->spec, &j->params);
    if (!strcmp(op, "epilogue"))
        return ops->epilogue(be, &j->x, &(ssmq_epilogue){.scale = 1, .column = &j->w, .bias = &j->v});
    if (!strcmp(op, "finite")) return ops->finite(be, &j->x, &first);
    return !strcmp(op, "conv") ? run_conv(be, j) : run_scan(be, j);
}

/* Runs once, to warm up, and looks at what that takes at least. */
static ssmq_status run_metered(ssmq_backend *be, job *j, ssmq_meter_cost *cost)
{
    ssmq_meter_entry  e;
    be->site = -1;
    ssmq_meter       *meter = ssmq_meter_on(be, 0);
    const ssmq_status st = run(be, j);
    if (ssmq_meter_entry_at(meter, 0, &e)) *cost = e.cost;
    ssmq_meter_off(meter);
    return st;
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
static ssmq_status measure(bench *b, job *j, const char *shape, bool cold)
{
    if (!wanted(b, j->op)) return SSMQ_OK;
    SSMQ_ASSERT(b->n < RESULTS_MAX);
    ssmq_bench_result *r = &b->result[b->n++];
    double             baseline[SSMQ_BENCH_SAMPLES];
    *r = (ssmq_bench_result){.op = j->op, .cold = cold};
    snprintf(r->shape, sizeof r->shape, "%s", shape);
    SSMQ_TRY(run_metered(b->be, j, &r->cost));
    const size_t bytes = (size_t)r->cost.bytes;
    for (int i = 0; i < SSMQ_BENCH_SAMPLES; i++) {
        if (cold) empty_caches(b);
        const double begin = omp_get_wtime();
        SSMQ_TRY(run(b->be, j));
        r->sample_s[i] = omp_get_wtime() - begin;
    }
    run_baseline(b, j, bytes);
    for (int i = 0; i < SSMQ_BENCH_SAMPLES; i++) {
        if (cold) empty_caches(b);
        const double begin = omp_get_wtime();
        run_baseline(b, j, bytes);
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

/* ---- products ---------------------------------------------------------------------------- */

static const char *const products[] = {"linear", "linear_i8", "linear_q", "linear_w", "linear_bf16", NULL};

/* Codes of 4 bits with scales by group. */
static ssmq_status pack_groups(ssmq_backend *be, ssmq_draw *d, const ssmq_tensor *w, bool floats, ssmq_packed *out)
{
    const int64_t N = w->dim[0], K = w->dim[1], group = K < GROUP ? K : GROUP;
    ssmq_tensor   scale;
    SSMQ_TRY(matrix(d, N, (K + group - 1) / group, &scale));
    return be->ops->pack_q(
        be, &(ssmq_codes){.code = w, .bits = 4, .group = group, .scale = &scale, .floats = floats}, out);
}

/* Factors as the op takes them. */
static ssmq_status draw_factors(ssmq_backend *be, ssmq_draw *d, int64_t M, int64_t N, int64_t K, job *j)
{
    const int64_t x[] = {M, K}, w[] = {N, K};
    const bool    codes = !strcmp(j->op, "linear_i8") || !strcmp(j->op, "linear_q");
    const bool    bf16 = !strcmp(j->op, "linear_bf16");
    ssmq_tensor   code;
    SSMQ_TRY(matrix(d, M, N, &j->y));
    if (codes) SSMQ_TRY(ssmq_draw_codes(d, 2, x, &j->x));
    else SSMQ_TRY(ssmq_draw_dense(d, 2, x, bf16 ? 1 : -1, 1, &j->x)); /* 1 is one of bfloat16's */
    if (!strcmp(j->op, "linear")) return matrix(d, N, K, &j->w);
    SSMQ_TRY(ssmq_draw_zero(d, bf16 ? SSMQ_BF16 : SSMQ_I8, 2, w, &code));
    if (bf16) return be->ops->pack_bf16(be, &code, &j->packed);
    if (!strcmp(j->op, "linear_i8")) return be->ops->pack_i8(be, &code, &j->packed);
    return pack_groups(be, d, &code, !codes, &j->packed);
}

/* The baseline of all but floats is memory: nothing else here does such a product. */
static ssmq_status time_product(bench *b, const char *op, int64_t M, int64_t N, int64_t K)
{
    ssmq_draw   d = ssmq_draw_new(b->be, 1, true);
    job         j = {.op = op};
    char        shape[64];
    const bool  groups = !strcmp(op, "linear_q") || !strcmp(op, "linear_w");
    ssmq_status st;
    SSMQ_TRY_DONE(st, draw_factors(b->be, &d, M, N, K, &j));
    snprintf(shape, sizeof shape, "M %d, N %d, K %d%s", (int)M, (int)N, (int)K, groups ? ", 4 bits" : "");
    SSMQ_TRY_DONE(st, measure(b, &j, shape, M == 1));
done:
    b->be->ops->free(b->be, j.packed.data);
    ssmq_draw_free(&d);
    return st;
}

/* ---- along the sequence ------------------------------------------------------------------ */

/* codes: x, and what else is of every token, as codes, as in mode real. */
static ssmq_status inputs(ssmq_draw *d, int64_t L, int64_t columns, bool codes, float lo, float hi, ssmq_tensor *out)
{
    return codes ? ssmq_draw_codes(d, 3, (const int64_t[]){1, L, columns}, out) : cube(d, L, columns, lo, hi, out);
}

static ssmq_status time_scan(bench *b, ssmq_draw *d, int64_t L, bool codes)
{
    const int64_t E = b->z->E, N = b->z->N;
    job           j = {.op = "scan", .scale = 0.01f};
    char          shape[64];
    SSMQ_TRY(inputs(d, L, E, codes, -1, 1, &j.x));
    SSMQ_TRY(inputs(d, L, E, codes, -6, 1, &j.dt));
    SSMQ_TRY(inputs(d, L, E, codes, -3, 3, &j.z));
    SSMQ_TRY(inputs(d, L, N, codes, -1, 1, &j.Bm));
    SSMQ_TRY(inputs(d, L, N, codes, -1, 1, &j.Cm));
    SSMQ_TRY(cube(d, L, E, -3, 3, &j.y));
    SSMQ_TRY(cube(d, E, N, -1, 1, &j.h));
    SSMQ_TRY(ssmq_draw_dense(d, 2, (const int64_t[]){E, N}, -16, -1, &j.A));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &E, -1, 1, &j.D));
    snprintf(shape, sizeof shape, "L %d, E %d, N %d, gated%s", (int)L, (int)E, (int)N, codes ? ", of codes" : "");
    return measure(b, &j, shape, false);
}

static ssmq_status time_conv(bench *b, ssmq_draw *d, int64_t L, bool codes)
{
    const int64_t E = b->z->E, W = b->z->W;
    job           j = {.op = "conv", .scale = codes ? 0.01f : 1};
    char          shape[64];
    SSMQ_TRY(inputs(d, L, E, codes, -1, 1, &j.x));
    SSMQ_TRY(cube(d, L, E, -3, 3, &j.y));
    SSMQ_TRY(ssmq_draw_dense(d, 2, (const int64_t[]){E, W}, -1, 1, &j.w));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &E, -1, 1, &j.v));
    SSMQ_TRY(cube(d, W - 1, E, -1, 1, &j.h));
    snprintf(shape, sizeof shape, "L %d, E %d, W %d%s", (int)L, (int)E, (int)W, codes ? ", of codes" : "");
    return measure(b, &j, shape, false);
}

static ssmq_status time_sequence(bench *b, int64_t L)
{
    ssmq_status st = SSMQ_OK;
    for (int codes = 0; codes < 2 && st == SSMQ_OK; codes++) {
        ssmq_draw d = ssmq_draw_new(b->be, 2, true);
        st = time_scan(b, &d, L, codes);
        if (st == SSMQ_OK) st = time_conv(b, &d, L, codes);
        ssmq_draw_free(&d);
    }
    return st;
}

/* ---- rows -------------------------------------------------------------------------------- */

static ssmq_status time_wide(bench *b, ssmq_draw *d, int64_t M, job *j)
{
    static const char *const ops[] = {"hadamard", "encode", "quantize", "dequantize", "epilogue", "finite"};
    const int64_t            E = b->z->E, dim[] = {M, E};
    char                     shape[64];
    SSMQ_TRY(matrix(d, M, E, &j->x));
    SSMQ_TRY(matrix(d, M, E, &j->y));
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_I8, 2, dim, &j->q));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &E, -1, 1, &j->w));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &E, -1, 1, &j->v));
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        j->op = ops[i];
        snprintf(shape, sizeof shape, "M %d, n %d%s", (int)M, (int)E, i == 1 ? ", rotated" : "");
        SSMQ_TRY(measure(b, j, shape, false));
    }
    return SSMQ_OK;
}

static ssmq_status time_rmsnorm(bench *b, ssmq_draw *d, int64_t M, job *j)
{
    const int64_t D = b->z->D, dim[] = {M, D};
    char          shape[64];
    ssmq_tensor   q;
    j->op = "rmsnorm";
    SSMQ_TRY(matrix(d, M, D, &j->x));
    SSMQ_TRY(matrix(d, M, D, &j->y));
    SSMQ_TRY(matrix(d, M, D, &j->z));
    SSMQ_TRY(ssmq_draw_zero(d, SSMQ_I8, 2, dim, &q));
    SSMQ_TRY(ssmq_draw_dense(d, 1, &D, -1, 1, &j->w));
    for (int codes = 0; codes < 2; codes++) {
        j->q = codes ? q : (ssmq_tensor){0};
        snprintf(shape, sizeof shape, "M %d, D %d, added%s", (int)M, (int)D, codes ? ", to codes" : "");
        SSMQ_TRY(measure(b, j, shape, false));
    }
    return SSMQ_OK;
}

static ssmq_status time_rows(bench *b, int64_t M)
{
    ssmq_draw d = ssmq_draw_new(b->be, 3, true);
    float     scale = 0.01f;
    job       j = {.spec = {.bits = 8, .symmetric = true},
                   .params = {.scale = ssmq_tensor_of(&scale, SSMQ_F32, 0, NULL)}};
    ssmq_status st = time_wide(b, &d, M, &j);
    if (st == SSMQ_OK) st = time_rmsnorm(b, &d, M, &j);
    ssmq_draw_free(&d);
    return st;
}

/* ---- ends -------------------------------------------------------------------------------- */

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
    SSMQ_TRY_DONE(st, measure(b, &j, shape, false));
    j.op = "nll";
    SSMQ_TRY_DONE(st, matrix(&d, M, b->z->V, &j.x));
    SSMQ_TRY_DONE(st, ssmq_draw_zero(&d, SSMQ_F64, 1, &M, &j.loss));
    snprintf(shape, sizeof shape, "M %d, V %d", (int)M, (int)b->z->V);
    SSMQ_TRY_DONE(st, measure(b, &j, shape, false));
done:
    ssmq_draw_free(&d);
    return st;
}

static ssmq_status time_all(bench *b, int64_t tokens)
{
    const int64_t size[][2] = {{2 * b->z->E, b->z->D},
                               {b->z->R + 2 * b->z->N, b->z->E},
                               {b->z->E, b->z->R},
                               {b->z->D, b->z->E},
                               {b->z->V, b->z->D}};
    for (int i = 0; i < 5; i++) {
        /* The head over a block of rows: logits of all tokens are never kept. */
        const int64_t M = i < 4 ? tokens : 64;
        for (int one = 0; one < 2; one++)
            for (const char *const *op = products; *op; op++)
                if (wanted(b, *op)) SSMQ_TRY(time_product(b, *op, one ? 1 : M, size[i][0], size[i][1]));
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
