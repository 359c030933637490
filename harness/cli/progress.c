#include "harness/cli/progress.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "harness/base/arena.h"
#include "harness/base/str.h"
#include "harness/base/table.h"

#define REDRAW_SECONDS 0.1
#define PLAIN_SECONDS 10.0
#define PLAIN_SECONDS_MIN 5.0
#define PLAIN_STEP 0.05
#define WIDTH_MIN 40
#define WIDTH_UNKNOWN 80

struct ssmq_progress {
    ssmq_progress_style style;
    ssmq_str            task, unit;
    bool                active;
    double              start, drawn, drawn_fraction; /* of the task; of its last line */
    int64_t             done;
    double              fraction;
    int32_t             shown; /* columns of the redrawn line that stand on the terminal */
};

static double monotonic(void *context)
{
    (void)context;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

ssmq_progress_style ssmq_progress_style_of(FILE *out)
{
    ssmq_progress_style style = {.out = out, .width = WIDTH_UNKNOWN, .now = monotonic};
    const int           fd = fileno(out);
    const char         *term = getenv("TERM");
    if (fd < 0 || !isatty(fd) || !term || !*term || strcmp(term, "dumb") == 0) return style;
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.width = size.ws_col;
    style.redraw = style.width >= WIDTH_MIN;
    return style;
}

ssmq_progress *ssmq_progress_new(const ssmq_progress_style *style)
{
    ssmq_progress *p = ssmq_must_malloc(sizeof *p);
    *p = (ssmq_progress){.style = *style};
    return p;
}

void ssmq_progress_free(ssmq_progress *p)
{
    if (!p) return;
    ssmq_progress_clear(p);
    ssmq_str_free(&p->task);
    ssmq_str_free(&p->unit);
    free(p);
}

/* "7 s", "3:05 min", "2:00:09 h" */
static void put_duration(ssmq_str *out, double seconds)
{
    if (seconds < 60) {
        ssmq_str_printf(out, seconds < 10 ? "%.1f s" : "%.0f s", seconds);
        return;
    }
    /* A rate near zero may predict any time: beyond 1000 hours the figure says nothing more. */
    const int64_t s = seconds < 3.6e6 ? (int64_t)(seconds + 0.5) : 3600000;
    if (s < 3600) ssmq_str_printf(out, "%" PRId64 ":%02" PRId64 " min", s / 60, s % 60);
    else
        ssmq_str_printf(out, "%" PRId64 ":%02" PRId64 ":%02" PRId64 " h", s / 3600, s / 60 % 60,
                        s % 60);
}

static void put_state(const ssmq_progress *p, double now, ssmq_str *out)
{
    const double elapsed = now - p->start;
    ssmq_str_puts(out, ssmq_str_text(&p->task));
    if (p->fraction >= 0) ssmq_str_printf(out, "  %3.0f %%", 100 * p->fraction);
    if (p->unit.length > 0)
        ssmq_str_printf(out, "  %" PRId64 " %s", p->done, ssmq_str_text(&p->unit));
    if (elapsed > 0 && p->done > 0 && p->unit.length > 0) {
        const double rate = (double)p->done / elapsed;
        ssmq_str_printf(out, "  %.*f/s", rate < 10 ? 2 : 0, rate);
    }
    if (p->fraction > 0 && elapsed > 0) {
        ssmq_str_puts(out, "  ETA ");
        put_duration(out, elapsed * (1 - p->fraction) / p->fraction);
    }
}

/* Draws over the line that stands there; blanks cover its rest.  The last column stays empty,
 * since many terminals wrap once it is written. */
static void redraw(ssmq_progress *p, const char *text)
{
    const size_t n = ssmq_text_fit(text, p->style.width - 1);
    ssmq_str     line = {0};
    ssmq_str_puts(&line, "\r");
    ssmq_str_append(&line, text, n);
    const int32_t width = ssmq_text_width(ssmq_str_text(&line) + 1);
    for (int32_t i = width; i < p->shown; i++) ssmq_str_puts(&line, " ");
    for (int32_t i = width; i < p->shown; i++) ssmq_str_puts(&line, "\b");
    (void)fputs(ssmq_str_text(&line), p->style.out);
    (void)fflush(p->style.out);
    ssmq_str_free(&line);
    p->shown = width;
}

static void print_line(ssmq_progress *p, const char *text)
{
    ssmq_progress_clear(p);
    (void)fprintf(p->style.out, "%s\n", text);
    (void)fflush(p->style.out);
}

static void draw(ssmq_progress *p, double now)
{
    ssmq_str text = {0};
    put_state(p, now, &text);
    if (p->style.redraw) redraw(p, ssmq_str_text(&text));
    else print_line(p, ssmq_str_text(&text));
    ssmq_str_free(&text);
    p->drawn = now;
    p->drawn_fraction = p->fraction;
}

static bool is_due(const ssmq_progress *p, double now)
{
    const double waited = now - p->drawn;
    if (p->style.redraw) return waited >= REDRAW_SECONDS;
    if (waited >= PLAIN_SECONDS) return true;
    return waited >= PLAIN_SECONDS_MIN && p->fraction >= 0 &&
           p->fraction - p->drawn_fraction >= PLAIN_STEP;
}

/* Control characters would spoil the line; names out of a file may hold them. */
static void set_text(ssmq_str *to, const char *text)
{
    ssmq_str_clear(to);
    for (; *text; text++) {
        const char c = (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text;
        ssmq_str_append(to, &c, 1);
    }
}

void ssmq_progress_begin(ssmq_progress *p, const char *task, const char *unit)
{
    if (!p) return;
    if (p->active) ssmq_progress_end(p);
    set_text(&p->task, task);
    set_text(&p->unit, unit);
    p->active = true;
    p->start = p->drawn = p->style.now(p->style.context);
    p->drawn_fraction = 0;
    p->done = 0;
    p->fraction = -1;
    if (p->style.redraw) redraw(p, ssmq_str_text(&p->task));
    else print_line(p, ssmq_str_text(&p->task));
}

void ssmq_progress_update(ssmq_progress *p, int64_t done, double fraction)
{
    if (!p || !p->active) return;
    p->done = done;
    p->fraction = fraction > 1 ? 1 : fraction >= 0 ? fraction : -1; /* NaN: not known */
    const double now = p->style.now(p->style.context);
    if (is_due(p, now)) draw(p, now);
}

void ssmq_progress_end(ssmq_progress *p)
{
    if (!p || !p->active) return;
    p->active = false;
    ssmq_str text = {0};
    ssmq_str_printf(&text, "%s: ", ssmq_str_text(&p->task));
    if (p->unit.length > 0)
        ssmq_str_printf(&text, "%" PRId64 " %s in ", p->done, ssmq_str_text(&p->unit));
    put_duration(&text, p->style.now(p->style.context) - p->start);
    print_line(p, ssmq_str_text(&text));
    ssmq_str_free(&text);
}

void ssmq_progress_clear(ssmq_progress *p)
{
    if (!p || p->shown == 0) return;
    ssmq_str line = {0};
    ssmq_str_puts(&line, "\r");
    for (int32_t i = 0; i < p->shown; i++) ssmq_str_puts(&line, " ");
    ssmq_str_puts(&line, "\r");
    (void)fputs(ssmq_str_text(&line), p->style.out);
    (void)fflush(p->style.out);
    ssmq_str_free(&line);
    p->shown = 0;
}
