/* The shapes of every op, checked in one place for all backends: a wrong one is our own mistake and
 * ends the program.  Each function returns the op's sizes and its tensors as plain rows. */
#pragma once
#include "harness/backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rows of floats (or of the op's type): row m starts at data + m * stride elements. */
typedef struct ssmq_linear_shape {
    int64_t M, N, K;
    int64_t stride_y, stride_x, stride_w;
} ssmq_linear_shape;
ssmq_linear_shape ssmq_shape_linear(const ssmq_tensor *y, const ssmq_tensor *x,
                                    const ssmq_tensor *w);

ssmq_linear_shape ssmq_shape_linear_i8(const ssmq_tensor *y, const ssmq_tensor *x,
                                       const ssmq_packed *w, const ssmq_epilogue *a); /* no stride_w */
/* (N, K) i8, its rows contiguous; *out gets its sizes. */
void ssmq_shape_pack_i8(const ssmq_tensor *w, ssmq_packed *out);
void ssmq_shape_pack_q(const ssmq_codes *w, ssmq_packed *out);
void ssmq_shape_pack_bf16(const ssmq_tensor *w, ssmq_packed *out); /* (N, K) bf16, likewise */
ssmq_linear_shape ssmq_shape_linear_bf16(const ssmq_tensor *y, const ssmq_tensor *x,
                                         const ssmq_packed *w, const ssmq_epilogue *a); /* no stride_w */
ssmq_linear_shape ssmq_shape_linear_w(const ssmq_tensor *y, const ssmq_tensor *x,
                                      const ssmq_packed *w, const ssmq_epilogue *a); /* no stride_w */

/* The axes of (B, L, E) with their strides in elements: floats, or codes. */
typedef struct ssmq_sequence {
    const float  *data;       /* NULL: codes, or not there */
    const int8_t *code;       /* else NULL                 */
    float         scale;      /* of codes                  */
    const float  *channel;    /* (E) or NULL: codes are multiplied by it after their scale */
    int64_t       batch, row; /* strides                   */
} ssmq_sequence;

static inline float ssmq_sequence_at(const ssmq_sequence *s, int64_t b, int64_t t, int64_t e)
{
    const int64_t at = b * s->batch + t * s->row + e;
    if (s->data) return s->data[at];
    const float v = (float)s->code[at] * s->scale;
    return s->channel ? v * s->channel[e] : v;
}

typedef struct ssmq_conv_shape {
    int64_t       B, L, E, W;
    ssmq_sequence x, state; /* state: row is the stride of its W - 1 inputs */
    int64_t       batch_y, row_y;
} ssmq_conv_shape;
ssmq_conv_shape ssmq_shape_conv(const ssmq_tensor *y, const ssmq_conv_args *a);

typedef struct ssmq_scan_shape {
    int64_t       B, L, E, N;
    ssmq_sequence x, dt, Bm, Cm, z; /* z has neither where there is no gate */
    int64_t       batch_y, row_y;
    int64_t       stride_A, batch_h, row_h;
} ssmq_scan_shape;
ssmq_scan_shape ssmq_shape_scan(const ssmq_tensor *y, const ssmq_scan_args *a);
/* Is this a way in which a scan rounds its state? */
bool ssmq_shape_rounds(const ssmq_qspec *s);

/* Checks of the ops that are plain rows; the result is the first tensor as rows (M, C). */
ssmq_tensor ssmq_shape_embed(const ssmq_tensor *y, const ssmq_tensor *token, const ssmq_tensor *w);
ssmq_tensor ssmq_shape_rmsnorm(const ssmq_tensor *y, const ssmq_tensor *residual,
                               const ssmq_tensor *x, const ssmq_tensor *w);
ssmq_tensor ssmq_shape_epilogue(const ssmq_tensor *y, const ssmq_epilogue *a);
ssmq_tensor ssmq_shape_hadamard(const ssmq_tensor *x, const ssmq_tensor *signs);
ssmq_tensor ssmq_shape_nll(const ssmq_tensor *loss, const ssmq_tensor *logits,
                           const ssmq_tensor *target);

/* Which scale belongs to element (row, column) of x (M, C): scale[row * by_row + column / group].
 * The shape of the scale tensor says it, and must agree with the scope:
 *   TENSOR  ()                                CHANNEL (C), or (M, 1) for the rows of a weight
 *   TOKEN   (M) or (M, 1)                     GROUP   (G) or (M, G), G = ceil(C / group). */
typedef struct ssmq_scale_map {
    const float   *scale;
    const int32_t *zero; /* NULL: symmetric */
    int64_t        by_row, group;
} ssmq_scale_map;
ssmq_scale_map ssmq_shape_scales(const ssmq_tensor *rows, const ssmq_qspec *s,
                                 const ssmq_qparams *p);
/* q: f32 or i8; x: f32; equal shapes. */
void ssmq_shape_quantize(const ssmq_tensor *q, const ssmq_tensor *x, const ssmq_qspec *s);

#ifdef __cplusplus
}
#endif
