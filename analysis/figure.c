#include "analysis/figure.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/assert.h"

#define CELLS_MAX (INT64_C(1) << 30)

void ssmq_figure_free(ssmq_figure *f)
{
    free(f->cell);
    ssmq_str_free(&f->comments);
    ssmq_str_free(&f->settings);
    *f = (ssmq_figure){0};
}

/* ---- the table -------------------------------------------------------------------------- */

void ssmq_figure_add_column(ssmq_figure *f, const char *name, ssmq_column_type type)
{
    SSMQ_ASSERT(f->n_column < SSMQ_COLUMN_MAX && f->n_row == 0);
    f->column[f->n_column++] = (ssmq_column){name, type};
}

ssmq_status ssmq_figure_reserve(ssmq_figure *f, int64_t rows)
{
    const int64_t n = f->n_row + rows;
    if (n <= f->capacity) return SSMQ_OK;
    if (n > CELLS_MAX / f->n_column)
        return SSMQ_FAIL(USAGE, "a figure of %" PRId64 " rows is more than one file should hold", n);
    ssmq_cell *more = realloc(f->cell, (size_t)(n * f->n_column) * sizeof *more);
    if (!more)
        return SSMQ_FAIL(MEMORY, "no memory for a figure of %" PRId64 " rows of %d columns", n, f->n_column);
    f->cell = more;
    f->capacity = n;
    return SSMQ_OK;
}

ssmq_status ssmq_figure_begin_series(ssmq_figure *f, const char *label)
{
    if (f->n_series == SSMQ_SERIES_MAX)
        return SSMQ_FAIL(USAGE, "a figure shows %d series at most", SSMQ_SERIES_MAX);
    f->series[f->n_series++] = (ssmq_series){label, f->n_row, f->n_row};
    return SSMQ_OK;
}

ssmq_cell *ssmq_figure_row(ssmq_figure *f)
{
    SSMQ_ASSERT(f->n_row < f->capacity && f->n_series > 0);
    f->series[f->n_series - 1].end = f->n_row + 1;
    return f->cell + f->n_row++ * f->n_column;
}

int32_t ssmq_figure_column(const ssmq_figure *f, const char *name)
{
    int32_t i = 0;
    while (i < f->n_column && strcmp(f->column[i].name, name) != 0) i++;
    SSMQ_ASSERT(i < f->n_column);
    return i;
}

/* ---- the script's variables ------------------------------------------------------------- */

/* gnuplot takes everything between single quotes as it is, but for the quote itself. */
void ssmq_gnuplot_quote(const char *text, ssmq_str *out)
{
    ssmq_str_puts(out, "'");
    for (; *text; text++) {
        const char c = (unsigned char)*text < ' ' ? ' ' : *text;
        ssmq_str_append(out, c == '\'' ? "''" : &c, c == '\'' ? 2 : 1);
    }
    ssmq_str_puts(out, "'");
}

static void put_real(ssmq_str *out, double value)
{
    if (isfinite(value)) ssmq_str_printf(out, "%.17g", value);
    else ssmq_str_puts(out, "NaN");
}

void ssmq_figure_set_text(ssmq_figure *f, const char *name, const char *value)
{
    ssmq_str_printf(&f->settings, "%s = ", name);
    ssmq_gnuplot_quote(value, &f->settings);
    ssmq_str_puts(&f->settings, "\n");
}

void ssmq_figure_set_real(ssmq_figure *f, const char *name, double value)
{
    ssmq_str_printf(&f->settings, "%s = ", name);
    put_real(&f->settings, value);
    ssmq_str_puts(&f->settings, "\n");
}

void ssmq_figure_set_texts(ssmq_figure *f, const char *name, const char *const *value, int32_t n)
{
    ssmq_str_printf(&f->settings, "array %s[%d] = [", name, n);
    for (int32_t i = 0; i < n; i++) {
        ssmq_str_puts(&f->settings, i ? ", " : "");
        ssmq_gnuplot_quote(value[i], &f->settings);
    }
    ssmq_str_puts(&f->settings, "]\n");
}

void ssmq_figure_set_reals(ssmq_figure *f, const char *name, const double *value, int32_t n)
{
    ssmq_str_printf(&f->settings, "array %s[%d] = [", name, n);
    for (int32_t i = 0; i < n; i++) {
        ssmq_str_puts(&f->settings, i ? ", " : "");
        put_real(&f->settings, value[i]);
    }
    ssmq_str_puts(&f->settings, "]\n");
}

void ssmq_figure_comment(ssmq_figure *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *line = ssmq_arena_vprintf(f->arena, format, args);
    va_end(args);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ') *c = ' ';
    ssmq_str_printf(&f->comments, "%s\n", line);
}
