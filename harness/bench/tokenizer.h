/* How fast a tokenizer encodes a file, on one core. */
#pragma once
#include <stdint.h>
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_BENCH_TOKENIZER_SAMPLES 31 /* of each kind, after one that is not counted */

/* Median, quartiles, in 10^6 bytes of text per second. */
typedef struct ssmq_bench_rate {
    double median, low, high;
} ssmq_bench_rate;

typedef struct ssmq_bench_tokenizer {
    int64_t         bytes, tokens; /* of the file                                             */
    ssmq_bench_rate cold;          /* no word remembered at the beginning: a text read once   */
    ssmq_bench_rate warm;          /* the words of the same text remembered                   */
    ssmq_bench_rate copy;          /* the floor: memcpy of the text                           */
} ssmq_bench_tokenizer;

/* The three kinds of sample take turns.  INPUT if a file is missing, malformed or empty. */
SSMQ_MUST_USE ssmq_status ssmq_bench_tokenizer_run(const char *tokenizer, const char *text,
                                                   ssmq_bench_tokenizer *out);

#ifdef __cplusplus
}
#endif
