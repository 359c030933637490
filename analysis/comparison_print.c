/* Comparisons as tables for people. */
#include <inttypes.h>
#include "analysis/comparison.h"
#include "harness/base/table.h"
#include "harness/store/score_figures.h"

/* What the columns are, and what the distances are from. */
static void put_notes(const ssmq_comparison *c, const char *before, ssmq_str *out)
{
    char reset[SSMQ_RESET_TEXT];
    for (int32_t k = 0; k < c->n_column; k++)
        ssmq_str_printf(out, "%s%s: dialect %s, windows of %" PRId64 " tokens%s%s\n", k ? "" : before,
                        c->column[k]->id, c->column[k]->dialect, c->column[k]->window,
                        ssmq_reset_text(c->column[k]->state_reset, reset), ssmq_comparison_unit(c->column[k]));
    if (c->baseline)
        ssmq_str_printf(out, "change in per cent from %s, standard errors paired %s\n", c->baseline,
                        ssmq_comparison_paired_by(c));
    else if (c->n_run > 1)
        ssmq_str_puts(out, "no change: none of the runs is in float or the baseline of others; --baseline names one\n");
    if (ssmq_comparison_unpaired(c))
        ssmq_str_puts(out, "*: not over the same tokens: the standard errors of both runs together\n");
    if (ssmq_comparison_noise(c))
        ssmq_str_puts(out, "~: no more than 2 standard errors, which may be chance\n");
    if (c->left_out) ssmq_str_printf(out, "left out: %s\n", c->left_out);
}

static int32_t columns_of(const ssmq_comparison *c)
{
    return 2 + c->n_axis + SSMQ_CELL_TEXTS * c->n_column;
}

static const char **heading_of(const ssmq_comparison *c, ssmq_arena *arena)
{
    const char **heading = SSMQ_ARENA_ARRAY(arena, const char *, columns_of(c));
    heading[0] = "run";
    for (int32_t a = 0; a < c->n_axis; a++) heading[1 + a] = c->axis[a];
    heading[1 + c->n_axis] = "status";
    for (int32_t k = 0; k < c->n_column; k++) {
        const char **h = heading + 2 + c->n_axis + SSMQ_CELL_TEXTS * k;
        h[0] = ssmq_arena_printf(arena, "%s ppl", c->column[k]->id);
        h[1] = h[3] = "se";
        h[2] = "change, %";
    }
    return heading;
}

/* bold: stands around the best perplexity. */
static const char **row_of(const ssmq_comparison *c, int32_t run, const char *bold, ssmq_arena *arena)
{
    const char **row = SSMQ_ARENA_ARRAY(arena, const char *, columns_of(c));
    char         text[SSMQ_CELL_TEXTS][SSMQ_CELL_TEXT];
    row[0] = c->title[run];
    for (int32_t a = 0; a < c->n_axis; a++) {
        const char *label = c->value[run * c->n_axis + a].label;
        row[1 + a] = label ? label : "-";
    }
    row[1 + c->n_axis] = c->run[run]->summary.status;
    for (int32_t k = 0; k < c->n_column; k++) {
        const char                **cell = row + 2 + c->n_axis + SSMQ_CELL_TEXTS * k;
        const ssmq_comparison_cell *at = ssmq_comparison_at(c, run, k);
        ssmq_cell_texts(at, text);
        for (int i = 0; i < SSMQ_CELL_TEXTS; i++) cell[i] = ssmq_arena_strdup(arena, text[i]);
        if (at->best) cell[0] = ssmq_arena_printf(arena, "%s%s%s", bold, text[0], bold);
    }
    return row;
}

static void print_words(const ssmq_comparison *c, ssmq_str *out, ssmq_arena *arena)
{
    if (ssmq_word_columns(c) == 0) return;
    ssmq_table *t = ssmq_table_new(ssmq_word_columns(c), ssmq_word_heading(c, arena));
    for (int32_t i = 0; i < c->n_run; i++) ssmq_table_row(t, ssmq_word_row(c, i, arena));
    ssmq_str_puts(out, "\n");
    ssmq_table_print(t, out);
    ssmq_table_free(t);
}

void ssmq_comparison_text(const ssmq_comparison *c, ssmq_str *out)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_table *t = ssmq_table_new(columns_of(c), heading_of(c, arena));
    for (int32_t i = 0; i < c->n_run; i++) ssmq_table_row(t, row_of(c, i, "", arena));
    ssmq_table_print(t, out);
    ssmq_table_free(t);
    print_words(c, out, arena);
    put_notes(c, "\n", out);
    ssmq_arena_free(arena);
}

/* Text that Markdown takes as it is. */
static void put_markdown(const char *text, ssmq_str *out)
{
    for (; *text; text++) ssmq_str_printf(out, "%s%c", *text == '|' ? "\\" : "", *text == '\n' ? ' ' : *text);
}

static void markdown_row(const char *const *cell, int32_t n, ssmq_str *out)
{
    for (int32_t i = 0; i < n; i++) {
        ssmq_str_puts(out, "| ");
        put_markdown(cell[i], out);
        ssmq_str_puts(out, " ");
    }
    ssmq_str_puts(out, "|\n");
}

/* left: columns of words, the others are numbers */
static void markdown_head(const char *const *heading, int32_t n, int32_t left, ssmq_str *out)
{
    markdown_row(heading, n, out);
    for (int32_t i = 0; i < n; i++) ssmq_str_puts(out, i < left ? "|---" : "|---:");
    ssmq_str_puts(out, "|\n");
}

void ssmq_comparison_markdown(const ssmq_comparison *c, ssmq_str *out)
{
    ssmq_arena   *arena = ssmq_arena_new();
    const int32_t n = columns_of(c);
    markdown_head(heading_of(c, arena), n, 2 + c->n_axis, out);
    for (int32_t i = 0; i < c->n_run; i++) markdown_row(row_of(c, i, "**", arena), n, out);
    if (ssmq_word_columns(c) > 0) {
        ssmq_str_puts(out, "\n");
        markdown_head(ssmq_word_heading(c, arena), ssmq_word_columns(c), 1, out);
        for (int32_t i = 0; i < c->n_run; i++) markdown_row(ssmq_word_row(c, i, arena), ssmq_word_columns(c), out);
    }
    put_notes(c, "\n", out);
    ssmq_arena_free(arena);
}
