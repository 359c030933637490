/* What the head of a model read at a window of tokens, in a file that is mapped when it is read, so that processes share
 * it.  It ends in its own sum (store/summed.h). */
#pragma once
#include "harness/base/file.h"
#include "harness/base/hash.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_HIDDEN_KIND "hidden-1" /* version of the file's layout; part of the key */

typedef struct ssmq_hidden_file {
    const float *row; /* [n][width], in the map */
    int64_t      n, width;
    ssmq_mapping map;
} ssmq_hidden_file;

/* key: what the rows are of.  Open: DAMAGED if the file is none of this key, INPUT if there is none; its sum is checked
 * only if so asked.  Written under a name of this process's own until it is whole: IO. */
SSMQ_MUST_USE ssmq_status ssmq_hidden_file_open(const char *path, const char key[SSMQ_SHA256_HEX], bool sum,
                                                ssmq_hidden_file *out);
void                      ssmq_hidden_file_close(ssmq_hidden_file *f); /* accepts one that is zeroed */
SSMQ_MUST_USE ssmq_status ssmq_hidden_file_write(const char *path, const char key[SSMQ_SHA256_HEX], const float *row,
                                                 int64_t n, int64_t width);
/* Bytes of such a file. */
int64_t ssmq_hidden_file_bytes(int64_t n, int64_t width);

#ifdef __cplusplus
}
#endif
