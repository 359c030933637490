/* Texts as whole documents, each tokenised by itself behind one token that begins it, with how many words and
 * bytes the text had: what dialect lm-eval is measured over (lm-evaluation-harness 0.4.2).
 *   wikitext-raw  the pages of the file, detokenised (data/wikitext.h); words and bytes are those of the raw one
 *   jsonl         a document a line, as it is
 *   text          the file as it is: one document */
#pragma once
#include "harness/base/error.h"
#include "harness/data/cut.h"
#include "harness/data/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What GPT-NeoX's tokenizer, which the Mamba models have, calls its end of text. */
#define SSMQ_DEFAULT_PREFIX "<|endoftext|>"

/* Which documents are wanted, and how they begin. */
typedef struct ssmq_documents {
    const ssmq_data *data; /* not TOKENS                                         */
    ssmq_tokenizer  *tokenizer;
    int64_t          vocabulary;
    const char      *prefix; /* text of the token that stands before each document */
    int64_t          limit;  /* the first so many (of each subset); 0: all         */
    /* How many there are so far, and how far the file is read; may be NULL. */
    void (*tell)(void *context, int64_t n, double fraction);
    void *context;
} ssmq_documents;

/* The token that documents begin with.  CONFIG where the text is not one token of the model's. */
SSMQ_MUST_USE ssmq_status ssmq_documents_prefix(ssmq_tokenizer *tokenizer, int64_t vocabulary, const char *prefix,
                                                int32_t *out);

/* token [begin[i] .. begin[i + 1]) of the cut are the prefix and the tokens of document i, of which a document may
 * have none.  The caller frees it.  CONFIG without a tokenizer, or where the prefix is not one token; INPUT as for
 * windows. */
SSMQ_MUST_USE ssmq_status ssmq_documents_cut(const ssmq_documents *d, ssmq_cut *out);

#ifdef __cplusplus
}
#endif
