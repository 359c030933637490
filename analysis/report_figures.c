/* The pictures of the report: the drawings of gnuplot as parts of the page. */
#include <string.h>
#include "analysis/gnuplot.h"
#include "analysis/html.h"
#include "analysis/kinds.h"
#include "analysis/report_parts.h"
#include "analysis/write.h"

#define AXES_MOST 4

/* gnuplot calls the parts of each drawing the same: behind these, names get the number of the drawing. */
static void put_names_apart(const char *svg, int number, ssmq_str *out)
{
    static const char *const before[] = {" id='", " id=\"", "href='#", "href=\"#", "url(#"};
    for (const char *p = svg; *p;) {
        size_t n = 0;
        for (size_t i = 0; i < sizeof before / sizeof *before && n == 0; i++)
            if (ssmq_str_starts(p, before[i])) n = strlen(before[i]);
        ssmq_str_append(out, p, n ? n : 1);
        if (n) ssmq_str_printf(out, "figure%d-", number);
        p += n ? n : 1;
    }
}

/* The drawing without what stands before it, and gnuplot's own title. */
static void put_drawing(const char *svg, const char *label, int number, ssmq_str *out)
{
    static const char title[] = "<title>Gnuplot</title>";
    const char       *begin = strstr(svg, "<svg"), *own = strstr(svg, title), *rest = begin ? begin + 4 : svg;
    ssmq_str          head = {0};
    ssmq_str_puts(out, "<svg role=\"img\" aria-label=\"");
    ssmq_html_text(out, label);
    ssmq_str_puts(out, "\"");
    if (own && own > rest) {
        ssmq_str_append(&head, rest, (size_t)(own - rest));
        put_names_apart(ssmq_str_text(&head), number, out);
        rest = own + strlen(title);
    }
    put_names_apart(rest, number, out);
    ssmq_str_free(&head);
}

typedef struct drawing {
    const char         *kind, *caption;
    ssmq_figure_options o;
} drawing;

static ssmq_status draw(const ssmq_report_subject *s, const drawing *d, ssmq_str *svg)
{
    const char *scripts;
    ssmq_figure f;
    ssmq_str    script = {0};
    SSMQ_TRY(ssmq_figure_scripts(s->arena, &scripts));
    SSMQ_TRY(ssmq_figure_build(d->kind, &d->o, &s->path, 1, true, s->arena, &f));
    const ssmq_figure_canvas canvas = {
        .format = SSMQ_PICTURE_SVG, .width_cm = 12, .height_cm = f.height_cm + 1};
    ssmq_status st = ssmq_figure_write_gnuplot(&f, &canvas, scripts, &script);
    if (st == SSMQ_OK) st = ssmq_gnuplot_run(ssmq_str_text(&script), script.length, svg);
    ssmq_figure_free(&f);
    ssmq_str_free(&script);
    return st;
}

static void put_figure(const ssmq_report_subject *s, const drawing *d, int number, ssmq_str *out)
{
    ssmq_str svg = {0};
    if (draw(s, d, &svg) == SSMQ_OK) {
        ssmq_str_puts(out, "<figure>");
        put_drawing(ssmq_str_text(&svg), d->caption, number, out);
        ssmq_str_puts(out, "<figcaption>");
        ssmq_html_text(out, d->caption);
        ssmq_str_puts(out, "</figcaption></figure>\n");
    } else {
        ssmq_str_puts(out, "<p class=\"note\">Not drawn: ");
        ssmq_html_printf(out, "%s: %s", d->caption, ssmq_error_last()->message);
        ssmq_str_puts(out, "</p>\n");
        ssmq_error_clear();
    }
    ssmq_str_free(&svg);
}

static bool has_values(const ssmq_comparison *c, int32_t axis)
{
    const char *first = NULL;
    for (int32_t i = 0; i < c->n_run; i++) {
        const char *label = c->value[i * c->n_axis + axis].label;
        if (label && first && strcmp(label, first) != 0) return true;
        if (label && !first) first = label;
    }
    return false;
}

static bool any_compared(const ssmq_comparison *c, int32_t column)
{
    for (int32_t i = 0; i < c->n_run; i++)
        if (ssmq_comparison_at(c, i, column)->compared) return true;
    return false;
}

/* Has any run figures of the evaluation, and a size, or a time per generated token? */
static bool any_size(const ssmq_comparison *c, int32_t column, bool latency)
{
    for (int32_t i = 0; i < c->n_run; i++) {
        const ssmq_summary *s = &c->run[i]->summary;
        if ((latency ? s->n_speed > 0 : s->parameters > 0) && ssmq_comparison_at(c, i, column)->score) return true;
    }
    return false;
}

/* One evaluation over the axes, against the baseline, and against what it costs. */
static void put_figures_of(const ssmq_report_subject *s, int32_t column, int *number, ssmq_str *out)
{
    static const char *const  none[] = {NULL};
    const ssmq_comparison    *c = s->table;
    const char               *id = c->column[column]->id;
    const ssmq_figure_options plain = {.site = none,
                                       .label = none,
                                       .layer = -1,
                                       .log = -1,
                                       .bins = -1,
                                       .groups = -1,
                                       .sample = -1,
                                       .top = -1,
                                       .points = -1,
                                       .input = -1,
                                       .evaluation = id,
                                       .title = ""};
    drawing                   d = {"sweep", "", plain};
    for (int32_t a = 0; a < c->n_axis && a < AXES_MOST; a++) {
        d.caption = ssmq_arena_printf(s->arena, "Perplexity of %s over %s, with standard errors over windows", id,
                                      c->axis[a]);
        d.o.axis = c->axis[a];
        if (has_values(c, a)) put_figure(s, &d, ++*number, out);
    }
    d = (drawing){"ablation",
                  ssmq_arena_printf(s->arena,
                                    "Change of log-perplexity of %s from %s; light: no more than two standard errors",
                                    id, c->baseline),
                  plain};
    if (any_compared(c, column)) put_figure(s, &d, ++*number, out);
    d = (drawing){"pareto",
                  ssmq_arena_printf(s->arena, "Size of the weights against perplexity of %s, and the front", id), plain};
    if (any_size(c, column, false)) put_figure(s, &d, ++*number, out);
    d.caption =
        ssmq_arena_printf(s->arena, "Time per generated token against perplexity of %s, and the front", id);
    d.o.quantity = "latency";
    if (any_size(c, column, true)) put_figure(s, &d, ++*number, out);
}

void ssmq_report_figures(const ssmq_report_subject *s, ssmq_str *out)
{
    int number = 0;
    if (!s->table) return;
    ssmq_html_section(out, "figures", "Figures");
    for (int32_t k = 0; k < s->table->n_column; k++) {
        if (s->table->n_column > 1) {
            ssmq_str_puts(out, "<h3>");
            ssmq_html_text(out, s->table->column[k]->id);
            ssmq_str_puts(out, "</h3>\n");
        }
        ssmq_str_puts(out, "<div class=\"figures\">\n");
        put_figures_of(s, k, &number, out);
        ssmq_str_puts(out, "</div>\n");
    }
}
