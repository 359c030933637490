/* What "quantised" means here, and the one place where a real number becomes a code.
 * Source: Jacob et al., arXiv:1712.05877, eq. 1: r = scale * (q - zero). */
#pragma once
#include <math.h>
#include <stdbool.h>
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What shares one scale. */
typedef enum ssmq_scope {
    SSMQ_SCOPE_TENSOR,
    SSMQ_SCOPE_CHANNEL, /* a slice of the last axis of an activation, a row of a weight */
    SSMQ_SCOPE_GROUP,   /* group elements along the last axis                          */
    SSMQ_SCOPE_TOKEN,   /* a row of an activation                                      */
} ssmq_scope;

typedef enum ssmq_rounding {
    SSMQ_ROUNDING_HALF_EVEN,
    SSMQ_ROUNDING_HALF_AWAY,
    SSMQ_ROUNDING_TRUNCATE,
} ssmq_rounding;

typedef struct ssmq_qspec {
    int32_t       bits;      /* 2..16, above 8 in fake mode only; 0: leave in floating point */
    bool          symmetric; /* zero point is 0                                              */
    ssmq_scope    scope;
    int32_t       group;     /* GROUP: elements per group along the last axis                */
    ssmq_rounding rounding;  /* half to even, unless a paper's kernels do otherwise          */
} ssmq_qspec;

typedef struct ssmq_qparams {
    ssmq_tensor scale; /* f32, > 0; () | (channels) | (groups), by scope           */
    ssmq_tensor zero;  /* i32, same shape; data == NULL when symmetric             */
} ssmq_qparams;

/* An absolute maximum is raised to this before it becomes a scale, so that a site of zeros has one
 * (quant/quamba-spec.md, 10, trap 1). */
#define SSMQ_AMAX_MIN 1e-5f

/* Codes are signed, whether or not the zero point is 0. */
static inline int32_t ssmq_code_max(const ssmq_qspec *s) { return (1 << (s->bits - 1)) - 1; }
static inline int32_t ssmq_code_min(const ssmq_qspec *s) { return -ssmq_code_max(s) - 1; }

/* x to its code: divide (never: multiply by a reciprocal), round, add zero, clamp.
 * A NaN becomes the smallest code; whoever cares looks for NaN before. */
static inline int32_t ssmq_code(float x, float scale, int32_t zero, const ssmq_qspec *s)
{
    const float v = x / scale;
    const float r = s->rounding == SSMQ_ROUNDING_HALF_EVEN   ? rintf(v)
                    : s->rounding == SSMQ_ROUNDING_HALF_AWAY ? roundf(v)
                                                             : truncf(v);
    const float q = r + (float)zero, lo = (float)ssmq_code_min(s), hi = (float)ssmq_code_max(s);
    return (int32_t)(q > lo ? (q < hi ? q : hi) : lo);
}

const char *ssmq_scope_name(ssmq_scope scope);          /* "tensor", as in YAML    */
const char *ssmq_rounding_name(ssmq_rounding rounding); /* "half-even", as in YAML */

#ifdef __cplusplus
}
#endif
