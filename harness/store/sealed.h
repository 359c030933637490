/* A sealed results file kept open for reading: what is in it, and parts of its arrays.  Types and layout
 * are those of store.h; whatever else is met is DAMAGED, with a message that names file and object. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_sealed ssmq_sealed;

/* INPUT if there is no such file, DAMAGED if it is no HDF5 file or cut short. */
SSMQ_MUST_USE ssmq_status ssmq_sealed_open(const char *path, ssmq_sealed **out);
void                      ssmq_sealed_close(ssmq_sealed *r); /* accepts NULL */
const char               *ssmq_sealed_path(const ssmq_sealed *r);

/* Is there an object at this absolute path? */
bool ssmq_sealed_has(const ssmq_sealed *r, const char *object);

typedef struct ssmq_extent {
    int32_t rank;
    int64_t dim[SSMQ_RANK_MAX];
    bool    number; /* of a numeric type; else texts or a table */
} ssmq_extent;

SSMQ_MUST_USE ssmq_status ssmq_sealed_extent(const ssmq_sealed *r, const char *dataset, ssmq_extent *out);

/* The part [begin, begin + count) along every axis of a numeric dataset as doubles, whatever its type; out
 * holds the product of count. */
SSMQ_MUST_USE ssmq_status ssmq_sealed_block(const ssmq_sealed *r, const char *dataset, const int64_t *begin,
                                            const int64_t *count, double *out);
/* A whole numeric dataset of one axis, the arena's. */
SSMQ_MUST_USE ssmq_status ssmq_sealed_vector(const ssmq_sealed *r, const char *dataset, ssmq_arena *arena,
                                             double **out, int64_t *n);

/* Texts of a dataset of one axis, or of a scalar one (*n is 1); the arena's. */
SSMQ_MUST_USE ssmq_status ssmq_sealed_texts(const ssmq_sealed *r, const char *dataset, ssmq_arena *arena,
                                            const char *const **out, int64_t *n);
/* A text attribute of a group or dataset, the arena's. */
SSMQ_MUST_USE ssmq_status ssmq_sealed_attribute(const ssmq_sealed *r, const char *object, const char *name,
                                                ssmq_arena *arena, const char **out);

/* A numeric attribute; NaN if there is none. */
double ssmq_sealed_number(const ssmq_sealed *r, const char *object, const char *name);

/* Names of the members of a group in the order in which they were written, NULL-terminated, the arena's;
 * what is no group has none. */
SSMQ_MUST_USE ssmq_status ssmq_sealed_members(const ssmq_sealed *r, const char *group, ssmq_arena *arena,
                                              const char *const **out);

#ifdef __cplusplus
}
#endif
