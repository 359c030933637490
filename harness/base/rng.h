/* Random numbers: one counter-based generator, so that a draw depends on the seed, on what it is
 * for and on its number, never on what else was drawn before.
 *
 * Source: Philox4x32-10 of Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2,
 * 3", SC 2011; constants from there, checked against the known answers of its Random123. */
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The block function: counter[4], key[2] to out[4]. */
void ssmq_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

typedef struct ssmq_rng {
    uint32_t key[2];
    uint64_t block;   /* the counter of the next block        */
    uint32_t word[4]; /* the current block                    */
    int32_t  left;    /* how many 64-bit halves of it remain  */
} ssmq_rng;

/* Key: the first 8 bytes of SHA-256 over the seed (8 bytes, little-endian) and the purpose's bytes.
 * purpose: what the numbers are for, "calibration": two purposes share no stream. */
void ssmq_rng_init(ssmq_rng *r, uint64_t seed, const char *purpose);

uint64_t ssmq_rng_next(ssmq_rng *r);              /* 64 random bits                            */
uint64_t ssmq_rng_below(ssmq_rng *r, uint64_t n); /* uniform over 0 .. n - 1, unbiased; n >= 1 */
double   ssmq_rng_uniform(ssmq_rng *r);           /* [0, 1), a multiple of 2^-53               */

#ifdef __cplusplus
}
#endif
