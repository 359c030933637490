/* What the two files of the Mamba-1 family share: its sizes and where its tensors are. */
#pragma once
#include "harness/contract/model.h"
#include "harness/exec/exec.h"

/* Sites and weights (indices into the model's tables; biases -1 where there is none) of a layer. */
typedef struct mamba_layer {
    int32_t         norm, in_bias, conv_bias, dt_bias, out_bias;           /* weights */
    int32_t         in_x, in_w, conv_x, conv_w, x_proj_w, dt_x, dt_w, out_x, out_w; /* sites */
    ssmq_scan_sites scan;
} mamba_layer;

typedef struct mamba_sizes {
    int64_t      D, E, N, R, W, V;
    int32_t      n_layer;
    float        eps; /* of every RMSNorm */
    bool         in_out_bias, conv_bias, tied;
    int32_t      embedding, head_x, head_w; /* sites  */
    int32_t      norm_f;                    /* weight */
    mamba_layer *layer;                     /* [n_layer] */
} mamba_sizes;

/* The family's describe: config to sizes and tables. */
SSMQ_MUST_USE ssmq_status mamba_describe(ssmq_model *m, const ssmq_json *config);
