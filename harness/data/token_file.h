/* Files of token ids: a .npy array of integers, or a JSON list; told apart by their first byte. */
#pragma once
#include <stdint.h>
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_token_file ssmq_token_file;

SSMQ_MUST_USE ssmq_status ssmq_token_file_open(const char *path, int64_t vocabulary,
                                               ssmq_token_file **out);
/* Up to n ids; *got is 0 at the end.  INPUT, naming its index, for an id outside 0 .. vocabulary -
 * 1, for a file that is cut short or malformed, and for one without ids. */
SSMQ_MUST_USE ssmq_status ssmq_token_file_read(ssmq_token_file *f, int32_t *id, int64_t n,
                                               int64_t *got);
double ssmq_token_file_fraction(const ssmq_token_file *f); /* 0..1 of the file read */
void   ssmq_token_file_close(ssmq_token_file *f);          /* accepts NULL          */

#ifdef __cplusplus
}
#endif
