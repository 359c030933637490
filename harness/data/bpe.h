/* Byte pair encoding: a word's bytes become tokens, and of all neighbours that may merge, those of
 * the lowest rank do, leftmost first, until none may.  Frequent words are remembered. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/error.h"
#include "harness/data/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A longer word is refused: merging one of n bytes takes up to 48 n bytes of memory. */
#define SSMQ_WORD_BYTES_MAX ((size_t)4 << 20)

typedef struct ssmq_bpe ssmq_bpe;

/* path: of the tokenizer, for messages, lent; merges: how many will be put, at most 2^30 */
ssmq_bpe *ssmq_bpe_new(const char *path, size_t merges);
void      ssmq_bpe_free(ssmq_bpe *b); /* accepts NULL */

void ssmq_bpe_put_byte(ssmq_bpe *b, unsigned char byte, int32_t id);
/* The next merge, ranks counting up; false if this pair has one already. */
bool ssmq_bpe_put_merge(ssmq_bpe *b, int32_t left, int32_t right, int32_t result);

/* Appends the ids of a word.  INPUT if it has a byte that has no token, or too many bytes. */
SSMQ_MUST_USE ssmq_status ssmq_bpe_encode(ssmq_bpe *b, const char *word, size_t n, ssmq_ids *out);

/* Forgets the remembered words: for measurements that start cold. */
void ssmq_bpe_forget(ssmq_bpe *b);

#ifdef __cplusplus
}
#endif
