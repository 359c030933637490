#include "harness/base/hash.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/assert.h"

#define BLOCK ((size_t)1 << 20)

/* ssmq_sha256 is libcrypto's EVP_MD_CTX under a name of ours, so that no other header needs it. */
static EVP_MD_CTX *context_of(ssmq_sha256 *h)
{
    return (EVP_MD_CTX *)h;
}

ssmq_sha256 *ssmq_sha256_new(void)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    SSMQ_ASSERT(c && EVP_DigestInit_ex(c, EVP_sha256(), NULL));
    return (ssmq_sha256 *)c;
}

void ssmq_sha256_add(ssmq_sha256 *h, const void *bytes, size_t n)
{
    SSMQ_ASSERT(EVP_DigestUpdate(context_of(h), bytes, n));
}

void ssmq_sha256_peek(const ssmq_sha256 *h, char hex[SSMQ_SHA256_HEX])
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    SSMQ_ASSERT(copy && EVP_MD_CTX_copy_ex(copy, (const EVP_MD_CTX *)h));
    ssmq_sha256_finish((ssmq_sha256 *)copy, hex);
}

void ssmq_sha256_finish(ssmq_sha256 *h, char hex[SSMQ_SHA256_HEX])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    SSMQ_ASSERT(EVP_DigestFinal_ex(context_of(h), sum, NULL));
    for (int i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    EVP_MD_CTX_free(context_of(h));
}

void ssmq_sha256_of(const void *bytes, size_t n, char hex[SSMQ_SHA256_HEX])
{
    ssmq_sha256 *h = ssmq_sha256_new();
    ssmq_sha256_add(h, bytes, n);
    ssmq_sha256_finish(h, hex);
}

ssmq_status ssmq_sha256_file(const char *path, char hex[SSMQ_SHA256_HEX])
{
    /* Read in blocks: a mapping would count as resident beside a model that is mapped already. */
    FILE         *file = fopen(path, "rb");
    char         *block = ssmq_must_malloc(BLOCK);
    ssmq_sha256  *h = ssmq_sha256_new();
    ssmq_status   st = SSMQ_OK;
    size_t        n = 0;
    while (file && (n = fread(block, 1, BLOCK, file)) > 0) ssmq_sha256_add(h, block, n);
    if (!file || ferror(file)) st = SSMQ_FAIL(INPUT, "%s: %s", path, strerror(errno));
    ssmq_sha256_finish(h, hex);
    if (file) fclose(file);
    free(block);
    return st;
}

/* ---- the faster one -------------------------------------------------------------------- */

#define WAYS 4 /* words that are taken at once: a multiplication does not wait for the one before */

/* Multiplied by an odd number, after which each bit of the word has changed all above it; these change those below. */
static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / the golden ratio */
    return h ^ h >> 29;
}

uint64_t ssmq_checksum(const void *bytes, size_t n)
{
    const unsigned char *at = bytes, *const end = at + n;
    uint64_t             h[WAYS] = {1, 2, 3, 4}, word[WAYS], sum = n;
    for (; (size_t)(end - at) >= sizeof word; at += sizeof word) {
        memcpy(word, at, sizeof word);
        for (int i = 0; i < WAYS; i++) h[i] = mix(h[i], word[i]);
    }
    memset(word, 0, sizeof word);
    if (at < end) memcpy(word, at, (size_t)(end - at));
    for (int i = 0; i < WAYS; i++) sum = mix(mix(sum, mix(h[i], word[i])), (uint64_t)i);
    return sum ? sum : 1;
}
