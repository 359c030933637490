#include "harness/tensor/nibbles.h"

void ssmq_nibbles_pack(const int8_t *code, int64_t rows, int64_t n, uint8_t *packed)
{
    const int64_t bytes = ssmq_nibble_bytes(n);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < bytes; i++) {
            const int8_t low = code[r * n + 2 * i],
                         high = 2 * i + 1 < n ? code[r * n + 2 * i + 1] : 0;
            packed[r * bytes + i] = (uint8_t)(((uint8_t)low & 15u) | ((uint8_t)high & 15u) << 4);
        }
}

/* Of four bits with a sign. */
static int8_t value_of(uint8_t nibble)
{
    return (int8_t)((nibble ^ 8) - 8);
}

void ssmq_nibbles_unpack(const uint8_t *packed, int64_t rows, int64_t n, int8_t *code)
{
    const int64_t bytes = ssmq_nibble_bytes(n);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < n; i++) {
            const uint8_t both = packed[r * bytes + i / 2];
            code[r * n + i] = value_of(i % 2 ? both >> 4 : both & 15);
        }
}
