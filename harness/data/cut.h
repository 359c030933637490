/* A text as the tokens that are wanted of it: windows, or calibration samples.  It is made once, and looked at by
 * all that want the same. */
#pragma once
#include "harness/base/arena.h"
#include "harness/base/file.h"
#include "harness/data/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A document that was read for windows. */
typedef struct ssmq_read_document {
    int64_t index; /* in the file */
    int64_t begin; /* tokens of its subset before it, but for text that the encoder still held back */
    int64_t subset;
    int64_t words, bytes; /* of its text, where the cut is one of documents; else 0 */
} ssmq_read_document;

typedef struct ssmq_cut {
    int64_t                   n;     /* windows, samples or documents                             */
    const int32_t            *token; /* of all, one after the other                               */
    const int64_t            *begin; /* [n + 1] where each begins in token                        */
    const int64_t            *of;    /* [n] a window's or document's subset, -1: none; a sample's document */
    int64_t                   n_document; /* 0 for samples                                        */
    const ssmq_read_document *document;   /* in the order of the file                             */
    int32_t                   n_subset;   /* 0 for samples, and where there are none              */
    const char *const        *subset;
    ssmq_mapping              map;   /* what the arrays lie in; empty: memory of their own        */
    ssmq_arena               *arena;
} ssmq_cut;

void ssmq_cut_free(ssmq_cut *c);

/* Calibration samples as they would be read again: copies. */
void ssmq_cut_of_samples(const ssmq_samples *s, ssmq_cut *out);
void ssmq_samples_of_cut(const ssmq_cut *c, ssmq_samples *out);

#ifdef __cplusplus
}
#endif
