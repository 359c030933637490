/* Comparisons for programs. */
#include <inttypes.h>
#include <math.h>
#include "analysis/comparison.h"
#include "harness/store/score_figures.h"

/* The figures of an evaluation that both forms have. */
static const char *const figures[] = {"ppl",         "ppl_se",           "nll",           "kl_mean",
                                      "kl_se",       "top1",             "word_ppl",      "word_ppl_se",
                                      "byte_ppl",    "byte_ppl_se",      "bits_per_byte", "bits_per_byte_se"};
#define N_FIGURES (sizeof figures / sizeof *figures)

/* Those of words and bytes come last, and only where some evaluation has them. */
static size_t figures_of(const ssmq_comparison *c)
{
    return ssmq_word_columns(c) > 0 ? N_FIGURES : N_FIGURES - SSMQ_SCORE_FIGURES_TEXT;
}

static double figure_of(const ssmq_comparison_cell *cell, size_t i)
{
    return ssmq_score_figure_of(cell->score, ssmq_score_figure_find(figures[i]));
}

static const char *against_of(const ssmq_comparison *c, int32_t run)
{
    return c->against[run] >= 0 ? c->run[c->against[run]]->summary.id : NULL;
}

static void csv_cell(const char *text, ssmq_str *out)
{
    ssmq_str_csv(out, text ? text : "");
    ssmq_str_puts(out, ",");
}

/* What is not known is empty. */
static void csv_real(double value, ssmq_str *out)
{
    char text[SSMQ_REAL_TEXT];
    ssmq_real_text(value, text);
    csv_cell(isnan(value) ? "" : text, out);
}

static void csv_row(const ssmq_comparison *c, int32_t run, int32_t column, ssmq_str *out)
{
    const ssmq_summary          *s = &c->run[run]->summary;
    const ssmq_comparison_cell  *cell = ssmq_comparison_at(c, run, column);
    const ssmq_evaluation_score *e = c->column[column];
    const char *const            text[] = {c->label[run], s->id, s->mode, s->recipe, s->status};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) csv_cell(text[i], out);
    for (int32_t a = 0; a < c->n_axis; a++) csv_cell(c->value[run * c->n_axis + a].label, out);
    csv_cell(e->id, out);
    csv_cell(e->dialect, out);
    ssmq_str_printf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",", e->window,
                    cell->score ? cell->score->score.windows : 0,
                    cell->score ? cell->score->score.tokens : 0);
    for (size_t i = 0; i < figures_of(c); i++) csv_real(figure_of(cell, i), out);
    csv_cell(against_of(c, run), out);
    csv_real(ssmq_cell_change(cell), out);
    csv_real(ssmq_cell_change_se(cell), out);
    if (!cell->compared) ssmq_str_puts(out, ",\n");
    else ssmq_str_printf(out, "%s,%s\n", cell->paired ? "true" : "false", cell->noise ? "true" : "false");
}

void ssmq_comparison_csv(const ssmq_comparison *c, ssmq_str *out)
{
    ssmq_str_puts(out, "run,id,mode,recipe,status,");
    for (int32_t a = 0; a < c->n_axis; a++) csv_cell(c->axis[a], out);
    ssmq_str_puts(out, "evaluation,dialect,window,windows,tokens,");
    for (size_t i = 0; i < figures_of(c); i++) csv_cell(figures[i], out);
    ssmq_str_puts(out, "against,change_percent,change_se_percent,paired,noise\n");
    for (int32_t i = 0; i < c->n_run; i++)
        for (int32_t k = 0; k < c->n_column; k++) csv_row(c, i, k, out);
}

static void json_cell(ssmq_json_writer *w, const ssmq_comparison *c, int32_t run, int32_t column)
{
    const ssmq_comparison_cell *cell = ssmq_comparison_at(c, run, column);
    ssmq_json_begin_object(w, c->column[column]->id);
    if (cell->score) {
        for (size_t i = 0; i < N_FIGURES; i++)
            if (i < 3 || !isnan(figure_of(cell, i))) ssmq_summary_put_real(w, figures[i], figure_of(cell, i));
        ssmq_json_put_int(w, "windows", cell->score->score.windows);
        ssmq_json_put_int(w, "tokens", cell->score->score.tokens);
        ssmq_json_put_bool(w, "best", cell->best);
    }
    if (cell->compared) {
        ssmq_summary_put_real(w, "change_percent", ssmq_cell_change(cell));
        ssmq_summary_put_real(w, "change_se_percent", ssmq_cell_change_se(cell));
        ssmq_json_put_bool(w, "paired", cell->paired);
        ssmq_json_put_bool(w, "noise", cell->noise);
    }
    ssmq_json_end_object(w);
}

static void json_run(ssmq_json_writer *w, const ssmq_comparison *c, int32_t run)
{
    const ssmq_summary *s = &c->run[run]->summary;
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "name", c->label[run]);
    ssmq_json_put_text(w, "id", s->id);
    ssmq_json_put_text(w, "mode", s->mode);
    ssmq_json_put_text(w, "recipe", s->recipe);
    ssmq_json_put_text(w, "status", s->status);
    ssmq_json_put_text(w, "directory", c->run[run]->path);
    ssmq_json_put_text(w, "against", against_of(c, run));
    ssmq_json_begin_object(w, "axes");
    for (int32_t a = 0; a < c->n_axis; a++)
        ssmq_axis_value_put(w, c->axis[a], &c->value[run * c->n_axis + a]);
    ssmq_json_end_object(w);
    ssmq_json_begin_object(w, "evaluations");
    for (int32_t k = 0; k < c->n_column; k++) json_cell(w, c, run, k);
    ssmq_json_end_object(w);
    ssmq_json_end_object(w);
}

void ssmq_comparison_json(const ssmq_comparison *c, ssmq_str *out)
{
    ssmq_json_writer w = {.out = out};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_text(&w, "baseline", c->baseline);
    ssmq_json_put_text(&w, "left_out", c->left_out);
    ssmq_json_begin_array(&w, "evaluations");
    for (int32_t k = 0; k < c->n_column; k++) {
        ssmq_json_begin_object(&w, NULL);
        ssmq_json_put_text(&w, "id", c->column[k]->id);
        ssmq_json_put_text(&w, "dialect", c->column[k]->dialect);
        ssmq_json_put_int(&w, "window", c->column[k]->window);
        if (c->column[k]->state_reset > 0) ssmq_json_put_int(&w, "state_reset", c->column[k]->state_reset);
        ssmq_json_end_object(&w);
    }
    ssmq_json_end_array(&w);
    ssmq_json_begin_array(&w, "runs");
    for (int32_t i = 0; i < c->n_run; i++) json_run(&w, c, i);
    ssmq_json_end_array(&w);
    ssmq_json_end_object(&w);
}
