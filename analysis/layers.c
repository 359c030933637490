/* layers: one number of each layer, over runs and sites. */
#include <math.h>
#include "analysis/quantity.h"

#define PICTURE_LINES 16

static ssmq_status add_rows(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                            bool one_site, const ssmq_quantity *q, ssmq_figure *f)
{
    const char *label = one_site         ? run->label
                        : rq->n_run == 1 ? site
                                         : ssmq_arena_printf(rq->arena, "%s: %s", run->label, site);
    SSMQ_TRY(ssmq_figure_begin_series(f, label));
    SSMQ_TRY(ssmq_figure_reserve(f, q->n));
    for (int64_t i = 0; i < q->n; i++) {
        ssmq_cell *cell = ssmq_figure_run_row(f, run);
        cell[0] = SSMQ_TEXT_CELL(site);
        cell[1] = SSMQ_NUMBER_CELL(q->layer[i]);
        cell[2] = SSMQ_NUMBER_CELL(q->value[i]);
    }
    return SSMQ_OK;
}

#define COLOURS 7 /* of style.gp, without that of float */

/* Lines have the colour of their run and the dashes of their site; of one run, colours tell sites apart, and where these
 * have been used up, dashes. */
static ssmq_status add_lines(const ssmq_figure_request *rq, const char *name, const char *const *sites,
                             ssmq_figure *f)
{
    double       *colour = SSMQ_ARENA_ARRAY(rq->arena, double, SSMQ_SERIES_MAX);
    double       *dash = SSMQ_ARENA_ARRAY(rq->arena, double, SSMQ_SERIES_MAX);
    ssmq_quantity q;
    for (int32_t i = 0; i < rq->n_run; i++)
        for (int32_t k = 0; sites[k]; k++) {
            SSMQ_TRY(ssmq_quantity_read(rq, &rq->run[i], sites[k], name, &q));
            if (q.n == 0) continue;
            SSMQ_TRY(add_rows(rq, &rq->run[i], sites[k], !sites[1], &q, f));
            colour[f->n_series - 1] = rq->n_run == 1 ? k + 2 : ssmq_figure_colour(rq, i);
            dash[f->n_series - 1] = 1 + (rq->n_run == 1 ? k / COLOURS : k);
        }
    if (rq->picture && f->n_series > PICTURE_LINES)
        return SSMQ_FAIL(USAGE, "%d lines are more than a picture shows; choose sites with --site", f->n_series);
    ssmq_figure_set_reals(f, "colour", colour, f->n_series);
    ssmq_figure_set_reals(f, "dashes", dash, f->n_series);
    return SSMQ_OK;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    const char        *name = rq->o->quantity ? rq->o->quantity : "absmax";
    const char *const *sites;
    SSMQ_TRY(ssmq_quantity_sites(rq, name, &sites));
    ssmq_figure_add_column(f, "site", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "layer", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, ssmq_arena_strdup(rq->arena, name), SSMQ_COLUMN_REAL);
    SSMQ_TRY(add_lines(rq, name, sites, f));
    ssmq_figure_title(rq, f, sites[1] ? "" : sites[0], -1);
    ssmq_figure_set_text(f, "quantity", name);
    ssmq_figure_set_text(f, "name", ssmq_quantity_label(name));
    ssmq_figure_set_real(f, "log_y", rq->o->log >= 0 && (rq->o->log & SSMQ_LOG_AXIS_Y));
    f->height_cm = 5.2 + 0.35 * f->n_series;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_layers = {
    .name = "layers",
    .takes = SSMQ_TAKES_SITE | SSMQ_TAKES_LOG | SSMQ_TAKES_QUANTITY | SSMQ_TAKES_INPUT,
    .build = build,
};
