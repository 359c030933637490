/* Tokenises a text that arrives in pieces: the same ids as ssmq_tokenizer_encode gives for the
 * whole, out of memory that depends on the longest stretch without a cut, not on the text. */
#pragma once
#include <stddef.h>
#include "harness/base/error.h"
#include "harness/data/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The longest stretch of text that is held back; a longer one is refused. */
#define SSMQ_ENCODER_BYTES_MAX ((size_t)16 << 20)

typedef struct ssmq_encoder ssmq_encoder;

/* The tokenizer is lent and may serve several encoders, all in one thread. */
ssmq_encoder *ssmq_encoder_new(ssmq_tokenizer *t);
void          ssmq_encoder_free(ssmq_encoder *e); /* accepts NULL */

/* Takes n bytes of whole, valid characters and appends the ids that are settled.  INPUT as
 * ssmq_tokenizer_encode, or if text without a place to cut is over the limit. */
SSMQ_MUST_USE ssmq_status ssmq_encoder_add(ssmq_encoder *e, const char *text, size_t n,
                                           ssmq_ids *out);
/* The text is over: appends the rest of its ids.  The encoder is empty then, ready for another. */
SSMQ_MUST_USE ssmq_status ssmq_encoder_finish(ssmq_encoder *e, ssmq_ids *out);

/* Forgets what was added: for a text of which no more is wanted. */
void ssmq_encoder_reset(ssmq_encoder *e);

#ifdef __cplusplus
}
#endif
