/* Results in HDF5.  A file is put together in memory, written as PATH.part and sealed: synced, renamed; a
 * reader sees whole files or none.  Groups, types and attributes are those of the layout page
 * (analysis/README.md); equal content gives equal bytes. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/error.h"
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_store ssmq_store;

#define SSMQ_STORE_AXES_MAX 16 /* of a grid */

/* Creates PATH.part exclusively; never truncates.  IO if it or PATH exists (what a killed writer left
 * is removed before, by the next holder of the lease). */
SSMQ_MUST_USE ssmq_status ssmq_store_create(const char *path, ssmq_store **out);
/* Is there a results file of this run at path, as far as a look at its root tells? */
bool ssmq_store_is_one(const char *path, const char *run_id);
/* Closes the store either way.  Not void: a failed flush is a lost result. */
SSMQ_MUST_USE ssmq_status ssmq_store_seal(ssmq_store *s);
void                      ssmq_store_discard(ssmq_store *s); /* an unsealed one, after a failure; or NULL */

/* Every function below makes the missing parent groups.  Paths are absolute, "/eval/wt2/window_nll". */
SSMQ_MUST_USE ssmq_status ssmq_store_group(ssmq_store *s, const char *path);
/* Was a group or dataset of this path written before? */
bool ssmq_store_has(ssmq_store *s, const char *path);

/* Dimension scales; later tensors name them, and each group that uses one gets a hard link to it, so that
 * netCDF finds it.  unit "" where there is none. */
SSMQ_MUST_USE ssmq_status ssmq_store_scale(ssmq_store *s, const char *path, const ssmq_tensor *values,
                                           const char *unit, const char *long_name);
SSMQ_MUST_USE ssmq_status ssmq_store_scale_text(ssmq_store *s, const char *path,
                                                const char *const *values, int64_t n,
                                                const char *long_name);

/* A dataset on the host, contiguous, of any dtype but I4; scale: the path of a scale for each axis. */
SSMQ_MUST_USE ssmq_status ssmq_store_tensor(ssmq_store *s, const char *path, const ssmq_tensor *t,
                                            const char *const *scale, const char *unit,
                                            const char *long_name);
/* A dataset that is filled in later, part by part: shape's type and axes, its data not looked at.  Stored
 * in pieces of chunk elements along each axis, not compressed, each with a checksum. */
SSMQ_MUST_USE ssmq_status ssmq_store_reserve(ssmq_store *s, const char *path, const ssmq_tensor *shape,
                                             const int64_t *chunk, const char *const *scale,
                                             const char *unit, const char *long_name);
/* Writes part, contiguous and of the same type and rank, from element begin[] on. */
SSMQ_MUST_USE ssmq_status ssmq_store_fill(ssmq_store *s, const char *path, const int64_t *begin,
                                          const ssmq_tensor *part);
/* A dataset of n UTF-8 strings along a scale. */
SSMQ_MUST_USE ssmq_status ssmq_store_texts(ssmq_store *s, const char *path, const char *const *values,
                                           int64_t n, const char *scale, const char *long_name);
/* A grid over n_axis scales of dim[] values, the last axis fastest; exactly one of real and text is set.  A
 * missing text is "". */
SSMQ_MUST_USE ssmq_status ssmq_store_grid(ssmq_store *s, const char *path, const double *real,
                                          const char *const *text, int32_t n_axis, const int32_t *dim,
                                          const char *const *scale, const char *unit,
                                          const char *long_name);
/* A long text as a scalar dataset. */
SSMQ_MUST_USE ssmq_status ssmq_store_text(ssmq_store *s, const char *path, const char *value,
                                          const char *media_type);

/* One column of a table; exactly one of the values pointers is set, n_row values each. */
typedef struct ssmq_store_column {
    const char        *name;
    const double      *real;
    const uint64_t    *count;
    const char *const *text;
    const char        *unit;
} ssmq_store_column;

/* A compound dataset [n_row] along a scale, a member for each column.  scale NULL: along PATH_row, which
 * numbers the rows from 0 and is made with it. */
SSMQ_MUST_USE ssmq_status ssmq_store_table(ssmq_store *s, const char *path,
                                           const ssmq_store_column *column, int32_t n_column,
                                           int64_t n_row, const char *scale, const char *long_name);

/* Attributes of a group or dataset that exists ("/": the file). */
SSMQ_MUST_USE ssmq_status ssmq_store_attribute_text(ssmq_store *s, const char *path, const char *name,
                                                    const char *value);
SSMQ_MUST_USE ssmq_status ssmq_store_attribute_int(ssmq_store *s, const char *path, const char *name,
                                                   int64_t value);
SSMQ_MUST_USE ssmq_status ssmq_store_attribute_real(ssmq_store *s, const char *path, const char *name,
                                                    double value);

#ifdef __cplusplus
}
#endif
