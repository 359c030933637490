/* Random weights in the shape of any Mamba-1 model, as a checkpoint directory: for tests, and for
 * timing models that nobody need download.  Equal shapes and seeds give equal files. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/error.h"
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_random_shape {
    const char *name; /* "mamba-130m"; NULL for others                              */
    int64_t     d_model, n_layer;
    int64_t     vocab_size; /* padded to a multiple of 8 in the weights             */
    int64_t     d_state;    /* 0: 16                                                */
    int64_t     d_conv;     /* 0: 4                                                 */
    int64_t     expand;     /* 0: 2                                                 */
    int64_t     dt_rank;    /* 0: ceil(d_model / 16)                                */
    ssmq_dtype  dtype;      /* F32, F16 or BF16; A_log and D are F32 in any case    */
    bool        untied;     /* a head of its own, stored as lm_head.weight          */
} ssmq_random_shape;

/* The sizes that state-spaces released, in F32; ends with a NULL name. */
extern const ssmq_random_shape ssmq_random_shapes[];

/* Writes DIRECTORY/config.json (state-spaces layout) and DIRECTORY/model.safetensors, replacing
 * what is there.  Distributions are those of a model before training: unit variance is kept
 * through the linear layers, A_log = log(1..N), D = 1, softplus(dt bias) log-uniform in [1e-3,
 * 0.1], norms 1; so every forward pass is finite.  Needs memory for a few pages only.  CONFIG,
 * naming the size, if the shape is none of a Mamba-1 model; IO. */
SSMQ_MUST_USE ssmq_status ssmq_random_mamba(const char *directory, const ssmq_random_shape *shape,
                                            uint64_t seed);
/* The names of these sizes, NULL-terminated; and the same for one of them, in F32, F16 or BF16. */
extern const char *const ssmq_random_names[];
SSMQ_MUST_USE ssmq_status ssmq_random_named(const char *directory, const char *name, ssmq_dtype dtype,
                                            uint64_t seed);

#ifdef __cplusplus
}
#endif
