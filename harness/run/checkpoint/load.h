/* Checkpoints to models: a directory's config finds the family, its files fill the weights. */
#pragma once
#include "harness/contract/model.h"
#include "harness/data/checkpoint.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Loads the model of a directory; families: NULL-terminated.  F32 tensors are used where they
 * lie in the mapped files, shared between processes; of F16 and BF16, what products read stays there
 * until it is wanted (ssmq_model_value); others are converted into memory of the model.  The
 * checkpoint must outlive the model and is closed by the caller.  INPUT, naming file and tensor, besides what reading the files refuses: tensors that are missing, not wanted,
 * there under both their names, of another shape, of an integer dtype, or not finite; and tied
 * tensors that differ from what they are tied to.  UNSUPPORTED: the family or what its config
 * asks for.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_model_load(const ssmq_family *const *families, const char *directory,
                                          ssmq_model **model, ssmq_checkpoint **checkpoint);

/* Its parts: the tables of a directory's config; then the weights.  elsewhere: [m->n_weight] whose tensors are not
 * looked for and that stay without values, or NULL; others: what names of tensors begin with that are no weights. */
SSMQ_MUST_USE ssmq_status ssmq_model_read(const ssmq_family *const *families, const char *directory, ssmq_model **out);
SSMQ_MUST_USE ssmq_status ssmq_model_fill(ssmq_model *m, const ssmq_checkpoint *c, const bool *elsewhere,
                                          const char *others);

#ifdef __cplusplus
}
#endif
