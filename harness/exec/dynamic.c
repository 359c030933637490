/* Scales and zero points row by row: from the live tensor, one for each token or for each sequence of the batch,
 * or one for all of them. */
#include <math.h>
#include <stdlib.h>
#include "harness/base/assert.h"
#include "harness/base/arena.h"
#include "harness/exec/internal.h"

/* Scale and zero point of some rows of x; a silent piece gets a scale all the same. */
static void params_of(const ssmq_assignment *a, const ssmq_tensor *rows, float *scale, int32_t *zero)
{
    const float *data = rows->data;
    float        low = 0, high = 0;
    for (int64_t i = 0; i < rows->dim[0]; i++)
        for (int64_t j = 0; j < rows->dim[1]; j++) {
            const float v = data[i * rows->stride[0] + j];
            low = v < low ? v : low;
            high = v > high ? v : high;
        }
    const float most = fmaxf(fmaxf(-low, high), SSMQ_AMAX_MIN) * a->clip_ratio;
    *zero = 0;
    if (a->spec.symmetric) {
        *scale = ssmq_scale(most, ssmq_code_limit(&a->spec), &a->spec);
        return;
    }
    const float least = (float)ssmq_code_min(&a->spec), limit = (float)ssmq_code_max(&a->spec);
    const float width = fmaxf((high - low) * a->clip_ratio, SSMQ_AMAX_MIN);
    *scale = ssmq_scale(width, limit - least, &a->spec);
    *zero = (int32_t)fminf(fmaxf(rintf(least - low * a->clip_ratio / *scale), least), limit);
}

static void make_room(ssmq_live *live, int64_t rows)
{
    if (rows > live->capacity) {
        live->scale = ssmq_must_realloc(live->scale, (size_t)rows * sizeof *live->scale);
        live->zero = ssmq_must_realloc(live->zero, (size_t)rows * sizeof *live->zero);
        live->capacity = rows;
    }
    live->rows = rows;
}

/* Pieces that share a scale. */
typedef struct pieces {
    const ssmq_assignment *a;
    ssmq_tensor            rows;
    int64_t                length; /* rows of a piece */
    ssmq_live             *live;
} pieces;

static void find_part(void *context, int64_t begin, int64_t end, int32_t worker)
{
    const pieces *p = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const ssmq_tensor piece = ssmq_tensor_slice(&p->rows, 0, i * p->length, p->length);
        float             scale;
        int32_t           zero;
        params_of(p->a, &piece, &scale, &zero);
        for (int64_t m = i * p->length; m < (i + 1) * p->length; m++) {
            p->live->scale[m] = scale;
            p->live->zero[m] = zero;
        }
    }
}

/* x (.., L, C): pieces are rows, or all rows of a sequence. */
void ssmq_exec_find(ssmq_exec *ex, const ssmq_assignment *a, const ssmq_tensor *x, ssmq_live *live)
{
    SSMQ_ASSERT(ex->be->ops->space == SSMQ_SPACE_HOST);
    pieces p = {.a = a, .rows = ssmq_tensor_rows(x), .live = live};
    make_room(live, p.rows.dim[0]);
    if (!a->spec.dynamic) {
        for (int64_t m = 0; m < live->rows; m++) {
            live->scale[m] = *(const float *)a->params.scale.data;
            live->zero[m] = a->params.zero.data ? *(const int32_t *)a->params.zero.data : 0;
        }
        return;
    }
    p.length = a->spec.scope == SSMQ_SCOPE_TOKEN ? 1 : x->dim[x->rank - 2];
    const int64_t n = p.length > 0 ? p.rows.dim[0] / p.length : 0;
    ex->be->ops->share(ex->be, n, p.length == 1 ? 16 : 1, find_part, &p);
}

ssmq_quantiser ssmq_exec_by_rows(const ssmq_assignment *a, const ssmq_live *live)
{
    ssmq_quantiser q = {.spec = a->spec};
    q.spec.scope = SSMQ_SCOPE_TOKEN;
    q.spec.dynamic = false;
    q.params.scale = SSMQ_TENSOR(live->scale, SSMQ_F32, live->rows);
    if (!a->spec.symmetric) q.params.zero = SSMQ_TENSOR(live->zero, SSMQ_I32, live->rows);
    return q;
}

void ssmq_live_free(ssmq_live *live)
{
    free(live->scale);
    free(live->zero);
    *live = (ssmq_live){0};
}
