/* ssmq export: the data of a figure as a table, or as a gnuplot script. */
#include <string.h>
#include <sys/stat.h>
#include "analysis/commands.h"
#include "analysis/guard.h"
#include "analysis/kinds.h"
#include "analysis/write.h"

typedef struct export_options {
    ssmq_figure_options figure; /* first: SSMQ_FIGURE_OPTION_LINES */
    const char         *output;
    int                 format; /* index into formats; -1: what output's name says, else csv */
} export_options;

static const char *const formats[] = {"csv", "json", "gnuplot", NULL};
static const char *const suffixes[] = {".csv", ".json", ".gp", NULL};
enum { FORMAT_CSV, FORMAT_JSON, FORMAT_GNUPLOT };

static const ssmq_option export_table[] = {
    SSMQ_FIGURE_OPTION_LINES,
    {"format", offsetof(export_options, format), SSMQ_OPTION_CHOICE, "", 0, 0, formats,
     "by default as the output's name ends (.csv, .json, .gp), else csv"},
    {"output", offsetof(export_options, output), SSMQ_OPTION_TEXT, "", 0, 0, NULL,
     "a file, or a folder in which it is named after the kind (default: standard output)"},
    {0},
};

static int format_of(const export_options *o)
{
    if (o->format >= 0) return o->format;
    for (int i = 0; o->output && suffixes[i]; i++)
        if (ssmq_str_ends(o->output, suffixes[i])) return i;
    return FORMAT_CSV;
}

/* The file that --output means; NULL: standard output. */
static const char *output_path(const export_options *o, int format, const char *kind, ssmq_arena *arena)
{
    struct stat st;
    if (!o->output) return NULL;
    const bool ends = ssmq_str_ends(o->output, "/");
    if (!ends && !(stat(o->output, &st) == 0 && S_ISDIR(st.st_mode))) return o->output;
    return ssmq_arena_printf(arena, "%s%s%s%s", o->output, ends ? "" : "/", kind, suffixes[format]);
}

/* What is asked for: operand[0] is the kind, the n others name the runs. */
typedef struct export_request {
    const export_options *o;
    const char *const    *operand;
    int                   n, format;
    const char           *path; /* of the output; NULL: standard output */
    ssmq_arena           *arena;
} export_request;

/* The script draws a PDF beside itself, under its name. */
static ssmq_status write_script(const export_request *rq, const ssmq_figure *f, ssmq_str *out)
{
    const char *scripts, *slash = rq->path ? strrchr(rq->path, '/') : NULL;
    const char *name = slash ? slash + 1 : rq->path ? rq->path : f->kind;
    const int   n = (int)(strlen(name) - (ssmq_str_ends(name, ".gp") ? 3 : 0));
    SSMQ_TRY(ssmq_figure_scripts(f->arena, &scripts));
    const ssmq_figure_canvas canvas = {
        .format = SSMQ_PICTURE_PDF,
        .width_cm = SSMQ_FIGURE_WIDTH_CM,
        .height_cm = f->height_cm,
        .output = ssmq_arena_printf(f->arena, "%.*s.pdf", n, name),
    };
    return ssmq_figure_write_gnuplot(f, &canvas, scripts, out);
}

static ssmq_status make_text(const void *context, ssmq_str *out)
{
    const export_request *rq = context;
    ssmq_figure           f;
    SSMQ_TRY(ssmq_figure_build(rq->operand[0], &rq->o->figure, rq->operand + 1, rq->n,
                               rq->format == FORMAT_GNUPLOT, rq->arena, &f));
    ssmq_status st = SSMQ_OK;
    if (rq->format == FORMAT_CSV) ssmq_figure_write_csv(&f, out);
    else if (rq->format == FORMAT_JSON) ssmq_figure_write_json(&f, out);
    else st = write_script(rq, &f, out);
    ssmq_figure_free(&f);
    return st;
}

static ssmq_status export_run(const void *options, int n_operand, const char *const *operand,
                              const ssmq_catalogue *cat, FILE *out)
{
    const export_options *o = options;
    ssmq_arena           *arena = ssmq_arena_new();
    ssmq_str              text = {0};
    export_request        rq = {
               .o = o, .operand = operand, .n = n_operand - 1, .format = format_of(o), .arena = arena};
    (void)cat;
    rq.path = output_path(o, rq.format, operand[0], arena);
    ssmq_status st = ssmq_guard(make_text, &rq, operand + 1, rq.n, &text);
    if (st == SSMQ_OK && rq.path) st = ssmq_figure_write_file(rq.path, &text);
    else if (st == SSMQ_OK) fwrite(ssmq_str_text(&text), 1, text.length, out);
    if (st == SSMQ_OK) st = ssmq_stored_check(operand + 1, rq.n);
    ssmq_str_free(&text);
    ssmq_arena_free(arena);
    return st;
}

const ssmq_command ssmq_command_export = {
    .name = "export",
    .operands = "KIND RUN...",
    .help = "the data of a figure, or the gnuplot script that draws it",
    .details = SSMQ_FIGURE_HELP,
    .options = export_table,
    .options_size = sizeof(export_options),
    .run = export_run,
};
