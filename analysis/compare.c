/* ssmq compare: the table of several runs against a baseline, and gates on it. */
#include <string.h>
#include "analysis/commands.h"
#include "analysis/comparison.h"
#include "analysis/differences.h"

typedef struct compare_options {
    const char        *baseline;
    const char *const *evaluation, *const *gate;
    int  format; /* index into formats */
    bool fake_real;
} compare_options;

static const char *const formats[] = {"text", "markdown", "csv", "json", "latex", NULL};
static void (*const printers[])(const ssmq_comparison *c, ssmq_str *out) = {
    ssmq_comparison_text, ssmq_comparison_markdown, ssmq_comparison_csv, ssmq_comparison_json,
    ssmq_comparison_latex};

#define AT(name) #name, offsetof(compare_options, name)
static const ssmq_option compare_table[] = {
    {AT(baseline), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "name or id of the run that the others are compared with; without it that of the sweep, else the first "
     "float run"},
    {AT(evaluation), SSMQ_OPTION_LIST, "", 0, 0, NULL, "id of an evaluation; without it all"},
    {AT(gate), SSMQ_OPTION_LIST, "", 0, 0, NULL,
     "condition that every other run has to meet, as in 'ppl<=+1%', 'kl@wt2<0.01'; metrics: ppl, nll, kl, "
     "top1; "
     "a sign: distance from the baseline"},
    {AT(format), SSMQ_OPTION_CHOICE, "text", 0, 0, formats, "how to print"},
    {"fake-real", offsetof(compare_options, fake_real), SSMQ_OPTION_BOOL, "false", 0, 0, NULL,
     "where, by how much and why codes of runs in mode real differ from those of mode fake; as text or JSON"},
    {0},
};

static ssmq_status print(const compare_options *o, const ssmq_comparison *c, FILE *out)
{
    ssmq_str    text = {0};
    ssmq_status st = SSMQ_OK;
    printers[o->format](c, &text);
    fputs(ssmq_str_text(&text), out);
    fflush(out); /* the table stands before what is said about it */
    ssmq_str_free(&text);
    for (const char *const *gate = o->gate; *gate && st == SSMQ_OK; gate++)
        st = ssmq_comparison_gate(c, *gate);
    return st;
}

/* --fake-real: about runs as they are, held against no other run. */
static ssmq_status print_differences(const compare_options *o, const char *const *path, int n, FILE *out)
{
    const char *format = formats[o->format];
    const bool  json = strcmp(format, "json") == 0;
    if (!json && strcmp(format, "text") != 0)
        return SSMQ_FAIL(USAGE, "option '--format' is '%s': with --fake-real it is text or json", format);
    if (o->baseline || *o->evaluation || *o->gate)
        return SSMQ_FAIL(USAGE, "option '--%s' is none of --fake-real",
                         o->baseline ? "baseline" : *o->evaluation ? "evaluation" : "gate");
    ssmq_str          text = {0};
    const ssmq_status st = json ? ssmq_differences_json(path, n, &text) : ssmq_differences_text(path, n, &text);
    if (st == SSMQ_OK) fputs(ssmq_str_text(&text), out);
    ssmq_str_free(&text);
    return st == SSMQ_OK ? ssmq_stored_check(path, n) : st;
}

static ssmq_status open_all(int n, const char *const *path, ssmq_arena *arena, ssmq_comparison_source *out,
                            int *n_open)
{
    for (*n_open = 0; *n_open < n; (*n_open)++)
        SSMQ_TRY(ssmq_comparison_open(path[*n_open], arena, &out[*n_open]));
    return SSMQ_OK;
}

static ssmq_status compare_run(const void *options, int n_operand, const char *const *operand,
                               const ssmq_catalogue *cat, FILE *out)
{
    const compare_options *o = options;
    if (o->fake_real) return print_differences(o, operand, n_operand, out);
    ssmq_arena             *arena = ssmq_arena_new();
    ssmq_comparison_source *source = SSMQ_ARENA_ARRAY(arena, ssmq_comparison_source, n_operand);
    ssmq_comparison         c;
    int                     n = 0;
    (void)cat;
    ssmq_status st = SSMQ_OK;
    for (const char *const *gate = o->gate; *gate && st == SSMQ_OK; gate++) st = ssmq_comparison_gate_check(*gate);
    if (st == SSMQ_OK) st = open_all(n_operand, operand, arena, source, &n);
    if (st == SSMQ_OK) st = ssmq_compare_runs(source, n, o->baseline, o->evaluation, arena, &c);
    if (st == SSMQ_OK) st = print(o, &c, out);
    for (int i = 0; i < n && (st == SSMQ_OK || st == SSMQ_ERR_GATE); i++) /* a gate cannot be met by what is damaged */
        if (source[i].stored.damaged) st = ssmq_stored_whole(&source[i].stored);
    for (int i = 0; i < n; i++) ssmq_comparison_close(&source[i]);
    ssmq_arena_free(arena);
    return st;
}

const ssmq_command ssmq_command_compare = {
    .name = "compare",
    .operands = "DIR...",
    .help = "a table of runs against a baseline, with uncertainty; gates for scripts",
    .details =
        "DIR is a run, a sweep or another directory of runs. A sweep has its axes in columns, and each "
        "of its runs is held against its own baseline. Changes of perplexity are paired by window where both "
        "runs "
        "saw the same tokens. Two dialects, windows or resets of states are never put into one column. Ends with status 6 if "
        "a gate is not met. --fake-real is about runs whose experiment has compare: {against: [float, fake]}.",
    .options = compare_table,
    .options_size = sizeof(compare_options),
    .run = compare_run,
};
