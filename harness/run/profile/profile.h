/* What a model costs to run: time to the first token, per token, to the last; what the machine could do at
 * best, probed in the same process.  Weights and tokens decide no time, so both may be random.
 *
 * TTFT  one prefill of the prompt with the logits of its last token
 * TPOT  one decoding step behind the prompt, the mean over a generation
 * TTLT  TTFT, and generate - 1 decoding steps of the most likely token
 * (quant/quamba-spec.md, 4.5; there the steps do not continue the prefill, here they do.) */
#pragma once
#include "harness/bench/peaks.h"
#include "harness/run/checkpoint/ready.h"
#include "harness/run/experiment/experiment.h"
#include "harness/run/listener.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_profile_request {
    const char             *model;   /* directory                        */
    const char             *recipe;  /* file; NULL in float mode         */
    ssmq_mode               mode;
    int32_t                 batch, prompt, generate; /* sequences; tokens of each, >= 1 */
    int32_t                 repeat, warmup;          /* measured, before them           */
    const ssmq_backend_ops *backend;
    int32_t                 threads;
    const ssmq_listener    *listener; /* or NULL; told after each repetition, asked within it */
} ssmq_profile_request;

/* Seconds (joules, rates) of the repetitions, in their order; min, median and max of them.  n 0: not measured. */
typedef struct ssmq_timing {
    const double *sample;
    int32_t       n;
    double        min, median, max;
} ssmq_timing;

/* What a token takes at least: operations (a multiply-add is two) in whole numbers, in products of bfloat16 numbers
 * and in floats. */
typedef struct ssmq_work {
    double i8, bf16, f32;
} ssmq_work;

static inline double ssmq_work_sum(const ssmq_work *w)
{
    return w->i8 + w->bf16 + w->f32;
}

/* What the ops of one kind take in a prefill with the logits of its last token, or in a decoding step: means over
 * repetitions of their own, in which ops are measured one by one. */
typedef struct ssmq_operator {
    const char *name;    /* "linear in_proj", "scan", ... */
    double      calls, seconds;
    double      bytes;   /* every operand once */
    ssmq_work   work;
} ssmq_operator;

typedef struct ssmq_breakdown {
    ssmq_operator *op;   /* by falling time */
    int32_t        n;    /* 0: not measured */
    double         seconds; /* of all, with what lies between the ops */
} ssmq_breakdown;

/* Seconds at best on a machine: the work at its peaks, a step also at its bandwidth. */
typedef struct ssmq_profile_floor {
    double ttft, tpot, perplexity;
} ssmq_profile_floor;

/* What of the time was needed at best: medians over repetitions, each held against the rates that were probed
 * beside it, since those of a shared machine change within seconds.  decode NaN: no step. */
typedef struct ssmq_profile_shares {
    double prefill, decode, perplexity;
} ssmq_profile_shares;

enum { SSMQ_PROFILE_PREFILL, SSMQ_PROFILE_DECODE, SSMQ_PROFILE_PHASES };
extern const char *const ssmq_profile_phases[]; /* "prefill", "decode", NULL */

typedef struct ssmq_profile {
    ssmq_profile_request request;
    char                 tier[32];
    const char          *process;        /* that measured it: its number, host, and when it did       */
    ssmq_timing          ttft, tpot, ttlt;
    ssmq_timing          perplexity;     /* a prefill with the logits and the loss of every token    */
    ssmq_timing          energy;         /* joules to the last token; n 0: no counter is readable     */
    ssmq_timing          read, f32, i8, bf16; /* rates of the machine, as ssmq_rates: of reading behind the decoding of
                                               * each repetition, of work before its prefill          */
    ssmq_breakdown       phase[SSMQ_PROFILE_PHASES];
    int64_t              size_bytes;     /* weights as they are read                                  */
    int64_t              state_bytes;    /* of the batch                                              */
    int64_t              peak_rss_bytes; /* of the process: since ssmq_profile_run() began, or so far; what the
                                          * probes take only where another measurement stood before       */
    ssmq_work            layers, head;   /* of a token: 26 operations a state update (an exponential by
                                          * polynomial and three multiply-adds) beside the products   */
    double               step_bytes;     /* of a decoding step: all weights once, the state in and out */
    ssmq_rates           machine;        /* medians of what was probed                                */
    ssmq_profile_floor   floor;          /* at these                                                  */
    ssmq_profile_shares  of_floor;
} ssmq_profile;

/* Statuses of reading model and recipe (problems of the latter in diag), MEMORY, STOPPED by the listener; *out is the
 * arena's. */
SSMQ_MUST_USE ssmq_status ssmq_profile_run(const ssmq_profile_request *r, const ssmq_catalogue *cat,
                                           ssmq_diag *diag, ssmq_arena *arena, ssmq_profile *out);

/* The same of a model that is ready to run; of r, model, recipe and backend are only noted. */
SSMQ_MUST_USE ssmq_status ssmq_profile_measure(ssmq_ready *ready, const ssmq_profile_request *r,
                                               ssmq_arena *arena, ssmq_profile *out);

/* Bytes of the recurrent state of one sequence: that of the scan, and of the convolution. */
int64_t ssmq_profile_state_bytes(const ssmq_model *m, const ssmq_exec *ex);

/* What of all lies in no op. */
double ssmq_breakdown_between(const ssmq_breakdown *b);
/* Seconds at best of one operator: its bytes at the bandwidth or its work at the peaks, whichever is longer.  What
 * is still in a cache is read faster. */
double ssmq_operator_bound(const ssmq_operator *op, const ssmq_rates *machine, bool *memory);

/* Parts of measuring.  n >= 1 samples, lent, which the arena outlives. */
ssmq_timing        ssmq_timing_of(ssmq_arena *arena, const double *sample, int32_t n);
ssmq_profile_floor ssmq_profile_floor_of(const ssmq_profile *p, const ssmq_rates *machine);
/* machine, floor and of_floor, of all the rest. */
void               ssmq_profile_compare(ssmq_profile *p, ssmq_arena *arena);

#ifdef __cplusplus
}
#endif
