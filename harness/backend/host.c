#include "harness/backend/host.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#define ALIGN ((size_t)64)
#define HUGE_PAGE ((size_t)2 << 20)

/* calloc() leaves large blocks untouched until they are used, so peak memory counts only what a
 * run needs; the pointer to free stands just before the aligned block. */
ssmq_status ssmq_host_alloc(ssmq_backend *be, size_t bytes, void **out)
{
    (void)be;
    const size_t align = bytes >= 2 * HUGE_PAGE ? HUGE_PAGE : ALIGN;
    const size_t extra = align + sizeof(void *);
    void        *base = bytes < SIZE_MAX / 2 - extra ? calloc(1, bytes + extra) : NULL;
    if (!base) return SSMQ_FAIL(MEMORY, "%zu bytes of host memory were not to be had", bytes);
    const uintptr_t p = ((uintptr_t)base + extra) / align * align;
    ((void **)p)[-1] = base;
#if defined(__linux__)
    if (align == HUGE_PAGE) (void)madvise((void *)p, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    *out = (void *)p;
    return SSMQ_OK;
}

void ssmq_host_free(ssmq_backend *be, void *p)
{
    (void)be;
    if (p) free(((void **)p)[-1]);
}

ssmq_status ssmq_host_zero(ssmq_backend *be, void *p, size_t bytes)
{
    (void)be;
    memset(p, 0, bytes);
    return SSMQ_OK;
}

/* One axis of a copy; the last is contiguous in both. */
static void copy_axis(char *dst, const char *src, const ssmq_tensor *d, const ssmq_tensor *s,
                      int32_t axis, size_t element)
{
    if (axis >= d->rank - 1 || axis == SSMQ_RANK_MAX - 1) {
        memcpy(dst, src, (d->rank ? (size_t)d->dim[axis] : 1) * element);
        return;
    }
    for (int64_t i = 0; i < d->dim[axis]; i++)
        copy_axis(dst + (size_t)(i * d->stride[axis]) * element,
                  src + (size_t)(i * s->stride[axis]) * element, d, s, axis + 1, element);
}

ssmq_status ssmq_host_copy(ssmq_backend *be, ssmq_tensor *dst, const ssmq_tensor *src)
{
    (void)be;
    SSMQ_ASSERT(dst->dtype == src->dtype && dst->rank == src->rank);
    SSMQ_ASSERT(ssmq_dtype_bits(dst->dtype) >= 8);
    for (int32_t i = 0; i < dst->rank; i++) SSMQ_ASSERT(dst->dim[i] == src->dim[i]);
    if (ssmq_tensor_count(dst) == 0) return SSMQ_OK;
    copy_axis(dst->data, src->data, dst, src, 0, (size_t)ssmq_dtype_bits(dst->dtype) / 8);
    return SSMQ_OK;
}

ssmq_status ssmq_host_sync(ssmq_backend *be)
{
    (void)be;
    return SSMQ_OK;
}

void ssmq_host_share(ssmq_backend *be, int64_t n, int64_t grain, ssmq_backend_part part,
                     void *context)
{
    (void)be;
    (void)grain;
    if (n > 0) part(context, 0, n, 0);
}

void ssmq_host_cpu_name(char *name, size_t size)
{
    snprintf(name, size, "unknown processor");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f) return;
    char line[256];
    while (fgets(line, sizeof line, f)) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value) continue;
        value += 1 + strspn(value + 1, " \t");
        line[strcspn(line, "\n")] = 0;
        snprintf(name, size, "%s", value);
        break;
    }
    fclose(f);
}
