/* What the readers of both checkpoint formats share. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/file.h"
#include "harness/data/checkpoint.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_STORED_NAME_MAX 512 /* bytes of a tensor's name; keeps messages readable */

/* A reader of one format: the tensors of a mapped file, in the file's order, into the arena.  Names
 * may repeat; whoever collects the tables refuses that. */
typedef ssmq_status ssmq_stored_reader(const char *path, const ssmq_mapping *m, ssmq_arena *a,
                                       ssmq_stored **out, int64_t *count);

/* Bytes of a contiguous tensor; false if they, or a stride, do not fit int64_t. */
bool ssmq_stored_bytes(ssmq_dtype dtype, int32_t rank, const int64_t *dim, int64_t *bytes);

#ifdef __cplusplus
}
#endif
