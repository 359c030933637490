/* Hadamard matrices of the sizes that models need, and the orthonormal transform with them.
 *
 * For n = K * 2^m the matrix is H_K (x) Sylvester(2^m) / sqrt(n), with K the first of 172, 156, 140, 108, 60, 52,
 * 36, 28, 40, 20, 12 and 1 that divides n and leaves a power of two.  H_12, H_20, H_60, H_108, H_140: Paley I;
 * H_28, H_36: Paley II; H_40 = [[P, P], [P, -P]] with P = H_20; H_52, H_156, H_172: Williamson
 * (quant/quamba-spec.md, Appendix A: the "fake" set). */
#pragma once
#include <stdint.h>
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_HADAMARD_FACTOR_MAX 172

typedef struct ssmq_hadamard {
    int64_t n;      /* size of the transform                                     */
    int32_t factor; /* K; n / K is a power of two                                */
    int8_t  matrix[SSMQ_HADAMARD_FACTOR_MAX * SSMQ_HADAMARD_FACTOR_MAX]; /* H_K, row-major */
} ssmq_hadamard;

/* UNSUPPORTED, naming n and the sizes there are, if n has no such matrix. */
SSMQ_MUST_USE ssmq_status ssmq_hadamard_find(int64_t n, ssmq_hadamard *out);

/* x (n) f32 becomes H x / sqrt(n); scratch (n) f32.  Plain C: the oracle of the backends. */
void ssmq_hadamard_apply(const ssmq_hadamard *h, float *x, float *scratch);

#ifdef __cplusplus
}
#endif
