/* Stored runs beside each other: figures of each evaluation, and how far they are from a baseline. */
#pragma once
#include "harness/store/frozen.h"
#include "harness/store/runs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One evaluation of one run. */
typedef struct ssmq_comparison_cell {
    const ssmq_evaluation_score *score; /* NULL: the run has none, or is not done */
    bool   compared;                    /* has the run one that it is held against, with this evaluation?   */
    bool   paired;                      /* over the same tokens in the same windows                         */
    bool   noise;                       /* within SSMQ_NOISE_SE standard errors of no change                */
    bool   best;                        /* the lowest perplexity of runs that are not float, as tables show it*/
    double ln_ratio, ln_ratio_se;       /* of the perplexities; se of both runs where they are not paired   */
} ssmq_comparison_cell;

typedef struct ssmq_comparison {
    const ssmq_stored_run **run; /* [n_run] in the order of the directories; in a sweep that of its list; each id once */
    const char            **label; /* of each run: its name, with the directory where two share it       */
    const char            **title; /* the same without the axes, for tables that have them in columns    */
    int32_t                 n_run;
    int32_t                *against; /* [n_run] index of the run that it is held against; -1: none       */
    const char             *baseline; /* which those are, for people; NULL: there is none                */
    const char *const      *axis;    /* [n_axis] names                                                   */
    int32_t                 n_axis;
    const ssmq_axis_value  *value;   /* [n_run][n_axis]                                                  */
    const ssmq_evaluation_score **column; /* [n_column] an evaluation each: id, dialect, window           */
    int32_t                 n_column;
    ssmq_comparison_cell   *cell; /* [n_run][n_column] */
    const char             *left_out; /* runs that lie beside those of a sweep, for people; NULL: none    */
} ssmq_comparison;

/* A directory that is compared: its runs, and the list that its sweep.json has. */
typedef struct ssmq_comparison_source {
    const char  *path;
    ssmq_stored  stored;
    ssmq_frozen  frozen;
    bool         listed; /* is there such a list? */
} ssmq_comparison_source;

/* Opens what a path names; to be closed on success. */
SSMQ_MUST_USE ssmq_status ssmq_comparison_open(const char *path, ssmq_arena *arena, ssmq_comparison_source *out);
void                      ssmq_comparison_close(ssmq_comparison_source *s);

/* source: [n], which *out points into.  Runs of a sweep are held against what its list says: its baseline, else
 * float; others against the first float run, if there is one.  baseline: a run's name or id that all are held
 * against instead; or NULL.  evaluation: NULL-terminated ids of the columns that are wanted, or empty: all.
 * Everything is the arena's.  UNSUPPORTED where two runs have another dialect, window or loss type under one id:
 * they do not stand in one column; INPUT: no such run or evaluation; DAMAGED. */
SSMQ_MUST_USE ssmq_status ssmq_compare_runs(const ssmq_comparison_source *source, int32_t n, const char *baseline,
                                            const char *const *evaluation, ssmq_arena *arena,
                                            ssmq_comparison *out);

const ssmq_comparison_cell *ssmq_comparison_at(const ssmq_comparison *c, int32_t run, int32_t column);
bool                        ssmq_comparison_unpaired(const ssmq_comparison *c); /* any cell that is not paired? */
bool                        ssmq_comparison_noise(const ssmq_comparison *c);    /* ... or within noise?         */

/* How losses are paired, for people: "by window"; those of dialect lm-eval by document. */
const char *ssmq_comparison_paired_by(const ssmq_comparison *c);

/* What stands behind an evaluation's dialect and windows, for people: ", perplexity of a token" with lm-eval, else
 * "". */
const char *ssmq_comparison_unit(const ssmq_evaluation_score *e);

/* Has the column perplexities of words and bytes, as evaluations of dialect lm-eval have? */
bool ssmq_comparison_has_words(const ssmq_comparison *c, int32_t column);

/* They stand in a table of their own, with a row for each run.  Columns: 0 where there are none.  Everything is the
 * arena's. */
int32_t      ssmq_word_columns(const ssmq_comparison *c);
const char **ssmq_word_heading(const ssmq_comparison *c, ssmq_arena *arena);
const char **ssmq_word_row(const ssmq_comparison *c, int32_t run, ssmq_arena *arena);

/* Change of the perplexity in per cent, and its standard error. */
double ssmq_cell_change(const ssmq_comparison_cell *c);
double ssmq_cell_change_se(const ssmq_comparison_cell *c);

/* The figures of a cell as tables show them, "-" where there is none: perplexity, its standard error, change, its
 * standard error; "~" behind a change within noise, "*" behind an error that is not paired. */
#define SSMQ_CELL_TEXTS 4
#define SSMQ_CELL_TEXT 40
void ssmq_cell_texts(const ssmq_comparison_cell *c, char text[SSMQ_CELL_TEXTS][SSMQ_CELL_TEXT]);

/* As a table for people, Markdown, LaTeX (booktabs); as a row or object for each run and evaluation. */
void ssmq_comparison_text(const ssmq_comparison *c, ssmq_str *out);
void ssmq_comparison_markdown(const ssmq_comparison *c, ssmq_str *out);
void ssmq_comparison_latex(const ssmq_comparison *c, ssmq_str *out);
void ssmq_comparison_csv(const ssmq_comparison *c, ssmq_str *out);
void ssmq_comparison_json(const ssmq_comparison *c, ssmq_str *out);

/* "ppl<=+1%": METRIC (ppl, nll, kl, top1), for one evaluation METRIC@ID, then <=, <, >= or >, then a number:
 * with a sign the distance from the run that each is held against, in per cent with "%", else the value itself, of all
 * runs but those that others are held against.  GATE, naming those that do not meet it; USAGE if it is no gate. */
SSMQ_MUST_USE ssmq_status ssmq_comparison_gate(const ssmq_comparison *c, const char *gate);
/* Is it a gate?  USAGE. */
SSMQ_MUST_USE ssmq_status ssmq_comparison_gate_check(const char *gate);

#ifdef __cplusplus
}
#endif
