/* What the files of exec share. */
#pragma once
#include "harness/exec/exec.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A weight as an op reads it, made when it is first asked for. */
typedef struct ssmq_placed {
    ssmq_tensor value; /* data NULL: not asked for yet              */
    bool        owned; /* to be released; else the model's own memory, or that of another */
    bool        by_rows; /* of an embedding: codes, of which only rows are looked at */
} ssmq_placed;

/* How the rows of a live tensor become codes: scale and zero point of each. */
typedef struct ssmq_live {
    float   *scale; /* [rows] */
    int32_t *zero;  /* [rows] */
    int64_t  rows, capacity;
    enum { SSMQ_LIVE_UNKNOWN, SSMQ_LIVE_CODES, SSMQ_LIVE_VALUES } use; /* what the tensor is handed on as */
} ssmq_live;

/* Memory that weights share (settle.c). */
typedef struct ssmq_blocks {
    void  **at; /* [n] of size bytes each; 0: not known yet */
    int32_t n;
    size_t  size, used; /* used: of the last one */
} ssmq_blocks;

struct ssmq_exec {
    ssmq_backend     *be;
    const ssmq_model *model;
    ssmq_model       *owner;  /* the same, where this exec is the only one to read its weights; else NULL */
    ssmq_plan        *plan; /* as the mode carries it out; NULL in float mode */
    ssmq_mode         mode;
    ssmq_probe        probe;
    int64_t           position;
    int64_t           part_sequence, part_token; /* what the live tensors start with */
    bool              moves;  /* weights out of mapped files                                       */
    ssmq_placed      *site;   /* [n_site]: weights of sites                                        */
    ssmq_placed      *weight; /* [n_weight]: as they are: norms, biases, sites that are not quantised */
    ssmq_packed      *packed; /* [n_site]: weights of products of codes; data NULL: not asked for yet */
    ssmq_live        *live;   /* [n_site]: of activations with dynamic ranges or zero points, as last quantised */
    ssmq_blocks       blocks;
    struct {
        void  *data;
        size_t bytes;
    } slot[SSMQ_EXEC_SLOTS];
};

/* Moves memory of the backend that is kept until the end to where other weights lie, if that is worth it; MEMORY.
 * Release it with the other, which also takes memory that has not been moved, and NULL. */
SSMQ_MUST_USE ssmq_status ssmq_exec_settle(ssmq_exec *ex, void **data, size_t bytes);
void                      ssmq_exec_release(ssmq_exec *ex, void *data);
/* A copy of a weight in a mapped file there, to be released likewise; the file's pages are given back behind
 * it, so that they and the copy are never there together.  MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_exec_move(ssmq_exec *ex, int32_t weight, ssmq_tensor *out);

/* What the plan does at a site; NULL where the tensor stays in floating point. */
const ssmq_assignment *ssmq_exec_quantised(const ssmq_exec *ex, int32_t site);
/* The same, but only where the tensor is handed on as codes: those with one scale that is known before,
 * or a weight with one for each row, and no zero point, no channels kept in floating point and no product that
 * is rounded.  Others are handed on dequantised, numbers of half precision as what they are. */
const ssmq_assignment *ssmq_exec_coded(const ssmq_exec *ex, int32_t site);

/* The same for an activation whose rows have a scale or zero point of their own (ex->live): a range is dynamic
 * or there is a zero point, and every weight that multiplies it is packable. */
const ssmq_assignment *ssmq_exec_rowwise(const ssmq_exec *ex, int32_t site);
/* Has a linear layer's weight codes that linear_i8, linear_q and linear_w read? */
bool ssmq_exec_packable(const ssmq_exec *ex, int32_t site_w);
/* Has it numbers of half precision, which linear_w reads, or linear_bf16? */
bool ssmq_exec_half(const ssmq_exec *ex, int32_t site_w);
/* Are its codes kept two to a byte, or have they scales by group? */
bool ssmq_exec_grouped(const ssmq_exec *ex, int32_t site_w);

/* Is the product of two sites one of codes, in whole numbers?  In fake mode too: so both modes have the same
 * sums, and what float sums of codes would give wherever those are exact (up to K = 1040, quant/README.md). */
bool ssmq_exec_integer(const ssmq_exec *ex, int32_t site_x, int32_t site_w);

/* Is it one of bfloat16 numbers: does the plan round both factors so?  In fake mode too, likewise. */
bool ssmq_exec_bf16(const ssmq_exec *ex, int32_t site_x, int32_t site_w);

/* Can all that is done at a quantised site be done at once? */
bool ssmq_exec_at_once(const ssmq_exec *ex, int32_t site, const ssmq_assignment *a);
/* Bytes in the front of the rows of x. */
ssmq_tensor ssmq_exec_bytes_in(const ssmq_tensor *x);
/* NUMERIC: element at of x (B, L, C), or (M, C) for a single sequence, counted row by row, is value. */
ssmq_status ssmq_exec_not_finite(const ssmq_exec *ex, int32_t site, const ssmq_tensor *x, int64_t at,
                                 float value);

/* What an op hands on of its result by itself. */
typedef struct ssmq_arrivals {
    ssmq_handing     handing;
    int32_t          entry[SSMQ_HANDED_MAX]; /* of the list to */
    ssmq_encode_args encode[SSMQ_HANDED_MAX];
    ssmq_tensor      q[SSMQ_HANDED_MAX];
} ssmq_arrivals;

/* Before an op with the result y: what it is to hand on of it, lent by a; NULL: nothing. */
ssmq_handing *ssmq_exec_depart(ssmq_exec *ex, const ssmq_exec_to *to, const ssmq_tensor *y, ssmq_arrivals *a);
/* After it, handing as it was given to the op, or NULL: ssmq_exec_site() does what it did not hand on. */
SSMQ_MUST_USE ssmq_status ssmq_exec_arrive(ssmq_exec *ex, const ssmq_exec_to *to, const ssmq_handing *handing,
                                           const ssmq_arrivals *a);

/* Takes the channels of keep out of x (.., C), which has 0 in their place, into kept, a scratch tensor
 * (M, count of keep); and puts them back. */
SSMQ_MUST_USE ssmq_status ssmq_exec_take_out(ssmq_exec *ex, const ssmq_tensor *keep, ssmq_tensor *x,
                                             ssmq_tensor *kept);
void ssmq_exec_put_back(const ssmq_tensor *keep, const ssmq_tensor *kept, ssmq_tensor *x);

/* Finds how the rows of x become codes: from their own range, or as the plan says. */
void ssmq_exec_find(ssmq_exec *ex, const ssmq_assignment *a, const ssmq_tensor *x, ssmq_live *live);
/* The quantiser of rows that have been found, lent by live. */
ssmq_quantiser ssmq_exec_by_rows(const ssmq_assignment *a, const ssmq_live *live);
void           ssmq_live_free(ssmq_live *live); /* what it points to */
/* Adds to clamped [rows of x] how many values of the row have clamped codes (ssmq_code_clamped), channels of
 * keep (NULL: none) left out. */
void ssmq_exec_count_clamped(const ssmq_tensor *x, const ssmq_qspec *spec, const ssmq_qparams *p,
                             const ssmq_tensor *keep, int64_t *clamped);

/* The weight of a site as products read it: codes where it is coded, else real numbers. */
SSMQ_MUST_USE ssmq_status ssmq_exec_codes(ssmq_exec *ex, int32_t site, const ssmq_tensor **out);
/* The same as linear_i8, linear_q, linear_w or linear_bf16 reads it, of a weight that is packable or half. */
SSMQ_MUST_USE ssmq_status ssmq_exec_packed(ssmq_exec *ex, int32_t site, const ssmq_packed **out);
/* The weight of a site as real numbers, after quantisation where there is one. */
SSMQ_MUST_USE ssmq_status ssmq_exec_values(ssmq_exec *ex, int32_t site, const ssmq_tensor **out);
/* The same, turned into -exp(.): A of a scan from A_log. */
SSMQ_MUST_USE ssmq_status ssmq_exec_decay(ssmq_exec *ex, int32_t site, const ssmq_tensor **out);
/* A bias as it is added. */
SSMQ_MUST_USE ssmq_status ssmq_exec_bias(ssmq_exec *ex, int32_t weight, const ssmq_tensor **out);
/* A weight as it is: a norm's gain, a bias, that of a site which is not quantised. */
SSMQ_MUST_USE ssmq_status ssmq_exec_plain(ssmq_exec *ex, int32_t weight, const ssmq_tensor **out);
/* The same for whoever looks at a few of its rows: it stays where it is. */
SSMQ_MUST_USE ssmq_status ssmq_exec_rows(ssmq_exec *ex, int32_t weight, const ssmq_tensor **out);

/* The factor that turns a product of what x and w hold into real numbers: *scale, and channel (N)
 * where the weight has a scale for each row; else its data are NULL. */
void ssmq_exec_rescale(const ssmq_exec *ex, int32_t site_x, int32_t site_w, float *scale,
                       ssmq_tensor *channel);

#ifdef __cplusplus
}
#endif
