/* ssmq report: a run or a sweep as one page that needs nothing else. */
#include <string.h>
#include "analysis/commands.h"
#include "analysis/guard.h"
#include "analysis/html.h"
#include "analysis/report_parts.h"
#include "analysis/write.h"
#include "harness/base/build.h"

typedef struct report_options {
    const char *output;
} report_options;

static const ssmq_option report_table[] = {
    {"output", offsetof(report_options, output), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL, "the page: FILE.html"},
    {0},
};

/* ---- the head ------------------------------------------------------------------------------------ */

static const char *name_of(const ssmq_report_subject *s)
{
    return s->source->listed ? s->source->frozen.name : s->source->stored.run[0].summary.name;
}

/* The policy keeps the page from asking for anything, whatever stands in it. */
static void put_head(const ssmq_report_subject *s, ssmq_str *out)
{
    ssmq_str_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                       "'unsafe-inline'\">\n"
                       "<title>");
    ssmq_html_text(out, name_of(s));
    ssmq_str_printf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", ssmq_report_style);
}

static void put_counts(const ssmq_report_subject *s, ssmq_str *out)
{
    static const char *const states[] = {"done",   "running", "queued",     "stopped",
                                         "failed", "damaged", "unsupported"};
    const ssmq_stored       *stored = &s->source->stored;
    ssmq_str_puts(out, "<ul class=\"counts\" aria-label=\"how many runs\">\n");
    for (size_t k = 0; k < sizeof states / sizeof *states; k++) {
        int32_t n = 0;
        for (int32_t i = 0; s->table && i < s->table->n_run; i++)
            n += strcmp(s->table->run[i]->summary.status, states[k]) == 0;
        for (int32_t i = 0; !s->table && i < stored->n; i++)
            n += strcmp(stored->run[i].summary.status, states[k]) == 0;
        if (n) ssmq_str_printf(out, "<li>%d %s</li>\n", n, states[k]);
    }
    ssmq_str_puts(out, "</ul>\n");
}

/* Of the sections that there are. */
static void put_contents(const char *body, ssmq_str *out)
{
    static const char *const entry[][2] = {{"results", "Results"},
                                           {"figures", "Figures"},
                                           {"differences", "Which differences are real"},
                                           {"expected", "Expected"},
                                           {"alarms", "Alarms"},
                                           {"runs", "Runs"},
                                           {"recipes", "Recipes"},
                                           {"configuration", "Configuration"},
                                           {"provenance", "Provenance"}};
    ssmq_str                 heading = {0};
    ssmq_str_puts(out, "<nav aria-label=\"contents\"><ul>\n");
    for (size_t i = 0; i < sizeof entry / sizeof *entry; i++) {
        ssmq_str_clear(&heading);
        ssmq_str_printf(&heading, "<h2 id=\"%s\">", entry[i][0]);
        if (!strstr(body, ssmq_str_text(&heading))) continue;
        ssmq_str_printf(out, "<li><a href=\"#%s\">%s</a></li>\n", entry[i][0], entry[i][1]);
    }
    ssmq_str_puts(out, "</ul></nav>\n");
    ssmq_str_free(&heading);
}

static void put_title(const ssmq_report_subject *s, const char *body, ssmq_str *out)
{
    const char *question = s->source->frozen.question;
    ssmq_str_puts(out, "<h1>");
    ssmq_html_text(out, name_of(s));
    ssmq_str_puts(out, "</h1>\n");
    if (question) {
        ssmq_str_puts(out, "<p class=\"question\">");
        ssmq_html_text(out, question);
        ssmq_str_puts(out, "</p>\n");
    }
    put_counts(s, out);
    put_contents(body, out);
}

/* ---- the page ------------------------------------------------------------------------------------ */

static ssmq_status put_body(const ssmq_report_subject *s, ssmq_str *out)
{
    ssmq_report_results(s, out);
    ssmq_report_figures(s, out);
    ssmq_report_evidence(s, out);
    SSMQ_TRY(ssmq_report_statuses(s, out));
    return ssmq_report_configuration(s, out);
}

static ssmq_status put_page(const ssmq_report_subject *s, ssmq_str *out)
{
    ssmq_str          body = {0};
    const ssmq_status st = put_body(s, &body);
    if (st == SSMQ_OK) {
        put_head(s, out);
        put_title(s, ssmq_str_text(&body), out);
        ssmq_str_append(out, ssmq_str_text(&body), body.length);
        ssmq_str_printf(out, "<footer><p class=\"note\">Written by ssmq %s.</p></footer>\n</main>\n</body>\n</html>\n",
                        ssmq_build_info()->version);
    }
    ssmq_str_free(&body);
    return st;
}

/* A directory without figures has no table, and that is no error here. */
static ssmq_status make_table(ssmq_report_subject *s, ssmq_comparison *table)
{
    static const char *const all[] = {NULL};
    const ssmq_status        st = ssmq_compare_runs(s->source, 1, NULL, all, s->arena, table);
    if (st == SSMQ_OK) s->table = table;
    if (st != SSMQ_ERR_INPUT) return st;
    ssmq_error_clear();
    return SSMQ_OK;
}

static ssmq_status make_page(const void *context, ssmq_str *out)
{
    const char *const     *path = context;
    ssmq_arena            *arena = ssmq_arena_new();
    ssmq_comparison_source source;
    ssmq_comparison        table;
    ssmq_status            st = ssmq_comparison_open(*path, arena, &source);
    if (st == SSMQ_OK) {
        ssmq_report_subject s = {.path = *path, .source = &source, .arena = arena};
        st = make_table(&s, &table);
        if (st == SSMQ_OK) st = put_page(&s, out);
        ssmq_comparison_close(&source);
    }
    ssmq_arena_free(arena);
    return st;
}

static ssmq_status report_run(const void *options, int n_operand, const char *const *operand,
                              const ssmq_catalogue *cat, FILE *out)
{
    const report_options *o = options;
    ssmq_str              page = {0};
    (void)n_operand;
    (void)cat;
    (void)out;
    if (!ssmq_str_ends(o->output, ".html") && !ssmq_str_ends(o->output, ".htm"))
        return SSMQ_FAIL(USAGE, "option '--output' is '%s', not a name that ends in .html", o->output);
    ssmq_status st = ssmq_guard(make_page, operand, operand, 1, &page);
    if (st == SSMQ_OK) st = ssmq_figure_write_file(o->output, &page);
    if (st == SSMQ_OK) st = ssmq_stored_check(operand, 1);
    ssmq_str_free(&page);
    return st;
}

const ssmq_command ssmq_command_report = {
    .name = "report",
    .operands = "DIR",
    .help = "a run or a sweep as one page of HTML: tables, figures, configuration, provenance",
    .details = "The page needs no network and no other file. Figures are drawn by gnuplot; where that is "
               "absent, the page says so.",
    .options = report_table,
    .options_size = sizeof(report_options),
    .run = report_run,
};
