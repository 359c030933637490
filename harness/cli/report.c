#include "harness/cli/report.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/arena.h"
#include "harness/base/json.h"
#include "harness/cli/report_evidence.h"
#include "harness/cli/report_expect.h"
#include "harness/cli/report_speed.h"
#include "harness/cli/results.h"
#include "harness/store/score_figures.h"
#include "harness/base/table.h"

static const ssmq_evaluation_score *find(const ssmq_summary *run, const char *id)
{
    for (int32_t i = 0; i < run->n_evaluation; i++)
        if (strcmp(run->evaluation[i].id, id) == 0) return &run->evaluation[i];
    return NULL;
}

/* Columns of a table that a terminal holds. */
#define RUNS_BESIDE 6

static int32_t with_evaluation(const ssmq_summary *run, int32_t n, const char *id)
{
    int32_t many = 0;
    for (int32_t i = 0; i < n; i++) many += find(&run[i], id) != NULL;
    return many;
}

/* "-" where the run has no such subset. */
static const char *ppl_of_subset(const ssmq_evaluation_score *e, const char *name, ssmq_arena *arena)
{
    char text[SSMQ_PPL_TEXT];
    for (int32_t k = 0; k < e->n_subset; k++) {
        if (strcmp(e->subset[k].name, name) != 0) continue;
        ssmq_ppl_text(e->subset[k].score.ppl, text);
        return ssmq_arena_strdup(arena, text);
    }
    return "-";
}

/* The standard error of one run alone. */
static const char *se_of_subset(const ssmq_evaluation_score *e, int32_t subset, ssmq_arena *arena)
{
    char text[SSMQ_PPL_TEXT];
    ssmq_ppl_text(e->subset[subset].score.ppl_se, text);
    return ssmq_arena_strdup(arena, text);
}

/* A row for each subset of an evaluation, a column for each run. */
static void print_subsets(const ssmq_summary *run, int32_t n, const ssmq_evaluation_score *e,
                          ssmq_str *out)
{
    ssmq_arena   *arena = ssmq_arena_new();
    const int32_t many = with_evaluation(run, n, e->id);
    const char   *cell[RUNS_BESIDE + 3] = {"subset", "windows"};
    int32_t       at = 2;
    for (int32_t i = 0; i < n; i++)
        if (find(&run[i], e->id)) cell[at++] = run[i].name;
    if (many == 1) cell[at++] = "se";
    ssmq_table *t = ssmq_table_new(at, cell);
    for (int32_t s = 0; s < e->n_subset; s++) {
        cell[0] = e->subset[s].name;
        cell[1] = ssmq_arena_printf(arena, "%" PRId64, e->subset[s].score.windows);
        at = 2;
        for (int32_t i = 0; i < n; i++) {
            const ssmq_evaluation_score *mine = find(&run[i], e->id);
            if (mine) cell[at++] = ppl_of_subset(mine, e->subset[s].name, arena);
        }
        if (many == 1) cell[at++] = se_of_subset(e, s, arena);
        ssmq_table_row(t, cell);
    }
    ssmq_str_puts(out, "\n");
    ssmq_table_print(t, out);
    ssmq_table_free(t);
    ssmq_arena_free(arena);
}

/* Dialect lm-eval: what it calls perplexity, for each run and subset. */
static void print_words(const ssmq_summary *run, int32_t n, const ssmq_evaluation_score *e, ssmq_str *out)
{
    ssmq_arena *arena = ssmq_arena_new();
    const char *cell[2 + SSMQ_TEXT_CELLS] = {"run", "subset"};
    const int   first = e->n_subset > 0 ? 2 : 1;
    memcpy(cell + first, ssmq_text_headings, sizeof ssmq_text_headings);
    ssmq_table *t = ssmq_table_new(first + SSMQ_TEXT_CELLS, cell);
    for (int32_t i = 0; i < n; i++) {
        const ssmq_evaluation_score *mine = find(&run[i], e->id);
        if (!mine) continue;
        cell[0] = run[i].name;
        for (int32_t s = -1; s < mine->n_subset; s++) {
            cell[1] = s < 0 ? "all" : mine->subset[s].name;
            ssmq_text_cells(s < 0 ? &mine->score : &mine->subset[s].score, arena, cell + first);
            ssmq_table_row(t, cell);
        }
    }
    ssmq_str_printf(out, "\nof words and bytes of %" PRId64 " document%s, standard errors over documents\n\n",
                    e->score.text.documents, e->score.text.documents == 1 ? "" : "s");
    ssmq_table_print(t, out);
    ssmq_table_free(t);
    ssmq_arena_free(arena);
}

static void print_evaluation(const ssmq_summary *run, int32_t n, const ssmq_evaluation_score *e,
                             ssmq_str *out)
{
    char reset[SSMQ_RESET_TEXT];
    ssmq_str_printf(out,
                    "\n%s: perplexity of the model's own tokens, dialect %s, %" PRId64
                    " window%s of %" PRId64 " tokens%s",
                    e->id, e->dialect, e->score.windows, e->score.windows == 1 ? "" : "s",
                    e->window, ssmq_reset_text(e->state_reset, reset));
    if (e->loss_dtype && strcmp(e->loss_dtype, "f32") != 0)
        ssmq_str_printf(out, ", losses rounded to %s", e->loss_dtype);
    ssmq_str_puts(out, "\n");
    if (e->n_subset > 0 && with_evaluation(run, n, e->id) <= RUNS_BESIDE) print_subsets(run, n, e, out);
    else if (e->n_subset > 0) ssmq_str_puts(out, "by subset: ssmq report DIR of all of these, ssmq show DIR of one run\n");
    if (e->score.text.documents > 0) print_words(run, n, e, out);
}

/* ---- paired with float ----------------------------------------------------------------- */

static const char *number(ssmq_arena *arena, const char *format, double value)
    __attribute__((format(printf, 2, 0)));
static const char *number(ssmq_arena *arena, const char *format, double value)
{
    return isnan(value) ? "-" : ssmq_arena_printf(arena, format, value);
}

static void compare_row(ssmq_table *t, const char *name, const char *what,
                        const ssmq_compare_score *c, ssmq_arena *arena)
{
    const bool interval = !isnan(c->ln_ratio_low);
    ssmq_table_row(t, (const char *[]){
                          name,
                          what,
                          number(arena, "%.4g", c->kl_mean),
                          number(arena, "%.2g", c->kl_se),
                          number(arena, "%.2f", 100 * c->top1),
                          number(arena, "%+.5f", c->ln_ratio),
                          number(arena, "%.5f", c->ln_ratio_se),
                          interval ? ssmq_arena_printf(arena, "%+.5f to %+.5f", c->ln_ratio_low,
                                                       c->ln_ratio_high)
                                   : "-",
                      });
}

/* A row for each evaluation of each run that was compared. */
static void print_compared(const ssmq_summary *run, int32_t n, ssmq_str *out)
{
    static const char *const heading[] = {"run", "evaluation", "KL, nat", "se", "top-1, %",
                                          "delta ln ppl", "se", "95 % interval"};
    ssmq_arena              *arena = ssmq_arena_new();
    ssmq_table              *t = ssmq_table_new(8, heading);
    bool                     any = false;
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < run[i].n_evaluation; k++) {
            const ssmq_evaluation_score *e = &run[i].evaluation[k];
            if (!e->compare.against) continue;
            compare_row(t, run[i].name, e->id, &e->compare, arena);
            any = true;
        }
    if (any) {
        ssmq_str_puts(out, "\nagainst float, over the same tokens\n\n");
        ssmq_table_print(t, out);
    }
    ssmq_table_free(t);
    ssmq_arena_free(arena);
}

/* ---- alarms ---------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Do two alarms say the same of two sites? */
static bool alike(const ssmq_alarm *a, const ssmq_alarm *b)
{
    return same_text(a->event, b->event) && same_text(a->evaluation, b->evaluation) &&
           same_text(a->message, b->message) && a->site && b->site;
}

/* "RUN: EVENT: WHERE: MESSAGE", one line for all sites in a row of which the same is said. */
static void print_run_alarms(const ssmq_summary *run, ssmq_str *out)
{
    for (int32_t i = 0, n; i < run->n_alarm; i += n) {
        const ssmq_alarm *a = &run->alarm[i];
        n = 1;
        while (i + n < run->n_alarm && alike(a, &run->alarm[i + n])) n++;
        ssmq_str_printf(out, "%s: %s: ", run->name, a->event);
        if (a->evaluation) ssmq_str_printf(out, "%s: ", a->evaluation);
        if (a->site) ssmq_str_puts(out, a->site);
        if (n > 1) ssmq_str_printf(out, " and %d other site%s", n - 1, n == 2 ? "" : "s");
        ssmq_str_printf(out, "%s%s\n", a->site ? ": " : "", a->message);
    }
}

static void print_alarms(const ssmq_summary *run, int32_t n, ssmq_str *out)
{
    bool any = false;
    for (int32_t i = 0; i < n; i++) {
        if (run[i].n_alarm > 0 && !any) ssmq_str_puts(out, "\nalarms\n\n");
        any = any || run[i].n_alarm > 0;
        print_run_alarms(&run[i], out);
    }
}

/* ---- which runs differ ----------------------------------------------------------------- */

#define RIVALS_MOST 8

/* Rivals of one sort: 0 differ, 1 do not, 2 cannot be paired. */
static int sort_of(const ssmq_rival *r)
{
    return r->reason ? 2 : r->ln_ratio > SSMQ_NOISE_SE * r->se ? 0 : 1;
}

/* The first of one sort by name, the others, which the JSON has too, by number. */
static void print_rivals(const ssmq_ranking *ranking, int sort, const char *heading, ssmq_str *out)
{
    const char *before = heading;
    int32_t     shown = 0, more = 0;
    for (int32_t i = 0; i < ranking->n; i++) {
        const ssmq_rival *r = &ranking->rival[i];
        if (sort_of(r) != sort) continue;
        if (shown++ == RIVALS_MOST) {
            shown--;
            more++;
            continue;
        }
        if (r->reason) ssmq_str_printf(out, "%s%s (%s)", before, r->name, r->reason);
        else ssmq_str_printf(out, "%s%s %+.5f (se %.5f)", before, r->name, r->ln_ratio, r->se);
        before = ", ";
    }
    if (more) ssmq_str_printf(out, " and %d more", more);
}

/* A run that has figures says which evaluations there are. */
static int32_t first_with_figures(const ssmq_finished_run *run, int32_t n)
{
    int32_t with = 0;
    while (with < n && run[with].summary->n_evaluation == 0) with++;
    return with;
}

void ssmq_report_ranking(const ssmq_finished_run *run, int32_t n, ssmq_str *out)
{
    ssmq_arena   *arena = ssmq_arena_new();
    const int32_t with = first_with_figures(run, n);
    for (int32_t i = 0; with < n && i < run[with].summary->n_evaluation; i++) {
        const char        *id = run[with].summary->evaluation[i].id;
        const ssmq_ranking ranking = ssmq_rank(run, n, id, arena);
        if (!ranking.best) continue;
        ssmq_str_printf(out, "\n%s: the lowest log-perplexity is that of %s", id, ranking.best);
        print_rivals(&ranking, 0, "; higher by more than 2 paired se: ", out);
        print_rivals(&ranking, 1, "; not told apart: ", out);
        print_rivals(&ranking, 2, "; not paired: ", out);
        ssmq_str_puts(out, "\n");
    }
    ssmq_arena_free(arena);
}

/* Sites, for each input, and units of a run in the report of an experiment. */
#define SITES_MOST 4
#define UNITS_MOST 8

/* ---- the report ------------------------------------------------------------------------ */

void ssmq_report_text(const ssmq_summary *run, int32_t n, const ssmq_rows *rows, ssmq_str *out)
{
    if (n == 0) return;
    ssmq_results_table(run, n, rows, out);
    if (rows) ssmq_report_expected(run, n, rows, out);
    int32_t with = 0; /* a run that has figures says which evaluations there are */
    while (with < n && run[with].n_evaluation == 0) with++;
    for (int32_t i = 0; with < n && i < run[with].n_evaluation; i++)
        print_evaluation(run, n, &run[with].evaluation[i], out);
    ssmq_report_speeds(run, n, out);
    print_compared(run, n, out);
    for (int32_t i = 0; i < n; i++) ssmq_report_sites(&run[i], SITES_MOST, out);
    for (int32_t i = 0; i < n; i++) ssmq_report_sensitivity(&run[i], UNITS_MOST, out);
    print_alarms(run, n, out);
}

static void put_rival(ssmq_json_writer *w, const ssmq_rival *r)
{
    const int sort = sort_of(r);
    ssmq_json_begin_object(w, NULL);
    ssmq_json_put_text(w, "name", r->name);
    ssmq_summary_put_real(w, "ln_ratio", r->ln_ratio);
    ssmq_summary_put_real(w, "ln_ratio_se", r->se);
    if (sort == 2) ssmq_json_put_null(w, "differs");
    else ssmq_json_put_bool(w, "differs", sort == 0);
    ssmq_json_put_text(w, "reason", r->reason);
    ssmq_json_end_object(w);
}

void ssmq_report_put_ranking(ssmq_json_writer *w, const ssmq_finished_run *run, int32_t n)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_json_begin_array(w, "ranking");
    const int32_t with = first_with_figures(run, n);
    for (int32_t i = 0; with < n && i < run[with].summary->n_evaluation; i++) {
        const char        *id = run[with].summary->evaluation[i].id;
        const ssmq_ranking ranking = ssmq_rank(run, n, id, arena);
        if (!ranking.best) continue;
        ssmq_json_begin_object(w, NULL);
        ssmq_json_put_text(w, "evaluation", id);
        ssmq_json_put_text(w, "best", ranking.best);
        ssmq_json_put_int(w, "noise_se", SSMQ_NOISE_SE);
        ssmq_json_begin_array(w, "others");
        for (int32_t k = 0; k < ranking.n; k++) put_rival(w, &ranking.rival[k]);
        ssmq_json_end_array(w);
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
    ssmq_arena_free(arena);
}

static void put_axes(ssmq_json_writer *w, const ssmq_rows *rows, int32_t row)
{
    ssmq_json_begin_object(w, "axes");
    for (int32_t k = 0; k < rows->n_axis; k++)
        ssmq_axis_value_put(w, rows->axis[k], &rows->value[row * rows->n_axis + k]);
    ssmq_json_end_object(w);
}

void ssmq_report_put_runs(ssmq_json_writer *w, const ssmq_finished_run *run, int32_t n, const ssmq_rows *rows)
{
    ssmq_json_begin_array(w, "runs");
    for (int32_t i = 0; i < n; i++) {
        ssmq_json_begin_object(w, NULL);
        ssmq_summary_put_fields(w, run[i].summary);
        if (rows) {
            put_axes(w, rows, i);
            ssmq_json_put_text(w, "against", rows->against[i]);
            ssmq_report_put_expected(w, run[i].summary, rows, i);
        }
        ssmq_json_end_object(w);
    }
    ssmq_json_end_array(w);
    ssmq_report_put_ranking(w, run, n);
}
