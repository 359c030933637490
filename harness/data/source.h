/* A data set as tokens: its reader and encoders put together, ids checked against the model's
 * vocabulary, and the place named in every failure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/error.h"
#include "harness/data/dataset.h"
#include "harness/data/encoder.h"
#include "harness/data/reader.h"
#include "harness/data/token_file.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Ids that wait to be taken from the front.  Start from {0}. */
typedef struct ssmq_queue {
    ssmq_ids ids;  /* what comes is appended here   */
    int64_t  head; /* how many of them are taken    */
} ssmq_queue;

int64_t        ssmq_queue_length(const ssmq_queue *q);
const int32_t *ssmq_queue_front(const ssmq_queue *q);
void           ssmq_queue_take(ssmq_queue *q, int64_t n); /* n <= length */
void           ssmq_queue_free(ssmq_queue *q);

typedef struct ssmq_source {
    const ssmq_data *data; /* lent */
    int64_t          vocabulary;
    ssmq_reader     *reader;     /* formats of text */
    ssmq_token_file *token_file; /* TOKENS */
    bool             ended;
} ssmq_source;

/* CONFIG if there is no tokenizer for a format of text, or a subset for one without documents. */
SSMQ_MUST_USE ssmq_status ssmq_source_open(const ssmq_data *data, const ssmq_tokenizer *tokenizer,
                                           int64_t vocabulary, ssmq_source *out);
void                      ssmq_source_close(ssmq_source *s); /* accepts an empty one */

/* The next piece of text, as ssmq_reader_next. */
SSMQ_MUST_USE ssmq_status ssmq_source_text(ssmq_source *s, ssmq_piece *out, bool *more);
/* The encoder's two steps, for a piece of this source. */
SSMQ_MUST_USE ssmq_status ssmq_source_add(const ssmq_source *s, ssmq_encoder *e, const char *text,
                                          size_t n, ssmq_ids *out);
SSMQ_MUST_USE ssmq_status ssmq_source_finish(const ssmq_source *s, ssmq_encoder *e, ssmq_ids *out);

/* For sources of one document: appends some more of its ids; *more is false at the end.  e: NULL
 * for TOKENS. */
SSMQ_MUST_USE ssmq_status ssmq_source_tokens(ssmq_source *s, ssmq_encoder *e, ssmq_ids *out,
                                             bool *more);

double ssmq_source_fraction(const ssmq_source *s); /* 0..1 of the file read */

/* Bytes from `at` on, at most step (>= 4), that are whole characters. */
size_t ssmq_source_whole(const ssmq_piece *p, size_t at, size_t step);

#ifdef __cplusplus
}
#endif
