/* ssmq plot: a figure as a picture, drawn by gnuplot. */
#include <string.h>
#include "analysis/commands.h"
#include "analysis/gnuplot.h"
#include "analysis/guard.h"
#include "analysis/kinds.h"
#include "analysis/picture.h"
#include "analysis/write.h"

typedef struct plot_options {
    ssmq_figure_options figure; /* first: SSMQ_FIGURE_OPTION_LINES */
    const char         *output;
    double              width, height;
} plot_options;

static const ssmq_option plot_table[] = {
    {"output", offsetof(plot_options, output), SSMQ_OPTION_TEXT, NULL, 0, 0, NULL,
     "the picture: FILE.svg, FILE.png or FILE.pdf"},
    SSMQ_FIGURE_OPTION_LINES,
    {"width", offsetof(plot_options, width), SSMQ_OPTION_REAL, "8.4", 2, 100, NULL,
     "cm; the default is a column of a paper"},
    {"height", offsetof(plot_options, height), SSMQ_OPTION_REAL, "", 2, 100, NULL,
     "cm; by default what suits the figure"},
    {0},
};

static ssmq_status format_of(const char *output, ssmq_picture_format *out)
{
    static const char *const suffix[] = {".svg", ".png", ".pdf"};
    for (int i = 0; i < 3; i++) {
        *out = (ssmq_picture_format)i;
        if (ssmq_str_ends(output, suffix[i]) && strlen(output) > 4) return SSMQ_OK;
    }
    return SSMQ_FAIL(USAGE, "option '--output' is '%s', not a name that ends in .svg, .png or .pdf", output);
}

/* What is asked for: operand[0] is the kind, the n others name the runs. */
typedef struct plot_request {
    const plot_options *o;
    const char *const  *operand;
    int                 n;
    ssmq_picture_format format;
    ssmq_arena         *arena;
} plot_request;

static ssmq_status make_script(const void *context, ssmq_str *out)
{
    const plot_request *rq = context;
    const char         *scripts;
    ssmq_figure         f;
    SSMQ_TRY(ssmq_figure_scripts(rq->arena, &scripts));
    SSMQ_TRY(ssmq_figure_build(rq->operand[0], &rq->o->figure, rq->operand + 1, rq->n, true, rq->arena, &f));
    const ssmq_figure_canvas canvas = {
        .format = rq->format,
        .width_cm = rq->o->width,
        .height_cm = rq->o->height > 0 ? rq->o->height : f.height_cm,
    };
    const ssmq_status st = ssmq_figure_write_gnuplot(&f, &canvas, scripts, out);
    ssmq_figure_free(&f);
    return st;
}

/* A script begins with the comments of its figure, each behind "# ". */
static void take_comments(const char *script, ssmq_str *out)
{
    while (ssmq_str_starts(script, "# ")) {
        const size_t n = strcspn(script, "\n");
        ssmq_str_append(out, script + 2, n - 2);
        ssmq_str_puts(out, "\n");
        script += n + (script[n] == '\n');
    }
}

/* A picture does not show that a run is missing in it which was asked for. */
static void say_left_out(const char *comments, FILE *notes)
{
    for (const char *line = comments; *line;) {
        const size_t n = strcspn(line, "\n");
        if (ssmq_str_starts(line, SSMQ_FIGURE_LEFT_OUT)) fprintf(notes, "%.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
    }
}

static ssmq_status draw(const plot_request *rq, ssmq_str *script, ssmq_str *comments, ssmq_str *picture)
{
    SSMQ_TRY(ssmq_guard(make_script, rq, rq->operand + 1, rq->n, script));
    take_comments(ssmq_str_text(script), comments);
    SSMQ_TRY(ssmq_gnuplot_run(ssmq_str_text(script), script->length, picture));
    SSMQ_TRY(ssmq_picture_comment(rq->format, ssmq_str_text(comments), picture));
    return ssmq_figure_write_file(rq->o->output, picture);
}

static ssmq_status plot_run(const void *options, int n_operand, const char *const *operand,
                            const ssmq_catalogue *cat, FILE *out, FILE *notes)
{
    plot_request rq = {.o = options, .operand = operand, .n = n_operand - 1};
    ssmq_str     script = {0}, comments = {0}, picture = {0};
    (void)cat;
    (void)out;
    SSMQ_TRY(format_of(rq.o->output, &rq.format));
    rq.arena = ssmq_arena_new();
    ssmq_status st = draw(&rq, &script, &comments, &picture);
    if (st == SSMQ_OK) say_left_out(ssmq_str_text(&comments), notes);
    if (st == SSMQ_OK) st = ssmq_stored_check(operand + 1, rq.n);
    ssmq_str_free(&script);
    ssmq_str_free(&comments);
    ssmq_str_free(&picture);
    ssmq_arena_free(rq.arena);
    return st;
}

const ssmq_command ssmq_command_plot = {
    .name = "plot",
    .operands = "KIND RUN...",
    .help = "a figure as a picture, drawn by gnuplot",
    .details = SSMQ_FIGURE_HELP,
    .options = plot_table,
    .options_size = sizeof(plot_options),
    .run_noting = plot_run,
};
