/* Stored runs beside each other: figures of each evaluation, and how far they are from a baseline. */
#pragma once
#include "harness/store/runs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One evaluation of one run. */
typedef struct ssmq_comparison_cell {
    const ssmq_evaluation_score *score; /* NULL: the run has none, or is not done */
    bool   compared;                    /* is there a baseline to be far from, and is it another run? */
    bool   paired;                      /* over the same tokens in the same windows                   */
    double ln_ratio, ln_ratio_se;       /* of the perplexities; se of both runs where they are not paired */
} ssmq_comparison_cell;

typedef struct ssmq_comparison {
    const ssmq_stored_run **run; /* [n_run] in the order of the directories, and within them as started; each id once */
    const char            **label; /* of each run: its name, with the directory where two share it       */
    int32_t                 n_run;
    int32_t                 baseline; /* index of a run; -1: none                                        */
    const ssmq_evaluation_score **column; /* [n_column] an evaluation each: id, dialect, window           */
    int32_t                 n_column;
    ssmq_comparison_cell              *cell; /* [n_run][n_column] */
} ssmq_comparison;

/* stored: [n], which *out points into.  baseline: a run's name or id; NULL: the first float run, if there is
 * one.  evaluation: NULL-terminated ids of the columns that are wanted, or empty: all.  Everything is the
 * arena's.  UNSUPPORTED where two runs have another dialect, window or loss type under one id: they do not
 * stand in one column; INPUT: no such run or evaluation; DAMAGED. */
SSMQ_MUST_USE ssmq_status ssmq_compare_runs(const ssmq_stored *stored, int32_t n, const char *baseline,
                                            const char *const *evaluation, ssmq_arena *arena,
                                            ssmq_comparison *out);

/* Change of the perplexity in per cent, and its standard error. */
double ssmq_cell_change(const ssmq_comparison_cell *c);
double ssmq_cell_change_se(const ssmq_comparison_cell *c);

/* As a table for people, Markdown, LaTeX (booktabs); as a row or object for each run and evaluation. */
void ssmq_comparison_text(const ssmq_comparison *c, ssmq_str *out);
void ssmq_comparison_markdown(const ssmq_comparison *c, ssmq_str *out);
void ssmq_comparison_latex(const ssmq_comparison *c, ssmq_str *out);
void ssmq_comparison_csv(const ssmq_comparison *c, ssmq_str *out);
void ssmq_comparison_json(const ssmq_comparison *c, ssmq_str *out);

/* "ppl<=+1%": METRIC (ppl, nll, kl, top1), for one evaluation METRIC@ID, then <=, <, >= or >, then a number:
 * with a sign the distance from the baseline, in per cent with "%", else the value itself.  GATE, naming
 * those that do not meet it; USAGE if it is no gate. */
SSMQ_MUST_USE ssmq_status ssmq_comparison_gate(const ssmq_comparison *c, const char *gate);

#ifdef __cplusplus
}
#endif
