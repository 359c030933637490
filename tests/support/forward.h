/* A model run over tokens as tests need it: all logits at once, in pieces of any length. */
#pragma once
#include "harness/exec/exec.h"

/* Each backend, each of its tiers that this machine has. */
typedef struct test_backend {
    const char   *name; /* "cpu avx2" */
    ssmq_backend *be;
} test_backend;

/* Opens them all, up to max, with so many threads; returns how many. */
int32_t test_backends_open(test_backend *out, int32_t max, int32_t threads);
void    test_backends_close(test_backend *b, int32_t n);

/* logits (B, L, V) of token (B, L), run in pieces of at most chunk tokens with the state carried.
 * plan: NULL in float mode.  Any failure fails the test. */
float *test_logits(ssmq_backend *be, const ssmq_model *m, const ssmq_plan *plan,
                   const int32_t *token, int32_t B, int32_t L, int32_t chunk);
/* The same in a mode: with a plan test_logits() runs in fake mode. */
float *test_logits_in(ssmq_backend *be, const ssmq_model *m, const ssmq_plan *plan, ssmq_mode mode,
                      const int32_t *token, int32_t B, int32_t L, int32_t chunk);
/* The same as test_logits(), all at once and under a probe, for which a layer takes all tokens together. */
float *test_logits_seen(ssmq_backend *be, const ssmq_model *m, const ssmq_plan *plan, const int32_t *token,
                        int32_t B, int32_t L);
