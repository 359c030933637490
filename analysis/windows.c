/* windows: what a model loses in each window of an evaluation, and against float. */
#include <math.h>
#include <string.h>
#include "analysis/evaluation.h"

/* The columns, the dataset of each, what it is called, and what makes it. */
enum { DIFFERENCE, NLL, NLL_FLOAT, KL, DELTA_P, TOP1, FIGURES };
static const char *const datasets[] = {"window_nll_float", "window_nll",     "window_nll_float",
                                       "window_kl",        "window_delta_p", "window_top1"};
static const char *const metrics[FIGURES + 1] = {"difference", "nll",  "nll_float", "kl",
                                                 "delta_p",    "top1", NULL};
static const char *const labels[] = {"loss less that of float (nat)",
                                     "loss (nat)",
                                     "loss of float (nat)",
                                     "KL from float (nat)",
                                     "change of the target's probability",
                                     "top-1 agreement with float"};

static ssmq_status find_metric(const ssmq_figure_request *rq, int *out)
{
    const char *name = rq->o->metric ? rq->o->metric : metrics[DIFFERENCE];
    for (*out = 0; *out < FIGURES; ++*out)
        if (strcmp(metrics[*out], name) == 0) return SSMQ_OK;
    return SSMQ_FAIL(USAGE, "no metric of windows has the name '%s'; there are %s", name,
                     ssmq_option_words(rq->arena, metrics));
}

/* NULL where the run has none. */
static ssmq_status read_figures(const ssmq_figure_evaluation *e, ssmq_arena *arena, double *out[FIGURES])
{
    for (int k = 0; k < FIGURES; k++)
        SSMQ_TRY(ssmq_figure_evaluation_read(e, datasets[k], e->n, arena, &out[k]));
    for (int64_t i = 0; out[DIFFERENCE] && i < e->n; i++)
        out[DIFFERENCE][i] = out[NLL][i] - out[NLL_FLOAT][i];
    return SSMQ_OK;
}

static ssmq_status read_subsets(const ssmq_figure_evaluation *e, ssmq_arena *arena, const char *const **out)
{
    const char *path = ssmq_arena_printf(arena, "/eval/%s/window_subset", e->id);
    int64_t     n;
    *out = NULL;
    if (!ssmq_sealed_has(e->run->results, path)) return SSMQ_OK;
    SSMQ_TRY(ssmq_sealed_texts(e->run->results, path, arena, out, &n));
    if (n == e->n) return SSMQ_OK;
    return SSMQ_FAIL(DAMAGED, "%s: %s has another shape than the layout says",
                     ssmq_sealed_path(e->run->results), path);
}

static double mean_of(const ssmq_figure_evaluation *e, const double *value)
{
    double sum = 0, tokens = 0;
    for (int64_t i = 0; i < e->n; i++) {
        sum += e->tokens[i] > 0 ? e->tokens[i] * value[i] : 0; /* a window without tokens has no loss */
        tokens += e->tokens[i];
    }
    return sum / tokens;
}

static ssmq_status add_rows(const ssmq_figure_request *rq, const ssmq_figure_evaluation *e, int metric,
                            ssmq_figure *f, double *mean)
{
    double            *value[FIGURES], *document;
    const char *const *subset;
    SSMQ_TRY(read_figures(e, rq->arena, value));
    SSMQ_TRY(read_subsets(e, rq->arena, &subset));
    SSMQ_TRY(ssmq_figure_evaluation_read(e, "window_document", e->n, rq->arena, &document));
    if (!value[metric])
        return ssmq_figure_lacks(e->run, ssmq_arena_printf(rq->arena, "%s of windows", metrics[metric]),
                                 metric < KL ? "compare: {}" : "compare: {metrics: [kl, delta-p, top1]}");
    SSMQ_TRY(ssmq_figure_begin_series(f, e->run->label));
    SSMQ_TRY(ssmq_figure_reserve(f, e->n));
    for (int64_t i = 0; i < e->n; i++) {
        ssmq_cell *cell = ssmq_figure_run_row(f, e->run);
        cell[0] = SSMQ_TEXT_CELL(e->id);
        cell[1] = SSMQ_NUMBER_CELL(i);
        cell[2] = SSMQ_NUMBER_CELL(document ? document[i] : (double)NAN);
        cell[3] = SSMQ_TEXT_CELL(subset ? subset[i] : "");
        cell[4] = SSMQ_NUMBER_CELL(e->tokens[i]);
        for (int k = 0; k < FIGURES; k++)
            cell[5 + k] = SSMQ_NUMBER_CELL(value[k] ? value[k][i] : (double)NAN);
    }
    *mean = mean_of(e, value[metric]);
    return SSMQ_OK;
}

static ssmq_status build(const ssmq_figure_request *rq, ssmq_figure *f)
{
    ssmq_figure_evaluation *e;
    int                     metric;
    double                 *mean = SSMQ_ARENA_ARRAY(rq->arena, double, rq->n_run);
    SSMQ_TRY(find_metric(rq, &metric));
    SSMQ_TRY(ssmq_figure_evaluations(rq, &e));
    ssmq_figure_add_column(f, "evaluation", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "window", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "document", SSMQ_COLUMN_INT);
    ssmq_figure_add_column(f, "subset", SSMQ_COLUMN_TEXT);
    ssmq_figure_add_column(f, "tokens", SSMQ_COLUMN_INT);
    for (int k = 0; k < FIGURES; k++) ssmq_figure_add_column(f, metrics[k], SSMQ_COLUMN_REAL);
    for (int32_t i = 0; i < rq->n_run; i++) SSMQ_TRY(add_rows(rq, &e[i], metric, f, &mean[i]));
    ssmq_figure_evaluation_title(rq, &e[0], f);
    ssmq_figure_set_text(f, "quantity", metrics[metric]);
    ssmq_figure_set_text(f, "name", labels[metric]);
    ssmq_figure_set_reals(f, "mean", mean, rq->n_run);
    ssmq_figure_set_real(f, "log_y", rq->o->log >= 0 && (rq->o->log & SSMQ_LOG_AXIS_Y));
    f->height_cm = 5.2 + 0.3 * rq->n_run;
    return SSMQ_OK;
}

const ssmq_figure_kind ssmq_figure_kind_windows = {
    .name = "windows",
    .takes = SSMQ_TAKES_METRIC | SSMQ_TAKES_LOG,
    .build = build,
};
