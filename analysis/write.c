#include "analysis/write.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/file.h"
#include "harness/base/json.h"

#define SCRIPT_MAX (1u << 20) /* bytes */
#define PNG_DPI 300

/* Calls for each line of the comments. */
#define FOR_COMMENTS(f, line, n)                                         \
    for (const char *line = ssmq_str_text(&(f)->comments), *end_ = line; \
         *line && (end_ = strchr(line, '\n'), n = (int)(end_ - line), true); line = end_ + 1)

static void put_comments(const ssmq_figure *f, ssmq_str *out)
{
    int n;
    FOR_COMMENTS(f, line, n) ssmq_str_printf(out, "# %.*s\n", n, line);
}

/* ---- CSV -------------------------------------------------------------------------------- */

static void put_number(double value, ssmq_column_type type, const char *missing, ssmq_str *out)
{
    char text[SSMQ_REAL_TEXT];
    if (isnan(value)) ssmq_str_puts(out, missing);
    else if (type == SSMQ_COLUMN_INT) ssmq_str_printf(out, "%.0f", value);
    else {
        ssmq_real_text(value, text);
        ssmq_str_puts(out, text);
    }
}

void ssmq_figure_write_csv(const ssmq_figure *f, ssmq_str *out)
{
    put_comments(f, out);
    for (int32_t c = 0; c < f->n_column; c++) ssmq_str_printf(out, "%s%s", c ? "," : "", f->column[c].name);
    ssmq_str_puts(out, "\n");
    for (int64_t i = 0; i < f->n_row; i++) {
        const ssmq_cell *cell = f->cell + i * f->n_column;
        for (int32_t c = 0; c < f->n_column; c++) {
            ssmq_str_puts(out, c ? "," : "");
            if (f->column[c].type == SSMQ_COLUMN_TEXT) ssmq_str_csv(out, cell[c].text);
            else put_number(cell[c].number, f->column[c].type, "", out);
        }
        ssmq_str_puts(out, "\n");
    }
}

/* ---- JSON ------------------------------------------------------------------------------- */

static const ssmq_cell *cell_at(const ssmq_figure *f, int64_t row, int32_t column)
{
    return f->cell + row * f->n_column + column;
}

static void put_nonfinite(ssmq_json_writer *w, const ssmq_figure *f, int32_t c)
{
    char    text[SSMQ_REAL_TEXT];
    int64_t i = 0;
    while (i < f->n_row && isfinite(cell_at(f, i, c)->number)) i++;
    if (i == f->n_row) return;
    char name[128];
    snprintf(name, sizeof name, "%s_nonfinite", f->column[c].name);
    ssmq_json_begin_array(w, name);
    for (i = 0; i < f->n_row; i++) {
        const double value = cell_at(f, i, c)->number;
        ssmq_real_text(value, text);
        ssmq_json_put_text(w, NULL, isfinite(value) ? NULL : text);
    }
    ssmq_json_end_array(w);
}

static void put_column(ssmq_json_writer *w, const ssmq_figure *f, int32_t c)
{
    const ssmq_column_type type = f->column[c].type;
    ssmq_json_begin_array(w, f->column[c].name);
    for (int64_t i = 0; i < f->n_row; i++) {
        const ssmq_cell *cell = cell_at(f, i, c);
        if (type == SSMQ_COLUMN_TEXT) ssmq_json_put_text(w, NULL, cell->text);
        else if (type == SSMQ_COLUMN_INT && isfinite(cell->number))
            ssmq_json_put_int(w, NULL, (int64_t)cell->number);
        else ssmq_json_put_real(w, NULL, cell->number);
    }
    ssmq_json_end_array(w);
    if (type != SSMQ_COLUMN_TEXT) put_nonfinite(w, f, c);
}

static void put_json_comments(ssmq_json_writer *w, const ssmq_figure *f)
{
    char text[2048];
    int  n;
    ssmq_json_begin_array(w, "comments");
    FOR_COMMENTS(f, line, n)
    {
        snprintf(text, sizeof text, "%.*s", n, line);
        ssmq_json_put_text(w, NULL, text);
    }
    ssmq_json_end_array(w);
}

void ssmq_figure_write_json(const ssmq_figure *f, ssmq_str *out)
{
    ssmq_json_writer w = {.out = out};
    ssmq_json_begin_object(&w, NULL);
    ssmq_json_put_text(&w, "kind", f->kind);
    put_json_comments(&w, f);
    ssmq_json_begin_array(&w, "columns");
    for (int32_t c = 0; c < f->n_column; c++) ssmq_json_put_text(&w, NULL, f->column[c].name);
    ssmq_json_end_array(&w);
    ssmq_json_begin_object(&w, "data");
    for (int32_t c = 0; c < f->n_column; c++) put_column(&w, f, c);
    ssmq_json_end_object(&w);
    ssmq_json_end_object(&w);
    ssmq_str_puts(out, "\n");
}

/* ---- gnuplot ---------------------------------------------------------------------------- */

static void put_data_text(const char *text, ssmq_str *out)
{
    ssmq_str_puts(out, "\"");
    for (; *text; text++)
        ssmq_str_append(out, *text == '"' || *text == '\\' || (unsigned char)*text < ' ' ? "_" : text, 1);
    ssmq_str_puts(out, "\"");
}

/* A block for each series with a line of names, two empty lines between blocks.  The columns of the run
 * are left out: a block is of one run. */
static void put_data(const ssmq_figure *f, ssmq_str *out)
{
    const int32_t first = 2;
    ssmq_str_puts(out, "$data << END_OF_DATA\n");
    for (int32_t s = 0; s < f->n_series; s++) {
        if (s) ssmq_str_puts(out, "\n\n");
        for (int32_t c = first; c < f->n_column; c++)
            ssmq_str_printf(out, "%s%s", c > first ? " " : "", f->column[c].name);
        ssmq_str_puts(out, "\n");
        for (int64_t i = f->series[s].begin; i < f->series[s].end; i++) {
            if (f->scan && i > f->series[s].begin && (i - f->series[s].begin) % f->scan == 0)
                ssmq_str_puts(out, "\n");
            for (int32_t c = first; c < f->n_column; c++) {
                const ssmq_cell *cell = cell_at(f, i, c);
                ssmq_str_puts(out, c > first ? " " : "");
                if (f->column[c].type == SSMQ_COLUMN_TEXT) put_data_text(cell->text, out);
                else if (!isfinite(cell->number)) ssmq_str_puts(out, "NaN");
                else put_number(cell->number, f->column[c].type, "", out);
            }
            ssmq_str_puts(out, "\n");
        }
    }
    ssmq_str_puts(out, "END_OF_DATA\n");
}

static ssmq_status put_script(const char *folder, const char *name, ssmq_str *out)
{
    ssmq_str path = {0}, text = {0};
    ssmq_str_printf(&path, "%s/%s.gp", folder, name);
    ssmq_status st = ssmq_file_read(ssmq_str_text(&path), SCRIPT_MAX, &text);
    if (st == SSMQ_OK) ssmq_str_printf(out, "\n%s", ssmq_str_text(&text));
    else st = SSMQ_FAIL(IO, "a script of this program is missing: %s", ssmq_error_last()->message);
    ssmq_str_free(&path);
    ssmq_str_free(&text);
    return st;
}

/* Text of 7 points whatever the terminal: the pixels of an SVG are 1/96 inch, and so are those that gnuplot
 * takes a PNG to have, which is drawn with PNG_DPI. */
static void put_terminal(const ssmq_figure_canvas *c, ssmq_str *out)
{
    const double inch = 2.54, w = c->width_cm / inch, h = c->height_cm / inch, dpi = PNG_DPI;
    ssmq_str_puts(out, "reset session\nset encoding utf8\n");
    switch (c->format) {
    case SSMQ_PICTURE_SVG:
        ssmq_str_printf(
            out, "set terminal svg size %.0f,%.0f font 'Helvetica,7' fontscale %.4g linewidth 1 enhanced\n",
            w * 96, h * 96, 96.0 / 72);
        break;
    case SSMQ_PICTURE_PNG:
        ssmq_str_printf(out,
                        "set terminal pngcairo size %.0f,%.0f font 'Helvetica,7' fontscale %.4g "
                        "linewidth %.4g pointscale %.4g enhanced\n",
                        w * dpi, h * dpi, dpi / 96, dpi / 96, dpi / 96);
        break;
    case SSMQ_PICTURE_PDF:
        ssmq_str_printf(out,
                        "set terminal pdfcairo size %.4gcm,%.4gcm font 'Helvetica,7' fontscale 1 "
                        "linewidth 1 enhanced\n",
                        c->width_cm, c->height_cm);
        break;
    }
    if (!c->output) return;
    ssmq_str_puts(out, "set output ");
    ssmq_gnuplot_quote(c->output, out);
    ssmq_str_puts(out, "\n");
}

ssmq_status ssmq_figure_write_gnuplot(const ssmq_figure *f, const ssmq_figure_canvas *canvas,
                                      const char *scripts, ssmq_str *out)
{
    ssmq_figure common = {.arena = f->arena};
    const char *label[SSMQ_SERIES_MAX];
    for (int32_t i = 0; i < f->n_series; i++) label[i] = f->series[i].label;
    ssmq_figure_set_text(&common, "title", f->title);
    ssmq_figure_set_real(&common, "width_cm", canvas->width_cm);
    ssmq_figure_set_real(&common, "height_cm", canvas->height_cm);
    ssmq_figure_set_real(&common, "n", f->n_series);
    ssmq_figure_set_texts(&common, "label", label, f->n_series);

    put_comments(f, out);
    put_terminal(canvas, out);
    ssmq_str_puts(out, ssmq_str_text(&common.settings));
    ssmq_str_puts(out, ssmq_str_text(&f->settings));
    put_data(f, out);
    ssmq_figure_free(&common);
    SSMQ_TRY(put_script(scripts, "style", out));
    return put_script(scripts, f->script ? f->script : f->kind, out);
}

ssmq_status ssmq_figure_write_file(const char *path, const ssmq_str *bytes)
{
    ssmq_str folder = {0};
    ssmq_path_folder(path, &folder);
    ssmq_status st = ssmq_make_directory(ssmq_str_text(&folder));
    if (st == SSMQ_OK) st = ssmq_file_write(path, ssmq_str_text(bytes), bytes->length);
    ssmq_str_free(&folder);
    return st;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

ssmq_status ssmq_figure_scripts(ssmq_arena *arena, const char **out)
{
    /* From the folder of the program: where it is installed, and where it is built. */
    static const char *const place[] = {SSMQ_FIGURES_PLACE, "figures", NULL};
    char                     program[4096];
    const ssize_t            n = readlink("/proc/self/exe", program, sizeof program - 1);
    program[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash) *slash = '\0';
    for (int i = 0; place[i]; i++) {
        *out = ssmq_arena_printf(arena, "%s/%s", program, place[i]);
        if (is_folder(*out)) return SSMQ_OK;
    }
    return SSMQ_FAIL(IO, "the gnuplot scripts are missing: there is no %s/%s", program, place[0]);
}
