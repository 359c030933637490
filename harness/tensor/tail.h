/* The outermost values of a set, sorted: each quantile from SSMQ_TAIL_FROM per cent on is between two of them,
 * so that it is known exactly without the others. */
#pragma once
#include <stdbool.h>
#include "harness/base/error.h"
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_TAIL_FROM 99.9

/* Which end: of |x| the upper one, of x the upper one, of x the lower one. */
typedef enum ssmq_tail_end { SSMQ_TAIL_MAGNITUDE, SSMQ_TAIL_HIGH, SSMQ_TAIL_LOW, SSMQ_TAIL_ENDS } ssmq_tail_end;

typedef struct ssmq_tail {
    int64_t      n;                     /* values of the set                                 */
    int32_t      length;                /* of each end, ssmq_tail_length(n); 0: none is kept */
    const float *value[SSMQ_TAIL_ENDS]; /* [length] from the outermost inwards; or NULL      */
} ssmq_tail;

/* How many values of n >= 1 an end has, that all quantiles from SSMQ_TAIL_FROM on come out of it. */
int32_t ssmq_tail_length(int64_t n);

/* The quantile at p per cent of |x| or x, of LOW that at 100 - p, as ssmq_quantile_list has it (selection.h), bit for
 * bit; false: it lies further inwards, or that end is not kept. */
bool ssmq_tail_quantile(const ssmq_tail *t, ssmq_tail_end end, double p, float *out);

/* The rank, from the smallest, of the innermost value of an end of a set of n: where ssmq_tail_begin() cuts. */
int64_t ssmq_tail_rank(ssmq_tail_end end, int64_t n);

/* An end being collected out of parts of a set, by any number of threads; the same values whatever the parts. */
typedef struct ssmq_tail_collection {
    ssmq_tail_end   end;
    int32_t         length;
    float           cut; /* |x|, x or -x: what lies above it is collected */
    float          *out; /* [length]                                      */
    int32_t         n;    /* collected so far; threads add to it at once  */
} ssmq_tail_collection;

/* innermost: the value of rank ssmq_tail_rank().  out [length] is filled once the collection ends. */
void ssmq_tail_begin(ssmq_tail_collection *c, ssmq_tail_end end, int32_t length, float innermost, float *out);
/* x, or a part of it, for n collections: values are read once for all of them. */
void ssmq_tail_add(ssmq_tail_collection *c, int32_t n, const ssmq_tensor *x);
void ssmq_tail_finish(ssmq_tail_collection *c);

/* An end of a small set by one thread: x f32 on the host, finite, not empty.  out [ssmq_tail_length(count)].  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_tail_of(const ssmq_tensor *x, ssmq_tail_end end, float *out);

#ifdef __cplusplus
}
#endif
