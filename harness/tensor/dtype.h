/* Half-precision formats in plain C: IEEE 754 binary16 (F16) and bfloat16 (BF16), to and from
 * float.  To float is exact; from float rounds half to even. */
#pragma once
#include <stdint.h>
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

float    ssmq_f16_to_f32(uint16_t h);
uint16_t ssmq_f32_to_f16(float f);
float    ssmq_bf16_to_f32(uint16_t h);
uint16_t ssmq_f32_to_bf16(float f);

/* n values of dtype F32, F16, BF16 or F64 at src (any alignment) to float; F64 is rounded.
 * Another dtype is our mistake (asserted). */
void ssmq_to_f32(float *dst, const void *src, ssmq_dtype dtype, int64_t n);
/* The other way: dtype F16 or BF16. */
void ssmq_from_f32(uint16_t *dst, ssmq_dtype dtype, const float *src, int64_t n);

#ifdef __cplusplus
}
#endif
