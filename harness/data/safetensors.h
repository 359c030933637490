/* The safetensors format: 8 bytes with the length of a JSON header (little-endian), the header (an
 * object from names to {dtype, shape, data_offsets}, and "__metadata__" from text to text), and the
 * tensors' bytes, row-major, little-endian, without holes.
 * Source: the format section of github.com/huggingface/safetensors, README.md. */
#pragma once
#include "harness/data/stored.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_SAFETENSORS_HEADER_MAX 100000000 /* bytes, the format's own limit */

/* The tensors of a mapped file; their values are lent by the mapping.  INPUT, naming file and
 * tensor, for anything the format forbids, for more than SSMQ_RANK_MAX axes and for a dtype
 * other than F64, F32, F16, BF16, I64, I32, I8, U64 and U8. */
SSMQ_MUST_USE ssmq_status ssmq_safetensors_read(const char *path, const ssmq_mapping *m,
                                                ssmq_arena *a, ssmq_stored **out, int64_t *count);

/* A text of the file's metadata, the arena's; NULL: there is none of this key.  INPUT as above. */
SSMQ_MUST_USE ssmq_status ssmq_safetensors_metadata(const char *path, const ssmq_mapping *m, const char *key,
                                                    ssmq_arena *a, const char **out);

/* ---- writing ---- */

typedef struct ssmq_safetensors_text {
    const char *key, *value;
} ssmq_safetensors_text;

typedef struct ssmq_safetensors_writer ssmq_safetensors_writer;

/* Begins PATH.part with the header of n tensors: name, dtype (not I4) and shape of entry are used.
 * The file keeps their order; with wider dtypes first, each is aligned to its elements.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_safetensors_begin(const char *path, const ssmq_stored *entry,
                                                 int64_t n, ssmq_safetensors_writer **out);
/* The same with texts [n_text] for the metadata. */
SSMQ_MUST_USE ssmq_status ssmq_safetensors_begin_with(const char *path, const ssmq_safetensors_text *text,
                                                      int32_t n_text, const ssmq_stored *entry, int64_t n,
                                                      ssmq_safetensors_writer **out);
/* The next bytes of the tensors' values, in pieces of any size.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_safetensors_put(ssmq_safetensors_writer *w, const void *bytes,
                                               size_t n);
/* After the last byte (more or fewer than announced is our mistake): syncs the file and gives
 * it its name.  Frees w either way; after a failure nothing is left behind.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_safetensors_end(ssmq_safetensors_writer *w);
/* Instead of end, after a failure: removes what was written.  Accepts NULL. */
void ssmq_safetensors_discard(ssmq_safetensors_writer *w);

/* All at once, from contiguous values. */
SSMQ_MUST_USE ssmq_status ssmq_safetensors_write(const char *path, const ssmq_stored *entry,
                                                 int64_t n);

#ifdef __cplusplus
}
#endif
