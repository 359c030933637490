/* Text from a model, token by token: the same forward pass as everything else, in any mode. */
#pragma once
#include "harness/data/tokenizer.h"
#include "harness/run/checkpoint/ready.h"
#include "harness/run/generate/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssmq_generation_end {
    SSMQ_GENERATION_LIMIT, /* as many tokens as were asked for */
    SSMQ_GENERATION_TOKEN, /* the end-of-text token            */
    SSMQ_GENERATION_STOP,  /* a stop text                      */
} ssmq_generation_end;

extern const char *const ssmq_generation_ends[]; /* "limit", "end-of-text", "stop" */

typedef struct ssmq_generation {
    const int32_t     *prompt;   /* [n_prompt], n_prompt >= 1                                   */
    int64_t            n_prompt;
    int64_t            limit;    /* new tokens at most                                          */
    ssmq_sampling      sampling; /* tokens of the prompt count as repeated                      */
    uint64_t           seed;     /* the same seed, model and prompt give the same text          */
    int32_t            end;      /* id of the token that ends a text; -1: none                  */
    const char *const *stop;     /* texts that end it, NULL-terminated, or NULL                 */
    /* Shown the text as it comes, whole characters. */
    void (*show)(void *context, const char *text, size_t n);
    void *context;
} ssmq_generation;

typedef struct ssmq_generated {
    ssmq_ids            ids; /* new tokens, the end-of-text token not among them; freed by the caller */
    ssmq_generation_end end;
} ssmq_generated;

/* NUMERIC if logits are not finite.  Ids that the tokenizer has no token for are not drawn. */
SSMQ_MUST_USE ssmq_status ssmq_generate(ssmq_ready *r, const ssmq_tokenizer *t, const ssmq_generation *g,
                                        ssmq_generated *out);

/* ---- a text that is read and written in turns ---- */

typedef struct ssmq_writer ssmq_writer;

/* As g says, but for its prompt and limit; r, t and what g lends must outlive it.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_writer_open(ssmq_ready *r, const ssmq_tokenizer *t, const ssmq_generation *g,
                                           ssmq_writer **out);
void                      ssmq_writer_close(ssmq_writer *w); /* accepts NULL */
/* Tokens that stand next in the text; they are run when it is written on. */
void ssmq_writer_read(ssmq_writer *w, const int32_t *token, int64_t n);
/* Writes on behind what was read and written before, which is not run again; something must have been.  A stop
 * text counts as written though it is not shown, a token that ends the text does not.  As ssmq_generate(). */
SSMQ_MUST_USE ssmq_status ssmq_writer_write(ssmq_writer *w, int64_t limit, ssmq_generated *out);
/* Forgets the text: the next one begins from nothing, its random numbers go on. */
SSMQ_MUST_USE ssmq_status ssmq_writer_forget(ssmq_writer *w);

#ifdef __cplusplus
}
#endif
