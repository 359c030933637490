/* The dialects of perplexity (configs/README.md, An evaluation): a text, tokenised once as a whole, to consecutive
 * windows of tokens, the remainder dropped, but for lm-eval; windows never span subsets.
 *   gptq       all that a window predicts is scored
 *   disjoint   the same, without the documents that calibration takes
 *   llama.cpp  the file as it is; the second half of each window is scored (examples/perplexity of that project)
 *   lm-eval    documents, each tokenised by itself behind one token (data/documents.h); each of its tokens is scored
 *              once, in windows that layers read at most `window` tokens of: the last one of a document begins so
 *              far before what is left to score that it is as long (loglikelihood_rolling of lm-evaluation-harness
 *              0.4.2) */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/data/cut.h"
#include "harness/data/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssmq_dialect {
    SSMQ_DIALECT_GPTQ,
    SSMQ_DIALECT_DISJOINT,
    SSMQ_DIALECT_LLAMA_CPP,
    SSMQ_DIALECT_LM_EVAL
} ssmq_dialect;
extern const char *const ssmq_dialects[]; /* "gptq", "disjoint", "llama.cpp", "lm-eval", NULL; by ssmq_dialect */

/* Of the window - 1 tokens that each window predicts, how many come first and are not scored; not of lm-eval. */
int64_t ssmq_dialect_unscored(ssmq_dialect dialect, int64_t window);
/* The format that the dialect reads a file in. */
ssmq_data_format ssmq_dialect_format(ssmq_dialect dialect, ssmq_data_format format);

/* What runs at once, from an empty state. */
typedef struct ssmq_window {
    const int32_t *token;    /* [n], lent until the next window is asked for                          */
    int64_t        n;        /* tokens                                                                */
    int64_t        read;     /* the first of them that layers read: n, or n - 1 without the last target */
    int64_t        unscored; /* of the n - 1 tokens that are predicted, how many come first and do not count */
    int32_t        subset;   /* -1: there are none                                                    */
    int64_t        document; /* lm-eval: which of those that were handed out, from 0; else -1         */
} ssmq_window;

/* Tokens that are predicted, and count. */
static inline int64_t ssmq_window_scored(const ssmq_window *w)
{
    return w->n - 1 - w->unscored;
}

typedef struct ssmq_windows ssmq_windows;

/* Opens a file as windows of `window` tokens, at most limit of them (0: all), of each subset where
 * data->subset is set; the file is read as the windows are asked for.  Documents of a jsonl file
 * are joined with single spaces in file order (within their subset).  tokenizer: NULL for TOKENS */
SSMQ_MUST_USE ssmq_status ssmq_windows_open(const ssmq_data *data, ssmq_tokenizer *tokenizer,
                                            int64_t vocabulary, int64_t window, int64_t limit,
                                            ssmq_windows **out);
/* Before the first window: these documents of a jsonl file, n ascending indices, are passed over as if they were not
 * there. */
void ssmq_windows_leave_out(ssmq_windows *w, const int64_t *document, int64_t n);
/* The windows of a cut that was made with this length of window, and this limit or a larger one (or none): the same
 * windows, subsets and documents as if they were read, with what the dialect scores.  The cut is lent. */
void ssmq_windows_of_cut(const ssmq_cut *cut, ssmq_dialect dialect, int64_t limit, ssmq_windows **out);
/* The windows of a cut of documents (data/documents.h), of which layers read at most so many tokens.  limit:
 * documents. */
void ssmq_windows_of_documents(const ssmq_cut *cut, int64_t window, int64_t limit, ssmq_windows **out);
/* All windows that are left, which were not handed out before, and with them all that is asked of them below.  The
 * caller frees the cut; tell, which may be NULL, is told after each window how many there are. */
SSMQ_MUST_USE ssmq_status ssmq_windows_cut(ssmq_windows *w, void (*tell)(void *context, int64_t n, double fraction),
                                           void *context, ssmq_cut *out);
/* The next window; *more is false at the end.  As it is read, all that it predicts is scored.  INPUT for damaged data,
 * or at the end if there was not one whole window. */
SSMQ_MUST_USE ssmq_status ssmq_windows_next(ssmq_windows *w, ssmq_window *out, bool *more);
/* How far the file is read, or the limit reached: 0..1, for progress. */
double                    ssmq_windows_fraction(const ssmq_windows *w);

int32_t     ssmq_windows_subsets(const ssmq_windows *w); /* how many were seen so far */
const char *ssmq_windows_subset(const ssmq_windows *w, int32_t i);

/* Tokens of the text, from its beginning on, that windows handed out so far hold. */
int64_t ssmq_windows_tokens(const ssmq_windows *w);

/* SHA-256 of the tokens of all windows handed out so far, int32 little-endian. */
void ssmq_windows_digest(const ssmq_windows *w, char hex[SSMQ_SHA256_HEX]);

/* Ascending indices of the documents of a jsonl file that windows handed out so far hold tokens of, an array
 * of the arena; 0 for other formats, which have none.  The document behind the last of them is listed too
 * where the last window ends within its predecessor's last words, which the encoder held back. */
int64_t ssmq_windows_documents(const ssmq_windows *w, ssmq_arena *arena, const int64_t **out);
/* Dialect lm-eval: the documents that windows were handed out of so far, and those without tokens before the end, in
 * the order of ssmq_window.document: an array of the arena. */
int64_t ssmq_windows_texts(const ssmq_windows *w, ssmq_arena *arena, const ssmq_read_document **out);

void ssmq_windows_close(ssmq_windows *w); /* accepts NULL */

#ifdef __cplusplus
}
#endif
