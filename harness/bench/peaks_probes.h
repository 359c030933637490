/* The probes of one instruction set. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_peak_probes {
    float (*fma)(int64_t rounds);            /* flop_per_round * rounds operations           */
    float (*read)(const float *p, int64_t n); /* n floats                                    */
    int32_t flop_per_round;
} ssmq_peak_probes;

/* Products of bytes: rounds of op_per_round operations; op_per_round 0: the set was not compiled. */
typedef struct ssmq_peak_i8 {
    int32_t (*products)(int64_t rounds);
    int32_t op_per_round;
} ssmq_peak_i8;
ssmq_peak_i8 ssmq_peak_i8_avx2(void);
ssmq_peak_i8 ssmq_peak_i8_avx512vnni(void);

/* Products of bfloat16 numbers, likewise. */
typedef struct ssmq_peak_bf16 {
    float (*products)(int64_t rounds);
    int32_t flop_per_round;
} ssmq_peak_bf16;
ssmq_peak_bf16 ssmq_peak_bf16_avx512bf16(void);

/* False where the set was not compiled. */
bool ssmq_peak_probes_c(ssmq_peak_probes *out);
bool ssmq_peak_probes_avx2(ssmq_peak_probes *out);
bool ssmq_peak_probes_avx512(ssmq_peak_probes *out);

#ifdef __cplusplus
}
#endif
