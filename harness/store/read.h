/* Results read back: single arrays and attributes of a sealed file. */
#pragma once
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A dataset of one axis as doubles, the arena's, whatever its type of number.  DAMAGED, naming file and
 * dataset, if there is no such file or dataset, or it has another shape. */
SSMQ_MUST_USE ssmq_status ssmq_store_read_f64(const char *path, const char *dataset,
                                              ssmq_arena *arena, const double **out, int64_t *n);

/* Numbers of any shape, as doubles, row by row. */
typedef struct ssmq_store_array {
    int32_t       rank;
    int64_t       dim[4];
    int64_t       n; /* of all */
    const double *data;
} ssmq_store_array;

/* A dataset of up to four axes, likewise. */
SSMQ_MUST_USE ssmq_status ssmq_store_read_array(const char *path, const char *dataset, ssmq_arena *arena,
                                                ssmq_store_array *out);

/* A dataset of n texts, likewise. */
SSMQ_MUST_USE ssmq_status ssmq_store_read_texts(const char *path, const char *dataset, ssmq_arena *arena,
                                                const char *const **out, int64_t *n);

/* A text attribute of a dataset or group, the arena's.  DAMAGED likewise. */
SSMQ_MUST_USE ssmq_status ssmq_store_read_text(const char *path, const char *object,
                                               const char *attribute, ssmq_arena *arena,
                                               const char **out);

#ifdef __cplusplus
}
#endif
