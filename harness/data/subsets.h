/* The subsets of a data set by name, numbered in the order in which they are first seen. */
#pragma once
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/data/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Start from {.last = -1}. */
typedef struct ssmq_subsets {
    const char **name; /* [n] in the arena given below */
    int32_t      n, room, last;
} ssmq_subsets;

/* The number of a name, which is new if it is the old n; NULL: there are no subsets, 0.  INPUT where there
 * are so many that the key names no subset. */
SSMQ_MUST_USE ssmq_status ssmq_subsets_find(ssmq_subsets *s, const ssmq_data *data, const char *name,
                                            ssmq_arena *arena, int32_t *out);
void                      ssmq_subsets_free(ssmq_subsets *s);

#ifdef __cplusplus
}
#endif
