#include "harness/run/calibrate/gram.h"
#include <stdlib.h>
#include "harness/base/assert.h"

ssmq_status ssmq_gram_begin(ssmq_gram *g, ssmq_backend *be, int64_t length)
{
    const int64_t C = g->width;
    SSMQ_ASSERT(be->ops->space == SSMQ_SPACE_HOST);
    g->sum = calloc((size_t)(C * C), sizeof *g->sum);
    if (!g->sum) return SSMQ_FAIL(MEMORY, "no memory for the second moments of %lld channels", (long long)C);
    SSMQ_TRY(ssmq_backend_tensor(be, "second moments", SSMQ_F32, 2, (const int64_t[]){C, C}, &g->piece));
    return ssmq_backend_tensor(be, "a sample", SSMQ_F32, 2, (const int64_t[]){C, length}, &g->turned);
}

ssmq_status ssmq_gram_add(ssmq_gram *g, ssmq_backend *be, const ssmq_tensor *x)
{
    const ssmq_tensor rows = ssmq_tensor_rows(x);
    const int64_t     L = rows.dim[0], C = g->width;
    ssmq_tensor       turned = SSMQ_TENSOR(g->turned.data, SSMQ_F32, C, L);
    SSMQ_ASSERT(rows.dim[1] == C && L <= g->turned.dim[1]);
    for (int64_t t = 0; t < L; t++)
        for (int64_t c = 0; c < C; c++)
            ((float *)turned.data)[c * L + t] = ((const float *)rows.data)[t * rows.stride[0] + c];
    SSMQ_TRY(be->ops->linear(be, &g->piece, &turned, &turned));
    for (int64_t i = 0; i < C * C; i++) g->sum[i] += (double)((const float *)g->piece.data)[i];
    return SSMQ_OK;
}

void ssmq_gram_end(ssmq_gram *g, ssmq_backend *be)
{
    be->ops->free(be, g->piece.data);
    be->ops->free(be, g->turned.data);
    g->piece.data = g->turned.data = NULL;
}

void ssmq_gram_free(ssmq_gram *g)
{
    free(g->sum);
    g->sum = NULL;
}
