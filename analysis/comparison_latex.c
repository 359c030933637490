/* Comparisons as a table of a paper. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "analysis/comparison.h"

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

static void put_cell(const ssmq_comparison *c, int32_t run, int32_t column, ssmq_str *out)
{
    const ssmq_comparison_cell *cell = ssmq_comparison_at(c, run, column);
    const char                 *status = c->run[run]->summary.status;
    char                        text[SSMQ_CELL_TEXTS][SSMQ_CELL_TEXT];
    ssmq_cell_texts(cell, text);
    if (!cell->score) {
        if (strcmp(status, "done") == 0) ssmq_str_puts(out, " & -- & --");
        else ssmq_str_printf(out, " & \\multicolumn{2}{c}{%s}", status);
        return;
    }
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

static void put_caption(const ssmq_comparison *c, ssmq_str *out)
{
    ssmq_str_puts(out, "  \\caption{Perplexity");
    for (int32_t k = 0; k < c->n_column; k++) {
        ssmq_str_puts(out, k ? "; " : ": ");
        put_tex(c->column[k]->id, out);
        ssmq_str_puts(out, ", dialect ");
        put_tex(c->column[k]->dialect, out);
        ssmq_str_printf(out, ", windows of %" PRId64 " tokens%s", c->column[k]->window,
                        ssmq_comparison_unit(c->column[k]));
    }
    ssmq_str_puts(out, ".");
    if (c->baseline) {
        ssmq_str_puts(out, " $\\Delta$: change in per cent from ");
        put_tex(c->baseline, out);
        ssmq_str_printf(out, ", with its standard error, paired %s", ssmq_comparison_paired_by(c));
        if (ssmq_comparison_unpaired(c))
            ssmq_str_puts(out, " (* of both runs together, where tokens differ)");
        ssmq_str_puts(out, ".");
        if (ssmq_comparison_noise(c))
            ssmq_str_puts(out, " $\\sim$: no more than two standard errors.");
    }
    ssmq_str_puts(out, " Lowest of the quantised runs in bold.}\n");
}

static void put_row(const ssmq_comparison *c, int32_t run, ssmq_str *out)
{
    ssmq_str_puts(out, "    ");
    put_tex(c->title[run], out);
    for (int32_t a = 0; a < c->n_axis; a++) {
        const char *label = c->value[run * c->n_axis + a].label;
        ssmq_str_puts(out, " & ");
        put_tex(label ? label : "--", out);
    }
    for (int32_t k = 0; k < c->n_column; k++) put_cell(c, run, k, out);
    ssmq_str_puts(out, " \\\\\n");
}

/* What others are held against first, under it a rule. */
static void put_rows(const ssmq_comparison *c, ssmq_str *out)
{
    bool rule = false;
    for (int pass = 0; pass < 2; pass++)
        for (int32_t i = 0; i < c->n_run; i++) {
            if ((c->against[i] < 0) != (pass == 0)) continue;
            if (pass == 1 && rule) ssmq_str_puts(out, "    \\midrule\n");
            rule = pass == 0;
            put_row(c, i, out);
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

void ssmq_comparison_latex(const ssmq_comparison *c, ssmq_str *out)
{
    ssmq_str_puts(out, "\\begin{table} % \\usepackage{booktabs}\n  \\centering\n");
    if (c->left_out) ssmq_str_printf(out, "  %% left out: %s\n", c->left_out);
    put_caption(c, out);
    ssmq_str_puts(out, "  \\begin{tabular}{l");
    for (int32_t a = 0; a < c->n_axis; a++) ssmq_str_puts(out, is_number(c, a) ? "r" : "l");
    for (int32_t k = 0; k < c->n_column; k++) ssmq_str_puts(out, "rr");
    ssmq_str_puts(out, "}\n    \\toprule\n    run");
    for (int32_t a = 0; a < c->n_axis; a++) {
        ssmq_str_puts(out, " & ");
        put_tex(c->axis[a], out);
    }
    for (int32_t k = 0; k < c->n_column; k++) {
        ssmq_str_puts(out, " & ");
        put_tex(c->column[k]->id, out);
        ssmq_str_puts(out, " & $\\Delta$, \\%");
    }
    ssmq_str_puts(out, " \\\\\n    \\midrule\n");
    put_rows(c, out);
    ssmq_str_puts(out, "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n");
}
