/* Files of text as documents: jsonl (a document a line), text and wikitext-raw (one document). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/error.h"
#include "harness/data/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_reader ssmq_reader;

/* A piece of a document: whole, valid characters, lent until the next call. */
typedef struct ssmq_piece {
    const char *text;
    size_t      n;
    int64_t     document; /* from 0                                          */
    const char *subset;   /* where data->subset is set, else NULL            */
} ssmq_piece;

/* data->format is not TOKENS; data is lent. */
SSMQ_MUST_USE ssmq_status ssmq_reader_open(const ssmq_data *data, ssmq_reader **out);
/* The next piece; *more is false at the end.  A jsonl document is one piece, an empty one too.
 * INPUT, naming line or byte, for damaged data, and for a file without documents. */
SSMQ_MUST_USE ssmq_status ssmq_reader_next(ssmq_reader *r, ssmq_piece *out, bool *more);

double      ssmq_reader_fraction(const ssmq_reader *r); /* 0..1 of the file read */
/* Puts the place in front of the message of a failure that the last piece has caused. */
ssmq_status ssmq_reader_blame(const ssmq_reader *r, ssmq_status st);
void        ssmq_reader_close(ssmq_reader *r); /* accepts NULL */

#ifdef __cplusplus
}
#endif
