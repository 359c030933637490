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

/* A text attribute of a dataset or group, the arena's.  DAMAGED likewise. */
SSMQ_MUST_USE ssmq_status ssmq_store_read_text(const char *path, const char *object,
                                               const char *attribute, ssmq_arena *arena,
                                               const char **out);

#ifdef __cplusplus
}
#endif
