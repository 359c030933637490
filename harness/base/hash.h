/* SHA-256 (FIPS 180-4), by libcrypto: of files, whose sums users compare with published ones,
 * and of resolved configurations, whose first 16 hex digits name runs.  And a faster sum. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_SHA256_HEX 65 /* characters of the sum in hex, with the final 0 */

typedef struct ssmq_sha256 ssmq_sha256;

ssmq_sha256 *ssmq_sha256_new(void);
void         ssmq_sha256_add(ssmq_sha256 *h, const void *bytes, size_t n);
/* Writes the sum of what was added so far; more may be added. */
void         ssmq_sha256_peek(const ssmq_sha256 *h, char hex[SSMQ_SHA256_HEX]);
/* Writes the sum and frees h. */
void ssmq_sha256_finish(ssmq_sha256 *h, char hex[SSMQ_SHA256_HEX]);

void                      ssmq_sha256_of(const void *bytes, size_t n, char hex[SSMQ_SHA256_HEX]);
SSMQ_MUST_USE ssmq_status ssmq_sha256_file(const char *path, char hex[SSMQ_SHA256_HEX]);

/* A sum of n bytes that tells what was torn or damaged, at the speed of memory; never 0.  It withstands no one who
 * wants it to be equal, and is another one on a machine of another byte order. */
uint64_t ssmq_checksum(const void *bytes, size_t n);

#ifdef __cplusplus
}
#endif
