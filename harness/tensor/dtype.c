#include "harness/tensor/dtype.h"
#include <string.h>
#include "harness/base/assert.h"

static float float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t bits_of(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

float ssmq_f16_to_f32(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    const uint32_t exponent = (h >> 10) & 0x1fu, fraction = h & 0x3ffu;
    if (exponent == 0x1f) return float_of(sign | 0x7f800000u | fraction << 13);
    if (exponent) return float_of(sign | (exponent + 112) << 23 | fraction << 13);
    const float tiny = (float)fraction * 0x1p-24f; /* subnormal, or zero */
    return sign ? -tiny : tiny;
}

uint16_t ssmq_f32_to_f16(float f)
{
    const uint32_t bits = bits_of(f), sign = bits >> 16 & 0x8000u, a = bits & 0x7fffffffu;
    if (a > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (a >> 13 & 0x3ffu)); /* NaN */
    if (a >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520 and above round to inf */
    if (a < 0x38800000u) { /* subnormal: adding 0.5 leaves the rounded fraction in the low bits */
        const uint32_t r = bits_of(float_of(a) + 0.5f) - bits_of(0.5f);
        return (uint16_t)(sign | r);
    }
    const uint32_t odd = a >> 13 & 1u;
    return (uint16_t)(sign | ((a - 0x38000000u + 0xfffu + odd) >> 13));
}

float ssmq_bf16_to_f32(uint16_t h)
{
    return float_of((uint32_t)h << 16);
}

uint16_t ssmq_f32_to_bf16(float f)
{
    const uint32_t bits = bits_of(f);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u); /* NaN stays */
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static void from_half(float *dst, const uint8_t *src, int64_t n, float (*convert)(uint16_t))
{
    for (int64_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, src + 2 * i, sizeof h);
        dst[i] = convert(h);
    }
}

void ssmq_to_f32(float *dst, const void *src, ssmq_dtype dtype, int64_t n)
{
    switch (dtype) {
    case SSMQ_F32: memcpy(dst, src, (size_t)n * sizeof *dst); return;
    case SSMQ_F16: from_half(dst, src, n, ssmq_f16_to_f32); return;
    case SSMQ_BF16: from_half(dst, src, n, ssmq_bf16_to_f32); return;
    case SSMQ_F64:
        for (int64_t i = 0; i < n; i++) {
            double d;
            memcpy(&d, (const uint8_t *)src + 8 * i, sizeof d);
            dst[i] = (float)d;
        }
        return;
    default: SSMQ_ASSERT(!"a dtype that converts to f32");
    }
}

void ssmq_from_f32(uint16_t *dst, ssmq_dtype dtype, const float *src, int64_t n)
{
    SSMQ_ASSERT(dtype == SSMQ_F16 || dtype == SSMQ_BF16);
    for (int64_t i = 0; dtype == SSMQ_F16 && i < n; i++) dst[i] = ssmq_f32_to_f16(src[i]);
    for (int64_t i = 0; dtype == SSMQ_BF16 && i < n; i++) dst[i] = ssmq_f32_to_bf16(src[i]);
}
