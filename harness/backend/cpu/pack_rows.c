/* Weights of codes, or of half precision, that floats are multiplied by, as decoding reads them: four rows side by
 * side, some inputs of each in turn, so that memory is read as one stream. */
#include <string.h>
#include "harness/backend/cpu/kernels.h"
#include "harness/backend/shape.h"

/* 32 codes of 4 bits, plus 8, or fewer at the end: to 16 bytes, the first 16 in the lower halves. */
static void pack_part4(const int8_t *code, int64_t n, uint8_t *at)
{
    for (int64_t k = 0; k < n; k++) {
        const uint8_t v = (uint8_t)(code[k] + 8);
        at[k % 16] = (uint8_t)(at[k % 16] | (k < 16 ? v : v << 4));
    }
}

ssmq_status ssmq_cpu_pack_rows(ssmq_backend *be, const ssmq_codes *w, ssmq_packed *out)
{
    ssmq_shape_pack_q(w, out);
    const size_t  codes = (size_t)ssmq_cpu_packed_rows_bytes(out);
    const int64_t size = ssmq_dtype_bits(out->dtype) / 8, step = ssmq_cpu_part_inputs(out);
    out->bytes = codes + (w->scale ? ssmq_tensor_bytes(w->scale) : 0);
    SSMQ_TRY(be->ops->alloc(be, out->bytes, &out->data)); /* zeroed */
    for (int64_t n = 0; n < out->N; n++)
        for (int64_t k = 0; k < out->K; k += step) {
            const int64_t count = out->K - k < step ? out->K - k : step;
            const char   *from = (const char *)w->code->data + (n * out->K + k) * size;
            uint8_t      *to = (uint8_t *)out->data + ssmq_cpu_part_at(out, n, k);
            if (out->bits == 4) pack_part4((const int8_t *)from, count, to);
            else memcpy(to, from, (size_t)(count * size));
        }
    if (w->scale) memcpy((char *)out->data + codes, w->scale->data, ssmq_tensor_bytes(w->scale));
    return SSMQ_OK;
}
