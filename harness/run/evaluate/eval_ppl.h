/* Perplexity: windows of a text through the model, the loss of every token but the first of each. */
#pragma once
#include "harness/backend/backend.h"
#include "harness/base/hash.h"
#include "harness/exec/exec.h"
#include "harness/run/evaluate/compare.h"
#include "harness/run/evaluate/hidden_cache.h"
#include "harness/run/evaluate/kept_hidden.h"
#include "harness/run/evaluate/texts.h"
#include "harness/run/experiment/experiment.h"
#include "harness/run/listener.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Tokens of one forward pass: enough for products to run at full speed, few enough for their results to
 * stay in cache. */
#define SSMQ_EVAL_PIECE 512
/* Bytes of tensors of a piece that are kept to be compared, where nobody says otherwise. */
#define SSMQ_COMPARE_ROOM ((int64_t)256 << 20)
/* The same for an evaluation under ex: windows may have to run whole. */
int64_t ssmq_eval_piece(const ssmq_evaluation *e, const ssmq_exec *ex);
/* Rows whose logits are computed at once. */
int64_t ssmq_eval_block(const ssmq_model *m);

/* nll is the mean over windows of each window's mean loss, in nats, over its window - 1 predicted tokens, of which
 * dialect llama.cpp scores the second half; of dialect lm-eval the mean over all tokens.  ppl = exp(nll).  The standard
 * errors are those of that mean over windows (ppl's by the delta method: ppl * nll's), NaN for a single window; of
 * lm-eval that of a ratio of sums over documents (ssmq_ratio()), NaN for a single document. */
typedef struct ssmq_ppl_figures {
    double  ppl, ppl_se, nll, nll_se;
    int64_t windows, tokens; /* tokens that were predicted */
    ssmq_text_score text;    /* lm-eval: of words and bytes */
} ssmq_ppl_figures;

/* Dialect lm-eval: the documents, in the order of the text.  Their losses are sums, in nats, 0 for those without tokens. */
typedef struct ssmq_ppl_documents {
    int64_t  n;
    int64_t *index, *words, *bytes, *tokens; /* [n] index: in the data, from 0 */
    int32_t *subset;                         /* [n] 0 where there are none     */
    double  *nll, *nll_float;                /* [n] nll_float NULL: not compared */
} ssmq_ppl_documents;

typedef struct ssmq_ppl {
    ssmq_ppl_figures  all;
    double           *window_nll;    /* [windows] mean loss, nats                     */
    int32_t          *window_subset; /* [windows] index into subset; -1: none         */
    int64_t          *window_tokens; /* [windows] that were predicted                 */
    ssmq_weighing     by;            /* [windows] what they count; the arena's       */
    ssmq_ppl_documents documents;    /* n 0: of another dialect                      */
    int64_t           text_tokens;   /* of the text, from its beginning on, that windows hold */
    int32_t           n_subset;
    const char      **subset_name;   /* [n_subset]                                    */
    ssmq_ppl_figures *subset;        /* [n_subset]; NaN where it has no whole window  */
    char              token_digest[SSMQ_SHA256_HEX];
    const int64_t    *document;      /* [n_document] indices in a jsonl file of those  *
                                      * that windows hold tokens of, ascending         */
    int64_t           n_document;
    ssmq_comparison  *comparison;    /* NULL: not compared                            */
    ssmq_arena       *arena;         /* owns the arrays                               */
} ssmq_ppl;

/* Memory does not depend on the length of the text but for 28 bytes a window and 40 a document, and what texts hold.
 * texts: where the windows come from.  INPUT for damaged data; NUMERIC, with the window named, where
 * a value is not finite. */
SSMQ_MUST_USE ssmq_status ssmq_eval_ppl(const ssmq_evaluation *e, const ssmq_model *m, ssmq_exec *ex,
                                        ssmq_texts *texts, const ssmq_listener *listener,
                                        ssmq_ppl *out);

/* The same of the float model, whose layers run only for windows that the cache does not hold. */
SSMQ_MUST_USE ssmq_status ssmq_eval_float(const ssmq_evaluation *e, const ssmq_model *m, ssmq_exec *ex,
                                          ssmq_hidden_cache *cache, ssmq_texts *texts, const ssmq_listener *listener,
                                          ssmq_ppl *out);

/* The model that another one is compared with: it runs the same tokens beside it. */
typedef struct ssmq_beside {
    const ssmq_model        *m;
    ssmq_exec               *ex;
    const ssmq_compare_spec *spec;
    uint64_t                 seed; /* of the run */
    const char              *name; /* for messages; NULL: "float" */
    const char              *task; /* what the listener is told; NULL: the evaluation's id */
    int64_t                  piece; /* tokens of a forward pass; 0: SSMQ_EVAL_PIECE */
    /* What its layers gave before, or NULL: they run only where neither has it.  No number depends on it.
     * kept: for several evaluations of the same windows beside the same m and ex. */
    ssmq_hidden_cache       *cache;
    ssmq_kept_hidden        *kept;
    /* [sums_bytes] what probes add up over the windows; it goes on with a run that was killed.  NULL: nothing. */
    void                    *sums;
    size_t                   sums_bytes;
    /* Before each window that runs, whose index is told; NULL: nobody wants to know. */
    void (*begin)(void *context, int64_t index, const ssmq_window *window);
    void *context;
} ssmq_beside;

/* The same figures, and beside them out->comparison; 9 bytes more for each token, 40 for each window, and
 * one more block of logits.  Both models run in the same pieces. */
SSMQ_MUST_USE ssmq_status ssmq_eval_paired(const ssmq_evaluation *e, const ssmq_model *m,
                                           ssmq_exec *ex, const ssmq_beside *beside,
                                           ssmq_texts *texts, const ssmq_listener *listener,
                                           ssmq_ppl *out);
void                      ssmq_ppl_free(ssmq_ppl *p);

#ifdef __cplusplus
}
#endif
