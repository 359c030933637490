/* Weights of codes, or of half precision, that floats are multiplied by, as decoding reads them: eight rows side by
 * side, some inputs of each in turn, so that memory is read as one stream. */
#include <string.h>
#include "harness/backend/cpu/kernels.h"
#include "harness/backend/shape.h"

/* n inputs of row r of those side by side; part: the first row's. */
static void pack_part(const ssmq_packed *w, const void *code, int64_t n, int64_t r, uint8_t *part)
{
    const int64_t size = w->bits / 8;
    if (size > 0) memcpy(part + r * 16 * size, code, (size_t)(n * size));
    uint32_t *word = (uint32_t *)(void *)part + r % 4 * 16;
    for (int64_t k = 0; k < n && size == 0; k++)
        word[k % 16] |= (((const uint8_t *)code)[k] & 15u) << (r / 4 * 16 + k / 16 * 4);
}

static void pack_scales(const float *scale, const ssmq_packed *w, float *out)
{
    const int64_t groups = ssmq_packed_groups(w);
    for (int64_t n = 0; n < w->N; n++)
        for (int64_t g = 0; g < groups; g++)
            out[(n / SSMQ_CPU_ROWS * groups + g) * SSMQ_CPU_ROWS + n % SSMQ_CPU_ROWS] = scale[n * groups + g];
}

ssmq_status ssmq_cpu_pack_rows(ssmq_backend *be, const ssmq_codes *w, ssmq_packed *out)
{
    ssmq_shape_pack_q(w, out);
    const int64_t size = ssmq_dtype_bits(out->dtype) / 8, step = ssmq_cpu_part_inputs(out->bits);
    const int64_t rows = ssmq_cpu_rows_packed(out), codes = ssmq_cpu_parts_bytes(out, rows);
    out->bytes = (size_t)(codes + (w->scale ? rows * ssmq_packed_groups(out) * (int64_t)sizeof(float) : 0));
    SSMQ_TRY(be->ops->alloc(be, out->bytes, &out->data)); /* zeroed */
    for (int64_t n = 0; n < out->N; n++) {
        const int64_t r = n % SSMQ_CPU_ROWS;
        uint8_t      *part = (uint8_t *)out->data + ssmq_cpu_parts_bytes(out, n - r);
        for (int64_t k = 0; k < out->K; k += step, part += SSMQ_CPU_ROWS * step * out->bits / 8) {
            const char *from = (const char *)w->code->data + (n * out->K + k) * size;
            pack_part(out, from, out->K - k < step ? out->K - k : step, r, part);
        }
    }
    if (w->scale) pack_scales(w->scale->data, out, (float *)(void *)((char *)out->data + codes));
    return SSMQ_OK;
}
