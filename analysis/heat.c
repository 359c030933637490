/* heat: one number of each site and layer, by default the signal-to-noise ratio of its codes. */
#include <math.h>
#include "analysis/quantity.h"

typedef struct heat_span {
    double least, most; /* finite values */
    double layer_first, layer_last;
} heat_span;

static ssmq_status add_site(const ssmq_figure_run *run, const char *site, int32_t number,
                            const ssmq_quantity *q, heat_span *span, ssmq_figure *f)
{
    SSMQ_TRY(ssmq_figure_reserve(f, q->n));
    for (int64_t i = 0; i < q->n; i++) {
        ssmq_cell *cell = ssmq_figure_run_row(f, run);
        cell[0] = SSMQ_TEXT_CELL(site);
        cell[1] = SSMQ_NUMBER_CELL(number);
        cell[2] = SSMQ_NUMBER_CELL(q->layer[i]);
        cell[3] = SSMQ_NUMBER_CELL(q->value[i]);
        span->layer_first = fmin(span->layer_first, q->layer[i]);
        span->layer_last = fmax(span->layer_last, q->layer[i]);
        if (!isfinite(q->value[i])) continue;
        span->least = fmin(span->least, q->value[i]);
        span->most = fmax(span->most, q->value[i]);
    }
    return SSMQ_OK;
}

static ssmq_status add_run(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *name,
                           const char *const *sites, heat_span *span, ssmq_figure *f)
{
    ssmq_quantity q;
    SSMQ_TRY(ssmq_figure_begin_series(f, run->label));
    for (int32_t i = 0; sites[i]; i++) {
        SSMQ_TRY(ssmq_quantity_read(rq, run, sites[i], name, &q));
        SSMQ_TRY(add_site(run, sites[i], i, &q, span, f));
    }
    return SSMQ_OK;
}

/* "set ytics add ('scan.x' 0, ...)": names for the rows of the picture. */
static void set_site_names(const char *const *sites, ssmq_figure *f)
{
    int32_t n = 0;
    for (; sites[n]; n++) continue;
    ssmq_figure_set_real(f, "n_site", n);
    ssmq_figure_set_texts(f, "site_name", sites, n);
}

/* Errors of one colour scale are of one input: clean ones where there are some, unless --input says
 * otherwise. */
static ssmq_status choose_sites(ssmq_figure_request *rq, ssmq_figure_options *o, const char *name,
                                const char *const **sites)
{
    ssmq_figure_request clean = *rq;
    *o = *rq->o;
    clean.o = o;
    if (o->input < 0) {
        o->input = 0;
        const ssmq_status st = ssmq_quantity_sites(&clean, name, sites);
        *rq = st == SSMQ_OK ? clean : *rq;
        if (st != SSMQ_ERR_INPUT) return st;
        ssmq_error_clear();
    }
    return ssmq_quantity_sites(rq, name, sites);
}

static ssmq_status build(const ssmq_figure_request *request, ssmq_figure *f)
{
    ssmq_figure_request of_one = *request, *const rq = &of_one;
    ssmq_figure_options o;
    const char         *name = rq->o->quantity ? rq->o->quantity : "sqnr_db";
    const char *const  *sites;
    heat_span           span = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    SSMQ_TRY(choose_sites(rq, &o, name, &sites));
    ssmq_figure_add_column(f, "site", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "site_number", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "layer", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, ssmq_arena_strdup(rq->arena, name), SSMQ_COLUMN_REAL);
    for (int32_t i = 0; i < rq->n_run; i++) SSMQ_TRY(add_run(rq, &rq->run[i], name, sites, &span, f));
    set_site_names(sites, f);
    ssmq_figure_title(rq, f, "", -1);
    ssmq_figure_set_text(f, "quantity", name);
    ssmq_figure_set_text(f, "name", ssmq_quantity_label(name));
    ssmq_figure_set_real(f, "least", span.least);
    ssmq_figure_set_real(f, "most", span.most);
    ssmq_figure_set_real(f, "layer_first", span.layer_first);
    ssmq_figure_set_real(f, "layer_last", span.layer_last);
    int32_t n = 0;
    while (sites[n]) n++;
    f->height_cm = 1.6 + (1.0 + 0.34 * n) * rq->n_run;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_heat = {
    .name = "heat",
    .takes = SSMQ_TAKES_SITE | SSMQ_TAKES_QUANTITY | SSMQ_TAKES_INPUT,
    .build = build,
};
