/* A plan as text and tensors, for quantised checkpoints only. */
#pragma once
#include "harness/base/hash.h"
#include "harness/base/str.h"
#include "harness/contract/method.h"
#include "harness/data/stored.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_PLAN_PREFIX "ssmq." /* of the names of its tensors: "ssmq.layers.3.scan.x.scale" */

/* A tensor of an assignment. */
typedef struct ssmq_plan_field {
    const char *name;
    size_t      offset; /* of an ssmq_tensor in ssmq_assignment */
    ssmq_dtype  dtype;
} ssmq_plan_field;
extern const ssmq_plan_field ssmq_plan_fields[]; /* ends with one whose name is NULL */

/* The field of an assignment; its data are NULL where it is absent. */
ssmq_tensor *ssmq_plan_field_of(ssmq_assignment *a, const ssmq_plan_field *f);

/* Appends all but the tensors as JSON, and the sites' tensors to entry, which has room; texts are the arena's. */
void ssmq_plan_text(const ssmq_plan *p, ssmq_str *out);
int32_t ssmq_plan_tensors(const ssmq_plan *p, ssmq_arena *arena, ssmq_stored *entry);

bool ssmq_plan_same_spec(const ssmq_qspec *a, const ssmq_qspec *b);

/* The sum over text and tensors that names a set of scales. */
void ssmq_plan_digest(const char *text, const ssmq_stored *entry, int32_t n, char hex[SSMQ_SHA256_HEX]);

/* Adds to a sum what its bytes do not say of each tensor of a file: name, type, shape, and to_end, the bytes from
 * its first to the end of the last tensor; by name. */
void ssmq_plan_sum_table(ssmq_sha256 *h, const ssmq_stored *entry, const int64_t *to_end, int32_t n);

/* Back into a new plan of m, all but codes, in which nothing is decided yet.  file: for messages.  INPUT. */
SSMQ_MUST_USE ssmq_status ssmq_plan_read(ssmq_plan *p, const char *file, const char *text, const ssmq_stored *entry,
                                         int32_t n);

#ifdef __cplusplus
}
#endif
