/* A progress line: redrawn in place on a terminal, sparse plain lines elsewhere.  It goes to the
 * stream it is given (stderr), uses no colour, and never fails: what cannot be written or
 * measured is passed over. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssmq_progress ssmq_progress;

typedef struct ssmq_progress_style {
    FILE   *out;
    bool    redraw; /* one line, redrawn; else plain lines                                  */
    int32_t width;  /* columns of the terminal, for redraw                                  */
    double (*now)(void *context); /* seconds, never going back                              */
    void *context;
} ssmq_progress_style;

/* What suits a stream: redrawn on a terminal at least 40 columns wide, unless TERM is "dumb" or not
 * set; a terminal that does not tell its width is taken for 80 columns wide. */
ssmq_progress_style ssmq_progress_style_of(FILE *out);

ssmq_progress *ssmq_progress_new(const ssmq_progress_style *style);
void           ssmq_progress_free(ssmq_progress *p); /* clears a redrawn line; accepts NULL */

/* Begins a task, ending the one before; unit: what is counted, "windows", or "" where nothing is.
 * p may be NULL here and below. */
void ssmq_progress_begin(ssmq_progress *p, const char *task, const char *unit);
/* done units so far; fraction of the whole task, 0..1, or negative where it is not known.  Cheap:
 * draws at most ten times a second, or in plain lines after 10 s or a further 5 % (and at least 5
 * s). */
void ssmq_progress_update(ssmq_progress *p, int64_t done, double fraction);
/* Ends the task with a line that says how long it took. */
void ssmq_progress_end(ssmq_progress *p);
/* Clears the redrawn line, so that something else may be written to the terminal. */
void ssmq_progress_clear(ssmq_progress *p);

#ifdef __cplusplus
}
#endif
