/* A cut in the cache: one file, mapped when it is read, so that processes share it.  It ends in its own sum
 * (store/summed.h). */
#pragma once
#include "harness/base/hash.h"
#include "harness/data/cut.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_CUT_KIND "tokens-2" /* version of the file's layout; part of the key */

/* key: what the cut is of.  Read: DAMAGED if the file is no whole cut of this key, INPUT if there is none.
 * Written under a name of this process's own until it is whole: IO. */
SSMQ_MUST_USE ssmq_status ssmq_cut_read(const char *path, const char key[SSMQ_SHA256_HEX], ssmq_cut *out);
SSMQ_MUST_USE ssmq_status ssmq_cut_write(const char *path, const char key[SSMQ_SHA256_HEX], const ssmq_cut *c);

#ifdef __cplusplus
}
#endif
