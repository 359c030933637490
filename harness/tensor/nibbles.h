/* Codes of at most 4 bits, two to a byte: the low half first, each row in bytes of its own. */
#pragma once
#include <stdint.h>
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a row of n codes. */
static inline int64_t ssmq_nibble_bytes(int64_t n)
{
    return (n + 1) / 2;
}

/* Codes -8 .. 7, (rows, n) i8, to (rows, ssmq_nibble_bytes(n)), and back. */
void ssmq_nibbles_pack(const int8_t *code, int64_t rows, int64_t n, uint8_t *packed);
void ssmq_nibbles_unpack(const uint8_t *packed, int64_t rows, int64_t n, int8_t *code);

#ifdef __cplusplus
}
#endif
