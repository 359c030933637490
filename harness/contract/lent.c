/* Weights that a file holds in 16 bits: floats while somebody reads them, else only in the file. */
#include <string.h>
#include <sys/mman.h>
#include "harness/base/assert.h"
#include "harness/base/file.h"
#include "harness/contract/model.h"
#include "harness/tensor/dtype.h"

/* Values widened at a time, which bounds the pages of the file that are resident meanwhile. */
#define PIECE ((int64_t)1 << 18)

/* All of it may be written from the start, so that a system which counts promised memory refuses it here; then nothing
 * may, so that whoever reads values without asking for them does not find zeros. */
static ssmq_status reserve(const ssmq_weight *w, void **out)
{
    const size_t bytes = ssmq_tensor_bytes(&w->value) + 1;
    *out = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (*out == MAP_FAILED) return SSMQ_FAIL(MEMORY, "%s: no memory for its %zu bytes", w->name, bytes - 1);
    (void)madvise(*out, bytes, MADV_HUGEPAGE); /* advice only */
    SSMQ_ASSERT(mprotect(*out, bytes, PROT_NONE) == 0);
    return SSMQ_OK;
}

ssmq_status ssmq_model_lend(ssmq_model *m, int32_t weight, const void *stored, ssmq_dtype dtype)
{
    ssmq_weight *w = &m->weight[weight];
    SSMQ_ASSERT(!w->value.data && (dtype == SSMQ_F16 || dtype == SSMQ_BF16));
    if (!m->lent) m->lent = SSMQ_ARENA_ARRAY(m->arena, ssmq_lent, m->n_weight);
    ssmq_lent *lent = &m->lent[weight];
    SSMQ_TRY(reserve(w, &lent->room));
    lent->stored = w->value;
    lent->stored.data = (void *)(uintptr_t)stored;
    lent->stored.dtype = dtype;
    w->value.data = lent->room;
    w->lent = lent;
    w->mapped = true;
    return SSMQ_OK;
}

void ssmq_model_lent_free(ssmq_model *m)
{
    for (int32_t i = 0; m->lent && i < m->n_weight; i++) {
        const size_t count = (size_t)ssmq_tensor_count(&m->lent[i].stored);
        if (m->lent[i].room) munmap(m->lent[i].room, count * sizeof(float) + 1);
    }
}

/* Values to floats, the file's pages given back behind them. */
static void widen(const ssmq_lent *lent, int64_t first, int64_t n, float *to)
{
    const ssmq_mapping map = {.data = lent->stored.data, .size = ssmq_tensor_bytes(&lent->stored)};
    const size_t       each = sizeof(uint16_t);
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t some = n - i < PIECE ? n - i : PIECE;
        const size_t  at = (size_t)(first + i) * each, before = i > 0 ? (size_t)PIECE * each : 0;
        ssmq_to_f32(to + i, map.data + at, lent->stored.dtype, some);
        ssmq_map_forget(&map, at - before, before + (size_t)some * each); /* a page comes with those around it */
    }
}

const ssmq_tensor *ssmq_model_value(const ssmq_model *m, int32_t weight)
{
    const ssmq_weight *w = &m->weight[weight];
    if (w->lent && !w->lent->present) {
        SSMQ_ASSERT(mprotect(w->lent->room, ssmq_tensor_bytes(&w->value) + 1, PROT_READ | PROT_WRITE) == 0);
        widen(w->lent, 0, ssmq_tensor_count(&w->value), w->lent->room);
        w->lent->present = true;
    }
    return &w->value;
}

void ssmq_model_copy(const ssmq_model *m, int32_t weight, int64_t first, int64_t n, float *to)
{
    const ssmq_weight *w = &m->weight[weight];
    if (w->lent && !w->lent->present) widen(w->lent, first, n, to);
    else memcpy(to, (const float *)w->value.data + first, (size_t)n * sizeof *to);
}

const ssmq_tensor *ssmq_model_rows(const ssmq_model *m, int32_t weight)
{
    const ssmq_weight *w = &m->weight[weight];
    return w->lent && !w->lent->present ? &w->lent->stored : &w->value;
}

void ssmq_model_forget(const ssmq_model *m, int32_t weight)
{
    const ssmq_weight *w = &m->weight[weight];
    const ssmq_mapping map = {.data = w->value.data, .size = ssmq_tensor_bytes(&w->value)};
    if (w->lent) {
        if (!w->lent->present) return;
        (void)madvise(w->lent->room, map.size + 1, MADV_DONTNEED);
        SSMQ_ASSERT(mprotect(w->lent->room, map.size + 1, PROT_NONE) == 0);
        w->lent->present = false;
    } else if (w->mapped) {
        ssmq_map_forget(&map, 0, map.size);
    }
}
