/* What a figure shows, whatever it is written as: one table of rows in series, what its axes are called,
 * and what the gnuplot script of its kind has to know. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ssmq_column_type { SSMQ_COLUMN_TEXT, SSMQ_COLUMN_INT, SSMQ_COLUMN_REAL } ssmq_column_type;

/* Where a number is missing, the cell is NaN. */
typedef struct ssmq_column {
    const char      *name; /* "density": in CSV, in JSON and in scripts */
    ssmq_column_type type;
} ssmq_column;

typedef union ssmq_cell {
    double      number;
    const char *text;
} ssmq_cell;

#define SSMQ_TEXT_CELL(value) ((ssmq_cell){.text = (value)})
#define SSMQ_NUMBER_CELL(value) ((ssmq_cell){.number = (double)(value)})

/* Rows that are drawn in one way: those of a run, or of a run at a site. */
typedef struct ssmq_series {
    const char *label;
    int64_t     begin, end; /* rows */
} ssmq_series;

#define SSMQ_SERIES_MAX 1024
#define SSMQ_COLUMN_MAX 24

typedef struct ssmq_figure {
    ssmq_arena *arena; /* owns every text */
    const char *kind;  /* "histogram"     */
    const char *script; /* of the kind that draws it; NULL: its own */
    const char *title; /* ""  : none      */
    ssmq_column column[SSMQ_COLUMN_MAX];
    int32_t     n_column;
    ssmq_cell  *cell; /* [n_row, n_column] */
    int64_t     n_row, capacity;
    ssmq_series series[SSMQ_SERIES_MAX];
    int32_t     n_series;
    int64_t     scan;      /* a row of a surface has so many points; 0: this is no surface */
    double      height_cm; /* what suits the kind and the number of panels              */
    ssmq_str    comments;  /* lines without a mark of their own                         */
    ssmq_str    settings;  /* assignments in gnuplot's language                         */
} ssmq_figure;

void ssmq_figure_free(ssmq_figure *f); /* not the arena */

void                      ssmq_figure_add_column(ssmq_figure *f, const char *name, ssmq_column_type type);
/* Room for more rows.  USAGE where one table should hold more than fits into memory by far, MEMORY. */
SSMQ_MUST_USE ssmq_status ssmq_figure_reserve(ssmq_figure *f, int64_t rows);
/* A series begins; USAGE if there are too many. */
SSMQ_MUST_USE ssmq_status ssmq_figure_begin_series(ssmq_figure *f, const char *label);
/* The next row of the series, n_column cells of it to be filled in; room for it was reserved. */
ssmq_cell                *ssmq_figure_row(ssmq_figure *f);
int32_t                   ssmq_figure_column(const ssmq_figure *f, const char *name); /* it is there */

/* Variables of the script. */
void ssmq_figure_set_text(ssmq_figure *f, const char *name, const char *value);
void ssmq_figure_set_real(ssmq_figure *f, const char *name, double value);
/* Arrays. */
void ssmq_figure_set_texts(ssmq_figure *f, const char *name, const char *const *value, int32_t n);
void ssmq_figure_set_reals(ssmq_figure *f, const char *name, const double *value, int32_t n);

/* text in gnuplot's quotes, appended. */
void ssmq_gnuplot_quote(const char *text, ssmq_str *out);

#define SSMQ_FIGURE_LEFT_OUT "left out, though named" /* begins the comment about a run that lacks what is shown */
/* A line for whoever finds the file, "run 4f1c09ab2e77d05c quamba fake". */
void ssmq_figure_comment(ssmq_figure *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif
