/* Dialect lm-eval: the losses of windows put together to those of documents, and for each word and byte of
 * their text (lm-evaluation-harness 0.4.2: word_perplexity, byte_perplexity, bits_per_byte). */
#pragma once
#include "harness/data/window.h"
#include "harness/run/evaluate/eval_ppl.h"

#ifdef __cplusplus
extern "C" {
#endif

/* window_nll [n]: mean losses in nats, window_float those of the float model beside it, or NULL; by: tokens
 * and documents of the windows.  All of *out is the arena's. */
void ssmq_document_losses(const ssmq_windows *w, const double *window_nll, const double *window_float,
                          const ssmq_weighing *by, int64_t n, ssmq_arena *arena, ssmq_ppl_documents *out);

/* Of the documents of a subset; -1: of all.  Nothing where there are none. */
void ssmq_text_figures(const ssmq_ppl_documents *d, int32_t subset, ssmq_text_score *out);

#ifdef __cplusplus
}
#endif
