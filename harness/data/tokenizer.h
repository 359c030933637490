/* Byte-level BPE out of a Hugging Face tokenizer.json (GPT-NeoX's and the tiny model's kind): NFC,
 * added tokens, the GPT-2 pattern, merges.  What the file asks for beyond that is refused. */
#pragma once
#include <stdint.h>
#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A growing list of token ids.  Start from {0}. */
typedef struct ssmq_ids {
    int32_t *data;
    int64_t  length, capacity;
} ssmq_ids;

void ssmq_ids_append(ssmq_ids *ids, const int32_t *id, int64_t n);
void ssmq_ids_clear(ssmq_ids *ids); /* empty, memory kept */
void ssmq_ids_free(ssmq_ids *ids);
/* Adds n ids to a sum, int32 little-endian. */
void ssmq_ids_hash(const int32_t *id, int64_t n, ssmq_sha256 *h);

typedef struct ssmq_tokenizer ssmq_tokenizer;

/* Reads tokenizer.json (".zst": compressed).  INPUT if it is missing or malformed, UNSUPPORTED if
 * it names a model, normalizer, pre-tokenizer or option that is not built here. */
SSMQ_MUST_USE ssmq_status ssmq_tokenizer_open(const char *path, ssmq_tokenizer **out);
void                      ssmq_tokenizer_close(ssmq_tokenizer *t); /* accepts NULL */

int32_t ssmq_tokenizer_size(const ssmq_tokenizer *t); /* largest id + 1 */

/* Appends the ids of n bytes of text.  INPUT, with the offset, if they are not UTF-8.  One thread
 * at a time may use a tokenizer (it keeps a cache of words). */
SSMQ_MUST_USE ssmq_status ssmq_tokenizer_encode(ssmq_tokenizer *t, const char *text, size_t n,
                                                ssmq_ids *out);
/* Appends the bytes of n ids, which may end inside a character.  INPUT if an id has no token. */
SSMQ_MUST_USE ssmq_status ssmq_tokenizer_decode(const ssmq_tokenizer *t, const int32_t *id,
                                                int64_t n, ssmq_str *out);

#ifdef __cplusplus
}
#endif
