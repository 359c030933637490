/* A run in real mode beside the same plan in fake mode, over the same tokens: which codes differ,
 * where first, and why.
 *
 * Both carry on with their own codes, so that what differs once differs behind it too.  The cause
 * of a code is the first of these that holds: saturation    a mode's value lies outside the range
 * of codes scale         the modes quantise with different scales tie           both quantise the
 * same value: only rounding tells them apart summation     the values are equal but for the
 * rounding of sums, SSMQ_FAKE_REAL_LAST_BITS of the range carried       the values differ:
 * something before the site does */
#pragma once
#include "harness/exec/exec.h"
#include "harness/run/evaluate/eval_ppl.h"
#include "harness/store/differences.h"
#include "harness/store/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sums of up to some thousand floats in another order are rarely further apart than 2^-18 of the
 * largest value beside them; a code that differs by one in a factor moves a product by far more. */
#define SSMQ_FAKE_REAL_LAST_BITS 0x1p-16f

typedef enum ssmq_differ_cause {
#define X(name, text, long_name) SSMQ_DIFFER_##name,
    SSMQ_DIFFER_CAUSES(X)
#undef X
} ssmq_differ_cause;

/* Activations and states that are handed on as codes; all values of all windows. */
typedef struct ssmq_fake_real_site {
    ssmq_difference_counts count;
    struct { /* the first code that differs                          */
        int64_t           window, token, channel;
        int32_t           fake, real; /* codes */
        ssmq_differ_cause cause;
    } first;
} ssmq_fake_real_site;

typedef struct ssmq_fake_real {
    ssmq_arena          *arena;
    const ssmq_model    *model; /* lent */
    ssmq_fake_real_site *at;    /* [model->n_site] */
    int32_t first; /* the first site in order of execution of which a code differs; -1: none */
    int64_t windows;
    double  nll_fake, nll_real;    /* mean losses in nats over the same windows      */
    double  ln_ratio, ln_ratio_se; /* of real's perplexity to fake's, paired         */
    double  kl_mean;               /* of real's distributions from fake's            */
} ssmq_fake_real;

typedef struct ssmq_fake_real_request {
    const ssmq_evaluation *evaluation; /* all of its windows, up to its limit */
    const ssmq_model      *model;      /* that the recipe rewrote             */
    const ssmq_plan       *plan;       /* of real mode                              */
    const ssmq_plan       *fake;       /* of fake mode; NULL: the same              */
    ssmq_backend          *be;
    ssmq_texts            *texts;
    const ssmq_listener   *listener;
    uint64_t               seed;
    int64_t                room; /* bytes for the values and codes of a piece of text; 0: 256 MiB */
} ssmq_fake_real_request;

/* Memory beside the model: room, or that of 16 tokens, or of a window where a dynamic range is
 * taken from all of one.  MEMORY, NUMERIC; statuses of reading data. */
SSMQ_MUST_USE ssmq_status ssmq_fake_real_run(const ssmq_fake_real_request *r, ssmq_fake_real **out);
void                      ssmq_fake_real_free(ssmq_fake_real *f); /* accepts NULL */

/* /fake_real of run.h5 (analysis/README.md); nothing for NULL.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_fake_real_write(ssmq_store *s, const ssmq_fake_real *f,
                                               const char *evaluation, ssmq_arena *arena);

#ifdef __cplusplus
}
#endif
