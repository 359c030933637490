/* A figure as text: a table for other programs, or a script for gnuplot that carries its data. */
#pragma once
#include "analysis/figure.h"
#include "analysis/picture.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Comment lines that begin with "#", a line of column names, a line for each row.  A missing number is
 * empty; the others are the shortest decimals that read back the same. */
void ssmq_figure_write_csv(const ssmq_figure *f, ssmq_str *out);

/* {"kind": ..., "comments": [...], "columns": [...], "data": {"<column>": [...], ...}}; a number that is not
 * finite is null, and "<column>_nonfinite" beside it says which ("nan", "inf", "-inf"; null: none). */
void ssmq_figure_write_json(const ssmq_figure *f, ssmq_str *out);

/* What the picture is to be. */
typedef struct ssmq_figure_canvas {
    ssmq_picture_format format;
    double              width_cm, height_cm;
    const char         *output; /* a file; NULL: gnuplot's standard output */
} ssmq_figure_canvas;

#define SSMQ_FIGURE_WIDTH_CM 8.4 /* a column of a paper with two of them */

/* The whole script: terminal, settings, data, and the files style.gp and KIND.gp of the folder scripts.
 * IO if they are not there. */
SSMQ_MUST_USE ssmq_status ssmq_figure_write_gnuplot(const ssmq_figure *f, const ssmq_figure_canvas *canvas,
                                                    const char *scripts, ssmq_str *out);

/* Writes a file whole or not at all; missing folders above it are made. */
SSMQ_MUST_USE ssmq_status ssmq_figure_write_file(const char *path, const ssmq_str *bytes);

/* The folder of the scripts, of an installed program or of one in its build folder; the arena's.  IO. */
SSMQ_MUST_USE ssmq_status ssmq_figure_scripts(ssmq_arena *arena, const char **out);

#ifdef __cplusplus
}
#endif
