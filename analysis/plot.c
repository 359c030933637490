/* ssmq plot: a figure as a picture, drawn by gnuplot. */
#include <string.h>
#include "analysis/commands.h"
#include "analysis/gnuplot.h"
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

static ssmq_status draw(const ssmq_figure *f, const plot_options *o, ssmq_picture_format format,
                        ssmq_str *script, ssmq_str *picture)
{
    const char *scripts;
    SSMQ_TRY(ssmq_figure_scripts(f->arena, &scripts));
    const ssmq_figure_canvas canvas = {
        .format = format,
        .width_cm = o->width,
        .height_cm = o->height > 0 ? o->height : f->height_cm,
    };
    SSMQ_TRY(ssmq_figure_write_gnuplot(f, &canvas, scripts, script));
    SSMQ_TRY(ssmq_gnuplot_run(ssmq_str_text(script), script->length, picture));
    SSMQ_TRY(ssmq_picture_comment(format, ssmq_str_text(&f->comments), picture));
    return ssmq_figure_write_file(o->output, picture);
}

static ssmq_status plot_run(const void *options, int n_operand, const char *const *operand,
                            const ssmq_catalogue *cat, FILE *out)
{
    const plot_options *o = options;
    ssmq_picture_format format;
    SSMQ_TRY(format_of(o->output, &format));
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_str    script = {0}, picture = {0};
    ssmq_figure f;
    (void)cat;
    (void)out;
    ssmq_status st = ssmq_figure_build(operand[0], &o->figure, operand + 1, n_operand - 1, true, arena, &f);
    if (st == SSMQ_OK) {
        st = draw(&f, o, format, &script, &picture);
        ssmq_figure_free(&f);
    }
    ssmq_str_free(&script);
    ssmq_str_free(&picture);
    ssmq_arena_free(arena);
    return st;
}

const ssmq_command ssmq_command_plot = {
    .name = "plot",
    .operands = "KIND RUN...",
    .help = "a figure as a picture, drawn by gnuplot",
    .details = SSMQ_FIGURE_HELP,
    .options = plot_table,
    .options_size = sizeof(plot_options),
    .run = plot_run,
};
