/* A checkpoint: a directory with config.json and weights in the first of these that is there:
 *   model.safetensors, model.safetensors.index.json (shards),
 *   pytorch_model.bin, pytorch_model.bin.index.json (shards).
 * Files are mapped read-only and never trusted: every name, shape and offset is checked before
 * use. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/error.h"
#include "harness/base/json.h"
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_checkpoint ssmq_checkpoint;

/* A tensor as stored: contiguous, inside the mapped file, of any alignment. */
typedef struct ssmq_stored {
    const char *name;
    const char *file;  /* path, for messages */
    ssmq_tensor value; /* dtype as stored: F32, F16, BF16, F64, integers; data lent */
} ssmq_stored;

/* Reads config.json alone: for checks that need no weights.  INPUT. */
SSMQ_MUST_USE ssmq_status ssmq_checkpoint_config(const char *directory, ssmq_json *out);

/* Maps the weights and reads their tables.  INPUT, naming file and tensor, for anything
 * malformed: truncated files, offsets out of range or overlapping, sizes that contradict
 * shapes, unknown dtypes, tensors that the index names and no shard holds. */
SSMQ_MUST_USE ssmq_status ssmq_checkpoint_open(const char *directory, ssmq_checkpoint **out);
void                      ssmq_checkpoint_close(ssmq_checkpoint *c); /* accepts NULL */

int32_t            ssmq_checkpoint_count(const ssmq_checkpoint *c);
const ssmq_stored *ssmq_checkpoint_at(const ssmq_checkpoint *c, int32_t i);
const ssmq_stored *ssmq_checkpoint_find(const ssmq_checkpoint *c, const char *name); /* or NULL */

/* Gives the pages of a tensor back to the system, once its values were copied. */
void ssmq_checkpoint_forget(const ssmq_checkpoint *c, const ssmq_stored *t);

/* The files that were opened, weights and index, for provenance. */
int32_t     ssmq_checkpoint_files(const ssmq_checkpoint *c);
const char *ssmq_checkpoint_file(const ssmq_checkpoint *c, int32_t i);

#ifdef __cplusplus
}
#endif
