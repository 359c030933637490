/* Quantised checkpoints: a directory with config.json (which says that it is one), model.safetensors with codes, what
 * stays in floating point and all of the plan, and the tokenizer.  Read back, it gives the same bits as the recipe does.
 * Format: models/README.md. */
#pragma once
#include <stdbool.h>
#include "harness/backend/backend.h"
#include "harness/contract/method.h"
#include "harness/data/checkpoint.h"
#include "harness/store/provenance.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_QUANTIZED_VERSION 2
#define SSMQ_QUANTIZED_KEY "ssmq_quantized" /* of config.json and of the metadata: the version */

/* Does DIRECTORY/config.json say so?  False also where there is none. */
bool ssmq_quantized_is(const char *directory);

/* The first site of a weight; -1: none. */
int32_t ssmq_quantized_site(const ssmq_model *m, int32_t weight);

/* ---- writing ---- */

typedef struct ssmq_quantized_content {
    ssmq_model            *m;      /* as the recipe left it                          */
    const ssmq_plan       *plan;
    ssmq_backend          *be;     /* whose quantiser finds the codes                */
    const char            *recipe; /* the resolved run, YAML                         */
    const ssmq_input_file *source; /* [n_source] what it was made of, with their sums */
    int32_t                n_source;
    const char            *tokenizer; /* file to go with it; NULL: none              */
} ssmq_quantized_content;

/* UNSUPPORTED, naming the site, for weights whose codes are neither integers of at most 8 bits nor in half
 * precision.  Of the plan only what is outlined is looked at, so that it can be asked before anything is
 * calibrated. */
SSMQ_MUST_USE ssmq_status ssmq_quantized_offers(const ssmq_model *m, const ssmq_plan *plan);

/* Into a directory that is there and empty.  What is not offered is refused; *bytes: of model.safetensors.
 * IO, MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_quantized_write(const char *directory, const ssmq_quantized_content *c, int64_t *bytes);

/* ---- reading ---- */

/* The model, whose coded weights have no values, and the plan with their codes; both lend from the checkpoint, which
 * is closed last.  INPUT: of another version, not of this config, scales or codes that are not those that were written,
 * anything malformed. */
SSMQ_MUST_USE ssmq_status ssmq_quantized_load(const ssmq_family *const *families, const char *directory,
                                              ssmq_model **m, ssmq_checkpoint **checkpoint, ssmq_plan **plan);

#ifdef __cplusplus
}
#endif
