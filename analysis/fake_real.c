/* fake-real: which share of a site's codes differs between fake and real mode, by site and layer.
 */
#include <math.h>
#include <string.h>
#include "analysis/kinds.h"
#include "harness/store/differences.h"

static ssmq_status read_run(const ssmq_figure_request *rq, const ssmq_figure_run *run,
                            ssmq_differences *out)
{
    if (!ssmq_differences_are_in(run->results))
        return ssmq_figure_lacks(run, "comparison of the modes",
                                 "compare: {against: [float, fake]}");
    return ssmq_differences_read(run->results, rq->arena, out);
}

/* Places of sites in the picture: those of the first run, then those that only others have. */
static int64_t place_of(const char **known, int32_t *n, const char *site)
{
    int32_t i = 0;
    while (i < *n && strcmp(known[i], site) != 0) i++;
    known[i] = site;
    if (i == *n) ++*n;
    return i;
}

static ssmq_status add_run(const ssmq_figure_run *run, const ssmq_differences *d,
                           const char **known, int32_t *n_known, double *most, ssmq_figure *f)
{
    SSMQ_TRY(ssmq_figure_begin_series(f, run->label));
    for (int64_t k = 0; k < d->n; k++) {
        const ssmq_difference_site *s = &d->site[k];
        const int64_t               place = place_of(known, n_known, s->name);
        SSMQ_TRY(ssmq_figure_reserve(f, s->n));
        for (int64_t i = 0; i < s->n; i++) {
            const double share = (double)s->at[i].n_differ / (double)s->at[i].n_values;
            ssmq_cell   *cell = ssmq_figure_run_row(f, run);
            *cell++ = SSMQ_TEXT_CELL(s->name);
            *cell++ = SSMQ_NUMBER_CELL(place);
            *cell++ = SSMQ_NUMBER_CELL(s->layer[i]);
            *cell++ = SSMQ_NUMBER_CELL(share);
#define X(name, long_name) *cell++ = SSMQ_NUMBER_CELL(s->at[i].name);
            SSMQ_DIFFERENCE_COUNTS(X)
#undef X
            *most = fmax(*most, share);
        }
    }
    return SSMQ_OK;
}

static void add_columns(ssmq_figure *f)
{
    ssmq_figure_add_column(f, "site", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "site_number", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "layer", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "share", SSMQ_COLUMN_REAL);
#define X(name, long_name) ssmq_figure_add_column(f, #name, SSMQ_COLUMN_INT);
    SSMQ_DIFFERENCE_COUNTS(X)
#undef X
}

/* Layers from the first to the last: -1 stands for those outside. */
static void set_layers(const ssmq_differences *d, double *first, double *last)
{
    for (int64_t k = 0; k < d->n; k++)
        for (int64_t i = 0; i < d->site[k].n; i++) {
            *first = fmin(*first, d->site[k].layer[i]);
            *last = fmax(*last, d->site[k].layer[i]);
        }
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    const char **known = SSMQ_ARENA_ARRAY(rq->arena, const char *, 256);
    int32_t      n = 0;
    double       most = 0, first = INFINITY, last = -INFINITY;
    add_columns(f);
    for (int32_t i = 0; i < rq->n_run; i++) {
        ssmq_differences d;
        SSMQ_TRY(read_run(rq, &rq->run[i], &d));
        if (n + d.n > 256)
            return SSMQ_FAIL(USAGE, "more than 256 sites are more than a figure shows");
        set_layers(&d, &first, &last);
        SSMQ_TRY(add_run(&rq->run[i], &d, known, &n, &most, f));
    }
    f->script = "heat";
    ssmq_figure_title(rq, f, "", -1);
    ssmq_figure_set_text(f, "quantity", "share");
    ssmq_figure_set_text(f, "name", "share of codes that differ");
    ssmq_figure_set_real(f, "least", 0);
    ssmq_figure_set_real(f, "most", most > 0 ? most : 1);
    ssmq_figure_set_real(f, "layer_first", first);
    ssmq_figure_set_real(f, "layer_last", last);
    ssmq_figure_set_real(f, "n_site", n);
    ssmq_figure_set_texts(f, "site_name", known, n);
    f->height_cm = 1.6 + (1.0 + 0.34 * n) * rq->n_run;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_fake_real = {
    .name = "fake-real", .takes = 0, .build = build};
