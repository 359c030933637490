#include "harness/base/hash.h"
#include <openssl/evp.h>
#include <stdio.h>
#include "harness/base/assert.h"
#include "harness/base/file.h"

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
    ssmq_mapping m;
    SSMQ_TRY(ssmq_map_open(path, &m));
    ssmq_sha256_of(m.data, m.size, hex);
    ssmq_map_close(&m);
    return SSMQ_OK;
}
