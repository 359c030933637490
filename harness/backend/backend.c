#include "harness/backend/backend.h"
#include <stdlib.h>
#include <string.h>
#include "harness/backend/cpu/cpu.h"
#include "harness/backend/ref/ref.h"
#include "harness/base/arena.h"
#include "harness/base/assert.h"

const ssmq_backend_ops *const ssmq_backends[] = {
    &ssmq_backend_ref,
    &ssmq_backend_cpu,
    NULL,
};

ssmq_status ssmq_backend_open(const ssmq_backend_ops *ops, const void *options, int32_t threads,
                              ssmq_backend **out)
{
    SSMQ_ASSERT(threads >= 1);
    ssmq_backend *be = ssmq_must_malloc(sizeof *be);
    memset(be, 0, sizeof *be);
    be->ops = ops;
    be->threads = threads;
    be->site = -1;
    const ssmq_status st = ops->open(be, options);
    if (st != SSMQ_OK) {
        free(be);
        return ssmq_trace(st, __FILE__, __LINE__, __func__);
    }
    *out = be;
    return SSMQ_OK;
}

void ssmq_backend_close(ssmq_backend *be)
{
    if (!be) return;
    be->ops->close(be);
    free(be);
}

ssmq_status ssmq_backend_tensor(ssmq_backend *be, const char *name, ssmq_dtype dtype, int32_t rank,
                                const int64_t *dim, ssmq_tensor *out)
{
    ssmq_tensor t = ssmq_tensor_of(NULL, dtype, rank, dim);
    t.space = be->ops->space;
    t.name = name;
    if (be->ops->alloc(be, ssmq_tensor_bytes(&t), &t.data) != SSMQ_OK) {
        char shape[SSMQ_SHAPE_TEXT];
        return SSMQ_FAIL(MEMORY, "%s %s %s: %zu bytes of memory were not to be had",
                         name ? name : "a tensor", ssmq_tensor_shape(&t, shape, sizeof shape),
                         ssmq_dtype_name(dtype), ssmq_tensor_bytes(&t));
    }
    *out = t;
    return SSMQ_OK;
}
