/* Comparisons as tables of a paper. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "analysis/comparison.h"
#include "harness/store/score_figures.h"

/* A table: what it shows of each evaluation that it has. */
typedef struct table {
    const char *columns, *caption, *note;
    void (*heading)(ssmq_str *out, const char *id);
    void (*cells)(ssmq_str *out, const ssmq_comparison *c, int32_t run, int32_t column); /* where there is a score */
    bool words; /* only of evaluations with words and bytes */
} table;

/* Text that is to be seen as it is. */
static void put_tex(const char *text, ssmq_str *out)
{
    static const struct {
        char        c;
        const char *tex;
    } names[] = {{'\\', "\\textbackslash{}"},
                 {'~', "$\\sim$"},
                 {'^', "\\textasciicircum{}"},
                 {'<', "$<$"},
                 {'>', "$>$"},
                 {'|', "$|$"},
                 {'\n', " "},
                 {'\t', " "}};
    for (; *text; text++) {
        size_t i = 0;
        while (i < sizeof names / sizeof *names && names[i].c != *text) i++;
        if (i < sizeof names / sizeof *names) ssmq_str_puts(out, names[i].tex);
        else ssmq_str_printf(out, "%s%c", strchr("&%$#_{}", *text) ? "\\" : "", *text);
    }
}

/* ---- perplexity of a token, and its change ------------------------------------------------- */

static void change_heading(ssmq_str *out, const char *id)
{
    ssmq_str_puts(out, " & ");
    put_tex(id, out);
    ssmq_str_puts(out, " & $\\Delta$, \\%");
}

static void change_cells(ssmq_str *out, const ssmq_comparison *c, int32_t run, int32_t column)
{
    const ssmq_comparison_cell *cell = ssmq_comparison_at(c, run, column);
    char                        text[SSMQ_CELL_TEXTS][SSMQ_CELL_TEXT];
    ssmq_cell_texts(cell, text);
    ssmq_str_printf(out, cell->best ? " & \\textbf{%s}" : " & %s", text[0]);
    if (!cell->compared) {
        ssmq_str_puts(out, " & --");
        return;
    }
    if (cell->noise) text[2][strlen(text[2]) - 1] = '\0'; /* the mark, which stands outside of the formula */
    ssmq_str_printf(out, " & $%s", text[2]);
    if (strcmp(text[3], "-") != 0) ssmq_str_printf(out, " \\pm %s", text[3]);
    ssmq_str_printf(out, "$%s", cell->noise ? "\\,$\\sim$" : "");
}

static const table changes = {"rr", "Perplexity", NULL, change_heading, change_cells, false};

/* ---- perplexities of words and bytes ------------------------------------------------------- */

static void words_heading(ssmq_str *out, const char *id)
{
    ssmq_str_puts(out, " & ");
    put_tex(id, out);
    ssmq_str_puts(out, ", word & byte & bits per byte");
}

/* NaN: of float, or there is none. */
static double figure(const ssmq_comparison *c, int32_t run, int32_t column, int32_t k)
{
    if (strcmp(c->run[run]->summary.mode, "float") == 0) return (double)NAN;
    return ssmq_score_figure_of(ssmq_comparison_at(c, run, column)->score, SSMQ_SCORE_FIGURES_ALWAYS + k);
}

static const char **words_text(const ssmq_comparison *c, int32_t run, int32_t column, ssmq_arena *arena)
{
    const ssmq_evaluation_score *e = ssmq_comparison_at(c, run, column)->score;
    const char                 **text = SSMQ_ARENA_ARRAY(arena, const char *, SSMQ_TEXT_CELLS);
    ssmq_text_cells(e ? &e->score : NULL, arena, text);
    return text;
}

/* As mark_best() of comparison.c has it: of what is not float, and what reads the same is the lowest, too. */
static bool is_lowest(const ssmq_comparison *c, int32_t run, int32_t column, int32_t k, ssmq_arena *arena)
{
    const double mine = figure(c, run, column, k);
    if (isnan(mine)) return false;
    for (int32_t i = 0; i < c->n_run; i++)
        if (figure(c, i, column, k) < mine &&
            strcmp(words_text(c, i, column, arena)[k], words_text(c, run, column, arena)[k]) != 0)
            return false;
    return true;
}

static void words_cells(ssmq_str *out, const ssmq_comparison *c, int32_t run, int32_t column)
{
    ssmq_arena  *arena = ssmq_arena_new();
    const char **text = words_text(c, run, column, arena);
    for (int32_t k = 0; k < SSMQ_TEXT_CELLS; k += 2) {
        ssmq_str_printf(out, is_lowest(c, run, column, k, arena) ? " & \\textbf{%s}" : " & %s", text[k]);
        if (strcmp(text[k + 1], "-") != 0) ssmq_str_printf(out, " $\\pm$ %s", text[k + 1]);
    }
    ssmq_arena_free(arena);
}

static const table words = {
    "rrr", "Perplexity of a word and of a byte of the text", " $\\pm$: standard error over documents.",
    words_heading, words_cells, true};

/* ---- tables -------------------------------------------------------------------------------- */

static bool has(const ssmq_comparison *c, const table *t, int32_t column)
{
    return !t->words || ssmq_comparison_has_words(c, column);
}

static void put_changes(const ssmq_comparison *c, ssmq_str *out)
{
    if (!c->baseline) return;
    ssmq_str_puts(out, " $\\Delta$: change in per cent from ");
    put_tex(c->baseline, out);
    ssmq_str_printf(out, ", with its standard error, paired %s", ssmq_comparison_paired_by(c));
    if (ssmq_comparison_unpaired(c)) ssmq_str_puts(out, " (* of both runs together, where tokens differ)");
    ssmq_str_puts(out, ".");
    if (ssmq_comparison_noise(c)) ssmq_str_puts(out, " $\\sim$: no more than two standard errors.");
}

static void put_caption(const ssmq_comparison *c, const table *t, ssmq_str *out)
{
    const char *between = ": ";
    char        reset[SSMQ_RESET_TEXT];
    ssmq_str_printf(out, "  \\caption{%s", t->caption);
    for (int32_t k = 0; k < c->n_column; k++) {
        if (!has(c, t, k)) continue;
        ssmq_str_puts(out, between);
        put_tex(c->column[k]->id, out);
        ssmq_str_puts(out, ", dialect ");
        put_tex(c->column[k]->dialect, out);
        ssmq_str_printf(out, ", windows of %" PRId64 " tokens%s%s", c->column[k]->window,
                        ssmq_reset_text(c->column[k]->state_reset, reset), t->words ? "" : ssmq_comparison_unit(c->column[k]));
        between = "; ";
    }
    ssmq_str_puts(out, ".");
    if (t->note) ssmq_str_puts(out, t->note);
    else put_changes(c, out);
    ssmq_str_puts(out, " Lowest of the quantised runs in bold.}\n");
}

static void put_cells(const ssmq_comparison *c, const table *t, int32_t run, int32_t column, ssmq_str *out)
{
    const ssmq_comparison_cell *cell = ssmq_comparison_at(c, run, column);
    const char                 *status = c->run[run]->summary.status;
    const size_t                n = strlen(t->columns);
    if (cell->score) t->cells(out, c, run, column);
    else if (strcmp(status, "done") != 0) ssmq_str_printf(out, " & \\multicolumn{%zu}{c}{%s}", n, status);
    else
        for (size_t i = 0; i < n; i++) ssmq_str_puts(out, " & --");
}

static void put_row(const ssmq_comparison *c, const table *t, int32_t run, ssmq_str *out)
{
    ssmq_str_puts(out, "    ");
    put_tex(c->title[run], out);
    for (int32_t a = 0; a < c->n_axis; a++) {
        const char *label = c->value[run * c->n_axis + a].label;
        ssmq_str_puts(out, " & ");
        put_tex(label ? label : "--", out);
    }
    for (int32_t k = 0; k < c->n_column; k++)
        if (has(c, t, k)) put_cells(c, t, run, k, out);
    ssmq_str_puts(out, " \\\\\n");
}

/* What others are held against first, under it a rule. */
static void put_rows(const ssmq_comparison *c, const table *t, ssmq_str *out)
{
    bool rule = false;
    for (int pass = 0; pass < 2; pass++)
        for (int32_t i = 0; i < c->n_run; i++) {
            if ((c->against[i] < 0) != (pass == 0)) continue;
            if (pass == 1 && rule) ssmq_str_puts(out, "    \\midrule\n");
            rule = pass == 0;
            put_row(c, t, i, out);
        }
}

/* Are the values of an axis numbers? */
static bool is_number(const ssmq_comparison *c, int32_t axis)
{
    bool all = true;
    for (int32_t i = 0; i < c->n_run; i++) {
        const ssmq_axis_value *v = &c->value[i * c->n_axis + axis];
        all = all && (!v->label || (!v->flag && !isnan(v->number)));
    }
    return all;
}

static void put_table(const ssmq_comparison *c, const table *t, ssmq_str *out)
{
    ssmq_str_puts(out, "\\begin{table} % \\usepackage{booktabs}\n  \\centering\n");
    if (c->left_out) ssmq_str_printf(out, "  %% left out: %s\n", c->left_out);
    put_caption(c, t, out);
    ssmq_str_puts(out, "  \\begin{tabular}{l");
    for (int32_t a = 0; a < c->n_axis; a++) ssmq_str_puts(out, is_number(c, a) ? "r" : "l");
    for (int32_t k = 0; k < c->n_column; k++) ssmq_str_puts(out, has(c, t, k) ? t->columns : "");
    ssmq_str_puts(out, "}\n    \\toprule\n    run");
    for (int32_t a = 0; a < c->n_axis; a++) {
        ssmq_str_puts(out, " & ");
        put_tex(c->axis[a], out);
    }
    for (int32_t k = 0; k < c->n_column; k++)
        if (has(c, t, k)) t->heading(out, c->column[k]->id);
    ssmq_str_puts(out, " \\\\\n    \\midrule\n");
    put_rows(c, t, out);
    ssmq_str_puts(out, "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n");
}

void ssmq_comparison_latex(const ssmq_comparison *c, ssmq_str *out)
{
    put_table(c, &changes, out);
    if (ssmq_word_columns(c) == 0) return;
    ssmq_str_puts(out, "\n");
    put_table(c, &words, out);
}
