#include "harness/base/rng.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"
#include "harness/base/hash.h"

void ssmq_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u; /* the golden ratio and sqrt(3) - 1, as 32-bit fractions */
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

void ssmq_rng_init(ssmq_rng *r, uint64_t seed, const char *purpose)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(seed >> (8 * i));
    char         hex[SSMQ_SHA256_HEX];
    ssmq_sha256 *h = ssmq_sha256_new();
    ssmq_sha256_add(h, bytes, sizeof bytes);
    ssmq_sha256_add(h, purpose, strlen(purpose));
    ssmq_sha256_finish(h, hex);

    *r = (ssmq_rng){0};
    hex[16] = '\0';
    const uint64_t key = strtoull(hex, NULL, 16);
    r->key[0] = (uint32_t)(key >> 32);
    r->key[1] = (uint32_t)key;
}

uint64_t ssmq_rng_next(ssmq_rng *r)
{
    if (r->left == 0) {
        const uint32_t counter[4] = {(uint32_t)r->block, (uint32_t)(r->block >> 32), 0, 0};
        ssmq_philox4x32(counter, r->key, r->word);
        r->block++;
        r->left = 2;
    }
    const uint32_t *half = r->word + 2 * (2 - r->left--);
    return (uint64_t)half[1] << 32 | half[0];
}

uint64_t ssmq_rng_below(ssmq_rng *r, uint64_t n)
{
    SSMQ_ASSERT(n >= 1);
    /* The first 2^64 mod n values are drawn again: what remains is a multiple of n. */
    const uint64_t skip = (0 - n) % n;
    uint64_t       x;
    do x = ssmq_rng_next(r);
    while (x < skip);
    return x % n;
}

double ssmq_rng_uniform(ssmq_rng *r)
{
    return (double)(ssmq_rng_next(r) >> 11) * 0x1p-53;
}
