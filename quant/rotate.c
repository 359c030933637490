#include "quant/rotate.h"
#include <stdlib.h>
#include "harness/base/assert.h"
#include "harness/base/rng.h"

#define COLUMNS 16 /* gathered at once: as many as floats share a cache line */

void ssmq_draw_signs(uint64_t seed, const char *purpose, float *sign, int64_t n)
{
    ssmq_rng r;
    ssmq_rng_init(&r, seed, purpose);
    for (int64_t i = 0; i < n; i++) sign[i] = ssmq_rng_next(&r) & 1 ? -1.0f : 1.0f;
}

static void turn(const ssmq_hadamard *h, const float *sign, float *v, float *scratch)
{
    for (int64_t i = 0; sign && i < h->n; i++) v[i] *= sign[i];
    ssmq_hadamard_apply(h, v, scratch);
}

/* Columns [begin, begin + count) of w (h->n, N); buffer (count, h->n). */
static void turn_columns(const ssmq_hadamard *h, const float *sign, const ssmq_tensor *w,
                         int64_t begin, int64_t count, float *buffer, float *scratch)
{
    float *data = (float *)w->data + begin;
    for (int64_t i = 0; i < h->n; i++)
        for (int64_t j = 0; j < count; j++) buffer[j * h->n + i] = data[i * w->stride[0] + j];
    for (int64_t j = 0; j < count; j++) turn(h, sign, buffer + j * h->n, scratch);
    for (int64_t i = 0; i < h->n; i++)
        for (int64_t j = 0; j < count; j++) data[i * w->stride[0] + j] = buffer[j * h->n + i];
}

ssmq_status ssmq_rotate_weight(ssmq_model *m, int32_t weight, int32_t axis, const ssmq_hadamard *h,
                               const float *sign)
{
    ssmq_tensor w;
    SSMQ_TRY(ssmq_model_writable(m, weight, &w));
    SSMQ_ASSERT(w.rank <= 2 && axis < w.rank && w.dim[axis] == h->n);
    float *scratch = ssmq_must_malloc((size_t)((COLUMNS + 1) * h->n) * sizeof *scratch);
    if (axis == w.rank - 1) {
        const ssmq_tensor rows = ssmq_tensor_rows(&w);
        for (int64_t i = 0; i < rows.dim[0]; i++)
            turn(h, sign, (float *)rows.data + i * rows.stride[0], scratch);
    } else {
        for (int64_t j = 0; j < w.dim[1]; j += COLUMNS)
            turn_columns(h, sign, &w, j, w.dim[1] - j < COLUMNS ? w.dim[1] - j : COLUMNS,
                         scratch + h->n, scratch);
    }
    free(scratch);
    return SSMQ_OK;
}
