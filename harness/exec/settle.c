/* Weights side by side in a few large blocks, which a system gives in huge pages.  Each by itself would lie in small
 * ones: decoding reads all of them once for every token, and finding the pages is then a tenth of its time. */
#include <string.h>
#include "harness/base/arena.h"
#include "harness/exec/internal.h"

#define BLOCK_MOST ((size_t)32 << 20)
#define ALONE ((size_t)4 << 20) /* from here on a backend's own memory is in huge pages */
#define ALIGN ((size_t)64)

/* Blocks of a small model are no larger than all of its weights. */
static size_t block_size(const ssmq_model *m)
{
    size_t all = 0;
    for (int32_t i = 0; i < m->n_weight; i++) all += ssmq_tensor_bytes(&m->weight[i].value) + ALIGN;
    return all < BLOCK_MOST ? all : BLOCK_MOST;
}

ssmq_status ssmq_exec_settle(ssmq_exec *ex, void **data, size_t bytes)
{
    ssmq_blocks *b = &ex->blocks;
    const size_t each = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (b->size == 0) b->size = block_size(ex->model);
    if (ex->be->ops->space != SSMQ_SPACE_HOST || each >= ALONE || each > b->size) return SSMQ_OK;
    if (b->n == 0 || b->used + each > b->size) {
        void *block;
        SSMQ_TRY(ex->be->ops->alloc(ex->be, b->size, &block));
        b->at = ssmq_must_realloc(b->at, (size_t)(b->n + 1) * sizeof *b->at);
        b->at[b->n++] = block;
        b->used = 0;
    }
    char *to = (char *)b->at[b->n - 1] + b->used;
    memcpy(to, *data, bytes);
    ex->be->ops->free(ex->be, *data);
    *data = to;
    b->used += each;
    return SSMQ_OK;
}

void ssmq_exec_release(ssmq_exec *ex, void *data)
{
    for (int32_t i = 0; i < ex->blocks.n; i++) {
        const char *begin = ex->blocks.at[i], *at = data;
        if (at >= begin && at < begin + ex->blocks.size) return;
    }
    ex->be->ops->free(ex->be, data);
}
