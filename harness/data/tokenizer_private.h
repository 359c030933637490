/* What a tokenizer is made of: for the files that read, use and stream it. */
#pragma once
#include "harness/base/arena.h"
#include "harness/data/added_tokens.h"
#include "harness/data/bpe.h"
#include "harness/data/nfc.h"
#include "harness/data/pretoken.h"
#include "harness/data/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_token {
    const char *bytes; /* NULL: no token has this id */
    size_t      n;
} ssmq_token;

struct ssmq_tokenizer {
    char          *path;
    ssmq_arena    *arena; /* the tokens' bytes                                     */
    ssmq_token    *token; /* [size]                                                */
    int32_t        size;
    ssmq_added    *raw;        /* added tokens looked for in the text as it is          */
    ssmq_added    *normalised; /* added tokens looked for after normalisation           */
    ssmq_nfc      *nfc;        /* NULL: no normalisation                                */
    ssmq_pretoken *pretoken;
    ssmq_bpe      *bpe;
    ssmq_str       scratch; /* the normalised form of a stretch of text              */
};

/* Fills an empty tokenizer whose path is set; on failure the caller closes it. */
SSMQ_MUST_USE ssmq_status ssmq_tokenizer_read(ssmq_tokenizer *t);

/* Appends the ids of normalised text between two added tokens of the raw kind. */
SSMQ_MUST_USE ssmq_status ssmq_tokenizer_encode_normalised(ssmq_tokenizer *t, const char *text,
                                                           size_t n, ssmq_ids *out);

#ifdef __cplusplus
}
#endif
