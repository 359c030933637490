/* A backend: where memory lives and arithmetic runs.
 *
 * `ref` is plain C, one op per file, and fills the whole table: it is the oracle.  `cpu` starts
 * from a copy of ref's table and overrides entries by instruction-set tier; `cuda` has its
 * place in alloc, copy, sync and the space of a tensor.
 *
 * For every op: destinations come first; tensors are in the backend's space, f32 unless said;
 * the last axis is contiguous, rows may be strided (a slice of the last axis of a larger
 * tensor); shapes are asserted, not reported, since families and exec build them.  Results do
 * not depend on the number of threads, bit for bit.  Empty tensors are fine. */
#pragma once
#include <stddef.h>
#include "harness/base/error.h"
#include "harness/base/option.h"
#include "harness/tensor/qspec.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_backend ssmq_backend;

/* What is done to a tensor before it is handed on as codes, in this order. */
typedef struct ssmq_encode_args {
    const ssmq_tensor  *factor; /* (C) or NULL: the columns of x are multiplied by it */
    bool                rotate; /* as the op hadamard                                 */
    const ssmq_tensor  *signs;  /* of the rotation, or NULL                           */
    const ssmq_qspec   *spec;   /* of whole numbers                                   */
    const ssmq_qparams *params;
} ssmq_encode_args;

/* Columns of an op's result, from begin on as many as q has, and what is done to them as soon as they are
 * there: they are kept as codes alone.  q is as for the op encode: these columns themselves, or in the front of
 * their rows.  encode has one scale for all and no rotation; NULL: they stay floats, and are looked at. */
typedef struct ssmq_handed {
    int64_t                 begin;
    ssmq_tensor            *q;
    const ssmq_encode_args *encode;
    int64_t                 first; /* out: as finite says of these columns  */
    float                   value; /* out: what stood there, or another NaN */
} ssmq_handed;

/* The same bits as the op without it, and after it, part by part, the op encode of its columns, or finite. */
#define SSMQ_HANDED_MAX 4
typedef struct ssmq_handing {
    int32_t     n;
    ssmq_handed part[SSMQ_HANDED_MAX]; /* in the order of columns, which belong to one part at most */
} ssmq_handing;

/* y = y * scale, times column[n], times row[m], plus bias[n]: in this order, each left out where
 * it is NULL.  What a product of codes, y (M, N), needs to become a real number. */
typedef struct ssmq_epilogue {
    float              scale;
    const ssmq_tensor *column; /* (N) */
    const ssmq_tensor *row;    /* (M) */
    const ssmq_tensor *bias;   /* (N) */
    const ssmq_tensor *zero;   /* i32 (M), for linear_q only: taken off each code of a row of x before all else; *
                                * NULL: nothing is                                                             */
    ssmq_handing *to; /* after all else; NULL: nothing is done */
} ssmq_epilogue;

/* The codes of a weight and what is to be done with them. */
typedef struct ssmq_codes {
    const ssmq_tensor *code;   /* i8 (N, K), contiguous; K at most SSMQ_PRODUCT_MAX; or f16, bf16: with floats only */
    int32_t            bits;   /* 8; 4: all codes lie in -8 .. 7, and two are kept in a byte; 16 of f16 and bf16    */
    int64_t            group;  /* inputs of a row that share a scale; 0: that of the epilogue is all   */
    const ssmq_tensor *scale;  /* with group: f32 (N, ceil(K / group)), contiguous                     */
    const ssmq_tensor *zero;   /* of linear_q: i32 (N, groups), or one for all; taken off each code of the weight; *
                                * NULL: nothing is                                                    */
    bool               zeros;  /* rows of x may have zero points                                       */
    bool               floats; /* x is f32: linear_w reads it, else linear_q                           */
} ssmq_codes;

/* A weight of codes as a backend's products read it; its data are released with free. */
typedef struct ssmq_packed {
    int64_t N, K;
    void   *data;
    size_t  bytes;
    /* What linear_q and linear_w have to know of it; linear_i8 reads 8 bits without any of the rest. */
    int32_t    bits;
    ssmq_dtype dtype; /* of a code as it was given */
    int64_t    group;
    bool       zeros, floats;
    bool       affine; /* the weight has zero points */
} ssmq_packed;

static inline int64_t ssmq_packed_groups(const ssmq_packed *p)
{
    return p->group > 0 ? (p->K + p->group - 1) / p->group : 1;
}

/* No sum of this many products of codes, one of them moved up by 128, leaves 32 bits. */
#define SSMQ_PRODUCT_MAX 65536

/* y[b,t,e] = silu(scale * channel[e] * sum_k w[e,k] x[b,t-W+1+k,e] + bias[e]); inputs before the
 * first token come from state, which afterwards holds the last W - 1 inputs.  The scale stands
 * outside the sum, so that x and w may be codes. */
typedef struct ssmq_conv_args {
    const ssmq_tensor *x;       /* (B, L, E), rows may be strided; f32, or codes in i8 */
    const ssmq_tensor *w;       /* (E, W), W = 2..4               */
    const ssmq_tensor *bias;    /* (E) or NULL                    */
    float              scale;   /* 1 where x and w are no codes   */
    const ssmq_tensor *channel; /* (E) or NULL                    */
    ssmq_tensor       *state;   /* (B, W - 1, E), read and written */
    ssmq_handing      *to;      /* what becomes of y, or NULL      */
} ssmq_conv_args;

/* Selective scan of Mamba-1, fp32 throughout (arXiv:2312.00752, eq. 2; quant/quamba-spec.md, 1.4):
 *   delta = softplus(dt), which is dt itself above 20
 *   h[e,n] = exp(delta * A[e,n]) * h[e,n] + delta * x[e] * Bm[n]
 *   y[e]   = sum_n h[e,n] * Cm[n] + D[e] * x[e], times silu(z[e]) where z is given. */
typedef struct ssmq_scan_args {
    /* x, dt, Bm, Cm and z are f32, or codes in i8: then each is its code times its scale. */
    const ssmq_tensor *x, *dt; /* (B, L, E); dt has its bias, before softplus          */
    const ssmq_tensor *A;      /* (E, N): -exp(A_log)                                   */
    const ssmq_tensor *Bm, *Cm; /* (B, L, N)                                            */
    const ssmq_tensor *D;      /* (E)                                                   */
    const ssmq_tensor *z;      /* (B, L, E) or NULL: no gate                            */
    ssmq_tensor       *h;      /* (B, E, N): the recurrent state, read and written      */
    ssmq_tensor       *states; /* (B, L, E, N), contiguous: what h is after each token; or NULL */
    struct {
        float x, dt, Bm, Cm, z;
    } scale;                   /* of those that are codes                               */
    const ssmq_tensor *channel; /* (E) or NULL: where x is codes, times this after its scale */
    ssmq_handing      *to;      /* what becomes of y, or NULL */
    /* After each step, when y is made, h is rounded: to codes and back, as by quantize and dequantize.  spec NULL: it is not.
     * Integers that do not wrap, or half precision; no zero points, one scale for all or one for each e. */
    struct {
        const ssmq_qspec *spec;
        const float      *scale;  /* [1] or, under scope channel, [E]                   */
        bool             *broken; /* set where h was not finite before it was rounded; it is of no use then */
    } round;
} ssmq_scan_args;

/* A part of a caller's loop, begin .. end; worker: 0 .. threads - 1, one part at a time each. */
typedef void (*ssmq_backend_part)(void *context, int64_t begin, int64_t end, int32_t worker);

typedef struct ssmq_backend_ops {
    const char        *name;    /* as written in YAML: "ref", "cpu", "cuda" */
    const char        *help;    /* one line                                 */
    const ssmq_option *options; /* run.backend.* keys beside name           */
    size_t             options_size;
    ssmq_space         space;   /* where its tensors lie                    */
    bool               rows_vary; /* a row of linear may differ in its last bits with the number of rows */

    /* REQUIRED: life and memory.  open: UNSUPPORTED, naming it, if an option asks for what this
     * machine lacks.  alloc: zeroed, aligned to 64 bytes; MEMORY.  free accepts NULL. */
    ssmq_status (*open)(ssmq_backend *be, const void *options);
    void        (*close)(ssmq_backend *be);
    ssmq_status (*alloc)(ssmq_backend *be, size_t bytes, void **out);
    void        (*free)(ssmq_backend *be, void *p);
    ssmq_status (*zero)(ssmq_backend *be, void *p, size_t bytes);
    ssmq_status (*copy)(ssmq_backend *be, ssmq_tensor *dst, const ssmq_tensor *src);
    ssmq_status (*sync)(ssmq_backend *be);
    /* REQUIRED: cuts 0 .. n into parts of grain >= 1 and has them done on the backend's host threads, each
     * once, in any order; returns when all are.  What a part computes must not depend on its worker. */
    void (*share)(ssmq_backend *be, int64_t n, int64_t grain, ssmq_backend_part part, void *context);

    /* REQUIRED: floating point. */
    /* y (M, D) = rows token (M) i32 of w (V, D), f32, or f16 or bf16 of any alignment, which become floats; token ids
     * are checked before. */
    ssmq_status (*embed)(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *token,
                         const ssmq_tensor *w);
    /* residual (M, D) += x (M, D), unless x is NULL; y (M, D) = residual / rms(residual) * w (D),
     * rms(v) = sqrt(mean(v^2) + eps); to: what becomes of y, or NULL. */
    ssmq_status (*rmsnorm)(ssmq_backend *be, ssmq_tensor *y, ssmq_tensor *residual,
                           const ssmq_tensor *x, const ssmq_tensor *w, float eps, ssmq_handing *to);
    /* y (M, N) = x (M, K) times w (N, K) transposed. */
    ssmq_status (*linear)(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                          const ssmq_tensor *w);
    ssmq_status (*epilogue)(ssmq_backend *be, ssmq_tensor *y, const ssmq_epilogue *a);
    ssmq_status (*conv)(ssmq_backend *be, ssmq_tensor *y, const ssmq_conv_args *a);
    ssmq_status (*scan)(ssmq_backend *be, ssmq_tensor *y, const ssmq_scan_args *a);
    /* Every row of x (M, n), times signs (n) where given, is transformed in place by the orthonormal
     * matrix of tensor/hadamard.h; UNSUPPORTED if n has none. */
    ssmq_status (*hadamard)(ssmq_backend *be, ssmq_tensor *x, const ssmq_tensor *signs);
    /* loss (M) f64 = -log softmax(logits (M, V))[target (M) i32], summed in float64. */
    ssmq_status (*nll)(ssmq_backend *be, ssmq_tensor *loss, const ssmq_tensor *logits,
                       const ssmq_tensor *target);
    /* The first element of x, counted row by row, that is NaN or infinite; -1 if none is. */
    ssmq_status (*finite)(ssmq_backend *be, const ssmq_tensor *x, int64_t *first);

    /* REQUIRED: the quantiser, element for element ssmq_code(); q is f32 (codes carried in floats)
     * or i8, and may be x itself where both are f32, or take the front of each of x's rows as i8.
     * dequantize: x = (q - zero) * scale. */
    ssmq_status (*quantize)(ssmq_backend *be, ssmq_tensor *q, const ssmq_tensor *x,
                            const ssmq_qspec *s, const ssmq_qparams *p);
    ssmq_status (*dequantize)(ssmq_backend *be, ssmq_tensor *x, const ssmq_tensor *q,
                              const ssmq_qspec *s, const ssmq_qparams *p);

    /* OPTIONAL: finite, epilogue, hadamard and quantize of x (.., C) in one pass over memory, with the same bits; q
     * as for quantize.  x is overwritten, but for a row with a value that is not finite, of which *first tells as
     * finite does.  NULL: whoever wants it calls them one by one. */
    ssmq_status (*encode)(ssmq_backend *be, ssmq_tensor *q, ssmq_tensor *x, const ssmq_encode_args *a,
                          int64_t *first);

    /* OPTIONAL, all or none: products of codes, exactly.  NULL: not offered (nobody emulates it
     * quietly).  pack_i8: w (N, K) i8 in the order in which linear_i8 reads it; K at most
     * SSMQ_PRODUCT_MAX; MEMORY.  linear_i8: y (M, N) = the sums over k of x[m,k] w[n,k], which are whole
     * numbers, each rounded to a float once, under the epilogue; x (M, K) i8.  Equal bits on every
     * backend and tier. */
    ssmq_status (*pack_i8)(ssmq_backend *be, const ssmq_tensor *w, ssmq_packed *out);
    ssmq_status (*linear_i8)(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                             const ssmq_packed *w, const ssmq_epilogue *a);
    /* Likewise for weights of 4 bits, scales by group, zero points of x, x in f32, weights in half precision.
     * pack_q: MEMORY.
     * linear_q, x i8: y[m,n] = the sum over groups, in order, of scale[n,g] float(the sum over the group's k of
     * (x[m,k] - zero[m]) w[n,k]), each product and each sum of floats rounded once; without groups the float
     * itself; under the epilogue.  Equal bits on every backend and tier.
     * linear_w, x f32: the op linear, bit for bit, on weights w[n,k] scale[n,g], without groups w[n,k]; then the
     * op epilogue. */
    ssmq_status (*pack_q)(ssmq_backend *be, const ssmq_codes *w, ssmq_packed *out);
    ssmq_status (*linear_q)(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                            const ssmq_packed *w, const ssmq_epilogue *a);
    ssmq_status (*linear_w)(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                            const ssmq_packed *w, const ssmq_epilogue *a);
    /* Products of bfloat16 numbers: w (N, K) in bf16, which pack_bf16 packs, x f32 that holds such numbers; MEMORY.
     * linear_bf16: y[m,n] = one sum that starts at 0 and goes through k in pairs, an odd K with a zero behind it:
     * x[m,k+1] w[n,k+1] first, then x[m,k] w[n,k]; each is added as by a fused multiply-add, rounded once, half to
     * even.  A factor that is subnormal is a zero of its sign, and so is a sum that is below the smallest normal
     * number when it is rounded to 24 bits whatever its exponent.  So does vdpbf16ps of AVX512_BF16.  Then the op
     * epilogue.  Equal bits on every backend and tier, but for those of a NaN. */
    ssmq_status (*pack_bf16)(ssmq_backend *be, const ssmq_tensor *w, ssmq_packed *out);
    ssmq_status (*linear_bf16)(ssmq_backend *be, ssmq_tensor *y, const ssmq_tensor *x,
                               const ssmq_packed *w, const ssmq_epilogue *a);
} ssmq_backend_ops;

struct ssmq_backend {
    const ssmq_backend_ops *ops;        /* the backend's own table, after its tiers are chosen */
    int32_t                 threads;    /* >= 1                                                */
    char                    device[96]; /* "AMD EPYC ..."; goes to the store                   */
    char                    tier[32];   /* "c", "avx2", "avx512": what runs                    */
    void                   *state;      /* the backend's own                                   */
    int32_t                 site;       /* of the model, that ops are for by now; -1: none: for whoever measures */
    struct ssmq_meter      *meter;      /* who does (bench/meter.h), or NULL                   */
};

/* The registry of backends: one line adds one.  NULL-terminated. */
extern const ssmq_backend_ops *const ssmq_backends[];

/* Opens a backend; options: its options struct, as its table describes it.  threads >= 1. */
SSMQ_MUST_USE ssmq_status ssmq_backend_open(const ssmq_backend_ops *ops, const void *options,
                                            int32_t threads, ssmq_backend **out);
void                      ssmq_backend_close(ssmq_backend *be); /* accepts NULL */

/* A zeroed tensor of the backend; release its data with be->ops->free.  MEMORY, naming name. */
SSMQ_MUST_USE ssmq_status ssmq_backend_tensor(ssmq_backend *be, const char *name, ssmq_dtype dtype,
                                              int32_t rank, const int64_t *dim, ssmq_tensor *out);

#ifdef __cplusplus
}
#endif
