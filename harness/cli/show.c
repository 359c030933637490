/* ssmq show: what a run or a sweep is, how it went, and where its numbers come from. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "harness/cli/commands.h"
#include "harness/cli/report.h"
#include "harness/cli/report_evidence.h"
#include "harness/cli/report_speed.h"
#include "harness/cli/report_statistics.h"
#include "harness/cli/results.h"
#include "harness/store/score_figures.h"
#include "harness/cli/weights.h"
#include "harness/store/frozen.h"
#include "harness/store/runs.h"
#include "harness/base/table.h"
#include "harness/store/store.h"

typedef struct show_options {
    int format; /* index into formats */
} show_options;

static const char *const formats[] = {"text", "json", NULL};
enum { FORMAT_TEXT, FORMAT_JSON };

static const ssmq_option show_table[] = {
    {"format", offsetof(show_options, format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats,
     "how to print"},
    {0},
};

/* ---- text ------------------------------------------------------------------------------ */

static void put_pair(ssmq_str *out, const char *key, const char *value)
{
    if (value) ssmq_str_printf(out, "%-9s %s\n", key, value);
}

/* A perplexity over n windows, of an evaluation or of one subset of it. */
static void put_score_row(ssmq_table *t, const char *name, const ssmq_evaluation_score *e, const ssmq_score *s)
{
    char ppl[SSMQ_PPL_TEXT], se[SSMQ_PPL_TEXT], nll[32], number[2][24], window[24 + SSMQ_RESET_TEXT], reset[SSMQ_RESET_TEXT];
    ssmq_ppl_text(s->ppl, ppl);
    ssmq_ppl_text(s->ppl_se, se);
    snprintf(nll, sizeof nll, "%.6f", s->nll);
    snprintf(window, sizeof window, "%" PRId64 "%s", e->window, ssmq_reset_text(e->state_reset, reset));
    snprintf(number[0], sizeof number[0], "%" PRId64, s->windows);
    snprintf(number[1], sizeof number[1], "%" PRId64, s->tokens);
    ssmq_table_row(t, (const char *const[]){name, e->dialect, window, ppl, se, nll, number[0], number[1]});
}

/* Dialect lm-eval: for each word and byte of the text. */
static void put_words(const ssmq_summary *s, ssmq_str *out)
{
    ssmq_arena *arena = ssmq_arena_new();
    const char *cell[2 + SSMQ_TEXT_CELLS] = {"evaluation", "documents"};
    int32_t     rows = 0;
    memcpy(cell + 2, ssmq_text_headings, sizeof ssmq_text_headings);
    ssmq_table *t = ssmq_table_new(2 + SSMQ_TEXT_CELLS, cell);
    for (int32_t i = 0; i < s->n_evaluation; i++) {
        const ssmq_evaluation_score *e = &s->evaluation[i];
        for (int32_t k = -1; k < e->n_subset; k++) {
            const ssmq_score *score = k < 0 ? &e->score : &e->subset[k].score;
            if (score->text.documents == 0) continue;
            cell[0] = k < 0 ? e->id : ssmq_arena_printf(arena, "  %s", e->subset[k].name);
            cell[1] = ssmq_arena_printf(arena, "%" PRId64, score->text.documents);
            ssmq_text_cells(score, arena, cell + 2);
            ssmq_table_row(t, cell);
            rows++;
        }
    }
    if (rows > 0) {
        ssmq_str_puts(out, "\n");
        ssmq_table_print(t, out);
    }
    ssmq_table_free(t);
    ssmq_arena_free(arena);
}

static void put_scores(const ssmq_summary *s, ssmq_str *out)
{
    static const char *const heading[] = {"evaluation", "dialect", "window",  "ppl",
                                          "se",         "nll",     "windows", "tokens"};
    ssmq_str                 name = {0};
    if (s->n_evaluation == 0) return;
    ssmq_table *t = ssmq_table_new(8, heading);
    for (int32_t i = 0; i < s->n_evaluation; i++) {
        const ssmq_evaluation_score *e = &s->evaluation[i];
        put_score_row(t, e->id, e, &e->score);
        for (int32_t k = 0; k < e->n_subset; k++) {
            ssmq_str_clear(&name);
            ssmq_str_printf(&name, "  %s", e->subset[k].name);
            put_score_row(t, ssmq_str_text(&name), e, &e->subset[k].score);
        }
    }
    ssmq_str_puts(out, "\n");
    ssmq_table_print(t, out);
    ssmq_table_free(t);
    ssmq_str_free(&name);
    put_words(s, out);
}

/* ---- the manifest, whatever it holds --------------------------------------------------- */

static void put_scalar(const json_t *v, ssmq_str *out)
{
    if (json_is_string(v)) {
        ssmq_str_puts(out, json_string_value(v));
        return;
    }
    char *text = json_is_null(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    ssmq_str_puts(out, text ? text : "-");
    free(text);
}

/* The members of an object on one line, the elements of an array likewise. */
static void put_line(json_t *v, ssmq_str *out)
{
    const char *key, *before = "";
    json_t     *member;
    if (!json_is_object(v)) {
        put_scalar(v, out);
        return;
    }
    json_object_foreach(v, key, member)
    {
        ssmq_str_printf(out, "%s%s ", before, key);
        put_scalar(member, out);
        before = ", ";
    }
}

/* One member a line; parts of parts below it, further in. */
static void put_members(json_t *object, int indent, ssmq_str *out)
{
    const char *key;
    json_t     *v, *element;
    size_t      i;
    json_object_foreach(object, key, v)
    {
        const bool parts = json_object_size(v) + json_array_size(v) > 0;
        ssmq_str_printf(out, "%*s%s:%s", indent, "", key, parts ? "" : " ");
        if (!json_is_object(v) && !json_is_array(v)) put_scalar(v, out);
        else if (!parts) ssmq_str_puts(out, "none");
        ssmq_str_puts(out, "\n");
        if (json_is_object(v)) put_members(v, indent + 2, out);
        json_array_foreach(v, i, element)
        {
            ssmq_str_printf(out, "%*s", indent + 2, "");
            put_line(element, out);
            ssmq_str_puts(out, "\n");
        }
    }
}

/* What a finished run collected; a results file that is none of its is no reason not to show the rest. */
static ssmq_status put_statistics(const ssmq_stored_run *r, ssmq_arena *arena, ssmq_str *out)
{
    const char *path = ssmq_arena_printf(arena, "%s/run.h5", r->path);
    if (!ssmq_store_is_one(path, r->summary.id)) return SSMQ_OK;
    return ssmq_report_statistics(path, arena, out);
}

static ssmq_status put_run(const ssmq_stored_run *r, ssmq_arena *arena, ssmq_str *out)
{
    put_pair(out, "run", r->summary.name);
    put_pair(out, "id", r->summary.id);
    put_pair(out, "directory", r->path);
    put_pair(out, "status", r->summary.status);
    put_pair(out, "reason", r->summary.reason);
    put_pair(out, "stage", r->status.stage);
    put_pair(out, "mode", r->summary.mode);
    put_pair(out, "recipe", r->summary.recipe);
    put_pair(out, "started", r->status.started);
    put_pair(out, "updated", r->status.updated);
    put_scores(&r->summary, out);
    ssmq_report_speeds(&r->summary, 1, out);
    ssmq_weights_text(r->path, out);
    ssmq_report_sites(&r->summary, 0, out);
    ssmq_report_sensitivity(&r->summary, 0, out);
    SSMQ_TRY(put_statistics(r, arena, out));
    if (!r->manifest.root) return SSMQ_OK;
    ssmq_str_puts(out, "\nprovenance\n");
    put_members(r->manifest.root, 2, out);
    return SSMQ_OK;
}

static ssmq_finished_run *finished_runs(const ssmq_stored *s)
{
    ssmq_finished_run *all = ssmq_must_malloc(sizeof *all * (size_t)(s->n + 1));
    for (int32_t i = 0; i < s->n; i++)
        all[i] = (ssmq_finished_run){.summary = &s->run[i].summary, .directory = s->run[i].path};
    return all;
}

/* The run that all are held against, if it is one. */
static const char *common_baseline(const ssmq_frozen *f)
{
    const char *id = NULL;
    for (int32_t i = 0; i < f->n_run; i++) {
        const char *other = f->run[i].against;
        if (id && other && strcmp(id, other) != 0) return "a run for each, which ssmq compare names";
        if (other) id = other;
    }
    return id ? f->run[ssmq_frozen_find(f, id)].name : "none of the runs";
}

/* What the experiment asks, and along what its runs lie. */
static void put_frozen(const ssmq_frozen *f, ssmq_str *out)
{
    put_pair(out, "sweep", f->name);
    put_pair(out, "question", f->question);
    for (int32_t i = 0; i < f->n_axis; i++) {
        ssmq_str_printf(out, "%-9s %s:", "axis", f->axis[i].name);
        for (int32_t k = 0; k < f->axis[i].n; k++)
            ssmq_str_printf(out, " %s", f->axis[i].value[k].label ? f->axis[i].value[k].label : "-");
        ssmq_str_puts(out, "\n");
    }
    if (f->baseline) put_pair(out, "baseline", common_baseline(f));
    ssmq_str_puts(out, "\n");
}

/* Runs in the order of the list, those that it does not have behind them. */
static void put_in_order(const ssmq_frozen *f, ssmq_stored *s)
{
    int32_t at = 0;
    for (int32_t i = 0; i < f->n_run; i++)
        for (int32_t k = at; k < s->n; k++) {
            if (strcmp(s->run[k].status.id, f->run[i].id) != 0) continue;
            ssmq_stored_run it = s->run[k];
            it.summary.name = f->run[i].name; /* as it is called now */
            memmove(&s->run[at + 1], &s->run[at], (size_t)(k - at) * sizeof it);
            s->run[at++] = it;
            break;
        }
}

static void put_sweep(const ssmq_stored *s, const ssmq_rows *rows, ssmq_str *out)
{
    ssmq_summary      *all = ssmq_must_malloc(sizeof *all * (size_t)s->n);
    ssmq_finished_run *finished = finished_runs(s);
    for (int32_t i = 0; i < s->n; i++) all[i] = s->run[i].summary;
    ssmq_report_text(all, s->n, rows, out);
    ssmq_report_ranking(finished, s->n, out);
    free(finished);
    free(all);
}

/* ---- JSON ------------------------------------------------------------------------------ */

static void copy_json(ssmq_json_writer *w, const char *key, json_t *v)
{
    const char *name;
    json_t     *part;
    size_t      i;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        ssmq_json_begin_object(w, key);
        json_object_foreach(v, name, part) copy_json(w, name, part);
        ssmq_json_end_object(w);
        break;
    case JSON_ARRAY:
        ssmq_json_begin_array(w, key);
        json_array_foreach(v, i, part) copy_json(w, NULL, part);
        ssmq_json_end_array(w);
        break;
    case JSON_STRING: ssmq_json_put_text(w, key, json_string_value(v)); break;
    case JSON_INTEGER: ssmq_json_put_int(w, key, json_integer_value(v)); break;
    case JSON_REAL: ssmq_json_put_real(w, key, json_real_value(v)); break;
    case JSON_TRUE:
    case JSON_FALSE: ssmq_json_put_bool(w, key, json_is_true(v)); break;
    case JSON_NULL: ssmq_json_put_null(w, key); break;
    }
}

/* As in the JSON of `ssmq run`, and beside it what lies in the directory. */
static void put_json(const ssmq_stored *s, const ssmq_rows *rows, ssmq_str *out)
{
    ssmq_json_writer   w = {.out = out};
    ssmq_finished_run *finished = finished_runs(s);
    ssmq_json_begin_object(&w, NULL);
    ssmq_report_put_runs(&w, finished, s->n, rows);
    free(finished);
    ssmq_json_begin_array(&w, "details");
    for (int32_t i = 0; i < s->n; i++) {
        const ssmq_stored_run *r = &s->run[i];
        ssmq_json_begin_object(&w, NULL);
        ssmq_json_put_text(&w, "id", r->summary.id);
        ssmq_json_put_text(&w, "directory", r->path);
        ssmq_json_put_text(&w, "reason", r->summary.reason);
        ssmq_json_put_text(&w, "stage", r->status.stage);
        ssmq_json_put_text(&w, "started", r->status.started);
        ssmq_json_put_text(&w, "updated", r->status.updated);
        ssmq_weights_json(r->path, &w);
        if (r->manifest.root) copy_json(&w, "manifest", r->manifest.root);
        ssmq_json_end_object(&w);
    }
    ssmq_json_end_array(&w);
    ssmq_json_end_object(&w);
}

/* ---- the command ----------------------------------------------------------------------- */

/* What was opened: of a directory for results with the list of its runs, if it has one. */
static ssmq_status put_stored(const show_options *o, ssmq_stored *s, const ssmq_frozen *list, ssmq_arena *arena,
                              ssmq_str *out)
{
    ssmq_rows rows = {0};
    if (!s->sweep && o->format == FORMAT_TEXT) return put_run(&s->run[0], arena, out);
    if (list) {
        put_in_order(list, s);
        rows = ssmq_rows_of_list(list, s->run, s->n, arena);
    }
    if (o->format == FORMAT_JSON) {
        put_json(s, list ? &rows : NULL, out);
        return SSMQ_OK;
    }
    if (list) put_frozen(list, out);
    put_sweep(s, list ? &rows : NULL, out);
    return SSMQ_OK;
}

static ssmq_status show_run(const void *options, int n_operand, const char *const *operand,
                            const ssmq_catalogue *cat, FILE *out)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_stored s = {0};
    ssmq_str    text = {0};
    ssmq_frozen list = {0};
    bool        listed = false;
    (void)n_operand;
    (void)cat;
    ssmq_status st = ssmq_stored_open(operand[0], arena, &s);
    if (st == SSMQ_OK && s.sweep) st = ssmq_frozen_read(operand[0], arena, &list, &listed);
    if (st == SSMQ_OK) st = put_stored(options, &s, listed ? &list : NULL, arena, &text);
    if (st == SSMQ_OK) fputs(ssmq_str_text(&text), out);
    if (st == SSMQ_OK) st = ssmq_stored_whole(&s);
    ssmq_stored_close(&s);
    ssmq_str_free(&text);
    ssmq_arena_free(arena);
    return st;
}

const ssmq_command ssmq_command_show = {
    .name = "show",
    .operands = "DIR",
    .help = "what a run is, how it went and where its numbers come from; of a directory of runs, "
            "the table of their results",
    .options = show_table,
    .options_size = sizeof(show_options),
    .run = show_run,
};
