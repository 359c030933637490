/* The part of Python's pickle format that a dictionary of PyTorch tensors needs, for torch_zip.c.
 * A pickle is a program for a small stack machine that may call any Python function; this machine
 * knows a dozen types and four functions, all of which describe tensors, and refuses everything
 * else by name.  It executes nothing, follows no reference, and its time and memory are
 * proportional to the bytes it reads.
 * Sources: Python's pickletools (the opcodes), torch/_utils.py and torch/serialization.py (what
 * torch.save writes). */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_PICKLE_BYTES_MAX ((size_t)4 << 20) /* of a pickle: some 25,000 tensors */
#define SSMQ_PICKLE_TENSORS_MAX 65536

/* A tensor as the pickle describes it: a view of a storage.  Nothing here is checked against the
 * storage yet, but dim are sizes >= 0. */
typedef struct ssmq_pickled {
    const char *name;
    const char *storage; /* key: the archive's entry "data/KEY"  */
    ssmq_dtype  dtype;
    int64_t     length;  /* of the storage, elements, >= 0       */
    int64_t     offset;  /* of the first element                 */
    int32_t     rank;
    int64_t     dim[SSMQ_RANK_MAX], stride[SSMQ_RANK_MAX]; /* elements */
} ssmq_pickled;

/* Runs a pickle of n bytes, whose result must be a dictionary from names to tensors; *out
 * [*count] in its order, in the arena.  path is for messages.  INPUT, naming the file and the
 * byte, for an opcode or a global that tensors do not need and for anything malformed. */
SSMQ_MUST_USE ssmq_status ssmq_pickle_read(const char *path, const uint8_t *bytes, size_t n,
                                           ssmq_arena *a, ssmq_pickled **out, int64_t *count);

#ifdef __cplusplus
}
#endif
