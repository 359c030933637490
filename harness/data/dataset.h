/* Data sets: raw WikiText, text, jsonl(.zst), token ids; read as a stream of pieces, so that memory
 * does not grow with the file; and the calibration samples drawn from them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/error.h"
#include "harness/data/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssmq_data_format {
    SSMQ_DATA_WIKITEXT_RAW, /* lines joined with two newlines, a blank line as the empty one */
    SSMQ_DATA_TEXT,         /* the file as it is                                             */
    SSMQ_DATA_JSONL,        /* one object a line with "text"; also .jsonl.zst                */
    SSMQ_DATA_TOKENS,       /* .npy of an integer type, or a JSON list of ids                */
} ssmq_data_format;

/* "wikitext-raw", "text", "jsonl", "tokens"; NULL-terminated, indexed by ssmq_data_format. */
extern const char *const ssmq_data_formats[];

typedef struct ssmq_data {
    const char      *file;
    ssmq_data_format format;
    const char      *subset; /* JSONL: dotted key of the subset ("meta.pile_set_name"); or NULL */
} ssmq_data;

/* The format told from a file's name (.raw, .txt, .jsonl, .jsonl.zst, .npy, .json); false where it
 * is not plain. */
bool ssmq_data_format_of(const char *file, ssmq_data_format *out);

/* ---- calibration samples ---- */

typedef enum ssmq_select { SSMQ_SELECT_FIRST, SSMQ_SELECT_SAMPLED } ssmq_select;
extern const char *const ssmq_select_names[]; /* "first", "sampled", NULL */

typedef struct ssmq_sample {
    const int32_t *token;    /* [length]                                                    */
    int64_t        length;   /* 1 .. the length asked for                                   */
    int64_t        document; /* index in the file, from 0                                   */
} ssmq_sample;

typedef struct ssmq_samples {
    ssmq_sample *sample;
    int64_t      n;
    ssmq_ids     storage;          /* owns the tokens                                       */
    char         token_digest[65]; /* SHA-256 of all samples' tokens, int32 little-endian   */
} ssmq_samples;

/* count documents, each cut to length tokens, shorter ones left short, those without tokens passed
 * over.  FIRST: in file order; SAMPLED: drawn without replacement by seed, in file order.  A
 * file without documents (text, wikitext-raw, tokens) is cut into consecutive pieces of
 * length tokens.  tokenizer: NULL for tokens.  INPUT, with how many there are, if the file has
 * fewer; INPUT, naming the place, for an id outside 0 .. vocabulary - 1. */
SSMQ_MUST_USE ssmq_status ssmq_samples_read(const ssmq_data *data, ssmq_tokenizer *tokenizer,
                                            int64_t vocabulary, ssmq_select select, int64_t count,
                                            int64_t length, uint64_t seed, ssmq_samples *out);
void                      ssmq_samples_free(ssmq_samples *s);

/* Once all tokens are in storage, which does not move any more, and samples have their lengths: points the
 * samples into it and sums it up. */
void ssmq_samples_settle(ssmq_samples *s);

#ifdef __cplusplus
}
#endif
