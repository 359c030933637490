/* Comparisons for people and for programs. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/table.h"
#include "analysis/comparison.h"
#include "harness/store/score_figures.h"

#define NUMBER_TEXT 40
#define COLUMNS_EACH 4 /* of an evaluation: ppl, se, change, se */

static const ssmq_comparison_cell *cell_of(const ssmq_comparison *c, int32_t run, int32_t column)
{
    return &c->cell[run * c->n_column + column];
}

static void change_text(double value, bool sign, char text[NUMBER_TEXT])
{
    if (isnan(value)) strcpy(text, "-");
    else snprintf(text, NUMBER_TEXT, sign ? "%+.2f" : "%.2f", value);
}

/* The four figures of a cell as texts. */
static void cell_texts(const ssmq_comparison_cell *cell, char text[COLUMNS_EACH][NUMBER_TEXT])
{
    for (int i = 0; i < COLUMNS_EACH; i++) strcpy(text[i], "-");
    if (!cell->score) return;
    ssmq_ppl_text(cell->score->score.ppl, text[0]);
    ssmq_ppl_text(cell->score->score.ppl_se, text[1]);
    change_text(ssmq_cell_change(cell), true, text[2]);
    change_text(ssmq_cell_change_se(cell), false, text[3]);
    if (cell->compared && !cell->paired) strcat(text[3], "*");
}

static bool any_unpaired(const ssmq_comparison *c)
{
    for (int32_t i = 0; i < c->n_run * c->n_column; i++)
        if (c->cell[i].compared && !c->cell[i].paired) return true;
    return false;
}

/* What the columns are, and what the distances are from. */
static void put_notes(const ssmq_comparison *c, const char *before, ssmq_str *out)
{
    for (int32_t k = 0; k < c->n_column; k++)
        ssmq_str_printf(out, "%s%s: dialect %s, windows of %" PRId64 " tokens\n", k ? "" : before,
                        c->column[k]->id, c->column[k]->dialect, c->column[k]->window);
    if (c->baseline >= 0)
        ssmq_str_printf(out, "change in per cent from %s, standard errors paired by window\n",
                        c->label[c->baseline]);
    if (any_unpaired(c)) ssmq_str_puts(out, "*: not over the same tokens: the standard errors of both runs together\n");
}

/* ---- tables for people ----------------------------------------------------------------- */

static const char **heading_of(const ssmq_comparison *c, ssmq_arena *arena)
{
    const char **heading = SSMQ_ARENA_ARRAY(arena, const char *, 2 + COLUMNS_EACH * c->n_column);
    heading[0] = "run";
    heading[1] = "status";
    for (int32_t k = 0; k < c->n_column; k++) {
        const char **h = heading + 2 + COLUMNS_EACH * k;
        h[0] = ssmq_arena_printf(arena, "%s ppl", c->column[k]->id);
        h[1] = h[3] = "se";
        h[2] = "change, %";
    }
    return heading;
}

static const char **row_of(const ssmq_comparison *c, int32_t run, ssmq_arena *arena)
{
    const char **row = SSMQ_ARENA_ARRAY(arena, const char *, 2 + COLUMNS_EACH * c->n_column);
    char         text[COLUMNS_EACH][NUMBER_TEXT];
    row[0] = c->label[run];
    row[1] = c->run[run]->summary.status;
    for (int32_t k = 0; k < c->n_column; k++) {
        cell_texts(cell_of(c, run, k), text);
        for (int i = 0; i < COLUMNS_EACH; i++)
            row[2 + COLUMNS_EACH * k + i] = ssmq_arena_strdup(arena, text[i]);
    }
    return row;
}

void ssmq_comparison_text(const ssmq_comparison *c, ssmq_str *out)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_table *t = ssmq_table_new(2 + COLUMNS_EACH * c->n_column, heading_of(c, arena));
    for (int32_t i = 0; i < c->n_run; i++) ssmq_table_row(t, row_of(c, i, arena));
    ssmq_table_print(t, out);
    put_notes(c, "\n", out);
    ssmq_table_free(t);
    ssmq_arena_free(arena);
}

static void markdown_row(const char *const *cell, int32_t n, ssmq_str *out)
{
    for (int32_t i = 0; i < n; i++) {
        ssmq_str_puts(out, "| ");
        for (const char *p = cell[i]; *p; p++) ssmq_str_printf(out, "%s%c", *p == '|' ? "\\" : "", *p);
        ssmq_str_puts(out, " ");
    }
    ssmq_str_puts(out, "|\n");
}

void ssmq_comparison_markdown(const ssmq_comparison *c, ssmq_str *out)
{
    ssmq_arena   *arena = ssmq_arena_new();
    const int32_t n = 2 + COLUMNS_EACH * c->n_column;
    markdown_row(heading_of(c, arena), n, out);
    ssmq_str_puts(out, "|---|---|");
    for (int32_t i = 2; i < n; i++) ssmq_str_puts(out, "---:|");
    ssmq_str_puts(out, "\n");
    for (int32_t i = 0; i < c->n_run; i++) markdown_row(row_of(c, i, arena), n, out);
    put_notes(c, "\n", out);
    ssmq_arena_free(arena);
}

/* ---- LaTeX ----------------------------------------------------------------------------- */

static void put_tex(const char *text, ssmq_str *out)
{
    for (; *text; text++) {
        if (*text == '\\') ssmq_str_puts(out, "\\textbackslash{}");
        else if (*text == '~') ssmq_str_puts(out, "\\textasciitilde{}");
        else if (*text == '^') ssmq_str_puts(out, "\\textasciicircum{}");
        else ssmq_str_printf(out, "%s%c", strchr("&%$#_{}", *text) ? "\\" : "", *text);
    }
}

/* Of the runs but the baseline, the one with the lowest perplexity; -1: there is none. */
static int32_t best_of(const ssmq_comparison *c, int32_t column)
{
    int32_t best = -1;
    for (int32_t i = 0; i < c->n_run; i++) {
        const ssmq_comparison_cell *cell = cell_of(c, i, column);
        if (i == c->baseline || !cell->score || isnan(cell->score->score.ppl)) continue;
        if (best < 0 || cell->score->score.ppl < cell_of(c, best, column)->score->score.ppl) best = i;
    }
    return best;
}

static void put_tex_cell(const ssmq_comparison *c, int32_t run, int32_t column, ssmq_str *out)
{
    const bool bold = best_of(c, column) == run;
    char       text[COLUMNS_EACH][NUMBER_TEXT];
    cell_texts(cell_of(c, run, column), text);
    if (strcmp(text[0], "-") == 0) {
        ssmq_str_puts(out, " & -- & --");
        return;
    }
    ssmq_str_printf(out, bold ? " & \\textbf{%s}" : " & %s", text[0]);
    if (strcmp(text[2], "-") == 0) ssmq_str_puts(out, " & --");
    else ssmq_str_printf(out, " & $%s \\pm %s$", text[2], text[3]);
}

static void put_tex_caption(const ssmq_comparison *c, ssmq_str *out)
{
    ssmq_str_puts(out, "  \\caption{Perplexity");
    for (int32_t k = 0; k < c->n_column; k++) {
        ssmq_str_puts(out, k ? "; " : ": ");
        put_tex(c->column[k]->id, out);
        ssmq_str_puts(out, ", dialect ");
        put_tex(c->column[k]->dialect, out);
        ssmq_str_printf(out, ", windows of %" PRId64 " tokens", c->column[k]->window);
    }
    ssmq_str_puts(out, ".");
    if (c->baseline >= 0) {
        ssmq_str_puts(out, " $\\Delta$: change from ");
        put_tex(c->label[c->baseline], out);
        ssmq_str_puts(out, " in per cent, with its standard error, paired by window");
        if (any_unpaired(c)) ssmq_str_puts(out, " (* of both runs together, where tokens differ)");
        ssmq_str_puts(out, ".");
    }
    ssmq_str_puts(out, " Lowest in bold.}\n");
}

/* The baseline first, under it a rule. */
static void put_tex_rows(const ssmq_comparison *c, ssmq_str *out)
{
    for (int pass = c->baseline >= 0 ? 0 : 1; pass < 2; pass++)
        for (int32_t i = 0; i < c->n_run; i++) {
            if ((i == c->baseline) != (pass == 0)) continue;
            ssmq_str_puts(out, "    ");
            put_tex(c->label[i], out);
            for (int32_t k = 0; k < c->n_column; k++) put_tex_cell(c, i, k, out);
            ssmq_str_puts(out, pass == 0 ? " \\\\\n    \\midrule\n" : " \\\\\n");
        }
}

void ssmq_comparison_latex(const ssmq_comparison *c, ssmq_str *out)
{
    ssmq_str_puts(out, "\\begin{table} % \\usepackage{booktabs}\n  \\centering\n");
    put_tex_caption(c, out);
    ssmq_str_puts(out, "  \\begin{tabular}{l");
    for (int32_t k = 0; k < c->n_column; k++) ssmq_str_puts(out, "rr");
    ssmq_str_puts(out, "}\n    \\toprule\n    run");
    for (int32_t k = 0; k < c->n_column; k++) {
        ssmq_str_puts(out, " & ");
        put_tex(c->column[k]->id, out);
        ssmq_str_puts(out, " & $\\Delta$, \\%");
    }
    ssmq_str_puts(out, " \\\\\n    \\midrule\n");
    put_tex_rows(c, out);
    ssmq_str_puts(out, "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n");
}

/* ---- for programs ---------------------------------------------------------------------- */

static void csv_text(const char *text, ssmq_str *out)
{
    if (!text) return;
    if (!strpbrk(text, ",\"\n\r")) {
        ssmq_str_puts(out, text);
        return;
    }
    ssmq_str_puts(out, "\"");
    for (; *text; text++) ssmq_str_printf(out, "%s%c", *text == '"' ? "\"" : "", *text);
    ssmq_str_puts(out, "\"");
}

/* What is not known is empty. */
static void csv_real(double value, ssmq_str *out)
{
    char text[SSMQ_REAL_TEXT];
    ssmq_real_text(value, text);
    ssmq_str_printf(out, ",%s", isnan(value) ? "" : text);
}

void ssmq_comparison_csv(const ssmq_comparison *c, ssmq_str *out)
{
    ssmq_str_puts(out, "run,id,mode,recipe,status,evaluation,dialect,window,windows,tokens,ppl,ppl_se,nll,"
                       "change_percent,change_se_percent,paired\n");
    for (int32_t i = 0; i < c->n_run; i++)
        for (int32_t k = 0; k < c->n_column; k++) {
            const ssmq_summary *s = &c->run[i]->summary;
            const ssmq_comparison_cell    *cell = cell_of(c, i, k);
            const ssmq_score    none = {.ppl = (double)NAN, .ppl_se = (double)NAN, .nll = (double)NAN};
            const ssmq_score   *score = cell->score ? &cell->score->score : &none;
            const char *const   text[] = {c->label[i], s->id, s->mode, s->recipe, s->status, c->column[k]->id,
                                          c->column[k]->dialect};
            for (size_t t = 0; t < sizeof text / sizeof *text; t++) {
                if (t) ssmq_str_puts(out, ",");
                csv_text(text[t], out);
            }
            ssmq_str_printf(out, ",%" PRId64 ",%" PRId64 ",%" PRId64, c->column[k]->window, score->windows,
                            score->tokens);
            csv_real(score->ppl, out);
            csv_real(score->ppl_se, out);
            csv_real(score->nll, out);
            csv_real(ssmq_cell_change(cell), out);
            csv_real(ssmq_cell_change_se(cell), out);
            ssmq_str_puts(out, !cell->compared ? ",\n" : cell->paired ? ",true\n" : ",false\n");
        }
}

static void json_cell(ssmq_json_writer *w, const ssmq_comparison *c, int32_t run, int32_t column)
{
    const ssmq_comparison_cell *cell = cell_of(c, run, column);
    ssmq_json_begin_object(w, c->column[column]->id);
    if (cell->score) {
        ssmq_summary_put_real(w, "ppl", cell->score->score.ppl);
        ssmq_summary_put_real(w, "ppl_se", cell->score->score.ppl_se);
        ssmq_summary_put_real(w, "nll", cell->score->score.nll);
        ssmq_json_put_int(w, "windows", cell->score->score.windows);
        ssmq_json_put_int(w, "tokens", cell->score->score.tokens);
    }
    if (cell->compared) {
        ssmq_summary_put_real(w, "change_percent", ssmq_cell_change(cell));
        ssmq_summary_put_real(w, "change_se_percent", ssmq_cell_change_se(cell));
        ssmq_json_put_bool(w, "paired", cell->paired);
    }
    ssmq_json_end_object(w);
}

void ssmq_comparison_json(const ssmq_comparison *c, ssmq_str *out)
{
    ssmq_json_writer w = {.out = out};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_text(&w, "baseline", c->baseline >= 0 ? c->label[c->baseline] : NULL);
    ssmq_json_begin_array(&w, "evaluations");
    for (int32_t k = 0; k < c->n_column; k++) {
        ssmq_json_begin_object(&w, NULL);
        ssmq_json_put_text(&w, "id", c->column[k]->id);
        ssmq_json_put_text(&w, "dialect", c->column[k]->dialect);
        ssmq_json_put_int(&w, "window", c->column[k]->window);
        ssmq_json_end_object(&w);
    }
    ssmq_json_end_array(&w);
    ssmq_json_begin_array(&w, "runs");
    for (int32_t i = 0; i < c->n_run; i++) {
        const ssmq_summary *s = &c->run[i]->summary;
        ssmq_json_begin_object(&w, NULL);
        ssmq_json_put_text(&w, "name", c->label[i]);
        ssmq_json_put_text(&w, "id", s->id);
        ssmq_json_put_text(&w, "mode", s->mode);
        ssmq_json_put_text(&w, "recipe", s->recipe);
        ssmq_json_put_text(&w, "status", s->status);
        ssmq_json_put_text(&w, "directory", c->run[i]->path);
        ssmq_json_begin_object(&w, "evaluations");
        for (int32_t k = 0; k < c->n_column; k++) json_cell(&w, c, i, k);
        ssmq_json_end_object(&w);
        ssmq_json_end_object(&w);
    }
    ssmq_json_end_array(&w);
    ssmq_json_end_object(&w);
}
