/* What "quantised" means here, and the one place where a real number becomes a code.
 * Source: Jacob et al., arXiv:1712.05877, eq. 1: r = scale * (q - zero). */
#pragma once
#include <math.h>
#include <stdbool.h>
#include "harness/tensor/dtype.h"
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

typedef enum ssmq_format {
    SSMQ_FORMAT_INT,
    SSMQ_FORMAT_E4M3, /* OCP 8-bit floating point, arXiv:2209.05433: up to 448   */
    SSMQ_FORMAT_E5M2, /* the same with a wider exponent: up to 57344             */
    SSMQ_FORMAT_F16,  /* IEEE 754 binary16: no range, the scale is 1             */
    SSMQ_FORMAT_BF16, /* bfloat16, likewise                                      */
} ssmq_format;

typedef enum ssmq_rounding {
    SSMQ_ROUNDING_HALF_EVEN,
    SSMQ_ROUNDING_HALF_AWAY,
    SSMQ_ROUNDING_TRUNCATE,
} ssmq_rounding;

/* What a number is rounded to on the way; F16 is IEEE 754 binary16, half to even.  With F16 throughout, a tensor
 * of such numbers is quantised as code that computes in half precision does it. */
typedef enum ssmq_precision { SSMQ_PRECISION_F32, SSMQ_PRECISION_F16 } ssmq_precision;

typedef struct ssmq_qspec {
    ssmq_format    format;    /* E4M3, E5M2: 8 bits, F16, BF16: 16; symmetric, half to even    */
    int32_t        bits;      /* 2..16, above 8 in fake mode only; 0: leave in floating point */
    bool           symmetric; /* zero point is 0                                              */
    bool           dynamic;   /* range from the live tensor, not from calibration             */
    ssmq_scope     scope;
    int32_t        group;     /* GROUP: elements per group along the last axis                */
    ssmq_rounding  rounding;  /* half to even, unless a paper's kernels do otherwise          */
    ssmq_precision scale_dtype;    /* of the scale                                             */
    ssmq_precision quotient_dtype; /* of x, and of x / scale before it is rounded to a code    */
    ssmq_precision product_dtype;  /* of (code - zero) * scale; the tensor is handed on so     */
    bool           wraps;     /* INT: codes beyond the range keep their low bits; else they are clamped */
} ssmq_qspec;

typedef struct ssmq_qparams {
    ssmq_tensor scale; /* f32, > 0; () | (channels) | (groups), by scope           */
    ssmq_tensor zero;  /* i32, same shape; data == NULL when symmetric             */
} ssmq_qparams;

/* An absolute maximum is raised to this before it becomes a scale, so that a site of zeros has one
 * (quant/quamba-spec.md, 10, trap 1). */
#define SSMQ_AMAX_MIN 1e-5f

/* x in a precision, as a float. */
static inline float ssmq_rounded_to(float x, ssmq_precision precision)
{
    return precision == SSMQ_PRECISION_F16 ? ssmq_f16_to_f32(ssmq_f32_to_f16(x)) : x;
}

/* Codes are signed, whether or not the zero point is 0. */
static inline int32_t ssmq_code_max(const ssmq_qspec *s) { return (1 << (s->bits - 1)) - 1; }
static inline int32_t ssmq_code_min(const ssmq_qspec *s) { return -ssmq_code_max(s) - 1; }

/* Numbers of half precision: 16 bits, no range, so that codes are the values themselves. */
static inline bool ssmq_format_half(ssmq_format f)
{
    return f == SSMQ_FORMAT_F16 || f == SSMQ_FORMAT_BF16;
}

static inline bool ssmq_qspec_half(const ssmq_qspec *s)
{
    return s->bits > 0 && ssmq_format_half(s->format);
}

/* The type that such codes are kept in. */
static inline ssmq_dtype ssmq_half_dtype(ssmq_format format)
{
    return format == SSMQ_FORMAT_BF16 ? SSMQ_BF16 : SSMQ_F16;
}

/* Do codes fit bytes, as whole numbers? */
static inline bool ssmq_qspec_bytes(const ssmq_qspec *s)
{
    return s->format == SSMQ_FORMAT_INT && s->bits > 0 && s->bits <= 8;
}

/* The largest magnitude that a symmetric range is mapped to. */
static inline float ssmq_code_limit(const ssmq_qspec *s)
{
    return s->format == SSMQ_FORMAT_E4M3   ? 448.0f
           : s->format == SSMQ_FORMAT_E5M2 ? 57344.0f
           : s->format == SSMQ_FORMAT_F16  ? 65504.0f
           : s->format == SSMQ_FORMAT_BF16 ? 0x1.fep127f
                                           : (float)ssmq_code_max(s);
}

/* The scale that maps a width (a largest magnitude, or a whole range) onto so many steps.  In half precision
 * it may become 0. */
static inline float ssmq_scale(float width, float steps, const ssmq_qspec *s)
{
    return ssmq_rounded_to(width / steps, s->scale_dtype);
}

/* Divide; never: multiply by a reciprocal. */
static inline float ssmq_quotient(float x, float scale, const ssmq_qspec *s)
{
    return ssmq_rounded_to(ssmq_rounded_to(x, s->quotient_dtype) / scale, s->quotient_dtype);
}

/* The number that a code stands for. */
static inline float ssmq_product(float code, float zero, float scale, const ssmq_qspec *s)
{
    return ssmq_rounded_to((code - zero) * scale, s->product_dtype);
}

/* x to its fp8 code, which is the number of that format nearest to x / scale, half to even, saturated
 * (arXiv:2209.05433, table 1).  NaN becomes the lowest. */
static inline float ssmq_code_fp8(float x, float scale, const ssmq_qspec *s)
{
    const bool  e4m3 = s->format == SSMQ_FORMAT_E4M3;
    const int   fraction = e4m3 ? 3 : 2, least = e4m3 ? -6 : -14;
    const float limit = e4m3 ? 448.0f : 57344.0f;
    const float v = ssmq_quotient(x, scale, s);
    if (!(v > -limit)) return -limit;
    if (v >= limit) return limit;
    int exponent;
    (void)frexpf(v, &exponent); /* v = m * 2^exponent, 0.5 <= |m| < 1 */
    const float step = ldexpf(1.0f, (exponent - 1 > least ? exponent - 1 : least) - fraction);
    return rintf(v / step) * step; /* a power of two: both exact */
}

/* x divided, rounded, zero added: its integer code before it is clamped. */
static inline float ssmq_code_rounded(float x, float scale, int32_t zero, const ssmq_qspec *s)
{
    const float v = ssmq_quotient(x, scale, s);
    const float r = s->rounding == SSMQ_ROUNDING_HALF_EVEN   ? rintf(v)
                    : s->rounding == SSMQ_ROUNDING_HALF_AWAY ? roundf(v)
                                                             : truncf(v);
    return r + (float)zero;
}

/* The low bits of a code, as a cast without a clamp leaves them; what is beyond 2^30 is that. */
static inline int32_t ssmq_code_wrapped(float code, int32_t bits)
{
    const float   most = 0x1p30f;
    const int32_t v = (int32_t)(code > -most ? (code < most ? code : most) : -most);
    const int32_t half = 1 << (bits - 1), low = v & ((1 << bits) - 1);
    return low < half ? low : low - (1 << bits);
}

/* x to its code: divide, round, add zero, clamp.
 * A NaN becomes the smallest code; whoever cares looks for NaN before. */
static inline int32_t ssmq_code(float x, float scale, int32_t zero, const ssmq_qspec *s)
{
    const float q = ssmq_code_rounded(x, scale, zero, s);
    const float lo = (float)ssmq_code_min(s), hi = (float)ssmq_code_max(s);
    if (s->wraps) return ssmq_code_wrapped(q, s->bits);
    return (int32_t)(q > lo ? (q < hi ? q : hi) : lo);
}

/* The code of x as a float, whatever the format.  F16 and BF16 do not saturate: what is too large becomes
 * infinite, as in a conversion by hardware. */
static inline float ssmq_code_value(float x, float scale, int32_t zero, const ssmq_qspec *s)
{
    if (s->format == SSMQ_FORMAT_F16) return ssmq_f16_to_f32(ssmq_f32_to_f16(x / scale));
    if (s->format == SSMQ_FORMAT_BF16) return ssmq_bf16_to_f32(ssmq_f32_to_bf16(x / scale));
    if (s->format != SSMQ_FORMAT_INT) return ssmq_code_fp8(x, scale, s);
    return (float)ssmq_code(x, scale, zero, s);
}

/* Does x lie so far outside the range of codes that its code is clamped: further than rounding alone would
 * move it?  F16, BF16: does it become infinite? */
static inline bool ssmq_code_clamped(float x, float scale, int32_t zero, const ssmq_qspec *s)
{
    if (ssmq_qspec_half(s)) return isinf(ssmq_code_value(x, scale, zero, s));
    if (s->format != SSMQ_FORMAT_INT) /* half a step above the largest number of the format */
        return fabsf(ssmq_quotient(x, scale, s)) >
               ssmq_code_limit(s) + (s->format == SSMQ_FORMAT_E4M3 ? 16.0f : 4096.0f);
    const float q = ssmq_code_rounded(x, scale, zero, s);
    return q < (float)ssmq_code_min(s) || q > (float)ssmq_code_max(s);
}

/* Names as in YAML, NULL-terminated, indexed by the enumerations. */
extern const char *const ssmq_scopes[];     /* "tensor", "channel", "group", "token" */
extern const char *const ssmq_formats[];    /* "int", "e4m3", "e5m2", "f16", "bf16"  */
extern const char *const ssmq_roundings[];  /* "half-even", "half-away", "truncate"  */
extern const char *const ssmq_precisions[]; /* "f32", "f16"                         */

#ifdef __cplusplus
}
#endif
