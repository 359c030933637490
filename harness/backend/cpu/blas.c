#include <cblas.h>
#include <omp.h>
#include "harness/backend/cpu/kernels.h"
#include "harness/backend/shape.h"

/* Blocks of a size that does not depend on the number of threads, each by one call that runs on one
 * thread: so the result does not depend on it either. */
#define BLOCK_N 256
#define BLOCK_M 128

typedef struct blas_job {
    ssmq_linear_shape s;
    float            *y;
    const float      *x, *w;
    int64_t           down; /* blocks of rows of x */
} blas_job;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void blas_piece(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const blas_job          *j = context;
    const ssmq_linear_shape *s = &j->s;
    (void)worker;
    /* OpenBLAS asks OpenMP how many threads to take.  The setting is this thread's alone, and the
     * caller of the op gets its own back. */
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    for (int64_t i = begin; i < end; i++) {
        const int64_t n = i / j->down * BLOCK_N, m = i % j->down * BLOCK_M;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)least(BLOCK_M, s->M - m),
                    (blasint)least(BLOCK_N, s->N - n), (blasint)s->K, 1.0f, j->x + m * s->stride_x,
                    (blasint)s->stride_x, j->w + n * s->stride_w, (blasint)s->stride_w, 0.0f,
                    j->y + m * s->stride_y + n, (blasint)s->stride_y);
    }
    omp_set_num_threads(before);
}

void ssmq_cpu_linear_blas(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                          const ssmq_tensor *w)
{
    blas_job j = {ssmq_shape_linear(y, x, w), y->data, x->data, w->data, 0};
    j.down = (j.s.M + BLOCK_M - 1) / BLOCK_M;
    const int64_t across = (j.s.N + BLOCK_N - 1) / BLOCK_N;
    ssmq_pool_run(((ssmq_cpu_state *)be->state)->pool, across * j.down, 1, blas_piece, &j);
}
