/* Weights of codes, or of half precision, that floats are multiplied by: row by row, as decoding reads them. */
#include <string.h>
#include "harness/backend/cpu/kernels.h"
#include "harness/backend/shape.h"

/* Codes of 4 bits, plus 8: 32 to 16 bytes, the first 16 in the lower halves. */
static void pack_row4(const int8_t *code, int64_t K, uint8_t *at)
{
    for (int64_t k = 0; k < K; k++) {
        const uint8_t v = (uint8_t)(code[k] + 8);
        uint8_t      *byte = at + k / 32 * 16 + k % 16;
        *byte = (uint8_t)(*byte | (k % 32 < 16 ? v : v << 4));
    }
}

ssmq_status ssmq_cpu_pack_rows(ssmq_backend *be, const ssmq_codes *w, ssmq_packed *out)
{
    ssmq_shape_pack_q(w, out);
    const int64_t row = ssmq_cpu_row_bytes(out);
    const size_t  codes = (size_t)(out->N * row);
    out->bytes = codes + (w->scale ? ssmq_tensor_bytes(w->scale) : 0);
    SSMQ_TRY(be->ops->alloc(be, out->bytes, &out->data)); /* zeroed */
    for (int64_t n = 0; n < out->N; n++) {
        const int64_t each = out->K * ssmq_dtype_bits(out->dtype) / 8;
        const char   *from = (const char *)w->code->data + n * each;
        uint8_t      *to = (uint8_t *)out->data + n * row;
        if (out->bits == 4) pack_row4((const int8_t *)from, out->K, to);
        else memcpy(to, from, (size_t)each);
    }
    if (w->scale) memcpy((char *)out->data + codes, w->scale->data, ssmq_tensor_bytes(w->scale));
    return SSMQ_OK;
}
