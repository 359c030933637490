/* Errors at sites: what quantisation makes of a tensor against the tensor itself, both sides running the same
 * tokens.
 *
 * The reference is the float model put through the recipe's transforms (rotations, divisions, folded
 * factors), which keep its function: the same numbers in the basis in which each site is quantised.  Weights
 * are compared with the transformed weights.
 *
 *   clean       the reference's own tensor, quantised once: the error of the site's quantiser alone
 *   propagated  the tensor in the quantised model, quantised: with what all sites before it did
 *
 * Clean errors are measured wherever the plan quantises; propagated ones at every activation, quantised or
 * not (an in_proj.in tells what the layers before it add up to), and at states that are quantised.
 *
 * Sums are float64 over the channels of a token, then over tokens in the order of the text: they depend
 * neither on the number of threads nor on the pieces a text is run in. */
#pragma once
#include "harness/backend/backend.h"
#include "harness/contract/method.h"
#include "harness/run/evaluate/texts.h"
#include "harness/run/experiment/experiment.h"
#include "harness/run/listener.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_ERROR_BINS 64 /* of token positions, at most */

/* With e = value - reference, over all values of a site. */
typedef struct ssmq_error_sums {
    int64_t n_values;  /* 0: not measured */
    int64_t n_clipped; /* values whose codes are clamped */
    double  error, square_error, square_reference, square_value, product;
    double  most;  /* largest |e|                                                              */
    /* [bins] square_error and square_reference of the tokens of a bin; NULL for weights and sums of sites */
    double *token_error, *token_reference;
} ssmq_error_sums;

/* What people look at.  Equal tensors: sqnr_db +infinity and rel_l2 0; cosine is NaN where a tensor is all
 * zeros. */
typedef struct ssmq_error_figures {
    double mse, sqnr_db, rel_l2, cosine, max_err, bias, clip_rate;
} ssmq_error_figures;

typedef struct ssmq_site_errors {
    ssmq_arena       *arena; /* owns the sums */
    const ssmq_model *model; /* lent          */
    ssmq_error_sums  *at[SSMQ_INPUTS]; /* [model->n_site] by ssmq_error_input */
    int64_t           windows, tokens; /* that were run */
    int64_t           bins, bin_tokens;
    int64_t          *in_bin; /* [bins] tokens */
} ssmq_site_errors;

typedef struct ssmq_site_error_request {
    const ssmq_compare_spec *spec;
    const ssmq_evaluation   *evaluation; /* all of its windows, up to its limit */
    const ssmq_model        *model;      /* that the recipe rewrote */
    const ssmq_plan         *plan;
    ssmq_backend            *be;
    ssmq_texts              *texts;
    const ssmq_listener     *listener;
    int64_t                  room; /* bytes for the reference's tensors of a piece of text; 0: 256 MiB */
} ssmq_site_error_request;

/* Memory beside two models: room, or one site's tensor of a piece if that is more.  Pieces are as long as fits,
 * and sites that do not fit all the same, as where dynamic ranges ask for whole windows, are measured in
 * further passes; no figure depends on either (but on the cpu backend's tier c, whose products round a
 * row by how many there are beside it).  NUMERIC with the window named; statuses of reading data. */
SSMQ_MUST_USE ssmq_status ssmq_site_errors_run(const ssmq_site_error_request *r,
                                               ssmq_site_errors **out);
void                      ssmq_site_errors_free(ssmq_site_errors *e); /* accepts NULL */

/* b added to a, all but its tokens. */
void               ssmq_error_add(ssmq_error_sums *a, const ssmq_error_sums *b);
ssmq_error_figures ssmq_error_figures_of(const ssmq_error_sums *s);

#ifdef __cplusplus
}
#endif
