/* Random tensors for checks and timings, freed together, and comparison of two results. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_DRAW_MAX 32

typedef struct ssmq_draw {
    uint64_t      state;               /* of the generator (splitmix64)             */
    ssmq_backend *be;                  /* whose memory the tensors are              */
    void         *owned[SSMQ_DRAW_MAX]; /* what ssmq_draw_free() releases            */
    int32_t       n_owned;
    bool          dense;               /* no gaps between rows: for timings         */
} ssmq_draw;

/* seed: the same seed draws the same tensors. */
ssmq_draw ssmq_draw_new(ssmq_backend *be, uint64_t seed, bool dense);
void      ssmq_draw_free(ssmq_draw *d);

/* A whole number in lo .. hi. */
int64_t ssmq_draw_int(ssmq_draw *d, int64_t lo, int64_t hi);
/* Now and then true, with rows and columns of a result that backends cut into pieces both ways. */
bool ssmq_draw_large(ssmq_draw *d, int64_t *M, int64_t *N);
/* A real number, evenly from lo to hi. */
float ssmq_draw_real(ssmq_draw *d, float lo, float hi);

/* A tensor of rank 1 to 3 of values evenly from lo to hi.  Unless dense is set or it has rank 1, its
 * rows may be spaced; the gaps hold NaN, so that an op that reads them gives itself away. */
SSMQ_MUST_USE ssmq_status ssmq_draw_tensor(ssmq_draw *d, int32_t rank, const int64_t *dim, float lo,
                                           float hi, ssmq_tensor *out);
/* The same without gaps. */
SSMQ_MUST_USE ssmq_status ssmq_draw_dense(ssmq_draw *d, int32_t rank, const int64_t *dim, float lo,
                                          float hi, ssmq_tensor *out);
/* Codes of 8 bits (i8), each row in the front of a row of floats: spaced as ssmq_draw_tensor() spaces. */
SSMQ_MUST_USE ssmq_status ssmq_draw_codes(ssmq_draw *d, int32_t rank, const int64_t *dim,
                                          ssmq_tensor *out);
/* Whole numbers lo .. hi (i32). */
SSMQ_MUST_USE ssmq_status ssmq_draw_index(ssmq_draw *d, int64_t n, int32_t lo, int32_t hi,
                                          ssmq_tensor *out);
/* A copy, gaps included. */
SSMQ_MUST_USE ssmq_status ssmq_draw_copy(ssmq_draw *d, const ssmq_tensor *t, ssmq_tensor *out);
/* A tensor without gaps of any type, zeroed. */
SSMQ_MUST_USE ssmq_status ssmq_draw_zero(ssmq_draw *d, ssmq_dtype dtype, int32_t rank,
                                         const int64_t *dim, ssmq_tensor *out);

/* NUMERIC, naming op and element, if an element of got is farther from want than bound, an array of
 * as many doubles in the order of the elements (NULL: the bits must be equal), or if the gaps
 * between the rows differ.  Types f32, f64, i8, i32. */
SSMQ_MUST_USE ssmq_status ssmq_draw_compare(const char *op, const ssmq_tensor *got,
                                            const ssmq_tensor *want, const double *bound);

#ifdef __cplusplus
}
#endif
