/* Problems in what a person wrote: collected with their places, so that all are reported at once,
 * each with the line, a caret and, where there is one, a suggestion. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/error.h"
#include "harness/base/problems.h"
#include "harness/base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SSMQ_DIAG_MAX 20 /* problems that are reported; the rest is counted */

/* Where text came from, and what places point into: a file, or the argument of a --set. */
typedef struct ssmq_origin {
    const char               *name;   /* of the file, as it is printed; "--set" */
    const char               *text;
    size_t                    length; /* bytes */
    int32_t                   set;    /* n: the n-th --set; 0: a file */
    const struct ssmq_origin *parent; /* what named this file; NULL: nothing did */
    size_t                    parent_offset;
    bool                      used;   /* some value of it counted (kept by who reads it) */
} ssmq_origin;

/* source NULL: no place.  The caret stands under offset, tildes under the rest of length. */
typedef struct ssmq_place {
    ssmq_origin *source;
    size_t       offset, length; /* bytes */
} ssmq_place;

/* Line and column, from 1, columns in characters. */
void ssmq_place_find(const ssmq_place *p, int32_t *line, int32_t *column);

typedef struct ssmq_diag ssmq_diag;

ssmq_diag *ssmq_diag_new(void);
void       ssmq_diag_free(ssmq_diag *d); /* accepts NULL */

/* Adds a problem.  status says of what kind: CONFIG, UNSUPPORTED, INPUT; its number ends the
 * message,
 * "... [E203]".  help: one line, copied; or NULL.  What is shown at the same place already is not
 * added again.  Places and their sources are rendered at once and need not outlive the call. */
void ssmq_diag_add(ssmq_diag *d, ssmq_status status, ssmq_problem problem, ssmq_place place,
                   const char *help, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Adds a warning: it changes no status. */
void ssmq_diag_warn(ssmq_diag *d, ssmq_problem problem, ssmq_place place, const char *help,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Adds the last failure of this thread, under the number it carries or else under problem, and
 * forgets it. where: what the message begins with, "recipe.u"; or "". */
void ssmq_diag_failure(ssmq_diag *d, ssmq_status status, ssmq_problem problem, ssmq_place place,
                       const char *where);

/* What is being looked at from here on, "p=99.9 rot=true", copied; NULL: nothing in particular.  A problem that
 * is found under some contexts only gets the note "first found at " and the first of them. */
void ssmq_diag_context(ssmq_diag *d, const char *context);

int32_t ssmq_diag_errors(const ssmq_diag *d); /* how many problems there are */
int32_t ssmq_diag_warnings(const ssmq_diag *d);

/* OK without problems; the problems' status where all share one; else CONFIG. */
ssmq_status ssmq_diag_status(const ssmq_diag *d);

/* Appends everything that was added, in order:
 *   FILE:LINE:COL: error: MESSAGE [NUMBER] / source line / caret / help: ... / note: ... */
void ssmq_diag_render(const ssmq_diag *d, ssmq_str *out);

#ifdef __cplusplus
}
#endif
