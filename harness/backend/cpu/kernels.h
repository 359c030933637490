/* What the units of the backend `cpu` share: its state, the tiers' entries, loop helpers.
 *
 * A tier is one unit, tier_<name>.c, compiled with the tier's flags.  It includes a vec_*.inc, which
 * names the vectors of the machine, and then the same kernels, op_*.inc, all of them static: so no
 * function compiled for a newer CPU can end up in a unit that runs on an older one. */
#pragma once
#include <stdbool.h>
#include "harness/backend/backend.h"
#include "harness/backend/cpu/pool.h"
#include "harness/tensor/hadamard.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What becomes of an op's result (ssmq_handing), as its threads see it. */
typedef struct ssmq_cpu_handing {
    ssmq_tensor y; /* as rows */
    int32_t     n;
    struct {
        int64_t           begin, end; /* columns of y */
        ssmq_tensor       q;          /* as rows      */
        float             scale;
        const ssmq_qspec *spec; /* NULL: they stay floats    */
        const float      *factor;
        int64_t           found; /* see ssmq_cpu_not_finite() */
    } part[SSMQ_HANDED_MAX];
} ssmq_cpu_handing;

/* Of y, at first and in the end; to NULL: nothing is handed on. */
void ssmq_cpu_handing_begin(ssmq_cpu_handing *h, const ssmq_tensor *y, const ssmq_handing *to);
void ssmq_cpu_handing_end(const ssmq_cpu_handing *h, ssmq_handing *to);
/* Says that element at of a part is value. */
void ssmq_cpu_not_finite(ssmq_cpu_handing *h, int32_t part, int64_t at, float value);

/* Hands on columns c .. c + count of rows m .. m + rows of y, whose values lie in v, stride floats apart, and
 * are lost. */
typedef void (*ssmq_cpu_hand_on)(ssmq_cpu_handing *h, int64_t m, int64_t rows, int64_t c, int64_t count,
                                 float *v, int64_t stride);

typedef struct ssmq_cpu_state {
    ssmq_backend_ops ops;      /* ref's table with the tier's entries over it   */
    ssmq_cpu_hand_on hand_on;  /* the tier's, for units that have none          */
    ssmq_pool       *pool;
    ssmq_hadamard    hadamard; /* the last matrix used; n = 0: none yet         */
    void            *work;     /* see ssmq_cpu_work                             */
    size_t           work_bytes;
} ssmq_cpu_state;

/* Each writes its tier's entries over the table; false if the tier was not compiled. */
bool ssmq_cpu_tier_c(ssmq_backend_ops *ops, ssmq_cpu_hand_on *hand_on);
bool ssmq_cpu_tier_avx2(ssmq_backend_ops *ops, ssmq_cpu_hand_on *hand_on);
bool ssmq_cpu_tier_avx512(ssmq_backend_ops *ops, ssmq_cpu_hand_on *hand_on);

/* The same for products of codes and of bfloat16, where the instruction set is not the tier's own. */
bool ssmq_cpu_i8_c(ssmq_backend_ops *ops);
bool ssmq_cpu_i8_avx2(ssmq_backend_ops *ops);
bool ssmq_cpu_i8_avx512vnni(ssmq_backend_ops *ops);
bool ssmq_cpu_q_c(ssmq_backend_ops *ops);
bool ssmq_cpu_q_avx2(ssmq_backend_ops *ops);
bool ssmq_cpu_q_avx512vnni(ssmq_backend_ops *ops);
bool ssmq_cpu_bf16_c(ssmq_backend_ops *ops);
bool ssmq_cpu_bf16_avx2(ssmq_backend_ops *ops);
bool ssmq_cpu_bf16_avx512bf16(ssmq_backend_ops *ops);

/* Packs codes for linear_w: [row / 8][part][row % 8], a part being so many inputs of a row, with zeros past N and K;
 * then the scales, [row / 8][group][row % 8].  Parts of codes of 4 bits lie in 16 words of 32 bits for rows r and r + 4:
 * input 16 i + j of theirs in bits 4 i .. 4 i + 3 of word j, 16 bits higher for row r + 4. */
ssmq_status ssmq_cpu_pack_rows(ssmq_backend *be, const ssmq_codes *w, ssmq_packed *out);
#define SSMQ_CPU_ROWS 8 /* of a weight that lie side by side */
static inline int64_t ssmq_cpu_part_inputs(int32_t bits)
{
    return bits == 4 ? 64 : 16;
}
/* Bytes of the parts of so many rows, a multiple of SSMQ_CPU_ROWS. */
static inline int64_t ssmq_cpu_parts_bytes(const ssmq_packed *w, int64_t rows)
{
    const int64_t inputs = ssmq_cpu_part_inputs(w->bits);
    return rows * ((w->K + inputs - 1) / inputs) * inputs * w->bits / 8;
}
static inline int64_t ssmq_cpu_rows_packed(const ssmq_packed *w)
{
    return (w->N + SSMQ_CPU_ROWS - 1) / SSMQ_CPU_ROWS * SSMQ_CPU_ROWS;
}

/* A product through OpenBLAS, for tier c, for many rows. */
void ssmq_cpu_linear_blas(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                          const ssmq_tensor *w);

/* Memory for an op while it runs, as it was left by the op before: taken and cleared anew each time it would cost
 * as much as a product of one row.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_cpu_work(ssmq_backend *be, size_t bytes, void **out);

/* A loop over n rows of so many elements each, in pieces that are worth handing to a thread. */
static inline void ssmq_cpu_rows(ssmq_backend *be, int64_t n, int64_t elements,
                                 ssmq_pool_piece piece, void *context)
{
    const int64_t least = 16384, grain = elements > 0 ? (least + elements - 1) / elements : n;
    ssmq_pool_run(((ssmq_cpu_state *)be->state)->pool, n, grain > 0 ? grain : 1, piece, context);
}

/* Rows of x in a task of a product, a multiple of step, as most is: of M in all, for so many blocks of columns each.
 * Tasks are of like size, and each thread has some. */
static inline int64_t ssmq_cpu_task_rows(const ssmq_backend *be, int64_t M, int64_t blocks, int64_t most, int64_t step)
{
    const int64_t enough = blocks > 0 ? (2 * be->threads + blocks - 1) / blocks : 1, least = (M + most - 1) / most;
    const int64_t down = enough > least ? enough : least, each = (M + down - 1) / down;
    return each > 0 ? (each + step - 1) / step * step : step;
}

/* Columns of a piece of a product of few rows, which memory bounds, a multiple of step: the threads end together, and
 * a piece is worth its call.  bytes: of the whole weight, of N columns. */
static inline int64_t ssmq_cpu_few_columns(const ssmq_backend *be, int64_t N, int64_t bytes, int64_t step)
{
    const int64_t most = 384 << 10, least = 32 << 10, pieces = 4 * (int64_t)be->threads;
    const int64_t share = bytes / pieces < least ? least : bytes / pieces < most ? bytes / pieces : most;
    return bytes > 0 ? (share * N / bytes + step) / step * step : step;
}

#define SSMQ_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define SSMQ_UNROLL(n) SSMQ_PRAGMA(clang loop unroll_count(n))
#else
#define SSMQ_UNROLL(n) SSMQ_PRAGMA(GCC unroll n)
#endif

#ifdef __cplusplus
}
#endif
