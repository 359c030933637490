/* outliers: which channels stand out in each layer, by how much, and whether they are the same ones in every
 * sample and in other layers; with the kurtosis of the site. */
#include <math.h>
#include <string.h>
#include "analysis/quantity.h"

static const ssmq_figure_need need = {
    .what = "list of top channels",
    .dataset = "top/channel",
    .setting = "collect: {statistics: {top_channels: 16}}",
};

typedef struct outlier_table {
    double       *channel, *absmax, *share, *persistence; /* [n_layer, n_rank] */
    double       *layer;
    int64_t       n_layer, n_rank;
    ssmq_quantity kurtosis; /* of the site, by layer; n 0: not stored */
} outlier_table;

static ssmq_status read_ranks(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                              const char *name, const outlier_table *t, double **out)
{
    const char *path = ssmq_figure_optional(run, site, name, rq->arena);
    *out = SSMQ_ARENA_ARRAY(rq->arena, double, t->n_layer * t->n_rank);
    for (int64_t i = 0; i < t->n_layer * t->n_rank; i++) (*out)[i] = NAN;
    if (!path) return SSMQ_OK;
    SSMQ_TRY(ssmq_figure_check_axes(run, path, 2, (const int64_t[]){t->n_layer, t->n_rank}));
    return ssmq_sealed_block(run->results, path, (const int64_t[]){0, 0},
                             (const int64_t[]){t->n_layer, t->n_rank}, *out);
}

static ssmq_status read_table(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                              outlier_table *out)
{
    const char *path;
    ssmq_extent extent;
    SSMQ_TRY(ssmq_figure_dataset(run, site, &need, rq->arena, &path));
    SSMQ_TRY(ssmq_figure_check_axes(run, path, 2, (const int64_t[]){-1, -1}));
    SSMQ_TRY(ssmq_sealed_extent(run->results, path, &extent));
    out->n_rank = extent.dim[1];
    SSMQ_TRY(ssmq_figure_layers(run, path, rq->arena, &out->layer, &out->n_layer));
    SSMQ_TRY(read_ranks(rq, run, site, "top/channel", out, &out->channel));
    SSMQ_TRY(read_ranks(rq, run, site, "top/absmax", out, &out->absmax));
    SSMQ_TRY(read_ranks(rq, run, site, "top/share", out, &out->share));
    SSMQ_TRY(read_ranks(rq, run, site, "top/persistence", out, &out->persistence));
    return ssmq_quantity_read(rq, run, site, "kurtosis", &out->kurtosis);
}

/* ---- the table -------------------------------------------------------------------------- */

/* Is a channel among the first ranks of a layer: 1 or 0; NaN where there is none, or it was not looked at. */
static double is_among(const outlier_table *t, int64_t layer, int64_t ranks, double channel)
{
    if (layer < 0 || layer >= t->n_layer || t->channel[layer * t->n_rank] < 0) return NAN;
    for (int64_t r = 0; r < ranks; r++)
        if (t->channel[layer * t->n_rank + r] == channel) return 1;
    return 0;
}

/* The share of layers, of those that were looked at, in which it is. */
static double among_layers(const outlier_table *t, int64_t ranks, double channel)
{
    double n = 0, sum = 0;
    for (int64_t l = 0; l < t->n_layer; l++) {
        const double among = is_among(t, l, ranks, channel);
        n += !isnan(among);
        sum += among > 0;
    }
    return sum / n;
}

static void put_row(const char *site, const outlier_table *t, int64_t layer, int64_t rank, int64_t ranks,
                    ssmq_cell *cell)
{
    const int64_t at = layer * t->n_rank + rank;
    cell[0] = SSMQ_TEXT_CELL(site);
    cell[1] = SSMQ_NUMBER_CELL(t->layer[layer]);
    cell[2] = SSMQ_NUMBER_CELL(rank);
    cell[3] = SSMQ_NUMBER_CELL(t->channel[at]);
    cell[4] = SSMQ_NUMBER_CELL(t->absmax[at]);
    cell[5] = SSMQ_NUMBER_CELL(t->share[at]);
    cell[6] = SSMQ_NUMBER_CELL(t->persistence[at]);
    cell[7] = SSMQ_NUMBER_CELL(among_layers(t, ranks, t->channel[at]));
    cell[8] = SSMQ_NUMBER_CELL(is_among(t, layer - 1, ranks, t->channel[at]));
    cell[9] = SSMQ_NUMBER_CELL(is_among(t, layer + 1, ranks, t->channel[at]));
    cell[10] = SSMQ_NUMBER_CELL(t->kurtosis.n == t->n_layer ? t->kurtosis.value[layer] : NAN);
}

static ssmq_status add_rows(const ssmq_figure_request *rq, const ssmq_figure_run *run,
                            const ssmq_figure_subject *subject, const outlier_table *t, ssmq_figure *f)
{
    const int64_t ranks = rq->o->top > 0 && rq->o->top < t->n_rank ? rq->o->top : t->n_rank;
    bool          any = false;
    SSMQ_TRY(ssmq_figure_begin_series(f, run->label));
    SSMQ_TRY(ssmq_figure_reserve(f, t->n_layer * ranks));
    for (int64_t l = 0; l < t->n_layer; l++) {
        if (subject->layer >= 0 && t->layer[l] != subject->layer) continue;
        for (int64_t r = 0; r < ranks; r++) {
            if (t->channel[l * t->n_rank + r] < 0) continue; /* fewer channels than ranks */
            put_row(subject->site, t, l, r, ranks, ssmq_figure_run_row(f, run));
            any = true;
        }
    }
    if (any) return SSMQ_OK;
    return SSMQ_FAIL(INPUT, "%s: %s was not collected in layer %d", ssmq_sealed_path(run->results),
                     subject->site, subject->layer);
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    static const char *const columns[] = {"layer",   "rank",        "channel",           "absmax",
                                          "share",   "persistence", "layer_persistence", "in_previous",
                                          "in_next", "kurtosis"};
    static const bool        whole[] = {true, true, true, false, false, false, false, true, true, false};
    ssmq_figure_subject      subject;
    outlier_table            t;
    double                   kurtosis = 0, width = 0;
    bool                     persistence = false;
    SSMQ_TRY(ssmq_figure_subject_of(rq, &need, &subject));
    ssmq_figure_add_column(f, "site", SSMQ_COLUMN_TEXT);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        ssmq_figure_add_column(f, columns[i], whole[i] ? SSMQ_COLUMN_INT : SSMQ_COLUMN_REAL);
    for (int32_t i = 0; i < rq->n_run; i++) {
        SSMQ_TRY(read_table(rq, &rq->run[i], subject.site, &t));
        SSMQ_TRY(add_rows(rq, &rq->run[i], &subject, &t, f));
        for (int64_t k = 0; k < t.n_layer * t.n_rank; k++) {
            width = fmax(width, t.channel[k]);
            persistence |= !isnan(t.persistence[k]);
        }
        for (int64_t k = 0; k < t.kurtosis.n; k++) kurtosis = fmax(kurtosis, t.kurtosis.value[k]);
    }
    ssmq_figure_title(rq, f, subject.site, subject.layer);
    ssmq_figure_set_real(f, "channel_last", width);
    ssmq_figure_set_real(f, "kurtosis_most", kurtosis);
    ssmq_figure_set_real(f, "with_persistence", persistence);
    f->height_cm = 4.4 + 3.2 * rq->n_run;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_outliers = {
    .name = "outliers",
    .takes = SSMQ_TAKES_SITE | SSMQ_TAKES_LAYER | SSMQ_TAKES_TOP,
    .build = build,
};
