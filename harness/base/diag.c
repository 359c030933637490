#include "harness/base/diag.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "harness/base/assert.h"

/* Lines are shown in full up to this many columns; of longer ones, the part around the caret. */
#define SHOWN_WIDTH 160
#define SHOWN_BEFORE 60

typedef struct entry {
    ssmq_status status;  /* OK: a warning */
    char       *text;
    char       *context; /* under which it was found first; NULL: none */
    int32_t     times;   /* contexts under which it was found          */
    int32_t     last;    /* the last of them                           */
} entry;

struct ssmq_diag {
    entry       entry[2 * SSMQ_DIAG_MAX]; /* problems and warnings, each up to the limit */
    int32_t     n_entry;
    int32_t     n_error, n_warning; /* also those without an entry */
    bool        mixed;
    ssmq_status status;
    char       *context;   /* NULL: none */
    int32_t     n_context; /* how many there have been */
};

ssmq_diag *ssmq_diag_new(void)
{
    ssmq_diag *d = ssmq_must_malloc(sizeof *d);
    *d = (ssmq_diag){.status = SSMQ_OK};
    return d;
}

void ssmq_diag_free(ssmq_diag *d)
{
    if (!d) return;
    for (int32_t i = 0; i < d->n_entry; i++) {
        free(d->entry[i].text);
        free(d->entry[i].context);
    }
    free(d->context);
    free(d);
}

/* ---- places ---------------------------------------------------------------------------- */

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

static size_t line_begin(const ssmq_origin *s, size_t offset)
{
    size_t at = offset < s->length ? offset : s->length;
    while (at > 0 && !is_break(s->text[at - 1])) at--;
    return at;
}

static size_t line_end(const ssmq_origin *s, size_t offset)
{
    size_t at = offset < s->length ? offset : s->length;
    while (at < s->length && !is_break(s->text[at])) at++;
    return at;
}

void ssmq_place_find(const ssmq_place *p, int32_t *line, int32_t *column)
{
    const ssmq_origin *s = p->source;
    const size_t       begin = line_begin(s, p->offset);
    *line = 1;
    for (size_t i = 0; i < begin; i++) {
        const bool pair = s->text[i] == '\r' && i + 1 < s->length && s->text[i + 1] == '\n';
        if (is_break(s->text[i]) && !pair) ++*line;
    }
    *column = 1;
    for (size_t i = begin; i < p->offset && i < s->length; i++)
        if (((unsigned char)s->text[i] & 0xc0) != 0x80) ++*column; /* not a continuation byte */
}

/* ---- one problem as text --------------------------------------------------------------- */

/* The character at text, its length in bytes and its width in columns; -1 for what is not shown as
 * it is: controls and broken encodings. */
static utf8proc_int32_t character(const char *text, size_t n, size_t *bytes, int *width)
{
    utf8proc_int32_t       c;
    const utf8proc_ssize_t got =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &c);
    const bool control = got > 0 && c != '\t' && (c < 0x20 || (c >= 0x7f && c < 0xa0));
    *bytes = got > 0 ? (size_t)got : 1;
    if (got <= 0 || control) {
        *width = 1;
        return -1;
    }
    *width = c == '\t' ? 1 : utf8proc_charwidth(c);
    return c;
}

/* Where to start showing a line: of a long one, so that at is no more than SHOWN_BEFORE columns in.
 */
static size_t shown_begin(const char *text, size_t begin, size_t end, size_t at)
{
    if (end - begin <= SHOWN_WIDTH || at - begin <= SHOWN_WIDTH / 2) return begin;
    size_t from = at;
    for (int columns = 0; from > begin && columns < SHOWN_BEFORE; columns++)
        while (--from > begin && ((unsigned char)text[from] & 0xc0) == 0x80) {
        }
    return from;
}

/* The source line and the line with the caret below it. */
static void put_lines(ssmq_str *out, const ssmq_place *p)
{
    const ssmq_origin *s = p->source;
    const size_t       begin = line_begin(s, p->offset), end = line_end(s, p->offset);
    const size_t       first = shown_begin(s->text, begin, end, p->offset < end ? p->offset : end);
    ssmq_str           caret = {0};
    int                shown = 0;
    size_t             at = first;
    if (first > begin) {
        ssmq_str_puts(out, "...");
        ssmq_str_puts(&caret, "   ");
    }
    for (size_t bytes; at < end && shown < SHOWN_WIDTH; at += bytes) {
        int        width;
        const bool plain = character(s->text + at, end - at, &bytes, &width) >= 0;
        if (plain) ssmq_str_append(out, s->text + at, bytes);
        else ssmq_str_puts(out, "?");
        const bool marked = at > p->offset && at < p->offset + p->length;
        for (int i = 0; i < width; i++) {
            const bool here = at == p->offset && i == 0;
            const bool tab = s->text[at] == '\t' && !marked;
            if (at <= p->offset || marked)
                ssmq_str_puts(&caret, here                          ? "^"
                                      : (marked || at == p->offset) ? "~"
                                      : tab                         ? "\t"
                                                                    : " ");
        }
        shown += width;
    }
    if (p->offset >= end) ssmq_str_puts(&caret, "^");
    ssmq_str_printf(out, "%s\n%s\n", at < end ? "..." : "", ssmq_str_text(&caret));
    ssmq_str_free(&caret);
}

/* Where the file that the place is in was named, and where that one was. */
static void put_notes(ssmq_str *out, const ssmq_origin *s)
{
    if (s->set > 0) ssmq_str_printf(out, "note: set by --set #%d\n", s->set);
    for (; s->parent; s = s->parent) {
        const ssmq_place at = {.source = (ssmq_origin *)(uintptr_t)s->parent,
                               .offset = s->parent_offset};
        int32_t          line, column;
        ssmq_place_find(&at, &line, &column);
        ssmq_str_printf(out, "note: included from %s:%d:%d\n", s->parent->name, line, column);
        if (s->parent->set > 0) ssmq_str_printf(out, "note: set by --set #%d\n", s->parent->set);
    }
}

/* Appends text and after with control characters as spaces: whatever a message quotes, it is one
 * line. */
static void put_one_line(ssmq_str *out, const char *text, const char *after)
{
    const size_t from = out->length;
    ssmq_str_printf(out, "%s%s", text, after);
    for (size_t i = from; i < out->length; i++)
        if ((unsigned char)out->data[i] < 0x20 || out->data[i] == 0x7f) out->data[i] = ' ';
    ssmq_str_puts(out, "\n");
}

static void put_problem(ssmq_str *out, ssmq_problem problem, const ssmq_place *p,
                        const char *message, const char *help)
{
    if (p->source) {
        int32_t line, column;
        ssmq_place_find(p, &line, &column);
        ssmq_str_printf(out, "%s:%d:%d: ", p->source->name, line, column);
    }
    char number[SSMQ_PROBLEM_NUMBER], after[SSMQ_PROBLEM_NUMBER + 3];
    ssmq_problem_number(problem, number);
    snprintf(after, sizeof after, " [%s]", number);
    ssmq_str_printf(out, "%s: ", ssmq_problem_is_warning(problem) ? "warning" : "error");
    put_one_line(out, message, after);
    if (p->source) put_lines(out, p);
    if (help) {
        ssmq_str_puts(out, "help: ");
        put_one_line(out, help, "");
    }
    if (p->source) put_notes(out, p->source);
}

/* ---- the collection -------------------------------------------------------------------- */

/* Is there room for another entry, given how many of its kind there are?  Beyond it nothing is
 * rendered, since a hostile file can hold a hundred thousand problems. */
static bool room(int32_t count)
{
    return count < SSMQ_DIAG_MAX;
}

static char *copy_of(const char *text)
{
    if (!text) return NULL;
    char *copy = ssmq_must_malloc(strlen(text) + 1);
    return strcpy(copy, text);
}

/* Renders and keeps; false if the same stands there already. */
static bool keep(ssmq_diag *d, ssmq_status status, ssmq_problem problem, const ssmq_place *p,
                 const char *help, const char *format, va_list args)
{
    ssmq_arena *arena = ssmq_arena_new();
    ssmq_str    text = {0};
    put_problem(&text, problem, p, ssmq_arena_vprintf(arena, format, args), help);
    ssmq_arena_free(arena);
    for (int32_t i = 0; i < d->n_entry; i++) {
        if (strcmp(d->entry[i].text, text.data) != 0) continue;
        ssmq_str_free(&text);
        d->entry[i].times += d->context && d->entry[i].last != d->n_context;
        d->entry[i].last = d->n_context;
        return false;
    }
    d->entry[d->n_entry++] = (entry){.status = status,
                                     .text = text.data,
                                     .context = copy_of(d->context),
                                     .times = 1,
                                     .last = d->n_context};
    return true;
}

void ssmq_diag_context(ssmq_diag *d, const char *context)
{
    free(d->context);
    d->context = copy_of(context);
    d->n_context += context != NULL;
}

void ssmq_diag_add(ssmq_diag *d, ssmq_status status, ssmq_problem problem, ssmq_place place,
                   const char *help, const char *format, ...)
{
    va_list args;
    SSMQ_ASSERT(!ssmq_problem_is_warning(problem));
    va_start(args, format);
    const bool is_new = !room(d->n_error) || keep(d, status, problem, &place, help, format, args);
    va_end(args);
    if (!is_new) return;
    d->mixed = d->mixed || (d->n_error > 0 && d->status != status);
    d->status = status;
    d->n_error++;
}

void ssmq_diag_warn(ssmq_diag *d, ssmq_problem problem, ssmq_place place, const char *help,
                    const char *format, ...)
{
    va_list args;
    SSMQ_ASSERT(ssmq_problem_is_warning(problem));
    va_start(args, format);
    if (!room(d->n_warning) || keep(d, SSMQ_OK, problem, &place, help, format, args))
        d->n_warning++;
    va_end(args);
}

void ssmq_diag_failure(ssmq_diag *d, ssmq_status status, ssmq_problem problem, ssmq_place place,
                       const char *where)
{
    const ssmq_error *e = ssmq_error_last();
    ssmq_diag_add(d, status, e->problem ? e->problem : problem, place, NULL, "%s%s%s", where,
                  *where ? ": " : "", e->message);
    ssmq_error_clear();
}

int32_t ssmq_diag_errors(const ssmq_diag *d)
{
    return d->n_error;
}

int32_t ssmq_diag_warnings(const ssmq_diag *d)
{
    return d->n_warning;
}

ssmq_status ssmq_diag_status(const ssmq_diag *d)
{
    return d->mixed ? SSMQ_ERR_CONFIG : d->status;
}

static void put_rest(ssmq_str *out, int32_t n, const char *what)
{
    if (n > SSMQ_DIAG_MAX)
        ssmq_str_printf(out, "%d more %s%s not shown\n", n - SSMQ_DIAG_MAX, what,
                        n == SSMQ_DIAG_MAX + 1 ? " is" : "s are");
}

void ssmq_diag_render(const ssmq_diag *d, ssmq_str *out)
{
    for (int32_t i = 0; i < d->n_entry; i++) {
        const entry *e = &d->entry[i];
        ssmq_str_puts(out, e->text);
        if (e->context && e->times < d->n_context) {
            ssmq_str_puts(out, "note: first found at ");
            put_one_line(out, e->context, "");
        }
    }
    put_rest(out, d->n_error, "error");
    put_rest(out, d->n_warning, "warning");
}
