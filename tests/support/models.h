/* Small random models for tests, written to a temporary folder and loaded from there. */
#pragma once
#include "harness/contract/model.h"
#include "harness/data/checkpoint.h"
#include "models/random.h"

typedef struct test_model {
    ssmq_model      *m;
    ssmq_checkpoint *checkpoint;
    char             folder[64];
} test_model;

/* Any failure fails the test. */
test_model test_model_new(const ssmq_random_shape *shape, uint64_t seed);
void       test_model_free(test_model *t);

/* Shapes that between them have every edge the family has: small and odd sizes, each conv width, state
 * sizes that are no multiple of a vector, E = 12 * 2^k and 40 * 2^k.  Ends with d_model 0. */
extern const ssmq_random_shape test_shapes[];

/* n token ids below vocabulary, from a seed. */
void test_tokens(int32_t *token, int32_t n, int64_t vocabulary, uint64_t seed);
