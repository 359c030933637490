/* What the runs of a report came to. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "analysis/html.h"
#include "analysis/report_parts.h"
#include "harness/store/rank.h"
#include "harness/store/score_figures.h"

#define EACH 3 /* columns of an evaluation: perplexity, its error, change */

static const char *number(ssmq_arena *arena, const char *format, double value)
    __attribute__((format(printf, 2, 0)));
static const char *number(ssmq_arena *arena, const char *format, double value)
{
    return isnan(value) ? "-" : ssmq_arena_printf(arena, format, value);
}

/* ---- the table -------------------------------------------------------------------------- */

/* "3.83 ± 0.71"; the marks of ssmq_cell_texts behind. */
static const char *change_of(const ssmq_comparison_cell *cell, ssmq_arena *arena)
{
    char text[SSMQ_CELL_TEXTS][SSMQ_CELL_TEXT];
    ssmq_cell_texts(cell, text);
    if (!cell->compared || strcmp(text[3], "-") == 0) return ssmq_arena_strdup(arena, text[2]);
    return ssmq_arena_printf(arena, "%.*s ± %s%s", (int)strcspn(text[2], "~"), text[2], text[3],
                             cell->noise ? "~" : "");
}

static void put_row(const ssmq_report_subject *s, int32_t run, int32_t n, ssmq_str *out)
{
    const ssmq_comparison *c = s->table;
    const char           **cell = SSMQ_ARENA_ARRAY(s->arena, const char *, n);
    int32_t                best = -1, at = 0;
    cell[at++] = c->title[run];
    for (int32_t a = 0; a < c->n_axis; a++) {
        const char *label = c->value[run * c->n_axis + a].label;
        cell[at++] = label ? label : "-";
    }
    cell[at++] = c->run[run]->summary.status;
    for (int32_t k = 0; k < c->n_column; k++) {
        const ssmq_comparison_cell *one = ssmq_comparison_at(c, run, k);
        char                        text[SSMQ_CELL_TEXTS][SSMQ_CELL_TEXT];
        ssmq_cell_texts(one, text);
        if (one->best && best < 0) best = at;
        cell[at++] = ssmq_arena_strdup(s->arena, text[0]);
        cell[at++] = ssmq_arena_strdup(s->arena, text[1]);
        cell[at++] = change_of(one, s->arena);
    }
    ssmq_html_row(out, cell, n, best);
}

/* Of dialect lm-eval. */
static void put_words(const ssmq_report_subject *s, ssmq_str *out)
{
    const int32_t n = ssmq_word_columns(s->table);
    if (n == 0) return;
    const char **heading = ssmq_word_heading(s->table, s->arena);
    for (int32_t i = 1; i < n; i++) heading[i] = ssmq_arena_printf(s->arena, ">%s", heading[i]);
    ssmq_html_table_begin(out, "Perplexity of a word and of a byte", heading, n);
    for (int32_t i = 0; i < s->table->n_run; i++)
        ssmq_html_row(out, ssmq_word_row(s->table, i, s->arena), n, -1);
    ssmq_html_table_end(out);
}

static void put_table(const ssmq_report_subject *s, ssmq_str *out)
{
    const ssmq_comparison *c = s->table;
    const int32_t          n = 2 + c->n_axis + EACH * c->n_column;
    const char           **heading = SSMQ_ARENA_ARRAY(s->arena, const char *, n);
    heading[0] = "run";
    for (int32_t a = 0; a < c->n_axis; a++) heading[1 + a] = c->axis[a];
    heading[1 + c->n_axis] = "status";
    for (int32_t k = 0; k < c->n_column; k++) {
        const char **h = heading + 2 + c->n_axis + EACH * k;
        h[0] = ssmq_arena_printf(s->arena, ">%s ppl", c->column[k]->id);
        h[1] = ">se";
        h[2] = ">change, %";
    }
    ssmq_html_table_begin(out, "Perplexity of each run", heading, n);
    for (int32_t i = 0; i < c->n_run; i++) put_row(s, i, n, out);
    ssmq_html_table_end(out);
    put_words(s, out);
    for (int32_t k = 0; k < c->n_column; k++) {
        char reset[SSMQ_RESET_TEXT];
        ssmq_str_puts(out, "<p class=\"note\">");
        ssmq_html_printf(out, "%s: dialect %s, windows of %" PRId64 " tokens%s%s", c->column[k]->id,
                         c->column[k]->dialect, c->column[k]->window, ssmq_reset_text(c->column[k]->state_reset, reset),
                         ssmq_comparison_unit(c->column[k]));
        ssmq_str_puts(out, "</p>\n");
    }
    ssmq_str_puts(out, "<p class=\"note\">");
    if (c->baseline)
        ssmq_html_printf(out, "Change: from %s, with its standard error, paired %s%s. ", c->baseline,
                         ssmq_comparison_paired_by(c),
                         ssmq_comparison_unpaired(c) ? " (*: of both runs together, where tokens differ)"
                                                     : "");
    if (ssmq_comparison_noise(c))
        ssmq_str_puts(out, "~: no more than two standard errors, which may be chance. ");
    ssmq_str_puts(out, "Lowest of the quantised runs in bold.</p>\n");
    if (!c->left_out) return;
    ssmq_str_puts(out, "<p class=\"note\">Left out: ");
    ssmq_html_text(out, c->left_out);
    ssmq_str_puts(out, ".</p>\n");
}

/* ---- subsets ------------------------------------------------------------------------------- */

/* The run that says which subsets an evaluation has; NULL: it has none. */
static const ssmq_evaluation_score *with_subsets(const ssmq_comparison *c, int32_t column)
{
    for (int32_t i = 0; i < c->n_run; i++) {
        const ssmq_evaluation_score *e = ssmq_comparison_at(c, i, column)->score;
        if (e && e->n_subset > 0) return e;
    }
    return NULL;
}

/* "-" where the run has no such subset. */
static const char *ppl_of_subset(const ssmq_evaluation_score *e, const char *name, ssmq_arena *arena)
{
    char text[SSMQ_PPL_TEXT];
    for (int32_t k = 0; e && k < e->n_subset; k++) {
        if (strcmp(e->subset[k].name, name) != 0) continue;
        ssmq_ppl_text(e->subset[k].score.ppl, text);
        return ssmq_arena_strdup(arena, text);
    }
    return "-";
}

/* A row for each run, a column for each subset. */
static void put_subsets(const ssmq_report_subject *s, int32_t column, ssmq_str *out)
{
    const ssmq_comparison       *c = s->table;
    const ssmq_evaluation_score *first = with_subsets(c, column);
    if (!first) return;
    const int32_t n = first->n_subset;
    const char  **cell = SSMQ_ARENA_ARRAY(s->arena, const char *, n + 1);
    const char   *caption = ssmq_arena_printf(s->arena, "Perplexity of %s by subset", first->id);
    cell[0] = "run";
    for (int32_t k = 0; k < n; k++)
        cell[1 + k] = ssmq_arena_printf(s->arena, ">%s (%" PRId64 ")", first->subset[k].name, first->subset[k].score.windows);
    ssmq_html_fold_begin(out, caption);
    ssmq_html_table_begin(out, ssmq_arena_printf(s->arena, "%s (and of how many windows)", caption), cell, n + 1);
    for (int32_t i = 0; i < c->n_run; i++) {
        const ssmq_evaluation_score *e = ssmq_comparison_at(c, i, column)->score;
        if (!e) continue;
        cell[0] = c->label[i];
        for (int32_t k = 0; k < n; k++) cell[1 + k] = ppl_of_subset(e, first->subset[k].name, s->arena);
        ssmq_html_row(out, cell, n + 1, -1);
    }
    ssmq_html_table_end(out);
    ssmq_html_fold_end(out);
}

/* ---- long tables ---------------------------------------------------------------------------- */

#define ROWS_OPEN 12

static void begin_long(const ssmq_report_subject *s, const char *caption, const char *const *heading,
                       int32_t n, ssmq_str *out)
{
    if (s->table->n_run > ROWS_OPEN) ssmq_html_fold_begin(out, caption);
    ssmq_html_table_begin(out, caption, heading, n);
}

static void end_long(const ssmq_report_subject *s, ssmq_str *out)
{
    ssmq_html_table_end(out);
    if (s->table->n_run > ROWS_OPEN) ssmq_html_fold_end(out);
}

/* ---- paired with float -------------------------------------------------------------------- */

static void put_paired(const ssmq_report_subject *s, ssmq_str *out)
{
    static const char *const heading[] = {"run",       "evaluation",    ">KL, nat", ">se",
                                          ">top-1, %", ">delta ln ppl", ">se"};
    bool                     any = false;
    for (int32_t i = 0; i < s->table->n_run; i++)
        for (int32_t k = 0; k < s->table->run[i]->summary.n_evaluation; k++) {
            const ssmq_evaluation_score *e = &s->table->run[i]->summary.evaluation[k];
            const double                 kl = ssmq_score_figure_of(e, ssmq_score_figure_find("kl_mean"));
            const double                 top = ssmq_score_figure_of(e, ssmq_score_figure_find("top1"));
            if (!e->compare.against) continue;
            if (!any) begin_long(s, "Against float, over the same tokens", heading, 7, out);
            any = true;
            ssmq_html_row(out,
                          (const char *[]){s->table->label[i], e->id, number(s->arena, "%.4g", kl),
                                           isnan(kl) ? "-" : number(s->arena, "%.2g", e->compare.kl_se),
                                           number(s->arena, "%.2f", 100 * top),
                                           number(s->arena, "%+.5f", e->compare.ln_ratio),
                                           number(s->arena, "%.5f", e->compare.ln_ratio_se)},
                          7, -1);
        }
    if (any) end_long(s, out);
}

/* ---- which runs differ -------------------------------------------------------------------- */

static void put_ranking_of(const ssmq_report_subject *s, const char *evaluation, ssmq_str *out)
{
    static const char *const heading[] = {"run", ">log-perplexity above the best", ">se", ""};
    const ssmq_comparison   *c = s->table;
    ssmq_finished_run       *run = SSMQ_ARENA_ARRAY(s->arena, ssmq_finished_run, c->n_run + 1);
    for (int32_t i = 0; i < c->n_run; i++) run[i] = (ssmq_finished_run){&c->run[i]->summary, c->run[i]->path};
    const ssmq_ranking r = ssmq_rank(run, c->n_run, evaluation, s->arena);
    if (!r.best) return;
    begin_long(s,
               ssmq_arena_printf(s->arena, "%s: the lowest log-perplexity is that of %s", evaluation, r.best),
               heading, 4, out);
    for (int32_t i = 0; i < r.n; i++) {
        const ssmq_rival *v = &r.rival[i];
        const char       *verdict = v->reason                             ? v->reason
                                    : v->ln_ratio > SSMQ_NOISE_SE * v->se ? "higher by more than 2 paired se"
                                                                          : "not told apart";
        ssmq_html_row(out,
                      (const char *[]){v->name, number(s->arena, "%+.5f", v->ln_ratio),
                                       number(s->arena, "%.5f", v->se), verdict},
                      4, -1);
    }
    end_long(s, out);
}

/* ---- what was expected ---------------------------------------------------------------------- */

static const ssmq_stored_run *run_of(const ssmq_report_subject *s, const char *id)
{
    for (int32_t i = 0; i < s->table->n_run; i++)
        if (strcmp(s->table->run[i]->summary.id, id) == 0) return s->table->run[i];
    return NULL;
}

static void put_expectation(const ssmq_report_subject *s, const ssmq_frozen_expectation *e,
                            const ssmq_frozen_run *run, ssmq_str *out)
{
    const ssmq_stored_run *stored = run_of(s, run->id);
    const int32_t          figure = ssmq_score_figure_find(e->metric);
    const double           got = !stored || figure < 0
                                     ? (double)NAN
                                     : ssmq_score_figure_of(ssmq_summary_find(&stored->summary, e->evaluation), figure);
    const char            *verdict = isnan(got)                             ? "no figure"
                                     : fabs(got - e->value) <= e->tolerance ? "inside"
                                                                            : "OUTSIDE";
    ssmq_html_row(out,
                  (const char *[]){run->name, ssmq_arena_printf(s->arena, "%s %s", e->evaluation, e->metric),
                                   number(s->arena, "%.6g", e->value), number(s->arena, "%.3g", e->tolerance),
                                   number(s->arena, "%.6g", got), number(s->arena, "%+.3g", got - e->value),
                                   verdict, e->source},
                  8, -1);
}

static void put_expected(const ssmq_report_subject *s, ssmq_str *out)
{
    static const char *const heading[] = {"run",  "figure",     ">expected", ">within",
                                          ">got", ">deviation", "",          "source"};
    const ssmq_frozen       *f = &s->source->frozen;
    if (!s->source->listed || f->n_expect == 0) return;
    ssmq_html_section(out, "expected", "Against what was expected");
    ssmq_html_table_begin(out, "Published or earlier values beside what runs came to", heading, 8);
    for (int32_t k = 0; k < f->n_expect; k++)
        for (int32_t i = 0; i < f->n_run; i++)
            if (f->expect[k].of[i]) put_expectation(s, &f->expect[k], &f->run[i], out);
    ssmq_html_table_end(out);
}

/* ---- alarms ----------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool has_alarm(const ssmq_summary *run, const ssmq_alarm *a)
{
    for (int32_t k = 0; k < run->n_alarm; k++) {
        const ssmq_alarm *b = &run->alarm[k];
        if (same_text(a->event, b->event) && same_text(a->evaluation, b->evaluation) && same_text(a->site, b->site) &&
            same_text(a->message, b->message))
            return true;
    }
    return false;
}

/* Once for all runs of which the same is said; nothing where one before this run has said it. */
static void put_alarm(const ssmq_report_subject *s, int32_t run, const ssmq_alarm *a, ssmq_str *out)
{
    const ssmq_comparison *c = s->table;
    for (int32_t i = 0; i < run; i++)
        if (has_alarm(&c->run[i]->summary, a)) return;
    ssmq_str_puts(out, "<p class=\"alarm\"><strong>");
    ssmq_html_text(out, a->event);
    ssmq_str_puts(out, "</strong> ");
    ssmq_html_printf(out, "%s%s%s%s%s", a->evaluation ? a->evaluation : "", a->evaluation ? ": " : "",
                     a->site ? a->site : "", a->site ? ": " : "", a->message);
    for (int32_t i = run; i < c->n_run; i++)
        if (has_alarm(&c->run[i]->summary, a)) ssmq_html_printf(out, "%s%s", i == run ? " — " : ", ", c->label[i]);
    ssmq_str_puts(out, "</p>\n");
}

static void put_alarms(const ssmq_report_subject *s, ssmq_str *out)
{
    int32_t n = 0;
    ssmq_html_section(out, "alarms", "Alarms");
    for (int32_t i = 0; i < s->table->n_run; i++)
        for (int32_t k = 0; k < s->table->run[i]->summary.n_alarm; k++, n++)
            put_alarm(s, i, &s->table->run[i]->summary.alarm[k], out);
    if (n == 0) ssmq_str_puts(out, "<p class=\"note\">None.</p>\n");
}

/* ---- times ------------------------------------------------------------------------------------ */

/* Medians of what was profiled, shares of what the machine could do at best. */
static void put_speed(const ssmq_summary *run, const ssmq_speed_score *v, ssmq_arena *arena, ssmq_str *out)
{
    ssmq_html_row(out,
                  (const char *[]){run->name, v->id, number(arena, "%.4g", v->ttft_ms), number(arena, "%.4g", v->tpot_ms),
                                   number(arena, "%.4g", v->ttlt_ms), number(arena, "%.0f", v->prefill_tokens_per_s),
                                   number(arena, "%.1f", 100 * v->prefill_of_floor),
                                   number(arena, "%.1f", 100 * v->decode_of_floor),
                                   number(arena, "%.1f", v->size_bytes / 0x1p20)},
                  9, -1);
}

static bool put_speeds(const ssmq_report_subject *s, ssmq_str *out)
{
    static const char *const heading[] = {"run",       "profile",
                                          ">TTFT, ms", ">TPOT, ms",
                                          ">TTLT, ms", ">prefill, tokens/s",
                                          ">of its floor, %", ">decoding, of its floor, %",
                                          ">weights as read, MiB"};
    const ssmq_stored       *stored = &s->source->stored;
    bool                     any = false;
    for (int32_t i = 0; i < stored->n; i++)
        for (int32_t k = 0; k < stored->run[i].summary.n_speed; k++, any = true) {
            if (!any) ssmq_html_table_begin(out, "Times, medians", heading, 9);
            put_speed(&stored->run[i].summary, &stored->run[i].summary.speed[k], s->arena, out);
        }
    if (any) ssmq_html_table_end(out);
    return any;
}

void ssmq_report_results(const ssmq_report_subject *s, ssmq_str *out)
{
    ssmq_html_section(out, "results", "Results");
    if (s->table) put_table(s, out);
    for (int32_t k = 0; s->table && k < s->table->n_column; k++) put_subsets(s, k, out);
    if (!put_speeds(s, out) && !s->table) ssmq_str_puts(out, "<p class=\"note\">No run has figures yet.</p>\n");
}

void ssmq_report_evidence(const ssmq_report_subject *s, ssmq_str *out)
{
    if (!s->table) return;
    ssmq_html_section(out, "differences", "Which differences are real");
    for (int32_t k = 0; k < s->table->n_column; k++) put_ranking_of(s, s->table->column[k]->id, out);
    put_paired(s, out);
    put_expected(s, out);
    put_alarms(s, out);
}
