/* What runs stored of an evaluation's windows and tokens, for the kinds that are of one. */
#pragma once
#include "analysis/kinds.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_figure_evaluation {
    const ssmq_figure_run *run;
    const char            *id, *dialect;
    int64_t                window; /* tokens          */
    int64_t                state_reset; /* tokens after which states begin anew; 0: never */
    int64_t                n;      /* windows scored  */
    const double          *tokens; /* [n] predicted tokens of a window, which it counts by in means */
} ssmq_figure_evaluation;

/* Of every run the evaluation that --evaluation names, else the first one of the first run; [n_run], the
 * arena's. INPUT if a run does not have it, or has it in another dialect, with another length of window or
 * other resets of states. */
SSMQ_MUST_USE ssmq_status ssmq_figure_evaluations(const ssmq_figure_request *rq,
                                                  ssmq_figure_evaluation   **out);

/* A dataset [n] of the evaluation; NULL where the run has none.  The arena's. */
SSMQ_MUST_USE ssmq_status ssmq_figure_evaluation_read(const ssmq_figure_evaluation *e, const char *name,
                                                      int64_t n, ssmq_arena *arena, double **out);

/* "wt2, gptq, windows of 2048 tokens", unless --title says otherwise. */
void ssmq_figure_evaluation_title(const ssmq_figure_request *rq, const ssmq_figure_evaluation *e,
                                  ssmq_figure *f);

#ifdef __cplusplus
}
#endif
