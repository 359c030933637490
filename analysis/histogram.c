/* histogram: how the values of a site are distributed, out of the float-bit bins, with the step of the codes
 * and where they end.  All runs are put into the same bins, so that densities compare. */
#include <math.h>
#include <string.h>
#include "analysis/kinds.h"
#include "analysis/rebin.h"

#define BINS 128
/* A logarithmic axis shows all but this share of the values that are not 0, and no more decades than this. */
#define HIDDEN_SHARE 1e-3
#define DECADES_MAX 6

static const ssmq_figure_need need = {
    .what = "histogram",
    .dataset = "hist",
    .setting = "collect: {statistics: {histogram: floatbits16}}",
};

/* Counts of one run in its own bins of magnitudes. */
typedef struct histogram_source {
    const double     *low, *high, *count[2]; /* [n]; count of values from 0 on, and below; NULL: none */
    int64_t           n;
    int32_t           layer;
    double            total;
    ssmq_figure_range range;
} histogram_source;

static ssmq_status read_bins(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                             histogram_source *out)
{
    const char *at[2];
    double     *value[2];
    int64_t     n[2];
    for (int i = 0; i < 2; i++) {
        at[i] = ssmq_arena_printf(rq->arena, "/sites/%s/%s", site, i ? "bin_hi" : "bin_lo");
        SSMQ_TRY(ssmq_sealed_vector(run->results, at[i], rq->arena, &value[i], &n[i]));
    }
    bool fine = n[0] == n[1] && n[0] > 0;
    for (int64_t b = 0; b < n[0] && fine; b++)
        fine = value[0][b] < value[1][b] && (b == 0 || value[0][b] >= value[1][b - 1]);
    if (!fine)
        return SSMQ_FAIL(DAMAGED, "%s: %s and %s are no bins", ssmq_sealed_path(run->results), at[0], at[1]);
    *out = (histogram_source){.low = value[0], .high = value[1], .n = n[0]};
    return SSMQ_OK;
}

static ssmq_status read_counts(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *dataset,
                               int32_t layer, histogram_source *s, int half)
{
    double *count;
    int64_t index, n;
    SSMQ_TRY(ssmq_figure_check_axes(run, dataset, 2, (const int64_t[]){-1, s->n}));
    SSMQ_TRY(ssmq_figure_layer_index(run, dataset, layer, rq->arena, &index, &s->layer));
    SSMQ_TRY(ssmq_figure_slice(run, dataset, index, rq->arena, &count, &n));
    for (int64_t i = 0; i < n; i++) s->total += count[i];
    s->count[half] = count;
    return SSMQ_OK;
}

static ssmq_status read_source(const ssmq_figure_request *rq, const ssmq_figure_run *run,
                               const ssmq_figure_subject *subject, histogram_source *out)
{
    const char *positive;
    SSMQ_TRY(ssmq_figure_dataset(run, subject->site, &need, rq->arena, &positive));
    const char *negative = ssmq_figure_optional(run, subject->site, "hist_neg", rq->arena);
    SSMQ_TRY(read_bins(rq, run, subject->site, out));
    SSMQ_TRY(read_counts(rq, run, positive, subject->layer, out, 0));
    if (negative) SSMQ_TRY(read_counts(rq, run, negative, subject->layer, out, 1));
    if (out->total == 0)
        return SSMQ_FAIL(INPUT, "%s: %s was not collected in layer %d", ssmq_sealed_path(run->results),
                         subject->site, out->layer);
    return ssmq_figure_range_of(run, subject->site, out->layer, rq->arena, &out->range);
}

/* ---- bins that all runs share ----------------------------------------------------------- */

/* The end of the highest bin of a half that holds something, over all runs; 0: none does. */
static double farthest(const histogram_source *s, int32_t n_source, int half)
{
    double end = 0;
    for (int32_t k = 0; k < n_source; k++)
        for (int64_t b = 0; s[k].count[half] && b < s[k].n; b++)
            if (s[k].count[half][b] > 0) end = fmax(end, s[k].high[b]);
    return end;
}

/* Where a logarithmic axis begins: the lowest bin, of any run, below which there is not too little. */
static double log_floor(const histogram_source *s, int32_t n_source, double end)
{
    double floor = end;
    for (int32_t k = 0; k < n_source; k++) {
        double below = 0, all = 0;
        for (int64_t b = 0; b < s[k].n; b++)
            if (s[k].low[b] > 0) all += s[k].count[0][b] + (s[k].count[1] ? s[k].count[1][b] : 0);
        for (int64_t b = 0; b < s[k].n; b++) {
            if (s[k].low[b] <= 0) continue;
            below += s[k].count[0][b] + (s[k].count[1] ? s[k].count[1][b] : 0);
            if (below <= HIDDEN_SHARE * all) continue;
            floor = fmin(floor, s[k].low[b]);
            break;
        }
    }
    return fmax(floor, end * pow(10, -DECADES_MAX));
}

typedef struct histogram_edges {
    double *edge; /* [n + 1], ascending */
    int32_t n;
    double  floor; /* where logarithmic bins begin; 0: they are linear */
} histogram_edges;

static histogram_edges make_edges(const ssmq_figure_request *rq, const histogram_source *s, bool log)
{
    const double    high = farthest(s, rq->n_run, 0), low = farthest(s, rq->n_run, 1);
    const int32_t   bins = rq->o->bins > 0 ? rq->o->bins : BINS;
    histogram_edges e = {.edge = SSMQ_ARENA_ARRAY(rq->arena, double, bins + 5)};
    if (!log) {
        e.n = bins;
        ssmq_linear_edges(-low, high, bins, e.edge);
        return e;
    }
    e.floor = log_floor(s, rq->n_run, fmax(low, high));
    const int32_t half = bins / (low > 0 && high > 0 ? 2 : 1);
    if (low > e.floor) {
        ssmq_log_edges(e.floor, low, half, e.edge);
        for (int32_t i = 0; i <= half / 2; i++) {
            const double swap = e.edge[i];
            e.edge[i] = -e.edge[half - i];
            e.edge[half - i] = -swap;
        }
        e.n = half + 1;
    } else if (low > 0) {
        e.edge[0] = -low;
        e.n = 1;
    }
    e.edge[e.n] = 0;
    if (high > e.floor) {
        ssmq_log_edges(e.floor, high, half, &e.edge[e.n + 1]);
        e.n += half + 1;
    } else if (high > 0) {
        e.edge[++e.n] = high;
    }
    return e;
}

/* ---- the table -------------------------------------------------------------------------- */

static void rebin(const histogram_source *s, const histogram_edges *e, double *out)
{
    memset(out, 0, sizeof *out * (size_t)e->n);
    for (int64_t b = s->n; b-- > 0;)
        if (s->count[1] && s->count[1][b] > 0)
            ssmq_rebin(-s->high[b], -s->low[b], s->count[1][b], e->edge, e->n, out);
    for (int64_t b = 0; b < s->n; b++)
        if (s->count[0][b] > 0) ssmq_rebin(s->low[b], s->high[b], s->count[0][b], e->edge, e->n, out);
}

/* Share of the values for each unit of x, or for each decade of |x|. */
static double density(double count, double total, double low, double high, bool log)
{
    if (!log) return count / total / (high - low);
    return low == 0 || high == 0 ? NAN : count / total / fabs(log10(high / low));
}

static ssmq_status add_rows(const ssmq_figure_request *rq, const ssmq_figure_run *run, const char *site,
                            const histogram_source *s, const histogram_edges *e, ssmq_figure *f)
{
    double *count = SSMQ_ARENA_ARRAY(rq->arena, double, e->n);
    rebin(s, e, count);
    SSMQ_TRY(ssmq_figure_begin_series(f, run->label));
    SSMQ_TRY(ssmq_figure_reserve(f, e->n));
    for (int32_t i = 0; i < e->n; i++) {
        const double low = e->edge[i], high = e->edge[i + 1];
        ssmq_cell   *cell = ssmq_figure_run_row(f, run);
        cell[0] = SSMQ_TEXT_CELL(site);
        cell[1] = SSMQ_NUMBER_CELL(s->layer);
        cell[2] = SSMQ_NUMBER_CELL(low);
        cell[3] = SSMQ_NUMBER_CELL(high);
        cell[4] = SSMQ_NUMBER_CELL(count[i]);
        cell[5] = SSMQ_NUMBER_CELL(density(count[i], s->total, low, high, e->floor > 0));
        cell[6] = SSMQ_NUMBER_CELL(s->range.scale);
        cell[7] = SSMQ_NUMBER_CELL(s->range.clip_low);
        cell[8] = SSMQ_NUMBER_CELL(s->range.clip_high);
    }
    return SSMQ_OK;
}

/* The least density but 0, so that a logarithmic axis has somewhere to end, and the greatest, which both
 * parts of an axis of two signs reach up to. */
static void density_range(const ssmq_figure *f, double *least, double *most)
{
    const int32_t column = ssmq_figure_column(f, "density");
    *least = INFINITY;
    *most = 0;
    for (int64_t i = 0; i < f->n_row; i++) {
        const double d = f->cell[i * f->n_column + column].number;
        if (d > 0) *least = fmin(*least, d);
        if (d > 0) *most = fmax(*most, d);
    }
}

static void put_settings(const ssmq_figure_request *rq, const histogram_source *s, const histogram_edges *e,
                         const char *site, ssmq_figure *f)
{
    const int axes = rq->o->log < 0 ? SSMQ_LOG_AXIS_Y : rq->o->log;
    double   *mark[3], least, most;
    density_range(f, &least, &most);
    for (int k = 0; k < 3; k++) mark[k] = SSMQ_ARENA_ARRAY(rq->arena, double, rq->n_run);
    for (int32_t i = 0; i < rq->n_run; i++) {
        mark[0][i] = s[i].range.scale;
        mark[1][i] = s[i].range.clip_low;
        mark[2][i] = s[i].range.clip_high;
    }
    ssmq_figure_set_text(f, "site", site);
    ssmq_figure_set_reals(f, "scale", mark[0], rq->n_run);
    ssmq_figure_set_reals(f, "clip_low", mark[1], rq->n_run);
    ssmq_figure_set_reals(f, "clip_high", mark[2], rq->n_run);
    ssmq_figure_set_real(f, "log_y", (axes & SSMQ_LOG_AXIS_Y) != 0);
    ssmq_figure_set_real(f, "floor_x", e->floor);
    ssmq_figure_set_real(f, "min_x", e->edge[0]);
    ssmq_figure_set_real(f, "max_x", e->edge[e->n]);
    ssmq_figure_set_real(f, "least", least);
    ssmq_figure_set_real(f, "most", most);
    f->height_cm = 5.7 + 0.29 * rq->n_run;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    static const char *const reals[] = {"low", "high", "count", "density", "scale", "clip_low", "clip_high"};
    ssmq_figure_subject      subject;
    histogram_source        *s = SSMQ_ARENA_ARRAY(rq->arena, histogram_source, rq->n_run);
    SSMQ_TRY(ssmq_figure_subject_of(rq, &need, &subject));
    for (int32_t i = 0; i < rq->n_run; i++) SSMQ_TRY(read_source(rq, &rq->run[i], &subject, &s[i]));
    const bool            log = rq->o->log >= 0 && (rq->o->log & SSMQ_LOG_AXIS_X);
    const histogram_edges e = make_edges(rq, s, log);
    ssmq_figure_add_column(f, "site", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "layer", SSMQ_COLUMN_INT);
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        ssmq_figure_add_column(f, reals[i], SSMQ_COLUMN_REAL);
    for (int32_t i = 0; i < rq->n_run; i++) SSMQ_TRY(add_rows(rq, &rq->run[i], subject.site, &s[i], &e, f));
    ssmq_figure_title(rq, f, subject.site, s[0].layer);
    put_settings(rq, s, &e, subject.site, f);
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_histogram = {
    .name = "histogram",
    .takes = SSMQ_TAKES_SITE | SSMQ_TAKES_LAYER | SSMQ_TAKES_LOG | SSMQ_TAKES_BINS,
    .build = build,
};
