/* What backends whose tensors lie in host memory share: memory, copies, the CPU's name. */
#pragma once
#include "harness/backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The alloc, free, zero, copy and sync of a backend in host memory.  Large blocks are aligned for huge
 * pages, which the system is asked for. */
ssmq_status ssmq_host_alloc(ssmq_backend *be, size_t bytes, void **out);
void        ssmq_host_free(ssmq_backend *be, void *p); /* accepts NULL */
ssmq_status ssmq_host_zero(ssmq_backend *be, void *p, size_t bytes);
/* Equal types and shapes; any strides whose last is 1; the two do not overlap. */
ssmq_status ssmq_host_copy(ssmq_backend *be, ssmq_tensor *dst, const ssmq_tensor *src);
ssmq_status ssmq_host_sync(ssmq_backend *be);
/* The share of a backend without threads of its own: one part, all of it. */
void        ssmq_host_share(ssmq_backend *be, int64_t n, int64_t grain, ssmq_backend_part part,
                            void *context);

/* The processor as the system names it, "AMD EPYC 9B14"; "unknown processor" if it does not. */
void ssmq_host_cpu_name(char *name, size_t size);

#ifdef __cplusplus
}
#endif
