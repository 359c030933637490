/* What comparisons show of dialect lm-eval beside its perplexity of a token. */
#include <string.h>
#include "analysis/comparison.h"
#include "harness/store/rank.h"
#include "harness/store/score_figures.h"

static bool is_by_document(const ssmq_evaluation_score *e)
{
    return strcmp(e->dialect, SSMQ_BY_DOCUMENT) == 0;
}

bool ssmq_comparison_has_words(const ssmq_comparison *c, int32_t column)
{
    return is_by_document(c->column[column]);
}

const char *ssmq_comparison_unit(const ssmq_evaluation_score *e)
{
    return is_by_document(e) ? ", perplexity of a token" : "";
}

static int32_t count(const ssmq_comparison *c)
{
    int32_t n = 0;
    for (int32_t k = 0; k < c->n_column; k++) n += ssmq_comparison_has_words(c, k);
    return n;
}

const char *ssmq_comparison_paired_by(const ssmq_comparison *c)
{
    const int32_t n = count(c);
    return n == 0             ? "by window"
           : n == c->n_column ? "by document"
                              : "by window, those of dialect lm-eval by document";
}

int32_t ssmq_word_columns(const ssmq_comparison *c)
{
    const int32_t n = count(c);
    return n > 0 ? 1 + SSMQ_TEXT_CELLS * n : 0;
}

const char **ssmq_word_heading(const ssmq_comparison *c, ssmq_arena *arena)
{
    const char **heading = SSMQ_ARENA_ARRAY(arena, const char *, ssmq_word_columns(c)), **at = heading + 1;
    heading[0] = "run";
    for (int32_t k = 0; k < c->n_column; k++) {
        if (!ssmq_comparison_has_words(c, k)) continue;
        memcpy(at, ssmq_text_headings, sizeof ssmq_text_headings);
        at[0] = ssmq_arena_printf(arena, "%s %s", c->column[k]->id, ssmq_text_headings[0]);
        at += SSMQ_TEXT_CELLS;
    }
    return heading;
}

const char **ssmq_word_row(const ssmq_comparison *c, int32_t run, ssmq_arena *arena)
{
    const char **row = SSMQ_ARENA_ARRAY(arena, const char *, ssmq_word_columns(c)), **at = row + 1;
    row[0] = c->label[run];
    for (int32_t k = 0; k < c->n_column; k++) {
        if (!ssmq_comparison_has_words(c, k)) continue;
        const ssmq_evaluation_score *e = ssmq_comparison_at(c, run, k)->score;
        ssmq_text_cells(e ? &e->score : NULL, arena, at);
        at += SSMQ_TEXT_CELLS;
    }
    return row;
}
