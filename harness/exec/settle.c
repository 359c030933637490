/* Weights side by side in a few large blocks, which a system gives in huge pages.  Each by itself would lie
 * in small ones, its end at least, as all of it does in a mapped file: decoding reads them once for every token,
 * and finding the pages is then a tenth of its time. */
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/file.h"
#include "harness/exec/internal.h"

#define BLOCK_MOST ((size_t)256 << 20) /* what is not used of a block is never touched */
#define ALONE ((size_t)32 << 20)       /* of as much a backend gives all but a sixteenth in huge pages */
#define ALIGN ((size_t)64)
#define PIECE ((size_t)1 << 20) /* of a weight, moved at a time */

/* Blocks of a small model are no larger than all of its weights. */
static size_t block_size(const ssmq_model *m)
{
    size_t all = 0;
    for (int32_t i = 0; i < m->n_weight; i++) all += ssmq_tensor_bytes(&m->weight[i].value) + ALIGN;
    return all < BLOCK_MOST ? all : BLOCK_MOST;
}

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* Is so much worth a place in a block? */
static bool is_small(ssmq_exec *ex, size_t bytes)
{
    ssmq_blocks *b = &ex->blocks;
    if (b->size == 0) b->size = block_size(ex->model);
    return ex->be->ops->space == SSMQ_SPACE_HOST && aligned(bytes) < ALONE && aligned(bytes) <= b->size;
}

static ssmq_status in_block(ssmq_exec *ex, size_t bytes, void **out)
{
    ssmq_blocks *b = &ex->blocks;
    const size_t each = aligned(bytes);
    if (b->n == 0 || b->used + each > b->size) {
        void *block;
        SSMQ_TRY(ex->be->ops->alloc(ex->be, b->size, &block));
        b->at = ssmq_must_realloc(b->at, (size_t)(b->n + 1) * sizeof *b->at);
        b->at[b->n++] = block;
        b->used = 0;
    }
    *out = (char *)b->at[b->n - 1] + b->used;
    b->used += each;
    return SSMQ_OK;
}

ssmq_status ssmq_exec_settle(ssmq_exec *ex, void **data, size_t bytes)
{
    void *to;
    if (!is_small(ex, bytes)) return SSMQ_OK;
    SSMQ_TRY(in_block(ex, bytes, &to));
    memcpy(to, *data, bytes);
    ex->be->ops->free(ex->be, *data);
    *data = to;
    return SSMQ_OK;
}

/* Of a weight of floats in a mapped file. */
static void move_floats(const ssmq_weight *w, char *to)
{
    const ssmq_mapping map = {.data = w->value.data, .size = ssmq_tensor_bytes(&w->value)};
    for (size_t at = 0; at < map.size; at += PIECE) {
        const size_t n = map.size - at < PIECE ? map.size - at : PIECE, before = at > 0 ? PIECE : 0;
        memcpy(to + at, map.data + at, n);
        ssmq_map_forget(&map, at - before, before + n); /* a page comes with those around it */
    }
}

ssmq_status ssmq_exec_move(ssmq_exec *ex, int32_t weight, ssmq_tensor *out)
{
    const ssmq_weight *w = &ex->model->weight[weight];
    const size_t       bytes = ssmq_tensor_bytes(&w->value);
    void              *to;
    if (is_small(ex, bytes)) SSMQ_TRY(in_block(ex, bytes, &to));
    else SSMQ_TRY(ex->be->ops->alloc(ex->be, bytes, &to));
    if (w->lent) ssmq_model_copy(ex->model, weight, 0, ssmq_tensor_count(&w->value), to);
    else move_floats(w, to);
    ssmq_model_forget(ex->model, weight);
    *out = w->value;
    out->data = to;
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
