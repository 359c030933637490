/* A model: weights, sites, and a family that knows how to run them.
 *
 * Dimension letters, the same everywhere: B batch, L length, D model, E inner, N state, R dt rank,
 * V vocabulary, W conv width. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/json.h"
#include "harness/tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_exec  ssmq_exec;
typedef struct ssmq_model ssmq_model;

/* A site: a tensor of the forward pass that may be observed and quantised.  Its name is its
 * identity in YAML selectors, in messages and in the store. */
typedef enum ssmq_site_kind {
    SSMQ_SITE_WEIGHT,
    SSMQ_SITE_ACTIVATION,
    SSMQ_SITE_STATE,
} ssmq_site_kind;

typedef struct ssmq_site {
    const char    *name;   /* "layers.3.scan.x", "layers.3.in_proj.weight"                    */
    ssmq_site_kind kind;
    int32_t        layer;  /* -1 outside the layers                                           */
    int64_t        width;  /* length of the last axis                                         */
    int64_t        rows;   /* STATE: rows of a sequence, each a channel of its own; else 0    */
    int32_t        input;  /* WEIGHT: the activation site it multiplies; else -1              */
    int32_t        weight; /* WEIGHT: index into the model's weights; else -1                 */
    const char    *op;     /* what it takes part in: "linear", "conv", "scan", "gate", ...    */
    /* ACTIVATION: a weight that a factor of a channel can move to.  Dividing channel c by s is the same as
     * dividing row fold_row + c of that weight (of a norm's gain: the element) by s.  -1: none. */
    int32_t        fold;
    int64_t        fold_row;
    bool           linear; /* ACTIVATION: the weight of a linear layer multiplies it (set by
                            * ssmq_model_describe from the table)                             */
} ssmq_site;

/* What a file holds in 16 bits.  A model and its forks share one. */
typedef struct ssmq_lent {
    ssmq_tensor stored;  /* f16 or bf16, shaped as the values, in a mapped file, of any alignment */
    void       *room;    /* for the values as floats                                              */
    bool        present; /* they are there; else nobody may read the room                         */
} ssmq_lent;

/* A weight as the family wants it and as checkpoints call it. */
typedef struct ssmq_weight {
    const char *name;     /* in the state-spaces layout, "backbone.layers.0.norm.weight"      */
    const char *alias;    /* its other spelling, in the Hugging Face layout; or NULL          */
    int32_t     rank;     /* of the checkpoint's tensor                                       */
    int64_t     dim[SSMQ_RANK_MAX];
    bool        optional; /* may be missing: then it is a copy of tied_to                     */
    int32_t     tied_to;  /* index of the weight whose values it must have; -1: none          */
    ssmq_tensor value;    /* f32 on the host, inner axes of length 1 dropped; data NULL before loading, to be
                           * read through ssmq_model_value()                                   */
    ssmq_lent  *lent;     /* value's is the room of this; or NULL                              */
    bool        writable; /* value belongs to this model alone (ssmq_model_writable)          */
    bool        mapped;   /* value comes from a mapped file: its pages can be had again; without a value the
                           * codes that the plan has for it do                                 */
} ssmq_weight;

/* The residual stream: a vector of the model's width for each token, which layers read through a norm
 * whose statistic does not change when the vector is turned (RMSNorm) and add to. */
typedef struct ssmq_residual_read {
    int32_t weight; /* (N, D), multiplies the normalised stream */
    int32_t gain;   /* (D) of the norm in between; all that reads through this gain is listed */
} ssmq_residual_read;

typedef struct ssmq_residual_write {
    int32_t weight; /* a weight, or a bias, of which vectors are added to the stream */
    int32_t axis;   /* along which such a vector lies                                */
} ssmq_residual_write;

typedef struct ssmq_residual {
    ssmq_residual_read  *read;  /* in order of execution */
    int32_t              n_read;
    ssmq_residual_write *write;
    int32_t              n_write;
} ssmq_residual;

typedef struct ssmq_batch {
    const int32_t *token; /* (B, L); ids are below the model's vocabulary */
    int32_t        B, L;
} ssmq_batch;

typedef struct ssmq_family {
    const char *name;   /* as listed, and model_type in a Hugging Face config: "mamba"        */
    const char *source; /* the paper and the reference code                                   */
    const char *example; /* the smallest config.json that describe takes, as text: what there is to see *
                          * of the family without a checkpoint; NULL: nothing                        */

    /* From the checkpoint's own config to sizes, weight table and site table; reads no weights.
     * INPUT or UNSUPPORTED, naming file and key. */
    ssmq_status (*describe)(ssmq_model *m, const ssmq_json *config);

    /* Recurrent state of B sequences, zeroed; and zeroed again for the next text.  MEMORY. */
    ssmq_status (*state_new)(const ssmq_model *m, ssmq_exec *ex, int32_t B, void **state);
    ssmq_status (*state_zero)(const ssmq_model *m, ssmq_exec *ex, void *state);
    void        (*state_free)(const ssmq_model *m, ssmq_exec *ex, void *state); /* accepts NULL */

    /* Runs L tokens from *state, leaving the state after them; *hidden (B, L, D) is what the head
     * reads, lent by exec until the next call.  The one forward pass: prefill is L = all,
     * decoding is L = 1; float, fake and real arithmetic are exec's business. */
    ssmq_status (*forward)(const ssmq_model *m, ssmq_exec *ex, const ssmq_batch *in, void *state,
                           ssmq_tensor *hidden);

    /* logits (M, V) of some rows (M, D) of hidden, which it may change; each row once.  Apart from
     * forward, so that nobody needs the logits of all tokens at once. */
    ssmq_status (*head)(const ssmq_model *m, ssmq_exec *ex, ssmq_tensor *rows,
                        ssmq_tensor *logits);
} ssmq_family;

struct ssmq_model {
    const ssmq_family *family;
    ssmq_arena        *arena;    /* owns the tables below and writable weights' descriptors    */
    const char        *path;     /* the checkpoint's directory, for messages                   */
    ssmq_weight       *weight;
    int32_t            n_weight;
    ssmq_lent         *lent;     /* [n_weight]; NULL: none, or the base's                      */
    ssmq_site         *site;     /* in order of execution                                      */
    int32_t            n_site;
    ssmq_residual      residual; /* who touches the residual stream; n_read 0: not declared    */
    int32_t            n_layer;
    int64_t            width;    /* D                                                          */
    int64_t            vocabulary; /* V: rows of the embedding, ids are below it               */
    const void        *sizes;    /* the family's own                                           */
    /* Weights in a mapped file are read again for each forward pass: their pages do not stay between two. */
    bool               streams;
};

/* The tables of a checkpoint, without weights. */
SSMQ_MUST_USE ssmq_status ssmq_model_describe(const ssmq_family *const *families,
                                              const char *directory, const ssmq_json *config,
                                              ssmq_model **out);
/* A model with the same weights, lent by base, which must outlive it; methods rewrite copies. */
ssmq_model *ssmq_model_fork(const ssmq_model *base);
/* Releases the model and its writable weights; accepts NULL. */
void ssmq_model_free(ssmq_model *m);

/* The values of a weight for rewriting: copied first where they are lent.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_model_writable(ssmq_model *m, int32_t weight, ssmq_tensor *out);
/* Gives a weight without values memory of its own for them, not yet written: for loading.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_model_own(ssmq_model *m, int32_t weight, ssmq_tensor *out);

/* Gives a weight without values those of a mapped file, F16 or BF16, which outlives the model.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_model_lend(ssmq_model *m, int32_t weight, const void *stored, ssmq_dtype dtype);
void                      ssmq_model_lent_free(ssmq_model *m); /* part of ssmq_model_free() */

/* The values of a weight, to be read until they are forgotten: as floats, whatever the file has. */
const ssmq_tensor *ssmq_model_value(const ssmq_model *m, int32_t weight);
/* Copies n of them, from element first on; nothing of what the file has stays in memory. */
void               ssmq_model_copy(const ssmq_model *m, int32_t weight, int64_t first, int64_t n, float *to);
/* The same tensor for whoever reads few of its rows: f32, or f16 or bf16 as the file has it, of any alignment. */
const ssmq_tensor *ssmq_model_rows(const ssmq_model *m, int32_t weight);
/* The pages of a weight from a mapped file need not stay in memory; nothing for one in memory of its own. */
void               ssmq_model_forget(const ssmq_model *m, int32_t weight);
/* Releases the values of a weight that belong to this model alone, as nobody will read them: it has none then.  Nothing
 * for one that is lent, or that lends its values to another. */
void ssmq_model_drop(ssmq_model *m, int32_t weight);

/* Index of a site by name; -1 if there is none. */
int32_t ssmq_model_site(const ssmq_model *m, const char *name);

#ifdef __cplusplus
}
#endif
