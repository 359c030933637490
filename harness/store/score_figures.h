/* The figures of evaluations by name, for tables over many runs. */
#pragma once
#include "harness/store/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_score_figure {
    const char *name, *unit, *long_name;
} ssmq_score_figure;

#define SSMQ_SCORE_FIGURES_ALWAYS 5 /* the first ones, which every evaluation has */
#define SSMQ_SCORE_FIGURES_TEXT 6   /* the next, which those of dialect lm-eval have */
extern const ssmq_score_figure ssmq_score_figures[]; /* ends with {0} */

/* Where the figure of this name stands; -1: there is none. */
int32_t ssmq_score_figure_find(const char *name);

/* The k-th of them; NaN where the evaluation has none (e NULL: a run has no such evaluation). */
double ssmq_score_figure_of(const ssmq_evaluation_score *e, int32_t k);

/* NULL where the run has none of this id. */
const ssmq_evaluation_score *ssmq_summary_find(const ssmq_summary *s, const char *id);
/* The ids of the evaluations of all runs, in the order in which they first appear: *id is the arena's. */
int32_t ssmq_summaries_evaluations(const ssmq_summary *s, int32_t n, ssmq_arena *arena, const char *const **id);

/* What tables show of words and bytes: their headings, and the cells of an evaluation, the arena's; "-" where it has none
 * (e NULL: a run has no such evaluation). */
#define SSMQ_TEXT_CELLS SSMQ_SCORE_FIGURES_TEXT
extern const char *const ssmq_text_headings[SSMQ_TEXT_CELLS];
void ssmq_text_cells(const ssmq_score *e, ssmq_arena *arena, const char *cell[SSMQ_TEXT_CELLS]);

/* Behind "windows of 256 tokens": ", states reset every 64"; "" where they never are. */
#define SSMQ_RESET_TEXT 48
const char *ssmq_reset_text(int64_t state_reset, char text[SSMQ_RESET_TEXT]);

/* A perplexity or its standard error as tables show it; "-" if it is NaN. */
#define SSMQ_PPL_TEXT 32
void ssmq_ppl_text(double value, char text[SSMQ_PPL_TEXT]);

#ifdef __cplusplus
}
#endif
